"""How long things take: ``python -m benchmarks``, or ``make bench``.

Each module measures one part and offers ``measure(repeats) -> list[Result]``;
`benchmarks.__main__` collects them.
"""
