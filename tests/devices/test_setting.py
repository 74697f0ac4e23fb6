"""Settings: what is refused before it is written, and how a set ends."""

import threading
from types import SimpleNamespace

import numpy as np
import pytest
from ophyd import EpicsSignal, Signal

from seccm_ophyd.devices.axis_fields import AxisSetting, Switch
from seccm_ophyd.devices.bounds import OutOfRangeError, check_number
from seccm_ophyd.devices.setting import (
    ArraySetting,
    Number,
    OfLease,
    OptionalSetting,
    Push,
    Setting,
    WorkedOut,
)
from seccm_ophyd.errors import CommandRefusedError, InstrumentLostError

NAN, INF = float("nan"), float("inf")


class PV(EpicsSignal):
    """What an IOC has of a PV: `take` makes of a value that is written the one it has.

    `written` lists the values that came, each with its time-out (s).
    """

    limits = (-2.0, 2.0)
    enum_strs = ()
    connected = True

    def __init__(self, pvname="F:A", **kwargs):
        super().__init__(pvname, name="a", **kwargs)
        self._metadata.update(units="V", write_access=True)
        self.has, self.written, self.take = 0.0, [], lambda value: value
        self.next_limits = None

    def put(self, value, *, wait=False, timeout=None, **kwargs):
        self.written.append((value, timeout))
        self.has = self.take(value)

    def get(self, *, use_monitor=True, form="time", **kwargs):
        if form == "ctrl" and self.next_limits:
            self.limits = self.next_limits
        return self.has


class Link(SimpleNamespace):
    """What a setting asks of a link."""

    messages, allowance_s, said, why = 0, 0.5, "", ""

    def check_driving(self):
        if self.why:
            raise InstrumentLostError(self.why)

    def last_error(self):
        return self.said


@pytest.fixture
def link():
    return Link()


@pytest.fixture
def make(link):
    """Give a function that makes a setting of a device with a link."""
    made = []

    def make_setting(cls=Setting, *args, **kwargs):
        signal = type(cls.__name__, (cls, PV), {})(*args, **kwargs)
        signal._parent = SimpleNamespace(
            parent=SimpleNamespace(parent=None, link=link), name="part"
        )
        made.append(signal)
        return signal

    yield make_setting
    for signal in made:
        signal.destroy()


# -- what it takes ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (2.5, "a = 2.5 V: it must be between -2 and 2 V"),
        (NAN, "a = nan V: it must be between -2 and 2 V"),
        ("1", "a = '1': it must be a number"),
        (None, "a = None: it must be a number"),
    ],
)
def test_a_number_that_cannot_be_is_refused_before_it_is_written(make, value, said):
    signal = make()
    with pytest.raises(OutOfRangeError) as error:
        signal.set(value)
    assert str(error.value) == said
    assert signal.written == []
    signal.check_value(-2)


@pytest.mark.parametrize("limits", [(None, None), (0.0, 0.0), (None, 3.0)])
def test_without_limits_any_finite_number_is_taken(make, limits):
    signal = make()
    signal.limits = limits
    signal.check_value(1e9)
    with pytest.raises(OutOfRangeError, match=r"a = inf V: it must be finite, in V"):
        signal.check_value(INF)


def test_limits_are_asked_for_before_a_number_is_refused(make):
    signal = make()
    signal.next_limits = (-2.0, 5.0)
    signal.check_value(4.0)
    with pytest.raises(OutOfRangeError, match="between -2 and 5 V"):
        signal.check_value(6.0)


def test_limits_of_an_ioc_that_is_not_there_stay(make):
    signal = make()
    signal.next_limits, signal.connected = (-2.0, 5.0), False
    with pytest.raises(OutOfRangeError, match="between -2 and 2 V"):
        signal.check_value(4.0)


