"""What a step has come to, as one line of text and as JSON."""

import json
import math
from dataclasses import asdict, dataclass, field
from typing import Any

from .sequence import Step

__all__ = ["Report"]


@dataclass
class Report:
    """What happened in one step.

    Parameters
    ----------
    seed, number
        Of the step.
    scan
        What was done.
    planned
        Hops.
    is_hopping
        Whether most of its time went into hops.
    faults
        Those that did come, as they are told.
    kinds
        Their kinds.
    ended
        What the run said in the end.
    simulated_s, wall_s
        How long it took.
    made, stored, lost
        Hops.
    to_safe_s
        From the last fault that ends a scan to SAFE; None where there was none.
    open_s
        How long the next session took to open; None where the old one went on.
    ioc_mb
        Memory of the IOC.
    violations
        What did not hold.
    """

    seed: int
    number: int
    scan: str = ""
    planned: int = 0
    is_hopping: bool = True
    faults: list[str] = field(default_factory=list)
    kinds: list[str] = field(default_factory=list)
    ended: str = ""
    simulated_s: float = 0.0
    wall_s: float = 0.0
    made: int = 0
    stored: int = 0
    lost: int = 0
    to_safe_s: float | None = None
    open_s: float | None = None
    ioc_mb: float = 0.0
    violations: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, seed: int, step: Step) -> "Report":
        """Begin the report of a step."""
        scan = step.scan
        return cls(seed, step.number, scan.kind, scan.hops, scan.is_hopping)

    def to_json(self) -> str:
        """Write it as one line that `from_json` reads."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, line: str) -> "Report":
        """Read it."""
        values: dict[str, Any] = json.loads(line)
        return cls(**values)

    def __str__(self) -> str:
        safe = ""
        if self.to_safe_s is not None:
            safe = (
                "never SAFE, "
                if math.isinf(self.to_safe_s)
                else f"SAFE after {self.to_safe_s:.2f} s, "
            )
        opened = f", next session after {self.open_s:.1f} s" if self.open_s else ""
        lines = [
            f"{self.number:4d}  {self.scan} of {self.planned} hops: "
            f"{'; '.join(self.faults) or 'no fault came'}",
            f"      {self.ended or 'to its end'}; {safe}made {self.made}, stored "
            f"{self.stored}, lost {self.lost}{opened}; {self.simulated_s:.0f} s "
            f"simulated in {self.wall_s:.0f} s, IOC {self.ioc_mb:.0f} MB",
        ]
        lines += [
            f"      VIOLATION: {problem}\n      again: make chaos SEED={self.seed} "
            f"ONLY={self.number}"
            for problem in self.violations
        ]
        return "\n".join(lines)
