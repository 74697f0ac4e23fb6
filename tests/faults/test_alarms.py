"""Suspect landings and lost contacts by the hundred: no false alarm, none missed."""

import numpy as np
import pytest

from seccm_ophyd.devices.z_stage import SUSPECT
from seccm_ophyd.sim_devices.faults import LandingFault
from seccm_ophyd.sim_devices.ioc import SeccmIOC, open_sample
from seccm_ophyd.sim_devices.stages.landing import Landing
from seccm_ophyd.techniques import (
    Chronoamperometry,
    CurrentSample,
    CyclicVoltammetry,
    Galvanostatic,
    LinearSweepVoltammetry,
    contact_loss,
)


@pytest.fixture(params=["composite", "film"])
def sample(request):
    return request.param


def landings(name, seed, number, burst=None):
    """Land here and there at +0.65 V; gives simulator and landing."""
    surface = open_sample(name, seed=seed, electrolyte="LiCl")
    ioc = SeccmIOC("A:", sample=surface, seed=seed, time_scale=0)
    ioc.clamp.holding_potential._data["value"] = 0.65
    rng = np.random.default_rng(seed)
    for k in range(number):
        for axis, size in enumerate(ioc.sample.size):
            place = rng.uniform(-0.45, 0.45) * size
            ioc.mechanics.axes = ioc.mechanics.moved(axis, place, 0.0)
        over = ioc.mechanics.over_sample(0.0)
        height = 1e6 * ioc.mechanics.surface(ioc.sample, *over, 0.0)
        ioc.z.z.position = height + 4.0
        yield ioc, Landing(ioc, k, height - 3.0, 20.0, LandingFault(burst=burst))


@pytest.mark.fault(11)
@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("burst", [None, 0.3])
def test_a_spike_is_told_from_a_contact(sample, seed, burst):
    for _, landing in landings(sample, seed, 300, burst):
        landing.verify(0.012)
        values = landing.values(landing.descent.sample, 0.0)
        above, noise = values[8] - values[4], values[9]
        assert (abs(above) < SUSPECT * noise) == (burst is not None)


@pytest.mark.fault(12)
@pytest.mark.parametrize(
    "technique",
    [
        CurrentSample(),
        CurrentSample(samples=2000),
        Chronoamperometry(),
        Chronoamperometry(potential_v=0.1, e_initial_v=0.7, rest_s=0.0),
        CyclicVoltammetry(),
        CyclicVoltammetry(scan_rate_v_s=10.0, cycles=2),
        CyclicVoltammetry(scan_rate_v_s=1000.0),
        LinearSweepVoltammetry(scan_rate_v_s=1.0),
        Galvanostatic(),
        Galvanostatic(current_pa=-50.0, interval_s=0.001),
    ],
    ids=str,
)
def test_a_kept_contact_is_not_called_lost(sample, technique):
    wanted = technique.acquisition
    dt = 1 / wanted.sample_rate_hz
    for ioc, landing in landings(sample, 5, 15):
        clamp = ioc.clamp
        clamp.filter_cutoff._data["value"] = wanted.filter_hz
        clamp.cell.land(landing.descent, landing.contact)
        clamp.mode._data["value"] = wanted.mode
        clamp.holding_potential._data["value"] = wanted.hold
        clamp.cutoffs._data["value"] = list(wanted.cutoffs_v)
        if wanted.mode == "VCLAMP":
            landing.contact.hold(wanted.hold, wanted.settle_s)
        waveform = np.zeros(1) if wanted.waveform is None else wanted.waveform
        taken = clamp.conditions().acquisition(
            landing.contact, waveform, wanted.samples, dt, np.random.default_rng(3)
        )
        taken.advance(wanted.samples)
        trace = taken.read().trace(1)[3:].reshape(3, -1)
        noise = 1e12 * clamp.current_input.noise_rms
        assert contact_loss(trace, wanted, noise) is None
        clamp.holding_potential._data["value"] = 0.65
        clamp.mode._data["value"] = "VCLAMP"
