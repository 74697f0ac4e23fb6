"""Devices against fakes: describe, stage, stop, time-outs, loss of the instrument."""

import math
from operator import attrgetter

import numpy as np
import pytest
from ophyd import Kind
from ophyd.device import DEVICE_RESERVED_ATTRS
from ophyd.signal import EpicsSignalBase
from ophyd.utils import WaitTimeoutError

from seccm_ophyd.devices import Microscope
from seccm_ophyd.devices.command import REFUSED, STOPPED, TRIPPED
from seccm_ophyd.errors import (
    CommandRefusedError,
    InstrumentLostError,
    NoContactError,
    ParameterError,
    SeccmError,
    StoppedError,
    TrippedError,
)
from seccm_ophyd.techniques import CurrentSample


def components(cls, path=""):
    for name in cls.component_names:
        component = getattr(cls, name)
        yield f"{path}{name}", component
        if hasattr(component.cls, "component_names"):
            yield from components(component.cls, f"{path}{name}.")


def test_every_signal_has_a_kind_and_a_device_prefix_only_suffixes():
    own = [(p, c) for p, c in components(Microscope) if "axis." not in p]
    assert len(own) > 60
    for path, component in own:
        if issubclass(component.cls, EpicsSignalBase) and "xy." not in path:
            assert component.kind != Kind.normal, f"{path}: a default, no decision"
            assert not (component.suffix or "").startswith("SECCM"), path
        assert path.split(".")[-1] not in DEVICE_RESERVED_ATTRS


def test_the_scalars_of_an_event_have_units(fake):
    fake.device.clamp.prepare(CurrentSample())
    for part in (fake.device.z, fake.device.clamp):
        for key, description in part.describe().items():
            assert description["units"] in ("um", "pA", "V", "s"), key


def test_a_landing_gives_its_scalars_and_its_curve(fake):
    z = fake.device.z
    assert np.isnan(z.contact_height.get())
    z.trigger().wait(5)
    assert z.contact_height.get() == 1.0
    assert z.read()["seccm_z_contact_height"]["value"] == 1.0
    assert z.read_curve().shape == (2, 1000)


def test_a_curve_of_another_landing_is_refused(fake):
    z = fake.device.z
    z.trigger().wait(5)
    stale = z.curve.get().copy()
    z.trigger().wait(5)
    z.curve.sim_put(stale)
    with pytest.raises(SeccmError, match="belongs to approach"):
        z.read_curve()
    z.curve.sim_put(stale[:100])
    with pytest.raises(SeccmError, match="100 numbers, not 2002"):
        z.read_curve()


def test_a_landing_without_contact_fails(fake):
    fake.misses = {1}
    with pytest.raises(NoContactError):
        fake.device.z.trigger().wait(5)


@pytest.mark.parametrize(
    ("outcome", "error"),
    [(STOPPED, StoppedError), (TRIPPED, TrippedError), (REFUSED, CommandRefusedError)],
)
def test_each_outcome_has_its_error_and_the_words_of_the_ioc(fake, outcome, error):
    fake.outcomes["withdraw"] = outcome
    with pytest.raises(error, match="the fake says no"):
        fake.device.z.withdraw.trigger().wait(5)


def test_a_result_of_another_number_does_not_settle_a_command(fake):
    fake.silent = {"approach"}
    command = fake.device.z.approach
    status = command.start(timeout_s=5)
    number = command.request.get()
    command.result.sim_put(np.array([number - 1, 1.0] + [0.0] * 8))
    assert not status.done
    command.result.sim_put(np.array([number, 1.0] + [0.0] * 8))
    status.wait(5)


def test_a_command_that_never_answers_times_out(fake):
    fake.silent = {"approach"}
    status = fake.device.z.approach.start(timeout_s=0.05)
    with pytest.raises(TimeoutError):
        status.wait(5)


def test_the_timeout_follows_from_travel_and_rate(fake):
    z = fake.device.z
    slow = z.command_timeout_s("approach")
    z.approach_rate.sim_put(200.0)
    fast = z.command_timeout_s("approach")
    assert slow - fast == pytest.approx(1.5 * (100 / 20 - 100 / 200))


