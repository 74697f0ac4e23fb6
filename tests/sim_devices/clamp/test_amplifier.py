"""Acquisitions in the three clamps, with and without contact."""

import itertools
import time

import numpy as np
import pytest

OK, NO_CONTACT, STOPPED, TRIPPED, REFUSED = range(1, 6)
VCLAMP, ICLAMP, I0 = range(3)
pytestmark = pytest.mark.system


SPOTS = itertools.product(np.arange(-3.4, 3.4, 0.4), np.arange(-2.4, 2.4, 0.4))


@pytest.fixture
def landed(ioc):
    """A simulator whose probe has landed at +0.65 V, where nobody has been before."""
    x, y = next(SPOTS)
    ioc.move(X=x, Y=y)
    ioc.put("Clamp:HoldingPotential", 0.65)
    assert ioc.approach()[1] == OK
    return ioc


def trace(ioc):
    """Read the last trace: number, t (s), E (V), i (pA)."""
    array = ioc.get("Clamp:Trace")
    n = int(array[2])
    assert array[1] == 0
    assert len(array) == 3 + 3 * n
    return array[0], *array[3:].reshape(3, n)


def test_the_samples_of_the_paper(landed):
    contact_time = landed.get("Z:Landing")[9]
    summary = landed.acquire()
    number, outcome, overload, samples, potential, current, sd, charge, at, age = (
        summary
    )
    assert (outcome, overload, samples) == (OK, 0, 10)
    assert number == landed.get("Clamp:AcquireDone")
    assert potential == pytest.approx(0.65)
    assert current > 10.0, "a film of LiFePO4"
    assert charge > 0.02 * current, "more flowed before"
    assert age == pytest.approx(0.02)
    assert at == pytest.approx(contact_time + 0.02)
    same, t, E, i = trace(landed)
    assert same == number
    np.testing.assert_allclose(t, np.arange(10) / 200e3)
    assert E.tolist() == [0.65] * 10
    assert i.mean() == current
    assert i.std() == sd
    assert np.ptp(i) < 1.0, "ten samples within 50 us behind 1 kHz are one value"
    assert landed.word("Clamp:State") == "IDLE"


def test_the_next_acquisition_settles_from_the_end_of_the_last(landed):
    first = landed.acquire()
    second = landed.acquire()
    assert second[9] - first[9] == pytest.approx(0.02 + 10 / 200e3)
    assert second[5] < first[5], "the current decays"
    between = second[7] / (0.02 + 10 / 200e3)  # pC/s
    assert second[5] < between < first[5]


def test_what_a_landing_takes_is_missing_at_the_next(landed):
    first = landed.acquire()
    landed.put("Clamp:SettleTime", 1.0)
    landed.acquire()
    landed.put("Clamp:SettleTime", 0.02)
    landed.withdraw()
    landed.approach()
    assert landed.acquire()[5] < 0.9 * first[5]


def test_an_open_circuit_gives_noise(ioc):
    ioc.put("Clamp:HoldingPotential", 0.65)
    ioc.put("Clamp:Samples", 20000)
    summary = ioc.acquire()
    assert summary[1] == OK
    assert abs(summary[5]) < 0.5
    assert summary[6] == pytest.approx(ioc.get("Clamp:CurrentNoise"), rel=0.4)
    assert np.isnan(summary[9])


def test_a_sweep_in_the_air_shows_the_stray_capacitance(ioc):
    n = 2000
    ioc.put("Clamp:Samples", n)
    ioc.put("Clamp:FilterCutoff", 10e3)
    ioc.put("Clamp:Waveform", np.linspace(0, 1, n))  # 100 V/s
    ioc.acquire()
    _, _, E, i = trace(ioc)
    assert E[-1] == 1.0
    assert i[1000:].mean() == pytest.approx(5.0, abs=0.7)


