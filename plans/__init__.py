"""Bluesky plans and plan stubs for scanning electrochemical cell microscopy."""

from .at_points import approach_curves, cyclic_voltammetry, scan_rate_series
from .charging import charge_discharge, local_charge, local_discharge
from .estimate import Estimate, estimate
from .hop_scan import hop_fly, hop_list, hop_scan
from .maps import current_map, galvanostatic_map, potential_map, voltammetry_map
from .per_hop import hop
from .remapping import charge_and_remap
from .resume import resume_scan
from .stubs import approach, hop_to, make_safe, withdraw

__all__ = [
    "Estimate",
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
