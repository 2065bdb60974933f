"""The bytes of a picture in, a square canvas of fixed size and the picture's aspect out; kept where that is asked.

Shapes: S is the side of the canvas.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

from copylens.errors import ImageError, UsageError
from copylens.images import decode
from copylens.records import Skipped
from copylens.training.data.memory_left import memory_left
from copylens.training.data.sources import PictureSource

Canvas = npt.NDArray[np.uint8]
CHANNELS = 3


@dataclass(frozen=True, slots=True)
class Drawn:
    """A picture on its canvas.

    Attributes:
        pixels: ``(3, S, S) uint8``.
        aspect: width / height of the picture.
    """

    pixels: Canvas
    aspect: float


def draw(data: bytes, side: int) -> Drawn:
    """Decode a picture at about the size that is needed, and stretch it to the canvas with antialiasing.

    Raises:
        ImageError: it cannot be decoded.
    """
    decoded = decode(data, box=(side, side))
    image = Image.fromarray(decoded.pixels)
    if image.size != (side, side):
        image = image.resize((side, side), Image.Resampling.BICUBIC)
    return Drawn(np.asarray(image).transpose(2, 0, 1), decoded.facts.width / decoded.facts.height)


class Canvases:
    """Canvases of a source by number, decoded when they are asked for. Safe in threads.

    Args:
        source: of the pictures.
        side: S.
    """

    def __init__(self, source: PictureSource, side: int) -> None:
        self.source, self.side = source, side
        self.broken: dict[int, Skipped] = {}

    def draw(self, number: int) -> Drawn | None:
        """Give the canvas of picture `number`; None when it is broken, which is then in `broken`."""
        if number in self.broken:
            return None
        try:
            return draw(self.source.read(number), self.side)
        except ImageError as error:
            self.broken[number] = Skipped(self.source.name(number), error.code, error.reason)
        except MemoryError:
            self.broken[number] = Skipped(
                self.source.name(number), "too-large", "there is not enough memory to decode it"
            )
        return None


class KeptCanvases(Canvases):
    """Canvases that stay in memory, S x S x 3 bytes each: every picture is decoded once.

    Args:
        source: of the pictures.
        side: S.
        keys: ``(K,) int64``, sorted: the pictures that will be asked for.
        sharing: processes on this machine, each of which keeps its own.

    Raises:
        UsageError: they would not fit into the memory that is free.
    """

    def __init__(self, source: PictureSource, side: int, keys: npt.NDArray[np.int64], sharing: int) -> None:
        super().__init__(source, side)
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

    def draw(self, number: int) -> Drawn | None:
        """As `Canvases.draw`."""
        slot = int(np.searchsorted(self._keys, number))
        if self._kept[slot]:
            return Drawn(self._pixels[slot], float(self._aspects[slot]))
        drawn = super().draw(number)
        if drawn is not None:
            self._pixels[slot], self._aspects[slot] = drawn.pixels, drawn.aspect
            # Last: another thread may read as soon as this says so.
            self._kept[slot] = True
        return drawn
