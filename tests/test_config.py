"""seccm.toml: read, defaulted, refused with file and key."""

from pathlib import Path

import pytest

from seccm_ophyd.config import Config, load_config
from seccm_ophyd.errors import ConfigError

PROFILE = Path(__file__).parents[1] / "profile_collection" / "seccm.toml"


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch, tmp_path):
    monkeypatch.delenv("SECCM_CONFIG", raising=False)
    monkeypatch.delenv("SECCM_PREFIX", raising=False)
    monkeypatch.chdir(tmp_path)


def write(text, name="seccm.toml"):
    path = Path(name)
    path.write_text(text)
    return path


def test_without_a_file_the_defaults_stand():
    assert load_config() == Config()


def test_the_file_of_the_profile_is_the_defaults_spelled_out():
    assert load_config(PROFILE) == Config()


def test_the_file_in_the_folder_is_read_and_the_environment_overrides(monkeypatch):
    write('prefix = "LAB:"\n[probe]\nradius_nm = 30\n[environment]\nhumidity = 40\n')
    config = load_config()
    assert config.prefix == "LAB:"
    assert config.probe.radius_nm == 30.0
    assert config.environment == {"humidity": 40}
    monkeypatch.setenv("SECCM_PREFIX", "OTHER:")
    assert load_config().prefix == "OTHER:"


def test_the_environment_names_a_file(monkeypatch):
    monkeypatch.setenv("SECCM_CONFIG", str(write('data_dir = "x"', "mine.toml")))
    assert load_config().data_dir == "x"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("prefix = 3", r"seccm.toml: prefix = 3 is not of type str"),
        ("prefx = 'A:'", r"prefx is unknown, known are prefix, data_dir"),
        ("[probe]\nradius = 3", r"\[probe\]: radius is unknown.*radius_nm"),
        ("[probe]\nradius_nm = 'big'", r"\[probe\]: radius_nm = 'big'.*float"),
        ("[simulator]\nseed = true", r"seed = True is not of type int"),
        ("prefix = 3 3", r"seccm.toml: .*line 1"),
    ],
)
def test_a_bad_file_is_refused_with_file_and_key(text, message):
    write(text)
    with pytest.raises(ConfigError, match=message):
        load_config()


def test_a_missing_file_is_refused():
    with pytest.raises(ConfigError, match=r"nowhere.toml"):
        load_config("nowhere.toml")
