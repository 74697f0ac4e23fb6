"""Measure everything, print a table, write ``benchmarks/latest.json``."""

import json
from math import isfinite
from pathlib import Path

from . import adaptive, hops, physics, reading
from .timing import Result

LATEST = Path(__file__).with_name("latest.json")
PARTS = (physics, reading, hops, adaptive)


def main() -> None:
    """Run all benchmarks."""
    results = [result for part in PARTS for result in part.measure()]
    print(table(results))
    report = {result.name: result.value for result in results}
    LATEST.write_text(json.dumps(report, indent=2) + "\n")


def table(results: list[Result]) -> str:
    """Write the results below each other, beside what is asked."""
    lines = [f"{'benchmark':32} {'measured':>10} {'at most':>10}"]
    for r in results:
        late = "  too slow" if r.value > r.at_most else ""
        asked = f"{r.at_most:10.3g}" if isfinite(r.at_most) else f"{'-':>10}"
        lines.append(f"{r.name:32} {r.value:10.3g} {asked}{late}")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
