"""The instrument as ophyd devices."""

from .clamp_amplifier import ClampAmplifier
from .microscope import Microscope
from .xy_stage import XYStage
from .z_stage import ZStage

__all__ = ["ClampAmplifier", "Microscope", "XYStage", "ZStage"]
