"""One way to declare a setting: monitored, limited, bounded in time, in the config."""

from typing import Any

from ophyd import Component as Cpt
from ophyd import EpicsSignal

__all__ = ["PUT_TIMEOUT_S", "array_setting", "setting"]

PUT_TIMEOUT_S = 5.0


def setting(suffix: str, doc: str, **kwargs: Any) -> Cpt:
    """Declare a setting of the instrument.

    Numbers are checked against the limits of their PV, which also refuses NaN; a write
    that the IOC does not take fails after `PUT_TIMEOUT_S` instead of never.

    Parameters
    ----------
    suffix
        The PV behind the prefix of the instrument.
    doc
        What it is, with its unit.
    """
    return Cpt(
        EpicsSignal,
        suffix,
        limits=not kwargs.get("string", False),
        auto_monitor=True,
        write_timeout=PUT_TIMEOUT_S,
        kind="config",
        doc=doc,
        **kwargs,
    )


def array_setting(suffix: str, doc: str) -> Cpt:
    """Declare a setting that is an array: not monitored, not in the config.

    Parameters
    ----------
    suffix
        The PV behind the prefix of the instrument.
    doc
        What it is, with its unit.
    """
    return Cpt(
        EpicsSignal,
        suffix,
        auto_monitor=False,
        write_timeout=PUT_TIMEOUT_S,
        kind="omitted",
        doc=doc,
    )
