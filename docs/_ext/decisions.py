"""``decisions``: the index of the decision pages, with the status and date of each.

A page begins with its title, ``# 4 A hop is atomic``, and its status on a line of its
own: ``*Accepted, 2026-11-22.*``, or ``*Replaced by 23, 2026-11-30.*``.
"""

import re
from pathlib import Path
from typing import NamedTuple

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

__all__ = ["Decision", "read_decision", "setup"]

FOLDER = Path(__file__).parents[1] / "explanations" / "decisions"
HEAD = re.compile(
    r"# (?P<number>\d+) (?P<title>.+)\n\n"
    r"\*(?P<status>[A-Z][^*]*), (?P<date>\d{4}-\d\d-\d\d)\.\*\n"
)


class Decision(NamedTuple):
    """What the index shows of a page."""

    page: str
    number: int
    title: str
    status: str
    date: str


def read_decision(path: Path) -> Decision:
    """Read the head of a page.

    Raises
    ------
    ValueError
        If it does not begin with its number, title, status and date.
    """
    head = HEAD.match(path.read_text())
    if head is None:
        raise ValueError(
            f"{path.name} must begin with '# NUMBER TITLE', an empty line, and "
            "'*Accepted, YEAR-MONTH-DAY.*'"
        )
    return Decision(
        path.stem, int(head["number"]), head["title"], head["status"], head["date"]
    )


class Decisions(SphinxDirective):
    """A table of all decisions, the newest first."""

    def run(self) -> list[nodes.Node]:
        """Give the table."""
        rows = []
        for path in sorted(FOLDER.glob("[0-9]*.md"), reverse=True):
            self.env.note_dependency(str(path))
            try:
                row = read_decision(path)
            except ValueError as error:
                return [self.state.document.reporter.warning(str(error))]
            link = f"[{row.title}]({row.page}.md)"
            rows.append(f"| {row.number} | {link} | {row.status} | {row.date} |")
        head = "| | decision | status | date |\n|--:|---|---|---|"
        table = nodes.container(classes=["decisions"])
        table += self.parse_text_to_nodes("\n".join([head, *rows]))
        return [table]


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directive."""
    app.add_directive("decisions", Decisions)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
