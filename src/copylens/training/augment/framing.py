"""Draws in, what surrounds the picture in a view out: another picture, a screen, a bar with words, a border.

At most one surrounds a view. Each leaves a rectangle for the picture, so the picture is still resampled once only.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from torch import Tensor

from copylens.training.augment.drawing import Draws, Flags, Floats, Integers
from copylens.training.augment.geometry import box_map
from copylens.training.augment.overlaying import backdrop, cover_of, overlay
from copylens.training.augment.pasting import Atlas, Pasted, paste
from copylens.training.augment.sampling import to_device
from copylens.training.augment.screens import Screens, screen_views
from copylens.training.augment.settings import Range, Strength

KINDS = ("", "inset", "screenshot", "caption", "border")
"""What surrounds a view, by number; the first that is drawn for a view is taken."""

_SMALLEST = 0.05


@dataclass(frozen=True, slots=True)
class Framing:
    """What surrounds n views.

    Attributes:
        kind: ``(n,) int64``, number in `KINDS`.
        inner: ``(n, 4) float64``, left, top, right, bottom of what is left for the picture, in parts of the view.
        partner: ``(n,) int64``, row of the picture behind an inset, else -1.
        screen: ``(n,) int64``, which screen a screenshot has.
        beside: ``(n, M, 4) float64``, where a screen shows other pictures; of no area where it shows none.
        guests: ``(n, M) int64``, rows of those pictures, -1 where there is none.
    """

    kind: Integers
    inner: Floats
    partner: Integers
    screen: Integers
    beside: Floats
    guests: Integers

    def subset(self, rows: Integers) -> Framing:
        """The same for some views."""
        return Framing(
            self.kind[rows],
            self.inner[rows],
            self.partner[rows],
            self.screen[rows],
            self.beside[rows],
            self.guests[rows],
        )


def draw_frames(draws: Draws, strength: Strength, candidates: Integers, screens: Screens) -> Framing:
    """Decide what surrounds n views.

    Args:
        draws: of the n pictures.
        strength: probabilities and ranges.
        candidates: ``(B,) int64``, keys of the pictures that may lie behind an inset, or beside a picture on a screen.
        screens: that there are.
    """
    kind = np.zeros(len(draws), dtype=np.int64)
    for number in range(len(KINDS) - 1, 0, -1):
        kind[draws.happens(KINDS[number], strength.probability[KINDS[number]])] = number
    partner = np.full(len(draws), -1, dtype=np.int64)
    inset = np.flatnonzero(kind == KINDS.index("inset"))
    partner[inset] = draws.subset(inset).partner("inset/partner", candidates)
    kind[inset[partner[inset] < 0]] = 0
    screen = np.zeros(len(draws), dtype=np.int64)
    inner = np.tile(np.array([0.0, 0.0, 1.0, 1.0]), (len(draws), 1))
    for number, name in enumerate(KINDS):
        rows = np.flatnonzero(kind == number)
        if name == "screenshot" and len(rows):
            screen[rows] = draws.subset(rows).integer("screenshot/which", 0, len(screens))
            inner[rows] = screens.holes[screen[rows]]
        elif name and len(rows):
            boxes = {"inset": inset_boxes, "caption": caption_boxes, "border": border_boxes}[name]
            inner[rows] = boxes(draws.subset(rows), strength.ranges[_range_of(name)])
    beside, guests = draw_guests(draws, kind == KINDS.index("screenshot"), screens.others[screen], candidates)
    return Framing(kind, inner, partner, screen, beside, guests)


def draw_guests(draws: Draws, shown: Flags, places: Floats, candidates: Integers) -> tuple[Floats, Integers]:
    """Decide which pictures are beside the one on a screen; three of four places are filled.

    Args:
        draws: of the n pictures.
        shown: ``(n,)``, which are on screens.
        places: ``(n, M, 4)``, of their screens.
        candidates: ``(B,) int64``, keys of the pictures there are.

    Returns:
        `Framing.beside` and `Framing.guests`.
    """
    guests = np.full(places.shape[:2], -1, dtype=np.int64)
    for number in range(places.shape[1]):
        filled = shown & (places[:, number, 2] > places[:, number, 0])
        filled &= draws.happens(f"screenshot/guest-{number}", 0.75)
        rows = np.flatnonzero(filled)
        guests[rows, number] = draws.subset(rows).partner(f"screenshot/guest-{number}/which", candidates)
    return np.where((guests >= 0)[..., None], places, 0.0), guests


def _range_of(name: str) -> str:
    return {"inset": "inset.size", "caption": "caption.height", "border": "border.width"}[name]


def inset_boxes(draws: Draws, size: Range) -> Floats:
    """Rectangles anywhere in the view whose root of area is drawn from `size`, ``(n, 4)``."""
    side = draws.uniform("inset/size", *size)
    ratio = np.sqrt(draws.logarithmic("inset/ratio", 2 / 3, 3 / 2))
    extent = np.clip(np.stack([side * ratio, side / ratio], axis=1), _SMALLEST, 1.0)
    start = draws.uniforms("inset/where", 0.0, 1.0, 2) * (1.0 - extent)
    return np.concatenate([start, start + extent], axis=1)


def caption_boxes(draws: Draws, height: Range) -> Floats:
    """What a bar above or below leaves, ``(n, 4)``."""
    bar = draws.uniform("caption/height", *height)
    above = draws.happens("caption/above", 0.5)
    boxes = np.tile(np.array([0.0, 0.0, 1.0, 1.0]), (len(draws), 1))
    boxes[:, 1], boxes[:, 3] = np.where(above, bar, 0.0), np.where(above, 1.0, 1.0 - bar)
    return boxes


def border_boxes(draws: Draws, width: Range) -> Floats:
    """What a border leaves, ``(n, 4)``: equal all around, only across, only along, or four widths."""
    widths = draws.uniforms("border/widths", *width, 4)
    style = draws.integer("border/style", 0, 4)
    equal = np.repeat(widths[:, :1], 4, axis=1)
    equal[style == 1, 0::2] = 0.0
    equal[style == 2, 1::2] = 0.0
    margins = np.where((style == 3)[:, None], widths, equal)
    return np.concatenate([margins[:, :2], 1.0 - margins[:, 2:]], axis=1)


def frame_views(
    views: Tensor,
    draws: Draws,
    frames: Framing,
    canvases: Tensor,
    aspects: Floats,
    words: Atlas,
    screens: Screens,
) -> Tensor:
    """Fill what surrounds the pictures.

    Args:
        views: ``(n, 3, size, size) float32``, of which `Framing.inner` is kept.
        draws: of the n pictures.
        frames: what surrounds them; every kind but none.
        canvases: ``(B, 3, S, S) uint8``, the whole batch.
        aspects: ``(B,)``, of the whole batch.
        words: for captions.
        screens: those that `frames` was drawn with.

    Returns:
        ``(n, 3, size, size) float32``.
    """
    size, device = views.shape[-1], views.device
    colours = fill_colours(draws)
    around = to_device(colours, device)[:, :, None, None].repeat(1, 1, size, size)
    rows = np.flatnonzero(frames.kind == KINDS.index("screenshot"))
    if len(rows):
        shown = screen_views(screens, frames.screen[rows], size, device)
        around[to_device(rows, device)] = with_guests(shown, frames.subset(rows), canvases)
    rows = np.flatnonzero(frames.kind == KINDS.index("inset"))
    if len(rows):
        partner = frames.partner[rows]
        others = canvases[to_device(partner, device)]
        around[to_device(rows, device)] = backdrop(others, aspects[partner], draws.subset(rows), size)
    rows = np.flatnonzero(frames.kind == KINDS.index("caption"))
    if len(rows):
        index = to_device(rows, device)
        lettered = caption_words(draws.subset(rows), frames.inner[rows], colours[rows], words)
        around[index] = paste(around[index], words, lettered)
    return around.lerp_(views, cover_of(frames.inner, size, device))


def with_guests(shown: Tensor, frames: Framing, canvases: Tensor) -> Tensor:
    """Screens ``(n, 3, size, size)`` with other pictures of the batch where they have places for some."""
    for number in range(frames.guests.shape[1]):
        rows = np.flatnonzero(frames.guests[:, number] >= 0)
        if len(rows):
            index = to_device(rows, shown.device)
            others = canvases[to_device(frames.guests[rows, number], shown.device)]
            shown[index] = overlay(shown[index], others, frames.beside[rows, number], np.ones(len(rows)))
    return shown


def fill_colours(draws: Draws) -> Floats:
    """White, black or any colour, each as often, ``(n, 3)``."""
    kind = draws.integer("fill/kind", 0, 3)[:, None]
    colour = draws.uniforms("fill/colour", 0.0, 1.0, 3)
    return np.where(kind == 0, 1.0, np.where(kind == 1, 0.0, colour))


def caption_words(draws: Draws, inner: Floats, bar: Floats, words: Atlas) -> Pasted:
    """A line of words in the middle of every bar, in black or white, whichever stands out."""
    entries = draws.integer("caption/which", 0, len(words))
    above: Flags = inner[:, 1] > 0.0
    top, bottom = np.where(above, 0.0, inner[:, 3]), np.where(above, inner[:, 1], 1.0)
    height = (bottom - top) * draws.uniform("caption/letters", 0.4, 0.7)
    height = np.minimum(height, 0.94 / words.ratios[entries])
    width = height * words.ratios[entries]
    left = draws.choice("caption/where", (0.5, 0.5, 0.0)) * (0.96 - width) + 0.02
    middle = (top + bottom) / 2.0
    boxes = np.stack([left, middle - height / 2.0, left + width, middle + height / 2.0], axis=1)
    ink = np.where(bar.mean(1, keepdims=True) > 0.5, 0.0, 1.0).repeat(3, axis=1)
    return Pasted(entries, box_map(boxes), np.ones(len(draws)), ink)
