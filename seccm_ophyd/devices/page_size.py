"""How many hops of a line are asked for at a time: what comes in half a second.

Who asks waits for the answer in the loop that sends the heartbeat: on a network that
has just become narrow (50 kB/s) an answer must not take as long as a lease.
"""

__all__ = ["GROWTH", "PageSize"]

SOUGHT_S = 0.5
MOST_BYTES = 150e3
GROWTH = 8.0  # by which a page may become larger than the one before
UNKNOWN_BYTES_S = 50e3  # of a network before anything has come


class PageSize:
    """Learns from each page how fast the network is."""

    def __init__(self) -> None:
        self._bytes_s = UNKNOWN_BYTES_S

    def hops(self, hop_bytes: int) -> int:
        """Return how many hops to ask for.

        Parameters
        ----------
        hop_bytes
            Size of one.
        """
        sought = min(self._bytes_s * SOUGHT_S, MOST_BYTES)
        return max(int(sought / hop_bytes), 1)

    def expected_s(self, size_bytes: int) -> float:
        """Return how long a number of bytes will take (s), as far as is known."""
        return size_bytes / self._bytes_s

    def note(self, size_bytes: int, took_s: float) -> None:
        """Note how long a page took on its way.

        Parameters
        ----------
        size_bytes
            Its size.
        took_s
            Time from the question to the answer, without the round trip (s).
        """
        measured = size_bytes / max(took_s, 1e-4)
        self._bytes_s = min(measured, GROWTH * self._bytes_s)
