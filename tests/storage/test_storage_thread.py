"""The thread that touches the storage: its order, and jobs that fail."""

import threading

import pytest

from seccm_ophyd.storage import StorageThread


@pytest.fixture
def thread():
    made = StorageThread()
    yield made
    assert made.wait(10)
    made.end()


def fail():
    raise OSError("no")


def test_submitting_does_not_wait_and_keeps_the_order(thread):
    gate, done = threading.Event(), []
    thread.submit(lambda: gate.wait(10))
    for k in range(5):
        thread.submit(lambda k=k: done.append(k))
    assert thread.left == 6
    assert not thread.wait(0.05)
    gate.set()
    assert thread.wait(10)
    assert done == [0, 1, 2, 3, 4]


def test_after_a_failure_all_is_passed_over_up_to_what_is_awaited(thread):
    done, errors = [], []
    thread.submit(fail)
    thread.submit(lambda: done.append("announced"))
    thread.submit(lambda: done.append("event"), errors.append)
    thread.submit(lambda: done.append("next"), errors.append)
    assert thread.wait(10)
    assert done == ["next"]
    assert [str(error) for error in errors] == ["no", "None"]


def test_what_is_always_done_is_done_after_a_failure_that_is_logged(thread, caplog):
    done, errors = [], []
    thread.submit(fail)
    thread.submit(lambda: done.append("stop"), errors.append, always=True)
    assert thread.wait(10)
    assert done == ["stop"]
    assert errors == [None]
    assert "not stored: no" in caplog.text


def test_what_no_caller_waits_for_any_more_keeps_back_what_follows(thread):
    done = []
    thread.submit(fail, lambda error: False)
    thread.submit(lambda: done.append("caught up"), always=True)
    thread.submit(lambda: done.append("acknowledged"))
    thread.submit(lambda: done.append("page"), lambda error: False)
    thread.submit(lambda: done.append("acknowledged"))
    thread.submit(lambda: done.append("stop"), lambda error: None, always=True)
    thread.submit(lambda: done.append("next"))
    assert thread.wait(10)
    assert done == ["caught up", "stop", "next"]
