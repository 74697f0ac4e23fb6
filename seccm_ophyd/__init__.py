"""Scanning electrochemical cell microscopy (SECCM) with Bluesky, ophyd and EPICS."""

from .channel_access import configure_environment

__version__ = "0.1.0"

# Before any import of ophyd, which chooses its EPICS layer and opens its context then.
configure_environment()
