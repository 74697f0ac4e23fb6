"""Pictures and progress of runs, from documents or datasets, live and stored alike."""

from .hop_map_view import HopMapView
from .progress import HopProgress

__all__ = ["HopMapView", "HopProgress"]
