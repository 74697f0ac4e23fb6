"""Bluesky plans and plan stubs for scanning electrochemical cell microscopy."""

from .hop_scan import hop_list, hop_scan
from .per_hop import hop
from .stubs import approach, hop_to, make_safe, withdraw

__all__ = [
    "approach",
    "hop",
    "hop_list",
    "hop_scan",
    "hop_to",
    "make_safe",
    "withdraw",
]
