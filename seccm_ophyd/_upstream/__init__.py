"""What other libraries do that our users must not meet, one file for each library.

Only what the process needs is changed: it belongs to a beamline with other devices.
With libca nothing is.
"""

import logging
from importlib.metadata import version

from ..channel_access import uses_libca

__all__ = ["mend_channel_access", "warn_untried"]

logger = logging.getLogger(__name__)


def mend_channel_access() -> None:
    """Change caproto, and ophyd over it, where they are used."""
    if uses_libca():
        return
    from . import caproto, ophyd

    for module in (caproto, ophyd):
        warn_untried(module.__name__.rpartition(".")[2], module.TRIED)
        module.mend()


def warn_untried(library: str, tried: tuple[str, ...]) -> None:
    """Warn where a library has a version with which its changes were not tried.

    Parameters
    ----------
    library
        Its name on PyPI.
    tried
        Beginnings of the versions that were, e.g. ``("1.3",)``.
    """
    installed = version(library)
    if not any(installed == one or installed.startswith(f"{one}.") for one in tried):
        logger.warning(
            "%s %s was not tried with seccm_ophyd, which changes parts of it (tried: "
            "%s): install a tried one if connections fail",
            library,
            installed,
            ", ".join(tried),
        )
