"""``seccm.toml``: what is particular to one instrument, sample and probe."""

import os
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, field_validator, model_validator

from ..errors import ConfigError
from ..sim_devices.arguments import MOST_RADIUS_UM
from .settings import (
    Settings,
    choice,
    free_metadata,
    from_dict,
    group,
    number,
    refuse,
    settings,
    text,
    whole,
)
from .toml_file import line_of, read_toml

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

CONFIG_VARIABLE = "SECCM_CONFIG"
PREFIX_VARIABLE = "SECCM_PREFIX"
DATA_VARIABLE = "SECCM_DATA"

PLACES = ("seccm.toml", "profile_collection/seccm.toml")
"""Where a configuration is looked for, from the current folder."""

SAMPLES = ("composite", "film", "film_edge", "nanoparticles")
"""Electrodes of the simulator."""

DEFAULT_DATA = "data"


def _as_tuple(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(value)
    return value if isinstance(value, tuple) else (value,)


_Fraction = Annotated[float, Field(strict=True, gt=0, lt=1)]


@settings
class Simulator(Settings):
    """The private simulator of a session.

    Parameters
    ----------
    sample
        ``composite``, ``film``, ``film_edge``, ``nanoparticles``, or an ``.npz`` file
        with ``height_um`` (y, x) and ``pixel_size_um``.
    seed
        Seed of sample and noise, 0 to 2147483647.
    time_scale
        Wall seconds per simulated second, 0 to 100; 0: as fast as it computes.
    electrolyte
        ``LiCl`` or ``KCl``.
    stage
        ``ideal``, or ``real``: with drift, tilt and open-loop piezos.
    theta
        Mean Li fraction of the LiFePO4 at the beginning, above 0 and below 1: one
        number for all, or one for each secondary particle, over again; empty: as made,
        0.96.
    particle_radius_um
        Radius of a secondary particle in the centre of a composite (um), up to 19.9;
        0: none in particular.

    Raises
    ------
    ConfigError
        If a value is not allowed.
    """

    sample: str = text(
        default="composite",
        pattern=r"^(composite|film|film_edge|nanoparticles|[^\x00]+\.npz)$",
        allowed='"composite", "film", "film_edge", "nanoparticles" or a file .npz',
    )
    seed: int = whole(default=1, low=0, high=2**31 - 1)
    time_scale: float = number(default=0.0, low=0, high=100, unit="s/s")
    electrolyte: str = choice("LiCl", "KCl", default="LiCl")
    stage: str = choice("ideal", "real", default="ideal")
    theta: Annotated[tuple[_Fraction, ...], BeforeValidator(_as_tuple)] = Field(
        default=(),
        description="a number above 0 and below 1, or a list of such numbers",
    )
    particle_radius_um: float = number(
        default=0.0, low=0, high=MOST_RADIUS_UM, unit="um"
    )

    @model_validator(mode="after")
    def _belong_together(self) -> "Simulator":
        if self.particle_radius_um and self.sample != "composite":
            raise refuse(
                "particle_radius_um",
                f"particle_radius_um={self.particle_radius_um!r} um needs "
                f'sample="composite", and sample is "{self.sample}": give 0',
            )
        if len(self.theta) > 1 and self.sample in ("film", "film_edge"):
            raise refuse(
                "theta",
                f"theta={list(self.theta)!r:.80} must be one number, as the sample "
                f'"{self.sample}" has no particles',
            )
        return self


def _label(*, default: str) -> Any:
    """Declare a text for the metadata."""
    return text(
        default=default,
        pattern=r"^[^\x00]{0,200}$",
        allowed="a text of at most 200 characters",
    )


@settings
class Sample(Settings):
    """The sample, for the metadata and for the current that stops a landing.

    Parameters
    ----------
    name
        What it is called.
    rest_potential_v
        Potential without current (V), -2 to 2: decides the sign of the contact current.
    least_contact_pa_v
        Smallest current of a contact for each volt from there (pA/V), 0.01 to 1000000:
        no landing waits for more.

    Raises
    ------
    ConfigError
        If a value is not allowed.
    """

    name: str = _label(default="LiFePO4 composite electrode")
    rest_potential_v: float = number(default=0.38, low=-2, high=2, unit="V")
    least_contact_pa_v: float = number(default=20.0, low=0.01, high=1e6, unit="pA/V")


@settings
class Probe(Settings):
    """The nanopipette and what is in it, for the metadata.

    Parameters
    ----------
    kind, electrolyte, reference
        Texts.
    radius_nm
        Radius of the opening (nm), 1 to 100000.

    Raises
    ------
    ConfigError
        If a value is not allowed.
    """

    kind: str = _label(default="single-barrel nanopipette")
    radius_nm: float = number(default=50.0, low=1, high=100_000, unit="nm")
    electrolyte: str = _label(default="3 M LiCl")
    reference: str = _label(default="Ag/AgCl QRCE")


@settings
class Config(Settings):
    """Everything a session is configured with.

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
        Free space of the data folder (MB), 0 to 1e9, below which no run begins or
        continues.
    storage_wait_s
        Longest wait (s), 5 to 3600, for a data folder that does not answer; the run
        ends then.
    simulator, sample, probe
        See there.
    environment
        Free metadata: temperature, humidity, operator. Texts, finite numbers, true or
        false, lists and tables of them; a date becomes a text.

    Raises
    ------
    ConfigError
        If a value is not allowed; the message has a line for each.
    """

    prefix: str = text(
        default="",
        pattern=r"^[A-Za-z0-9_:.<>;\[\]-]{0,40}$",
        allowed="the beginning of a PV name, up to 40 of A-Z a-z 0-9 _ : . < > ; [ ] -",
    )
    data_dir: str = text(
        default=DEFAULT_DATA, pattern=r"^[^\x00]+$", allowed="the name of a folder"
    )
    catalogue: str = text(
        default="seccm",
        pattern=r"^([A-Za-z0-9_][A-Za-z0-9_.-]{0,63})?$",
        allowed="a name of at most 64 of A-Z a-z 0-9 _ . -, or empty",
    )
    reserve_mb: float = number(default=200.0, low=0, high=1e9, unit="MB")
    storage_wait_s: float = number(default=60.0, low=5, high=3600, unit="s")
    simulator: Simulator = group(default_factory=Simulator)
    sample: Sample = group(default_factory=Sample)
    probe: Probe = group(default_factory=Probe)
    environment: dict[Any, Any] = Field(default_factory=dict, description="a table")

    @field_validator("environment")
    @classmethod
    def _free(cls, value: dict[str, Any]) -> dict[str, Any]:
        return {
            str(name): free_metadata(item, str(name)) for name, item in value.items()
        }


def configuration_file(fallback: str | os.PathLike[str] | None = None) -> Path | None:
    """Find the configuration, for the shell and for IPython alike.

    Parameters
    ----------
    fallback
        A file to take when no other is found.

    Returns
    -------
    Path or None
        The file that ``SECCM_CONFIG`` names, else ``seccm.toml`` in the current folder,
        else ``profile_collection/seccm.toml``, else `fallback`.
    """
    if named := os.environ.get(CONFIG_VARIABLE):
        return Path(named)
    for place in map(Path, PLACES):
        if place.exists():
            return place
    return None if fallback is None else Path(fallback)


def data_folder() -> Path:
    """Return the data folder of the shell: ``SECCM_DATA``, else as configured.

    Raises
    ------
    ConfigError
        As `load_config`.
    """
    return Path(os.environ.get(DATA_VARIABLE) or load_config().data_dir)


def load_config(path: str | os.PathLike[str] | None = None) -> Config:
    """Read the configuration.

    Parameters
    ----------
    path
        A TOML file; None: that of `configuration_file`, or the defaults without one.
        ``SECCM_PREFIX`` overrides the prefix, ``SECCM_DATA`` the data folder.

    Raises
    ------
    ConfigError
        If the file is missing or malformed, or holds an unknown key or a value that is
        not allowed; the message has a line for each, with file, line and key.
    """
    if path is not None and not (path and isinstance(path, str | os.PathLike)):
        raise ConfigError(f"config={path!r:.80} must be a file .toml or a Config")
    file = configuration_file() if path is None else Path(path)
    content, data = ("", {}) if file is None else read_toml(file)
    overridden: dict[tuple[str, ...], str] = {}
    for variable, key in ((PREFIX_VARIABLE, "prefix"), (DATA_VARIABLE, "data_dir")):
        value = os.environ.get(variable)
        if value is not None and (value or variable == PREFIX_VARIABLE):
            data[key] = value
            overridden[key,] = variable

    def origin(names: tuple[str, ...]) -> str:
        if variable := overridden.get(names):
            return f"{variable}: "
        line = line_of(content, names)
        section = "".join(f"[{name}] " for name in names[:-1])
        return f"{file}:{line}: {section}" if line else f"{file}: {section}"

    return from_dict(Config, data, origin)
