"""A hopping scan that is paused, redone, or ended from a pause."""

import math

import bluesky.plan_stubs as bps
import bluesky.preprocessors as bpp
import numpy as np
import pytest
from bluesky.plans import count
from bluesky.utils import RunEngineInterrupted, single_gen
from ophyd import Signal
from ophyd.sim import det

from seccm_ophyd.plans import hop_list, hop_scan
from seccm_ophyd.techniques import CurrentSample, Galvanostatic

GRID = (-1, 1, 3, -2, 2, 2)


def events(docs):
    return [doc["data"] for name, doc in docs if name == "event"]


@pytest.mark.parametrize("where", ["approach", "acquire"])
def test_paused_in_contact_the_hop_is_redone_from_its_withdrawal(RE, docs, fake, where):
    """The trap of `bps.move_per_step`: resumed, it would drag the tip."""
    fake.silent = {where}
    m = fake.device
    written = {"approach": m.z.approach.request, "acquire": m.clamp.arm}[where]

    def interrupt(value, **kwargs):
        if where in fake.silent:
            fake.silent = set()
            RE.loop.call_soon_threadsafe(
                lambda: RE.loop.create_task(RE._request_pause_coro())
            )

    written.subscribe(interrupt, run=False)
    with pytest.raises(RunEngineInterrupted):
        RE(hop_scan(m, CurrentSample(), *GRID))
    assert fake.log[-1] == "safe"
    assert m.clamp.holding_potential.get() == 0.0
    before = len(fake.log)
    RE.resume()
    assert m.clamp.prepared == (CurrentSample(),)
    assert fake.log[before : before + 4] == [
        "withdraw",
        ("xy_x", -1.0, "WITHDRAWN"),
        ("xy_y", -2.0, "WITHDRAWN"),
        "approach",
    ]
    moves = [entry for entry in fake.log if isinstance(entry, tuple)]
    assert {state for _, _, state in moves} == {"WITHDRAWN"}
    found = events(docs)
    assert [e["seccm_hop_index"] for e in found] == [0, 1, 2, 3, 4, 5]
    assert [e["seccm_hop_repeated"] for e in found] == [1, 0, 0, 0, 0, 0]


def test_a_redone_hop_that_misses_is_still_one_event(RE, docs, fake):
    fake.silent = {"acquire"}
    m = fake.device

    def interrupt(value, **kwargs):
        if "acquire" in fake.silent:
            fake.silent = set()
            fake.misses = {2}
            RE.loop.call_soon_threadsafe(
                lambda: RE.loop.create_task(RE._request_pause_coro())
            )

    m.clamp.arm.subscribe(interrupt, run=False)
    with pytest.raises(RunEngineInterrupted):
        RE(hop_scan(m, CurrentSample(), *GRID))
    RE.resume()
    outcomes = [e["seccm_hop_outcome"] for e in events(docs)]
    assert outcomes == ["no_contact", *["contact"] * 5]


def test_paused_behind_its_event_a_hop_is_not_redone(RE, docs, fake):
    """Between the save and the next checkpoint a replay would give a second event."""

    def pause(name, doc):
        if doc["seq_num"] == 2:
            RE.loop.create_task(RE._request_pause_coro())

    RE.subscribe(pause, "event")
    with pytest.raises(RunEngineInterrupted):
        RE(hop_scan(fake.device, CurrentSample(), *GRID))
    assert len(events(docs)) == 2
    assert fake.log[-1] == "safe"
    RE.resume()
    found = events(docs)
    assert [e["seccm_hop_index"] for e in found] == [0, 1, 2, 3, 4, 5]
    assert [e["seccm_hop_repeated"] for e in found] == [0] * 6
    assert fake.approaches == 6


@pytest.mark.parametrize("end", ["abort", "stop", "halt"])
def test_ended_from_a_pause_the_instrument_is_safe(RE, docs, fake, end):
    def pause(msg):
        if fake.approaches == 2 and msg.command == "create":
            return bpp.pchain(bps.pause(), single_gen(msg)), None
        return None, None

    plan = hop_scan(fake.device, CurrentSample(), *GRID)
    with pytest.raises(RunEngineInterrupted):
        RE(bpp.plan_mutator(plan, pause))
    fake.log.clear()
    getattr(RE, end)()
    assert "safe" in fake.log
    assert not {"approach", "acquire"} & set(map(str, fake.log))


