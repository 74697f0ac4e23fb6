"""The Z stage: lowers the nanopipette until the meniscus closes the cell."""

import functools
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from ophyd import Component as Cpt
from ophyd import Device, DeviceStatus, EpicsSignalRO
from ophyd.status import Status

from ..errors import CommandRefusedError, SeccmError
from ..schema import UNKNOWN_HEIGHT_UM
from .axis import MARGIN_S, CommandedAxis
from .command import Command, ResultScalar, belonging_to, finished, start_ahead
from .in_flight import SLOW_S, in_background
from .link import Linked
from .named import Named
from .setting import PUT_TIMEOUT_S, Push, Setting, WorkedOut, setting

__all__ = ["CURVE_SAMPLES", "ZStage", "is_bad", "is_suspect"]

CURVE_SAMPLES = 1000
SUSPECT = 4.0  # rms of its noise that a verified current is above the baseline


def is_bad(height: float, current: float) -> bool:
    """Whether the probe stopped at a height (um) at a current that is no number."""
    return math.isfinite(height) and not math.isfinite(current)


def is_suspect(verified: float, baseline: float, noise: float) -> bool:
    """Whether a current after the trigger (pA) does not differ from the baseline."""
    return bool(abs(verified - baseline) < SUSPECT * noise)


def _landing(index: int, units: str, doc: str, kind: str = "normal") -> Cpt:
    return Cpt(
        ResultScalar, command="approach", index=index, units=units, kind=kind, doc=doc
    )


class Leave(Named, Device):
    """Pre-arms a withdrawal: it begins when the acquisition that runs has ended.

    ``withdraw`` of the `ZStage`, triggered then, waits for the end of it.
    """

    request = Cpt(Push, "", kind="omitted")

    def trigger(self) -> Status:
        """Pre-arm it; done at once."""
        clamp = getattr(self.parent.parent, "clamp", None)
        measuring_s = 0.0 if clamp is None else clamp.acquire.timeout_s()
        start_ahead((self.parent.withdraw, self.request), wait_s=measuring_s)
        return finished(self)


