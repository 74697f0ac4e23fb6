"""What ``seccm verify`` prints."""

import json
import sys
from collections import Counter

from tqdm import tqdm

from ..storage.data_folder import DataFolder
from ..storage.journal.index import journal_of, survey
from ..storage.verify import RunCheck, verify
from ..terminal import clean

__all__ = ["verify_runs"]

_PARTS = "journal", "traces", "catalogue"


def verify_runs(folder: DataFolder, run: str | None, *, as_json: bool = False) -> int:
    """Check runs and print what is right, damaged or without checksum.

    Parameters
    ----------
    folder
        The data folder.
    run
        As people name runs; None: all, oldest first.
    as_json
        Print one JSON document, for programs.

    Returns
    -------
    int
        Exit code: 1 if anything is damaged or missing.
    """
    found = survey(folder.journal)
    runs = found.runs[::-1] if run is None else [journal_of(folder, run)]
    checks: list[RunCheck] = []
    head = f"{'run':<9}{'scan':>5}  {'journal':<14}{'traces':<14}catalogue"
    for check in tqdm(
        verify(folder, runs, values=run is not None),
        total=len(runs),
        unit="run",
        desc="verify",
        leave=False,
        disable=None,  # where there is no terminal
    ):
        if not as_json:
            tqdm.write("\n".join(([] if checks else [head]) + _lines(check)))
        checks.append(check)
    if as_json:
        foreign = [{"file": str(f.path), "why": f.why} for f in found.foreign]
        content = {"runs": [c.as_dict() for c in checks], "foreign": foreign}
        json.dump(content, sys.stdout, indent=1)
        sys.stdout.write("\n")
    else:
        for other in found.foreign:
            tqdm.write(f"{clean(other.path)} is no journal: {clean(other.why)}")
        tqdm.write(_summary(checks))
    return int(not all(check.ok for check in checks))


def _lines(check: RunCheck) -> list[str]:
    number = "-" if check.scan_id is None else str(check.scan_id)
    parts = {name: getattr(check, name) for name in _PARTS}
    states = [f"{part.state:<14}" for part in parts.values()]
    lines = [f"{check.uid[:8]:<9}{number:>5}  {''.join(states).rstrip()}"]
    lines += [f"  {name}: {clean(p.why)}" for name, p in parts.items() if p.why]
    return [*lines, f"  next: {check.advice}"] if check.advice else lines


def _summary(checks: list[RunCheck]) -> str:
    bad = Counter(check.ok for check in checks)[False]
    unchecked = sum(
        any(getattr(check, name).state == "no checksum" for name in _PARTS)
        for check in checks
    )
    count = f"{len(checks)} run{'' if len(checks) == 1 else 's'}"
    said = f"{count}: {len(checks) - bad} right, {bad} not"
    return f"{said}; {unchecked} without checksum" if unchecked else said
