import pytest
from bluesky_tiled_plugins import TiledWriter
from curves import FAST_CV, bells_on_particles

from seccm_ophyd.storage import DataFolder, close_catalogue, open_catalogue
from tests.synthetic_runs import scan_run


@pytest.fixture(scope="package")
def stored_runs(tmp_path_factory):
    """A catalogue of four runs.

    One is whole, one cut after 20 hops, one has just begun, one has traces.
    """
    folder = DataFolder(tmp_path_factory.mktemp("data")).create()
    client = open_catalogue(folder, create=True)
    whole = scan_run(misses=(3,), snake=True)
    cut = scan_run(stop_after=20, scan_id=8)
    begun = scan_run(stop_after=3, scan_id=9)  # its events wait for a batch to be full
    traced = scan_run(
        3,
        2,
        techniques=(FAST_CV,),
        measure=bells_on_particles,
        folder=folder.traces,
        misses=(2,),
        scan_id=6,
    )
    for run in (traced, begun, whole, cut):
        writer = TiledWriter(client, batch_size=20, max_array_size=0)
        for name, doc in run.documents:
            writer(name, doc)
    close_catalogue(client)
    return folder, whole, cut, begun, traced


@pytest.fixture(scope="package")
def traced_run(stored_runs):
    """The run of voltammograms in the catalogue."""
    return stored_runs[-1]


@pytest.fixture(scope="package")
def catalogue(stored_runs):
    client = open_catalogue(stored_runs[0])
    yield client
    close_catalogue(client)


@pytest.fixture(scope="package")
def broker(stored_runs):
    client = open_catalogue(stored_runs[0])  # its own: `.v1` changes a client
    yield client.v1
    close_catalogue(client)
