"""Runs that an earlier version has stored read as they did then.

``earlier/data-0.1.0.tar.xz`` is a data folder as version 0.1.0 wrote it, before lines
of journals had checksums: a scan with two techniques, an adaptive fly scan, an
interrupted list of points, a charge. The ``.json`` beside it has the sums that 0.1.0
read from it.
"""

import json
import tarfile
from pathlib import Path

import numpy as np
import pytest

from seccm_ophyd.analysis import hop_map, hop_table, hop_traces, list_runs
from seccm_ophyd.storage import DataFolder, SessionCatalogue, recover
from seccm_ophyd.views import HopMapView

ARCHIVE = Path(__file__).parent / "earlier" / "data-0.1.0.tar.xz"
EXPECTED = json.loads(ARCHIVE.with_name("data-0.1.0.json").read_text())


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("earlier")
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(place, filter="data")
    return DataFolder(place / "data")


@pytest.fixture(scope="module")
def catalogue(folder):
    opened = SessionCatalogue(folder)
    yield opened
    opened.close()


def sums(dataset):
    """Add up each column of numbers."""
    numbers = [str(name) for name in dataset if dataset[name].dtype.kind in "fi"]
    return {n: float(np.nansum(dataset[n].values.astype(float))) for n in numbers}


@pytest.mark.parametrize("uid", EXPECTED)
@pytest.mark.parametrize("source", ["journal", "catalogue"])
def test_a_stored_run_reads_as_before(folder, catalogue, uid, source):
    run = folder.journal_file(uid) if source == "journal" else catalogue[uid]
    table = hop_table(run)
    assert table.attrs["start"]["plan_name"] == EXPECTED[uid]["plan"]
    # the catalogue adds columns
    assert sums(table).items() >= EXPECTED[uid]["columns"].items()
    traces = sums(hop_traces(run, hops=[0]))
    assert [traces[name] for name in sorted(traces)] == EXPECTED[uid]["trace"]


def test_they_are_listed_and_nothing_is_to_be_recovered(folder):
    _, *lines = list_runs(folder.journal).splitlines()
    assert [(line.split()[0], line.split()[4]) for line in lines] == [
        ("4", "local_charge"),
        ("3", "hop_list"),
        ("2", "hop_fly"),
        ("1", "hop_scan"),
    ]
    assert recover(folder) == []


def test_a_map_is_drawn(catalogue, tmp_path):
    assert hop_map(catalogue[1]).sizes == {"y": 2, "x": 3}
    picture = HopMapView.from_run(catalogue[1]).save(tmp_path / "map.png")
    assert picture.stat().st_size > 10_000
