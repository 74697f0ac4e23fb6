"""Modules by their old names."""

import importlib
import pkgutil
import subprocess
import sys

import pytest

import seccm_ophyd
from seccm_ophyd import plans, storage
from seccm_ophyd.plans import hop_scan, scans
from seccm_ophyd.storage.locks import WriterLock

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


# where what somebody may have imported from each is now, below `storage`
STORAGE = {
    ("backlog", "CatalogueWriter"): "catalogue.writer.backlog",
    ("by_reference", "by_reference"): "catalogue.by_reference",
    ("coherence", "Coherence"): "journal.coherence",
    ("coherence", "problem"): "journal.needed",
    ("compare", "differences"): "catalogue.compare",
    ("damage", "damage_of"): "journal.damage",
    ("databases", "create_databases"): "catalogue.databases",
    ("fletcher", "rows_before"): "traces.fletcher",
    ("follower", "Document"): "journal.lines",
    ("follower", "Follower"): "journal.follower",
    ("follower", "JournalError"): "journal.ends",
    ("follower", "documents"): "journal.reader",
    ("follower", "read_journal"): "journal.reader",
    ("foreign", "name_foreign"): "journal.foreign",
    ("forms", "Forms"): "catalogue.writer.forms",
    ("hop_counter", "HopCounter"): "journal.hop_counter",
    ("index", "JournalInfo"): "journal.info",
    ("index", "journals"): "journal.index",
    ("ingest", "write_run"): "catalogue.writer.ingest",
    ("journal_run", "JournalRun"): "journal.journal_run",
    ("kept", "check_kept"): "journal.kept",
    ("launch", "start_writer"): "catalogue.writer.launch",
    ("layout", "DataFolder"): "data_folder",
    ("lines", "read_lines"): "journal.read_lines",
    ("lines", "seal"): "journal.lines",
    ("lookup", "choose"): "journal.lookup",
    ("ordering", "order_catalogue"): "catalogue.writer.ordering",
    ("places", "place_to_open"): "catalogue.places",
    ("profiles", "write_profile"): "catalogue.profiles",
    ("recorded", "restored"): "catalogue.recorded",
    ("refusal", "forget_run"): "catalogue.refusal",
    ("run_counter", "RunCounter"): "journal.run_counter",
    ("runs_mapping", "RunsMapping"): "catalogue.runs_mapping",
    ("shared_by_tiled", "identity"): "catalogue.shared_by_tiled",
    ("soundness", "what_is_wrong"): "catalogue.soundness",
    ("stored_run", "of_folder"): "catalogue.stored_run",
    ("superblock", "open_traces"): "traces.superblock",
    ("tally", "count_events"): "journal.hop_counter",
    ("trace_adapter", "trace_adapter"): "catalogue.trace_adapter",
    ("trace_reader", "read_rows"): "traces.trace_reader",
    ("values", "values_differ"): "catalogue.compare_values",
    ("writer", "run_writer"): "catalogue.writer",
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


@pytest.mark.parametrize(("old", "new"), STORAGE.items())
def test_an_old_module_of_the_storage_is_the_new_one(old, new):
    module, name = old
    said = rf"storage\.{module} is now seccm_ophyd\.storage\.{new}:"
    with pytest.warns(DeprecationWarning, match=said):
        found = getattr(importlib.import_module(f"seccm_ophyd.storage.{module}"), name)
    assert found is getattr(importlib.import_module(f"seccm_ophyd.storage.{new}"), name)


@pytest.mark.parametrize(
    ("room", "names"),
    [
        ("catalogue", ["SessionCatalogue", "close_catalogue", "open_catalogue"]),
        ("journal", ["Journal", "append_line", "encode"]),
        ("traces", ["TraceFile"]),
    ],
)
def test_a_module_that_has_become_a_room_has_its_names(room, names):
    module = importlib.import_module(f"seccm_ophyd.storage.{room}")
    for name in names:
        assert getattr(module, name).__name__ == name


@pytest.mark.parametrize("name", ["writer", "catalogue.writer"])
def test_a_session_that_is_open_during_an_upgrade_starts_its_writer(name, tmp_path):
    folder = storage.DataFolder(tmp_path).create()
    with WriterLock(folder):  # one is at work: this one ends at once
        done = subprocess.run(
            [
                sys.executable,
                "-W",
                "error",
                "-m",
                f"seccm_ophyd.storage.{name}",
                folder.root,
            ],
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
    assert "the writing of the catalogue is held by process" in done.stderr
    assert len(done.stderr.splitlines()) == 1


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
