"""The instrument as ophyd devices."""

from ..channel_access import (
    keep_searching,
    outlive_dying_servers,
    pass_over_lost_channels,
    search_only_for_known_channels,
    tell_updates_once,
)
from .clamp_amplifier import ClampAmplifier
from .microscope import Microscope
from .xy_stage import XYStage
from .z_stage import ZStage

__all__ = ["ClampAmplifier", "Microscope", "XYStage", "ZStage"]

keep_searching()
outlive_dying_servers()
pass_over_lost_channels()
search_only_for_known_channels()
tell_updates_once()
