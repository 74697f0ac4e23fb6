"""A call of every public plan that opens runs, small enough for the fake."""

import inspect
from dataclasses import dataclass, field
from typing import Any

import pytest

from seccm_ophyd import plans

GRID = (-1, 1, 3, -2, 2, 2)
TIMES = {"duration_s": 2.0, "interval_s": 0.1, "soak_s": 1.0}


@dataclass(frozen=True)
class Call:
    """A plan with arguments, and what comes of it.

    `techniques` are the names of those done in each contact, by run; `hops` the
    landings of each run.
    """

    name: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any] = field(default_factory=dict)
    techniques: tuple[tuple[str, ...], ...] = (("CurrentSample",),)
    hops: tuple[int, ...] = (6,)

    @property
    def plan(self):
        return getattr(plans, self.name)

    @property
    def parameters(self):
        return inspect.signature(self.plan).parameters

    def __call__(self, microscope, **changes):
        """Make the plan, with some of its arguments changed."""
        bound = inspect.signature(self.plan).bind(microscope, *self.args, **self.kwargs)
        return self.plan(**bound.arguments | changes)


SAMPLE = {"technique": "CurrentSample", "potential_v": 0.7}
PULSE = {"technique": "Galvanostatic", "duration_s": 0.1}
MAP, CHARGE = ("ZeroCurrentPotential",), ("Galvanostatic",)
SWEEP = ("CyclicVoltammetry",)

CALLS = (
    Call("hop_scan", (SAMPLE, *GRID)),
    Call(
        "hop_list",
        ([SAMPLE, PULSE], [(3, 1), (0, 0)]),
        techniques=(("CurrentSample", "Galvanostatic"),),
        hops=(2,),
    ),
    Call("current_map", GRID, {"potential_v": 0.7}),
    Call("voltammetry_map", GRID, {"scan_rate_v_s": 10}, (SWEEP,)),
    Call("potential_map", GRID, {"snake": True}, (MAP,)),
    Call("galvanostatic_map", GRID, {"current_pa": -5.0}, (CHARGE,)),
    Call("cyclic_voltammetry", ((1.5, -3),), {"cycles": 2}, (SWEEP,), (1,)),
    Call("scan_rate_series", ((1, 2), (0.1, 1, 10)), {}, (SWEEP * 3,), (1,)),
    Call("approach_curves", ([(0, 0), (1, 1)], 2), {"potential_v": 0.6}, hops=(4,)),
    Call("local_charge", ((1, 2),), TIMES, (CHARGE,), (1,)),
    Call("local_discharge", ((1, 2),), TIMES, (CHARGE,), (1,)),
    Call("charge_discharge", ((1, 2),), TIMES, (CHARGE * 2,), (1,)),
    Call("charge_and_remap", ((1, 2), *GRID), TIMES, (MAP, CHARGE, MAP), (6, 1, 6)),
)
BY_NAME = {call.name: call for call in CALLS}

each_plan = pytest.mark.parametrize("call", CALLS, ids=[call.name for call in CALLS])


def documents(docs, wanted):
    """Documents of one kind, in order."""
    return [doc for name, doc in docs if name == wanted]


def moved(fake):
    """Whether anything but making safe was done."""
    return [entry for entry in fake.log if entry != "safe"]
