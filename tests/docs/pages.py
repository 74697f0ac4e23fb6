"""Run the code blocks of a Markdown page from top to bottom, as a reader would.

================================  ====================================================
block                             what is done with it
================================  ====================================================
``python``                        runs; what a last expression gives is shown, as in
                                  IPython
``bash``                          runs, in a private folder
``text`` right after one         compared with what came; ``...`` stands for anything
``{code-block}`` with a caption   becomes the file of that name
no language                       is no code: a listing, a message
================================  ====================================================

``<!-- skip: next "why" -->`` before a block that cannot run says why. The prefix
``LAB:`` becomes a unique one.
"""

import ast
import contextlib
import doctest
import io
import os
import re
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterable
from pathlib import Path
from unittest import SkipTest

from sybil import Document, Example, Region
from sybil.parsers.markdown.lexers import FencedCodeBlockLexer
from sybil.parsers.myst import SkipParser
from sybil.parsers.myst.lexers import DirectiveLexer

__all__ = ["ROOT", "Page", "pages"]

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
CODE = re.compile(r"^```(python|bash|\{code-block\})", re.MULTILINE)
PREFIX = "LAB:"
BASH_TIMEOUT_S = 120


def pages() -> list[str]:
    """Name the pages that have code, relative to the root."""
    found = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *ROOT.glob("docs/**/*.md")]
    ours = (path.relative_to(ROOT) for path in found if "_build" not in path.parts)
    return sorted(str(path) for path in ours if CODE.search((ROOT / path).read_text()))


class Page:
    """A page whose blocks are run.

    Parameters
    ----------
    name
        Of the page, relative to the root.
    folder
        Where its commands run and its files go.
    names
        What Python knows at the start.
    environment
        Variables for the shell.
    """

    def __init__(self, name, folder, names, environment):
        self.name, self.folder, self._names = name, folder, {"__name__": "page"}
        self._names |= names
        self._prefix = f"LAB{uuid.uuid4().hex[:6]}:"
        self._environment = {
            **os.environ,
            **environment,
            "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
            "COLUMNS": "88",
        }
        self._groups: list[int] = []
        self._last: tuple[int, str] | None = None  # where a block ended, what it said
        self.document = Document.parse(
            str(ROOT / name), SkipParser(), self._blocks, self._files
        )

    def _blocks(self, document: Document) -> Iterable[Region]:
        for lexed in FencedCodeBlockLexer("[a-z]+")(document):
            yield Region(
                lexed.start,
                lexed.end,
                (lexed.lexemes["language"], str(lexed.lexemes["source"])),
                self._evaluate,
            )

    def _files(self, document: Document) -> Iterable[Region]:
        for lexed in DirectiveLexer("code-block")(document):
            name = lexed.lexemes["options"]["caption"]
            parsed = ("file", name, str(lexed.lexemes["source"]))
            yield Region(lexed.start, lexed.end, parsed, self._evaluate)

    def run(self) -> None:
        """Run all blocks; fail with the line of the first that is not as it says."""
        try:
            for example in self.document.examples():
                with contextlib.suppress(SkipTest):
                    example.evaluate()
        finally:
            self._end_commands()

    def _evaluate(self, example: Example) -> str | None:
        kind, *parsed = example.parsed
        where = f"{self.name}:{example.line}"
        match kind:
            case "file":
                name, text = parsed
                (self.folder / name).write_text(self._own(text))
                return None
            case "text":
                return self._compare(example, self._own(parsed[0]), where)
            case "python":
                said = self._python(self._own(parsed[0]), example.line)
            case "bash":
                said = self._bash(self._own(parsed[0]), where)
            case _:
                raise ValueError(
                    f"{where}: a block of {kind} neither runs nor is a file: give it "
                    "a caption, no language, or a reason to skip it"
                )
        self._last = example.region.end, said
        return None

    def _own(self, text: str) -> str:
        return text.replace(PREFIX, self._prefix)

    def _compare(self, example: Example, shown: str, where: str) -> str | None:
        end, said = self._last or (0, "")
        between = example.document.text[end : example.region.start]
        if self._last is None or between.strip():
            raise ValueError(f"{where}: a block of text follows the one that prints it")
        checker = doctest.OutputChecker()
        if checker.check_output(shown, said, FLAGS):
            return None
        return f"{where} shows\n{shown}\nbut this came:\n{said}"

    def _python(self, source: str, line: int) -> str:
        """Run Python; returns what it prints, and shows."""
        tree = ast.parse("\n" * line + source, self.name)
        last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed), contextlib.chdir(self.folder):
            exec(compile(tree, self.name, "exec"), self._names)
            if last is not None:
                code = compile(ast.Expression(last.value), self.name, "eval")
                value = eval(code, self._names)
                if value is not None:
                    print(repr(value))
        return printed.getvalue()

    def _bash(self, source: str, where: str) -> str:
        """Run commands in a shell; what they leave running ends with the page."""
        output = self.folder / f".output-{len(self._groups)}"
        errors = output.with_suffix(".errors")
        with output.open("wb") as stream, errors.open("wb") as error_stream:
            process = subprocess.Popen(
                ["bash", "-e", "-o", "pipefail", "-c", source],
                cwd=self.folder,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=error_stream,
                start_new_session=True,
            )
        self._groups.append(process.pid)
        try:
            code = process.wait(BASH_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            code = process.wait()
        said = output.read_text()
        assert code == 0, f"{where} ended with {code}:\n{said}{errors.read_text()}"
        return said

    def _end_commands(self) -> None:
        for group in self._groups:
            for number, wait_s in ((signal.SIGTERM, 5.0), (signal.SIGKILL, 1.0)):
                if _ended(group, number, wait_s):
                    break


def _ended(group: int, number: int, wait_s: float) -> bool:
    """Send a signal to a group of processes, and wait until none is left."""
    deadline = time.monotonic() + wait_s
    try:
        os.killpg(group, number)
        while time.monotonic() < deadline:
            os.killpg(group, 0)
            time.sleep(0.05)
    except ProcessLookupError:
        return True
    return False
