"""Each message takes its time: sessions open, scans are made, the lease is kept."""

import contextlib
import time

import numpy as np
import pytest

from seccm_ophyd.analysis import hop_map
from seccm_ophyd.cli.operate import Instrument
from seccm_ophyd.errors import InstrumentLostError
from seccm_ophyd.plans import hop_fly, hop_list, hop_scan
from seccm_ophyd.session import open_session
from seccm_ophyd.techniques import CurrentSample, ZeroCurrentPotential
from tests.chaos.network import SlowNetwork
from tests.faults.test_network import unsearched_port
from tests.iocs import RunningIOC, wait_for

pytestmark = [
    pytest.mark.system,
    pytest.mark.fault(64),
    pytest.mark.timeout(400),  # each exchange of settings takes seconds
]


@pytest.fixture(scope="module")
def a_second_away(tmp_path_factory):
    begun = time.monotonic()
    with far_away(1.0, tmp_path_factory.mktemp("far")) as (session, _, _):
        assert time.monotonic() - begun < 90.0, "not one wait for each of 150 PVs"
        assert session.seccm.link.round_trip_s == pytest.approx(2.0, abs=0.2)
        yield session


@contextlib.contextmanager
def far_away(delay_s, tmp_path):
    """Open a session on an IOC, from which each message takes so long, each way."""
    ioc = RunningIOC(port=unsearched_port())
    network = SlowNetwork(ioc.port)
    network.delay_s = delay_s
    with contextlib.closing(ioc), contextlib.closing(network):
        opened = open_session(prefix=ioc.prefix, data_dir=tmp_path, catalogue="")
        with contextlib.closing(opened):
            yield opened, network, ioc


def scanned(session, plan, x_num):
    """Scan, and return the times of the events (s)."""
    times = []
    token = session.RE.subscribe(lambda *_: times.append(time.monotonic()), "event")
    (uid,) = session.RE(
        plan(session.seccm, CurrentSample(), -1, 1, x_num, -1, 1, 2, adaptive=True)
    )
    session.RE.unsubscribe(token)
    assert not session.seccm.link.lost
    assert hop_map(session.folder.journal_file(uid)).topography.notnull().all()
    return times


def check_hops(session, plan):
    """See that a hop takes two round trips; a line of hops tells of many at once."""
    times = scanned(session, plan, 3)
    if plan is hop_scan:
        hop_s = float(np.median(np.diff(times)))
        round_trip_s = session.seccm.link.round_trip_s
        assert hop_s < 2.1 * round_trip_s + 0.3, "two round trips a hop"


@pytest.mark.parametrize("plan", [hop_scan, hop_fly])
@pytest.mark.parametrize("delay_s", [0.05, pytest.param(0.2, marks=pytest.mark.slow)])
def test_messages_take_their_time(tmp_path, plan, delay_s):
    with far_away(delay_s, tmp_path) as (session, _, _):
        round_trip_s = session.seccm.link.round_trip_s
        assert round_trip_s == pytest.approx(2.0 * delay_s, abs=0.1)
        check_hops(session, plan)


@pytest.mark.slow
@pytest.mark.parametrize("plan", [hop_scan, hop_fly])
def test_messages_take_a_second(a_second_away, plan):
    check_hops(a_second_away, plan)


@pytest.mark.slow
def test_an_operator_far_away_makes_it_safe():
    ioc = RunningIOC(port=unsearched_port())
    network = SlowNetwork(ioc.port)
    network.delay_s = 1.0
    with (
        contextlib.closing(ioc),
        contextlib.closing(network),
        Instrument(ioc.prefix, f"127.0.0.1:{network.port}") as instrument,
    ):
        instrument.make_safe(20.0)
        assert instrument.text("state") == "WITHDRAWN"


@pytest.mark.slow
def test_techniques_change_in_contact_where_messages_take_a_second(a_second_away):
    """That takes longer than a lease: heartbeats continue between the answers."""
    two = [CurrentSample(), ZeroCurrentPotential(duration_s=0.1)]
    a_second_away.RE(hop_list(a_second_away.seccm, two, [(0, 0), (1, 1)]))
    assert not a_second_away.seccm.link.lost


@pytest.mark.slow
def test_an_owner_far_away_that_is_cut_off_leaves_the_instrument_safe(tmp_path):
    """Longer time-outs are those of the session: the IOC does not wait longer."""
    with far_away(0.2, tmp_path) as (session, network, ioc):
        cut = []

        def cut_once(*_):
            if not cut:
                network.fall_silent()
                cut.append(time.monotonic())
                wait_for(ioc.seen_safe, 5.0 + 2.0)  # a process that asks takes its time
                cut.append(time.monotonic())

        session.RE.subscribe(cut_once, "event")
        with pytest.raises(InstrumentLostError) as raised:
            session.RE(hop_scan(session.seccm, CurrentSample(), -1, 1, 3, -1, 1, 2))
        assert len(cut) == 2, "SAFE in time"
        assert len(str(raised.value)) < 200
        assert "\n" not in str(raised.value)
        network.mend()
