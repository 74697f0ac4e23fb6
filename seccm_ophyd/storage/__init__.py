"""Storage: the journal is the spine, everything else follows it.

`Journal` writes each document down, `TraceFile` (in `storage.traces`) the arrays; a
writer in its own process follows the journal into the catalogue; `SessionCatalogue`
reads. Importing this package imports neither tiled nor databroker.
"""

from .catalogue import SessionCatalogue, close_catalogue, open_catalogue
from .databases import bring_up_to_date
from .follower import Follower, JournalError, documents
from .hop_counter import HopCounter
from .index import JournalInfo, journal_of, journals
from .journal import Journal
from .journal_run import JournalRun
from .launch import ensure_writer, start_writer
from .layout import LINES, DataFolder
from .locks import LockedError, SessionLock, session_alive
from .profiles import claim_name, named_folder, remove_profile, write_profile
from .recover import Recovered, recover
from .run_counter import RunCounter
from .storage_thread import StorageThread

__all__ = [
    "LINES",
    "DataFolder",
    "Follower",
    "HopCounter",
    "Journal",
    "JournalError",
    "JournalInfo",
    "JournalRun",
    "LockedError",
    "Recovered",
    "RunCounter",
    "SessionCatalogue",
    "SessionLock",
    "StorageThread",
    "bring_up_to_date",
    "claim_name",
    "close_catalogue",
    "documents",
    "ensure_writer",
    "journal_of",
    "journals",
    "named_folder",
    "open_catalogue",
    "recover",
    "remove_profile",
    "session_alive",
    "start_writer",
    "write_profile",
]
