"""A picture in, network inputs of its whole, of pictures found inside it, and of parts and turns of it out.

A picture that was pasted into another fills one of the other's parts, and there the two wholes are alike again.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from copylens.images.decoding import DecodedImage, decode_image
from copylens.images.preprocessing import decode_box, prepare
from copylens.records import INSET_KEYS, INSETS, InputSpec, PictureFacts, Pixels, Turn, View


class InsetFinder(Protocol):
    """What finds pictures inside a picture; several threads may ask it at once."""

    @property
    def input(self) -> InputSpec:
        """What it wants as pixels."""

    def find(self, show: Callable[[View], npt.NDArray[Any]]) -> Sequence[View]:
        """Say where other pictures lie in one, at most as many as there are `INSETS`.

        Args:
            show: gives any part of the picture as `input` wants it; `View()` is the whole.
        """


_TURNS: dict[Turn, functools.partial[Pixels] | None] = {
    "none": None,
    "hflip": functools.partial(np.flip, axis=1),
    "vflip": functools.partial(np.flip, axis=0),
    "rot90": functools.partial(np.rot90, k=1),
    "rot180": functools.partial(np.rot90, k=2),
    "rot270": functools.partial(np.rot90, k=3),
}


def grid(scale: float, count: int) -> tuple[View, ...]:
    """`count` x `count` boxes of `scale` of each side, evenly spread from edge to edge, row by row."""
    step = (1 - scale) / (count - 1)
    starts = [place * step for place in range(count)]
    return tuple(
        View(round(left, 4), round(top, 4), round(left + scale, 4), round(top + scale, 4))
        for top in starts
        for left in starts
    )


CROSS = tuple(grid(0.5, 3)[place] for place in (4, 1, 3, 5, 7))
"""The centre, and the middles of the four edges: half of each side."""

SIXTEEN = grid(0.4, 4)
"""Parts of 0.4 of each side, from corner to corner."""

TURNS = (View(turn="rot90"), View(turn="rot180"), View(turn="rot270"))

BANDS = (View(0.0, 0.3, 1.0, 0.7), View(0.3, 0.0, 0.7, 1.0))
"""Where a wide picture lies on a telephone, and a tall one on a wide screen."""

CENTRE = View(0.15, 0.15, 0.85, 0.85)
"""What is left without a frame."""

VIEW_SETS: dict[str, tuple[View, ...]] = {
    "whole": (),
    "fast": INSETS,
    "balanced": (*INSETS, *CROSS),
    "thorough": (*INSETS, *CROSS, *SIXTEEN, *TURNS, *BANDS, CENTRE),
}
"""The views beside the whole picture, by the name of their set; each set holds the one before.

Chosen by what they gain: docs/models.md.
"""


SMALLEST = 0.4
"""Share of a side for which pictures are decoded large enough, whichever views are asked for: so a view of a picture is
the same in every set."""


def view_key(view: View) -> str:
    """Name a view by its geometry, as the catalog knows it: ``"0.2,0.2,0.8,0.8"``, ``"0,0,1,1,rot90"``.

    What has another box in every picture is one of `INSET_KEYS`.
    """
    if view in INSETS:
        return INSET_KEYS[INSETS.index(view)]
    sides = (view.left, view.top, view.right, view.bottom)
    return ",".join([*(f"{side:g}" for side in sides), *([] if view.turn == "none" else [view.turn])])


def pixel_box(view: View, width: int, height: int) -> tuple[int, int, int, int]:
    """Give a view's box in pixels of a picture: left, top, right, bottom; at least one pixel, inside the picture."""
    left, right = _span(view.left, view.right, width)
    top, bottom = _span(view.top, view.bottom, height)
    return left, top, right, bottom


def cut(pixels: Pixels, view: View) -> Pixels:
    """Cut a view out of upright pixels ``(H, W, 3) uint8`` and turn it; what comes back is contiguous."""
    left, top, right, bottom = pixel_box(view, pixels.shape[1], pixels.shape[0])
    part = pixels[top:bottom, left:right]
    turn = _TURNS[view.turn]
    return np.ascontiguousarray(part if turn is None else turn(part))


@dataclass(frozen=True, slots=True)
class Prepared:
    """What a network is to see of one picture.

    Attributes:
        facts: of the picture at full size.
        whole: the input of the whole picture; None where it was not asked for.
        views: the inputs of the views, in their order; None for an inset that was not found.
        insets: where those lie that were found; none where nobody asked.
    """

    facts: PictureFacts
    whole: npt.NDArray[Any] | None
    views: tuple[npt.NDArray[Any] | None, ...]
    insets: tuple[View, ...] = ()


