"""What follows from the outcomes of hops, whoever makes them."""

from collections import Counter

import bluesky.plan_stubs as bps
from bluesky.utils import MsgGenerator

from seccm_ophyd.errors import OverloadError, TooManyMissesError
from seccm_ophyd.schema import HopOutcome

from ..options import HopOptions
from ..protocols import HoppingMicroscope

__all__ = ["Misses", "check_overload"]

_ADVICE = {
    HopOutcome.NO_CONTACT: "is there a sample, and is the pipette open?",
    HopOutcome.SUSPECT: "does the threshold stand clear of the noise?",
    HopOutcome.BAD: "is the amplifier connected?",
    HopOutcome.OVERLOAD: "is the gain too high?",
    HopOutcome.LOST: "does the meniscus hold, is the stage quiet?",
}


def check_overload(options: HopOptions, x: float, y: float) -> None:
    """End a scan that is not to continue after an overload at x, y (um).

    Raises
    ------
    OverloadError
        If ``overload`` is "stop".
    """
    if options.overload == "stop":
        raise OverloadError(
            f"the amplifier left its range at x={x:g} um, y={y:g} um; "
            'overload="record" continues after one'
        )


class Misses:
    """The hops in a row that gave no good pixel, of any kind.

    The first contact shows where the surface is: from then on a landing searches no
    deeper than the options say.

    Parameters
    ----------
    microscope
        Tells where the probe is.
    options
        Of the scan.

    Attributes
    ----------
    first_height
        z of the first contact of the scan (um), None before.
    """

    def __init__(self, microscope: HoppingMicroscope, options: HopOptions) -> None:
        self._z, self._options = microscope.z, options
        self._kinds: list[HopOutcome] = []
        self.first_height: float | None = None

    def count(
        self, outcome: str, x: float, y: float, height: float | None = None
    ) -> MsgGenerator[None]:
        """Count a hop at x, y (um); `height` (um) of its contact, if it is known.

        Raises
        ------
        TooManyMissesError
            If it is the last that is allowed; the message says of which kinds they
            were, and how far the sample has gone if it has.
        """
        if outcome == HopOutcome.CONTACT.label:
            self._kinds.clear()
            if self.first_height is None:
                if height is None:
                    height = yield from bps.rd(
                        self._z.contact_height, default_value=0.0
                    )
                self.first_height = float(height)
                yield from bps.mv(self._z.travel_limit, self._options.travel_limit_um)
            return
        self._kinds.append(HopOutcome[outcome.upper()])
        if len(self._kinds) < self._options.max_misses:
            return
        found = Counter(self._kinds).most_common()
        kinds = ", ".join(f"{number} {kind.label}" for kind, number in found)
        gone = yield from self._drift()
        raise TooManyMissesError(
            f"{len(self._kinds)} hops in a row gave no good pixel ({kinds}), the last "
            f"at x={x:g} um, y={y:g} um: {gone}{_ADVICE[found[0][0]]}"
        )

    def _drift(self) -> MsgGenerator[str]:
        """Tell how far below the first contact the last landing has looked."""
        if self._kinds[-1] is not HopOutcome.NO_CONTACT or self.first_height is None:
            return ""
        end = yield from bps.rd(self._z.axis.user_readback, default_value=0.0)
        return (
            f"the first contact of the scan was at z={self.first_height:.3f} um, the "
            f"last landing went down to {end:.3f} um: the sample has drifted by more "
            f"than {self.first_height - end:.1f} um, or "
        )
