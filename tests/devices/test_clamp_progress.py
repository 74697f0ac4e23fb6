"""What a long acquisition has taken so far: parts of a trace, put together."""

import math

import h5py
import numpy as np
import pytest

from seccm_ophyd.techniques import Galvanostatic

CHARGE = Galvanostatic(duration_s=0.1)


class Acquiring:
    """An acquisition that runs, of which parts come."""

    def __init__(self, fake):
        self.fake, self.clamp = fake, fake.device.clamp
        self.progress = self.clamp.progress
        fake.silent = {"acquire"}
        self.calls = 0
        self.progress.subscribe(self._called)
        self.start()

    def _called(self, *args, **kwargs):
        self.calls += 1

    def start(self):
        self.status = self.clamp.trigger()
        self.number = self.clamp.acquire.awaited

    def publish(self, first, *samples, number=None):
        """Publish samples whose time is their number, from `first` on."""
        time = first + np.arange(len(samples), dtype=float)
        rows = [time, np.full(len(samples), 0.5), np.array(samples, float)]
        head = [self.number if number is None else number, first, len(samples)]
        self.progress.part.sim_put(np.concatenate([head, *rows]))

    @property
    def current(self):
        return self.progress.trace[2].tolist()


@pytest.fixture
def acquiring(fake):
    fake.device.clamp.prepare(CHARGE).wait(5)
    made = Acquiring(fake)
    yield made
    fake.device.clamp.acquire.abandon()


def read(progress):
    return {
        key.removeprefix("seccm_clamp_progress_"): value["value"]
        for key, value in progress.read().items()
    }


def test_parts_are_put_together(acquiring):
    assert acquiring.progress.trace.shape == (3, 0)
    acquiring.publish(0, 1.0, 2.0)
    acquiring.publish(2, 3.0)
    assert acquiring.current == [1.0, 2.0, 3.0]
    assert acquiring.progress.trace[0].tolist() == [0.0, 1.0, 2.0]
    assert acquiring.calls == 2


def test_the_last_sample_is_what_an_event_has(acquiring):
    acquiring.publish(0, 1.0, 2.0)
    found = read(acquiring.progress)
    assert found["time"] == 1.0
    assert found["potential"] == 0.5
    assert found["current"] == 2.0
    assert found["samples"] == 2
    assert found["trace_label"] == "galvanostatic"


def test_a_part_that_is_lost_leaves_a_gap(acquiring):
    acquiring.publish(0, 1.0)
    acquiring.publish(3, 4.0)
    assert acquiring.current[0] == 1.0
    assert all(map(math.isnan, acquiring.current[1:3]))
    assert acquiring.current[3] == 4.0
    assert read(acquiring.progress)["samples"] == 4


def test_an_update_that_comes_twice_counts_once(acquiring):
    acquiring.publish(0, 1.0, 2.0)
    acquiring.publish(0, 1.0, 2.0)
    acquiring.publish(0, 1.0)
    assert acquiring.calls == 1
    assert acquiring.current == [1.0, 2.0]


@pytest.mark.parametrize(
    "value",
    [[0.0], [0.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 2.0, 1.0, 1.0, 1.0]],
    ids=["nothing", "no size", "no sample", "too short"],
)
def test_what_is_no_part_is_passed_over(acquiring, value):
    value = [acquiring.number, *value[1:]]
    acquiring.progress.part.sim_put(np.array(value))
    assert acquiring.calls == 0
    assert acquiring.progress.trace.shape == (3, 0)


def test_a_part_of_another_acquisition_is_passed_over(acquiring):
    acquiring.publish(0, 7.0, number=acquiring.number - 1)
    assert acquiring.calls == 0
    acquiring.publish(0, 1.0, 2.0)
    acquiring.clamp.acquire.abandon()
    acquiring.publish(2, 3.0)
    assert acquiring.current == [1.0, 2.0], "it has ended"


def test_the_next_acquisition_begins_anew(acquiring):
    acquiring.publish(0, 1.0, 2.0, 3.0)
    acquiring.clamp.acquire.abandon()
    acquiring.start()
    acquiring.publish(0, 9.0)
    assert acquiring.current == [9.0]
    assert read(acquiring.progress)["samples"] == 1


def test_whoever_subscribes_hears_of_what_is_still_to_come(acquiring):
    acquiring.publish(0, 1.0)
    heard = []
    acquiring.progress.subscribe(lambda **kwargs: heard.append(1))
    assert heard == []
    acquiring.publish(1, 2.0)
    assert heard == [1]


def test_its_numbers_have_units(acquiring):
    described = acquiring.progress.describe()
    units = {name: described[f"seccm_clamp_progress_{name}"]["units"] for name in
             ("time", "potential", "current")}  # fmt: skip
    assert units == {"time": "s", "potential": "V", "current": "pA"}


# -- in the file of the run ----------------------------------------------------------


class Slow:
    """A storage that writes when it is asked to."""

    def __init__(self):
        self.jobs = []

    def submit(self, job, always=False):
        self.jobs.append(job)

    def write(self):
        jobs, self.jobs = self.jobs, []
        for job in jobs:
            job()


@pytest.fixture
def stored(acquiring, tmp_path):
    """Give an acquisition of a run whose traces are stored, slowly."""
    traces = acquiring.fake.device.traces
    traces.storage = Slow()
    traces.folder.put(str(tmp_path))
    traces.stage()
    traces.storage.write()
    acquiring.fake.device.hop.index.put(0)
    yield acquiring, traces
    traces.unstage()
    traces.storage.write()


def written(traces):
    with h5py.File(traces.path, "r") as file:
        return file["galvanostatic"][:, 2, :]


def test_parts_stand_in_the_row_of_their_hop_while_it_runs(stored):
    acquiring, traces = stored
    acquiring.publish(0, 1.0, 2.0)
    traces.storage.write()
    (row,) = written(traces)
    assert row[:2].tolist() == [1.0, 2.0]
    assert np.isnan(row[2:]).all()
    assert read(acquiring.progress)["row"] == 0
    assert acquiring.progress.file.get() == str(traces.path)


def test_of_parts_that_wait_the_newest_is_written(stored):
    acquiring, traces = stored
    acquiring.publish(0, 1.0)
    acquiring.publish(1, 2.0)
    assert len(traces.storage.jobs) == 1
    traces.storage.write()
    assert written(traces)[0, :2].tolist() == [1.0, 2.0]


def test_a_part_that_cannot_be_written_fails_the_acquisition(stored):
    acquiring, traces = stored
    traces.reserve.put(1e15)
    acquiring.publish(0, 1.0)
    traces.storage.write()
    with pytest.raises(OSError, match="less than the reserve"):
        acquiring.status.wait(5)


def test_a_part_that_comes_after_the_run_is_not_written(stored):
    acquiring, traces = stored
    traces.unstage()
    traces.storage.write()
    acquiring.publish(0, 1.0)
    traces._write_part()
    assert traces.storage.jobs == []
