"""Jitter and grey against twins that do one pixel or one picture at a time."""

from __future__ import annotations

import colorsys

import numpy as np
import pytest
import torch
from PIL import Image, ImageEnhance

from copylens.training.augment.colours import (
    JITTERS,
    brightness,
    contrast,
    grey_of,
    hue,
    jitter,
    make_grey,
    saturation,
)
from copylens.training.augment.drawing import Draws
from copylens.training.augment.settings import RANGES
from picture_batches import picture_batch

CHANGES = {"brightness": brightness, "contrast": contrast, "saturation": saturation, "hue": hue}


def views(count: int = 6, side: int = 24) -> torch.Tensor:
    return picture_batch(count, side=side).pixels.float() / 255.0


@pytest.mark.parametrize(
    ("change", "enhancer"),
    [
        (brightness, ImageEnhance.Brightness),
        (contrast, ImageEnhance.Contrast),
        (saturation, ImageEnhance.Color),
    ],
)
def test_factors_act_as_pillows_enhancers(change, enhancer) -> None:  # type: ignore[no-untyped-def]
    pixels, amounts = views(), torch.linspace(0.2, 1.8, 6)
    changed = change(pixels, amounts)
    for row, picture, amount in zip(changed, pixels, amounts, strict=True):
        image = Image.fromarray((picture * 255).round().byte().permute(1, 2, 0).numpy())
        twin = np.asarray(enhancer(image).enhance(float(amount))) / 255.0
        # Pillow's greys and means are whole numbers.
        assert np.abs(row.permute(1, 2, 0).numpy() - twin).max() < 3.0 / 255.0


def test_hue_turns_as_colorsys_does() -> None:
    pixels = torch.cat([views(5, 12), torch.zeros(1, 3, 12, 12), torch.full((1, 3, 12, 12), 0.4)])
    amounts = torch.tensor([-0.5, -0.2, 0.0, 0.13, 0.5, 0.3, -0.3])
    changed = hue(pixels, amounts)
    for n, amount in enumerate(amounts.tolist()):
        for y in range(12):
            for x in range(12):
                h, s, v = colorsys.rgb_to_hsv(*pixels[n, :, y, x].tolist())
                twin = colorsys.hsv_to_rgb((h + amount) % 1.0, s, v)
                assert changed[n, :, y, x].tolist() == pytest.approx(twin, abs=1e-5)


def test_grey_has_equal_channels_and_the_eyes_weights() -> None:
    pixels = views()
    grey = make_grey(pixels)
    assert torch.equal(grey[:, 0], grey[:, 1])
    assert torch.equal(grey[:, 0], grey[:, 2])
    twin = 0.2989 * pixels[:, 0] + 0.587 * pixels[:, 1] + 0.114 * pixels[:, 2]
    assert torch.allclose(grey[:, 0], twin, atol=1e-6)


def test_neutral_amounts_change_nothing() -> None:
    pixels = views()
    for name, change in CHANGES.items():
        neutral = torch.full((len(pixels),), 0.0 if name == "hue" else 1.0)
        assert torch.allclose(change(pixels, neutral), pixels, atol=1e-6)


def test_jitter_is_the_four_changes_in_the_drawn_order() -> None:
    count = 40
    pixels = views(count)
    draws = Draws(np.arange(count, dtype=np.int64), seed=3, epoch=0, view=0)
    ranges = {name: RANGES[f"jitter.{name}"] for name in JITTERS}
    changed = jitter(pixels.clone(), draws, ranges)
    order = draws.order("jitter/order", 4)
    assert len(np.unique(order, axis=0)) > 12
    for row in range(count):
        twin = pixels[row : row + 1]
        for number in order[row]:
            name = JITTERS[number]
            amount = draws.uniform(f"jitter/{name}", *ranges[name])[row]
            twin = CHANGES[name](twin, torch.tensor([amount], dtype=torch.float32))
        assert torch.allclose(changed[row], twin[0], atol=1e-5)
    assert changed.min() >= 0.0
    assert changed.max() <= 1.0


def test_contrast_keeps_the_mean_brightness() -> None:
    pixels = views() * 0.2 + 0.4
    changed = contrast(pixels, torch.full((6,), 1.5))
    assert torch.allclose(grey_of(changed).mean((1, 2, 3)), grey_of(pixels).mean((1, 2, 3)), atol=1e-4)
