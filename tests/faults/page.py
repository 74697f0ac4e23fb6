"""Make ``docs/reference/faults.md``: ``python -m tests.faults.page``."""

import ast
import functools
from collections import defaultdict
from pathlib import Path

from .catalogue import FAULTS

__all__ = ["PAGE", "TESTS", "tests_by_fault", "write_page"]

TESTS = Path(__file__).parents[1]
PAGE = TESTS.parent / "docs" / "reference" / "faults.md"

HEAD = """# Faults

What is promised when something breaks, and the test that breaks it. SAFE means: nothing
moves, the probe is withdrawn, the cell is at its safe potential, nothing is applied.
This page is made from `tests` by `python -m tests.faults.page`.

| | fault | promise | test |
|--:|---|---|---|
"""


@functools.cache
def tests_by_fault(folder: Path) -> dict[int, list[str]]:
    """Find the tests that are marked ``fault(number, ...)``, as ``file::test``."""
    found = defaultdict(list)
    for path in sorted(folder.rglob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                for number in _numbers(node):
                    found[number].append(f"{path.name}::{node.name}")
    return dict(found)


def _numbers(test: ast.FunctionDef) -> list[int]:
    return [
        ast.literal_eval(argument)
        for mark in test.decorator_list
        if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "pytest.mark.fault"
        for argument in mark.args
    ]


def write_page(folder: Path) -> str:
    """Write the page as it should be."""
    tests = tests_by_fault(folder)
    lines = [
        f"| {number} | {fault.name} | {fault.promise} "
        f"| {'<br>'.join(f'`{test}`' for test in tests.get(number, []))} |"
        for number, fault in FAULTS.items()
    ]
    return HEAD + "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(write_page(TESTS))
