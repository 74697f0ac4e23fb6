"""The plan of a scan line by line, without an instrument."""

import contextlib
from types import SimpleNamespace

import pytest
from ophyd import Signal

from seccm_ophyd.errors import InstrumentLostError, SeccmError, TooManyMissesError
from seccm_ophyd.plans._run.fly import fly_along
from seccm_ophyd.plans._run.path import PointList
from seccm_ophyd.plans._run.request import HopRequest
from seccm_ophyd.plans.options import HopOptions
from seccm_ophyd.techniques import CurrentSample


def flight(points, techniques, options):
    """What a plan asks for that flies to points."""
    return HopRequest(
        plan_name="hop_fly",
        plan_args={},
        path=PointList([(x, y) for _, x, y in points]),
        techniques=tuple(techniques),
        options=options,
        md=None,
        fly=True,
    )


class Line:
    """A line of hops whose pages come as told, whatever the engine collects."""

    is_ending = is_incomplete = False
    failure = None

    def __init__(self, *batches):
        self.run = SimpleNamespace(is_pending=False)
        self.parts, self._batches = [], list(batches)

    def take_given(self):
        return self._batches.pop(0)


def page(*outcomes):
    heights = [1.0 if outcome == "contact" else float("nan") for outcome in outcomes]
    names = {"m_hop_outcome": list(outcomes), "m_z_contact_height": heights}
    return {"data": names}


def z_stage():
    return SimpleNamespace(
        travel_limit=Signal(name="travel_limit"),
        axis=SimpleNamespace(user_readback=Signal(name="readback")),
    )


def drive(plan, line, answer=lambda message: None):
    """Answer the messages of a plan as an engine would that has nothing to do.

    An answer that is an exception is thrown into the plan.
    """
    reply = None
    with contextlib.suppress(StopIteration):
        while True:
            failed = isinstance(reply, Exception)
            message = plan.throw(reply) if failed else plan.send(reply)
            if message.command == "set" and message.obj is line:
                line.parts.append([point[0] for point in message.args[0]])
            reply = answer(message)


def test_when_all_is_collected_a_pause_goes_back_no_further():
    line = Line([page("contact")], [page("contact", "contact")])
    microscope = SimpleNamespace(line=line, z=z_stage())
    points = [(index, 0.5 * index, 0.0) for index in range(3)]
    sent = []
    plan = fly_along(microscope, flight(points, [CurrentSample()], HopOptions()))
    drive(plan, line, lambda message: sent.append(message.command))
    assert sent[-1] == "checkpoint"
    assert sent[-2] != "checkpoint"


def test_pages_collected_while_the_engine_replays_count_too():
    line = Line(
        [page("contact")],
        # collected during a replay and behind it: the plan sees both at once
        [page("contact", "no_contact", "no_contact"), page("no_contact", "lost")],
    )
    microscope = SimpleNamespace(line=line, z=z_stage())
    points = [(index, 0.5 * index, 0.0) for index in range(9)]
    options = HopOptions(max_misses=4)
    with pytest.raises(TooManyMissesError, match=r"3 no_contact, 1 lost.*x=2\.5 um"):
        drive(fly_along(microscope, flight(points, [CurrentSample()], options)), line)
    assert line.parts == [[0], list(range(1, 9))]


def test_hops_join_over_the_lines_of_a_grid_as_far_as_the_instrument_can_keep_them():
    line = Line([page("contact")], *[[page(*["contact"] * n)] for n in (2000, 599)])
    microscope = SimpleNamespace(line=line, z=z_stage())
    points = [(index, index % 30, index // 30) for index in range(2600)]
    drive(fly_along(microscope, flight(points, [CurrentSample()], HopOptions())), line)
    assert [len(part) for part in line.parts] == [1, 2000, 599]

    line = Line(*[[page(*["contact"] * n)] for n in (1, 50, 50, 1)])
    microscope = SimpleNamespace(line=line, z=z_stage())
    long = [CurrentSample(samples=20_000)] * 5
    drive(fly_along(microscope, flight(points[:102], long, HopOptions())), line)
    assert [len(part) for part in line.parts] == [1, 50, 50, 1]


def test_a_line_that_goes_on_is_collected_at_least_every_second():
    line = Line([page("contact")], [page("contact")], [], [page("contact")])
    microscope = SimpleNamespace(line=line, z=z_stage())
    points = [(index, index, 0.0) for index in range(3)]
    sent = []
    goes_on = iter([True, True, False])

    def answer(message):
        if len(line.parts) == 2:
            sent.append((message.command, message.kwargs.get("timeout")))
        if sent and sent[-1][0] == "wait" and sent[-1][1]:
            line.run.is_pending = next(goes_on)
            return not line.run.is_pending
        return None

    drive(
        fly_along(microscope, flight(points, [CurrentSample()], HopOptions())),
        line,
        answer,
    )
    collected = [("wait", 0.8), ("collect", None)]
    assert sent == [
        *[("set", None), ("trigger", None)],
        *collected,  # what it waits for is the same as long as it has not come
        *collected,
        *[("wait", 0.8), ("wait", None), ("collect", None), ("checkpoint", None)],
    ]


class EndingLine(Line):
    """A line that goes on when its plan fails, and refuses to be collected at first."""

    name = "line"

    def __init__(self, refusals=0):
        super().__init__([page("no_contact")])
        self.run.is_pending = True
        self.left = refusals + 1  # attempts until it is collected

    @property
    def is_incomplete(self):
        return self.left > 0

    def collect(self):
        self.left -= 1
        return SeccmError("refused: another client drives") if self.left else None


def end_flying(line, answer):
    """Fly to a point that is a miss too many."""
    safe = SimpleNamespace(name="safe")
    microscope = SimpleNamespace(
        line=line, z=z_stage(), safe=safe, abandon=lambda: None
    )
    options = HopOptions(max_misses=1)
    plan = fly_along(microscope, flight([(0, 0.0, 0.0)], [CurrentSample()], options))
    with pytest.raises(TooManyMissesError):
        drive(plan, line, answer)


@pytest.mark.parametrize("refusals", [0, 2])
def test_a_line_whose_scan_fails_is_ended_and_then_collected(refusals):
    line, sent = EndingLine(refusals), []

    def answer(message):
        sent.append((message.command, getattr(message.obj, "name", None)))
        is_left = message.command == "collect" and ("trigger", "safe") in sent
        return line.collect() if is_left else None

    end_flying(line, answer)
    after = [command for command, _ in sent[sent.index(("trigger", "safe")) :]]
    assert after.count("collect") == refusals + 1
    assert after.index("wait") < after.index("collect")


def test_what_fails_while_a_line_is_ended_does_not_hide_why(caplog):
    line = EndingLine()

    def answer(message):
        if (message.command, getattr(message.obj, "name", "")) == ("trigger", "safe"):
            return InstrumentLostError("not known to be SAFE")
        if line.left and "not known" in caplog.text:
            line.left = 0
        return None

    end_flying(line, answer)
    assert "not known to be SAFE" in caplog.text
