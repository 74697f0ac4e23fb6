"""Bluesky plans and plan stubs for scanning electrochemical cell microscopy."""

from seccm_ophyd._moved import moved

from ._run.path import HopPoint
from .charge_and_remap import charge_and_remap
from .charging import charge_discharge, local_charge, local_discharge
from .estimate import Estimate, estimate
from .maps import current_map, galvanostatic_map, potential_map, voltammetry_map
from .options import HopOptions
from .points import approach_curves, cyclic_voltammetry, scan_rate_series
from .preprocessors import hop_run_decorator, hop_run_wrapper
from .resume import resume_scan
from .scans import hop_fly, hop_list, hop_scan
from .stubs import approach, hop, hop_to, make_safe, withdraw

__all__ = [
    "Estimate",
    "HopOptions",
    "HopPoint",
    "approach",
    "approach_curves",
    "charge_and_remap",
    "charge_discharge",
    "current_map",
    "cyclic_voltammetry",
    "estimate",
    "galvanostatic_map",
    "hop",
    "hop_fly",
    "hop_list",
    "hop_run_decorator",
    "hop_run_wrapper",
    "hop_scan",
    "hop_to",
    "local_charge",
    "local_discharge",
    "make_safe",
    "potential_map",
    "resume_scan",
    "scan_rate_series",
    "voltammetry_map",
    "withdraw",
]

moved(
    __name__,
    at_points="points",
    checks="_run.checks",
    contact_threshold="_run.contact_threshold",
    flying="_run.fly",
    grid="_run.grid",
    hop_heights="_run.heights",
    hop_plan="_run.hop_plan",
    hop_run="_run.run",
    hop_scan="scans",
    input_range="_run.input_range",
    lines="_run.surface",
    metadata="_run.metadata",
    misses="_run.misses",
    path="_run.path",
    per_hop="stubs",
    remapping="charge_and_remap",
    stepping="_run.step",
    targets="_run.targets",
    withdrawals="_run.withdrawals",
)
