"""Pictures and progress of runs, from documents or datasets, live and stored alike."""

from .hop_map_view import HopMapView
from .progress import HopProgress
from .series_view import SeriesView

__all__ = ["HopMapView", "HopProgress", "SeriesView"]