def pause_once(RE, fake, request):
    """Pause while the first acquisition goes on, which does not answer before."""
    fake.silent = {"acquire"}

    def interrupt(value, **kwargs):
        if fake.silent:
            fake.silent = set()
            RE.loop.call_soon_threadsafe(
                lambda: RE.loop.create_task(RE._request_pause_coro())
            )

    request.subscribe(interrupt, run=False)


def hops_of(docs, fake):
    """Events of the primary stream that hold hops of the fake."""
    key = fake.device.hop.index.name
    streams = {
        doc["uid"]: doc
        for name, doc in docs
        if name == "descriptor" and doc["name"] == "primary"
    }
    return [
        doc["data"]
        for name, doc in docs
        if name == "event" and doc["descriptor"] in streams and key in doc["data"]
    ]


def beside(kind, fake):
    """Give a wrapper that makes other events come while a hop goes on."""
    signal = Signal(name="ring_current", value=1.0)
    fake.device.z.approach.request.subscribe(
        lambda **kwargs: signal.put(signal.get() + 1), run=False
    )
    if kind == "monitor":
        return bpp.SupplementalData(monitors=[signal])
    if kind == "monitor of the hop":
        return bpp.SupplementalData(monitors=[fake.device.hop.index])
    if kind == "baseline":
        return bpp.SupplementalData(baseline=[fake.device])

    def around(plan):
        def with_run(msg):
            own = bpp.set_run_key_wrapper(count([det]), "another")
            if msg.command == "set" and msg.obj is fake.device.hop:
                return None, own
            return None, None

        return bpp.plan_mutator(plan, with_run)

    return around


KINDS = ["monitor", "monitor of the hop", "baseline", "another run"]


@pytest.mark.parametrize("kind", KINDS)
def test_events_of_others_do_not_end_a_hop(RE, docs, fake, kind):
    RE.preprocessors.append(beside(kind, fake))
    pause_once(RE, fake, fake.device.clamp.arm)
    with pytest.raises(RunEngineInterrupted):
        RE(hop_scan(fake.device, CurrentSample(), *GRID))
    RE.resume()
    found = hops_of(docs, fake)
    assert [e["seccm_hop_index"] for e in found] == [0, 1, 2, 3, 4, 5]
    if kind != "another run":  # bluesky goes back no further than to the end of a run
        assert [e["seccm_hop_repeated"] for e in found] == [1, 0, 0, 0, 0, 0]
    assert not any(math.isnan(e["seccm_clamp_current"]) for e in found)


def test_parts_of_a_long_measurement_do_not_end_its_hop(RE, docs, fake):
    clamp = fake.device.clamp
    long = Galvanostatic(current_pa=1.0, duration_s=20.0, interval_s=1.0)

    def publish(value, **kwargs):
        if fake.silent:
            parts = [clamp.acquire.awaited, 0, 1, 1.0, 0.4, 1.0]
            clamp.progress.part.sim_put(np.array(parts))

    clamp.acquire.request.subscribe(publish, run=False)
    pause_once(RE, fake, clamp.acquire.request)
    with pytest.raises(RunEngineInterrupted):
        RE(hop_list(fake.device, long, [(0, 0)]))
    assert [doc["name"] for name, doc in docs if name == "descriptor"] == ["progress"]
    RE.resume()
    (found,) = hops_of(docs, fake)
    assert found["seccm_hop_repeated"] == 1
    assert found["seccm_clamp_charge_time"] > 1.0


def test_a_hop_that_was_recorded_hinders_no_replay_of_a_later_plan(RE, docs, fake):
    """The engine asks everything that it has seen whether it may go back."""
    m = fake.device
    seen = []

    def later():
        yield from bps.checkpoint()
        yield from bps.rd(m.hop.outcome)
        seen.append("before")
        yield from bps.null()
        yield from bps.pause()

    def replayed(msg):
        if seen and msg.command == "null":
            seen.append("null")

    RE.msg_hook = replayed
    with pytest.raises(RunEngineInterrupted):
        RE(bpp.pchain(hop_scan(m, CurrentSample(), *GRID), later()))
    RE.resume()
    assert seen == ["before", "null", "null"]
