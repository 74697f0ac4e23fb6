"""Files of stored runs are damaged: those of stepped and of fly scans."""

import numpy as np
import pytest

from seccm_ophyd.analysis import hop_traces, trace_map
from seccm_ophyd.cli import main
from seccm_ophyd.errors import DamagedFileError
from seccm_ophyd.plans import hop_fly, hop_scan
from seccm_ophyd.session import open_session
from seccm_ophyd.storage import DataFolder, SessionCatalogue, recover
from seccm_ophyd.storage.journal.index import journals
from seccm_ophyd.techniques import CurrentSample
from tests.system.conftest import module_profiles  # noqa: F401

pytestmark = pytest.mark.system

SIZE = 5


@pytest.fixture(scope="module")
def folder(tmp_path_factory, module_profiles):  # noqa: F811
    """A data folder with a stepped and a fly scan, no session open on it."""
    data = tmp_path_factory.mktemp("data")
    grid = CurrentSample(), -1, 1, SIZE, -1, 1, SIZE
    with open_session(
        simulator=True, seed=1, time_scale=0, data_dir=data, catalogue=""
    ) as session:
        session.RE(hop_scan(session.seccm, *grid))
        session.RE(hop_fly(session.seccm, *grid))
        session.catalog[-1]
    recover(DataFolder(data))  # waits for the writer
    return DataFolder(data)


@pytest.mark.fault(61, 62)
def test_each_value_of_whole_runs_is_right(folder, capsys):
    for run in ("1", "2"):
        assert main(["verify", run, "--data", str(folder.root)]) == 0
    assert main(["recover", "--data", str(folder.root)]) == 0
    assert "nothing to recover" in capsys.readouterr().out


@pytest.mark.fault(62)
@pytest.mark.parametrize("scan", [1, 2], ids=["stepped", "fly"])
def test_damaged_traces_of_a_scan(folder, scan, capsys):
    catalogue = SessionCatalogue(folder)
    run = catalogue[scan]
    journal = folder.journal_file(run.metadata["start"]["uid"])
    right = hop_traces(run).i.values
    column = run.primary["seccm_traces_current_sample"]
    np.testing.assert_array_equal(column[:, 2, :], right)
    (path,) = [p for p in folder.traces.iterdir() if p.name in journal.read_text()]
    whole = path.read_bytes()
    rng = np.random.default_rng(scan)
    readers = (
        lambda: hop_traces(run).i.values,
        lambda: hop_traces(journal).i.values,
        lambda: trace_map(journal, "i", 3).values,
        lambda: column[:, 2, :],
    )
    wanted = [reader() for reader in readers]
    refused = 0
    for kind in range(8):
        at = int(rng.integers(len(whole) if kind % 2 else 8192))
        found = bytearray(whole)
        size = len(found[at : at + (1, 512, 4096, len(whole))[kind % 4]])
        found[at : at + size] = bytes(x ^ 64 for x in found[at : at + size])
        path.write_bytes(found if kind % 4 < 3 else found[:at])
        for reader, values in zip(readers, wanted, strict=True):
            try:
                np.testing.assert_array_equal(reader(), values)
            except DamagedFileError:
                refused += 1
    assert refused > 4
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DamagedFileError, match=f"of run {journal.stem[:8]}.*{path}"):
        hop_traces(journal)
    assert main(["verify", "--data", str(folder.root)]) == 1
    assert str(path) in capsys.readouterr().out
    path.write_bytes(whole)
    catalogue.close()


@pytest.mark.fault(61)
def test_the_catalogue_of_scans_is_deleted(folder, capsys):
    uids = [info.uid for info in journals(folder)[::-1]]
    folder.database.unlink()
    assert main(["verify", "--data", str(folder.root)]) == 1
    assert main(["recover", "--data", str(folder.root)]) == 0
    printed = capsys.readouterr().out
    for uid in uids:
        assert f"{uid[:8]}  {SIZE**2} hops  now in the catalogue: written again" in (
            printed
        )
    assert main(["verify", "-1", "--data", str(folder.root)]) == 0
    assert list(folder.root.glob("catalogue.corrupt-1"))