@pytest.mark.parametrize(
    ("bounds", "unit", "said"),
    [
        ((-INF, INF), None, "x = inf: it must be finite"),
        ((0.0, INF), "um", "x = inf um: it must be finite, and at least 0 um"),
        ((0.0, 1.0), "", "x = inf: it must be between 0 and 1"),
    ],
)
def test_what_is_allowed_is_said(bounds, unit, said):
    with pytest.raises(OutOfRangeError) as error:
        check_number("x", INF, bounds, unit)
    assert str(error.value) == said


def test_a_choice_is_a_word_or_its_number(make):
    signal = make()
    signal.enum_strs = ("VCLAMP", "ICLAMP")
    for value in ("ICLAMP", 0, 1):
        signal.check_value(value)
    for value in ("I0", 2, 0.5):
        with pytest.raises(OutOfRangeError, match="must be one of VCLAMP, ICLAMP"):
            signal.check_value(value)


def test_a_text_is_a_text(make):
    signal = make(string=True)
    signal.check_value("anything")
    with pytest.raises(OutOfRangeError, match="a = 3: it must be a text"):
        signal.check_value(3)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ([0.0, 3.0, 4.0], "a = 3 V: it must be between"),
        ([0.0, NAN], "a = nan V: it must be between"),
        ("some", "a = 'some': it must be numbers"),
        ([[1], [1, 2]], "it must be numbers"),
    ],
)
def test_each_number_of_an_array_is_checked(make, value, said):
    signal = make(ArraySetting)
    signal.check_value([[-2.0, 0.0], [1.0, 2.0]])
    with pytest.raises(OutOfRangeError, match=said):
        signal.check_value(value)


@pytest.mark.parametrize(
    ("field", "lowest"), [("F:M.VELO", "2.22507e-308"), ("F:M.ACCL", "0")]
)
def test_a_number_of_a_record_is_not_negative_and_a_speed_is_more(make, field, lowest):
    signal = make(AxisSetting, field)
    signal.check_value(0.5)
    with pytest.raises(OutOfRangeError, match=f"between {lowest} and 2 V"):
        signal.check_value(-1e-9)


# -- how a set ends --------------------------------------------------------------------


def test_a_set_ends_with_the_value_that_the_ioc_has(make):
    signal = make()
    signal.set(1.5).wait(5)
    assert signal.written == [(1.5, 5.5)], "a round trip longer than without network"
    signal.set(1.0, timeout=2.0).wait(5)
    assert signal.written[-1] == (1.0, 2.5)


@pytest.mark.parametrize(
    ("said", "ending"), [("F:A: no", ": F:A: no"), ("F:B: another refusal", "")]
)
def test_one_that_is_not_taken_fails_with_the_reason(make, link, said, ending):
    signal, seen = make(), []
    signal.subscribe(lambda value, **kwargs: seen.append(value), run=False)
    signal.take, link.said = lambda value: 0.25, said
    with pytest.raises(CommandRefusedError) as error:
        signal.set(1.5).wait(5)
    assert str(error.value) == f"a was set to 1.5 and is 0.25{ending}"
    assert seen == [0.25], "who follows it hears what it is"


def test_an_ioc_that_does_not_answer_fails_the_set(make):
    signal = make()

    def late(value):
        raise TimeoutError("late")

    signal.take = late
    with pytest.raises(TimeoutError, match="late"):
        signal.set(1.5).wait(5)


def test_a_set_waits_for_the_one_before(make):
    signal, go_on = make(), threading.Event()
    order = []

    def take(value):
        if value == 1.0:
            assert go_on.wait(10)
        order.append(value)
        return value

    signal.take = take
    first = signal.set(1.0)
    threading.Timer(0.05, go_on.set).start()
    second = signal.set(2.0)
    second.wait(5)
    assert order == [1.0, 2.0]
    assert first.done


