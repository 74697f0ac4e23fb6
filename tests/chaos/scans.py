"""The scans that are drawn: plans with their arguments, as plain data."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

__all__ = ["SCANS", "Scan", "draw_scan"]

SIDE_UM = 8.0  # the scans lie within a square of twice this side
LONGEST_S = 1100.0  # so that a fault in each scan makes three an hour
WAY_UM = 4.5  # of an approach


@dataclass(frozen=True)
class Scan:
    """A plan to run.

    Parameters
    ----------
    kind
        A key of `SCANS`.
    plan
        Name of the plan.
    args, kwargs
        What it is called with, without the microscope.
    hops
        How many it makes.
    fly
        Whether the instrument hops by itself.
    """

    kind: str
    plan: str
    args: list[Any]
    hops: int
    kwargs: dict[str, Any] = field(default_factory=dict)
    fly: bool = False

    @property
    def is_hopping(self) -> bool:
        """Whether most of its time goes into hops, not into one long measurement."""
        return self.hops > 5

    def __str__(self) -> str:
        return f"{self.kind} ({self.hops} hops)"


SAMPLE = {"technique": "CurrentSample", "potential_v": 0.65}
STEP = {
    "technique": "Chronoamperometry",
    "duration_s": 1.0,
    "sample_rate_hz": 200.0,
    "filter_hz": 100.0,
}
PULSE = {"technique": "Galvanostatic", "current_pa": 5.0, "duration_s": 0.3}
REST = {"technique": "ZeroCurrentPotential"}


def _grid(rng: np.random.Generator, hops: int, *, lines: int = 0) -> list[Any]:
    """Draw a grid of about so many hops, on as many lines where that is given."""
    rows = lines or max(2, round(hops**0.5 * rng.uniform(0.6, 1.2)))
    columns = max(2, round(hops / rows))
    x, y = rng.uniform(-SIDE_UM, 0, 2).round(2).tolist()
    step = 0.12 if lines else 0.2
    width = [x, round(min(x + step * columns, SIDE_UM), 3), columns]
    if rows == 1:
        return [*width, y, y, 1]
    return [*width, y, round(min(y + step * rows, SIDE_UM), 3), rows]


def _map(
    kind: str,
    plan: str,
    rng: np.random.Generator,
    hops: int,
    *first: Any,
    lines: int = 0,
    measured_s: float = 0.1,
    **kwargs: Any,
) -> Scan:
    """Draw a map of at most so many hops, each with a measurement of so long (s)."""
    rate = float(rng.choice([2.0, 4.0, 8.0, 20.0]))
    most = int(LONGEST_S / (WAY_UM / rate + measured_s))
    grid = _grid(rng, min(hops, most), lines=lines)
    snake = bool(rng.integers(2))
    kwargs = {"approach_rate_um_s": rate, **kwargs}
    return Scan(
        kind=kind,
        plan=plan,
        args=[*first, *grid],
        hops=grid[2] * grid[5],
        kwargs={"snake": snake, **kwargs},
        fly=plan == "hop_fly",
    )


def _points(rng: np.random.Generator, count: int) -> list[list[float]]:
    return rng.uniform(-SIDE_UM, SIDE_UM, (count, 2)).round(3).tolist()


def _stepped(rng: np.random.Generator) -> Scan:
    return _map("stepped map", "hop_scan", rng, 700, SAMPLE)


def _transients(rng: np.random.Generator) -> Scan:
    return _map("map of transients", "hop_scan", rng, 400, STEP, measured_s=1.2)


def _adaptive(rng: np.random.Generator) -> Scan:
    return _map("adaptive map", "hop_scan", rng, 700, SAMPLE, adaptive=True)


def _fly(rng: np.random.Generator) -> Scan:
    return _map("fly scan", "hop_fly", rng, 1800, SAMPLE)


def _fly_adaptive(rng: np.random.Generator) -> Scan:
    return _map("adaptive fly scan", "hop_fly", rng, 1200, SAMPLE, adaptive=True)


def _fly_sequence(rng: np.random.Generator) -> Scan:
    both = [SAMPLE, PULSE]
    kind = "fly scan of two techniques"
    return _map(kind, "hop_fly", rng, 700, both, measured_s=0.6)


def _fly_transients(rng: np.random.Generator) -> Scan:
    return _map("fly scan of transients", "hop_fly", rng, 700, STEP, measured_s=1.2)


def _line(rng: np.random.Generator) -> Scan:
    plan = ("hop_scan", "hop_fly")[rng.integers(2)]
    return _map("line", plan, rng, 120, SAMPLE, lines=1)


def _sequence(rng: np.random.Generator) -> Scan:
    return _map("two techniques", "hop_scan", rng, 300, [SAMPLE, PULSE], measured_s=0.6)


def _voltammetry(rng: np.random.Generator) -> Scan:
    rate = float(rng.choice([0.5, 1.0, 5.0]))
    options = {"measured_s": 2.0 / rate, "scan_rate_v_s": rate}
    return _map("voltammetry map", "voltammetry_map", rng, 150, **options)


def _potential(rng: np.random.Generator) -> Scan:
    return _map("potential map", "potential_map", rng, 500, measured_s=0.3)


def _galvanostatic(rng: np.random.Generator) -> Scan:
    return _map("galvanostatic map", "galvanostatic_map", rng, 300, measured_s=0.9)


def _list(rng: np.random.Generator) -> Scan:
    count = int(rng.integers(200, 500))
    technique = [SAMPLE, REST][rng.integers(2)]
    return Scan("point list", "hop_list", [technique, _points(rng, count)], count)


def _curves(rng: np.random.Generator) -> Scan:
    points = _points(rng, int(rng.integers(20, 60)))
    return Scan("approach curves", "approach_curves", [points, 3], 3 * len(points))


def _charge(rng: np.random.Generator) -> Scan:
    plan = ("local_charge", "local_discharge")[rng.integers(2)]
    current = float(rng.choice([1.0, 2.0, 5.0]))  # so that it takes its time
    end = {"e_upper_v": 1.9} if plan == "local_charge" else {"e_lower_v": -1.9}
    kwargs = {
        "current_pa": current if plan == "local_charge" else -current,
        "duration_s": float(rng.integers(400, 900)),
        "interval_s": 0.1,
        "soak_s": 0.0,
        **end,
    }
    return Scan("charge", plan, _points(rng, 1), 1, kwargs)


def _cycle(rng: np.random.Generator) -> Scan:
    times = {"duration_s": float(rng.integers(200, 450)), "soak_s": 10.0}
    ends = {"e_upper_v": 1.9, "e_lower_v": -1.9}
    kwargs = {"current_pa": float(rng.choice([1.0, 5.0])), **times, **ends}
    return Scan("charge and discharge", "charge_discharge", _points(rng, 1), 1, kwargs)


def _series(rng: np.random.Generator) -> Scan:
    args = [*_points(rng, 1), [0.05, 0.5, 5.0]]
    return Scan("scan rates", "scan_rate_series", args, 1)


SCANS: dict[str, tuple[float, Callable[[np.random.Generator], Scan]]] = {
    "stepped map": (3, _stepped),
    "map of transients": (2, _transients),
    "adaptive map": (2, _adaptive),
    "fly scan": (3, _fly),
    "adaptive fly scan": (2, _fly_adaptive),
    "fly scan of two techniques": (1, _fly_sequence),
    "fly scan of transients": (2, _fly_transients),
    "line": (1, _line),
    "two techniques": (1, _sequence),
    "voltammetry map": (1, _voltammetry),
    "potential map": (1, _potential),
    "galvanostatic map": (1, _galvanostatic),
    "point list": (1, _list),
    "approach curves": (0.5, _curves),
    "charge": (1.5, _charge),
    "charge and discharge": (1, _cycle),
    "scan rates": (0.5, _series),
}
"""How often each kind is drawn, relative to the others, and what draws it."""


def draw_scan(rng: np.random.Generator) -> Scan:
    """Draw one scan."""
    kinds = list(SCANS)
    weights = np.array([weight for weight, _ in SCANS.values()])
    kind = kinds[int(rng.choice(len(kinds), p=weights / weights.sum()))]
    return SCANS[kind][1](rng)
