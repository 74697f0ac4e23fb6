"""Run steps one after the other, and check each."""

import contextlib
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from seccm_ophyd.storage import LINES

from .bench import Bench
from .damage import BETWEEN
from .invariants import (
    balance,
    check_balance,
    check_harm,
    check_indices,
    check_memory,
    check_safe,
    check_stop,
)
from .report import Report
from .scanning import Scanning
from .sequence import Step
from .stored import StoredRun, read_run

__all__ = ["Runner"]

READY_S = 60.0
OPEN_S = 25.0  # for the next session: a lease, and a start on a busy computer
DIES_S = 5.0  # until a session that was told to end has ended
STEPS_PER_FOLDER = 15
RESUMABLE = ("hop_scan", "hop_fly", "hop_list", "potential_map", "galvanostatic_map")


class Runner:
    """Runs the steps of one seed.

    Parameters
    ----------
    place
        A folder for all files.
    seed
        Of the steps, and of the simulator.
    """

    def __init__(self, place: Path, seed: int) -> None:
        self.place, self.seed = place, seed
        self.bench = Bench(place, seed)
        self._done = 0

    def run(self, steps: Iterable[Step], simulated_s: float) -> Iterator[Report]:
        """Run steps until so much instrument time (s) has passed.

        Yields
        ------
        Report
            Of each step, and one more for each data folder.
        """
        passed = 0.0
        for step in steps:
            report = self.step(step)
            passed += report.simulated_s
            yield report
            if passed >= simulated_s:
                break
            if self._done >= STEPS_PER_FOLDER:
                yield self.finish_folder()
        yield self.finish_folder()

    def close(self) -> None:
        """End everything."""
        self.bench.close()

    def step(self, step: Step) -> Report:
        """Run one step and check it."""
        report = Report.of(self.seed, step)
        begun = time.monotonic()
        self._done += 1
        self.bench.hops.new()
        self.bench.failures.clear()
        if self.bench.session is None and not self._open(report):
            return report
        scanning = Scanning(self.bench)
        scanning.run(step)
        report.ended = scanning.ended
        report.faults = [str(injection) for _, injection in scanning.came]
        report.kinds = [injection.kind for _, injection in scanning.came]
        self._come_to_rest(scanning, report)
        if self._is_to_be_finished(step, scanning, report):
            scanning.finish(step)
            report.ended += "; resumed"
            scanning.wait_until_safe()
        self._fetch_left(report)
        self._check(step, scanning, report)
        if step.between:
            self._between(step.between, report)
        if step.reopened and self.bench.session is not None:
            self._close(report)
        report.wall_s = time.monotonic() - begun
        return report

    def _is_to_be_finished(
        self, step: Step, scanning: Scanning, report: Report
    ) -> bool:
        return bool(
            step.resumed
            and report.ended
            and scanning.uids
            and step.scan.plan in RESUMABLE
            and not report.violations
        )

    def _between(self, kind: str, report: Report) -> None:
        """Let something happen to what is stored, or to who is idle."""
        rng = np.random.default_rng([self.seed, report.number, 1])
        report.violations += BETWEEN[kind](self.bench, rng)
        report.faults.append(f"{kind} after it")
        report.kinds.append(kind)
        if self.bench.session is None:
            self._open(report)

    def _open(self, report: Report) -> bool:
        """Open the next session; while its IOC has an owner, again."""
        begun = time.monotonic()
        while (told := self.bench.open_session())["told"] != "ready":
            if time.monotonic() - begun > READY_S:
                report.violations.append(f"no session opens: {told.get('error')}"[:300])
                return False
            time.sleep(0.5)
        report.open_s = time.monotonic() - begun
        if report.open_s > OPEN_S:
            report.violations.append(f"the next session took {report.open_s:.0f} s")
        return True

    def _close(self, report: Report) -> None:
        if not self.bench.close_session():
            report.violations.append("the session did not close")

    def _come_to_rest(self, scanning: Scanning, report: Report) -> None:
        """Wait for SAFE, and make ready for the next run as a user would."""
        is_safe = scanning.wait_until_safe()
        ending = [k.effect in ("ends", "dies") for k in scanning.kinds]
        if any(ending) and report.ended:
            at = [
                at for (at, _), ends in zip(scanning.came, ending, strict=True) if ends
            ][-1]
            if any(kind.shows_late for kind in scanning.kinds):
                at = max(at, scanning.truth.last_made())
            bound = max(kind.safe_s for kind in scanning.kinds)
            seconds = scanning.truth.unsafe_since(at, time.monotonic())
            report.to_safe_s = seconds
            report.violations += check_safe(seconds, bound)
        elif not is_safe:
            report.violations.append("the scan has ended, and it is not SAFE")
        if any(kind.effect == "dies" for kind in scanning.kinds):
            with contextlib.suppress(subprocess.TimeoutExpired):  # it may live on
                self.bench.session.process.wait(DIES_S)
        if self.bench.session.process.poll() is not None:
            self._recover(report)
        elif why := self.bench.make_ready():
            report.violations.append(f"the session is of no use any more: {why}")
            self._recover(report)

    def _recover(self, report: Report) -> None:
        """Do what is to be done after a session has died, and open the next."""
        self.bench.session.end()
        self.bench.session = None
        report.violations += self.bench.shell("recover")
        report.violations += self.bench.shell("verify")
        self._open(report)

    def _fetch_left(self, report: Report) -> None:
        """Have fetched what the IOC still has of a run that could not store it."""
        left = any(self.bench.folder.traces.glob(f"*{LINES}"))
        if left and self.bench.session is not None:
            self._close(report)
            report.violations += self.bench.shell("recover")
            self._open(report)

    def _check(self, step: Step, scanning: Scanning, report: Report) -> None:
        """Compare what was made with what is stored, and check all else."""
        truth, kinds = scanning.truth, scanning.kinds
        report.simulated_s = truth.simulated_s()
        runs = self._stored(scanning, report)
        found = balance(truth, runs, scanning.orders)
        report.made, report.stored = found.made, found.stored
        report.lost = len(found.lost)
        bound = max((kind.lost for kind in kinds), default=0) if step.scan.fly else 0
        report.violations += check_balance(found, bound)
        report.violations += check_indices(runs)
        report.violations += check_harm(truth)
        if self.bench.ioc.process.poll() is None:
            report.ioc_mb = self.bench.ioc_mb()
            report.violations += check_memory(report.ioc_mb)
        pauses = any(kind.effect == "pauses" for kind in kinds)
        complete = all(kind.effect in ("rides", "pauses") for kind in kinds)
        complete = complete and (step.goes_on == "resume" or not pauses)
        if not runs:
            report.violations.append("there is no run")
        for run in runs[:1]:
            report.violations += check_stop(
                run.stop, len(run.keys), step.scan.hops, complete=complete
            )
        report.violations += scanning.problems + self.bench.failures

    def _stored(self, scanning: Scanning, report: Report) -> list[StoredRun]:
        runs = []
        for uid in scanning.uids:
            try:
                runs.append(read_run(self.bench.folder.journal_file(uid)))
            except Exception as error:  # whatever it is, it cannot be read
                report.violations.append(f"the journal of {uid[:8]}: {error!r}"[:300])
        return runs

    def finish_folder(self) -> Report:
        """Close the session, read all that the data folder holds, begin a new one."""
        report = Report(self.seed, 0, "data folder", self._done)
        begun = time.monotonic()
        self._close(report)
        report.violations += self.bench.shell("recover")
        report.violations += self.bench.shell("verify")
        done = subprocess.run(
            [
                *(sys.executable, "-m", "tests.chaos.reading"),
                str(self.bench.folder.root),
            ],
            capture_output=True, text=True, timeout=900, check=False,
        )  # fmt: skip
        report.violations += done.stdout.splitlines()
        if done.returncode and not done.stdout:
            report.violations.append(f"reading fails: {done.stderr[-300:]}")
        self.bench.begin_folder()
        report.wall_s = time.monotonic() - begun
        report.ended = "all read"
        self._done = 0
        return report
