"""The plans in the lists of bluesky-queueserver, and items as a queue holds them."""

import json
import os
import shutil
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest
import yaml
from bluesky_queueserver.manager import profile_ops

from seccm_ophyd import plans
from seccm_ophyd.techniques import CurrentSample, CyclicVoltammetry
from tests.plans.calls import BY_NAME, documents, each_plan

PARTS = {"hop", "hop_run_wrapper"}  # of plans of one's own
PLANS = set(plans.__all__) - {
    "Estimate",
    "HopOptions",
    "HopPoint",
    "estimate",
    "hop_run_decorator",
}
PROFILE = Path(__file__).parents[2] / "profile_collection"


@pytest.fixture
def namespace(fake):
    """What a startup script leaves: the plans by name, and the microscope."""
    public = {name: getattr(plans, name) for name in plans.__all__}
    return {**public, "seccm": fake.device}


@pytest.fixture
def existing(namespace):
    return profile_ops.existing_plans_and_devices_from_nspace(
        nspace=namespace, max_depth=1, ignore_invalid_plans=False
    )


@pytest.fixture
def allowed(existing):
    """Plans and devices that the profile allows the group ``primary``."""
    permissions = profile_ops.load_user_group_permissions(
        str(PROFILE / "startup" / "user_group_permissions.yaml")
    )
    return profile_ops.load_allowed_plans_and_devices(
        existing_plans=existing[0],
        existing_devices=existing[1],
        user_group_permissions=permissions,
    )


def item(call, **changes):
    """Write a call as an item of a queue: plain data, the device by its name."""
    names = [name for name in call.parameters if name != "microscope"]
    positional = dict(zip(names, call.args, strict=False))
    kwargs = {**positional, **call.kwargs, **changes}
    plain = {"name": call.name, "args": ["seccm"], "kwargs": kwargs}
    return {**json.loads(json.dumps(plain)), "item_type": "plan", "user": "me"}


def test_every_public_plan_is_listed(existing):
    existing_plans, existing_devices, _, _ = existing
    assert set(existing_plans) == PLANS
    assert list(existing_devices) == ["seccm"]


@each_plan
def test_a_plan_is_listed_with_its_parameters(existing, call):
    listed = existing[0][call.name]
    assert [p["name"] for p in listed["parameters"]] == list(call.parameters)
    assert listed["description"]
    told = {p["name"]: p for p in listed["parameters"]}
    for name, parameter in told.items():
        assert parameter.get("description"), name
    assert told["force"]["annotation"]["type"] == "bool"
    assert told["withdraw_um"]["default"] == "4.0"


@each_plan
def test_a_queued_plan_is_accepted_and_runs(
    RE, docs, existing, allowed, namespace, call
):
    _, _, in_plans, in_devices = existing
    queued = {**item(call), "user_group": "primary"}
    accepted, why = profile_ops.validate_plan(
        queued,
        allowed_plans=allowed[0]["primary"],
        allowed_devices=allowed[1]["primary"],
    )
    assert accepted, why
    prepared = profile_ops.prepare_plan(
        queued,
        plans_in_nspace=in_plans,
        devices_in_nspace=in_devices,
        allowed_plans=allowed[0],
        allowed_devices=allowed[1],
        nspace=namespace,
    )
    RE(prepared["callable"](*prepared["args"], **prepared["kwargs"]))
    assert len(documents(docs, "stop")) == len(call.hops)
    assert documents(docs, "start")[0]["plan_name"] == call.name


@pytest.mark.parametrize(
    "technique",
    [
        CyclicVoltammetry(scan_rate_v_s=10).to_dict(),
        [CurrentSample().to_dict(), CyclicVoltammetry(cycles=2).to_dict()],
    ],
)
def test_a_technique_is_queued_as_a_dict(existing, technique):
    accepted, why = profile_ops.validate_plan(
        item(BY_NAME["hop_scan"], technique=technique),
        allowed_plans=existing[0],
        allowed_devices=existing[1],
    )
    assert accepted, why


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("hop_scan", {"x_num": "three"}),
        ("hop_scan", {"speed": 3}),
        ("cyclic_voltammetry", {"e_start_v": "high"}),
        ("local_charge", {"point": 3}),
    ],
)
def test_a_wrong_item_never_gets_into_the_queue(existing, name, change):
    accepted, why = profile_ops.validate_plan(
        item(BY_NAME[name], **change),
        allowed_plans=existing[0],
        allowed_devices=existing[1],
    )
    assert not accepted
    assert next(iter(change)) in why


def test_a_hop_alone_is_no_plan_of_a_queue(allowed):
    for group in ("root", "primary"):
        assert set(allowed[0][group]) == PLANS - PARTS
        assert "seccm" in allowed[1][group]


@pytest.mark.slow
@pytest.mark.system
def test_the_profile_is_a_startup_of_the_queueserver(tmp_path):
    """As `start-re-manager` loads it: in an IPython kernel, with a simulator."""
    shutil.copytree(PROFILE, tmp_path / "profile_collection")
    (listing,) = entry_points(name="qserver-list-plans-devices")
    code = f"from {listing.module} import {listing.attr} as main; main()"
    options = ["--startup-dir", "profile_collection/startup"]
    done = subprocess.run(
        [sys.executable, "-c", code, *options, "--use-ipython-kernel", "ON"],
        cwd=tmp_path,
        env={**os.environ, "IPYTHONDIR": str(tmp_path / "ipython")},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    made = tmp_path / "existing_plans_and_devices.yaml"
    listed = yaml.safe_load(made.read_text())
    assert set(listed["existing_plans"]) == PLANS - PARTS
    assert set(listed["existing_devices"]) == {"seccm", "z_axis"}
