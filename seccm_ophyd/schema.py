"""Names in documents: streams, keys, outcomes. The one place that spells them.

Event keys carry the name of the device that made them (``seccm_z_contact_height``),
as everywhere in ophyd. The constants here are the part after the device's name;
`find_key` finds the whole key in a descriptor, for any name of the device.
"""

from collections.abc import Iterable
from enum import IntEnum

__all__ = [
    "APPROACH_TRACE",
    "CLAMP",
    "CLAMP_CURRENT",
    "CONTACT_CURRENT",
    "CONTACT_HEIGHT",
    "DETACH_HEIGHT",
    "ESTIMATE",
    "GRID",
    "HOPS",
    "HOP_COUNTS",
    "HOP_INDEX",
    "HOP_OUTCOME",
    "HOP_REPEATED",
    "MAPPED",
    "ORDER_TIME",
    "OWN_METADATA",
    "PART",
    "PRIMARY",
    "PROGRESS",
    "REST_POTENTIAL",
    "RESUMES",
    "SERIES",
    "TECHNIQUES",
    "TECHNIQUE_OUTCOME",
    "UNKNOWN_HEIGHT_UM",
    "X_SET",
    "Y_SET",
    "HopOutcome",
    "X",
    "Y",
    "find_key",
]

PRIMARY = "primary"
PROGRESS = "progress"  # parts of traces that take long, as they come

# keys of the primary stream, after the name of the microscope
HOP_INDEX = "hop_index"
HOP_OUTCOME = "hop_outcome"
HOP_REPEATED = "hop_repeated"
TECHNIQUE_OUTCOME = "outcome"  # after the label of one of several techniques
X = "xy_x"
X_SET = "xy_x_user_setpoint"
Y = "xy_y"
Y_SET = "xy_y_user_setpoint"
CONTACT_HEIGHT = "z_contact_height"
CONTACT_CURRENT = "z_contact_current"
DETACH_HEIGHT = "z_detach_height"  # of the contact before
CLAMP = "clamp_"  # and after it the scalars of the technique
CLAMP_CURRENT = f"{CLAMP}current"
APPROACH_TRACE = "traces_approach"

# by technique: the scalar that a map of it shows, and what it is called there; after
# it, what runs of earlier versions have in its place
MAPPED = {
    "CurrentSample": (("current", "Current"),),
    "CyclicVoltammetry": (
        ("anodic_current", "Largest anodic current"),
        ("anodic_peak_current", "Anodic peak current"),
    ),
    "LinearSweepVoltammetry": (
        ("sweep_current", "Largest current"),
        ("sweep_peak_current", "Peak current"),
    ),
    "Chronoamperometry": (("final_current", "Final current"),),
    "ZeroCurrentPotential": (("zero_current_potential", "Zero-current potential"),),
    "Galvanostatic": (("end_potential", "End potential"),),
}

# keys of the stop document
HOP_COUNTS = "hop_counts"  # hops by outcome
HOPS = "hops"  # done, stored, lost

# keys of the start document
TECHNIQUES = "techniques"
GRID = "hop_grid"
ESTIMATE = "estimate"
REST_POTENTIAL = "rest_potential_v"  # of the sample: no current flows at it
SERIES = "series"  # the same in the runs of one plan
PART = "part"  # which of them a run is
ORDER_TIME = "order_time"  # s since the epoch: what the runs of a folder are sorted by
RESUMES = "resumes"  # uid of the interrupted run that a run resumes

UNKNOWN_HEIGHT_UM = 100.0
"""Of travel or of the slow descent: the upper end of Z, where neither has an effect."""

# Names in start documents that are ours, or Bluesky's: a user's metadata may not have
# them. Those of the plan, of the session, and of the engine.
OWN_METADATA = frozenset(
    {
        *(TECHNIQUES, GRID, ESTIMATE, PART, RESUMES, REST_POTENTIAL, "plan_args"),
        *("detectors", "motors", "num_points", "num_intervals", "hints"),
        *("shape", "extents", "snaking"),
        *("instrument", "simulator", "versions", ORDER_TIME),
        *("uid", "time", "plan_type"),
    }
)


class HopOutcome(IntEnum):
    """How a hop ended; events carry the name in lower case, maps the number.

    OVERLOAD: the current left the range. SUSPECT: the current after the trigger
    cannot be distinguished from none. LOST: the meniscus broke in the measurement,
    whose scalars describe the time before. BAD: a reading is no number, and the scalars
    are NaN.
    """

    UNSCANNED = 0
    CONTACT = 1
    NO_CONTACT = 2
    OVERLOAD = 3
    SUSPECT = 4
    LOST = 5
    BAD = 6

    @property
    def label(self) -> str:
        """The name as it stands in events, e.g. ``no_contact``."""
        return self.name.lower()


def find_key(keys: Iterable[str], suffix: str) -> str:
    """Find the event key that ends in `suffix`, for any name of the device.

    Parameters
    ----------
    keys
        Event keys, for instance the ``data_keys`` of a descriptor.
    suffix
        One of the constants of this module, e.g. `CONTACT_HEIGHT`.

    Returns
    -------
    str
        The shortest key that equals `suffix` or ends in ``_<suffix>``.

    Raises
    ------
    KeyError
        If there is none.
    """
    found = [k for k in keys if k == suffix or k.endswith(f"_{suffix}")]
    if not found:
        raise KeyError(f"no event key ends in {suffix!r}")
    return min(found, key=len)
