"""Documents are stored before the plan goes on; a storage that stalls is waited for."""

import asyncio
import threading
import time
import warnings

import bluesky.plan_stubs as bps
import bluesky.preprocessors as bpp
import pytest
from bluesky.utils import RunEngineInterrupted
from ophyd import Signal

from seccm_ophyd.errors import FolderGoneError, StorageStalledError
from seccm_ophyd.plans import current_map
from seccm_ophyd.run_engine import storing
from seccm_ophyd.run_engine.engine import SessionEngine
from seccm_ophyd.run_engine.storing import Storing
from seccm_ophyd.storage import DataFolder, Journal, StorageThread
from seccm_ophyd.storage.journal.reader import documents

GRID = (-1, 1, 2, -2, 2, 2)


class Disk:
    """A journal on a disk that stalls at a chosen document."""

    def __init__(self, folder):
        self.journal = Journal(folder)
        self.stall_at = None  # name, and how many of it pass before
        self.refusal = None  # when it answers again
        self.stalls, self.answers = threading.Event(), threading.Event()

    def __call__(self, name, doc):
        if self.stall_at is not None and self.stall_at[0] == name:
            self.stall_at = (name, self.stall_at[1] - 1)
            if self.stall_at[1] < 0:
                self.stall_at = None
                self.stalls.set()
                assert self.answers.wait(20)
                if self.refusal is not None:
                    raise self.refusal
        self.journal(name, doc)


@pytest.fixture
def disk(tmp_path, monkeypatch):
    monkeypatch.setattr(storing, "WITHDRAW_S", 0.05)
    monkeypatch.setattr(storing, "SAY_S", 0.1)
    made = Disk(DataFolder(tmp_path))
    yield made
    made.answers.set()
    made.journal.close()


@pytest.fixture
def thread():
    made = StorageThread()
    yield made
    assert made.wait(10)
    made.end()


@pytest.fixture
def engine(disk, thread, fake):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        made = SessionEngine({}, context_managers=[])
    made.store_with(Storing(disk, thread, 20.0))
    made.keep_safe(fake.device)
    yield made
    disk.answers.set()
    made.end_loop()


def stored(tmp_path):
    """Return the documents of the journals, by run."""
    folder = DataFolder(tmp_path).journal
    files = sorted(folder.iterdir(), key=lambda file: file.stat().st_mtime)
    return [list(documents(file)) for file in files]


def names(run):
    return [name for name, _ in run]


@pytest.mark.fault(63)
def test_the_loop_turns_and_the_probe_is_withdrawn_while_storage_stalls(
    engine, disk, fake, tmp_path, caplog
):
    """The heartbeat lives in that loop."""
    disk.stall_at = "event", 1
    ticks = []

    async def beat():
        while True:
            ticks.append(disk.stalls.is_set())
            if ticks.count(True) == 30:
                disk.answers.set()
            await asyncio.sleep(0.01)

    asyncio.run_coroutine_threadsafe(beat(), engine.loop)
    fake.device.z.state.sim_put("CONTACT")
    engine(current_map(fake.device, *GRID))
    said = [r.message for r in caplog.records if "storage" in r.message]
    assert said[0] == (
        "storage has not answered for 0.1 s: waiting with the probe withdrawn; "
        "up to 20 s"
    )
    assert "storage answers again after" in said[1]
    assert len(said) == 2
    (run,) = stored(tmp_path)
    assert names(run).count("event") == 4
    assert run[-1][1]["exit_status"] == "success"


def test_nobody_gets_a_document_before_it_is_stored(engine, fake, tmp_path):
    late = []

    def look(name, doc):
        (run,) = stored(tmp_path)
        late.append(run[-1][0] == name)

    engine.subscribe(look)
    engine(current_map(fake.device, *GRID))
    assert all(late)
    assert len(late) == 3 + 4


@pytest.mark.fault(63)
def test_a_stall_beyond_the_limit_ends_the_run_and_loses_nothing(
    disk, thread, engine, fake, tmp_path, caplog
):
    engine.store_with(Storing(disk, thread, 0.2))
    disk.stall_at = "event", 2
    fake.log.clear()
    with pytest.raises(StorageStalledError, match=r"not answered for 0.2 s: the run"):
        engine(current_map(fake.device, *GRID))
    assert fake.log[-1] == "safe"
    (before,) = stored(tmp_path)
    assert names(before).count("event") == 2
    with pytest.raises(StorageStalledError, match="the run before is not yet on"):
        engine(current_map(fake.device, *GRID))
    disk.answers.set()
    assert thread.wait(5)
    (run,) = stored(tmp_path)
    assert names(run).count("event") == 3  # that of the stall, too
    assert names(run)[-1] == "stop"
    assert run[-1][1]["num_events"] == {"primary": 3}
    assert "the run is on the disk, nothing is lost" in caplog.text
    engine(current_map(fake.device, *GRID))
    assert len(stored(tmp_path)) == 2