@pytest.mark.parametrize("loss", ["restart", "disconnect"])
def test_a_lost_instrument_fails_every_pending_status_at_once(fake, loss):
    fake.silent = {"approach", "acquire", "seccm_xy_x"}
    m = fake.device
    pending = [m.z.trigger(), m.clamp.trigger(), m.xy.x.set(3.0)]
    if loss == "restart":
        m.link.boot_id.sim_put(99)
    else:
        m.link._connection_changed(connected=False)
    for status in pending:
        with pytest.raises(InstrumentLostError, match="tip state unknown"):
            status.wait(5)


def test_prepare_sets_and_verifies_the_amplifier(fake):
    clamp = fake.device.clamp
    clamp.prepare({"technique": "CurrentSample", "potential_v": 0.7, "samples": 4})
    assert clamp.holding_potential.get() == 0.7
    assert clamp.samples.get() == 4
    assert clamp.prepared == (CurrentSample(potential_v=0.7, samples=4),)
    with pytest.raises(ParameterError):
        clamp.prepare("nothing")


def test_a_setting_that_the_amplifier_does_not_take_is_told(fake):
    clamp = fake.device.clamp
    clamp.holding_potential.subscribe(
        lambda value, **kw: value == 0.7 and clamp.holding_potential.sim_put(0.0),
        run=False,
    )
    with pytest.raises(CommandRefusedError, match=r"is 0.0, not 0.7: the fake says no"):
        clamp.prepare(CurrentSample(potential_v=0.7))


def test_an_acquisition_gives_the_scalars_of_its_technique(fake):
    clamp = fake.device.clamp
    clamp.prepare(CurrentSample())
    assert np.isnan(clamp.read()["seccm_clamp_current"]["value"])
    clamp.trigger().wait(5)
    assert clamp.read()["seccm_clamp_current"]["value"] == 100.0
    assert clamp.hints["fields"] == ["seccm_clamp_current"]
    clamp.trace.sim_put(np.array([1.0, 0.0, 1.0, 0.0, 0.65, 7.0]))
    clamp.trigger().wait(5)
    assert clamp.read()["seccm_clamp_current"]["value"] == 100.0


def test_a_stale_or_short_trace_is_refused(fake):
    clamp = fake.device.clamp
    clamp.trigger().wait(5)
    stale = clamp.trace.get().copy()
    clamp.trigger().wait(5)
    clamp.trace.sim_put(stale)
    with pytest.raises(SeccmError, match="not a trace of"):
        clamp.read()
    clamp.trace.sim_put(np.array([float(clamp.acquire.number), 0.0, 10.0, 1.0]))
    with pytest.raises(SeccmError, match="4 numbers"):
        clamp.read()


def test_a_refused_move_is_told_in_the_words_of_its_refusal(fake):
    axis, link = fake.device.xy.x, fake.device.link
    fake.refused = {(axis.name, 2.0)}
    with pytest.raises(CommandRefusedError) as refused:
        axis.set(2.0).wait(5)
    assert str(refused.value) == "seccm_xy_x was not moved to 2 um: the fake says no"
    link.error_message.sim_put(f"{axis.prefix}: Z:State is CONTACT")
    with pytest.raises(CommandRefusedError, match="to 2 um: the fake says no"):
        axis.set(2.0).wait(5)


def test_an_old_message_is_no_reason_for_what_fails_now(fake):
    link = fake.device.link
    link.error_message.sim_put("tripped: tip crash at z = -0.133 um, no contact")
    before = link.messages
    assert link.error_since(before, "F:Z:Z") == ""
    link.error_message.sim_put("F:Z:Z: Z is moving")
    assert link.error_since(before, "F:Z:Z") == "F:Z:Z: Z is moving"
    assert "Z is moving" in link.error_since(link.messages, "F:Z:Z"), "it names it"


def test_the_sample_is_described_to_the_ioc_and_again_after_a_restart(fake):
    m = fake.device
    m.describe_sample(rest_potential_v=0.3, least_contact_pa_v=8.0)
    told = m.rest_potential, m.z.least_contact
    assert [signal.get() for signal in told] == [0.3, 8.0]
    for signal in told:
        signal.sim_put(1.0)
    m.rehome()
    assert [signal.get() for signal in told] == [0.3, 8.0]


def test_results_are_not_written(fake):
    with pytest.raises(CommandRefusedError, match="cannot be written"):
        fake.device.z.contact_height.put(3.0)


