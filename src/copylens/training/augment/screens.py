"""Nothing in, drawn screens out: what surrounds a picture in a browser, a viewer, a feed or a chat; the hole for it.

Places for more pictures beside it are known, too, for those who want to fill them.
"""

from __future__ import annotations

import functools
import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image, ImageDraw
from torch import Tensor
from torch.nn import functional

from copylens.training.augment.drawing import Floats, Integers
from copylens.training.augment.screen_shapes import SHAPES, SIDE, Box, look_of


@dataclass(frozen=True, slots=True, eq=False)
class Screens:
    """K drawn screens, each with a hole for a picture.

    Attributes:
        sheets: ``(K, 3, S, S) uint8``, since they stay in memory.
        holes: ``(K, 4) float64``, where they show the picture: left, top, right, bottom in parts of the view.
        others: ``(K, M, 4) float64``, where they may show other pictures; of no area where there is no place.
    """

    sheets: Tensor
    holes: Floats
    others: Floats

    def __len__(self) -> int:
        """K."""
        return len(self.holes)


def draw_screens(seed: int, counts: Sequence[int], side: int = SIDE, *, others: int = 0) -> Screens:
    """Draw screens; the same seed and counts draw the same.

    Args:
        seed: of what is on them.
        counts: how many browsers, viewers, feeds, chats, desks, walls and collages; what is not said is none.
        side: in pixels.
        others: M, for how many pictures beside the one there may be places.
    """
    chance = random.Random(seed)  # noqa: S311 - a fixed set of screens
    sheets: list[npt.NDArray[np.uint8]] = []
    holes: list[Box] = []
    beside = np.zeros((sum(counts), others, 4))
    for shape, count in zip(SHAPES, counts, strict=False):
        for number in range(count):
            look = look_of(chance, light=number % 2 == 0)
            image = Image.new("RGB", (SIDE, SIDE), look.page)
            hole, *places = shape(ImageDraw.Draw(image), look, chance)
            for place, box in zip(beside[len(holes)], places, strict=False):
                place[:] = box
            holes.append(hole)
            small = image if side == SIDE else image.resize((side, side), Image.Resampling.BILINEAR)
            sheets.append(np.asarray(small))
    return Screens(torch.from_numpy(np.stack(sheets)).permute(0, 3, 1, 2), np.array(holes), beside)


@functools.lru_cache(maxsize=1)
def usual_screens() -> Screens:
    """Those of the augmentation, 512 pixels wide."""
    return draw_screens(20220617, (4, 4, 4, 4, 32))


def screen_views(screens: Screens, which: Integers, size: int, device: torch.device) -> Tensor:
    """Some screens as views, ``(n, 3, size, size) float32`` in [0, 1].

    Args:
        screens: all of them.
        which: ``(n,) int64``, numbers of those that are wanted.
        size: of the views in pixels.
        device: of the result.
    """
    if screens.sheets.shape[-1] == size:
        return screens.sheets[torch.from_numpy(which)].to(device).float() / 255.0
    return _resized(screens, size, device)[torch.from_numpy(which).to(device)]


@functools.lru_cache(maxsize=4)
def _resized(screens: Screens, size: int, device: torch.device) -> Tensor:
    """All of them, ``(K, 3, size, size) float32``."""
    pixels = [
        functional.interpolate(
            sheet[None].float() / 255.0, (size, size), mode="bilinear", antialias=True, align_corners=False
        )
        for sheet in screens.sheets
    ]
    return torch.cat(pixels).clamp_(0.0, 1.0).to(device)
