"""Prepared pixels in; where other pictures lie in them, out: the small network that comes with CopyLens.

`finder.onnx` takes ``pixels`` ``(N, 160, 160, 3) uint8``, whole pictures squashed to a square, and gives ``cells``
``(N, 100, 5) float32``: how likely each cell of a grid lies in the middle of another picture, and that one's left, top,
right, bottom as shares of the sides. `finder.json` says how it was made, and from which likelihood on it is believed.
"""

from __future__ import annotations

import json
from importlib.resources import files

import numpy as np
import numpy.typing as npt

from copylens.errors import EngineError
from copylens.models.engines.onnxruntime_engine import one_thread_session
from copylens.records import INSETS, InputSpec, View

SIDE = 160

SMALLEST = 0.05
"""Of a side; what is smaller is no picture that anybody looks for."""

LARGEST = 0.7
"""Of the area. What fills more is found as the whole is, and a box around it would say that the picture is a part."""

OTHER = 0.5
"""The most that two insets may share, as intersection over union."""

DIGITS = 4
"""Of a box's sides, as in the keys of views."""

Floats = npt.NDArray[np.float32]


class InsetNetwork:
    """The network on ONNX Runtime, in one thread; several threads may ask it at once.

    Attributes:
        input: what it wants as pixels.
        likely: from this likelihood on a picture is said to hold another.

    Raises:
        EngineError: its graph cannot be loaded.
    """

    input = InputSpec(SIDE, SIDE)

    def __init__(self) -> None:
        here = files(__name__)
        self.likely = float(json.loads((here / "finder.json").read_text(encoding="utf-8"))["likely"])
        graph = (here / "finder.onnx").read_bytes()
        self._session = one_thread_session(graph, name="the finder of insets")

    def look(self, pixels: npt.NDArray[np.uint8]) -> Floats:
        """Say what every cell sees in pictures ``(N, 160, 160, 3) uint8``: ``(N, 100, 5) float32``.

        Raises:
            EngineError: the run failed.
        """
        try:
            cells: Floats = self._session.run(["cells"], {"pixels": pixels})[0]
        except Exception as error:
            raise EngineError(f"The finder of insets failed: {error}") from error
        return cells

    def find(self, pixels: npt.NDArray[np.uint8]) -> tuple[View, ...]:
        """Say where other pictures lie in one of ``(160, 160, 3) uint8``; at most as many as there are `INSETS`.

        Raises:
            EngineError: the run failed.
        """
        return believed(self.look(pixels[None])[0], self.likely)


def believed(cells: Floats, likely: float) -> tuple[View, ...]:
    """Choose among what cells ``(C, 5)`` see: the likely ones that are neither small nor all.

    Of two that show the same picture the better counts, and so does the order: likelihood times the root of the area,
    since of two pictures on a page the larger is more often the one that is meant.
    """
    boxes = np.round(cells[:, 1:].astype(np.float64), DIGITS)
    sides = boxes[:, 2:] - boxes[:, :2]
    areas = sides.prod(axis=1)
    fits = (cells[:, 0] >= likely) & (sides.min(axis=1) >= SMALLEST) & (areas <= LARGEST)
    rows = np.flatnonzero(fits)
    order = rows[np.argsort(-cells[rows, 0] * np.sqrt(areas[rows]), kind="stable")]
    chosen: list[npt.NDArray[np.float64]] = []
    for box in boxes[order]:
        if len(chosen) < len(INSETS) and all(_shared(box, other) < OTHER for other in chosen):
            chosen.append(box)
    return tuple(View(*box.tolist()) for box in chosen)


def _shared(first: npt.NDArray[np.float64], second: npt.NDArray[np.float64]) -> float:
    """Intersection over union of two boxes."""
    sides = np.minimum(first[2:], second[2:]) - np.maximum(first[:2], second[:2])
    both = float(np.maximum(sides, 0.0).prod())
    return both / float((first[2:] - first[:2]).prod() + (second[2:] - second[:2]).prod() - both)
