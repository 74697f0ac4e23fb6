"""How tiled reads files of traces for `cat[...]`; importing this imports tiled.

tiled's adapter opens every file as one that is being written: of a damaged one it can
read zeros, or never return. This one reads as `seccm_ophyd.analysis` does.
"""

import contextlib
import copy
import sqlite3
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import dask.array
import numpy as np
from numpy.typing import NDArray
from tiled.adapters.hdf5 import HDF5Adapter, HDF5ArrayAdapter
from tiled.structures.core import StructureFamily
from tiled.utils import path_from_uri

from ..data_folder import DataFolder
from ..traces.trace_reader import read_rows
from .databases import read_only

__all__ = ["HDF5", "trace_adapter"]

HDF5 = "application/x-hdf5"


# a run is what lies in the root
_RUN = """
WITH RECURSIVE above(id, parent, key) AS (
    SELECT id, parent, key FROM nodes WHERE id = :node
    UNION ALL SELECT nodes.id, nodes.parent, nodes.key FROM nodes, above
    WHERE nodes.id = above.parent
)
SELECT key FROM above
WHERE parent IN (SELECT id FROM nodes WHERE parent IS NULL)
"""


class _Rows:
    """A dataset as dask takes it, of which rows are read when they are asked for."""

    def __init__(
        self,
        path: Path,
        name: str,
        shape: tuple[int, ...],
        run: Callable[[], str],
    ) -> None:
        self._path, self._name, self._run = path, name, run
        self.shape, self.dtype, self.ndim = shape, np.dtype("<f8"), len(shape)

    def __getitem__(self, key: Any) -> NDArray[np.float64]:
        first, *rest = key if isinstance(key, tuple) else (key,)
        rows = np.atleast_1d(np.arange(self.shape[0])[first])
        values = read_rows(self._path, self._name, rows, run=self._run)
        one = isinstance(first, int | np.integer)
        return values[(0 if one else slice(None), *rest)]


def trace_adapter(folder: DataFolder) -> type[HDF5Adapter]:
    """Make the adapter for the HDF5 files of a catalogue.

    Parameters
    ----------
    folder
        The data folder; files outside of its `traces` are read as tiled reads them.
    """

    class TraceAdapter(HDF5Adapter):
        """Reads a dataset of a file of traces."""

        @classmethod
        def from_catalog(
            cls, data_source: Any, node: Any, /, dataset: Any = None, **options: Any
        ) -> Any:
            path = Path(path_from_uri(data_source.assets[0].data_uri))
            inside = path.parent.resolve() == folder.traces
            array = data_source.structure_family == StructureFamily.array
            structure = data_source.structure
            if not (inside and array and len(structure.shape) > 1):
                return super().from_catalog(
                    data_source, node, dataset=dataset, **options
                )
            name = dataset if isinstance(dataset, str) else "/".join(dataset)
            rows = _Rows(
                path, name, tuple(structure.shape), partial(_run_of, folder, node.id)
            )
            return HDF5ArrayAdapter(
                dask.array.from_array(rows, chunks=structure.chunks, meta=np.empty(0)),
                structure,
                metadata=copy.deepcopy(node.metadata_),
                specs=node.specs,
            )

    return TraceAdapter


def _run_of(folder: DataFolder, node: int) -> str:
    """Name the run of a node of the catalogue, as messages do."""
    try:
        with contextlib.closing(read_only(folder.database)) as database:
            ((key,),) = database.execute(_RUN, {"node": node}).fetchall()
    except (sqlite3.Error, ValueError):  # only its name is missing from the message
        return ""
    return f"run {key[:8]}"
