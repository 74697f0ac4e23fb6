"""Whatever relies on the inside of a library warns where that has another version."""

import ast
import importlib
import inspect
import pkgutil
import re
import sys
from collections import defaultdict
from configparser import ConfigParser
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

import seccm_ophyd
from seccm_ophyd import _upstream
from seccm_ophyd._upstream import tried
from seccm_ophyd._upstream.tried import TRIED, warn_untried
from seccm_ophyd.channel_access import uses_libca
from seccm_ophyd.run_engine.engine import SessionEngine
from seccm_ophyd.sim_devices.epics import server
from seccm_ophyd.storage.catalogue import open_catalogue
from seccm_ophyd.storage.data_folder import DataFolder

ROOT = Path(__file__).parents[2]
PRIVATE = re.compile(r"_[a-z]")


@pytest.fixture
def installed(monkeypatch):
    """Versions that seem to be installed, to be filled by a test."""
    versions = {}
    real = tried.version
    monkeypatch.setattr(tried, "version", lambda name: versions.get(name) or real(name))
    warn_untried.cache_clear()
    yield versions
    warn_untried.cache_clear()


@pytest.mark.parametrize("version", ["1.3", "1.3.0", "1.3.7rc1"])
def test_a_tried_version_is_nothing_to_speak_of(installed, caplog, version):
    installed["caproto"] = version
    warn_untried("caproto")
    assert not caplog.messages


@pytest.mark.parametrize("version", ["1.30.0", "1.2.9", "2.1.3", "11.3"])
def test_another_version_is_warned_of_once(installed, caplog, version):
    installed["caproto"] = version
    warn_untried("caproto")
    warn_untried("caproto")
    (message,) = caplog.messages
    assert message == (
        f"caproto {version} was not tried with seccm_ophyd, which relies on its "
        'inside: if something fails, try pip install "caproto==1.3.*"'
    )


def test_the_channel_access_layer_is_looked_at(installed, caplog):
    installed |= {"caproto": "9.0", "ophyd": "9.1"}
    _upstream.mend_channel_access()
    warned = {message.split(" was")[0] for message in caplog.messages}
    assert warned == {"ophyd 9.1"} | (set() if uses_libca() else {"caproto 9.0"})


def test_the_engine_looks_at_bluesky(installed, caplog):
    installed["bluesky"] = "9.2"
    SessionEngine({}).end_loop()
    assert caplog.messages[0].startswith("bluesky 9.2 was not tried")


def test_who_opens_a_catalogue_looks_at_tiled(installed, caplog, tmp_path):
    installed |= {"tiled": "9.3", "bluesky-tiled-plugins": "9.4"}
    with pytest.raises(FileNotFoundError):  # it has none
        open_catalogue(DataFolder(tmp_path))
    warned = [message.split(" was")[0] for message in caplog.messages]
    assert warned == ["tiled 9.3", "bluesky-tiled-plugins 9.4"]


def test_the_simulator_looks_at_caproto(monkeypatch, caplog):
    server._warn_untried()
    assert not caplog.messages
    monkeypatch.setattr(server, "version", lambda name: "1.4.0")
    server._warn_untried()
    assert caplog.messages[0].startswith("caproto 1.4.0 was not tried")
    assert TRIED["caproto"] == server.TRIED


def test_an_installation_gets_tried_versions_only():
    setup = ConfigParser()
    setup.read(ROOT / "setup.cfg")
    lines = setup["options"]["install_requires"].split("\n")
    required = {r.name: r for r in map(Requirement, filter(None, lines))}
    for library, (*_, newest) in TRIED.items():
        allowed = required[library].specifier
        lowest = next(Version(s.version) for s in allowed if s.operator == ">=")
        assert any(str(lowest).startswith(one) for one in TRIED[library])
        major, minor = map(int, newest.split("."))
        assert f"{newest}.999" in allowed
        assert f"{major}.{minor + 1}" not in allowed


def relied_on():
    """Find private names of other libraries, by library, and the modules with them."""
    found = defaultdict(set)
    for info in pkgutil.walk_packages(seccm_ophyd.__path__, "seccm_ophyd."):
        if info.name.endswith("__main__"):
            continue
        module = importlib.import_module(info.name)
        for node in ast.walk(ast.parse(inspect.getsource(module))):
            for library in imported_privately(node):
                found[library].add(info.name)
            if isinstance(node, ast.ClassDef):
                made = getattr(module, node.name, None)
                for library in overridden(node, made):
                    found[library].add(info.name)
    return found


def imported_privately(node):
    """Libraries of which something private is imported."""
    names = []
    if isinstance(node, ast.ImportFrom) and not node.level:
        names = [f"{node.module}.{alias.name}" for alias in node.names]
    elif isinstance(node, ast.Import):
        names = [alias.name for alias in node.names]
    for name in names:
        library, *inside = name.split(".")
        if any(PRIVATE.match(part) for part in inside) and is_of_others(library):
            yield library


def overridden(node, made):
    """Libraries on whose classes a class builds, and uses private names of them."""
    if not inspect.isclass(made):
        return
    own = {n.attr for n in ast.walk(node) if is_of_self(n)}
    own |= {n.name for n in node.body if isinstance(n, ast.FunctionDef)}
    own |= {n.name for n in node.body if isinstance(n, ast.AsyncFunctionDef)}
    private = {name for name in own if PRIVATE.match(name)}
    for base in made.__mro__:
        library = base.__module__.partition(".")[0]
        if is_of_others(library) and private & names_in(base):
            yield library


def names_in(base):
    """What a class defines, and what its methods use."""
    names = set(vars(base))
    for method in filter(inspect.isfunction, vars(base).values()):
        names.update(method.__code__.co_names)
    return names


def is_of_self(node):
    return (
        isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id in ("self", "cls")
    )


def is_of_others(library):
    return library not in {"seccm_ophyd", *sys.stdlib_module_names}


def test_whose_inside_is_relied_on_is_looked_at():
    found = {name.replace("_", "-"): where for name, where in relied_on().items()}
    assert found.keys() >= {"bluesky", "bluesky-tiled-plugins", "caproto", "ophyd"}
    assert not {name: found[name] for name in found.keys() - TRIED.keys()}
