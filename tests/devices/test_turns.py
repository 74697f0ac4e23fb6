"""Several techniques in one contact: the amplifier takes them up in turn."""

import h5py
import numpy as np
import pytest

from seccm_ophyd.errors import CommandRefusedError
from seccm_ophyd.plans import hop_list
from seccm_ophyd.techniques import CurrentSample, Galvanostatic, ZeroCurrentPotential

TWO = [ZeroCurrentPotential(), Galvanostatic(duration_s=0.1)]


def settings_of(clamp):
    names = ("mode", "samples", "sample_rate", "settle_time", "filter_cutoff")
    return {name: getattr(clamp, name).get() for name in names}


def test_prepared_it_is_set_for_the_approach_and_the_first_of_them(fake):
    clamp = fake.device.clamp
    clamp.prepare([Galvanostatic(approach_potential_v=0.7), CurrentSample()])
    assert clamp.holding_potential.get() == 0.7
    assert settings_of(clamp) == {
        "mode": "VCLAMP",
        "samples": 60,
        "sample_rate": 100.0,
        "settle_time": 0.1,
        "filter_cutoff": 1000.0,
    }
    assert clamp.cutoffs.get().tolist() == [-0.4, 1.2]


def test_a_turn_sets_mode_drive_and_sampling(fake):
    clamp = fake.device.clamp
    clamp.prepare(TWO)
    clamp.set(0).wait(5)
    assert (clamp.mode.get(), clamp.samples.get()) == ("I0", 100)
    clamp.set(1).wait(5)
    assert (clamp.mode.get(), clamp.samples.get()) == ("ICLAMP", 10)
    assert clamp.waveform.get().tolist() == [5.0] * 10
    clamp.set("approach").wait(5)
    assert (clamp.mode.get(), clamp.samples.get()) == ("VCLAMP", 100)


def test_what_one_turn_measured_is_kept_when_the_next_begins(fake):
    clamp = fake.device.clamp
    clamp.prepare([TWO[0], TWO[1], TWO[1]])
    for turn in range(3):
        clamp.set(turn).wait(5)
        clamp.trigger().wait(5)
    shapes = {label: trace.shape for label, trace in clamp.traces().items()}
    assert shapes == {
        "zero_current_potential": (3, 100),
        "galvanostatic": (3, 10),
        "galvanostatic_2": (3, 10),
    }
    reading = clamp.read()
    potential = reading["seccm_clamp_zero_current_potential"]["value"]
    assert potential == pytest.approx(0.38)
    assert reading["seccm_clamp_end_reason_2"]["value"] == "time"
    assert set(reading) == set(clamp.describe())
    clamp.forget()
    assert clamp.traces() == {}
    assert np.isnan(clamp.read()["seccm_clamp_passed_charge_2"]["value"])


def test_a_turn_that_is_not_taken_is_told(fake):
    clamp = fake.device.clamp
    clamp.prepare(TWO)
    clamp.samples.sim_set_putter(lambda value: None)
    with pytest.raises(CommandRefusedError, match="samples is 100, not 10: the fake"):
        clamp.set(1)


def test_a_trace_that_ended_early_is_filled_up_with_nan(RE, fake, tmp_path):
    fake.slope_v_s = 10.0
    fake.device.traces.folder.put(str(tmp_path))
    fake.misses = {2}
    RE(hop_list(fake.device, Galvanostatic(), [(0, 0), (1, 1)]))
    (path,) = tmp_path.glob("*.h5")
    with h5py.File(path) as file:
        landed, missed = file["galvanostatic"][:]
    assert landed.shape == (3, 60)
    assert np.isfinite(landed[:, :10]).all()
    assert np.isnan(landed[:, 10:]).all()
    assert np.isnan(missed).all()
