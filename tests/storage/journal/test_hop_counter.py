"""Hops by outcome in the stop document."""

import pytest
from event_model import compose_run

from seccm_ophyd.storage import HopCounter
from seccm_ophyd.storage.journal.hop_counter import recounted

KEYS = {
    name: {"source": "SIM", "dtype": dtype, "shape": []}
    for name, dtype in (("m_hop_outcome", "string"), ("m_hop_repeated", "integer"))
}


class Run:
    """A run whose documents a counter gets as an engine gives them."""

    def __init__(self, counter):
        self.counter, self.run = counter, compose_run()
        counter("start", self.run.start_doc)
        self.streams = {}

    def hop(self, outcome="contact", repeated=0, stream="primary"):
        if stream not in self.streams:
            found = self.run.compose_descriptor(name=stream, data_keys=KEYS)
            self.counter("descriptor", found.descriptor_doc)
            self.streams[stream] = found
        data = {"m_hop_outcome": outcome, "m_hop_repeated": repeated}
        stamps = dict.fromkeys(data, 1.0)
        event = self.streams[stream].compose_event(data=data, timestamps=stamps)
        self.counter("event", event)

    def stop(self):
        doc = self.run.compose_stop()
        self.counter("stop", doc)
        return doc


@pytest.mark.parametrize("stream", ["baseline", "m_hop_outcome_monitor", "dark"])
def test_only_the_primary_stream_holds_hops(stream):
    run = Run(HopCounter())
    run.hop("unscanned", stream=stream)
    run.hop("contact", repeated=1)
    run.hop("no_contact")
    run.hop("no_contact", stream=stream)
    counts = {"contact": 1, "no_contact": 1, "repeated": 1}
    assert run.stop()["hop_counts"] == counts


def test_runs_that_overlap_are_counted_apart():
    counter = HopCounter()
    outer = Run(counter)
    outer.hop()
    inner = Run(counter)
    inner.hop("lost")
    assert inner.stop()["hop_counts"] == {"lost": 1, "repeated": 0}
    outer.hop()
    assert outer.stop()["hop_counts"] == {"contact": 2, "repeated": 0}


def test_a_run_without_hops_has_no_counts():
    assert "hop_counts" not in Run(HopCounter()).stop()


def test_hops_are_counted_as_done_stored_and_lost():
    run = Run(HopCounter())
    run.hop("contact", repeated=1)
    run.hop("no_contact")
    assert run.stop()["hops"] == {"done": 2, "stored": 2, "lost": 0}

    run = Run(HopCounter(lambda: 5))
    run.hop()
    assert run.stop()["hops"] == {"done": 5, "stored": 1, "lost": 4}


def test_events_that_were_refused_are_lost_hops_of_the_stop_document():
    found = []
    run = Run(lambda name, doc: found.append((name, doc)))
    for outcome in ("contact", "contact", "no_contact"):
        run.hop(outcome)
    stop = {
        **run.stop(),
        "num_events": {"primary": 7},
        "hop_counts": {"contact": 7, "repeated": 0},
        "hops": {"done": 9, "stored": 7, "lost": 2},
    }
    new = recounted(found[:-1], stop)
    assert new["num_events"] == {"primary": 3}
    assert new["hop_counts"] == {"contact": 2, "no_contact": 1, "repeated": 0}
    assert new["hops"] == {"done": 9, "stored": 3, "lost": 6}
    assert stop["num_events"] == {"primary": 7}
