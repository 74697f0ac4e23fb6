"""Scanning electrochemical cell microscopy (SECCM) with Bluesky, ophyd and EPICS."""

from ._moved import moved
from .channel_access import configure_environment

__version__ = "0.1.0"

# Before any import of ophyd, which chooses its EPICS layer and opens its context then.
configure_environment()

moved(
    __name__,
    composing="run_engine.bundler",
    demo="cli.demo",
    detached="processes",
    engine="run_engine.engine",
    lease="run_engine.lease",
    opening="session.opening",
    operate="cli.operate",
    refusals="run_engine.refusals",
    settings="config.settings",
    signals="run_engine.shutdown",
    simulator="session.simulator",
    storing="run_engine.storing",
    toml_file="config.toml_file",
)
