"""Storage: the journal is the spine, everything else follows it.

`Journal` writes each document down, `TraceFile` (in `storage.traces`) the arrays; a
writer in a separate process follows the journal into the catalogue; `SessionCatalogue`
reads. Importing this package imports neither tiled nor databroker.
"""

from .._moved import moved
from .catalogue.databases import bring_up_to_date
from .catalogue.profiles import claim_name, named_folder, remove_profile, write_profile
from .catalogue.session_catalogue import SessionCatalogue
from .catalogue.tiled_client import close_catalogue, open_catalogue
from .catalogue.writer.launch import ensure_writer, start_writer
from .data_folder import LINES, DataFolder
from .journal.ends import JournalError
from .journal.follower import Follower
from .journal.hop_counter import HopCounter
from .journal.index import journal_of, journals
from .journal.info import JournalInfo
from .journal.journal import Journal
from .journal.journal_run import JournalRun
from .journal.reader import documents
from .journal.run_counter import RunCounter
from .locks import LockedError, SessionLock, session_alive
from .recover import Recovered, recover
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

moved(
    __name__,
    backlog="catalogue.writer.backlog",
    by_reference="catalogue.by_reference",
    coherence=("journal.coherence", "journal.needed"),
    compare="catalogue.compare",
    damage="journal.damage",
    databases="catalogue.databases",
    fletcher="traces.fletcher",
    follower=("journal.follower", "journal.reader", "journal.ends", "journal.lines"),
    foreign="journal.foreign",
    forms="catalogue.writer.forms",
    hop_counter="journal.hop_counter",
    index=("journal.index", "journal.info"),
    ingest="catalogue.writer.ingest",
    journal_run="journal.journal_run",
    kept="journal.kept",
    launch="catalogue.writer.launch",
    layout="data_folder",
    lines=("journal.lines", "journal.read_lines"),
    lookup="journal.lookup",
    ordering="catalogue.writer.ordering",
    places="catalogue.places",
    profiles="catalogue.profiles",
    recorded="catalogue.recorded",
    refusal="catalogue.refusal",
    run_counter="journal.run_counter",
    runs_mapping="catalogue.runs_mapping",
    shared_by_tiled="catalogue.shared_by_tiled",
    soundness="catalogue.soundness",
    stored_run="catalogue.stored_run",
    superblock="traces.superblock",
    tally="journal.hop_counter",
    trace_adapter="catalogue.trace_adapter",
    trace_reader="traces.trace_reader",
    values="catalogue.compare_values",
    writer="catalogue.writer",
)
