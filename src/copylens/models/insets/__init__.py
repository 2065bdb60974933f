"""Prepared pixels in; where other pictures lie in them, out: the small network that comes with CopyLens.

`finder.onnx` takes ``pixels`` ``(N, 160, 160, 3) uint8``, whole pictures squashed to a square, and gives ``cells``
``(N, 100, 5) float32``: how likely each cell of a grid lies in the middle of another picture, and that one's left, top,
right, bottom as shares of the sides. `finder.json` says how it was made, and from which likelihood on it is believed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
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

OTHER = 0.35
"""The most that two insets may share, as intersection over union; what shares more is another look at the same."""

SAME = 0.6
"""Boxes that share so much with an inset's likeliest have a say in where it lies."""

DIGITS = 4
"""Of a box's sides, as in the keys of views."""

Floats = npt.NDArray[np.float32]
Boxes = npt.NDArray[np.float64]


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

    def find(self, show: Callable[[View], npt.NDArray[np.uint8]]) -> tuple[View, ...]:
        """Say where other pictures lie in one, and where others lie in those: a screenshot of a post with a photograph.

        Args:
            show: gives a part of the picture, ``(160, 160, 3) uint8``; `View()` is the whole.

        Returns:
            At most as many as there are `INSETS`: the surest first, then what lies in them.

        Raises:
            EngineError: the run failed.
        """

        def seen_in(part: View) -> tuple[View, ...]:
            return believed(self.look(show(part)[None])[0], self.likely)

        return with_inner(seen_in(View()), seen_in)


def believed(cells: Floats, likely: float) -> tuple[View, ...]:
    """Choose among what cells ``(C, 5)`` see: the likely ones that are neither small nor all, the surest first.

    Of several that show the same picture the surest counts; its box is the mean of theirs, weighted by the square of
    the likelihood (after Solovyev et al. 2021, weighted boxes fusion), since single cells are off by a few pixels.
    """
    boxes: Boxes = cells[:, 1:].astype(np.float64).round(DIGITS)
    fits = (cells[:, 0] >= likely) & _has_a_size(boxes)
    order = np.flatnonzero(fits)[np.argsort(-cells[fits, 0], kind="stable")]
    boxes, weights = boxes[order], cells[order, 0].astype(np.float64) ** 2
    chosen: list[Boxes] = []
    found: list[View] = []
    for box in boxes:
        if len(found) < len(INSETS) and _is_new(box, chosen):
            chosen.append(box)
            same = _shared(boxes, box) >= SAME
            mean: Boxes = np.average(boxes[same], axis=0, weights=weights[same]).round(DIGITS)
            found.append(View(*(mean if _has_a_size(mean[None])[0] else box).tolist()))
    return tuple(found)


def with_inner(outer: Sequence[View], inner: Callable[[View], Sequence[View]]) -> tuple[View, ...]:
    """Add to insets what lies in them, until there are as many as `INSETS`.

    Args:
        outer: the insets of a picture.
        inner: asked for those of an inset, as shares of its own sides.

    Returns:
        All as shares of the picture's sides, without those that are small there, or another look at one there is.
    """
    found = [_sides(inset) for inset in outer]
    for holder in outer:
        if len(found) >= len(INSETS):
            break
        start, end = np.split(_sides(holder), 2)
        for inset in inner(holder):
            box = (np.tile(start, 2) + np.tile(end - start, 2) * _sides(inset)).round(DIGITS)
            if len(found) < len(INSETS) and _has_a_size(box[None])[0] and _is_new(box, found):
                found.append(box)
    return tuple(View(*box.tolist()) for box in found)


def _sides(view: View) -> Boxes:
    return np.array([view.left, view.top, view.right, view.bottom])


def _has_a_size(boxes: Boxes) -> npt.NDArray[np.bool_]:
    """Whether boxes ``(M, 4)`` are neither small nor all."""
    sides = boxes[:, 2:] - boxes[:, :2]
    fits: npt.NDArray[np.bool_] = (sides.min(axis=1) >= SMALLEST) & (sides.prod(axis=1) <= LARGEST)
    return fits


def _is_new(box: Boxes, others: Sequence[Boxes]) -> bool:
    """Whether a box is no other look at what one of the others shows."""
    return all(_shared(other[None], box)[0] < OTHER for other in others)


def _shared(boxes: Boxes, box: Boxes) -> Boxes:
    """Intersection over union of boxes ``(M, 4)`` and one ``(4,)``."""
    both = np.maximum(np.minimum(boxes[:, 2:], box[2:]) - np.maximum(boxes[:, :2], box[:2]), 0.0).prod(axis=1)
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
    shared: Boxes = both / (areas + (box[2:] - box[:2]).prod() - both)
    return shared
