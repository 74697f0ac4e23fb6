"""The words of a picture: above and below its maps."""

import textwrap
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from matplotlib.figure import Figure
from matplotlib.patches import Patch

from ..analysis import Grid
from ..schema import TECHNIQUES
from .panel import MISSED, UNSCANNED

__all__ = ["Captions"]

LONGEST_TITLE = 48  # characters; the state of the run stands beside it
GREY, ALARM = "#5b6470", "#c0182b"


class Captions:
    """Title, state, facts, run and legend of a picture.

    Parameters
    ----------
    figure
        Where to write.
    start
        Start document of the run.

    Attributes
    ----------
    title, status, facts, run : matplotlib.text.Text
    """

    def __init__(self, figure: Figure, start: Mapping[str, Any]) -> None:
        self._figure, self._start = figure, start
        height = figure.get_figheight()
        top, second = 1 - 0.27 / height, 1 - 0.49 / height
        big: dict[str, Any] = {"size": 12, "weight": "bold"}
        alarm: dict[str, Any] = {"size": 10, "weight": "bold", "color": ALARM}
        self.title = figure.text(0.015, top, _title(start), **big)
        self.status = figure.text(0.985, top, "", ha="right", **alarm)
        self.facts = figure.text(0.015, second, "", size=9, color=GREY)
        self.run = figure.text(
            0.015, 0.1 / height, _run_name(start), size=8, color=GREY
        )
        for text in (self.title, self.status, self.run):
            text.set_parse_math(False)  # a "$" in a name of a sample is no formula

    def update(self, status: str, grid: Grid | None, done: int, missed: int) -> None:
        """Show how far the run is.

        Parameters
        ----------
        status
            How the run ended, if not well.
        grid
            Where the hops lie; None if on no grid.
        done, missed
            Hops made, and those of them without contact.
        """
        self.status.set_text(status)
        self.facts.set_text(_facts(self._start, grid, done, missed))
        unscanned = grid is not None and done < grid.x.size * grid.y.size
        self._draw_legend(
            {"not scanned": UNSCANNED} if unscanned else {},
            {"no contact": MISSED} if missed else {},
        )

    def _draw_legend(self, *colours: dict[str, str]) -> None:
        for legend in list(self._figure.legends):
            legend.remove()
        patches = [
            Patch(facecolor=colour, edgecolor=GREY, linewidth=0.5, label=label)
            for entry in colours
            for label, colour in entry.items()
        ]
        if patches:
            self._figure.legend(
                handles=patches,
                loc="lower right",
                ncols=len(patches),
                frameon=False,
                fontsize=8,
                labelcolor=GREY,
                handlelength=1.2,
                handleheight=1.2,
                borderaxespad=0.3,
            )


def _title(start: Mapping[str, Any]) -> str:
    sample = start.get("sample", "")
    if isinstance(sample, Mapping):
        sample = sample.get("name", "")
    words = " · ".join(filter(None, (start.get("plan_name", "run"), str(sample))))
    words = "".join(sign if sign.isprintable() else " " for sign in words)
    return textwrap.shorten(words, LONGEST_TITLE, placeholder=" …")


def _facts(start: Mapping[str, Any], grid: Grid | None, done: int, missed: int) -> str:
    parts = [
        f"{technique['potential_v']:+g} V vs QRCE"
        for technique in start.get(TECHNIQUES, ())
        if "potential_v" in technique
    ]
    if grid is not None:
        (ny, nx), width, height = grid.shape, *grid.size
        parts.append(f"{nx} × {ny} pixels, {width:g} × {height:g} µm")
    planned = start.get("num_points")
    of = f" of {planned}" if planned and done != planned else ""
    without = f", {missed} without contact" if missed else ""
    return " · ".join([*parts, f"{done}{of} hops{without}"])


def _run_name(start: Mapping[str, Any]) -> str:
    when = datetime.fromtimestamp(start["time"]).astimezone()
    scan = f"scan {start['scan_id']}" if "scan_id" in start else ""
    parts = (f"{when:%Y-%m-%d %H:%M}", scan, start["uid"][:8])
    return " · ".join(filter(None, parts))
