"""What the paper says, what was obtained, and whether the two agree."""

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

__all__ = ["Row", "format_table", "write_json"]

_WIDTHS = (7, 46, 12, 12, 17)


@dataclass(frozen=True)
class Row:
    """One quantity of a figure.

    Parameters
    ----------
    figure
        Figure of the paper, e.g. ``2a``.
    quantity
        What it is.
    unit
        Its unit, empty for a plain number.
    paper
        What the paper says, in a few words.
    obtained
        What came out of the stored runs.
    low, high
        Band in which it agrees; infinite where one side is open.
    """

    figure: str
    quantity: str
    unit: str
    paper: str
    obtained: float
    low: float = -math.inf
    high: float = math.inf

    @property
    def ok(self) -> bool:
        """Whether it lies in its band; NaN does not."""
        return self.low <= self.obtained <= self.high

    @property
    def band(self) -> str:
        """The band as a reader expects it."""
        if math.isinf(self.high):
            return f"> {self.low:.3g}"
        if math.isinf(self.low):
            return f"< {self.high:.3g}"
        return f"{self.low:.3g} to {self.high:.3g}"

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON knows it: an open side is null."""
        values = {**asdict(self), "ok": self.ok}
        return {
            key: None
            if isinstance(value, float) and not math.isfinite(value)
            else value
            for key, value in values.items()
        }


def format_table(rows: Sequence[Row]) -> str:
    """Write rows as a table for the terminal.

    Parameters
    ----------
    rows
        In the order in which they are shown.

    Returns
    -------
    str
        A line for each row, with a heading and a last line that counts.
    """
    heads = ("figure", "quantity", "paper", "obtained", "band")
    lines = [_line(*heads, "verdict")]
    lines.append("-" * len(lines[0]))
    for row in rows:
        what = f"{row.quantity} ({row.unit})" if row.unit else row.quantity
        verdict = "ok" if row.ok else "OUTSIDE"
        lines.append(
            _line(row.figure, what, row.paper, f"{row.obtained:.4g}", row.band, verdict)
        )
    agreed = sum(row.ok for row in rows)
    lines.append(f"\n{agreed} of {len(rows)} quantities agree with the paper")
    return "\n".join(lines)


def write_json(rows: Sequence[Row], path: Path) -> None:
    """Write rows as a JSON list of objects.

    Parameters
    ----------
    rows
        What to write.
    path
        File to write or replace.
    """
    path.write_text(json.dumps([row.to_dict() for row in rows], indent=1) + "\n")


def _line(*cells: str) -> str:
    padded = [f"{c:<{w}}" for c, w in zip(cells, _WIDTHS, strict=False)]
    return " ".join([*padded, cells[-1]])
