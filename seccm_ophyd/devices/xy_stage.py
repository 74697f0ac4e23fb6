"""The XY stage: carries the sample under the nanopipette."""

from ophyd import Component as Cpt

from .axis import StageAxis
from .link import Linked

__all__ = ["XYStage"]


def _axis(suffix: str, doc: str) -> Cpt:
    return Cpt(StageAxis, suffix, kind="hinted", labels={"motors"}, doc=doc)


class XYStage(Linked):
    """Two axes in um. The IOC refuses to move them while the probe is not withdrawn.

    Examples
    --------
    >>> RE(bps.mv(seccm.xy.x, 3.0, seccm.xy.y, -1.5))
    """

    x = _axis("XY:X", "x of the probe over the sample (um)")
    y = _axis("XY:Y", "y of the probe over the sample (um)")

    def abandon(self) -> None:
        """Stop pending moves without error: no plan waits for them any more."""
        self.x.abandon()
        self.y.abandon()
