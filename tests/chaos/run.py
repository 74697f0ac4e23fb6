"""Run steps one after the other, and check each."""

import os
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from .bench import Bench
from .faults import KINDS, Injection, Kind
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
from .sequence import Step
from .stored import StoredRun, read_run
from .truth import Truth, count_hops

__all__ = ["Runner"]

HANG_S = 150.0  # without any news of a scan
SETTLE_S = 20.0  # for what is to become SAFE
READY_S = 60.0
BEGIN_S = 1.0  # of a long measurement, over which its faults are spread
STEPS_PER_FOLDER = 15


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
        self._lines: list[dict[str, Any]] = []
        self._orders: list[float] = []
        self._uids: list[str] = []
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

    # -- one step ----------------------------------------------------------------------

    def step(self, step: Step) -> Report:
        """Run one step and check it."""
        report = Report.of(self.seed, step)
        begun = time.monotonic()
        self._lines, self._orders, self._uids = self.bench.hops.new(), [], []
        self.bench.failures.clear()
        if self.bench.session is None and not self._open(report):
            return report
        came = self._scan(step, report)
        self._come_to_rest(came, report)
        self._check(step, came, report)
        if step.reopened and self.bench.session is not None:
            if not self.bench.close_session():
                report.violations.append("the session did not close")
        report.wall_s = time.monotonic() - begun
        self._done += 1
        return report

    def _open(self, report: Report) -> bool:
        """Open the next session; while its IOC has an owner, again."""
        begun = time.monotonic()
        while (told := self.bench.open_session())["told"] != "ready":
            if time.monotonic() - begun > READY_S:
                report.violations.append(f"no session opens: {told.get('error')}"[:300])
                return False
            time.sleep(0.5)
        report.open_s = time.monotonic() - begun
        return True

    def _order(self, name: str, **values: Any) -> None:
        self._orders.append(time.monotonic())
        self.bench.session.order(name, **values)

    def _scan(self, step: Step, report: Report) -> list[tuple[float, Injection]]:
        """Scan, and let the faults come; tell when each did."""
        scan, came, mends = step.scan, [], []
        pending = list(step.injections)
        self._order("run", plan=scan.plan, args=scan.args, kwargs=scan.kwargs)
        landed_at = None
        news = time.monotonic()
        while True:
            new = self.bench.hops.new()
            self._lines += new
            now = time.monotonic()
            if new:
                news = now
            made = count_hops(self._lines)
            if made and landed_at is None:
                landed_at = now
            share = made / scan.hops
            if not scan.is_hopping:
                share = (now - landed_at) / BEGIN_S if landed_at else 0.0
            if pending and share >= pending[0].after and landed_at:
                injection = pending.pop(0)
                time.sleep(injection.delay_s)
                came.append((time.monotonic(), injection))
                KINDS[injection.kind].inject(self.bench, injection.value)
                mends.append((time.monotonic(), KINDS[injection.kind]))
            mends = [mend for mend in mends if not self._mended(*mend)]
            told = self.bench.session.next_told(0.004)
            if told is None:
                if now - news > HANG_S:
                    report.violations.append(f"nothing has happened for {HANG_S:g} s")
                    self.bench.session.process.kill()
                    report.ended = "killed: it hung"
                    break
                continue
            news = now
            if told["told"] == "start":
                self._uids.append(told["uid"])
            elif told["told"] == "paused":
                self._go_on(step, came, report)
            elif told["told"] == "ended":
                report.ended = told["error"][:200]
                break
            elif told["told"] == "gone":
                report.ended = "the session is gone"
                break
        self.bench.settle()
        for _, kind in mends:
            if kind.mend:
                kind.mend(self.bench)
        self.bench.settle()
        self.bench.restart_ioc()
        report.faults = [str(injection) for _, injection in came]
        report.kinds = [injection.kind for _, injection in came]
        return came

    def _mended(self, since: float, kind: Kind) -> bool:
        """Undo a fault whose time is over; tell whether that is done."""
        if kind.lasts_s is None or time.monotonic() - since < kind.lasts_s:
            return False
        if kind.mend:
            kind.mend(self.bench)
        return True

    def _go_on(
        self, step: Step, came: list[tuple[float, Injection]], report: Report
    ) -> None:
        """Look whether a pause is SAFE, and end it."""
        deadline = time.monotonic() + SETTLE_S
        time.sleep(0.1)
        while not self._is_safe() and time.monotonic() < deadline:
            time.sleep(0.05)
        if not self._is_safe():
            report.violations.append("paused, and not SAFE")
        self._order(step.goes_on)

    def _is_safe(self) -> bool:
        self._lines += self.bench.hops.new()
        states = [
            line["what"]
            for line in self._lines
            if line["what"] in ("safe", "unsafe", "boot")
        ]
        return not states or states[-1] != "unsafe"

    # -- after it ----------------------------------------------------------------------

    def _come_to_rest(
        self, came: list[tuple[float, Injection]], report: Report
    ) -> None:
        """Wait for SAFE, and make ready for the next run as a user would."""
        deadline = time.monotonic() + SETTLE_S
        while not self._is_safe() and time.monotonic() < deadline:
            time.sleep(0.02)
        time.sleep(0.05)
        self._lines += self.bench.hops.new()
        ends = [
            (at, KINDS[injection.kind])
            for at, injection in came
            if KINDS[injection.kind].effect in ("ends", "dies")
        ]
        if ends and report.ended:
            at = ends[-1][0]
            report.to_safe_s = Truth(self._lines).unsafe_since(at, time.monotonic())
            bound = max(kind.safe_s for _, kind in ends)
            report.violations += check_safe(report.to_safe_s, bound)
        elif not self._is_safe():
            report.violations.append("the scan has ended, and it is not SAFE")
        if self.bench.session.process.poll() is None:
            self._make_ready(report)
        else:
            self._recover(report)

    def _make_ready(self, report: Report) -> None:
        session, begun = self.bench.session, time.monotonic()
        why = "it says nothing"
        while time.monotonic() - begun < READY_S:
            session.order("make ready")
            told = session.wait_for("made ready", "not ready", timeout_s=READY_S)
            if told is None or told["told"] == "made ready":
                break
            why = told["error"]
            time.sleep(0.5)
        if told is None or told["told"] != "made ready":
            report.violations.append(f"the session is of no use any more: {why}")
            session.end()
            self._recover(report)

    def _recover(self, report: Report) -> None:
        """Do what is to be done after a session has died, and open the next."""
        self.bench.session.end()
        self.bench.session = None
        self._shell(report, "recover")
        self._open(report)

    def _shell(self, report: Report, *arguments: str) -> None:
        done = subprocess.run(
            [
                *(sys.executable, "-m", "seccm_ophyd.cli", *arguments),
                *("--data", str(self.bench.folder.root)),
            ],
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
            env={
                **os.environ,
                "EPICS_CA_ADDR_LIST": f"127.0.0.1:{self.bench.ioc.port}",
            },
        )
        if done.returncode:
            said = (done.stderr or done.stdout).strip().splitlines()
            report.violations.append(
                f"seccm {' '.join(arguments)} ends with {done.returncode}: "
                f"{said[-1] if said else 'nothing'}"[:400]
            )

    def _check(
        self, step: Step, came: list[tuple[float, Injection]], report: Report
    ) -> None:
        """Compare what was made with what is stored, and check all else."""
        truth = Truth(self._lines)
        report.simulated_s = truth.simulated_s()
        runs = self._stored(report)
        found = balance(truth, runs, self._orders)
        report.made, report.stored = found.made, found.stored
        report.lost = len(found.lost)
        kinds = [KINDS[injection.kind] for _, injection in came]
        bound = max((kind.lost for kind in kinds), default=0) if step.scan.fly else 0
        report.violations += check_balance(found, bound)
        report.violations += check_indices(runs)
        report.violations += check_harm(truth)
        if self.bench.ioc.process.poll() is None:
            report.ioc_mb = self.bench.ioc_mb()
            report.violations += check_memory(report.ioc_mb)
        pauses = any(kind.effect == "pauses" for kind in kinds)
        complete = all(
            kind.effect == "rides" or (kind.effect == "pauses") for kind in kinds
        ) and not (pauses and step.goes_on != "resume")
        if not runs:
            report.violations.append("there is no run")
        for run in runs[:1]:
            report.violations += check_stop(
                run.stop, len(run.keys), step.scan.hops, complete=complete
            )
        report.violations += self.bench.failures

    def _stored(self, report: Report) -> list[StoredRun]:
        runs = []
        for uid in self._uids:
            try:
                runs.append(read_run(self.bench.folder.journal_file(uid)))
            except Exception as error:  # whatever it is, it cannot be read
                report.violations.append(f"the journal of {uid[:8]}: {error!r}"[:300])
        return runs

    # -- a data folder -----------------------------------------------------------------

    def finish_folder(self) -> Report:
        """Close the session, read all that the data folder holds, begin a new one."""
        report = Report(self.seed, 0, "data folder", self._done)
        begun = time.monotonic()
        if self.bench.session is not None and not self.bench.close_session():
            report.violations.append("the session did not close")
        self._shell(report, "recover")
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
