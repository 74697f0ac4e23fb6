"""The IOC dies, restarts, freezes, lacks PVs, or cannot be reached."""

import contextlib
import threading
import time

import numpy as np
import pytest

from seccm_ophyd.analysis import growing_trace
from seccm_ophyd.devices.link import SILENCE_S
from seccm_ophyd.errors import InstrumentLostError, SeccmError
from seccm_ophyd.plans import hop_list, local_charge
from seccm_ophyd.session import open_session
from seccm_ophyd.storage.journal.reader import documents
from seccm_ophyd.techniques import CurrentSample
from tests.faults.phases import PHASES, SCALE, SLOW_HOP, Caught, slow_stages
from tests.iocs import RunningIOC, start_partial_ioc, wait_for

pytestmark = pytest.mark.system

POINTS = [(0, 0), (2, 0), (0, 0), (2, 0)]


@pytest.fixture
def ioc():
    running = RunningIOC(time_scale=SCALE)
    yield running
    running.close()


def journal(session):
    (path,) = session.folder.journal.glob("*.jsonl")
    return list(documents(path))


def events(session):
    return [doc for name, doc in journal(session) if name == "event"]


@pytest.mark.fault(1)
def test_an_ioc_that_was_restarted_between_two_sessions_is_not_lost(ioc, tmp_path):
    for number in range(2):
        with open_session(
            prefix=ioc.prefix, data_dir=tmp_path / str(number), catalogue=""
        ) as session:
            session.RE(hop_list(session.seccm, CurrentSample(), [(0, 0)]))
        ioc.kill()
        ioc.start()


@pytest.mark.fault(1)
@pytest.mark.parametrize("phase", PHASES)
def test_the_ioc_dies_in_a_hop(session, ioc, phase):
    m = session.seccm
    slow_stages(m)
    failed = []
    for command in (m.z.approach, m.z.withdraw, m.clamp.acquire, m.safe):
        _note_failures(command, failed)
    _note_failures(m.xy.x, failed, method="move")
    caught = Caught(session, phase, ioc.kill)
    with pytest.raises(InstrumentLostError, match="tip state unknown"):
        session.RE(hop_list(m, SLOW_HOP, POINTS))
    wait_for(lambda: failed)  # callbacks of a status run in its own thread
    at, error = failed[0]
    assert at - caught.at < 2.0
    assert isinstance(error, InstrumentLostError)
    assert len(events(session)) == caught.recorded, "no point is made up"
    assert journal(session)[-1][1]["exit_status"] == "fail"
    ioc.start()
    assert ioc.seen_safe()


def _note_failures(device, failed, method="start"):
    original = getattr(device, method)

    def noting(*args, **kwargs):
        status = original(*args, **kwargs)

        def ended(ended):
            if ended.exception() is not None:
                failed.append((time.monotonic(), ended.exception()))

        status.add_callback(ended)
        return status

    setattr(device, method, noting)


@pytest.mark.fault(2)
def test_the_ioc_dies_between_two_hops(session, ioc):
    killed = []

    def kill(name, doc):
        if doc["seq_num"] == 2 and not killed:
            ioc.kill()
            killed.append(time.monotonic())

    session.RE.subscribe(kill, "event")
    with pytest.raises(SeccmError, match="tip state unknown"):
        session.RE(hop_list(session.seccm, CurrentSample(), POINTS))
    assert len(events(session)) == 2
    assert time.monotonic() - killed[0] < 20.0


@pytest.mark.fault(3)
def test_the_ioc_dies_during_a_charge(session, ioc):
    """About 12 s of it, one part each second."""
    m = session.seccm
    published, ended = [0], threading.Event()

    def received(value=None, **kwargs):
        flat = np.atleast_1d(value)
        if flat[0] == m.clamp.acquire.awaited and flat.size > 3:
            published[0] = max(published[0], int(flat[1] + flat[2]))
            if published[0] > 300 and not ended.is_set():
                ended.set()
                threading.Thread(target=kill).start()

    def kill():
        ioc.kill()
        ended.at = time.monotonic()

    m.clamp.progress.part.subscribe(received, run=False)
    failed = []
    _note_failures(m.clamp.acquire, failed)
    plan = local_charge(
        m, (0.0, 0.0), current_pa=1.0, duration_s=40.0, interval_s=0.04, soak_s=0.0,
        e_upper_v=1.9,
    )  # fmt: skip
    with pytest.raises(InstrumentLostError, match="tip state unknown"):
        session.RE(plan)
    wait_for(lambda: failed)
    assert failed[0][0] - ended.at < 2.0
    (path,) = session.folder.journal.glob("*.jsonl")
    found = growing_trace(path)
    assert found.sizes["sample"] >= 0.99 * published[0]
    assert np.isfinite(found.E.values).all()


