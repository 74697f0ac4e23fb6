"""The names by which databroker and tiled find the catalogues of data folders.

A name is a file of the user, a tiled *profile*, so that ``databroker.catalog["seccm"]``
works in any process of the user. A name means one data folder: a session takes it,
unless a session that is open on another folder has it.
"""

import logging
import os
from pathlib import Path
from typing import Any

import yaml

from ..data_folder import DataFolder
from ..locks import session_alive
from .places import tree_arguments

__all__ = ["claim_name", "named_folder", "remove_profile", "write_profile"]

logger = logging.getLogger(__name__)

_EXPORTER = "bluesky_tiled_plugins.exporters:json_seq_exporter"
_JSON_SEQ = "application/json-seq"
_ADVICE = (
    'to give a data folder a separate name, write catalogue = "NAME" into its '
    'seccm.toml or open_session(catalogue="NAME")'
)


def write_profile(folder: DataFolder, name: str = "seccm") -> Path:
    """Make the catalogue known to databroker and tiled in any process of this user.

    To be called when the catalogue has been made: whoever opens one before leaves an
    empty database there.

    Parameters
    ----------
    folder
        The data folder.
    name
        The name under which ``databroker.catalog`` and ``Broker.named`` find it.

    Returns
    -------
    Path
        The profile, in ``$TILED_PROFILES`` or the user's tiled folder.
    """
    path = _profile_path(name)
    tree = {"path": "/", "tree": "catalog", "args": tree_arguments(folder)}
    direct = {
        "authentication": {"allow_anonymous_access": True},
        "trees": [tree],
        "media_types": {"BlueskyRun": {_JSON_SEQ: _EXPORTER}},
    }
    _write(_owner_path(name), str(folder.root))
    _write(path, yaml.safe_dump({name: {"direct": direct}}))
    return path


def remove_profile(name: str = "seccm") -> None:
    """Take the name from databroker and tiled until `write_profile` gives it back.

    For a session whose catalogue is not there yet: readers then find no catalogue of
    that name, rather than the one of an earlier session in another folder.

    Parameters
    ----------
    name
        The name under which ``databroker.catalog`` finds a catalogue.
    """
    _profile_path(name).unlink(missing_ok=True)


def named_folder(name: str) -> Path | None:
    """Return which data folder a name means.

    Parameters
    ----------
    name
        The name under which ``databroker.catalog`` finds a catalogue.

    Returns
    -------
    Path or None
        The data folder; None if the name is free.

    Raises
    ------
    ValueError
        If it is a profile that is none of ours, e.g. of a server.
    """
    profile, owner = _profile_path(name), _owner_path(name)
    arguments: dict[str, Any] = {}
    if profile.exists():
        found = _arguments_of(yaml.safe_load(profile.read_text()), name)
        if found is None:
            raise ValueError(f"{profile} is the profile of another program")
        arguments = found
    if owner.exists():
        return Path(owner.read_text())
    if not arguments:
        return None
    return Path(arguments["writable_storage"][0]).parents[1]  # of an earlier version


def claim_name(folder: DataFolder, name: str) -> str:
    """Make a name mean a data folder, for the session that opens there.

    A line of the log says if it meant another data folder, or cannot be had.

    Parameters
    ----------
    folder
        The data folder.
    name
        The name under which ``databroker.catalog`` is to find it; may be empty.

    Returns
    -------
    str
        The name; empty if a session that is open on another data folder has it, or
        another program.
    """
    if not name:
        return ""
    try:
        before = named_folder(name)
    except (ValueError, yaml.YAMLError) as error:
        logger.warning(
            "databroker does not find the runs of %s under %r: %s; %s",
            folder.root, name, " ".join(str(error).split()), _ADVICE,
        )  # fmt: skip
        return ""
    if before is not None and before != folder.root and before.is_dir():
        if session_alive(DataFolder(before)):
            logger.warning(
                'databroker.catalog["%s"] stays %s, where a session is open; the runs '
                "of %s are in cat; %s",
                name, before, folder.root, _ADVICE,
            )  # fmt: skip
            return ""
        logger.warning(
            'databroker.catalog["%s"] is %s from now on; it was %s; %s',
            name, folder.root, before, _ADVICE,
        )  # fmt: skip
    _write(_owner_path(name), str(folder.root))
    return name


def _arguments_of(profile: Any, name: str) -> dict[str, Any] | None:
    """Return what a profile of ours says of its tree; None if it is none of ours."""
    try:
        arguments = profile[name]["direct"]["trees"][0]["args"]
        ours = arguments["specs"][0]["name"] == "CatalogOfBlueskyRuns"
        return arguments if ours and arguments["uri"].startswith("sqlite:") else None
    except (KeyError, IndexError, TypeError, AttributeError):
        return None


def _write(path: Path, text: str) -> None:
    """Write a file at once, hidden until then: others may be reading the profiles."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f".{path.name}.{os.getpid()}")
    new.write_text(text)
    new.replace(path)


def _profile_path(name: str) -> Path:
    home = os.environ.get("TILED_PROFILES") or Path.home() / ".config/tiled/profiles"
    return Path(home) / f"{name}.yml"


def _owner_path(name: str) -> Path:
    """Where it is noted which data folder a name means, also while it has no profile.

    Tiled passes over files that begin with a dot.
    """
    return _profile_path(name).with_name(f".{name}.folder")
