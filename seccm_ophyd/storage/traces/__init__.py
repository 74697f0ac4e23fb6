"""The arrays of a run, in one HDF5 file: `TraceFile` writes it, `read_rows` reads it.

No value is given that is not the one that was written: rows and the structure of the
file have checksums.
"""

from .trace_file import TraceFile
from .trace_reader import check_traces, read_rows

__all__ = ["TraceFile", "check_traces", "read_rows"]
