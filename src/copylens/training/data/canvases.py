"""Numbers of pictures in, their canvases out; kept in memory where that is asked.

Shapes: S is the side of the canvas.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from copylens.errors import UsageError
from copylens.records import Skipped
from copylens.training.data.canvas import CHANNELS, Drawn
from copylens.training.data.decoding import Decoding
from copylens.training.data.memory_left import memory_left


class Canvases:
    """Canvases by number, decoded when they are asked for. Safe in threads.

    Args:
        decoding: who decodes them.
    """

    def __init__(self, decoding: Decoding) -> None:
        self.broken: dict[int, Skipped] = {}
        self._decoding = decoding

    def draw(self, numbers: Sequence[int]) -> list[Drawn | None]:
        """Give the canvases of some pictures, different ones; None for a broken one, which is then in `broken`."""
        wanted = [number for number in numbers if number not in self.broken]
        drawn: dict[int, Drawn] = {}
        for number, answer in zip(wanted, self._decoding.draw(wanted), strict=True):
            if isinstance(answer, Skipped):
                self.broken[number] = answer
            else:
                drawn[number] = answer
        return [drawn.get(number) for number in numbers]

    def close(self) -> None:
        """End what decodes."""
        self._decoding.close()


class KeptCanvases(Canvases):
    """Canvases that stay in memory, S x S x 3 bytes each: every picture is decoded once.

    Args:
        decoding: who decodes them.
        side: S.
        keys: ``(K,) int64``, sorted: the pictures that will be asked for.
        sharing: processes on this machine, each of which keeps its own.

    Raises:
        UsageError: they would not fit into the memory that is free.
    """

    def __init__(self, decoding: Decoding, side: int, keys: npt.NDArray[np.int64], sharing: int) -> None:
        super().__init__(decoding)
        needed, free = len(keys) * side * side * CHANNELS * sharing, memory_left()
        if free is not None and needed > free:
            raise UsageError(
                f"data.cache memory: {len(keys):,} pictures at {side} x {side} need {needed / 1e9:.1f} GB"
                f"{f' in {sharing} processes' if sharing > 1 else ''}, and {free / 1e9:.1f} GB are free; "
                "take data.cache none, or a smaller data.canvas."
            )
        self._keys = keys
        # The system gives memory when it is first written to, so this is quick whatever the size.
        self._pixels = np.empty((len(keys), CHANNELS, side, side), np.uint8)
        self._aspects = np.empty(len(keys), np.float64)
        self._kept = np.zeros(len(keys), bool)

    def draw(self, numbers: Sequence[int]) -> list[Drawn | None]:
        """As `Canvases.draw`."""
        slots = np.searchsorted(self._keys, np.asarray(numbers, np.int64))
        missing = [number for number, slot in zip(numbers, slots, strict=True) if not self._kept[slot]]
        made = dict(zip(missing, super().draw(missing), strict=True))
        return [self._keep(slot, made.get(number)) for number, slot in zip(numbers, slots, strict=True)]

    def _keep(self, slot: int, drawn: Drawn | None) -> Drawn | None:
        """Take in what was just drawn; gives what is kept there."""
        if drawn is not None:
            self._pixels[slot], self._aspects[slot] = drawn.pixels, drawn.aspect
            # Last: another thread may read as soon as this says so.
            self._kept[slot] = True
        return Drawn(self._pixels[slot], float(self._aspects[slot])) if self._kept[slot] else None
