"""Wrappers around plans: settings that are put back, an instrument left SAFE."""

from collections.abc import Mapping
from typing import Any

import bluesky.plan_stubs as bps
import bluesky.preprocessors as bpp
from bluesky.utils import FailedStatus, MsgGenerator
from ophyd.utils import LimitError

from seccm_ophyd.errors import SeccmError

from ..protocols import HoppingMicroscope
from ..stubs import make_safe

__all__ = [
    "DeviceFailure",
    "in_own_words",
    "safe",
    "safe_after_failure",
    "safe_wrapper",
    "settings_wrapper",
]


# ophyd's own, whose text is the status with all that belongs to it
_OF_THE_STATUS = ("StatusTimeoutError", "WaitTimeoutError", "UnknownStatusFailure")


class DeviceFailure(FailedStatus):
    """A failed status that reads as one sentence: what its device said, or its name.

    Never as the status or the device itself, whose text fills a screen.
    """

    def __str__(self) -> str:
        cause = self.__cause__
        if isinstance(cause, SeccmError | LimitError):
            return str(cause)
        name = _name_of(self.args[0] if self.args else None)
        if cause is None or type(cause).__name__ in _OF_THE_STATUS:
            late = isinstance(cause, TimeoutError)
            why = "did not end in time" if late else "failed and gave no reason"
            return f"{name} {why}"
        said = str(cause).strip().partition("\n")[0] or type(cause).__name__
        return f"{name}: {said:.300}"


def _name_of(status: object) -> str:
    """Name the device of a status."""
    device = getattr(status, "device", None) or getattr(status, "obj", None)
    return str(getattr(device, "name", "") or "a device")


def in_own_words(plan: MsgGenerator[Any]) -> MsgGenerator[Any]:
    """Run `plan`; where a device refuses or fails, it gets a `DeviceFailure`.

    Bluesky describes the status instead, and hides the sentence in the cause: neither
    who typed the plan nor who reads the reason in the stop document would see it.
    """
    step, given = plan.send, None
    while True:
        try:
            message = step(given)
        except StopIteration as end:
            return end.value
        try:
            step, given = plan.send, (yield message)
        except FailedStatus as failed:
            step, given = plan.throw, _told(failed)
        except BaseException as error:  # the plan decides what becomes of it
            step, given = plan.throw, error


def _told(failed: FailedStatus) -> FailedStatus:
    """Have it say what the device said, or which device it was."""
    cause = failed.__cause__
    failure = DeviceFailure(*failed.args).with_traceback(failed.__traceback__)
    failure.__cause__ = cause
    return failure


def settings_wrapper(
    plan: MsgGenerator[Any], settings: Mapping[Any, Any]
) -> MsgGenerator[Any]:
    """Read settings, set them, run `plan`, and put them back however it ends.

    One by one: of several that fail, as where the instrument is lost, the engine throws
    the later ones into the plan that makes it SAFE.

    Parameters
    ----------
    plan
        The plan to run.
    settings
        Value by signal; None only remembers the present value, for a signal that the
        plan itself changes.
    """
    before = {}
    for signal in settings:
        before[signal] = yield from bps.rd(signal)

    def restore() -> MsgGenerator[None]:
        for signal, value in before.items():
            yield from bps.mv(signal, value)

    def inner() -> MsgGenerator[Any]:
        for signal, value in settings.items():
            if value is not None:
                yield from bps.mv(signal, value)
        return (yield from plan)

    return (yield from bpp.finalize_wrapper(inner(), restore))


def safe_wrapper(
    plan: MsgGenerator[Any], microscope: HoppingMicroscope
) -> MsgGenerator[Any]:
    """Run `plan` and leave the instrument SAFE however it ends."""
    return (yield from bpp.finalize_wrapper(plan, lambda: safe(microscope)))


def safe_after_failure(
    plan: MsgGenerator[Any], microscope: HoppingMicroscope
) -> MsgGenerator[Any]:
    """Run `plan`; when it fails or is aborted, leave the instrument SAFE.

    For any plan of a user, which may leave the probe in contact when it succeeds.
    """

    def failed(error: Exception) -> MsgGenerator[None]:
        yield from safe(microscope)

    return (yield from bpp.contingency_wrapper(plan, except_plan=failed))


def safe(microscope: HoppingMicroscope) -> MsgGenerator[None]:
    """Make the instrument SAFE; what was pending ends without error."""
    microscope.abandon()
    # A pause in here is resumed here, not at the start of the hop before. Not by a
    # checkpoint: there is none while an event is being put together.
    yield from bpp.rewindable_wrapper(make_safe(microscope), False)