class ZStage(Linked):
    """Z stage with meniscus-contact trigger; z (um) grows away from the sample.

    The trigger closes in the IOC: `approach` arms it and waits. ``trigger()`` is an
    approach, so that ``RE(bp.count([seccm.z]))`` lands once and records the height.

    Parameters
    ----------
    prefix
        Prefix of the instrument, e.g. ``SECCM:``.

    Examples
    --------
    >>> RE(approach(seccm))
    >>> RE(bps.mv(seccm.z.axis, 20))
    """

    axis = Cpt(
        CommandedAxis,
        "Z:Z",
        kind="omitted",
        labels={"motors"},
        doc="z of the probe (um)",
    )

    approach_rate = setting("Z:ApproachRate", "rate of descent (um/s)")
    threshold = setting("Z:Threshold", "current that makes a contact (pA)")
    threshold_mode = setting("Z:ThresholdMode", "absolute, above baseline", string=True)
    least_contact = setting(
        "Z:LeastContact", "smallest current of a contact, per V from rest (pA/V)"
    )
    debounce = setting("Z:Debounce", "samples in a row that make a contact")
    verify_time = setting("Z:VerifyTime", "for which a contact is watched (s)")
    travel_limit = setting("Z:TravelLimit", "longest travel of an approach (um)")
    withdraw_distance = setting("Z:WithdrawDistance", "withdrawal from contact (um)")
    withdraw_rate = setting("Z:WithdrawRate", "rate of the withdrawal (um/s)")

    travel_height = setting("Z:TravelHeight", "lowest height of a move (um)")
    detach_distance = setting("Z:DetachDistance", "that breaks a meniscus unseen (um)")
    detach_margin = setting("Z:DetachMargin", "beyond where one was seen to break (um)")
    slow_height = setting("Z:SlowHeight", "at which a descent becomes slow (um)")
    fast_rate = setting("Z:FastRate", "of a descent down to SlowHeight (um/s)")
    following_error_limit = setting(
        "Z:FollowingErrorLimit", "readback off the setpoint that trips (um)"
    )

    approach = Cpt(Command, "Z:Approach", result="Z:Landing", kind="omitted")
    withdraw = Cpt(
        Command, "Z:Withdraw", result="Z:Withdrawal", redo=True, kind="omitted"
    )
    leave = Cpt(Leave, "Z:Leave", kind="omitted", doc="withdraw after an acquisition")
    halt = Cpt(Push, "Z:Stop", kind="omitted", doc="stop Z at once")
    state = Cpt(EpicsSignalRO, "Z:State", string=True, kind="omitted")

    contact_height = _landing(2, "um", "z at the trigger: the topography", "hinted")
    contact_current = _landing(5, "pA", "filtered current at the trigger")
    baseline_current = _landing(6, "pA", "mean current before contact")
    baseline_noise = _landing(7, "pA", "rms of the current before contact")
    contact_time = _landing(9, "s", "instrument time at the trigger")
    verified_current = _landing(10, "pA", "mean current a while after the trigger")
    verified_noise = _landing(11, "pA", "rms that such a mean has without contact")
    detach_height = _landing(
        12, "um", "height above the contact before at which its meniscus broke"
    )

    curve = Cpt(EpicsSignalRO, "Z:ApproachCurve", auto_monitor=True, kind="omitted")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._timeouts_s = WorkedOut(
            self._work_out_timeouts,
            self.withdraw_distance,
            self.withdraw_rate,
            self.travel_limit,
            self.approach_rate,
            self.verify_time,
        )

    @property
    def is_suspect(self) -> bool:
        """Whether the current after the trigger does not differ from none."""
        return is_suspect(
            self.verified_current.get(),
            self.baseline_current.get(),
            self.verified_noise.get(),
        )

    @property
    def is_bad(self) -> bool:
        """Whether the probe was stopped by a current that is no number."""
        return is_bad(self.contact_height.get(), self.contact_current.get())

    def set(self, heights: tuple[float, float]) -> Status:
        """Set how high the next move is, and where the next descent becomes slow.

        Parameters
        ----------
        heights
            Both in um; NaN for one that is not known.
        """
        left = {}
        is_slow = self.link.round_trip_s >= SLOW_S
        for signal, height in zip(
            (self.travel_height, self.slow_height), heights, strict=True
        ):
            known = UNKNOWN_HEIGHT_UM if math.isnan(height) else height
            if signal.get() != known:
                # an IOC takes in order what comes by one connection: on a slow network
                # what is written next finds it there, and it is verified meanwhile
                signal.put(known, wait=not is_slow, timeout=PUT_TIMEOUT_S)
                left[signal] = known
        if not (is_slow and left):
            return finished(self)
        return in_background(self, functools.partial(self._check_heights, left))

    def _check_heights(self, heights: dict[Setting, float]) -> None:
        """Check that the IOC has what was written without waiting for it."""
        for signal, height in heights.items():
            found = signal.get(use_monitor=False)
            if not math.isclose(found, height, abs_tol=1e-6):
                raise CommandRefusedError(
                    f"{signal.pvname} is {found!r}, not {height!r}: "
                    f"{self.link.last_error()}"
                )

    def trigger(self) -> DeviceStatus:
        """Land: same as ``approach.trigger()``; fails with `NoContactError`."""
        return self.approach.trigger()

    def command_timeout_s(self, command: str) -> float:
        """Longest duration of a command from travel and rate, with a margin (s)."""
        return self._timeouts_s.get()[command]

    def _work_out_timeouts(self) -> dict[str, float]:
        withdrawal = self.withdraw_distance.get() / self.withdraw_rate.get()
        # From a miss, the withdrawal goes back to where the approach began.
        withdrawal += self.travel_limit.get() / self.withdraw_rate.get()
        descent = self.travel_limit.get() / self.approach_rate.get()
        descent += self.verify_time.get()
        seconds = {"withdraw": withdrawal, "approach": withdrawal + descent}
        return {command: 1.5 * s + MARGIN_S for command, s in seconds.items()}

    def read_curve(self) -> NDArray[np.float64]:
        """Read the approach curve of the last landing.

        Returns
        -------
        ndarray, shape (2, 1000)
            z (um) and current (pA) up to the trigger, oldest first, NaN in front of a
            descent that was shorter.

        Raises
        ------
        SeccmError
            If the curve is not that of the last approach, or not of that shape.
        """
        flat = belonging_to(self.approach, self.curve)
        if flat.size != 2 + 2 * CURVE_SAMPLES or flat[1] != CURVE_SAMPLES:
            raise SeccmError(f"{self.curve.pvname}: {flat.size} numbers, not 2002")
        if self.approach.number is None or flat[0] != self.approach.number:
            raise SeccmError(
                f"{self.curve.pvname} belongs to approach {flat[0]:.0f}, not to "
                f"{self.approach.number}"
            )
        return flat[2:].reshape(2, CURVE_SAMPLES)

    def stop(self, *, success: bool = False) -> None:
        """Stop the motion at once, wherever it is; see `Microscope.make_safe`.

        It ends without error if that counts as a success: the engine stops all that it
        has set before it pauses, and calls `pause` then.
        """
        if success:
            self.pause()
        # nothing reaches a lost IOC, see `Microscope.stop`
        if self.halt.connected and not self.link.not_driving(False):
            self.halt.put(1, wait=False)
        super().stop(success=success)

    def pause(self) -> None:
        """Have a pending landing end: the engine will redo the hop."""
        self.approach.abandon()
        self.withdraw.abandon()

    def resume(self) -> None:
        """Nothing to do: the hop starts again with its withdrawal."""

    def forget(self) -> None:
        """Drop the last landing: its scalars read NaN until the next."""
        self.approach.forget()
