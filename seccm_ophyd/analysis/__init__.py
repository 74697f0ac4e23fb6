"""From runs to data: tables of hops, maps, levelling."""

from .grid import Grid
from .levelling import level, robust_limits
from .maps import hop_map
from .runs import documents, hop_table, start_and_stop
from .text import describe_run, list_runs

__all__ = [
    "Grid",
    "describe_run",
    "documents",
    "hop_map",
    "hop_table",
    "level",
    "list_runs",
    "robust_limits",
    "start_and_stop",
]
