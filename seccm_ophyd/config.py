"""``seccm.toml``: what is particular to one instrument, sample and probe."""

import dataclasses
import math
import os
import re
import tomllib
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from .errors import ConfigError

__all__ = ["Config", "Probe", "Sample", "Simulator", "load_config"]

CONFIG_VARIABLE = "SECCM_CONFIG"
PREFIX_VARIABLE = "SECCM_PREFIX"


@dataclass(frozen=True, kw_only=True)
class Simulator:
    """The private simulator of a session.

    Parameters
    ----------
    sample
        ``composite``, ``film``, ``film_edge``, ``nanoparticles``, or an ``.npz`` file
        with ``height_um`` (y, x) and ``pixel_size_um``.
    seed
        Seed of sample and noise.
    time_scale
        Wall seconds per simulated second; 0: as fast as it computes.
    electrolyte
        ``LiCl`` or ``KCl``.
    stage
        ``ideal``, or ``real``: with drift, tilt and open-loop piezos.
    theta
        Mean Li fraction of the LiFePO4 at the beginning: one number for all, or one
        for each secondary particle, over again; empty: as made, 0.96.
    particle_radius_um
        Radius of a secondary particle in the centre of a composite (um); 0: none in
        particular.
    """

    sample: str = "composite"
    seed: int = 1
    time_scale: float = 0.0
    electrolyte: str = "LiCl"
    stage: str = "ideal"
    theta: tuple[float, ...] = ()
    particle_radius_um: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Sample:
    """The sample, for the metadata and for the direction of the contact current."""

    name: str = "LiFePO4 composite electrode"
    rest_potential_v: float = 0.38


@dataclass(frozen=True, kw_only=True)
class Probe:
    """The nanopipette and what is in it, for the metadata."""

    kind: str = "single-barrel nanopipette"
    radius_nm: float = 50.0
    electrolyte: str = "3 M LiCl"
    reference: str = "Ag/AgCl QRCE"


@dataclass(frozen=True, kw_only=True)
class Config:
    """Everything a session is told.

    Parameters
    ----------
    prefix
        Prefix of the instrument; empty: a private simulator is started.
    data_dir
        Folder of the journals, traces and the catalogue.
    catalogue
        Name under which databroker finds the catalogue; empty: databroker does not, and
        nothing is written into it before somebody asks for a run.
    reserve_mb
        Free space of the data folder (MB) below which no run begins or goes on.
    simulator, sample, probe
        See there.
    environment
        Free metadata: temperature, humidity, operator.
    """

    prefix: str = ""
    data_dir: str = "data"
    catalogue: str = "seccm"
    reserve_mb: float = 200.0
    simulator: Simulator = field(default_factory=Simulator)
    sample: Sample = field(default_factory=Sample)
    probe: Probe = field(default_factory=Probe)
    environment: dict[str, Any] = field(default_factory=dict)


def load_config(path: str | os.PathLike[str] | None = None) -> Config:
    """Read the configuration.

    Parameters
    ----------
    path
        A TOML file; None: the file that ``SECCM_CONFIG`` names, else ``seccm.toml`` in
        the current folder, else the defaults. ``SECCM_PREFIX`` overrides the prefix.

    Raises
    ------
    ConfigError
        If the file is missing or malformed, or holds an unknown key or a value of the
        wrong type or not finite; the message names file, line and key.
    """
    named = path or os.environ.get(CONFIG_VARIABLE)
    file = Path(named) if named else Path("seccm.toml")
    data: dict[str, Any] = {}
    text = ""
    if named or file.exists():
        try:
            text = file.read_text(encoding="utf-8")
            data = tomllib.loads(text)
        except UnicodeDecodeError as error:
            raise ConfigError(f"{file} is not UTF-8 text: {error}") from error
        except (OSError, tomllib.TOMLDecodeError) as error:
            raise ConfigError(f"{file}: {error}") from error
    config: Config = _make(Config, data, str(file), text)
    prefix = os.environ.get(PREFIX_VARIABLE)
    return config if prefix is None else dataclasses.replace(config, prefix=prefix)


def _line(text: str, section: str, key: str) -> str:
    """Tell on which line of a TOML text a key of a section stands, or begins."""
    here = ""
    for number, line in enumerate(map(str.strip, text.splitlines()), 1):
        head = re.match(r"\[\s*([^\]]*?)\s*\]", line)
        if head:
            here = head[1]
        is_table = head and not section and here == key
        if is_table or (here == section and re.match(rf"{re.escape(key)}\s*=", line)):
            return f" (line {number})"
    return ""


def _make(
    cls: Any, data: dict[str, Any], where: str, text: str, section: str = ""
) -> Any:
    line = partial(_line, text, section)
    known = {f.name: f for f in dataclasses.fields(cls)}
    values: dict[str, Any] = {}
    for key, value in data.items():
        if key not in known:
            raise ConfigError(
                f"{where}: {key} is unknown, known are {', '.join(known)}{line(key)}"
            )
        default = getattr(cls(), key)
        if dataclasses.is_dataclass(default) and isinstance(value, dict):
            values[key] = _make(type(default), value, f"{where}: [{key}]", text, key)
            continue
        if isinstance(default, float) and type(value) is int:
            value = float(value)
        if isinstance(default, tuple) and isinstance(value, list):
            value = tuple(value)
        if not isinstance(value, type(default)) or isinstance(value, bool):
            kind = type(default).__name__
            raise ConfigError(
                f"{where}: {key} = {value!r} is not of type {kind}{line(key)}"
            )
        if isinstance(value, float) and not math.isfinite(value):
            raise ConfigError(f"{where}: {key} = {value!r} is not finite{line(key)}")
        values[key] = value
    return cls(**values)
