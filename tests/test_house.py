"""The house stays one of small rooms: short functions, short files."""

import ast
import statistics
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SOURCES = sorted(
    {
        path.resolve()  # plans and sim_devices are found by their links, too
        for folder in ("plans", "seccm_ophyd", "sim_devices")
        for path in (ROOT / folder).rglob("*.py")
    }
)
LONGEST, MEDIAN = 60, 140


def functions(source):
    """Give each function with its length, lines of its docstring left out."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = node.end_lineno - node.lineno + 1
            if ast.get_docstring(node) is not None:
                docstring = node.body[0]
                length -= docstring.end_lineno - docstring.lineno + 1
            yield node.name, length


def test_no_function_is_long():
    assert len(SOURCES) > 150
    long = [
        f"{path.relative_to(ROOT)}: {name} has {length} lines"
        for path in SOURCES
        for name, length in functions(path.read_text())
        if length > LONGEST
    ]
    assert long == []


def test_half_of_the_files_are_short():
    lengths = [len(path.read_text().splitlines()) for path in SOURCES]
    assert statistics.median(lengths) <= MEDIAN


@pytest.mark.parametrize(
    ("source", "length"),
    [
        ("def f():\n    '''It\n    does.\n    '''\n    return 1\n", 2),
        ("class C:\n    async def f(self):\n        pass\n        pass\n", 3),
    ],
)
def test_a_docstring_is_not_counted(source, length):
    assert list(functions(source)) == [("f", length)]