def prepare_views(
    data: bytes,
    spec: InputSpec,
    views: Sequence[View],
    *,
    whole: bool = True,
    finder: InsetFinder | None = None,
) -> Prepared:
    """Decode a picture and make the network's inputs of its whole and of views.

    The whole is decoded at its own scale, so that its descriptor does not depend on which views are asked for; a part
    needs the picture larger, and a large picture is decoded a second time for it. Insets are looked for in what the
    whole is made of, and then in what they themselves are made of.

    Args:
        data: the whole file.
        spec: what the network wants.
        views: which.
        whole: whether the input of the whole picture is asked for, too.
        finder: asked where some of `INSETS` are among the views.

    Raises:
        ImageError: as `decode`.
        ValueError: `INSETS` among the views, and nothing to find them with.
    """
    parts = [view for view in views if view not in INSETS]
    looks = len(parts) < len(views)
    if looks and finder is None:
        raise ValueError("insets are asked for, and there is no finder")
    as_whole = whole or looks or not parts
    first = decode_image(data, box=decode_box(spec) if as_whole else _view_box(spec, parts))
    entire = prepare(first.image, spec) if whole else None
    larger = _Larger(data, spec, first, reduced=as_whole and _is_reduced(first))
    insets: tuple[View, ...] = ()
    if looks and finder is not None:
        wanted = finder.input
        seen = prepare(first.image, wanted) if entire is None or wanted != spec else entire
        insets = tuple(finder.find(lambda view: seen if view == View() else larger.show(view, wanted)))
    made = larger.prepare(parts)
    made |= {INSETS[number]: larger.show(inset, spec) for number, inset in enumerate(insets)}
    return Prepared(first.facts, entire, tuple(made.get(view) for view in views), insets)


class _Larger:
    """A picture at the scales that its views need; each is decoded once."""

    def __init__(self, data: bytes, spec: InputSpec, first: DecodedImage, *, reduced: bool) -> None:
        self._data, self._spec, self._first, self._reduced = data, spec, first, reduced
        self._pixels: dict[tuple[int, int], Pixels] = {}
        self._shown: dict[tuple[View, InputSpec], npt.NDArray[Any]] = {}

    def prepare(self, views: Sequence[View]) -> dict[View, npt.NDArray[Any]]:
        """The inputs of views, from one decoding that is large enough for the smallest."""
        if not views:
            return {}
        pixels = self._decoded(_view_box(self._spec, views))
        return {view: prepare(cut(pixels, view), self._spec) for view in views}

    def show(self, view: View, spec: InputSpec) -> npt.NDArray[Any]:
        """One view as somebody wants it, made once; from a decoding that is large enough for it."""
        if (view, spec) not in self._shown:
            pixels = self._decoded(inset_box(self._spec, view, self._first.facts))
            self._shown[view, spec] = prepare(cut(pixels, view), spec)
        return self._shown[view, spec]

    def _decoded(self, box: tuple[int, int]) -> Pixels:
        if box not in self._pixels:
            decoded = decode_image(self._data, box=box) if self._reduced else self._first
            self._pixels[box] = np.asarray(decoded.image)
        return self._pixels[box]


def _view_box(spec: InputSpec, views: Sequence[View]) -> tuple[int, int]:
    """The (height, width) at which the smallest view has the pixels that `decode_box` gives a whole picture."""
    smallest = min(SMALLEST, *(min(view.right - view.left, view.bottom - view.top) for view in views))
    height, width = decode_box(spec)
    return round(height / smallest), round(width / smallest)


def inset_box(spec: InputSpec, inset: View, facts: PictureFacts) -> tuple[int, int]:
    """The (height, width) to decode a picture at for an inset: a half, a quarter and so on, as large as it needs.

    So the eight insets of a large picture need few decodings, and a JPEG is read at scales that it offers.
    """
    height, width = decode_box(spec)
    side = min(inset.right - inset.left, inset.bottom - inset.top)
    factor = max(1, int(min(facts.height * side / height, facts.width * side / width)))
    halved = 1 << (factor.bit_length() - 1)
    return facts.height // halved, facts.width // halved


def _is_reduced(decoded: DecodedImage) -> bool:
    return decoded.image.size != (decoded.facts.width, decoded.facts.height)


def _span(start: float, stop: float, length: int) -> tuple[int, int]:
    first = min(round(start * length), length - 1)
    return first, min(max(round(stop * length), first + 1), length)
