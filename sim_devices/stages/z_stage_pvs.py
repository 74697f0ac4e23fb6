"""The PVs of the Z stage that nothing follows when they are written."""

import math

from ..epics.pvs import (
    counter,
    readout,
    result,
    setting,
    status,
)
from ..physics.approach import CURVE_SAMPLES
from .contact_pvs import ContactPVs

__all__ = ["HIGH", "LOW", "ZStagePVs"]

LOW, HIGH = -20.0, 100.0
"""Range of Z (um). A height of `HIGH` for travel and slow descent means: not known."""

_STATES = "WITHDRAWN APPROACHING CONTACT NO_CONTACT WITHDRAWING MOVING STOPPED".split()


class ZStagePVs(ContactPVs):
    """Settings of approach and withdrawal, state, and results."""

    approach_rate = setting(
        "ApproachRate", 20.0, "um/s", 3, (0.01, 200.0), "rate of descent"
    )
    verify_time = setting(
        "VerifyTime", 0.012, "s", 4, (0.0, 1.0), "for which a contact is watched"
    )
    travel_limit = setting(
        "TravelLimit", 100.0, "um", 3, (0.1, 200.0), "travel that ends in NO_CONTACT"
    )
    withdraw_distance = setting(
        "WithdrawDistance", 4.0, "um", 3, (0.1, 100.0), "withdrawal from contact"
    )
    withdraw_rate = setting(
        "WithdrawRate", 200.0, "um/s", 3, (1.0, 2000.0), "rate of the withdrawal"
    )
    travel_height = setting(
        "TravelHeight",
        HIGH,
        "um",
        4,
        (LOW, HIGH),
        "to which a withdrawal goes, at least",
    )
    detach_distance = setting(
        "DetachDistance", 1.0, "um", 3, (0.1, 100.0), "by which a meniscus has broken"
    )
    detach_margin = setting(
        "DetachMargin", 0.1, "um", 3, (0.01, 10.0), "beyond where one was seen to break"
    )
    slow_height = setting(
        "SlowHeight", HIGH, "um", 4, (LOW, HIGH), "down to which a descent may be fast"
    )
    fast_rate = setting("FastRate", 100.0, "um/s", 3, (0.01, 200.0), "of fast descents")
    following_error_limit = setting(
        "FollowingErrorLimit",
        0.5,
        "um",
        3,
        (0.01, 10.0),
        "at which Z trips",
    )
    approach_done = counter("ApproachDone", "last approach that ended")
    withdraw_done = counter("WithdrawDone", "last withdrawal that ended")
    state = status("State", _STATES, "what Z does, or what its last motion led to")
    contact_height = readout(
        "ContactHeight", math.nan, "um", 4, "z at the last contact"
    )
    detach_height = readout(
        "DetachHeight", math.nan, "um", 4, "above contact, where the meniscus broke"
    )
    landing = result(
        "Landing",
        13,
        "number, outcome, contact_height (um), contact_x (um), contact_y (um), "
        "contact_current (pA), baseline_current (pA), baseline_noise (pA), "
        "travel (um), contact_time (s), verified_current (pA), verified_noise (pA), "
        "detach_height (um) of the contact before",
    )
    withdrawal = result("Withdrawal", 3, "number, outcome, z (um)")
    approach_curve = result(
        "ApproachCurve",
        2 + 2 * CURVE_SAMPLES,
        "number, samples n, n x z (um), n x current (pA)",
    )
