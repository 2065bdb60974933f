"""Encoded pictures in; views in batches, made one by one with Pillow in data-loader workers, out.

How SSCD's original training prepares its views: every worker process decodes a picture at its full size and puts each
view through a list of transforms, one picture at a time. Written here with Pillow and NumPy, for comparison only. Where
there was a choice, the quicker one was taken: a picture is decoded once for both views, and stickers lie in memory.
"""

from __future__ import annotations

import io
import random
import string
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageFont, ImageOps
from torch.utils.data import DataLoader, Dataset, RandomSampler

from copylens.training.augment import AugmentSettings
from copylens.training.augment.settings import Strength
from copylens.training.augment.stickers import sticker_atlas
from copylens.training.data import PictureSource

Picture: TypeAlias = Image.Image

PRESETS = ("simclr", "strong_blur", "advanced")
REFERENCE_SIZE = 224
"""Blur radii are of views of this size, as CopyLens's are."""


@dataclass(frozen=True)
class PillowViews:
    """The transforms of a preset, in the paper's order; probabilities and ranges are CopyLens's.

    Attributes:
        strength: of the preset.
        size: of the views.
        stickers: with transparency.
    """

    strength: Strength
    size: int
    stickers: tuple[Picture, ...]

    @classmethod
    def of(cls, settings: AugmentSettings, size: int) -> PillowViews:
        """Take over a preset that the paper has."""
        return cls(settings.strength(0), size, stickers())

    def __call__(self, picture: Picture, chance: random.Random) -> Picture:
        """Make one view."""
        steps: tuple[tuple[str, Callable[[Picture, random.Random], Picture]], ...] = (
            ("flip", lambda image, _: ImageOps.mirror(image)),
            ("rotate90", lambda image, draw: image.rotate(draw.choice((90, 180, 270)), expand=True)),
            ("text", self._text),
            ("sticker", self._sticker),
            ("rotate", lambda image, draw: image.rotate(draw.uniform(0, 359), Image.Resampling.BILINEAR)),
            ("crop", self._crop),
            ("jitter", self._jitter),
            ("grey", lambda image, _: image.convert("L").convert("RGB")),
            ("blur", self._blur),
            ("jpeg", self._jpeg),
        )
        for name, step in steps:
            if chance.random() < self.strength.probability[name]:
                picture = step(picture, chance)
        return picture

    def _draw(self, chance: random.Random, name: str) -> float:
        return chance.uniform(*self.strength.ranges[name])

    def _text(self, picture: Picture, chance: random.Random) -> Picture:
        size = max(4.0, self._draw(chance, "text.size") * min(picture.size))
        words = "".join(chance.choices(string.ascii_letters + string.digits + " ", k=chance.randint(5, 20)))
        colour = tuple(chance.randrange(256) for _ in range(3))
        opacity = round(255 * self._draw(chance, "text.opacity"))
        place = (chance.random() * picture.width, chance.random() * picture.height)
        layer = Image.new("RGBA", picture.size)
        ImageDraw.Draw(layer).text(place, words, (*colour, opacity), ImageFont.load_default(size))
        return Image.alpha_composite(picture.convert("RGBA"), layer).convert("RGB")

    def _sticker(self, picture: Picture, chance: random.Random) -> Picture:
        side = max(4, round(self._draw(chance, "sticker.size") * min(picture.size)))
        sticker = chance.choice(self.stickers).resize((side, side), Image.Resampling.BILINEAR)
        opacity = self._draw(chance, "sticker.opacity")
        mask = sticker.getchannel("A").point(lambda value: round(value * opacity))
        place = (int(chance.random() * picture.width), int(chance.random() * picture.height))
        picture = picture.copy()
        picture.paste(sticker.convert("RGB"), place, mask)
        return picture

    def _crop(self, picture: Picture, chance: random.Random) -> Picture:
        """A crop of random area and shape, ten tries, then the middle; resized to the view."""
        width, height = picture.size
        for _ in range(10):
            area = self._draw(chance, "crop.scale") * width * height
            low, high = np.log(self.strength.ranges["crop.ratio"])
            ratio = float(np.exp(chance.uniform(low, high)))
            w, h = round((area * ratio) ** 0.5), round((area / ratio) ** 0.5)
            if 0 < w <= width and 0 < h <= height:
                left, top = chance.randint(0, width - w), chance.randint(0, height - h)
                break
        else:
            w = h = min(width, height)
            left, top = (width - w) // 2, (height - h) // 2
        box = (left, top, left + w, top + h)
        return picture.resize((self.size, self.size), Image.Resampling.BILINEAR, box)

    def _jitter(self, picture: Picture, chance: random.Random) -> Picture:
        names = ["brightness", "contrast", "saturation", "hue"]
        chance.shuffle(names)
        enhancers: dict[str, Any] = {
            "brightness": ImageEnhance.Brightness,
            "contrast": ImageEnhance.Contrast,
            "saturation": ImageEnhance.Color,
        }
        for name in names:
            value = self._draw(chance, f"jitter.{name}")
            picture = enhancers[name](picture).enhance(value) if name != "hue" else turn_hue(picture, value)
        return picture

    def _blur(self, picture: Picture, chance: random.Random) -> Picture:
        radius = self._draw(chance, "blur.radius") * self.size / REFERENCE_SIZE
        return picture.filter(ImageFilter.GaussianBlur(radius))

    def _jpeg(self, picture: Picture, chance: random.Random) -> Picture:
        file = io.BytesIO()
        picture.save(file, "JPEG", quality=round(self._draw(chance, "jpeg.quality")))
        with Image.open(file) as image:
            return image.convert("RGB")