def test_stage_and_unstage_leave_the_instrument_safe(fake):
    fake.device.stage()
    fake.device.unstage()
    fake.device.unstage()
    assert fake.log == ["safe", "safe"]


def test_a_latched_trip_refuses_to_stage_and_tells_why(fake):
    fake.device.tripped.sim_put("yes")
    fake.device.trip_reason.sim_put("tip crash at z = 1.2 um")
    with pytest.raises(SeccmError, match=r"tip crash at z = 1.2 um.*acknowledge"):
        fake.device.stage()


def test_stop_is_bounded_and_says_when_it_cannot_be_sure(fake, caplog, monkeypatch):
    fake.silent = {"safe"}
    monkeypatch.setattr(type(fake.device), "command_timeout_s", lambda *a: 0.05)
    fake.device.stop()
    assert "seccm is NOT known to be safe" in caplog.text


def test_stopping_a_stage_or_the_amplifier_goes_to_the_ioc(fake):
    fake.device.z.stop()
    assert "halt z" in fake.log
    seen = []
    fake.device.clamp.halt.subscribe(lambda value, **kw: seen.append(value), run=False)
    fake.device.clamp.stop()
    assert seen == [1]


@pytest.mark.parametrize("name", ["z.approach", "clamp.acquire"])
def test_what_the_engine_stops_for_a_pause_does_not_fail(fake, name):
    """It stops all that it has set, then pauses; the hop is going to be redone."""
    part, command = (attrgetter(n)(fake.device) for n in (name.split(".")[0], name))
    fake.silent = {name.split(".")[1]}

    def end(value, **kwargs):  # as the IOC does, at once
        command.result.sim_put([numbers[-1], STOPPED, *[math.nan] * 9])

    part.halt.subscribe(end, run=False)
    numbers, paused = [], command.trigger()
    numbers.append(command.awaited)
    part.stop(success=True)
    paused.wait(1)
    failed = command.trigger()
    numbers.append(command.awaited)
    part.stop()
    with pytest.raises(StoppedError):
        failed.wait(1)


def test_a_move_times_out(fake):
    axis = fake.device.xy.x
    fake.silent = {axis.name}
    axis.settle.sim_put(-9.95)
    with pytest.raises((WaitTimeoutError, TimeoutError)):
        axis.set(1.0).wait(5)


class _Late:
    """A signal that is connected once it has been asked so many times."""

    def __init__(self, pvname, asks):
        self.item, self.pvname, self._asks = self, pvname, asks

    @property
    def connected(self):
        self._asks -= 1
        return self._asks < 0


@pytest.mark.parametrize(
    ("asks", "missing"),
    [((0, 4, 8, 12, 16), []), ((0, 4, 100), ["PV2"]), ((0, 30), ["PV1"])],
)
def test_connecting_goes_on_while_further_pvs_answer(monkeypatch, asks, missing):
    monkeypatch.setattr(f"{Microscope.__module__}.PARTIAL_TIMEOUT_S", 0.5)
    monkeypatch.setattr(f"{Microscope.__module__}.CONNECT_POLL_S", 0.05)
    microscope = Microscope("SOME:", name="seccm")
    late = [_Late(f"PV{k}", asked) for k, asked in enumerate(asks)]
    try:
        with monkeypatch.context() as patched:
            patched.setattr(microscope, "walk_signals", lambda: late)
            if not missing:
                microscope.connect(timeout_s=0.5)
                return
            with pytest.raises(InstrumentLostError) as error:
                microscope.connect(timeout_s=0.5)
    finally:
        microscope.destroy()
    assert f": {', '.join(missing)}" in str(error.value)
    assert f"{len(missing)} of {len(asks)} PVs" in str(error.value)


def test_missing_pvs_are_named_in_one_error(monkeypatch):
    microscope = Microscope("NOBODY:", name="seccm")
    try:
        with pytest.raises(InstrumentLostError) as error:
            microscope.connect(timeout_s=0.5)
    finally:
        microscope.destroy()
    assert "PVs of NOBODY: do not answer within 0.5 s: does its IOC run?" in str(
        error.value
    )
    assert "NOBODY:Z:Approach" in str(error.value)
    assert "NOBODY:XY:X.RBV" in str(error.value)
