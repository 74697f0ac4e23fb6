"""How long things take: ``python -m benchmarks``, or ``make bench``.

`physics`, `reading`, `hops` and `adaptive` measure one part each and offer ``measure()
-> list[Result]``; `benchmarks.__main__` collects them. `scaling` draws how costs grow
with the number of hops; `soak` looks for what grows and should not.
"""

import seccm_ophyd  # noqa: F401  ahead of ophyd: it chooses the EPICS layer
