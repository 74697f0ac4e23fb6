"""Count what came of the steps: ``python -m tests.chaos.summary LOG [LOG ...]``.

With ``--page`` it writes that into docs/explanations/reliability.md, too.
"""

import math
import sys
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path

from .damage import BETWEEN
from .faults import KINDS
from .report import Report

__all__ = ["summary", "table", "write_page"]

PAGE = Path(__file__).parents[2] / "docs" / "explanations" / "reliability.md"
BEGIN, END = "<!-- chaos: begin -->", "<!-- chaos: end -->"


def table(reports: Sequence[Report]) -> str:
    """Write a table (Markdown) with a line for each kind of fault."""
    came: Counter[str] = Counter()
    lost: Counter[str] = Counter()
    broken: Counter[str] = Counter()
    worst: dict[str, float] = defaultdict(float)
    for report in reports:
        for kind in report.kinds:
            came[kind] += 1
            lost[kind] = max(lost[kind], report.lost)
            broken[kind] += bool(report.violations)
            if report.to_safe_s is not None:
                worst[kind] = max(worst[kind], report.to_safe_s)
    lines = [
        "| fault | came | most hops lost in a scan | longest time to SAFE (s) | "
        "violations |",
        "|---|--:|--:|--:|--:|",
    ]
    for kind in (*KINDS, *BETWEEN):
        ends = kind in KINDS and KINDS[kind].effect in ("ends", "dies")
        seconds = _told(worst[kind]) if ends and came[kind] else ""
        lines.append(
            f"| {kind} | {came[kind]} | {lost[kind]} | {seconds} | {broken[kind]} |"
        )
    return "\n".join(lines)


def _told(seconds: float) -> str:
    return "never" if math.isinf(seconds) else f"{seconds:.2f}"


def summary(reports: Sequence[Report]) -> str:
    """Write the table, and what the steps were together."""
    steps = [report for report in reports if report.number]
    hours = sum(report.simulated_s for report in steps) / 3600
    hopping = sum(report.simulated_s for report in steps if report.is_hopping) / 3600
    faults = sum(len(report.kinds) for report in steps)
    to_safe = [r.to_safe_s for r in steps if r.to_safe_s is not None]
    worst = max((s for s in to_safe if not math.isinf(s)), default=0.0)
    opened = [report.open_s for report in steps if report.open_s is not None]
    memory = max((report.ioc_mb for report in steps), default=0.0)
    seeds = sorted({report.seed for report in reports})
    return "\n".join(
        [
            table(steps),
            "",
            f"Seeds {', '.join(map(str, seeds))}: {len(steps)} scans, {hours:.1f} h "
            f"simulated ({hopping:.1f} h of it hopping) in "
            f"{sum(report.wall_s for report in reports) / 60:.0f} min, {faults} faults "
            f"({faults / max(hours, 1e-9):.1f} an hour).",
            f"Hops made {sum(r.made for r in steps)}, stored "
            f"{sum(r.stored for r in steps)}, lost {sum(r.lost for r in steps)}.",
            f"Longest time to SAFE {worst:.2f} s; sessions opened {len(opened)}, the "
            f"slowest in {max(opened, default=0):.1f} s; IOC at most {memory:.0f} MB.",
            f"Violations: {sum(len(report.violations) for report in reports)}.",
        ]
    )


def write_page(page: str, text: str) -> str:
    """Put a text into a page, in the place of the one between its two marks."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{text}\n{END}{after}"


def main(arguments: Sequence[str]) -> None:
    """Print the summary of some logs."""
    found = [
        Report.from_json(line)
        for log in arguments
        if log != "--page"
        for line in Path(log).read_text().splitlines()
    ]
    text = summary(found)
    sys.stdout.write(text + "\n")
    if "--page" in arguments:
        PAGE.write_text(write_page(PAGE.read_text(), text))


if __name__ == "__main__":
    main(sys.argv[1:])
