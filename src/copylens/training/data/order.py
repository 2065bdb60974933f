"""Seed and epoch in, the order of the pictures out; and who takes the place of a broken one.

K pictures take part. An epoch is a permutation of them cut into steps of G = world x batch pictures; each process has
its own part of every step. What is left over at the end, fewer than G, waits for another epoch.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True, slots=True)
class Order:
    """The permutation of one epoch.

    Attributes:
        places: ``(K,) int64``: which of the K pictures comes when.
        batch: pictures of a step on one process.
        rank, world: which process this is, of how many.
    """

    places: Ints
    batch: int
    rank: int
    world: int

    @property
    def steps(self) -> int:
        """Whole steps of the epoch, the same on every process."""
        return len(self.places) // (self.batch * self.world)

    def step(self, step: int) -> range:
        """Positions in the permutation that this process takes in a step."""
        start = (step * self.world + self.rank) * self.batch
        return range(start, start + self.batch)

    def substitutes(self, position: int) -> Iterator[int]:
        """Positions to try in turn when the picture at `position` is broken.

        First the same place in the following steps, around the epoch: two broken pictures of a step never get
        the same substitute, on whatever process. Then those left over, and then all there are.
        """
        stride, count = self.batch * self.world, len(self.places)
        step, column = divmod(position, stride)
        for later in range(1, self.steps):
            yield (step + later) % self.steps * stride + column
        left = count - self.steps * stride
        for offset in range(left):
            yield count - left + (column + offset) % left
        for offset in range(1, count):
            yield (position + offset) % count


def shuffled(keys: Ints, seed: int, epoch: int) -> Ints:
    """Permute: ``(K,) int64`` positions in `keys`, in the order of a hash of (seed, epoch, key).

    So the order of two pictures does not depend on which others take part, nor on NumPy's version.
    """
    salt = _mix(_mix(np.array([seed], np.int64).view(np.uint64)) + np.uint64(epoch))
    return np.argsort(_mix(keys.view(np.uint64) * _GOLDEN ^ salt), kind="stable").astype(np.int64)


def _mix(values: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Mix the bits, one to one (the finaliser of splitmix64; Steele, Lea and Flood 2014)."""
    mixed = values + _GOLDEN
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(mixed ^ (mixed >> np.uint64(31)))
