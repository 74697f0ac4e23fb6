"""A long charge can be watched: parts as events, samples in the file, live value."""

import io
import threading

import numpy as np
import pytest

from seccm_ophyd.analysis import charge_curves, growing_trace, hop_table
from seccm_ophyd.plans import charge_discharge
from seccm_ophyd.views import HopProgress

pytestmark = pytest.mark.system


@pytest.mark.slow
def test_a_long_charge_can_be_read_while_it_goes_on(session):
    """The journal and the file have all of it up to the last part, at any time."""
    said, seen = io.StringIO(), []
    uids, watched = [], threading.Event()

    def watch(name, doc):
        if name == "start":
            uids.append(doc["uid"])
        if name == "event" and "seccm_clamp_progress_time" in doc["data"]:
            found = growing_trace(session.folder.journal_file(uids[-1]))
            seen.append((doc["data"], found))
            watched.set()

    tokens = [session.RE.subscribe(watch), session.RE.subscribe(HopProgress(said))]
    plan = charge_discharge(
        session.seccm, (0.0, 0.0), current_pa=2.0, duration_s=40.0, soak_s=1.0,
        interval_s=0.1, e_upper_v=1.9, e_lower_v=-1.9,
    )  # fmt: skip
    session.RE(plan)
    for token in tokens:
        session.RE.unsubscribe(token)
    assert watched.is_set()
    order = ["galvanostatic", "galvanostatic_2"]
    for data, found in seen:
        # a callback has a thread of its own: the file may be further on, never behind
        reached = order.index(found.attrs["label"])
        told = order.index(data["seccm_clamp_progress_trace_label"])
        samples = found.sizes["sample"], data["seccm_clamp_progress_samples"]
        assert reached > told or (reached == told and samples[0] >= samples[1])
        assert np.isfinite(found.E.values).all()
    counts = [data["seccm_clamp_progress_samples"] for data, _ in seen]
    labels = [data["seccm_clamp_progress_trace_label"] for data, _ in seen]
    assert set(labels) == set(order)
    first = [n for n, label in zip(counts, labels, strict=True) if label == labels[0]]
    assert len(first) > 5
    assert first == sorted(set(first)), "each part once, in order"
    assert "s, 0." in said.getvalue() or "s, 1." in said.getvalue()
    run = session.catalog[-1]
    assert "progress" in list(run)
    curve = charge_curves(run).isel(curve=0)
    last = [found for _, found in seen if found.attrs["label"] == labels[0]][-1]
    whole = curve.E.values[: last.sizes["sample"]]
    np.testing.assert_allclose(last.E.values, whole, atol=1e-9)
    assert hop_table(run).sizes["hop"] == 1
