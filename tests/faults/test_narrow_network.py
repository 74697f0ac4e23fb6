"""The network between the IOC and a fly scan is narrow, or carries one way only."""

import contextlib
import time

import numpy as np
import pytest

from seccm_ophyd.analysis import hop_map
from seccm_ophyd.errors import InstrumentLostError
from seccm_ophyd.plans import hop_fly
from seccm_ophyd.session import open_session
from seccm_ophyd.session.left_hops import fetch_left_hops
from seccm_ophyd.storage import DataFolder
from seccm_ophyd.storage.journal.reader import documents
from seccm_ophyd.techniques import CurrentSample
from tests.chaos.network import SlowNetwork
from tests.faults.test_network import unsearched_port
from tests.iocs import RunningIOC, wait_for

pytestmark = pytest.mark.system


@contextlib.contextmanager
def narrow(tmp_path, **options):
    """Open a session on an IOC behind a network that can be made narrow."""
    ioc = RunningIOC(port=unsearched_port(), **options)
    network = SlowNetwork(ioc.port)
    with contextlib.closing(ioc), contextlib.closing(network):
        opened = open_session(prefix=ioc.prefix, data_dir=tmp_path, catalogue="")
        with contextlib.closing(opened):
            yield opened, network, ioc


@pytest.mark.fault(56)
def test_a_fly_scan_over_a_narrow_network(tmp_path):
    """A page of 50 hops would take 16 s on its way, longer than any time-out."""
    with narrow(tmp_path) as (session, network, _):
        pages = []
        session.RE.subscribe(lambda *_: pages.append(time.monotonic()), "event_page")
        network.bytes_per_s = 50e3
        m = session.seccm
        (uid,) = session.RE(hop_fly(m, CurrentSample(), -1, 1, 5, -1, 1, 4))
        assert not m.link.lost
        made = hop_map(session.folder.journal_file(uid)).topography
        assert made.notnull().all()
        assert max(np.diff(pages)) < 5.0


@pytest.mark.fault(56)
def test_the_way_to_the_ioc_is_cut_in_a_fly_scan(tmp_path):
    """The IOC is still heard: it says itself that it has heard of no heartbeat."""
    with narrow(tmp_path, time_scale=0.1) as (session, network, ioc):
        cut = []

        def cut_once(_, doc):
            if not cut and doc["data"]["seccm_hop_index"][-1] >= 20:
                cut.append(time.monotonic())
                network.cut_towards("ioc")

        session.RE.subscribe(cut_once, "event_page")
        with pytest.raises(InstrumentLostError) as raised:
            session.RE(hop_fly(session.seccm, CurrentSample(), -3, 3, 40, -3, 3, 40))
        assert time.monotonic() - cut[0] < 30.0
        assert "\n" not in str(raised.value)
        assert len(str(raised.value)) < 200
        (journal,) = session.folder.journal.glob("*.jsonl")
        stop = list(documents(journal))[-1][1]
        assert stop["exit_status"] == "fail"
        assert stop["hops"]["lost"] <= 50 + 50, "a window, and a page on its way"
        wait_for(ioc.seen_safe)
        network.mend()
        session.close()
        (left,) = fetch_left_hops(DataFolder(tmp_path))
        assert left.why == ""
    hops = list(documents(journal))[-1][1]["hops"]
    assert hops["stored"] == hops["done"]
