"""Damage to files, by a seeded generator: what disks, copies and cosmic rays do."""

from dataclasses import dataclass

import numpy as np

__all__ = ["KINDS", "Damaged", "damaged"]

SECTOR, BLOCK = 512, 4096
KINDS = ("bit", "sector", "block", "garbage", "newline")


@dataclass(frozen=True)
class Damaged:
    """A damaged file, and where (bytes of the whole one) it was damaged."""

    content: bytes
    begin: int
    end: int

    def spares(self, begin: int, end: int) -> bool:
        """Tell whether a piece of the whole file was not touched."""
        return end <= self.begin or begin >= self.end


def damaged(kind: str, whole: bytes, rng: np.random.Generator) -> Damaged:
    """Flip a bit, cut a sector out, zero a block, put garbage in, lose a newline."""
    if kind == "bit":
        at = int(rng.integers(len(whole)))
        flipped = bytes([whole[at] ^ 1 << int(rng.integers(8))])
        return Damaged(whole[:at] + flipped + whole[at + 1 :], at, at + 1)
    if kind == "garbage":
        at = int(rng.integers(len(whole)))
        return Damaged(whole[:at] + rng.bytes(700) + whole[at:], at, at + 1)
    if kind == "newline":
        ends = [n for n, byte in enumerate(whole) if byte == ord("\n")]
        at = int(rng.choice(ends))
        return Damaged(whole[:at] + whole[at + 1 :], at, at)
    size = SECTOR if kind == "sector" else BLOCK
    at = size * int(rng.integers(-(-len(whole) // size)))
    end = min(at + size, len(whole))
    filling = b"" if kind == "sector" else bytes(end - at)
    return Damaged(whole[:at] + filling + whole[end:], at, end)
