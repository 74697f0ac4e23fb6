"""Devices that show themselves in a few words."""

__all__ = ["Named"]


class Named:
    """Shown by prefix and name.

    What ophyd shows lists every component, and bluesky asks for it at each message.
    """

    prefix: str
    name: str

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.prefix!r}, name={self.name!r})"
