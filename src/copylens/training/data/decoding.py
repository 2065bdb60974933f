"""Numbers of pictures in, canvases or what is wrong with them out, drawn by the thread that asks.

Shapes: S is the side of the canvas.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeAlias

from copylens.errors import ImageError
from copylens.records import Skipped
from copylens.training.data.canvas import Drawn, draw
from copylens.training.data.sources import PictureSource

TASK = 8
"""Pictures that a thread or process takes at a time."""

Answer: TypeAlias = "Drawn | Skipped"
"""A picture on its canvas, or why it could not be drawn."""


def draw_number(source: PictureSource, number: int, side: int) -> Answer:
    """Read and draw picture `number`, on a canvas of side `side`."""
    try:
        return draw(source.read(number), side)
    except ImageError as error:
        return Skipped(source.name(number), error.code, error.reason)
    except MemoryError:
        return Skipped(source.name(number), "too-large", "there is not enough memory to decode it")


class Decoding(Protocol):
    """Where the pictures of a source are drawn. Safe in threads."""

    def draw(self, numbers: Sequence[int]) -> list[Answer]:
        """Draw some pictures, whatever happens to each."""

    def close(self) -> None:
        """End what was started."""


class InThisThread:
    """The thread that asks draws.

    Args:
        source: of the pictures.
        side: S.
    """

    def __init__(self, source: PictureSource, side: int) -> None:
        self._source, self._side = source, side

    def draw(self, numbers: Sequence[int]) -> list[Answer]:
        """As `Decoding.draw`."""
        return [draw_number(self._source, number, self._side) for number in numbers]

    def close(self) -> None:
        """There is nothing to end."""
