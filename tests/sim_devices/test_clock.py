"""Instrument time: discrete at scale 0, the wall clock's at any other."""

import asyncio

import pytest

from seccm_ophyd.sim_devices.epics.clock import Clock


class Wall:
    """A wall clock that is moved by hand."""

    def __init__(self):
        self.time = 100.0

    def __call__(self):
        return self.time


def test_discrete_time_moves_by_actions_alone():
    wall = Wall()
    clock = Clock(0, wall=wall)
    wall.time += 50
    assert clock.now == 0

    async def act():
        stop = asyncio.Event()
        assert await clock.wait_until(3600.0, stop)
        assert await clock.wait_until(10.0, stop), "it never goes back"

    asyncio.run(act())
    assert clock.now == 3600.0


def test_two_actions_after_the_same_event_are_parallel_in_discrete_time():
    clock = Clock(0)

    async def act():
        stop = asyncio.Event()
        await clock.wait_until(5.0, stop)
        for duration in (2.0, 1.0):
            await clock.wait_until(clock.start_after(5.0) + duration, stop)

    asyncio.run(act())
    assert clock.now == 7.0


def test_running_time_follows_the_wall_clock():
    wall = Wall()
    clock = Clock(2.0, wall=wall)
    wall.time += 10
    assert clock.now == pytest.approx(5.0)
    assert clock.start_after(1.0) == pytest.approx(5.0)


def test_another_scale_keeps_the_time():
    wall = Wall()
    clock = Clock(2.0, wall=wall)
    wall.time += 10
    for scale in (0, 0.5, 0):
        clock.time_scale = scale
        assert clock.now == pytest.approx(5.0)
    clock.time_scale = 0.5
    wall.time += 1
    assert clock.now == pytest.approx(7.0)


@pytest.mark.parametrize("scale", [0, 1])
def test_a_stop_ends_the_wait(scale):
    clock = Clock(scale)

    async def act():
        stop = asyncio.Event()
        asyncio.get_running_loop().call_later(0.02, stop.set)
        if scale == 0:
            stop.set()
        return await clock.wait_until(1000.0, stop)

    assert not asyncio.run(asyncio.wait_for(act(), 5))
    assert clock.now < 1


def test_a_wait_in_running_time_ticks_and_notices_that_time_is_discrete_now():
    clock = Clock(1.0)
    ticks = []

    async def tick():
        ticks.append(clock.now)
        clock.time_scale = 0

    assert asyncio.run(
        asyncio.wait_for(clock.wait_until(1000.0, asyncio.Event(), tick), 5)
    )
    assert len(ticks) == 1
    assert clock.now == 1000.0


def test_the_actions_of_a_command_follow_each_other_without_delay():
    wall = Wall()
    clock = Clock(1.0, wall=wall)

    async def command():
        stop, times = asyncio.Event(), []
        with clock.on_schedule():
            wall.time += 0.3  # something is computed
            times.append(clock.now)
            wall.time += 1.0
            await clock.wait_until(times[0] + 1.0, stop)
            wall.time += 0.2
            times.append(clock.now)
        return times

    assert asyncio.run(command()) == pytest.approx([0.0, 1.0])
    assert clock.now == pytest.approx(1.5)


def test_others_see_the_time_that_it_is():
    wall = Wall()
    clock = Clock(1.0, wall=wall)
    seen = []

    async def look():
        seen.append(clock.now)

    async def command():
        other = asyncio.create_task(look())
        with clock.on_schedule():
            wall.time += 0.3
            await other
            seen.append(clock.now)

    asyncio.run(command())
    assert seen == pytest.approx([0.3, 0.0])
