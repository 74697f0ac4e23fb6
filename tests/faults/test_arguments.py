"""Arguments of plans that make no sense, or would take for ever."""

import inspect
import math
import subprocess
import sys
import time

import pytest
from bluesky_queueserver.manager import profile_ops
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from seccm_ophyd import plans
from seccm_ophyd.errors import ParameterError
from seccm_ophyd.plans import approach_curves, charge_and_remap, current_map, estimate
from tests.plans.calls import CALLS, moved

# Arguments of each plan that are numbers, and how one is written that is no use.
SENSELESS = st.one_of(
    st.just(math.nan),
    st.sampled_from([math.inf, -math.inf, 1e30, -1e30]),
    st.text(max_size=5),
    st.just(None),
    st.booleans(),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.text(max_size=2), st.integers(), max_size=1),
    st.builds(complex, st.integers(), st.integers(1, 3)),
)
# zero, or less than it, is of no use to these
POSITIVE = {
    *("x_num", "y_num", "repeats", "cycles", "scan_rate_v_s", "duration_s"),
    *("interval_s", "hold_s", "withdraw_um", "approach_rate_um_s"),
    *("travel_limit_um", "max_misses", "gain_mv_pa", "range_pa"),
}
NULLABLE = {"threshold_pa", "gain_mv_pa", "range_pa"}


def numeric(call):
    """Name the arguments of a plan that are single numbers."""
    return [
        name
        for name, parameter in call.parameters.items()
        if parameter.annotation in (int, float, "float | None", float | None)
    ]


CASES = [(call, name) for call in CALLS for name in numeric(call)]
each_number = pytest.mark.parametrize(
    ("call", "name"), CASES, ids=[f"{call.name}-{name}" for call, name in CASES]
)
few = settings(
    max_examples=12,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def drive(plan):
    """Take messages from a plan until a run would open: nothing else is needed here."""
    for message in plan:
        assert message.command in ("read", "null"), f"{message.command} comes first"
        if message.command == "open_run":
            return


def refused(call, microscope, name, value):
    """See that a plan refuses an argument, in words that name it, and only reads."""
    with pytest.raises(ParameterError) as error:
        drive(call(microscope, **{name: value}))
    return str(error.value)


def test_all_numbers_are_found():
    assert {name for _, name in CASES} >= {"x_start", "e_vertex1_v", *POSITIVE}
    assert inspect.signature(plans.hop_scan).parameters["x_num"].annotation is int


@pytest.mark.fault(37)
@each_number
@few
@given(value=SENSELESS)
def test_no_number_at_all(fake, call, name, value):
    if value is None and name in NULLABLE:
        return
    said = refused(call, fake.device, name, value)
    assert "=" in said
    assert any(word in said for word in ("must be", "finite", "whole", "force=True"))
    assert moved(fake) == []


@pytest.mark.fault(37)
@each_number
@few
@given(value=st.one_of(st.just(0), st.floats(-1e3, -1e-9), st.integers(-9, -1)))
def test_nothing_or_less(fake, call, name, value):
    if name in POSITIVE:
        refused(call, fake.device, name, value)
        assert moved(fake) == []


@pytest.mark.fault(37)
@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("current_map", {"x_num": 2.5}, "x_num=2.5 .*whole number"),
        ("current_map", {"potential_v": 650.0}, r"potential_v=650.*-2 and 2 V"),  # mV
        ("current_map", {"x_stop": 10_000.0}, "seccm_xy_x.*-30 and 30 um"),  # nm
        ("hop_scan", {"approach_rate_um_s": 20_000.0}, "0.01 and 200 um/s"),  # nm/s
        ("hop_scan", {"threshold_pa": -2.0}, "threshold_pa=-2 has the wrong sign"),
        ("hop_scan", {"withdraw_um": 20.0, "travel_limit_um": 4.0}, "more than"),
        ("galvanostatic_map", {"e_upper_v": -0.4, "e_lower_v": 1.2}, "e_lower_v|e_up"),
        ("local_charge", {"current_pa": 5e9}, "0 and 20000 pA"),  # a typo of 1e9
        ("hop_list", {"points": [(0, 0, 0)]}, "pair"),
        ("hop_list", {"points": "here"}, "pair"),
    ],
)
def test_the_wrong_unit_or_the_wrong_way_round(fake, name, change, message):
    (call,) = [call for call in CALLS if call.name == name]
    with pytest.raises(ParameterError, match=message):
        drive(call(fake.device, **change))
    assert moved(fake) == []


