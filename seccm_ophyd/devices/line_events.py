"""Event pages of hops that the IOC made by itself: the keys, and what is under them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from ophyd import Device

from ..techniques import Measurement
from .command import ResultScalar
from .line_part import LinePart

__all__ = ["LineEvents"]

X, Y = 3, 4  # elements of Z:Landing


@dataclass(frozen=True)
class LineEvents:
    """The keys of the events of a microscope.

    Parameters
    ----------
    index, outcome, repeated, x, x_set, y, y_set, age
        Keys of what is known of each hop.
    landing
        Element of ``Z:Landing`` by key.
    clamp
        What stands in front of the scalars of a technique.
    """

    index: str
    outcome: str
    repeated: str
    x: str
    x_set: str
    y: str
    y_set: str
    age: str
    landing: dict[str, int]
    clamp: str

    @classmethod
    def of(cls, microscope: Device) -> "LineEvents":
        """Ask a microscope for its keys."""
        m = microscope
        signals = [walk.item for walk in m.z.walk_signals()]
        return cls(
            index=m.hop.index.name,
            outcome=m.hop.outcome.name,
            repeated=m.hop.repeated.name,
            x=m.xy.x.user_readback.name,
            x_set=m.xy.x.user_setpoint.name,
            y=m.xy.y.user_readback.name,
            y_set=m.xy.y.user_setpoint.name,
            age=m.clamp.contact_age.name,
            landing={s.name: s.index for s in signals if isinstance(s, ResultScalar)},
            clamp=f"{m.clamp.name}_",
        )

    def page(
        self,
        part: LinePart,
        points: Sequence[Sequence[float]],
        redone: Collection[int],
        measurements: Sequence[Measurement],
        noise_pa: float,
    ) -> dict[str, Any]:
        """Make the page of the hops of a part.

        Parameters
        ----------
        part
            As it was handed out.
        points
            Index, x, y (um) of each hop, and more.
        redone
            Indices of the hops that were begun before and are made again.
        measurements, noise_pa
            As in `LinePart.judge`.

        Returns
        -------
        dict
            ``data``, ``timestamps`` and ``time`` of an event page.
        """
        outcomes, ages, scalars = part.judge(measurements, noise_pa)
        index, x, y = (list(column) for column in list(zip(*points, strict=True))[:3])
        data: dict[str, list[Any]] = {
            self.index: [int(i) for i in index],
            self.outcome: outcomes,
            self.repeated: [int(i in redone) for i in index],
            self.x: part.landings[:, X].tolist(),
            self.x_set: x,
            self.y: part.landings[:, Y].tolist(),
            self.y_set: y,
            self.age: ages.tolist(),
        }
        for key, element in self.landing.items():
            data[key] = part.landings[:, element].tolist()
        data |= {f"{self.clamp}{name}": values for name, values in scalars.items()}
        ended = part.ended_at.tolist()
        return {
            "data": data,
            "timestamps": dict.fromkeys(data, ended),
            "time": ended,
        }
