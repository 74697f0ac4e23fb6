"""The journal of a run: each of its documents, as it was emitted, in one file.

`Journal` writes it, `Follower` and `read_journal` read it, `journals` lists those of a
data folder, `JournalRun` gives one as the catalogue would.
"""

from .ends import JournalError
from .follower import Follower
from .index import journal_of, journals
from .info import JournalInfo, age
from .journal import Journal, append_line, encode
from .journal_run import JournalRun
from .lines import DamagedLine, Document
from .reader import JournalContent, documents, read_journal

__all__ = [
    "DamagedLine",
    "Document",
    "Follower",
    "Journal",
    "JournalContent",
    "JournalError",
    "JournalInfo",
    "JournalRun",
    "age",
    "append_line",
    "documents",
    "encode",
    "journal_of",
    "journals",
    "read_journal",
]
