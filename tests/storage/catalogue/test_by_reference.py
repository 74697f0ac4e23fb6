"""Documents come in an order that can be read, whatever the clock has done."""

from seccm_ophyd.storage.catalogue.by_reference import by_reference

START, STOP = ("start", {"uid": "run"}), ("stop", {"uid": "end"})
PRIMARY = ("descriptor", {"uid": "d", "name": "primary"})
RESOURCE = ("stream_resource", {"uid": "r"})
DATUM = ("stream_datum", {"uid": "r/0", "stream_resource": "r"})


def event(number, descriptor="d"):
    return "event", {"uid": str(number), "descriptor": descriptor, "seq_num": number}


def test_an_order_that_is_right_stays():
    right = [START, PRIMARY, event(1), RESOURCE, DATUM, event(2), STOP]
    assert list(by_reference(right)) == right


def test_a_clock_that_was_set_back_after_the_descriptor():
    found = [START, event(1), event(2), DATUM, PRIMARY, RESOURCE, STOP]
    wanted = [START, PRIMARY, event(1), event(2), RESOURCE, DATUM, STOP]
    assert list(by_reference(found)) == wanted


def test_a_clock_that_was_set_back_among_the_events():
    found = [START, event(3), event(4), PRIMARY, event(1), event(2), STOP]
    wanted = [START, PRIMARY, *map(event, range(1, 5)), STOP]
    assert list(by_reference(found)) == wanted


def test_a_stop_that_is_older_than_the_events_comes_last():
    found = [START, STOP, PRIMARY, event(1)]
    assert list(by_reference(found)) == [START, PRIMARY, event(1), STOP]


def test_what_a_stream_goes_on_with_after_another_configuration():
    other = ("descriptor", {"uid": "e", "name": "primary"})
    found = [START, event(2, "e"), PRIMARY, event(1), other, STOP]
    wanted = [START, PRIMARY, event(1), other, event(2, "e"), STOP]
    assert list(by_reference(found)) == wanted


def test_what_refers_to_nothing_is_not_lost():
    assert list(by_reference([START, event(1), STOP])) == [START, event(1), STOP]
