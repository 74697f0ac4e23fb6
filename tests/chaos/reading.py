"""See that all of a data folder can be read: ``python -m tests.chaos.reading FOLDER``.

It prints one line for each problem, and ends with 1 if there is any.
"""

import sys
from pathlib import Path

from seccm_ophyd.analysis import hop_table, hop_traces, list_runs
from seccm_ophyd.schema import PRIMARY
from seccm_ophyd.storage import SessionCatalogue, journals
from seccm_ophyd.storage.data_folder import DataFolder
from seccm_ophyd.storage.verify import verify

from .stored import read_run

__all__ = ["problems_of"]


def problems_of(root: Path) -> list[str]:
    """List what cannot be read, or is not the same in the catalogue."""
    folder = DataFolder(root)
    found = []
    list_runs(folder.journal)
    catalogue = SessionCatalogue(folder)
    for info in journals(folder):
        try:
            found += _problems_of_run(catalogue, info.path)
        except Exception as error:  # whatever it is, it is a problem
            found.append(f"{info.path.stem[:8]}: {type(error).__name__}: {error}"[:300])
    return found + _not_right(folder)


def _not_right(folder: DataFolder) -> list[str]:
    """List the runs that ``seccm verify RUN`` finds something wrong with."""
    return [
        f"{check.uid[:8]}: verify: {check.advice}; {check.as_dict()}"[:300]
        for check in verify(folder, journals(folder), values=True)
        if not check.ok
    ]


def _problems_of_run(catalogue: SessionCatalogue, path: Path) -> list[str]:
    run = read_run(path)
    if not run.keys:
        return []
    if hop_table(path).sizes["hop"] != len(run.keys):
        return [f"{run.uid[:8]}: its table has not the {len(run.keys)} hops it has"]
    if hop_traces(path).sizes["hop"] != len(run.keys):
        return [f"{run.uid[:8]}: there are not the curves of {len(run.keys)} hops"]
    found = catalogue[run.uid]
    if (held := hop_table(found).sizes["hop"]) != len(run.keys):
        return [f"{run.uid[:8]}: the catalogue has {held} of {len(run.keys)} hops"]
    if (counted := found.metadata["stop"]["num_events"][PRIMARY]) != len(run.keys):
        return [f"{run.uid[:8]}: its stop counts {counted} of {len(run.keys)} events"]
    return []


if __name__ == "__main__":
    lines = problems_of(Path(sys.argv[1]))
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    raise SystemExit(int(bool(lines)))
