"""A source of randomness for everything that chance decides, found by its name."""

from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.random.bit_generator import ISeedSequence

__all__ = ["keyed_rng"]


class _Mixed(ISeedSequence):
    """Gives words that are mixed already: a `SeedSequence` takes ten times as long."""

    def __init__(self, words: np.ndarray) -> None:
        self._words = words

    def generate_state(self, n_words: int, dtype: Any = np.uint32) -> np.ndarray:
        """Give the state of a bit generator."""
        return self._words.view(dtype)[:n_words]


def keyed_rng(*key: str | int) -> np.random.Generator:
    """Make the source of randomness of a key: the same numbers for the same key."""
    name = "/".join(map(str, key)).encode()
    words = np.frombuffer(blake2b(name, digest_size=32).digest(), np.uint64)
    seeds: Any = _Mixed(words)  # numpy's types do not know its own base class
    return np.random.Generator(np.random.PCG64(seeds))
