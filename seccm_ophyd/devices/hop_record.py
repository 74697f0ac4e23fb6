"""The soft part of a hop's event: which hop, how it ended, whether it was redone."""

import math
from typing import Any

from ophyd import Component as Cpt
from ophyd import Device, Signal
from ophyd.status import Status

from ..schema import PRIMARY, HopOutcome
from ..techniques import check_whole
from .command import finished
from .named import Named

__all__ = ["HopRecord", "outcome_of"]


def outcome_of(
    *, missed: bool, bad: bool, overload: bool, lost: bool, suspect: bool
) -> HopOutcome:
    """Return how a hop ended: the worst of what happened counts."""
    happened = {
        HopOutcome.NO_CONTACT: missed,
        HopOutcome.BAD: bad,
        HopOutcome.OVERLOAD: overload,
        HopOutcome.LOST: lost,
        HopOutcome.SUSPECT: suspect,
    }
    return next((o for o, has in happened.items() if has), HopOutcome.CONTACT)


class HopRecord(Named, Device):
    """Index, outcome and repetition of the hop that is being made.

    ``set(index)`` begins a hop: what the stages and the amplifier measured before is
    forgotten, so that a missed landing reads NaN and not the values of the hop before.
    """

    index = Cpt(Signal, value=-1, kind="normal", doc="index of the hop")
    outcome = Cpt(Signal, value="unscanned", kind="normal", doc="how the hop ended")
    repeated = Cpt(Signal, value=0, kind="normal", doc="1 when the hop was redone")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._recorded = False
        self._run = self._stream = ""  # uids of the run, and of its stream of hops
        super().__init__(*args, **kwargs)

    @property
    def is_recorded(self) -> bool:
        """Whether the event of the hop that was begun last has been emitted."""
        return self._recorded

    @property
    def run(self) -> str:
        """The uid of the run that is open; empty without one."""
        return self._run

    def note(self, name: str, doc: dict[str, Any]) -> None:
        """Learn from the documents of a run whether the hop has been recorded.

        Plans subscribe this before they open their run. Only an event of the primary
        stream of that run, with this hop in it, ends the hop: not an event of a monitor
        or a baseline, nor of a run within the run, nor of another microscope. Pages are
        left out: they come from lines, which know by themselves what has been made.

        Parameters
        ----------
        name, doc
            Any document.
        """
        if name == "start" and not self._run:
            self._run = doc["uid"]
        elif name == "descriptor" and doc["run_start"] == self._run:
            if doc.get("name") == PRIMARY and self.index.name in doc["data_keys"]:
                self._stream = doc["uid"]
        elif name == "event" and doc["descriptor"] == self._stream:
            self._recorded = True

    def is_of_hop(self, doc: dict[str, Any]) -> bool:
        """Return whether a descriptor, an event or a page is one of hops."""
        return self.index.name in {*doc.get("data_keys", ()), *doc.get("data", ())}

    def check_value(self, index: int) -> None:
        """Check the index of a hop, for simulations of plans.

        Raises
        ------
        ParameterError
            If it is negative.
        """
        check_whole("hop index", index, 0, 2**31, "hops")

    def set(self, index: int) -> Status:
        """Begin hop number `index`; beginning it again marks it as repeated.

        Raises
        ------
        CommandRefusedError
            If somebody has changed a setting of the amplifier.
        """
        self.parent.clamp.check_settings()
        self._recorded = False
        self.repeated.put(int(index == self.index.get()))
        self.index.put(int(index))
        self.parent.z.forget()
        self.parent.clamp.forget()
        return finished(self)

    def read(self) -> dict[str, dict[str, Any]]:
        """Read the hop, with the outcome as the stages and the amplifier report it."""
        self.outcome.put(self._outcome().label)
        return super().read()

    def _outcome(self) -> HopOutcome:
        z, clamp = self.parent.z, self.parent.clamp
        return outcome_of(
            missed=math.isnan(z.contact_height.get()),
            bad=clamp.is_bad or z.is_bad,
            overload=clamp.is_overloaded,
            lost=clamp.is_lost,
            suspect=z.is_suspect,
        )

    def stage(self) -> list[object]:
        """Forget the hop of an earlier run."""
        self.index.put(-1)
        self._forget_run()
        return super().stage()

    def unstage(self) -> list[object]:
        """Forget the hop: a pause of what comes after it has nothing to do with it."""
        self._forget_run()
        return super().unstage()

    def _forget_run(self) -> None:
        self._recorded = False
        self._run = self._stream = ""
