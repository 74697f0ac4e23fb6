"""``python -m seccm_ophyd.storage.catalogue.writer FOLDER [NAME]``: the process."""

import logging
import os
import sys

from ...data_folder import DataFolder
from .run import run_writer

_NICENESS = 5

if __name__ == "__main__":
    os.nice(_NICENESS)  # scan and instrument go first; the journal keeps all meanwhile
    logging.basicConfig(
        level=logging.WARNING,
        format="%(asctime)s %(process)d %(levelname)s %(message)s",
        stream=sys.stderr,
    )
    logging.getLogger("seccm_ophyd.storage").setLevel(logging.INFO)
    run_writer(DataFolder(sys.argv[1]), *sys.argv[2:])
