"""What `open_session` was given: checked, as a whole, before anything starts."""

import dataclasses
import logging
import os
import shutil
from pathlib import Path
from typing import Any, TypeVar

from ..config import Config, Probe, Sample, load_config
from ..config.settings import from_dict
from ..errors import ConfigError
from ..storage import DataFolder

__all__ = ["check_files", "make_data_folder", "settle"]

logger = logging.getLogger(__name__)

T = TypeVar("T", Sample, Probe)


def settle(
    config: Config | str | os.PathLike[str] | None,
    simulator: bool | None,
    of_session: dict[str, Any],
    of_simulator: dict[str, Any],
) -> Config:
    """Make the configuration of a session of a configuration and of arguments.

    Parameters
    ----------
    config
        A `Config`, or a file as for `load_config`.
    simulator
        True: a private simulator. False: the instrument with a prefix. None: as
        configured.
    of_session, of_simulator
        Arguments that win over `config`; None where none was given.

    Raises
    ------
    ConfigError
        If the configuration or an argument is refused; names each of them.
    """
    check_switch("simulator", simulator, "True, False or None")
    base = config if isinstance(config, Config) else load_config(config)
    session = {name: value for name, value in of_session.items() if value is not None}
    chosen = {name: value for name, value in of_simulator.items() if value is not None}
    if simulator and session.get("prefix"):
        raise ConfigError(
            f"prefix={session['prefix']!r} names an instrument and simulator=True "
            "starts a simulator: give one of them"
        )
    if simulator:
        session["prefix"] = ""
    made = {**vars(base), **session, "simulator": {**vars(base.simulator), **chosen}}
    settled = from_dict(Config, made, lambda names: "")
    if simulator is False and not settled.prefix:
        raise ConfigError("simulator=False needs a prefix, e.g. prefix='SECCM:'")
    if settled.prefix and chosen:
        raise ConfigError(
            f"{', '.join(chosen)} cannot be chosen for the instrument "
            f"{settled.prefix!r}: give simulator=True for a simulator"
        )
    return _fit_electrolyte(settled)


def _fit_electrolyte(config: Config) -> Config:
    """Describe a simulator in KCl as it is, where the configuration has the defaults.

    Nothing but charging is left of the currents there, from another potential on: see
    docs/explanations/hopping.md.
    """
    if config.prefix or config.simulator.electrolyte != "KCl":
        return config
    return dataclasses.replace(
        config,
        sample=_with_defaults(
            config.sample, rest_potential_v=0.30, least_contact_pa_v=8.0
        ),
        probe=_with_defaults(config.probe, electrolyte="3 M KCl"),
    )


def _with_defaults(group: T, **others: Any) -> T:
    """Give other values to settings that have their default."""
    usual = type(group)()
    asked = {
        name: value
        for name, value in others.items()
        if getattr(group, name) == getattr(usual, name)
    }
    return dataclasses.replace(group, **asked)


def check_switch(name: str, value: Any, allowed: str = "True or False") -> None:
    """See that an argument is no text or number that Python would take for true."""
    if value is not None and not isinstance(value, bool):
        raise ConfigError(f"{name}={value!r:.80} must be {allowed}")


def check_files(config: Config) -> None:
    """See that the files exist that a configuration names.

    Raises
    ------
    ConfigError
        If one does not.
    """
    sample = Path(config.simulator.sample)
    if not config.prefix and sample.suffix == ".npz" and not sample.is_file():
        state = "is no file" if sample.exists() else "does not exist"
        raise ConfigError(
            f"sample={str(sample)!r} {state}: give a file .npz with height_um (y, x) "
            "and pixel_size_um"
        )


def make_data_folder(config: Config) -> DataFolder:
    """Make the data folder, or see that it can be written to.

    Returns
    -------
    DataFolder

    Raises
    ------
    ConfigError
        If it is no folder, is not writable, or its disk is smaller than the reserve.
    """
    name = f"data_dir={config.data_dir!r}"
    try:
        folder = DataFolder(config.data_dir)
        folder.create()
        root = folder.root
        for path in (root, *(inner for inner in root.iterdir() if inner.is_dir())):
            if not os.access(path, os.W_OK | os.X_OK):
                raise PermissionError(13, "Permission denied", str(path))
        total, _, free = shutil.disk_usage(root)
    except (FileExistsError, NotADirectoryError) as error:
        path = Path(error.filename)
        file = next((p for p in (path, *path.parents) if p.is_file()), path)
        raise ConfigError(f"{name} must be a folder, and {file} is a file") from None
    except (OSError, RuntimeError) as error:  # RuntimeError: no home for ~
        why = f" ({error.strerror})" if isinstance(error, OSError) else f" ({error})"
        raise ConfigError(
            f"{name} is not writable{why}: give the name of a folder that you may "
            "write to"
        ) from None
    _check_reserve(config.reserve_mb, root, total / 1e6, free / 1e6)
    return folder


def _check_reserve(
    reserve_mb: float, root: Path, total_mb: float, free_mb: float
) -> None:
    if reserve_mb >= total_mb:
        raise ConfigError(
            f"reserve_mb={reserve_mb:.15g} MB must be below the size of the disk of "
            f"{root}, {total_mb:.0f} MB"
        )
    if free_mb < reserve_mb:
        logger.warning(
            "no run can begin: %s has %.0f MB of free space, less than "
            "reserve_mb=%.15g MB; delete files or give a smaller reserve_mb",
            root,
            free_mb,
            reserve_mb,
        )
