"""An acquisition, chunk by chunk, without an IOC."""

import asyncio

import numpy as np
import pytest

from seccm_ophyd.sim_devices.clamp.acquisition import Acquisition
from seccm_ophyd.sim_devices.clamp.imposed import VoltageClamp
from seccm_ophyd.sim_devices.epics.clock import Clock
from seccm_ophyd.sim_devices.physics.current_input import CurrentInput


def acquisition():
    n, dt = 1000, 2e-3
    rng = np.random.default_rng(1)
    signal = CurrentInput(gain=5e9, cutoff=50.0)
    drive = np.repeat([0.0, 0.5], n // 2)
    added = signal.noise(n, dt, rng)
    return Acquisition(VoltageClamp(None, 0.0), drive, dt, signal, added)


def play(taken, clock, tick):
    halt = asyncio.Event()
    asyncio.run(taken.play(clock, 0.0, halt, lambda: tick(halt)))


def test_filter_and_noise_do_not_depend_on_the_chunks():
    once, chunked = acquisition(), acquisition()
    once.advance(1000)
    while not chunked.is_over:
        chunked.advance(7)
    np.testing.assert_array_equal(once.read().current, chunked.read().current)
    part = once.read(400, 650)
    np.testing.assert_allclose(
        part.current, once.read().current[400:650], atol=2 * once.signal.step
    )


def test_a_stop_in_discrete_time_drops_nothing_that_was_applied():
    taken, told = acquisition(), []

    async def tick(halt):
        told.append(taken.taken)
        if len(told) == 3:
            halt.set()

    play(taken, Clock(0.0), tick)
    assert told == [20, 40, 60]
    assert (taken.taken, taken.applied, taken.is_stopped) == (60, 60, True)


def test_an_acquisition_that_nobody_stops_takes_all():
    taken, told = acquisition(), []

    async def tick(_halt):
        told.append(taken.taken)

    clock = Clock(0.0)
    play(taken, clock, tick)
    assert told == list(range(20, 1000, 20))
    assert (taken.taken, taken.is_stopped) == (1000, False)
    assert clock.now == pytest.approx(2.0)
