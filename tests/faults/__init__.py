"""What the package promises when something breaks, one test or more for each fault.

`catalogue.FAULTS` numbers the faults; a test says with ``@pytest.mark.fault(number)``
which of them it injects. ``docs/reference/faults.md`` is made from both.
"""