@pytest.mark.parametrize(
    ("words", "has", "value", "same"),
    [
        (("no", "yes"), 1, "yes", True),
        (("no", "yes"), "yes", 1, True),
        (("no", "yes"), 0, "yes", False),
        ((), "mine", "mine", True),
        ((), "other", "mine", False),
        ((), 1.001, 1.0, True),
        ((), 1.02, 1.0, False),
    ],
)
def test_words_texts_and_numbers_are_compared_as_such(make, words, has, value, same):
    signal = make(string=isinstance(value, str) and not words)
    signal.enum_strs, signal.tolerance = words, 0.01
    signal.take = lambda written: has
    status = signal.set(value)
    if same:
        status.wait(5)
    else:
        with pytest.raises(CommandRefusedError, match="was set to"):
            status.wait(5)


def test_an_array_is_compared_whole(make):
    signal = make(ArraySetting)
    signal.take = np.array
    signal.set([0.5, 1.0]).wait(5)
    signal.take = lambda value: np.array(value)[:1]
    with pytest.raises(CommandRefusedError):
        signal.set([0.5, 1.0]).wait(5)


@pytest.mark.parametrize(("has", "value"), [(np.array([]), 0), (1, 1), (0, 0)])
def test_a_switch_without_an_element_is_off(make, has, value):
    signal = make(Switch)
    signal.take = lambda written: has
    signal.set(value).wait(5)
    signal.take = lambda written: 1 - value
    with pytest.raises(CommandRefusedError):
        signal.set(value).wait(5)
    with pytest.raises(OutOfRangeError, match="between 0 and 1"):
        signal.set(2)


# -- who may write ---------------------------------------------------------------------


def test_who_has_lost_the_lease_writes_nothing(make, link):
    signal = make()
    link.why = "is driven by another"
    with pytest.raises(InstrumentLostError, match="is driven by another"):
        signal.put(1.0)
    assert signal.written == []


@pytest.mark.parametrize("cls", [OfLease, OptionalSetting])
def test_what_decides_who_drives_is_written_whoever_drives(make, link, cls):
    signal = make(cls)
    link.why = "is driven by another"
    signal.put(1.0)
    assert signal.written == [(1.0, None)]


def test_without_a_device_a_setting_asks_nobody(make):
    signal = make()
    signal._parent = None
    signal.put(1.0, timeout=3.0)
    assert signal.written == [(1.0, 3.0)]
    signal.take = lambda value: 0.0
    with pytest.raises(CommandRefusedError, match=r"is 0\.0$"):
        signal.set(1.0).wait(5)


# -- what starts something -------------------------------------------------------------


def test_a_push_keeps_no_value(make):
    signal = make(Push)
    signal.take = lambda value: 0.0
    signal.set(1).wait(5)
    signal._parent = None
    signal.set(1).wait(5)


def test_a_push_that_is_refused_fails_with_the_reason(make, link):
    signal = make(Push)

    def refuse(value):
        link.said, link.messages = "F:A: not now", link.messages + 1

    signal.take = refuse
    with pytest.raises(CommandRefusedError, match="a was not set to 1: F:A: not now"):
        signal.set(1).wait(5)


def test_an_old_refusal_does_not_fail_a_push(make, link):
    signal = make(Push)
    link.said = "F:A: not now"
    signal.set(1).wait(5)


# -- numbers of this side --------------------------------------------------------------


def test_a_number_of_this_side_has_bounds_too():
    number = Number(name="n", value=0.0, bounds=(0.0, 9.0), unit="um")
    number.set(4.0).wait(5)
    assert number.get() == 4.0
    with pytest.raises(OutOfRangeError, match="n = 10 um: it must be between 0 and 9"):
        number.set(10.0)
    with pytest.raises(OutOfRangeError, match="n = nan um"):
        number.set(NAN)


def test_what_is_worked_out_is_so_only_after_a_change():
    signal, worked = Signal(name="s", value=2.0), []

    def work_out():
        worked.append(signal.get())
        return 10 * signal.get()

    out = WorkedOut(work_out, signal)
    assert [out.get(), out.get()] == [20.0, 20.0]
    signal.put(3.0)
    assert [out.get(), out.get()] == [30.0, 30.0]
    assert worked == [2.0, 3.0]
