"""The hops of a line: handed out, acknowledged, and kept until they are."""

import pytest

from seccm_ophyd.sim_devices.hopping.kept import MOST_LINES, KeptLines
from seccm_ophyd.sim_devices.hopping.results import LineResults

pytestmark = pytest.mark.system


def line(number, hops=0):
    made = LineResults(number, [10], 100_000)
    for _ in range(hops):
        made.add(object())
    return made


def test_what_is_acknowledged_is_forgotten():
    made = line(7, 5)
    made.acknowledge(3)
    made.acknowledge(2)  # told late
    assert (made.done, made.acknowledged, made.waiting) == (5, 3, 2)
    assert made.part(0)[2] == 0
    made.acknowledge(99)
    assert (made.done, made.waiting) == (5, 0)


def test_a_line_is_kept_until_all_of_it_is_acknowledged():
    lines = KeptLines(line(1, 3))
    assert lines.begin(line(2, 4), keep=True) is None
    assert lines.table() == [2, 4, 0, 1, 3, 0]
    assert lines.find(1).done == 3
    assert lines.find(0).number == 2
    assert lines.acknowledge(1, 3, 2)
    assert lines.table() == [2, 4, 0, 1, 3, 2]
    assert lines.acknowledge(1, 3, 3)
    assert not lines.acknowledge(1, 3, 3)
    lines.begin(line(3), keep=False)
    assert lines.table() == [3, 0, 0]


def test_too_many_lines_are_not_kept_without_a_word():
    lines = KeptLines(line(1, 1))
    dropped = [lines.begin(line(k, 1), keep=True) for k in range(2, 12)]
    assert [results and results.number for results in dropped] == [
        *[None] * (MOST_LINES - 1),
        1,
        2,
        3,
    ]
    assert len(lines.table()) == 3 * MOST_LINES


def begin_line(ioc, points, *, window):
    """Store a turn and start a line; returns its number."""
    ioc.put("Clamp:Samples", 10)
    ioc.put("Hop:Turns", 0)
    ioc.put("Hop:Hold", 0.65)
    ioc.put("Hop:Store", 0)
    ioc.put("Hop:X", [0.1 * k for k in range(points)])
    ioc.put("Hop:Y", [0.0] * points)
    ioc.put("Hop:Window", window)
    number = next(ioc.numbers)
    ioc.put("Hop:Run", number, wait=False)
    return number


def test_a_line_waits_withdrawn_for_its_client_and_is_kept_after_it(ioc):
    with ioc.watch("Hop:Count", "Hop:RunDone", "Z:State") as watch:
        number = begin_line(ioc, 8, window=3)
        watch.wait(lambda name, value: name == "Hop:Count" and value == 3)
        watch.wait(lambda name, value: value in (0, "WITHDRAWN", b"WITHDRAWN"))
        assert ioc.get("Hop:Count") == 3
        ioc.put("Hop:Acknowledge", [number, 3, 2])
        watch.wait(lambda name, value: name == "Hop:Count" and value == 6)
        ioc.put("Hop:Acknowledge", [number, 6, 2])
        watch.wait(lambda name, value: name == "Hop:RunDone" and value == number)
    assert ioc.get("Hop:Kept")[:3].tolist() == [number, 8, 2]
    assert ioc.get("Hop:Window") == 0  # of that line alone

    with ioc.watch("Hop:RunDone") as watch:
        other = begin_line(ioc, 2, window=0)
        watch.wait(lambda name, value: value == other)
    assert ioc.get("Hop:Kept").tolist() == [other, 2, 0, number, 8, 2]
    ioc.put("Hop:FetchLine", number)
    ioc.put("Hop:Fetch", 2)
    assert ioc.get("Hop:Part")[:3].tolist() == [number, 2, 6]
    ioc.put("Hop:Acknowledge", [number, 8, 8])
    assert ioc.get("Hop:Kept").tolist() == [other, 2, 0]
    assert "is not kept" in ioc.refusal("Hop:Fetch", 1)
    ioc.put("Hop:FetchLine", 0)
    ioc.put("Hop:Fetch", 0)
    assert ioc.get("Hop:Part")[:3].tolist() == [other, 0, 2]


def test_a_line_that_waits_can_be_ended(ioc):
    with ioc.watch("Hop:Count", "Hop:RunDone") as watch:
        number = begin_line(ioc, 8, window=2)
        watch.wait(lambda name, value: name == "Hop:Count" and value == 2)
        ioc.run("IOC:MakeSafe")
        watch.wait(lambda name, value: name == "Hop:RunDone" and value == number)
    assert ioc.get("Hop:Line").tolist() == [number, 3, 2]
