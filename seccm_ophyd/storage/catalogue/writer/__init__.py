"""The process that writes the catalogue: it follows the journals of a data folder.

A session starts it (`ensure_writer`) and needs nothing else of it. Importing this
package does not import tiled.
"""

from .launch import ensure_writer, start_writer
from .run import run_writer

__all__ = ["ensure_writer", "run_writer", "start_writer"]
