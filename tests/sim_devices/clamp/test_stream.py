"""Long acquisitions: their trace comes in parts, and they can be stopped on the way."""

import threading

import numpy as np
import pytest

OK, NO_CONTACT, STOPPED = range(1, 4)
ICLAMP, I0 = 1, 2
system = pytest.mark.system


@pytest.fixture
def landed(ioc):
    """A simulator whose probe has landed."""
    ioc.put("Clamp:HoldingPotential", 0.65)
    assert ioc.approach()[1] == OK
    return ioc


def ask(ioc, samples, rate, **settings):
    ioc.put("Clamp:Samples", samples)
    ioc.put("Clamp:SampleRate", rate)
    ioc.put("Clamp:SettleTime", 0.0)
    for name, value in settings.items():
        ioc.put(f"Clamp:{name}", value)


class Parts:
    """The updates of ``Clamp:TracePart``, each as first sample and (t, E, i)."""

    def __init__(self, ioc):
        self._ioc = ioc
        self.all, self.came = [], threading.Condition()
        self._subscription = ioc.pv("Clamp:TracePart").subscribe()
        self._subscription.add_callback(self._received)
        self.wait(1)
        self.all.clear()

    def _received(self, _subscription, response):
        number, first, n = (int(value) for value in response.data[:3])
        with self.came:
            part = response.data[3 : 3 + 3 * n].reshape(3, n)
            self.all.append((number, first, part))
            self.came.notify_all()

    def wait(self, count):
        with self.came:
            assert self.came.wait_for(lambda: len(self.all) >= count, 20)

    def of(self, number, share=0.9):
        """Return the parts of an acquisition that has ended, and its whole trace."""
        flat = self._ioc.get("Clamp:Trace")
        assert list(flat[:2]) == [number, 0]
        whole = flat[3:].reshape(3, int(flat[2]))
        with self.came:
            assert self.came.wait_for(
                lambda: self._reached() >= share * whole.shape[1], 20
            )
        self._subscription.clear()
        assert {part[0] for part in self.all} == {number}
        return [part[1:] for part in self.all], whole

    def _reached(self):
        return self.all[-1][1] + self.all[-1][2].shape[1] if self.all else 0


@system
@pytest.mark.parametrize("cutoff", [1000.0, 20.0])
def test_the_parts_of_a_long_acquisition_are_the_whole(landed, cutoff):
    sweep = np.linspace(0.65, 0.0, 2000)
    ask(landed, 2000, 500.0, Waveform=sweep, FilterCutoff=cutoff)
    parts = Parts(landed)
    number = landed.run("Clamp:Acquire")
    some, whole = parts.of(number)
    assert 40 <= len(some) <= 50
    assert whole.shape == (3, 2000)
    np.testing.assert_array_equal(whole[1], sweep)
    stop = 0
    for first, part in some:
        assert first == stop, "each goes on where the last one ended"
        stop = first + part.shape[1]
        np.testing.assert_array_equal(part[:2], whole[:2, first:stop])
        np.testing.assert_allclose(part[2], whole[2, first:stop], atol=0.5)
    assert 0.9 * 2000 < stop < 2000
    np.testing.assert_array_equal(landed.get("Clamp:Trace")[3:], whole.ravel())


@system
def test_a_short_acquisition_comes_at_once(landed):
    ask(landed, 20000, 25e3)
    with landed.watch("Clamp:Trace") as watch:
        landed.run("Clamp:Acquire")
        watch.wait(lambda _name, _value: True)
        landed.run("Z:Withdraw")  # behind all that the acquisition published
    assert len(watch.seen) == 1


@system
def test_a_trace_comes_every_second_where_time_runs(start_ioc):
    ioc = start_ioc(time_scale=0.1)
    ask(ioc, 5000, 200.0)  # 25 s in 2.5 s
    parts = Parts(ioc)
    live = []
    with ioc.watch("Clamp:Current", "Clamp:AcquireDone") as watch:
        ioc.put("Clamp:Acquire", 1, wait=False)
        watch.wait(lambda name, _value: name == "Clamp:AcquireDone")
        live = [value for name, value in watch.seen if name == "Clamp:Current"]
    some, whole = parts.of(1, 0.6)
    assert len(some) == 2
    assert [first for first, _ in some] == [0, some[0][1].shape[1]]
    assert whole.shape == (3, 5000)
    assert len(live) > 5
    assert set(live) & set(whole[2]), "what is shown live is what is recorded"