@pytest.mark.fault(4)
def test_the_ioc_comes_back_after_a_restart(session, ioc):
    m = session.seccm
    ioc.kill()
    wait_for(lambda: m.link.lost)
    ioc.start()
    wait_for(lambda: m.connected)
    with pytest.raises(InstrumentLostError, match=r"call seccm.rehome\(\)"):
        session.RE(hop_list(m, CurrentSample(), POINTS))
    assert not m.z.approach.trigger().success
    m.rehome()
    assert m.owner.get() == m.driver != ""
    (uid,) = session.RE(hop_list(m, CurrentSample(), POINTS[:2]))
    stored = documents(session.folder.journal_file(uid))
    assert [doc["num_events"] for name, doc in stored if name == "stop"] == [
        {"primary": 2}
    ]
    assert m.z.state.get() == "WITHDRAWN"


@pytest.mark.slow
@pytest.mark.fault(5, 27)
@pytest.mark.parametrize("phase", ["approach", "contact"])
def test_the_ioc_freezes(session, ioc, phase, caplog):
    """Unfrozen, it makes itself SAFE: the order to do so has reached it."""
    m = session.seccm
    failed = []
    for command in (m.z.approach, m.clamp.acquire):
        _note_failures(command, failed)
    caught = Caught(session, phase, ioc.freeze)
    with pytest.raises(InstrumentLostError, match="tip state unknown"):
        session.RE(hop_list(m, SLOW_HOP, POINTS))
    wait_for(lambda: failed)
    assert failed[0][0] - caught.at < SILENCE_S + 1.0
    assert "not answered" in str(failed[0][1])
    assert time.monotonic() - caught.at < 60.0, "each step of the cleaning is bounded"
    assert "NOT known to be safe" in caplog.text
    ioc.thaw()
    wait_for(lambda: "WITHDRAWN" in ioc.caproto("get", "Z:State"), 30)
    assert ioc.seen_safe()
    m.rehome()
    session.RE(hop_list(m, CurrentSample(), POINTS[:1]))


@pytest.mark.fault(6)
def test_pvs_are_missing_at_the_start(tmp_path):
    process = start_partial_ioc("HALF:", "Clamp:")
    try:
        start = time.monotonic()
        with pytest.raises(InstrumentLostError) as refused:
            open_session(prefix="HALF:", data_dir=tmp_path)
        assert time.monotonic() - start < 5.0 + 2.0, "2 s for the machine of the tests"
    finally:
        process.terminate()
        process.wait(10)
        process.stdout.close()
    told = str(refused.value)
    assert "HALF:Clamp:Mode" in told
    assert "HALF:Clamp:Acquire" in told
    assert "HALF:Z:State" not in told


@pytest.mark.fault(4)
def test_a_loss_while_paused_is_not_resumed_over(session, ioc):
    """The hop is begun again only when somebody has looked after the tip."""
    from bluesky.utils import RunEngineInterrupted

    m = session.seccm
    pausing = session.RE.subscribe(
        lambda name, doc: threading.Thread(
            target=session.RE.request_pause, kwargs={"defer": True}
        ).start(),
        "event",
    )
    with pytest.raises(RunEngineInterrupted):
        session.RE(hop_list(m, CurrentSample(), POINTS))
    ioc.kill()
    ioc.start()
    wait_for(lambda: m.connected, 30)
    with pytest.raises(InstrumentLostError, match="tip state unknown; the scan stays"):
        session.RE.resume()
    assert len(events(session)) == 1
    with contextlib.suppress(InstrumentLostError):
        m.stage()
        pytest.fail("staged after a loss")
    m.rehome()
    session.RE.unsubscribe(pausing)
    session.RE.resume()
    assert len(events(session)) == len(POINTS)


@pytest.mark.fault(4)
def test_a_scan_is_not_resumed_while_the_instrument_is_away(session, ioc):
    from bluesky.utils import RunEngineInterrupted

    session.RE.subscribe(
        lambda name, doc: threading.Thread(
            target=session.RE.request_pause, kwargs={"defer": True}
        ).start(),
        "event",
    )
    with pytest.raises(RunEngineInterrupted):
        session.RE(hop_list(session.seccm, CurrentSample(), POINTS))
    ioc.kill()
    wait_for(lambda: not session.seccm.connected, 30)
    with pytest.raises(InstrumentLostError, match=r"not connected.*RE\.abort\(\)"):
        session.RE.resume()
    assert session.RE.state == "paused"
    with pytest.raises(InstrumentLostError, match="not connected"):
        session.RE.abort()
    assert session.RE.state == "idle"
