"""What is done in a contact, in its order: the switch of the clamp comes after it."""

import numpy as np
import pytest

from seccm_ophyd.errors import CommandRefusedError
from seccm_ophyd.plans import hop_list
from seccm_ophyd.techniques import (
    CurrentSample,
    CyclicVoltammetry,
    Galvanostatic,
    ZeroCurrentPotential,
)
from tests.plans.calls import BY_NAME, documents, each_plan

THREE = [
    ZeroCurrentPotential(),
    Galvanostatic(duration_s=0.1),
    CyclicVoltammetry(scan_rate_v_s=10),
]


def told(messages, microscope):
    """Put the messages of a hop as words."""
    commands = {
        microscope.z.withdraw: "withdraw",
        microscope.z.leave: "leave",
        microscope.z.approach: "approach",
        microscope.arm_approach: "arm approach",
        microscope.arm_hop: "arm hop",
        microscope.clamp.acquire: "acquire",
        microscope.safe: "safe",
    }
    words = []
    for msg in messages:
        if msg.command == "trigger":
            words.append(commands[msg.obj])
        elif msg.command == "set" and msg.obj in (microscope.xy.x, microscope.xy.y):
            words.append(msg.obj.attr_name)
        elif msg.command == "set" and msg.obj is microscope.clamp:
            words.append(f"clamp {msg.args[0]}")
        elif msg.command in ("checkpoint", "create", "save", "prepare"):
            words.append(msg.command)
    return words


@each_plan
def test_each_contact_is_withdraw_move_land_measure(sim_RE, fake, call):
    words = told(sim_RE.simulate_plan(call(fake.device)), fake.device)
    expected = []
    for techniques, hops in zip(call.techniques, call.hops, strict=True):
        if techniques == ("CurrentSample",):
            begin, measured = ["arm hop"], ["acquire"]
        else:
            begin = ["clamp approach", "arm approach"]
            turns = range(len(techniques))
            measured = [word for k in turns for word in (f"clamp {k}", "acquire")]
        landed = ["checkpoint", "withdraw", *begin, "approach", *measured]
        recorded = ["create", "save"]
        # the withdrawal to the next hop goes on while the event is recorded
        others = [*landed, "leave", *recorded] * (hops - 1)
        expected += ["prepare", *others, *landed, *recorded, "safe"]
    assert [word for word in words if word not in ("x", "y")] == expected
    for k, word in enumerate(words):
        if word in ("x", "y"):  # only ever behind the withdrawal
            assert words[k - 1] in ("withdraw", "x", "y")


def test_the_amplifier_switches_only_in_contact_and_back_before_the_next(RE, fake):
    RE(hop_list(fake.device, THREE, [(0, 0), (1, 0)]))
    hop = ["approach", "to I0", "acquire", "to ICLAMP", "acquire",
           "to VCLAMP", "acquire"]  # fmt: skip
    done = [entry for entry in fake.log if isinstance(entry, str) and entry != "safe"]
    assert done == ["withdraw", *hop, "withdraw", *hop]


def test_the_clamp_is_back_before_the_probe_comes_down_again(RE, fake):
    RE(hop_list(fake.device, ZeroCurrentPotential(), [(0, 0), (1, 0)]))
    done = [entry for entry in fake.log if isinstance(entry, str) and entry != "safe"]
    hop = ["withdraw", "to VCLAMP", "approach", "to I0", "acquire"]
    assert done == [*(word for word in hop if word != "to VCLAMP"), *hop, "to VCLAMP"]


def test_several_techniques_take_one_landing_and_one_event(RE, docs, fake):
    RE(hop_list(fake.device, THREE, [(0, 0)]))
    assert fake.approaches == 1
    (event,) = documents(docs, "event")
    data = event["data"]
    assert data["seccm_clamp_zero_current_potential"] == pytest.approx(0.38)
    assert data["seccm_clamp_end_reason"] == "time"
    assert data["seccm_clamp_passed_charge"] == pytest.approx(0.5)
    assert data["seccm_clamp_anodic_current"] == pytest.approx(101.0)
    (descriptor,) = documents(docs, "descriptor")
    for scalar in (scalar for made in THREE for scalar in made.scalars):
        key = descriptor["data_keys"][f"seccm_clamp_{scalar.name}"]
        assert (key["units"], key["dtype"]) == (scalar.units, scalar.dtype)


def test_a_charge_that_reaches_its_cutoff_tells_so(RE, docs, fake):
    fake.slope_v_s = 10.0
    RE(BY_NAME["charge_discharge"](fake.device))
    data = documents(docs, "event")[0]["data"]
    assert data["seccm_clamp_end_reason"] == "upper cut-off"
    assert data["seccm_clamp_end_potential"] > 0.8
    assert data["seccm_clamp_charge_time"] == pytest.approx(0.2)
    assert data["seccm_clamp_end_reason_2"] == "lower cut-off"
    assert data["seccm_clamp_passed_charge_2"] < 0


def test_a_missed_landing_has_nothing_of_any_technique(RE, docs, fake):
    fake.misses = {1}
    RE(hop_list(fake.device, THREE, [(0, 0), (1, 1)]))
    missed, landed = (event["data"] for event in documents(docs, "event"))
    for key in ("seccm_clamp_zero_current_potential", "seccm_clamp_anodic_current"):
        assert np.isnan(missed[key])
        assert np.isfinite(landed[key])
    assert (missed["seccm_clamp_end_reason"], landed["seccm_clamp_end_reason"]) == (
        "",
        "time",
    )
    assert fake.log.count("acquire") == 3


def test_a_clamp_that_does_not_switch_ends_the_run_safely(RE, docs, fake):
    mode = fake.device.clamp.mode
    mode.sim_set_putter(lambda value: value == "VCLAMP" and mode.sim_put(value))
    with pytest.raises(CommandRefusedError, match="is 'VCLAMP', not 'I0'"):
        RE(hop_list(fake.device, THREE, [(0, 0)]))
    assert documents(docs, "stop")[0]["exit_status"] == "fail"
    assert "acquire" not in fake.log
    assert fake.log[-1] == "safe"


@pytest.mark.parametrize("as_dicts", [False, True])
@pytest.mark.parametrize("several", [False, True])
def test_a_technique_is_an_object_or_a_dict_alone_or_in_a_list(
    RE, docs, fake, as_dicts, several
):
    made = THREE if several else THREE[0]
    given = made
    if as_dicts:
        given = [each.to_dict() for each in made] if several else made.to_dict()
    RE(hop_list(fake.device, given, [(0, 0)]))
    (start,) = documents(docs, "start")
    wanted = [each.to_dict() for each in (THREE if several else THREE[:1])]
    assert start["techniques"] == wanted
    assert start["plan_args"]["technique"] == (wanted if several else wanted[0])
    assert fake.device.clamp.prepared == tuple(THREE if several else THREE[:1])


def test_a_current_sample_behind_another_technique_is_taken_up_in_its_turn(RE, fake):
    sample = CurrentSample(potential_v=0.7)
    RE(hop_list(fake.device, [ZeroCurrentPotential(), sample], [(0, 0)]))
    assert fake.device.clamp.traces()["current_sample"][1].tolist() == [0.7] * 10
