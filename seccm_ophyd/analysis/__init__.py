"""From runs to data: tables of hops, maps, curves, peaks, charge, targets."""

from .charging import (
    VOLUMETRIC_CAPACITY_PAH_UM3,
    capacity,
    charge_curves,
    frame,
    potential_cube,
)
from .classification import Material, classify, otsu_threshold
from .correlation import correlate
from .grid import Grid
from .levelling import level, robust_limits
from .maps import hop_map
from .run_traces import RunTraces
from .runs import documents, hop_table, start_and_stop
from .statistics import statistics
from .table import export_csv
from .targets import TARGET_RULES, find_targets
from .text import describe_run, list_runs
from .traces import approach_traces, growing_trace, hop_traces, trace_map
from .voltammetry import PeakStatus, peaks, voltammograms

__all__ = [
    "TARGET_RULES",
    "VOLUMETRIC_CAPACITY_PAH_UM3",
    "Grid",
    "Material",
    "PeakStatus",
    "RunTraces",
    "approach_traces",
    "capacity",
    "charge_curves",
    "classify",
    "correlate",
    "describe_run",
    "documents",
    "export_csv",
    "find_targets",
    "frame",
    "growing_trace",
    "hop_map",
    "hop_table",
    "hop_traces",
    "level",
    "list_runs",
    "otsu_threshold",
    "peaks",
    "potential_cube",
    "robust_limits",
    "start_and_stop",
    "statistics",
    "trace_map",
    "voltammograms",
]