@pytest.mark.fault(37)
@pytest.mark.parametrize("value", ["three", [1], {"a": 1}])
@each_number
def test_the_queue_server_takes_only_numbers(queue_plans, call, name, value):
    """What is a number and senseless is refused by the plan itself, in the worker."""
    positional = [key for key in call.parameters if key != "microscope"]
    kwargs = dict(zip(positional, call.args, strict=False)) | call.kwargs
    item = {"name": call.name, "args": ["seccm"], "kwargs": {**kwargs, name: value}}
    accepted, why = profile_ops.validate_plan(
        {**item, "item_type": "plan"},
        allowed_plans=queue_plans[0],
        allowed_devices=queue_plans[1],
    )
    assert not accepted
    assert name in why


@pytest.fixture(scope="module")
def queue_plans():
    """List the plans as the worker of a queue server does."""

    class Microscope:
        name = "seccm"

    public = {name: getattr(plans, name) for name in plans.__all__}
    found = profile_ops.existing_plans_and_devices_from_nspace(
        nspace=public, max_depth=1, ignore_invalid_plans=False
    )
    device = {"seccm": {"is_movable": False, "is_readable": True, "is_flyable": False,
                        "classname": "Microscope", "module": "x"}}  # fmt: skip
    return found[0], {**found[1], **device}


# -- size ------------------------------------------------------------------------------

BILLION = (-10, 10, 31_623, -10, 10, 31_623)


@pytest.mark.fault(38)
@pytest.mark.parametrize(
    "make",
    [
        lambda m: current_map(m, *BILLION),
        lambda m: charge_and_remap(m, (0, 0), *BILLION),
        lambda m: approach_curves(m, [(0, 0)], 10**9),
        lambda m: current_map(m, 0, 1, 10**9, 0, 0, 1),
        lambda m: current_map(m, 0, 1, 10**15, 0, 1, 10**15),
    ],
)
def test_a_billion_points_are_refused_with_their_estimate(fake, make):
    begun = time.monotonic()
    with pytest.raises(ParameterError, match=r"\d{10} hops, about .* h, .* GB .*force"):
        drive(make(fake.device))
    with pytest.raises(ParameterError, match="force=True"):
        estimate(make(fake.device))
    assert time.monotonic() - begun < 2.0
    assert moved(fake) == []


MEMORY = """
import resource, seccm_ophyd
from seccm_ophyd.devices import Microscope
from seccm_ophyd.errors import ParameterError
from seccm_ophyd.plans import current_map, estimate
m = Microscope("NOBODY:", name="seccm")
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for force in (False, True):
    try:
        estimate(current_map(m, -10, 10, 31623, -10, 10, 31623, force=force))
    except ParameterError as error:
        print(error)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
m.destroy()
"""


@pytest.mark.fault(38)
def test_and_take_no_memory_even_forced():
    done = subprocess.run(
        [sys.executable, "-c", MEMORY],
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    first, second, grown_kb = done.stdout.splitlines()
    assert "give force=True to run it anyway" in first
    assert "at most 4000000 hops" in second
    assert int(grown_kb) < 50_000


@pytest.mark.slow
@pytest.mark.fault(38)
def test_a_large_map_is_made_when_it_is_forced(fake):
    grid = (-10, 10, 700, -10, 10, 700)
    with pytest.raises(ParameterError, match=r"490000 hops.*force=True"):
        estimate(current_map(fake.device, *grid))
    assert estimate(current_map(fake.device, *grid, force=True)).hops == 490_000
