import os
import shutil
from pathlib import Path

import pytest
import yaml

from seccm_ophyd.storage import (
    DataFolder,
    SessionLock,
    claim_name,
    named_folder,
    remove_profile,
    write_profile,
)


@pytest.fixture
def other(tmp_path):
    return DataFolder(tmp_path / "other").create()


def profiles():
    return Path(os.environ["TILED_PROFILES"])


def test_a_name_means_the_folder_of_the_session_that_took_it(folder, caplog):
    assert named_folder("seccm") is None
    assert claim_name(folder, "seccm") == "seccm"
    assert named_folder("seccm") == folder.root
    write_profile(folder, "seccm")
    remove_profile("seccm")  # a session that has no catalogue yet
    assert named_folder("seccm") == folder.root
    assert claim_name(folder, "seccm") == "seccm"
    assert caplog.messages == []
    assert claim_name(folder, "") == ""


def test_a_name_that_meant_another_folder_is_taken_with_a_line(folder, other, caplog):
    claim_name(other, "seccm")
    assert claim_name(folder, "seccm") == "seccm"
    assert named_folder("seccm") == folder.root
    (line,) = caplog.messages
    assert line.startswith(
        f'databroker.catalog["seccm"] is {folder.root} from now on; it was {other.root}'
    )
    assert 'catalogue = "NAME"' in line


def test_a_name_stays_with_the_folder_where_a_session_is_open(folder, other, caplog):
    claim_name(other, "seccm")
    write_profile(other, "seccm")
    with SessionLock(other):
        assert claim_name(folder, "seccm") == ""
        assert claim_name(folder, "mine") == "mine"  # a name of its own
    assert named_folder("seccm") == other.root
    (line,) = caplog.messages
    assert line.startswith(f'databroker.catalog["seccm"] stays {other.root}, where')
    assert str(folder.root) in line


def test_a_folder_that_is_gone_is_not_worth_a_line(folder, other, caplog):
    claim_name(other, "seccm")
    shutil.rmtree(other.root)
    assert claim_name(folder, "seccm") == "seccm"
    assert caplog.messages == []


def test_a_profile_of_an_earlier_version_is_understood(folder, other, caplog):
    write_profile(other, "seccm")
    (profiles() / ".seccm.folder").unlink()
    assert named_folder("seccm") == other.root
    with SessionLock(other):
        assert claim_name(folder, "seccm") == ""


@pytest.mark.parametrize(
    "content", ["seccm: {uri: http://beamline:8000}\n", "[]\n", "seccm: {direct: [\n"]
)
def test_the_profile_of_another_program_is_left_alone(folder, caplog, content):
    profiles().mkdir()
    (profiles() / "seccm.yml").write_text(content)
    assert claim_name(folder, "seccm") == ""
    assert (profiles() / "seccm.yml").read_text() == content
    (line,) = caplog.messages
    assert "databroker does not find the runs of" in line
    assert "\n" not in line


def test_tiled_sees_one_profile(folder):
    claim_name(folder, "seccm")
    path = write_profile(folder, "seccm")
    visible = [file.name for file in profiles().iterdir() if file.name[0] != "."]
    assert visible == [path.name]
    assert list(yaml.safe_load(path.read_text())) == ["seccm"]
