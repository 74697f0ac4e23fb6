"""The instrument as ophyd devices."""

from .._upstream import mend_channel_access
from .clamp_amplifier import ClampAmplifier
from .microscope import Microscope
from .xy_stage import XYStage
from .z_stage import ZStage

__all__ = ["ClampAmplifier", "Microscope", "XYStage", "ZStage"]

mend_channel_access()
