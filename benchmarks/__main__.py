"""Measure everything, print a table, write ``benchmarks/latest.json``.

``python -m benchmarks PART...`` measures only these parts and writes nothing.
"""

import json
import sys
from collections.abc import Sequence
from math import isfinite
from pathlib import Path

from . import adaptive, hops, physics, reading
from .timing import Result

LATEST = Path(__file__).with_name("latest.json")
PARTS = {"physics": physics, "reading": reading, "hops": hops, "adaptive": adaptive}


def main(names: Sequence[str] = ()) -> None:
    """Run benchmarks: those named, or all."""
    print(f"{'benchmark':32} {'measured':>10} {'at most':>10}")
    results = []
    for name in names or PARTS:
        for result in PARTS[name].measure():
            print(line(result), flush=True)
            results.append(result)
    if not names:
        report = {result.name: result.value for result in results}
        LATEST.write_text(json.dumps(report, indent=2) + "\n")


def line(result: Result) -> str:
    """Write a result beside what is asked."""
    late = "  too slow" if result.value > result.at_most else ""
    bounded = isfinite(result.at_most)
    asked = f"{result.at_most:10.3g}" if bounded else f"{'-':>10}"
    return f"{result.name:32} {result.value:10.3g} {asked}{late}"


if __name__ == "__main__":
    main(sys.argv[1:])