def stickers() -> tuple[Picture, ...]:
    """The stickers of the batched augmentation as pictures."""
    drawings = sticker_atlas().levels[0].permute(0, 2, 3, 1).contiguous().numpy()
    # The fourth channel makes it premultiplied; Pillow divides.
    return tuple(
        Image.frombytes("RGBa", drawing.shape[1::-1], drawing.tobytes()).convert("RGBA")
        for drawing in drawings
    )


def turn_hue(picture: Picture, share: float) -> Picture:
    """Turn every hue by a share of the circle."""
    hue, saturation, value = picture.convert("HSV").split()
    turned = np.asarray(hue) + np.uint8(round(share * 255) % 256)
    return Image.merge("HSV", (Image.fromarray(turned), saturation, value)).convert("RGB")


class ViewPairs(Dataset[tuple[torch.Tensor, int]]):
    """Two views of a picture, normalised, by number; draws follow from the seed and how often it was asked.

    Args:
        source: of the pictures.
        views: the transforms.
        mean, deviation: of the network.
        seed: of the draws.
    """

    def __init__(
        self,
        source: PictureSource,
        views: PillowViews,
        *,
        mean: tuple[float, ...],
        deviation: tuple[float, ...],
        seed: int = 0,
    ) -> None:
        self._source, self._views, self._seed = source, views, seed
        self._mean, self._deviation = np.array(mean, np.float32), np.array(deviation, np.float32)
        self._asked = 0

    def __len__(self) -> int:
        return len(self._source)

    def __getitem__(self, number: int) -> tuple[torch.Tensor, int]:
        """``(2, 3, S, S) float32`` and the number."""
        self._asked += 1
        chance = random.Random(f"{self._seed}/{number}/{self._asked}")  # noqa: S311 - augmentation
        with Image.open(io.BytesIO(self._source.read(number))) as image:
            picture = image.convert("RGB")
        pair = np.stack([np.asarray(self._views(picture, chance), np.float32) for _ in range(2)])
        pair = (pair / 255.0 - self._mean) / self._deviation
        return torch.from_numpy(np.ascontiguousarray(pair.transpose(0, 3, 1, 2))), number


def original_loader(
    pairs: ViewPairs, *, batch: int, batches: int, workers: int, pinned: bool
) -> DataLoader[tuple[torch.Tensor, int]]:
    """The data loader of PyTorch over pairs, drawn with replacement; its workers stay between passes.

    Returns:
        Gives ``(batch, 2, 3, S, S) float32`` and ``(batch,) int64``, `batches` times a pass.
    """
    sampler = RandomSampler(pairs, replacement=True, num_samples=batch * batches)
    return DataLoader(
        pairs,
        batch_size=batch,
        sampler=sampler,
        num_workers=workers,
        persistent_workers=workers > 0,
        pin_memory=pinned,
    )
