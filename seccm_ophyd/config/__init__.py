"""``seccm.toml``: what it may say, checked before anything starts."""

from .config import (
    SAMPLES,
    Config,
    Probe,
    Sample,
    Simulator,
    configuration_file,
    data_folder,
    load_config,
)

__all__ = [
    "SAMPLES",
    "Config",
    "Probe",
    "Sample",
    "Simulator",
    "configuration_file",
    "data_folder",
    "load_config",
]
