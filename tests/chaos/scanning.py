"""One scan, in which the faults of its step come."""

import time
from dataclasses import dataclass, field
from typing import Any

from .bench import Bench
from .faults import KINDS, Injection, Kind
from .scans import Scan
from .sequence import Step
from .truth import Truth, count_hops

__all__ = ["Scanning"]

HANG_S = 150.0  # without any news of a scan
SAFE_S = 20.0  # for what is to become SAFE
BEGIN_S = 0.25  # of a long measurement, over which its faults are spread
LOOK_S = 0.004


@dataclass
class Scanning:
    """Runs the scan of a step, and keeps what is seen meanwhile.

    Parameters
    ----------
    bench
        Where it is done.

    Attributes
    ----------
    lines
        What the simulator has written down.
    orders
        Monotonic times (s) at which a run was begun or resumed.
    uids
        Of the runs.
    came
        The faults, with the monotonic time (s) at which each came.
    ended
        What the run said in the end; empty if it went to its end.
    problems
        What did not hold.
    """

    bench: Bench
    lines: list[dict[str, Any]] = field(default_factory=list)
    orders: list[float] = field(default_factory=list)
    uids: list[str] = field(default_factory=list)
    came: list[tuple[float, Injection]] = field(default_factory=list)
    ended: str = ""
    problems: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._mends: list[tuple[float, Kind]] = []
        self._landed_at: float | None = None

    @property
    def truth(self) -> Truth:
        """What the simulator has written down so far."""
        self.lines += self.bench.hops.new()
        return Truth(self.lines)

    @property
    def kinds(self) -> list[Kind]:
        """The kinds of the faults that came."""
        return [KINDS[injection.kind] for _, injection in self.came]

    def run(self, step: Step) -> None:
        """Scan, and let the faults come; undo them in the end."""
        self._order_run(step.scan.plan, step.scan.args, step.scan.kwargs)
        pending = list(step.injections)
        self._follow(step, pending)
        self.bench.settle()
        while self._mends:
            _, kind = self._mends.pop()
            if kind.mend:
                kind.mend(self.bench)
        self.bench.settle()
        self.bench.restart_ioc()

    def finish(self, step: Step) -> None:
        """Make the hops that an interrupted scan lacks."""
        before, self.ended = self.ended, ""
        self._order_run("resume_scan", [self.uids[0]], {})
        self._follow(step, [])
        if self.ended:
            self.problems.append(f"resume_scan: {self.ended}"[:300])
        self.ended = before

    def wait_until_safe(self) -> bool:
        """Wait until the instrument is SAFE, bounded; tell whether it is."""
        deadline = time.monotonic() + SAFE_S
        while not self.truth.is_safe and time.monotonic() < deadline:
            time.sleep(0.02)
        time.sleep(0.05)
        return self.truth.is_safe

    def _order_run(self, plan: str, args: list[Any], kwargs: dict[str, Any]) -> None:
        self._order("run", plan=plan, args=args, kwargs=kwargs)

    def _order(self, name: str, **values: Any) -> None:
        self.orders.append(time.monotonic())
        self.bench.session.order(name, **values)

    def _follow(self, step: Step, pending: list[Injection]) -> None:
        """Follow a run to its end."""
        news = time.monotonic()
        while True:
            seen = len(self.lines)
            share = self._share(step.scan)
            now = time.monotonic()
            if len(self.lines) > seen:
                news = now
            if pending and share is not None and share >= pending[0].after:
                self._inject(pending.pop(0))
            self._mends = [mend for mend in self._mends if not self._mended(*mend)]
            told = self.bench.session.next_told(LOOK_S)
            if told is not None:
                news = now
                if self._is_end(step, told):
                    return
            elif now - news > HANG_S:
                self.problems.append(f"nothing has happened for {HANG_S:g} s")
                self.ended = "killed: it hung"
                self.bench.session.end()
                return

    def _share(self, scan: Scan) -> float | None:
        """Tell how much of the scan is done; None before the first landing."""
        made = count_hops(self.truth.lines)
        if not made:
            return None
        if scan.is_hopping:
            return made / scan.hops
        self._landed_at = self._landed_at or time.monotonic()
        return (time.monotonic() - self._landed_at) / BEGIN_S

    def _inject(self, injection: Injection) -> None:
        time.sleep(injection.delay_s)
        self.came.append((time.monotonic(), injection))
        kind = KINDS[injection.kind]
        kind.inject(self.bench, injection.value)
        self._mends.append((time.monotonic(), kind))

    def _mended(self, since: float, kind: Kind) -> bool:
        """Undo a fault whose time is over; tell whether that is done."""
        if kind.lasts_s is None or time.monotonic() - since < kind.lasts_s:
            return False
        if kind.mend:
            kind.mend(self.bench)
        return True

    def _is_end(self, step: Step, told: dict[str, Any]) -> bool:
        """Take what the session tells; whether the run has ended."""
        what = told["told"]
        if what == "start":
            self.uids.append(told["uid"])
        elif what == "paused":
            if not self.wait_until_safe():
                self.problems.append("paused, and not SAFE")
            self._order(step.goes_on)
        elif what == "ended":
            self.ended = told["error"][:200]
        elif what == "gone":
            self.ended = "the session is gone"
        return what in ("ended", "gone")
