"""seccm.toml: read, defaulted, refused with file, line, key, range and unit."""

import dataclasses
import datetime
import functools
import inspect
import math
from pathlib import Path

import numpy as np
import pytest

from seccm_ophyd.config import (
    SAMPLES,
    Config,
    Probe,
    Sample,
    Simulator,
    configuration_file,
    load_config,
)
from seccm_ophyd.config import config as configuration
from seccm_ophyd.config.toml_file import line_of
from seccm_ophyd.errors import ConfigError
from seccm_ophyd.session import Session, open_session
from seccm_ophyd.session.opening import settle
from seccm_ophyd.sim_devices.physics.mechanics import STAGES
from seccm_ophyd.sim_devices.physics.samples import SAMPLES as MADE
from seccm_ophyd.sim_devices.physics.samples import make_sample

PROFILE = Path(__file__).parents[2] / "profile_collection" / "seccm.toml"


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch, tmp_path):
    for name in ("SECCM_CONFIG", "SECCM_PREFIX", "SECCM_DATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def nothing_starts(monkeypatch):
    """Fail when a session gets as far as its lock or its simulator."""

    def opened(*args):
        raise AssertionError("the session was opened")

    monkeypatch.setattr(Session, "_open", opened)


def write(text, name="seccm.toml"):
    path = Path(name)
    path.parent.mkdir(exist_ok=True)
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
    monkeypatch.setenv("SECCM_DATA", "elsewhere")
    assert load_config().prefix == "OTHER:"
    assert load_config().data_dir == "elsewhere"
    monkeypatch.setenv("SECCM_PREFIX", "")
    monkeypatch.setenv("SECCM_DATA", "")
    assert load_config().prefix == ""
    assert load_config().data_dir == "data"


def test_the_places_of_a_configuration_in_their_order(monkeypatch):
    assert configuration_file() is None
    assert configuration_file("fallback.toml") == Path("fallback.toml")
    write('data_dir = "profile"', "profile_collection/seccm.toml")
    assert load_config().data_dir == "profile"
    write('data_dir = "here"')
    assert load_config().data_dir == "here"
    monkeypatch.setenv("SECCM_CONFIG", str(write('data_dir = "named"', "mine.toml")))
    assert load_config().data_dir == "named"
    assert configuration_file("fallback.toml") == Path("mine.toml")


# -- what is refused -------------------------------------------------------------------

# Key, and values that are no use, for each setting; what the message names besides.
WRONG = {
    "prefix": (["A B", "Ä:", 3, "x" * 41, True], "40"),
    "data_dir": (["", 3, "a\0b", []], "folder"),
    "catalogue": (["a/b", "..", 1, "x" * 65], "64"),
    "reserve_mb": (
        [-1, 1e12, math.nan, math.inf, "200", True],
        "between 0 and 1000000000 MB",
    ),
    "storage_wait_s": ([4, 3601, math.nan, "60", True], "between 5 and 3600 s"),
    "simulator.sample": (["cheese", "", 3, ".npz"], '"film_edge"'),
    "simulator.seed": ([1.5, -1, 2**31, True, "1"], "between 0 and 2147483647"),
    "simulator.time_scale": ([-1.0, 101, math.nan, "slow"], "between 0 and 100 s/s"),
    "simulator.electrolyte": (["NaCl", "licl", ""], '"LiCl" or "KCl"'),
    "simulator.stage": (["reel", "", 1], '"ideal" or "real"'),
    "simulator.theta": ([2, 0, ["a"], [0.5, 1], math.nan, {}], "above 0 and below 1"),
    "simulator.particle_radius_um": ([-3, 20, math.inf, []], "between 0 and 19.9 um"),
    "sample.name": ([3, "a\0b", "x" * 201], "200"),
    "sample.rest_potential_v": ([380, -2.1, math.nan, "0.38"], "between -2 and 2 V"),
    "sample.least_contact_pa_v": ([0, -20, math.nan], "between 0.01 and 1000000 pA/V"),
    "probe.kind": ([3, []], "text"),
    "probe.radius_nm": ([-50, 0, 5e-8, 1e6, math.inf], "between 1 and 100000 nm"),
    "probe.electrolyte": ([3.0], "text"),
    "probe.reference": ([False], "text"),
    "environment": ([3, "wet"], "table"),
    "environment.humidity": ([math.nan, -math.inf, 2**70, [1, math.nan]], "finite"),
}
each_key = pytest.mark.parametrize("key", WRONG)


def toml(value):
    """Write a value as TOML does."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return f'"{value}"'.replace("\0", "\\u0000")
    if isinstance(value, list):
        return f"[{', '.join(map(toml, value))}]"
    return repr(value)


def refused(make):
    with pytest.raises(ConfigError) as error:
        make()
    return str(error.value)


def test_each_setting_is_among_the_wrong_ones():
    names = set()
    for field in dataclasses.fields(Config):
        group = getattr(Config(), field.name)
        if dataclasses.is_dataclass(group):
            names |= {
                f"{field.name}.{inner.name}" for inner in dataclasses.fields(group)
            }
        else:
            names.add(field.name)
    assert names | {"environment.humidity"} == set(WRONG)


@each_key
def test_a_wrong_value_in_a_file_is_refused_with_its_line(key, nothing_starts):
    *table, name = key.split(".")
    head, section = "# above all tables", ""
    if table:
        head, section = f"[{table[0]}]", f"[{table[0]}] "
    values, words = WRONG[key]
    for value in values:
        write(f"# mine\n{head}\n{name} = {toml(value)}\n")
        said = refused(open_session)
        assert said.startswith(f"seccm.toml:3: {section}{name}=")
        assert words in said
        assert "\n" not in said
        assert len(said) < 250
    assert [path.name for path in Path().iterdir()] == ["seccm.toml"]


@each_key
def test_a_wrong_value_is_refused_by_the_class_itself(key):
    *group, name = key.split(".")
    values, words = WRONG[key]
    for value in values:
        cls, changes = Config, {name: value}
        if group == ["environment"]:
            changes = {"environment": changes}
        elif group:
            cls = type(getattr(Config(), group[0]))
        said = refused(functools.partial(cls, **changes))
        assert f"{name}=" in said
        assert words in said


OF_SIMULATOR = {field.name for field in dataclasses.fields(Simulator)}
OF_SESSION = set(inspect.signature(open_session).parameters)


def test_every_setting_of_the_simulator_is_an_argument():
    assert OF_SIMULATOR < OF_SESSION


@pytest.mark.parametrize(
    "key",
    [
        *(f"simulator.{name}" for name in sorted(OF_SIMULATOR)),
        *(key for key in WRONG if key in OF_SESSION),
    ],
)
def test_a_wrong_argument_is_refused_in_the_same_range(key, nothing_starts):
    name = key.split(".")[-1]
    values, words = WRONG[key]
    for value in values:
        said = refused(functools.partial(open_session, **{name: value}))
        assert said.startswith(f"{name}=")
        assert words in said
    assert list(Path().iterdir()) == []


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"simulator": True, "prefix": "X:"}, "prefix='X:' names an instrument"),
        ({"simulator": False}, "simulator=False needs a prefix"),
        ({"prefix": "X:", "seed": 3, "stage": "real"}, "seed, stage cannot be chosen"),
        ({"simulator": "no"}, "simulator='no' must be True, False or None"),
        ({"view": 1}, "view=1 must be True or False"),
        ({"config": 5}, "config=5 must be a file"),
        ({"config": ""}, "config='' must be a file"),
        ({"config": "nowhere.toml"}, "'nowhere.toml' cannot be read: No such file"),
        ({"config": "."}, "'.' cannot be read: Is a directory"),
        ({"sample": "cheese"}, "sample='cheese' must be"),
        ({"sample": "no.npz"}, "sample='no.npz' does not exist: give a file .npz"),
        ({"sample": "film", "theta": [0.1, 0.2]}, "theta=.* must be one number"),
        ({"sample": "film", "particle_radius_um": 2}, 'needs sample="composite"'),
        (
            {"data_dir": "file"},
            "data_dir='file' must be a folder, and .*file is a file",
        ),
        ({"data_dir": "file/a/b"}, "data_dir='file/a/b' must be a folder"),
        ({"data_dir": b"x"}, "data_dir=b'x' must be the name of a folder"),
        ({"reserve_mb": 9e8}, "reserve_mb=900000000 MB must be below the size of"),
        ({"seed": -1, "stage": "reel"}, "seed=-1 must be .*\nstage='reel' must be"),
    ],
)
def test_arguments_of_a_session_that_cannot_be(changes, message, nothing_starts):
    Path("file").touch()
    with pytest.raises(ConfigError, match=message):
        open_session(**changes)


def test_a_data_folder_that_is_not_writable(monkeypatch, nothing_starts):
    Path("mine").mkdir()
    # whoever runs the tests may be allowed everything
    monkeypatch.setattr("os.access", lambda path, mode: "traces" not in str(path))
    said = refused(lambda: open_session(data_dir="mine"))
    assert said.startswith("data_dir='mine' is not writable (Permission denied)")


def test_too_little_free_space_is_said_at_the_opening(monkeypatch, caplog):
    monkeypatch.setattr("shutil.disk_usage", lambda path: (10**9, 0, 10**8))
    monkeypatch.setattr(Session, "_open", lambda *args: None)
    with open_session(reserve_mb=150) as session:
        assert "no run can begin" in caplog.text
        assert "100 MB of free space, less than reserve_mb=150 MB" in caplog.text
        assert session.config.reserve_mb == 150.0
    said = refused(lambda: open_session(reserve_mb=1000))
    assert "below the size of the disk" in said
    assert "1000 MB" in said


def test_a_simulator_argument_wins_over_the_file(monkeypatch):
    monkeypatch.setattr(Session, "_open", lambda *args: None)
    write("[simulator]\nseed = 4\ntheta = 0.5\n")
    with open_session(theta=np.array([0.2, 0.9]), particle_radius_um=3) as session:
        made = session.config.simulator
    assert made == Simulator(seed=4, theta=(0.2, 0.9), particle_radius_um=3.0)


def test_what_is_wrong_is_said_in_one_message():
    write(
        'prefx = "A:"\nseed = 3\nsimulator = {seed = 1.5, stage = "reel"}\n'
        "probe.radius_nm = -50\n[sample]\nnaem = 'x'\nreserve_mb = 3\n"
    )
    lines = refused(load_config).splitlines()
    assert sorted(lines) == [
        "seccm.toml:1: prefx is unknown: write prefix",
        "seccm.toml:2: seed is unknown here: write it below [simulator]",
        "seccm.toml:3: [simulator] seed=1.5 must be a whole number between 0 and "
        "2147483647",
        'seccm.toml:3: [simulator] stage=\'reel\' must be "ideal" or "real"',
        "seccm.toml:4: [probe] radius_nm=-50 nm must be between 1 and 100000 nm",
        "seccm.toml:6: [sample] naem is unknown: write name",
        "seccm.toml:7: [sample] reserve_mb is unknown here: write it above the first "
        "table",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "[probe]\ncolour = 3",
            r"seccm.toml:2: \[probe\] colour is unknown: known are",
        ),
        ("[sampel]\nname = 'x'", r"seccm.toml:1: sampel is unknown: write sample"),
        ("probe = 3", r"seccm.toml:1: probe=3 must be a table, \[probe\]"),
        ("[[sample]]\nname = 'x'", r"seccm.toml:1: sample=.* must be a table"),
        ("prefix = 3 3", r"seccm.toml is not TOML: .*line 1"),
    ],
)
def test_a_file_that_is_not_as_it_should_be(text, message):
    write(text)
    with pytest.raises(ConfigError, match=message):
        load_config()


@pytest.mark.parametrize("variable", ["SECCM_PREFIX", "SECCM_DATA"])
def test_a_wrong_variable_is_named(monkeypatch, variable):
    monkeypatch.setenv(variable, "a b" if variable == "SECCM_PREFIX" else "a\x01" * 3)
    if variable == "SECCM_PREFIX":
        assert refused(load_config).startswith("SECCM_PREFIX: prefix='a b' must be")
    else:
        assert load_config().data_dir.startswith("a\x01")


def test_a_missing_file_is_refused(monkeypatch):
    with pytest.raises(ConfigError, match=r"nowhere.toml"):
        load_config("nowhere.toml")
    monkeypatch.setenv("SECCM_CONFIG", "gone.toml")
    with pytest.raises(ConfigError, match=r"gone.toml"):
        load_config()


# -- what is taken ---------------------------------------------------------------------


def test_numbers_of_numpy_paths_and_single_numbers_are_taken():
    made = Simulator(seed=np.int64(3), time_scale=np.float32(0.5), theta=0.5)
    assert made == Simulator(seed=3, time_scale=0.5, theta=(0.5,))
    assert type(made.seed) is int
    assert Config(data_dir=Path("a")).data_dir == "a"
    assert Probe(radius_nm=30).radius_nm == 30.0
    write("[simulator]\ntheta = 0.5\n[sample]\nrest_potential_v = -2\n")
    assert load_config().simulator.theta == (0.5,)
    assert load_config().sample.rest_potential_v == -2.0


def test_settings_are_frozen_and_changed_by_replace():
    made = Config()
    with pytest.raises(dataclasses.FrozenInstanceError):
        made.prefix = "X:"
    assert dataclasses.replace(made, prefix="X:").prefix == "X:"
    with pytest.raises(ConfigError, match="reserve_mb=-1 MB"):
        dataclasses.replace(made, reserve_mb=-1)
    assert dataclasses.asdict(made)["probe"]["radius_nm"] == 50.0


def test_a_date_of_the_environment_becomes_a_text():
    write("[environment]\ncalibrated = 2024-05-01\nnotes = ['a', {at = 10:30:00}]\n")
    assert load_config().environment == {
        "calibrated": "2024-05-01",
        "notes": ["a", {"at": "10:30:00"}],
    }
    said = refused(lambda: Config(environment={"who": {"a", "b"}}))
    assert said.startswith("environment.who=")
    day = datetime.date(2024, 5, 1)
    assert Config(environment={"day": day}).environment == {"day": "2024-05-01"}


def test_a_simulator_in_kcl_is_described_as_it_is():
    chosen = settle(Config(), True, {}, {"electrolyte": "KCl"})
    assert chosen.sample == Sample(rest_potential_v=0.30, least_contact_pa_v=8.0)
    assert chosen.probe.electrolyte == "3 M KCl"
    asked = Config(sample=Sample(least_contact_pa_v=5.0))
    chosen = settle(asked, True, {}, {"electrolyte": "KCl"})
    assert chosen.sample == Sample(rest_potential_v=0.30, least_contact_pa_v=5.0)
    assert settle(Config(), True, {}, {}).sample == Sample()
    elsewhere = Config(prefix="SECCM:", simulator=Simulator(electrolyte="KCl"))
    assert settle(elsewhere, None, {}, {}).sample == Sample()


def test_the_choices_are_those_of_the_simulator():
    assert MADE == SAMPLES
    for name in (*SAMPLES, "mine.npz"):
        assert Simulator(sample=name).sample == name
    for name in STAGES:
        assert Simulator(stage=name).stage == name
    size = inspect.signature(make_sample).parameters["size"].default
    assert configuration.MOST_RADIUS_UM * 1e-6 < size / 3  # what it allows


# -- lines -----------------------------------------------------------------------------

TEXT = '''\
# seed = 0
prefix = """
seed = 1
[probe]
""" # seed
"sample".name = 'x'
theta = [
  # radius_nm = 3
  0.5,
]
[simulator] # [probe]
sample = "[probe]"
  seed = 2

[ "probe" ]
'radius_nm' = 3
electrolyte = "a#b"
[environment.inner]
seed = {a = 1, b.c = 2}
[[environment.list]]
seed = 4
'''


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("prefix", 2),
        ("sample.name", 6),
        ("sample", 6),
        ("theta", 7),
        ("simulator", 11),
        ("simulator.seed", 13),
        ("simulator.sample", 12),
        ("probe", 15),
        ("probe.radius_nm", 16),
        ("probe.electrolyte", 17),
        ("environment", 18),
        ("environment.inner.seed", 19),
        ("environment.inner.seed.b.c", 19),
        ("environment.list", 20),
        ("seed", None),
        ("probe.seed", None),
    ],
)
def test_the_line_of_a_key(path, line, end):
    text = TEXT.replace("\n", end)
    assert line_of(text, path.split(".")) == line


def test_a_mark_of_a_windows_editor_is_passed_over():
    Path("seccm.toml").write_bytes(b'\xef\xbb\xbfprefix = "A:"\r\n[probe]\r\nx = 3\r\n')
    assert refused(load_config).startswith("seccm.toml:3: [probe] x is unknown")
