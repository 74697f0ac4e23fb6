import pytest
from bluesky_tiled_plugins.clients.bluesky_run import BlueskyRunV3
from stored_runs import emit, uid_of

from seccm_ophyd.storage import close_catalogue, open_catalogue
from seccm_ophyd.storage.catalogue.writer.ingest import write_run


def test_old_style_clients_do_not_change_those_opened_later(catalogued):
    emitted = emit(catalogued, 2)
    spoilt = open_catalogue(catalogued)
    write_run(spoilt, emitted)
    uid = uid_of(emitted)
    # what `Broker.named` does; it writes into a table that tiled shares
    assert type(spoilt.v2[uid]).__name__.startswith("BlueskyRunV2")
    close_catalogue(spoilt)
    later = open_catalogue(catalogued)
    assert isinstance(later[uid], BlueskyRunV3)
    close_catalogue(later)


def test_no_catalogue_yet(folder):
    with pytest.raises(FileNotFoundError, match="no catalogue in"):
        open_catalogue(folder)
