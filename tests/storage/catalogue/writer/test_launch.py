import os
from pathlib import Path

import pytest

from seccm_ophyd.storage import (
    close_catalogue,
    open_catalogue,
    remove_profile,
    start_writer,
)
from seccm_ophyd.storage.data_folder import DataFolder
from seccm_ophyd.storage.locks import WriterLock


@pytest.mark.slow
def test_an_empty_database_left_by_an_early_reader_is_no_catalogue(tmp_path):
    folder = DataFolder(tmp_path).create()
    folder.database.touch()
    assert not folder.has_catalogue
    remove_profile("mine")  # there is none: nothing to do
    assert start_writer(folder, "mine").wait(timeout=60) == 0
    assert folder.has_catalogue
    profiles = Path(os.environ["TILED_PROFILES"])
    assert (profiles / "mine.yml").exists()
    remove_profile("mine")
    assert not (profiles / "mine.yml").exists()
    close_catalogue(open_catalogue(folder))


def test_of_two_writers_one_leaves_quietly(catalogued):
    with WriterLock(catalogued):
        assert start_writer(catalogued).wait(timeout=30) == 0
    log = catalogued.writer_log.read_text()
    assert "the writing of the catalogue is held by process" in log
    assert "Traceback" not in log
