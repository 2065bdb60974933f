"""Draws and true aspects in, one 3 x 3 map per view out: from where every point of the view is taken.

Coordinates, all continuous, x to the right and y down:

- *view*: the unit square.
- *frame*: the picture after flips and quarter turns, in units of its shorter side; text and stickers are put here.
- *canvas*: the unit square that the stored pixels fill, whatever the picture's aspect.

All maps act on columns (x, y, 1) and are homographies, so a chain of operators is one product.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from copylens.training.augment.drawing import Draws, Flags, Floats
from copylens.training.augment.settings import Strength

FAR = -1000.0
"""A coordinate outside every picture."""

_TRIES = 10
_NEAREST = 1e-4


@dataclass(frozen=True, slots=True)
class Placement:
    """Where the points of B views lie.

    Attributes:
        to_canvas: ``(B, 3, 3) float64``, view to canvas.
        to_frame: ``(B, 3, 3) float64``, view to frame.
        frame: ``(B, 2) float64``, width and height of the frame; the shorter is 1.
        inner: ``(B, 4) float64``, left, top, right, bottom of the part of the view that shows the picture.
    """

    to_canvas: Floats
    to_frame: Floats
    frame: Floats
    inner: Floats


def place(draws: Draws, aspects: Floats, strength: Strength, inner: Floats) -> Placement:
    """Decide the geometry of B views.

    In this order: flips, quarter turn, change of aspect, any rotation about the centre without growing the frame,
    perspective, crop, fit into `inner`.

    Args:
        draws: of the B pictures.
        aspects: ``(B,) float64``, width / height.
        strength: probabilities and ranges.
        inner: ``(B, 4)``, left, top, right, bottom of the picture's part of the view.
    """
    chance, ranges = strength.probability, strength.ranges
    turns = np.where(draws.happens("rotate90", chance["rotate90"]), draws.integer("rotate90/turns", 1, 4), 0)
    aspects = np.where(turns % 2 == 1, 1.0 / aspects, aspects)
    factor = draws.logarithmic("aspect/factor", *ranges["aspect.factor"])
    aspects = np.where(draws.happens("aspect", chance["aspect"]), aspects * factor, aspects)
    frame = np.stack([aspects, np.ones_like(aspects)], axis=1) / np.minimum(aspects, 1.0)[:, None]

    box = crop_box(draws, frame, strength, ratio=(inner[:, 2] - inner[:, 0]) / (inner[:, 3] - inner[:, 1]))
    to_frame = _fit(inner, box)
    tilted = draws.happens("perspective", chance["perspective"])
    if tilted.any():
        to_frame[tilted] = (
            _untilt(draws.subset(tilted), frame[tilted], ranges["perspective.shift"]) @ to_frame[tilted]
        )
    turned = draws.happens("rotate", chance["rotate"])
    if turned.any():
        degrees = draws.subset(turned).uniform("rotate/degrees", *ranges["rotate.degrees"])
        to_frame[turned] = _unrotate(degrees, frame[turned]) @ to_frame[turned]
    unflip = _unflip(
        turns, draws.happens("flip", chance["flip"]), draws.happens("vertical_flip", chance["vertical_flip"])
    )
    return Placement(unflip @ _diagonal(1.0 / frame) @ to_frame, to_frame, frame, inner)


def crop_box(draws: Draws, frame: Floats, strength: Strength, ratio: Floats | float = 1.0) -> Floats:
    """The part of the frame that is shown: RandomResizedCrop in the picture's true aspect.

    Up to ten boxes are drawn with uniform area and log-uniform ratio; the first that fits is taken. Where none fits:
    the largest box in the middle whose ratio is nearest that of the frame. Without the crop: the whole frame.

    Args:
        draws: of the B pictures.
        frame: ``(B, 2)``, widths and heights.
        strength: probabilities and ranges.
        ratio: ``(B,)``, width / height of where the box will be shown; the ranges are relative to it.

    Returns:
        ``(B, 4)``, left, top, right, bottom in the frame.
    """
    low, high = strength.ranges["crop.ratio"]
    area = draws.uniforms("crop/area", *strength.ranges["crop.scale"], _TRIES) * frame.prod(1)[:, None]
    ratios = np.exp(draws.uniforms("crop/ratio", np.log(low), np.log(high), _TRIES)) * np.reshape(
        ratio, (-1, 1)
    )
    widths, heights = np.sqrt(area * ratios), np.sqrt(area / ratios)
    fits = (widths <= frame[:, :1]) & (heights <= frame[:, 1:])
    first = fits.argmax(1)[:, None]
    size = np.stack([np.take_along_axis(s, first, 1)[:, 0] for s in (widths, heights)], axis=1)
    near = np.clip(frame[:, 0] / frame[:, 1], low * ratio, high * ratio)
    middle = np.stack(
        [np.minimum(frame[:, 0], frame[:, 1] * near), np.minimum(frame[:, 1], frame[:, 0] / near)], 1
    )
    found = fits.any(1)[:, None]
    size = np.where(found, size, middle)
    where = np.where(found, draws.uniforms("crop/where", 0.0, 1.0, 2), 0.5)
    start = where * (frame - size)
    box = np.concatenate([start, start + size], axis=1)
    whole = np.concatenate([np.zeros_like(frame), frame], axis=1)
    return np.where(draws.happens("crop", strength.probability["crop"])[:, None], box, whole)


def upright(maps: Floats) -> Flags:
    """Which maps ``(B, 3, 3)`` only scale, shift, flip and turn by quarters."""
    straight = (maps[:, 0, 1] == 0.0) & (maps[:, 1, 0] == 0.0)
    swapped = (maps[:, 0, 0] == 0.0) & (maps[:, 1, 1] == 0.0)
    flat = (maps[:, 2, 0] == 0.0) & (maps[:, 2, 1] == 0.0)
    return np.asarray((straight | swapped) & flat)


def view_grid(maps: Tensor, size: int) -> Tensor:
    """Where the centres of the pixels of views come from; with it a pixel can be traced to its picture.

    Args:
        maps: ``(B, 3, 3)`` of any float type, for example `Placement.to_canvas`.
        size: of the view in pixels.

    Returns:
        ``(B, size, size, 2)`` of the same type, x and y in the map's target; `FAR` beyond the horizon of a
        perspective, where there is no picture.
    """
    centres = (torch.arange(size, device=maps.device, dtype=maps.dtype) + 0.5) / size
    x, y = centres[None, None, :, None], centres[None, :, None, None]
    across, down, shift = (maps[:, None, None, :, axis] for axis in range(3))
    points = across * x + down * y + shift
    depth = points[..., 2:]
    return torch.where(depth > _NEAREST, points[..., :2] / depth.clamp(min=_NEAREST), FAR)


def box_map(box: Floats) -> Floats:
    """Maps ``(B, 3, 3)`` that take the boxes ``(B, 4)`` (left, top, right, bottom) to the unit square."""
    size = box[:, 2:] - box[:, :2]
    maps = _diagonal(1.0 / size)
    maps[:, :2, 2] = -box[:, :2] / size
    return maps


def _fit(inner: Floats, box: Floats) -> Floats:
    """Take the part `inner` of the view to the box."""
    unfit = _diagonal(box[:, 2:] - box[:, :2])
    unfit[:, :2, 2] = box[:, :2]
    return np.asarray(unfit @ box_map(inner))


def _diagonal(scale: Floats) -> Floats:
    maps = np.zeros((len(scale), 3, 3))
    maps[:, 0, 0], maps[:, 1, 1], maps[:, 2, 2] = scale[:, 0], scale[:, 1], 1.0
    return maps


def _unrotate(degrees: Floats, frame: Floats) -> Floats:
    """Undo a counter-clockwise rotation about the centre of the frame."""
    c, s = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    maps = np.zeros((len(degrees), 3, 3))
    maps[:, 0, 0], maps[:, 0, 1], maps[:, 1, 0], maps[:, 1, 1], maps[:, 2, 2] = c, -s, s, c, 1.0
    middle = frame / 2.0
    maps[:, :2, 2] = middle - np.einsum("bij,bj->bi", maps[:, :2, :2], middle)
    return maps


def _untilt(draws: Draws, frame: Floats, shift: tuple[float, float]) -> Floats:
    """Undo a perspective that moves every corner of the frame inwards by a part of its sides."""
    reach = draws.uniform("perspective/shift", *shift)[:, None, None]
    moved = draws.uniforms("perspective/corners", 0.0, 1.0, 8).reshape(-1, 4, 2) * reach
    corners = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])
    seen = corners + moved * (1.0 - 2.0 * corners)
    unit = homography(seen, np.broadcast_to(corners, seen.shape))
    return np.asarray(_diagonal(frame) @ unit @ _diagonal(1.0 / frame))


def homography(start: Floats, end: Floats) -> Floats:
    """The maps ``(B, 3, 3)`` that take four points ``(B, 4, 2)`` each to four others.

    The third coordinate is positive between the points, so that it is negative beyond the horizon.
    """
    x, y = start[..., 0], start[..., 1]
    zero, one = np.zeros_like(x), np.ones_like(x)
    rows = []
    for target, columns in (
        (end[..., 0], (x, y, one, zero, zero, zero)),
        (end[..., 1], (zero, zero, zero, x, y, one)),
    ):
        rows.append(np.stack([*columns, -target * x, -target * y], axis=-1))
    system = np.concatenate(rows, axis=1)
    right = np.concatenate([end[..., 0], end[..., 1]], axis=1)[..., None]
    solved = np.linalg.solve(system, right)[..., 0]
    maps = np.concatenate([solved, np.ones((len(solved), 1))], axis=1).reshape(-1, 3, 3)
    middle = np.concatenate([start.mean(1), np.ones((len(start), 1))], axis=1)
    return np.asarray(maps * np.sign(np.einsum("bj,bj->b", maps[:, 2], middle))[:, None, None])


def _unflip(turns: Floats, mirrored: Flags, inverted: Flags) -> Floats:
    """Undo quarter turns (counter-clockwise), then flips, in the unit square."""
    quarter = np.array(
        [
            [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
            [[0, -1, 1], [1, 0, 0], [0, 0, 1]],
            [[-1, 0, 1], [0, -1, 1], [0, 0, 1]],
            [[0, 1, 0], [-1, 0, 1], [0, 0, 1]],
        ],
        dtype=np.float64,
    )[np.asarray(turns, dtype=np.int64)]
    flips = _diagonal(np.stack([np.where(mirrored, -1.0, 1.0), np.where(inverted, -1.0, 1.0)], axis=1))
    flips[:, 0, 2], flips[:, 1, 2] = mirrored, inverted
    return np.asarray(flips @ quarter)
