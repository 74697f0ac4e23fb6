import pytest
from bluesky_tiled_plugins import TiledWriter

from seccm_ophyd.storage import DataFolder, close_catalogue, open_catalogue
from tests.synthetic_runs import scan_run


@pytest.fixture(scope="package")
def stored_runs(tmp_path_factory):
    """A catalogue with a whole run, one cut after 20 hops, one that has just begun."""
    folder = DataFolder(tmp_path_factory.mktemp("data")).create()
    client = open_catalogue(folder, create=True)
    whole = scan_run(misses=(3,), snake=True)
    cut = scan_run(stop_after=20, scan_id=8)
    begun = scan_run(stop_after=3, scan_id=9)  # its events wait for a batch to be full
    for run in (begun, whole, cut):
        writer = TiledWriter(client, batch_size=20, max_array_size=0)
        for name, doc in run.documents:
            writer(name, doc)
    close_catalogue(client)
    return folder, whole, cut, begun


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
