"""``python -m tests.chaos --seed 1 --hours 24``: what ``make chaos`` runs."""

import argparse
import sys
import tempfile
from pathlib import Path

from .run import Runner
from .sequence import draw_step, steps
from .summary import summary


def main() -> int:
    """Run the steps of a seed; 1 if anything did not hold."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--hours", type=float, default=1.0, help="simulated (h)")
    parser.add_argument("--only", type=int, help="this step alone")
    parser.add_argument("--log", type=Path, help="file for the reports, JSON lines")
    parser.add_argument("--keep", type=Path, help="folder for all files, kept")
    arguments = parser.parse_args()
    chosen = steps(arguments.seed)
    if arguments.only is not None:
        chosen = iter([draw_step(arguments.seed, arguments.only)])
    place = arguments.keep or Path(tempfile.mkdtemp(prefix="chaos"))
    reports = []
    runner = Runner(place, arguments.seed)
    try:
        for report in runner.run(chosen, 3600 * arguments.hours):
            reports.append(report)
            sys.stdout.write(f"{report}\n")
            sys.stdout.flush()
            if arguments.log:
                with arguments.log.open("a") as log:
                    log.write(report.to_json() + "\n")
    finally:
        runner.close()
    sys.stdout.write(f"\n{summary(reports)}\n")
    return int(any(report.violations for report in reports))


if __name__ == "__main__":
    raise SystemExit(main())
