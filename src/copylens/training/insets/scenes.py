"""Batches of pictures in; scenes out, many of which hold a picture, with its box.

A scene is an augmented view: a picture on a screen, alone or with others, in a collage, set into another one, under a
caption or in a border, or with another picture on top. Half of the scenes are then zoomed, turned a little or leant as
a whole, as a screenshot is that somebody edited once more. Whatever is drawn depends on the picture's number, the seed
and the epoch alone, and on which others there are in its batch.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from torch import Tensor
from torch.nn import functional

from copylens.networks.inset_detector import SIDE
from copylens.training.augment.augmenter import Augmenter
from copylens.training.augment.drawing import Draws, Floats
from copylens.training.augment.sampling import to_device
from copylens.training.augment.screens import Screens, draw_screens
from copylens.training.augment.settings import AugmentSettings, Range
from copylens.training.nouns import PictureBatch

PROBABILITY: dict[str, float] = {
    "crop": 0.6,
    "flip": 0.3,
    "vertical_flip": 0.05,
    "rotate90": 0.05,
    "aspect": 0.2,
    "text": 0.1,
    "sticker": 0.15,
    "rotate": 0.08,
    "perspective": 0.08,
    "inset": 0.3,
    "screenshot": 0.34,
    "caption": 0.08,
    "border": 0.12,
    "overlay": 0.17,
    "jitter": 0.4,
    "grey": 0.1,
    "pixelate": 0.05,
    "blur": 0.2,
    "noise": 0.12,
    "jpeg": 0.4,
}

RANGES: dict[str, Range] = {
    "crop.scale": (0.3, 1.0),
    "inset.size": (0.2, 0.85),
    "overlay.size": (0.2, 0.6),
    "overlay.opacity": (0.75, 1.0),
    "blur.radius": (0.5, 4.0),
    "noise.deviation": (0.01, 0.1),
    "jpeg.quality": (10.0, 100.0),
    "text.size": (0.05, 0.3),
    "rotate.degrees": (-20.0, 20.0),
    "perspective.shift": (0.03, 0.2),
    "jitter.brightness": (0.5, 1.6),
    "jitter.contrast": (0.4, 1.6),
}

SCREENS = (60, 60, 60, 60, 300, 200, 160)
"""Browsers, viewers, feeds, chats, desks, walls and collages."""

OTHERS = 5
"""Places for more pictures beside the one that a screen is about, at most."""

WARPED = 0.45
"""The share of scenes that are edited as a whole."""


@dataclass(frozen=True, slots=True)
class Scenes:
    """N pictures to look into.

    Attributes:
        pixels: ``(N, 3, 160, 160) float32`` in [0, 1].
        boxes: ``(N, K, 4) float32``: what is left for the picture by what surrounds it, the whole where nothing does;
            where another picture lies on top; and where others lie beside it; of no area where none does. Left, top,
            right, bottom in [0, 1].
    """

    pixels: Tensor
    boxes: Tensor


class SceneMaker:
    """Makes scenes.

    Args:
        seed: of everything that is drawn.
        screens: for screenshots; None draws `SCREENS` of its own.
    """

    def __init__(self, seed: int, *, screens: Screens | None = None) -> None:
        settings = AugmentSettings(preset="advanced", probability=PROBABILITY, ranges=RANGES)
        drawn = draw_screens(seed, SCREENS, SIDE, others=OTHERS) if screens is None else screens
        self._augmenter = Augmenter(settings, SIDE, screens=drawn)
        self._seed = seed

    def __call__(self, batch: PictureBatch, epoch: int) -> Scenes:
        """One scene of every picture."""
        made = self._augmenter.augment(batch, seed=self._seed, epoch=epoch, view=0)
        inner = np.concatenate([place.inner for place in made.places])
        boxes = np.concatenate(
            [inner[:, None], made.covered[:, None], uncovered(made.beside, made.covered)], axis=1
        )
        draws = Draws(batch.keys.cpu().numpy(), seed=self._seed, epoch=epoch, view=0)
        rows = np.flatnonzero(draws.happens("scene", WARPED))
        if len(rows):
            maps = scene_maps(draws.subset(rows))
            index = to_device(rows, made.pixels.device)
            made.pixels[index] = warp(made.pixels[index], maps, draws.subset(rows))
            boxes[rows] = warped_boxes(boxes[rows], maps)
        return Scenes(made.pixels, to_device(boxes, made.pixels.device))


def uncovered(beside: Floats, covered: Floats) -> Floats:
    """Boxes ``(n, M, 4)`` less those of which half or more is covered ``(n, 4)`` by a picture on top."""
    low = np.maximum(beside[..., :2], covered[:, None, :2])
    high = np.minimum(beside[..., 2:], covered[:, None, 2:])
    hidden = np.maximum(high - low, 0.0).prod(axis=-1)
    areas = (beside[..., 2:] - beside[..., :2]).prod(axis=-1)
    return np.where((hidden < areas / 2)[..., None], beside, 0.0)


def scene_maps(draws: Draws) -> Floats:
    """Where the points of the edited scenes lie in the scenes, both from -1 to 1: ``(n, 3, 3)``, affine."""
    near = draws.happens("scene/near", 0.6)
    zoom = np.where(near, draws.uniform("scene/closer", 0.55, 1.0), draws.uniform("scene/further", 1.0, 1.3))
    angle = np.where(draws.happens("scene/turned", 0.3), draws.uniform("scene/angle", -0.3, 0.3), 0.0)
    lean = np.where(draws.happens("scene/leant", 0.25), draws.uniform("scene/lean", -0.3, 0.3), 0.0)
    aspect = draws.logarithmic("scene/aspect", 0.86, 1.16)
    mirror = np.where(draws.happens("scene/mirror", 0.3), -1.0, 1.0)
    room = np.maximum(1.0 - zoom, 0.0)[:, None] * draws.uniforms("scene/where", -1.0, 1.0, 2)
    maps = np.zeros((len(draws), 3, 3))
    maps[:, 0, 0], maps[:, 0, 1] = np.cos(angle) * zoom * mirror * aspect, (lean - np.sin(angle)) * zoom
    maps[:, 1, 0], maps[:, 1, 1] = np.sin(angle) * zoom * mirror, np.cos(angle) * zoom / aspect
    maps[:, :2, 2], maps[:, 2, 2] = room, 1.0
    return maps


def warp(pixels: Tensor, maps: Floats, draws: Draws) -> Tensor:
    """Edit whole scenes ``(n, 3, S, S)``; beside them is black, or a grey of their own."""
    grey = np.where(draws.happens("scene/black", 0.5), 0.0, draws.uniform("scene/grey"))
    around = to_device(grey, pixels.device)[:, None, None, None]
    points = functional.affine_grid(
        to_device(maps[:, :2], pixels.device), list(pixels.shape), align_corners=False
    )
    seen = functional.grid_sample(pixels - around, points, align_corners=False)
    return (seen + around).clamp_(0.0, 1.0)


def warped_boxes(boxes: Floats, maps: Floats) -> Floats:
    """The upright boxes around what has become of boxes ``(n, K, 4)`` in edited scenes."""
    back = np.linalg.inv(maps)
    corners = [np.stack([boxes[..., x], boxes[..., y]], axis=-1) for x in (0, 2) for y in (1, 3)]
    points = np.stack(corners, axis=2) * 2.0 - 1.0
    moved = np.einsum("nij,nkcj->nkci", back[:, :2, :2], points) + back[:, None, None, :2, 2]
    moved = (moved + 1.0) / 2.0
    around = np.concatenate([moved.min(axis=2), moved.max(axis=2)], axis=-1)
    empty = (boxes[..., 2:] - boxes[..., :2]).prod(axis=-1) <= 0.0
    return np.where(empty[..., None], 0.0, np.clip(around, 0.0, 1.0))
