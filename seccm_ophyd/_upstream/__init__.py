"""What other libraries do that our users must not meet, one file for each library.

Only what the process needs is changed: it belongs to a beamline with other devices.
With libca nothing is. `tried` has the versions that we know.
"""

from ..channel_access import uses_libca
from .tried import warn_untried

__all__ = ["mend_channel_access", "warn_untried"]


def mend_channel_access() -> None:
    """Change caproto, and ophyd over it, where they are used."""
    warn_untried("ophyd")  # the devices override some of it, over libca as well
    if uses_libca():
        return
    from . import caproto, ophyd

    warn_untried("caproto")
    caproto.mend()
    ophyd.mend()
