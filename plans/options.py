"""The options that all hopping plans share: their names, defaults and limits."""

from dataclasses import dataclass

from seccm_ophyd.errors import ParameterError
from seccm_ophyd.techniques import check_range, check_whole

from ._run.checks import check_flag
from ._run.contact_threshold import THRESHOLD_PA
from ._run.heights import Adaptive

__all__ = ["HopOptions"]

OVERLOAD = ("record", "stop")
# wider than amplifiers are; the instrument knows its own limits
GAIN_MV_PA, RANGE_PA = (1e-3, 1e5), (0.1, 1e7)


@dataclass(frozen=True, kw_only=True)
class HopOptions:
    """How a scan hops; the defaults are the paper's hop.

    Withdraw 4 um, approach at 20 um/s, stop at 2 pA (Takahashi et al., Nat. Commun.
    5:5450 (2014), Methods).

    Parameters
    ----------
    withdraw_um
        Withdrawal before each move (um); more than the surface rises from point to
        point: at least 1.5 times the longest step, or 3.
    approach_rate_um_s
        Rate of descent (um/s).
    threshold_pa
        Current that makes a contact (pA), signed; None: 2 pA in the direction that the
        potential of the approach drives. At most what each contact passes there: 20 pA
        for each volt from the rest potential, unless ``least_contact_pa_v`` in
        ``seccm.toml`` says otherwise.
    travel_limit_um
        A landing that has found nothing after this travel is a miss (um). The first
        landing has the travel limit that the instrument is set to.
    max_misses
        How many hops in a row without a good pixel, for any reason, end the scan.
    overload
        What comes after a hop in which the amplifier left its range, when the cell is
        safe and the probe withdrawn: "record" continues, "stop" ends the scan.
    adaptive
        Withdraw only as far as the heights measured so far demand, and lower fast
        through the gap that is known; `withdraw_um` where nothing is known.
    margin_um
        How far an adaptive scan travels above what is known of the surface (um); four
        times the length of a move where that is more.
    force
        Go on although the estimate is beyond a day or 10 GB.
    gain_mv_pa
        Gain of the current input during the run (mV/pA); None: as it is set.
    range_pa
        Largest current that has to fit (pA), instead of `gain_mv_pa`: the gain is
        chosen so that the range of the input ends there.

    Raises
    ------
    ParameterError
        If one is NaN or out of range; the message names it.
    """

    withdraw_um: float = 4.0
    approach_rate_um_s: float = 20.0
    threshold_pa: float | None = None
    travel_limit_um: float = 20.0
    max_misses: int = 5
    overload: str = "record"
    adaptive: bool = False
    margin_um: float = 1.0
    force: bool = False
    gain_mv_pa: float | None = None
    range_pa: float | None = None

    def __post_init__(self) -> None:
        check_range("withdraw_um", self.withdraw_um, 0.1, 100.0, "um")
        check_range("approach_rate_um_s", self.approach_rate_um_s, 0.01, 200.0, "um/s")
        check_range("travel_limit_um", self.travel_limit_um, 0.1, 200.0, "um")
        Adaptive(margin_um=self.margin_um)
        if self.overload not in OVERLOAD:
            raise ParameterError(
                f"overload={self.overload!r} must be {' or '.join(OVERLOAD)}"
            )
        if self.threshold_pa is not None:
            check_range("threshold_pa", self.threshold_pa, *THRESHOLD_PA, "pA")
        check_whole("max_misses", self.max_misses, 1, 1_000_000, "misses in a row")
        for name in ("adaptive", "force"):
            check_flag(name, getattr(self, name))
        if self.margin_um != Adaptive.margin_um and not self.adaptive:
            raise ParameterError(
                f"margin_um={self.margin_um:g} has no effect without adaptive=True: "
                "add it, or leave margin_um out"
            )
        self._check_input()
        if self.travel_limit_um <= self.withdraw_um:
            raise ParameterError(
                f"travel_limit_um={self.travel_limit_um:g} must be more than "
                f"withdraw_um={self.withdraw_um:g}, to come back to the sample"
            )

    def _check_input(self) -> None:
        if self.gain_mv_pa is not None:
            check_range("gain_mv_pa", self.gain_mv_pa, *GAIN_MV_PA, "mV/pA")
        if self.range_pa is not None:
            check_range("range_pa", self.range_pa, *RANGE_PA, "pA")
            if self.gain_mv_pa is not None:
                raise ParameterError(
                    f"gain_mv_pa={self.gain_mv_pa:g} and range_pa={self.range_pa:g} "
                    "say the same thing twice: give one of them"
                )
