"""Lines whose hops a client has yet to acknowledge; they outlive it."""

from .results import LineResults

__all__ = ["MOST_LINES", "KeptLines"]

MOST_LINES = 8


class KeptLines:
    """The line that was begun last, and those before it that were not acknowledged.

    Parameters
    ----------
    newest
        The results of a line without hops.
    """

    def __init__(self, newest: LineResults) -> None:
        self.newest = newest
        self._before: list[LineResults] = []  # oldest first

    def begin(self, results: LineResults, *, keep: bool) -> LineResults | None:
        """Begin a line.

        Parameters
        ----------
        results
            Takes its hops.
        keep
            Whether to keep what was not acknowledged of the line before: a client that
            never acknowledges has fetched what it wanted.

        Returns
        -------
        LineResults or None
            A line that had to be dropped for it, with what was never acknowledged.
        """
        if keep and self.newest.waiting:
            self._before.append(self.newest)
        self.newest = results
        return self._before.pop(0) if len(self._before) == MOST_LINES else None

    def find(self, number: int) -> LineResults | None:
        """Find a line by the number of its command; 0: the newest."""
        if number in (0, self.newest.number):
            return self.newest
        return next((r for r in self._before if r.number == number), None)

    def acknowledge(self, number: int, received: int, stored: int) -> bool:
        """Note what a client has of a line; return whether the line is kept.

        Parameters
        ----------
        number
            Of the line.
        received, stored
            Number of hops from its start in the memory of a client, and on its disk.
        """
        found = self.find(number)
        if found is None:
            return False
        found.received = max(found.received, min(received, found.done))
        found.acknowledge(stored)
        self._before = [results for results in self._before if results.waiting]
        return True

    def table(self) -> list[float]:
        """List number, hops done and hops acknowledged of each line, newest first."""
        lines = [self.newest, *reversed(self._before)]
        rows = [(r.number, r.done, r.acknowledged) for r in lines]
        return [float(value) for row in rows for value in row]