@pytest.fixture
def charging(landed):
    """Start an acquisition of number 10000 that takes long to work out: 20000 steps."""
    landed.put("Clamp:Mode", I0)
    ask(landed, 20000, 10e3)
    landed.put("Clamp:Stop", 0)
    parts = Parts(landed)
    landed.put("Clamp:Acquire", 10_000, wait=False)
    parts.wait(1)
    return landed


def end_of(ioc):
    """Wait for the end of it, and return its summary."""
    with ioc.watch("Clamp:Summary") as watch:
        if ioc.get("Clamp:AcquireDone") != 10_000:
            watch.wait(lambda _name, value: value == 10_000)
    return ioc.get("Clamp:Summary")


@system
def test_a_stop_ends_a_long_charge_in_discrete_time(charging):
    start = charging.get("Z:Landing")[9]
    charging.put("Clamp:Stop", 1, wait=False)
    summary = end_of(charging)
    assert summary[1] == STOPPED
    assert 400 <= summary[3] < 20000
    assert summary[3] % 400 == 0, "between two parts"
    begun = start + charging.get("Z:VerifyTime")
    assert charging.get("IOC:Time") - begun == pytest.approx(summary[3] * 1e-4)
    assert charging.get("Clamp:Trace")[2] == summary[3]


@system
def test_make_safe_ends_a_long_charge_in_discrete_time(charging):
    charging.put("IOC:MakeSafe", 10_001, wait=False)
    assert end_of(charging)[1] == STOPPED
    charging.run("IOC:MakeSafe")
    assert charging.word("Z:State") == "WITHDRAWN"
    assert charging.get("Clamp:HoldingPotential") == 0.0


@system
@pytest.mark.parametrize(("scale", "rate"), [(0.0, 20.0), (0.02, 1.0)])
def test_a_cutoff_ends_a_long_charge(start_ioc, scale, rate):
    """Also where a part is but a sample, which may be the one beyond."""
    ioc = start_ioc()
    ioc.put("Clamp:HoldingPotential", 0.65)
    assert ioc.approach()[1] == OK
    ioc.put("Clamp:Mode", ICLAMP)
    ioc.put("Sim:TimeScale", scale)
    ask(ioc, 2000, rate, HoldingCurrent=0.5, Cutoffs=[-0.5, 0.75])
    summary = ioc.acquire()
    assert summary[1] == OK
    assert 1 <= summary[3] < 2000, "fewer samples than asked for, and not stopped"
    E = ioc.get("Clamp:Trace")[3:].reshape(3, -1)[1]
    assert E[-1] > 0.745
    assert (E[:-1] < 0.76).all()


@system
def test_a_rising_motor_ends_an_acquisition(start_ioc):
    ioc = start_ioc()
    ioc.put("Clamp:HoldingPotential", 0.65)
    assert ioc.approach()[1] == OK
    z = ioc.get("Z:Z.RBV")
    ioc.put("Sim:TimeScale", 1.0)
    ask(ioc, 1000, 10.0)
    with ioc.watch("Clamp:State", "Clamp:AcquireDone", "Z:Z.DMOV") as watch:
        ioc.put("Clamp:Acquire", 1, wait=False)
        watch.wait(lambda name, value: (name, value) == ("Clamp:State", 1))
        ioc.put("Z:Z", z + 5.0, wait=False)
        watch.wait(lambda name, value: (name, value) == ("Clamp:AcquireDone", 1))
        watch.wait_pulse("Z:Z.DMOV")
    assert ioc.get("Clamp:Summary")[1] == STOPPED
    assert ioc.word("Z:State") == "WITHDRAWN"


# --- without an IOC -----------------------------------------------------------------
