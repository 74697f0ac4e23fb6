"""Writes the catalogue of a data folder until there is nothing left to do.

It follows the journals and puts their documents into the catalogue, apart from the
RunEngine: a slow, dead or missing catalogue costs a scan nothing.
It may be killed at any time: what it had not acknowledged is written again, from the
journal, by the next one.
"""

import logging

from ...data_folder import DataFolder
from ...locks import LockedError, WriterLock, session_alive
from ..compare import forget_acknowledged
from ..profiles import named_folder, write_profile
from ..soundness import set_aside_if_corrupt
from ..tiled_client import close_catalogue, open_catalogue
from .ordering import order_catalogue

__all__ = ["run_writer"]

logger = logging.getLogger(__name__)


def run_writer(folder: DataFolder, profile: str = "") -> None:
    """Write the catalogue of a data folder until there is nothing left to do.

    Returns at once if another process does so already.

    Parameters
    ----------
    folder
        The data folder; created, with its catalogue, if missing.
    profile
        Name under which databroker is to find the catalogue; empty: as it is.
    """
    while True:
        try:
            with WriterLock(folder):
                from .backlog import (
                    CatalogueWriter,  # tiled: only with the lock in hand
                )

                set_aside_if_corrupt(folder)
                forget_acknowledged(folder)
                client = open_catalogue(folder, create=True)
                # a session in another folder may have it by now
                if profile and named_folder(profile) in (None, folder.root):
                    write_profile(folder, profile)
                order_catalogue(folder)  # an earlier version may have left it so
                CatalogueWriter(folder, client).run()
                order_catalogue(folder)
                close_catalogue(client)
        except LockedError as error:
            logger.info("%s", error)
            return
        # a session begun in the meantime found the lock taken and started no writer
        if not session_alive(folder):
            return
