import json
import os
import subprocess
import sys
import time
import types

import numpy as np
import pytest
from matplotlib.backend_bases import FigureManagerBase
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.image import imread

from seccm_ophyd.analysis import hop_map
from seccm_ophyd.errors import RunNotFoundError, SeccmError
from seccm_ophyd.processes import start_view
from seccm_ophyd.replay import replay
from seccm_ophyd.views import HopMapView, live
from seccm_ophyd.views.live import view
from tests.synthetic_runs import scan_run


def uid(run):
    return run.documents[0][1]["uid"]


def append(folder, run, documents):
    with (folder / f"{uid(run)}.jsonl").open("a") as file:
        file.writelines(json.dumps(document) + "\n" for document in documents)


def newer(run, hours=1):
    run.documents[0][1]["time"] += 3600 * hours
    return run


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "journal").mkdir()
    return tmp_path / "journal"


@pytest.fixture
def no_display(monkeypatch):
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "MPLBACKEND"):
        monkeypatch.delenv(name, raising=False)


def wait_for(condition, process, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None, process.returncode
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.mark.slow
@pytest.mark.system
def test_picture_of_a_growing_journal_without_a_display(folder, tmp_path, no_display):
    run = scan_run(8, 6, snake=True, misses=(3, 30))
    picture, journal = tmp_path / "map.png", folder / f"{uid(run)}.jsonl"
    line = json.dumps(run.documents[20])
    command = [sys.executable, "-m", "seccm_ophyd.cli", "view", "--data", tmp_path]
    process = subprocess.Popen([*command, "--save", picture], env=os.environ)
    try:
        append(folder, run, run.documents[:20])
        with journal.open("a") as file:
            file.write(line[:40])  # it is still being written
        wait_for(picture.exists, process)
        partial = imread(picture)
        with journal.open("a") as file:
            file.write(line[40:] + "\n")
        append(folder, run, run.documents[21:])
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.wait()
    expected = HopMapView.from_run(run.documents).save(tmp_path / "expected.png")
    np.testing.assert_array_equal(imread(picture), imread(expected))
    assert not np.array_equal(partial, imread(expected))
    left = {p.name for p in tmp_path.iterdir()}
    assert left == {"journal", "map.png", "expected.png"}


def test_once_draws_what_there_is(folder, tmp_path):
    old, new = scan_run(3, 3), newer(scan_run(4, 4, stop_after=7))
    for run in (new, old):
        append(folder, run, run.documents)
    for name, run, chosen in (("a.png", new, None), ("b.png", old, uid(old)[:8])):
        view(folder, chosen, tmp_path / name, once=True)
        live_view = HopMapView()
        replay(run.documents, live_view)
        expected = live_view.save(tmp_path / "expected.png")
        np.testing.assert_array_equal(imread(tmp_path / name), imread(expected))


def test_once_without_a_run_says_so(folder, tmp_path):
    with pytest.raises(FileNotFoundError, match="no hop run in"):
        view(folder, None, tmp_path / "a.png", once=True)
    with pytest.raises(RunNotFoundError, match="no run 'abc' among the 0 runs of"):
        view(folder, "abc", tmp_path / "a.png", once=True)


def test_a_run_is_named_as_everywhere(folder, tmp_path):
    first, second = scan_run(3, 3, scan_id=1), newer(scan_run(2, 2, scan_id=3))
    for run, name in ((first, "17aaaaaa"), (second, "1bbbbbbb")):
        text = json.dumps(run.documents).replace(uid(run), name)
        run.documents[:] = json.loads(text)
        append(folder, run, run.documents)
    for name, run in ((-1, second), ("1", first), ("-2", first), ("1b", second)):
        assert live._Journals(folder, name).newest().stem == uid(run)
    with pytest.raises(RunNotFoundError, match="no scan 17 among the 2 runs"):
        view(folder, "17", tmp_path / "a.png")
    assert list(tmp_path.iterdir()) == [folder]


def test_a_named_run_stays_the_same_when_others_begin(folder):
    first, second = scan_run(3, 3), newer(scan_run(2, 2))
    append(folder, first, first.documents)
    journals = live._Journals(folder, -1)
    chosen = journals.newest()
    append(folder, second, second.documents)
    assert journals.newest() == chosen


def test_a_run_without_hops_is_not_drawn_as_one(folder, tmp_path):
    count = scan_run(2, 2)
    del count.documents[0][1]["techniques"]
    append(folder, count, count.documents)
    with pytest.raises(SeccmError, match=r"has no hops .*seccm show"):
        view(folder, -1, tmp_path / "a.png", once=True)


def test_a_damaged_line_is_named_and_passed_over(folder, tmp_path, caplog):
    run = scan_run(3, 3)
    append(folder, run, run.documents[:4])
    append(folder, run, ["no document"])
    append(folder, run, run.documents[4:])
    view(folder, None, tmp_path / "a.png", once=True)
    (told,) = caplog.messages
    assert f"{uid(run)}.jsonl: line 5" in told


class Script:
    """A screen that writes the next part of the story at each wait, then closes."""

    def __init__(self, *steps):
        self.view = HopMapView()
        self.steps = list(steps)
        self.closed = False
        self.seen = []
        self.slept = []

    def show(self):
        self.view.draw()
        images = self.view.panels
        done = (
            images
            and np.isfinite(images["current"].image.get_array().filled(np.nan)).sum()
        )
        self.seen.append((self.view.captions.run.get_text()[-8:], int(done)))

    def wait(self, seconds):
        self.slept.append(seconds)
        self.closed = not self.steps
        if self.steps:
            self.steps.pop(0)()

    def close(self):
        self.closed = True


def test_window_follows_run_after_run(folder, monkeypatch):
    first, second = scan_run(3, 3), newer(scan_run(4, 4, stop_after=5))
    count = newer(scan_run(2, 2), 2)  # a newer run, but none of hops
    del count.documents[0][1]["techniques"]
    older = newer(scan_run(2, 2), -1)  # its journal appears last, recovered
    script = Script(
        lambda: append(folder, first, first.documents[:6]),
        lambda: None,
        lambda: append(folder, first, first.documents[6:]),
        lambda: append(folder, second, second.documents),
        lambda: append(folder, count, count.documents),
        lambda: append(folder, older, older.documents),
    )
    monkeypatch.setitem(
        sys.modules,
        "seccm_ophyd.views.window",
        types.SimpleNamespace(Window=lambda make: script),
    )
    view(folder)
    assert script.seen == [
        (uid(first)[:8], 4),
        (uid(first)[:8], 9),
        (uid(second)[:8], 5),
    ]
    assert all(seconds >= live.WINDOW_INTERVAL_S for seconds in script.slept)


def test_save_goes_on_to_the_run_that_follows_a_killed_one(
    folder, tmp_path, monkeypatch
):
    killed, next_run = scan_run(3, 3, stop_after=2), newer(scan_run(4, 4))
    append(folder, killed, killed.documents)
    picture = tmp_path / "a.png"
    waits = []

    def wait(picture, seconds):
        waits.append(seconds)
        append(folder, next_run, next_run.documents)

    monkeypatch.setattr(live._Picture, "wait", wait)
    view(folder, None, picture, interval_s=1)
    assert len(waits) == 1
    expected = HopMapView.from_run(next_run.documents).save(tmp_path / "b.png")
    np.testing.assert_array_equal(imread(picture), imread(expected))


def test_reading_leaves_the_journal_alone(folder, tmp_path):
    run = scan_run(3, 3)
    append(folder, run, run.documents)
    path = folder / f"{uid(run)}.jsonl"
    before = path.read_bytes(), path.stat().st_mtime_ns
    path.chmod(0o444)
    view(folder, None, tmp_path / "a.png")
    assert (path.read_bytes(), path.stat().st_mtime_ns) == before
    assert list(folder.iterdir()) == [path]


def test_start_view_needs_a_display(tmp_path, no_display, caplog):
    with caplog.at_level("INFO"):
        assert start_view(tmp_path) is None
    assert "no display" in caplog.text
    assert list(tmp_path.iterdir()) == []


def test_start_view_starts_a_process_of_its_own(tmp_path, monkeypatch):
    monkeypatch.setenv("DISPLAY", ":none")
    monkeypatch.setenv("MPLBACKEND", "Agg")  # opens no window: says so, and ends
    (tmp_path / "journal").mkdir()  # as a session makes it
    process = start_view(tmp_path)
    try:
        assert os.getsid(process.pid) == process.pid != os.getsid(0)
        assert process.wait(60) == 1
    finally:
        process.kill()
        process.wait()
    assert "no window can be opened" in (tmp_path / "view.log").read_text()


@pytest.fixture
def fake_backend(monkeypatch):
    """An interactive backend that needs no display."""
    import matplotlib.pyplot as plt

    class Manager(FigureManagerBase):
        @classmethod
        def pyplot_show(cls, *, block=None):
            shown.append(block)

    class Canvas(FigureCanvasAgg):
        required_interactive_framework = "headless"
        manager_class = Manager

    shown = []
    module = types.ModuleType("fake_window_backend")
    module.FigureCanvas, module.FigureManager = Canvas, Manager
    monkeypatch.setitem(sys.modules, "fake_window_backend", module)
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    plt.switch_backend("module://fake_window_backend")
    yield shown
    plt.switch_backend("Agg")


def test_replay_into_a_window(fake_backend):
    from seccm_ophyd.views.window import Window

    window = Window()
    run = scan_run(3, 3, misses=(4,))
    replay(run.documents, window.view, speed=50, sleep=window.wait)
    window.wait(0.01)
    window.hold()
    image = window.view.panels["current"].image.get_array().filled(np.nan)
    np.testing.assert_array_equal(image, hop_map(run.documents).current)
    assert not window.closed
    assert fake_backend == [False, True]
    window.close()
    assert window.closed
    window.wait(0.01)  # a window that was closed meanwhile: nothing happens
    window.hold()


def test_without_a_display_a_window_says_what_to_do():
    from seccm_ophyd.views.window import Window

    with pytest.raises(SeccmError, match="write the picture to a file"):
        Window()
    import matplotlib.pyplot as plt

    assert plt.get_fignums() == []
