"""Techniques, analysis and views by name."""

from bluesky.callbacks.best_effort import BestEffortCallback  # noqa: F401

from seccm_ophyd.analysis import *  # noqa: F403
from seccm_ophyd.replay import replay  # noqa: F401
from seccm_ophyd.techniques import (  # noqa: F401
    Chronoamperometry,
    CurrentSample,
    CyclicVoltammetry,
    Galvanostatic,
    LinearSweepVoltammetry,
    ZeroCurrentPotential,
)
from seccm_ophyd.views import HopMapView  # noqa: F401
