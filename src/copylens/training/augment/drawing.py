"""Numbers of pictures in, random decisions about them out; each depends on nothing but what it is drawn for.

A draw is a hash of (seed, epoch, view, name of the decision, number of the picture, count). There is no state: neither
the order of the pictures, nor the batch, the process or the device changes what is drawn for a picture.
"""

from __future__ import annotations

import hashlib
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]
Integers: TypeAlias = NDArray[np.int64]
Bits: TypeAlias = NDArray[np.uint64]
Flags: TypeAlias = NDArray[np.bool_]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_FIRST = np.uint64(0xBF58476D1CE4E5B9)
_SECOND = np.uint64(0x94D049BB133111EB)
_WORD = (1 << 64) - 1


def scramble(words: Bits) -> Bits:
    """The finaliser of splitmix64: a bijection of 64-bit words after which every input bit sways every output bit."""
    words = words ^ (words >> np.uint64(30))
    words = words * _FIRST
    words = words ^ (words >> np.uint64(27))
    words = words * _SECOND
    return words ^ (words >> np.uint64(31))


class Draws:
    """Random decisions about B pictures in one epoch and view.

    Args:
        keys: ``(B,) int64``, the pictures' numbers.
        seed: of the run.
        epoch: of the training.
        view: which of a picture's views.

    Every name is one decision; drawing it twice gives the same again.
    """

    def __init__(self, keys: Integers, *, seed: int, epoch: int, view: int) -> None:
        self.keys = np.asarray(keys, dtype=np.int64)
        self._place = f"{seed}/{epoch}/{view}"

    def __len__(self) -> int:
        """B."""
        return len(self.keys)

    def bits(self, name: str, count: int = 1) -> Bits:
        """Independent 64-bit words, ``(B, count) uint64``."""
        digest = hashlib.blake2b(f"{self._place}/{name}".encode(), digest_size=8).digest()
        start = np.uint64(int.from_bytes(digest, "little"))
        picture = scramble(scramble(self.keys.view(np.uint64) * _GOLDEN) ^ start)
        # Done in Python integers, since NumPy warns when a scalar overflows.
        steps = np.array([(k + 1) * int(_GOLDEN) & _WORD for k in range(count)], dtype=np.uint64)
        return scramble(picture[:, None] + steps[None, :])

    def uniforms(self, name: str, low: float, high: float, count: int) -> Floats:
        """``(B, count) float64``, uniform in [low, high)."""
        parts = (self.bits(name, count) >> np.uint64(11)).astype(np.float64) * 2.0**-53
        return np.asarray(low + (high - low) * parts)

    def uniform(self, name: str, low: float = 0.0, high: float = 1.0) -> Floats:
        """``(B,) float64``, uniform in [low, high)."""
        return self.uniforms(name, low, high, 1)[:, 0]

    def logarithmic(self, name: str, low: float, high: float) -> Floats:
        """``(B,) float64`` in [low, high), its logarithm uniform; both ends are positive."""
        return np.exp(self.uniform(name, np.log(low), np.log(high)))

    def happens(self, name: str, probability: float) -> Flags:
        """``(B,) bool``: never at probability 0, always at 1."""
        return self.uniform(f"{name}/happens") < probability

    def integer(self, name: str, low: int, high: int) -> Integers:
        """``(B,) int64``, uniform in low, ..., high - 1."""
        return np.asarray(low + np.floor(self.uniform(name) * (high - low)), dtype=np.int64)

    def choice(self, name: str, options: tuple[float, ...]) -> Floats:
        """``(B,) float64``, one of the options, all equally often."""
        return np.asarray(options, dtype=np.float64)[self.integer(name, 0, len(options))]

    def normal(self, name: str) -> Floats:
        """``(B,) float64``, standard normal (Box and Muller 1958)."""
        pairs = self.uniforms(name, 0.0, 1.0, 2)
        return np.asarray(np.sqrt(-2.0 * np.log1p(-pairs[:, 0])) * np.cos(2.0 * np.pi * pairs[:, 1]))

    def gamma(self, name: str, shape: float, tries: int = 32) -> Floats:
        """``(B,) float64``, gamma-distributed with scale 1 (Marsaglia and Tsang 2000, of `tries` candidates)."""
        # Below 1 the method takes a gamma of shape + 1, times a power of a uniform.
        boost = self.uniform(f"{name}/boost", 2.0**-54, 1.0) ** (1.0 / shape) if shape < 1.0 else 1.0
        d = (shape + 1.0 if shape < 1.0 else shape) - 1.0 / 3.0
        u = self.uniforms(name, 0.0, 1.0, 3 * tries).reshape(len(self), tries, 3)
        x = np.sqrt(-2.0 * np.log1p(-u[..., 0])) * np.cos(2.0 * np.pi * u[..., 1])
        v = (1.0 + x / np.sqrt(9.0 * d)) ** 3
        safe = np.where(v > 0.0, v, 1.0)
        accepted = (v > 0.0) & (np.log1p(-u[..., 2]) < 0.5 * x**2 + d - d * safe + d * np.log(safe))
        # At least 95 % of candidates are taken; that none of 32 is has probability below 1e-40.
        first = accepted.argmax(1)
        return np.asarray(boost * d * np.take_along_axis(safe, first[:, None], 1)[:, 0])

    def beta(self, name: str, alpha: float) -> Floats:
        """``(B,) float64`` in [0, 1], from the symmetric Beta distribution."""
        one, other = self.gamma(f"{name}/one", alpha), self.gamma(f"{name}/other", alpha)
        total = one + other
        return np.where(total > 0.0, one / np.where(total > 0.0, total, 1.0), 0.5)

    def order(self, name: str, count: int) -> Integers:
        """``(B, count) int64``, a permutation of 0, ..., count - 1 for every picture."""
        return np.argsort(self.bits(name, count), axis=1, kind="stable")

    def partner(self, name: str, candidates: Integers) -> Integers:
        """For every picture another one of the candidates, by rendezvous hashing.

        The choice depends on which candidates there are, not on their order.

        Args:
            name: of the decision.
            candidates: ``(K,) int64`` numbers of pictures.

        Returns:
            ``(B,) int64``, positions in `candidates`; -1 where there is none but the picture itself.
        """
        if not len(candidates) or not len(self):
            return np.full(len(self), -1, dtype=np.int64)
        other = scramble(np.asarray(candidates, dtype=np.int64).view(np.uint64) * _GOLDEN)
        marks = scramble(self.bits(name) ^ other[None, :])
        same = self.keys[:, None] == candidates[None, :]
        marks[same] = np.uint64(_WORD)
        best = marks.argmin(1)
        return np.where(same.all(1), -1, best).astype(np.int64)

    def subset(self, rows: Integers | Flags) -> Draws:
        """The same draws for some of the pictures."""
        chosen = object.__new__(Draws)
        chosen.keys = self.keys[rows]
        chosen._place = self._place
        return chosen
