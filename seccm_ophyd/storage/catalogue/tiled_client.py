"""Opens the catalogue: databroker over Tiled, embedded, tables in the data folder.

No server process and no socket: each process opens the databases itself. One process
writes (`seccm_ophyd.storage.catalogue.writer`), any number read, also runs that are
open.
"""

import copy
import logging
import shutil
import warnings
import weakref
from typing import Any

from ..._upstream.tried import warn_untried
from ..data_folder import DataFolder
from .databases import create_databases
from .places import place_to_open, tree_arguments
from .shared_by_tiled import keep_what_is_imported, open_tables, own_structure_clients

__all__ = ["close_catalogue", "open_catalogue"]

_JSON_SEQ = "application/json-seq"
# what removes the databases that were copied for a client, by its context
_COPIES: "weakref.WeakKeyDictionary[Any, Any]" = weakref.WeakKeyDictionary()


def open_catalogue(folder: DataFolder, create: bool = False) -> Any:
    """Open the catalogue of a data folder in this process.

    Parameters
    ----------
    folder
        The data folder.
    create
        Make the catalogue if there is none (a few seconds); only the process that holds
        the writer's lock may.

    Returns
    -------
    tiled client
        ``client[uid]``, ``client[scan_id]``, ``client[-1]``; to be closed by
        `close_catalogue`. `client.v1` and `client.v2` change the client they are asked
        of: open one for each.

    Raises
    ------
    FileNotFoundError
        If there is no catalogue and `create` is false.
    """
    warn_untried("tiled", "bluesky-tiled-plugins")
    if not folder.has_catalogue:
        if not create:
            raise FileNotFoundError(
                f"no catalogue in {folder.root}: a session there, or "
                f"`seccm recover`, makes one"
            )
        create_databases(folder)
    # heavy (2 s) and not needed by the devices, so not at the head of this module
    from bluesky_tiled_plugins.exporters import json_seq_exporter
    from tiled.catalog import from_uri
    from tiled.media_type_registration import default_serialization_registry

    registry = copy.copy(default_serialization_registry)
    registry.register("BlueskyRun", _JSON_SEQ, json_seq_exporter)
    with warnings.catch_warnings():
        # starlette's wish for another HTTP library is for tiled's authors to fulfil
        warnings.filterwarnings("ignore", message=".*httpx.*")
        from tiled.client import Context, from_context
        from tiled.server.app import build_app

        from .trace_adapter import HDF5, trace_adapter

        keep_what_is_imported()
        # it has a separate handler, and would show its version on the user's console
        logging.getLogger("tiled.server.app").setLevel(logging.WARNING)
        copied = place_to_open(folder, owner=create)
        adapters = {HDF5: trace_adapter(folder)}
        arguments = tree_arguments(folder, copied)
        tree = from_uri(**arguments, adapters_by_mimetype=adapters)
        open_tables(folder, tree)
        app = build_app(tree, serialization_registry=registry)
        clients = own_structure_clients(folder)
        client = from_context(Context.from_app(app), structure_clients=clients)
        if copied is not None:
            _COPIES[client.context] = weakref.finalize(
                client.context, shutil.rmtree, copied, ignore_errors=True
            )
        return client


def close_catalogue(client: Any) -> None:
    """Close a catalogue and end the threads that serve it.

    Parameters
    ----------
    client
        From `open_catalogue`.
    """
    client.context.__exit__()
    if (remove := _COPIES.pop(client.context, None)) is not None:
        remove()
