"""A stored run is looked up while the engine goes on turning."""

import asyncio
import threading

import pytest

from seccm_ophyd.errors import ParameterError
from seccm_ophyd.plans import current_map, hop_list, resume_scan
from seccm_ophyd.plans._run.looking_up import look_up
from seccm_ophyd.plans.estimate import estimate
from seccm_ophyd.techniques import CurrentSample

GRID = (-1, 1, 3, -2, 2, 2)


@pytest.fixture
def turns(RE):
    """Count turns of the loop: 20 more, and the look-up may end."""
    enough = threading.Event()

    async def turn():
        for _ in range(20):
            await asyncio.sleep(0.005)
        enough.set()

    def wait():
        assert threading.current_thread() is not RE._th
        asyncio.run_coroutine_threadsafe(turn(), RE.loop)
        assert enough.wait(10), "the loop stands still"

    return wait


def stored(RE, fake, docs):
    RE(current_map(fake.device, *GRID))
    run = list(docs)
    docs.clear()
    return run


def test_a_target_is_found_while_the_loop_turns(RE, docs, fake, turns):
    run = stored(RE, fake, docs)
    fake.device.find_run = lambda key: (turns(), run)[1]
    RE(hop_list(fake.device, CurrentSample(), {"run": -1, "rule": "brightest"}))
    assert docs[-1][1]["exit_status"] == "success"


def test_a_run_to_be_resumed_is_found_while_the_loop_turns(RE, docs, fake, turns):
    whole = stored(RE, fake, docs)
    cut = [pair for pair in whole if pair[0] != "stop"][:-3]
    fake.device.find_run = lambda key: (turns(), cut)[1]
    RE(resume_scan(fake.device, -1))
    assert docs[-1][1]["num_events"]["primary"] == 3


def test_an_estimate_asks_by_itself(RE, docs, fake):
    run = stored(RE, fake, docs)
    fake.device.find_run = lambda key: run
    point = {"run": -1, "rule": "brightest"}
    assert estimate(hop_list(fake.device, CurrentSample(), point)).hops == 1


def test_what_a_look_up_raises_is_raised_in_the_plan(RE):
    def ask():
        raise ParameterError("no such run")

    def plan():
        with pytest.raises(ParameterError, match="no such run"):
            yield from look_up(ask)

    RE(plan())
