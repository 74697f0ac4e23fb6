"""The PVs that decide which current stops a descent, and whether one is sure to."""

from typing import Any

from ..epics.pvs import RefusedError, choice, count, setting
from ..instrument import Part
from ..physics.current_input import CurrentInput
from .contact_guard import ContactGuard

__all__ = ["ContactPVs"]


class ContactPVs(Part):
    """Contact threshold, and what is known of the current that a contact passes.

    Attributes
    ----------
    is_lowering
        Whether the probe goes down.
    """

    is_lowering = False

    threshold = setting(
        "Threshold", 2.0, "pA", 3, (-20000.0, 20000.0), "current that means contact"
    )
    threshold_mode = choice(
        "ThresholdMode",
        ("absolute", "above baseline"),
        "whether Threshold counts from the mean of the first 10 ms of the descent",
    )
    debounce = count("Debounce", 3, (1, 10), "samples in a row beyond Threshold")
    rest_potential = setting(
        "RestPotential", 0.38, "V", 4, (-2.0, 2.0), "at which the sample has no current"
    )
    least_contact = setting(
        "LeastContact",
        20.0,
        "pA/V",
        3,
        (0.01, 1e6),
        "smallest current of a contact for each volt from RestPotential",
    )

    @threshold.putter
    async def _put_threshold(self, instance: Any, value: float) -> float:
        """Take a threshold that has a sign."""
        if value == 0:
            raise RefusedError(f"{instance.pvname}: 0 has no sign")
        return await self._put_between(instance, value)

    async def _put_between(self, instance: Any, value: Any) -> Any:
        """Take a setting between two descents."""
        self.check_not_lowering(instance)
        return value

    rest_potential.putter(_put_between)
    least_contact.putter(_put_between)

    def check_not_lowering(self, instance: Any) -> None:
        """Refuse a setting that decides whether a descent can be stopped, amid one.

        Raises
        ------
        RefusedError
            If the probe is being lowered.
        """
        if self.is_lowering:
            raise RefusedError(f"{instance.pvname}: the probe is being lowered")

    def check_stoppable(
        self, mode: str, potential: float, signal: CurrentInput, rate: float
    ) -> None:
        """Refuse a descent that no current of a contact is sure to stop.

        Parameters
        ----------
        mode, potential
            Of the amplifier during the descent; the potential in V.
        signal
            The current input.
        rate
            Of the descent (um/s).

        Raises
        ------
        RefusedError
            If nothing holds a potential, the threshold does not fit it, or the probe
            would be too deep when it stops.
        """
        if mode != "VCLAMP":
            raise RefusedError("a contact is found by its current: Clamp:Mode VCLAMP")
        guard = ContactGuard(
            self.rest_potential.value, self.least_contact.value, self.debounce.value
        )
        guard.check_rate(rate)
        guard.check(self.threshold.value, potential, signal)
