"""What truly happened: the lines that the simulator has written down."""

import json
import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

__all__ = ["HopKey", "Truth", "key_of"]

HopKey = tuple[float, float, float | None]
"""x, y and contact height (um) of a hop; None without contact."""

_OK, _NO_CONTACT = 1, 2


def key_of(x: float, y: float, height: float) -> HopKey:
    """Make the key by which a hop is known again."""
    return (x, y, None if math.isnan(height) else height)


@dataclass
class Truth:
    """The lines of one step, or of several.

    Parameters
    ----------
    lines
        As `seccm_ophyd.sim_devices.hop_log.HopLog` writes them.
    """

    lines: list[dict[str, Any]] = field(default_factory=list)

    @property
    def landings(self) -> list[dict[str, Any]]:
        """Landings that a client has commanded one by one."""
        return [line for line in self.lines if line["what"] == "landing"]

    @property
    def flown(self) -> list[HopKey]:
        """Hops that lines have completed."""
        return [hop_key(line) for line in self.lines if line["what"] == "hop"]

    @property
    def harm(self) -> list[str]:
        """What must never happen: contacts that no approach made, dragged menisci."""
        return [line["kind"] for line in self.lines if line["what"] == "harm"]

    @property
    def trips(self) -> list[str]:
        """Why it tripped."""
        return [line["reason"] for line in self.lines if line["what"] == "trip"]

    @property
    def is_safe(self) -> bool:
        """Whether it is SAFE at the end of the lines."""
        states = ("safe", "unsafe", "boot")
        last = next((x for x in reversed(self.lines) if x["what"] in states), None)
        return last is None or last["what"] != "unsafe"

    def last_made(self) -> float:
        """Return when the last hop was made (s, monotonic); -inf before the first."""
        made = [x["at"] for x in self.lines if x["what"] in ("landing", "hop")]
        return max(made, default=-math.inf)

    def simulated_s(self) -> float:
        """Tell how much instrument time has passed (s), over all starts of the IOC."""
        passed, before = 0.0, None
        for line in self.lines:
            if before is not None and line["what"] != "boot":
                passed += line["t"] - before
            before = line["t"]
        return passed

    def unsafe_since(self, start: float, end: float) -> float:
        """Tell how long after `start` it was SAFE for good (s).

        Parameters
        ----------
        start, end
            Monotonic times (s): that of a fault, and of what was begun after it.

        Returns
        -------
        float
            0 if it was SAFE all the time; infinite if it was not SAFE at `end`.
        """
        last, safe = 0.0, True
        for line in self.lines:
            if line["at"] > end:
                break
            if line["what"] in ("safe", "unsafe"):
                safe = line["what"] == "safe"
                if safe and line["at"] > start:
                    last = line["at"] - start
            elif line["what"] == "boot":
                safe = True
        return last if safe else math.inf


def hop_key(line: dict[str, Any]) -> HopKey:
    """Make the key of the hop of a line of the file."""
    _, _, height, x, y = line["landing"]
    return key_of(x, y, height)


def is_completed(line: dict[str, Any]) -> bool:
    """Tell whether a landing came to its end."""
    return line["landing"][1] in (_OK, _NO_CONTACT)


class HopLogReader:
    """Reads the lines that have come since the last time.

    Parameters
    ----------
    path
        The file; it need not exist yet.
    """

    def __init__(self, path: Path) -> None:
        self._path, self._offset = path, 0

    def new(self) -> list[dict[str, Any]]:
        """Read what has come."""
        if not self._path.exists():
            return []
        with self._path.open("rb") as file:
            file.seek(self._offset)
            data = file.read()
        whole = data[: data.rfind(b"\n") + 1]
        self._offset += len(whole)
        return [json.loads(line) for line in whole.splitlines()]


def count_hops(lines: Iterable[dict[str, Any]]) -> int:
    """Count landings and hops of lines."""
    return sum(line["what"] in ("landing", "hop") for line in lines)
