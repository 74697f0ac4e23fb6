"""The versions with which we tried what relies on the inside of a library.

Their public names keep their meaning; what we change, override or read beside them may
be another thing in the next version. The bounds in `setup.cfg` allow no others. An
installation can have others all the same: what uses the library warns of them.
"""

import functools
import logging
from importlib.metadata import version

__all__ = ["TRIED", "warn_untried"]

logger = logging.getLogger(__name__)

# by name on PyPI: beginnings of versions
TRIED = {
    "bluesky": ("1.15",),  # run_engine: how its bundler numbers and emits events
    "bluesky-tiled-plugins": ("2.0",),  # storage: when its writer sends rows, and how
    "caproto": ("1.3",),  # caproto.py here, and in a process of its own the simulator
    "ophyd": ("1.11",),  # ophyd.py here; devices: how moves and settings are waited for
    "tiled": ("0.2",),  # storage: its tables, and how it makes and finds clients
}


@functools.cache  # once for each process
def warn_untried(*libraries: str) -> None:
    """Warn of each library that has a version with which ours was not tried.

    Parameters
    ----------
    *libraries
        Their names on PyPI, all in `TRIED`.
    """
    for library in libraries:
        installed, tried = version(library), TRIED[library]
        if not any(f"{installed}.".startswith(f"{one}.") for one in tried):
            logger.warning(
                "%s %s was not tried with seccm_ophyd, which relies on its inside: if "
                'something fails, try pip install "%s==%s.*"',
                library,
                installed,
                library,
                tried[-1],
            )
