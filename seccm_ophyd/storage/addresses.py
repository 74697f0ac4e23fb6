"""Addresses of the files of a data folder, wherever the folder is and however called.

The catalogue holds absolute addresses, as tiled wants them. tiled takes the path of an
address as it is written, up to a ``#``, ``?`` or ``;``.
"""

import hashlib
import os
import re
from pathlib import Path
from urllib.parse import quote, unquote

from .data_folder import DataFolder

__all__ = ["address_of", "file_uri", "moved", "path_of"]

_HOST = "file://localhost"
_TABLES = "sqlite://localhost/"
# besides: % of quoted addresses, $ of profiles, signs that no address may have
_UNSAFE = re.compile(r"[#?;%$\\\x00-\x1f\x7f\ud800-\udfff]")


def address_of(folder: DataFolder) -> Path:
    """Find a path to a data folder that tiled can open.

    Parameters
    ----------
    folder
        The data folder.

    Returns
    -------
    Path
        Its own path, or where the name of a folder has a sign that an address gives a
        meaning (``#``, ``?``, ``%``, ...) a link to it in the user's own data.
    """
    root = folder.root
    if not _UNSAFE.search(str(root)):
        return root
    links = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local/share")
    links = links / "seccm_ophyd" / "folders"
    link = links / hashlib.sha256(os.fsencode(root)).hexdigest()[:16]
    if not (link.is_symlink() and Path(os.readlink(link)) == root):
        links.mkdir(parents=True, exist_ok=True)
        new = link.with_name(f".{link.name}.{os.getpid()}")
        new.unlink(missing_ok=True)
        new.symlink_to(root)
        new.replace(link)
    return link


def file_uri(path: Path) -> str:
    """Write the address of a file.

    Signs that would end the path of an address are quoted, and no others: what reads
    addresses in bluesky and tiled takes the path as it is.
    """
    text = os.fsencode(path).decode("utf-8", "surrogateescape")
    return _HOST + _UNSAFE.sub(lambda sign: quote(os.fsencode(sign[0])), text)


def path_of(uri: str, root: Path | None = None) -> Path:
    """Find a file of a run by the address or path that its documents have.

    Parameters
    ----------
    uri
        An address, quoted or not, or a path; as it was when the run was made.
    root
        The data folder of the run, as far as known: a file of that name in it is taken,
        since the folder may have moved.
    """
    written = uri.removeprefix(_HOST).removeprefix("file://")
    if root is not None:
        beside = DataFolder(root).traces / written.rpartition("/")[2]
        if beside.exists():
            return beside
    path = Path(written)
    return path if path.exists() else Path(unquote(written))


def moved(uri: str, folder: DataFolder, tables: Path) -> str:
    """Bring an address of the catalogue up to date.

    Parameters
    ----------
    uri
        As the catalogue holds it.
    folder
        The data folder, where it is now.
    tables
        Where its tables are now.

    Returns
    -------
    str
        As it should be; the same for what is no file of the data folder.
    """
    if uri.startswith(_TABLES) and uri.endswith(f"/catalogue/{folder.tables.name}"):
        return f"{_TABLES}{tables}"
    for inner in (folder.arrays, folder.traces):
        place = f"/{inner.relative_to(folder.root)}/"
        before, found, rest = uri.rpartition(place)
        if found and before.startswith("file://") and (inner / rest).exists():
            return f"{_HOST}{address_of(folder)}{place}{rest}"
    return uri