def test_a_voltammogram_follows_its_waveform(landed):
    landed.put("Clamp:HoldingPotential", 0.0)
    wave = np.concatenate([np.linspace(0, 0.8, 500), np.linspace(0.8, 0, 500)])
    landed.put("Clamp:Samples", len(wave))
    landed.put("Clamp:SampleRate", 1000.0)  # 1.6 V/s
    landed.put("Clamp:Waveform", wave)
    assert landed.acquire()[1] == OK
    _, t, E, i = trace(landed)
    np.testing.assert_array_equal(E, wave)
    assert t[-1] == pytest.approx(0.999)
    assert 0.45 < E[i.argmax()] < 0.75, "oxidation on the way up"
    assert i[500:].min() < 0, "reduction on the way back"


def test_zero_current_reads_the_open_circuit_potential(landed):
    landed.put("Clamp:Mode", I0)
    landed.put("Clamp:SettleTime", 0.1)
    landed.put("Clamp:Samples", 200)
    landed.put("Clamp:SampleRate", 10e3)
    summary = landed.acquire()
    assert summary[1] == OK
    assert 0.3 < summary[4] < 0.55
    assert abs(summary[5]) < 0.5
    assert landed.get("Clamp:Potential") != 0.65


def test_a_current_clamp_ends_at_a_cutoff(landed):
    landed.put("Clamp:Mode", I0)
    landed.put("Clamp:SettleTime", 0.1)
    start = landed.acquire()[4]
    landed.put("Clamp:HoldingCurrent", 50.0)
    landed.put("Clamp:Mode", ICLAMP)
    landed.put("Clamp:SettleTime", 0.0)
    landed.put("Clamp:Cutoffs", [-0.5, 0.8])
    landed.put("Clamp:Samples", 20000)
    landed.put("Clamp:SampleRate", 20e3)
    before = landed.get("IOC:Time")
    summary = landed.acquire()
    assert summary[1] == OK
    _, t, E, i = trace(landed)
    assert 1 <= len(t) < 20000
    assert summary[3] == len(t)
    assert start - 0.05 < E[0] < E[-1]
    assert E[-1] == pytest.approx(0.8, abs=0.05)
    assert summary[2] == 0
    assert i[len(i) // 2 :].mean() == pytest.approx(50.0, abs=0.5)
    assert landed.get("IOC:Time") - before == pytest.approx(t[-1] + 1 / 20e3)


@pytest.mark.parametrize(
    ("rate", "current", "cutoffs"),
    [
        (1.0, 5.0, [-0.5, 0.8]),
        (50.0, 5.0, [-0.5, 0.8]),
        (1.0, -5.0, [0.3, 1.9]),
        (1.0, 5.0, [-5.0, 5.0]),
    ],
    ids=["slow", "upper", "lower", "compliance"],
)
def test_a_cutoff_ends_it_whatever_is_recorded(landed, rate, current, cutoffs):
    landed.put("Clamp:Mode", ICLAMP)
    landed.put("Clamp:SettleTime", 0.0)
    landed.put("Clamp:Cutoffs", cutoffs)
    landed.put("Clamp:Compliance", 1.0)
    landed.put("Clamp:Samples", 5000)
    landed.put("Clamp:SampleRate", rate)
    landed.put("Clamp:Waveform", np.full(5000, current))
    before = landed.get("IOC:Time")
    summary = landed.acquire()
    assert summary[1] == OK
    _, t, E, _ = trace(landed)
    end = np.clip(cutoffs, -1.0, 1.0)[int(current > 0)]
    assert E[-1] == pytest.approx(end, abs=0.02)  # the noise of the potential
    lasted = t[-1] + 1 / rate
    assert 0 < lasted < len(t) / rate
    assert landed.get("IOC:Time") - before == pytest.approx(lasted)
    assert np.diff(t)[:-1] == pytest.approx(1 / rate)


@pytest.mark.parametrize("mode", [ICLAMP, I0])
def test_a_current_clamp_needs_contact(ioc, mode):
    ioc.put("Clamp:Mode", mode)
    assert ioc.acquire()[1] == REFUSED
    assert "no contact" in ioc.text("IOC:ErrorMessage")
    assert ioc.approach()[1] == REFUSED
    assert "VCLAMP" in ioc.text("IOC:ErrorMessage")


@pytest.mark.parametrize(
    ("samples", "waveform", "told"),
    [
        (3, [0.0, 0.1], "Waveform has 2 elements, Samples is 3"),
        (2, [0.0, 2.5], "Waveform leaves -2 to 2 V"),
    ],
)
def test_a_waveform_that_does_not_fit_is_refused(ioc, samples, waveform, told):
    ioc.put("Clamp:Samples", samples)
    ioc.put("Clamp:Waveform", waveform)
    summary = ioc.acquire()
    assert summary[1] == REFUSED
    assert np.isnan(summary[4:]).all()
    assert told in ioc.text("IOC:ErrorMessage")


def test_gain_sets_range_step_and_overload(landed):
    assert landed.get("Clamp:CurrentRange") == pytest.approx(2000.0)
    assert landed.get("Clamp:CurrentStep") == pytest.approx(20 / 65536 / 5e-3)
    landed.put("Clamp:Gain", 500.0)
    assert landed.get("Clamp:CurrentRange") == pytest.approx(20.0)
    assert landed.get("Clamp:CurrentStep") == pytest.approx(20 / 65536 / 0.5)
    landed.put("Clamp:SettleTime", 0.0)
    summary = landed.acquire()
    assert summary[2] == 1
    assert summary[5] == pytest.approx(20.0)
    assert landed.word("Clamp:Overload") == "yes"


def test_the_filter_sets_the_noise(ioc):
    assert ioc.get("Clamp:CurrentNoise") == pytest.approx(0.3, abs=0.03)
    ioc.put("Clamp:FilterCutoff", 10e3)
    assert ioc.get("Clamp:CurrentNoise") == pytest.approx(0.83, abs=0.05)


def test_live_values(landed):
    landed.put("Sim:TimeScale", 1.0)
    with landed.watch("Clamp:Current") as watch:
        watch.wait(lambda _name, value: value > 1.5)
    assert landed.get("Clamp:Potential") == 0.65


def test_a_stop_ends_an_acquisition(start_ioc):
    ioc = start_ioc(time_scale=1)
    ioc.put("Clamp:Samples", 20000)
    ioc.put("Clamp:SampleRate", 2000.0)  # 10 s
    with ioc.watch("Clamp:State", "Clamp:AcquireDone", "IOC:Time") as watch:
        ioc.put("Clamp:Acquire", 1, wait=False)
        watch.wait(lambda name, value: (name, value) == ("Clamp:State", 1))
        ioc.put("Clamp:Acquire", 2, wait=False)
        watch.wait(lambda name, value: (name, value) == ("Clamp:AcquireDone", 2))
        assert ioc.get("Clamp:Summary")[1] == REFUSED
        assert "running" in ioc.refusal("Clamp:HoldingPotential", 0.5)
        watch.wait(lambda name, value: name == "IOC:Time" and value > 0.5)
        start = time.monotonic()
        ioc.put("Clamp:Stop", 1, wait=False)
        watch.wait(lambda name, value: (name, value) == ("Clamp:AcquireDone", 1))
    assert time.monotonic() - start < 1.0
    summary = ioc.get("Clamp:Summary")
    assert summary[1] == STOPPED
    assert 500 < summary[3] < 8000
    assert len(trace(ioc)[1]) == summary[3]


def test_a_withdrawal_ends_an_acquisition(start_ioc):
    ioc = start_ioc(time_scale=0)
    ioc.put("Clamp:HoldingPotential", 0.65)
    ioc.approach()
    ioc.put("Sim:TimeScale", 1.0)
    ioc.put("Clamp:SettleTime", 100.0)
    with ioc.watch("Clamp:State", "Clamp:AcquireDone") as watch:
        ioc.put("Clamp:Acquire", 1, wait=False)
        watch.wait(lambda name, value: (name, value) == ("Clamp:State", 1))
        assert ioc.withdraw()[1] == OK
        watch.wait(lambda name, value: (name, value) == ("Clamp:AcquireDone", 1))
    summary = ioc.get("Clamp:Summary")
    assert (summary[1], summary[3]) == (STOPPED, 0)
    assert len(trace(ioc)[1]) == 0
