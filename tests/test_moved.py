"""Modules by their old names."""

import importlib
import pkgutil

import pytest

import seccm_ophyd
from seccm_ophyd import plans
from seccm_ophyd.plans import hop_scan, scans

# what somebody may have imported from them
OLD = {
    "at_points": "cyclic_voltammetry",
    "checks": "check_points",
    "contact_threshold": "signed_threshold",
    "flying": "fly_along",
    "grid": "Grid",
    "hop_heights": "Surroundings",
    "hop_plan": "hop_plan",
    "hop_run": "hop_run",
    "input_range": "Overloads",
    "lines": "KnownSurface",
    "metadata": "check_metadata",
    "misses": "Misses",
    "path": "PointList",
    "per_hop": "hop",
    "remapping": "charge_and_remap",
    "stepping": "step_along",
    "targets": "find_points",
    "withdrawals": "check_withdrawal",
}


ROOT = {
    "composing": "SparingBundler",
    "demo": "demo",
    "detached": "start_view",
    "engine": "SessionEngine",
    "lease": "Lease",
    "opening": "settle",
    "operate": "Instrument",
    "refusals": "show_briefly",
    "settings": "number",
    "signals": "EndSignals",
    "simulator": "PrivateSimulator",
    "storing": "Storing",
    "toml_file": "read_toml",
}


@pytest.mark.parametrize(("module", "name"), ROOT.items())
def test_an_old_module_of_the_package_is_the_new_one(module, name):
    old = importlib.import_module(f"seccm_ophyd.{module}")
    with pytest.warns(DeprecationWarning, match=f"{module} is now seccm_ophyd"):
        assert getattr(old, name).__module__ != old.__name__


@pytest.mark.parametrize(("module", "name"), OLD.items())
def test_an_old_module_of_the_plans_is_the_new_one(module, name):
    old = importlib.import_module(f"seccm_ophyd.plans.{module}")
    with pytest.warns(DeprecationWarning, match=f"{module} is now seccm_ophyd.plans"):
        found = getattr(old, name)
    assert not found.__module__.endswith(f".{module}") or "_run" in found.__module__


def test_a_name_of_an_old_module_is_that_of_the_new_one():
    with pytest.warns(DeprecationWarning, match=r"hop_scan is now .*plans\.scan"):
        from seccm_ophyd.plans.hop_scan import hop_scan as old
    assert old is hop_scan is plans.hop_scan is scans.hop_scan
    said = pytest.warns(DeprecationWarning, match="at_points is now")
    with said, pytest.raises(AttributeError, match="speed"):
        plans.at_points.speed  # noqa: B018


def test_importing_everything_warns_of_nothing():
    for module in pkgutil.walk_packages(seccm_ophyd.__path__, "seccm_ophyd."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
