"""A hopping scan that is paused, redone, or ended from a pause."""

import bluesky.plan_stubs as bps
import bluesky.preprocessors as bpp
import pytest
from bluesky.utils import RunEngineInterrupted, single_gen

from seccm_ophyd.plans import hop_scan
from seccm_ophyd.techniques import CurrentSample

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
