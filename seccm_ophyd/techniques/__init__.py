"""What is measured while the meniscus touches the sample.

A technique is a frozen, keyword-only dataclass: its arguments are numbers with their
unit in the name, it validates itself when it is made, it goes into the start document
as a dict and comes back from it. It knows two things: the `Acquisition` that the clamp
amplifier is asked for, and the scalars that are drawn from the trace that comes back.

Examples
--------
>>> CurrentSample(potential_v=0.65).to_dict()["potential_v"]
0.65
>>> Technique.from_dict({"technique": "CurrentSample", "potential_v": 0.1}).samples
10
"""

from .base import (
    CURRENT_LIMITS_PA,
    TRACE_CHANNELS,
    TRACE_UNITS,
    Acquisition,
    Scalar,
    Technique,
    check_range,
    check_whole,
)
from .chronoamperometry import Chronoamperometry
from .contact_loss import contact_loss
from .current_clamp import Galvanostatic, ZeroCurrentPotential
from .current_sample import CurrentSample
from .peak_search import PeakStatus, search_peaks
from .sequence import (
    Measurement,
    TechniqueLike,
    as_technique,
    as_techniques,
    turns_of,
)
from .voltammetry import CyclicVoltammetry, LinearSweepVoltammetry

__all__ = [
    "CURRENT_LIMITS_PA",
    "TRACE_CHANNELS",
    "TRACE_UNITS",
    "Acquisition",
    "Chronoamperometry",
    "CurrentSample",
    "CyclicVoltammetry",
    "Galvanostatic",
    "LinearSweepVoltammetry",
    "Measurement",
    "PeakStatus",
    "Scalar",
    "Technique",
    "TechniqueLike",
    "ZeroCurrentPotential",
    "as_technique",
    "as_techniques",
    "check_range",
    "check_whole",
    "contact_loss",
    "search_peaks",
    "turns_of",
]