@pytest.mark.fault(63)
def test_what_is_refused_after_a_stall_is_not_counted(
    disk, thread, engine, fake, tmp_path, caplog
):
    engine.store_with(Storing(disk, thread, 0.2, disk.journal.recounted))
    disk.stall_at, disk.refusal = ("event", 2), OSError("no room for it")
    with pytest.raises(StorageStalledError, match=r"not answered for 0.2 s: the run"):
        engine(current_map(fake.device, *GRID))
    disk.answers.set()
    assert thread.wait(5)
    (run,) = stored(tmp_path)
    assert names(run).count("event") == 2
    assert run[-1][1]["num_events"] == {"primary": 2}
    assert "has refused what was left: no room for it" in run[-1][1]["reason"]
    assert "has refused what was left of the run: no room" in caplog.text
    assert "nothing is lost" not in caplog.text
    engine(current_map(fake.device, *GRID))
    assert names(stored(tmp_path)[1]).count("event") == 4


@pytest.mark.fault(63)
def test_nothing_comes_after_what_was_refused(disk, thread, engine, tmp_path):
    """Its place in the run stays empty until it is collected again."""
    engine.store_with(Storing(disk, thread, 0.2, disk.journal.recounted))
    disk.stall_at, disk.refusal = ("event", 1), OSError("no room for it")
    signal = Signal(name="s", value=0.0)
    errors = []

    @bpp.run_decorator()
    def stubborn():
        for _ in range(4):
            try:
                yield from bps.trigger_and_read([signal])
            except (OSError, StorageStalledError) as error:
                errors.append(type(error))
                disk.answers.set()
                yield from bps.sleep(0.3)

    engine(stubborn())
    (run,) = stored(tmp_path)
    assert errors == [StorageStalledError, OSError, OSError]
    assert [doc["seq_num"] for name, doc in run if name == "event"] == [1]
    assert run[-1][1]["num_events"] == {"primary": 1}


@pytest.mark.fault(63)
def test_a_pause_during_a_stall_comes_after_it(engine, disk, fake, tmp_path):
    disk.stall_at = "event", 1

    def pause():
        assert disk.stalls.wait(10)
        engine.request_pause()
        disk.answers.set()

    pausing = threading.Thread(target=pause)
    pausing.start()
    with pytest.raises(RunEngineInterrupted):
        engine(current_map(fake.device, *GRID))
    pausing.join()
    engine.resume()
    (run,) = stored(tmp_path)
    indices = [d["data"]["seccm_hop_index"] for n, d in run if n == "event"]
    assert indices == [0, 1, 2, 3], "none twice, none lost"


@pytest.mark.fault(63)
def test_an_abort_during_a_stall_comes_after_it(engine, disk, fake, tmp_path):
    disk.stall_at = "event", 1

    def abort():
        assert disk.stalls.wait(10)
        threading.Timer(0.2, disk.answers.set).start()
        engine.abort("enough")

    aborting = threading.Thread(target=abort)
    aborting.start()
    with pytest.raises(RunEngineInterrupted):
        engine(current_map(fake.device, *GRID))
    aborting.join()
    (run,) = stored(tmp_path)
    assert names(run).count("event") == 2
    assert run[-1][1]["exit_status"] == "abort"


@pytest.mark.fault(63)
def test_a_plan_does_not_measure_in_a_contact_that_a_stall_has_ended(
    engine, disk, fake, tmp_path
):
    m = fake.device

    @bpp.run_decorator()
    def two_readings_in_contact():
        m.z.state.sim_put("CONTACT")
        for _ in range(2):
            yield from bps.trigger_and_read([m.xy])

    disk.stall_at = "event", 0
    threading.Timer(0.3, disk.answers.set).start()
    with pytest.raises(StorageStalledError, match="withdrawn from its contact"):
        engine(two_readings_in_contact())
    (run,) = stored(tmp_path)
    assert names(run).count("event") == 1


def test_what_a_monitor_reports_waits_for_nobody(engine, disk, fake, tmp_path):
    """It comes in the thread in which all updates of the IOC come."""
    m, took = fake.device, []

    @bpp.run_decorator()
    def watch():
        yield from bps.monitor(m.z.threshold, name="watched")
        disk.stall_at = "event", 0
        begun = time.monotonic()
        m.z.threshold.sim_put(3.0)
        took.append(time.monotonic() - begun)
        disk.answers.set()
        yield from bps.checkpoint()

    engine(watch())
    (run,) = stored(tmp_path)
    assert names(run).count("event") == 2
    assert names(run)[-1] == "stop"
    assert took[0] < 5.0


@pytest.mark.fault(66)
@pytest.mark.parametrize("kind", ["start", "event"])
def test_a_folder_that_goes_ends_the_run_at_once(engine, disk, fake, tmp_path, kind):
    folder, moved = DataFolder(tmp_path), tmp_path / "moved"

    def move(name, doc):
        if name == kind and not moved.exists():
            folder.journal.rename(moved)

    got = []
    engine.subscribe(move)
    engine.subscribe(lambda name, doc: got.append(name))
    with pytest.raises(FolderGoneError, match="journal is not there: it was moved or"):
        engine(current_map(fake.device, *GRID))
    assert fake.log[-1] == "safe"
    (file,) = moved.iterdir()
    run = list(documents(file))
    assert names(run)[-1] == "stop", "what was moved is whole"
    assert run[-1][1]["exit_status"] == "fail"
    assert got.count("event") == (kind == "event")
