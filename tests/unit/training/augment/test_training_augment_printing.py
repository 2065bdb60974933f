"""Stripes, few tones and smears against twins that go pixel by pixel, and against what they promise."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from copylens.training.augment.detail import grain
from copylens.training.augment.printing import dots, halftone, smear, stripes
from picture_batches import picture_batch

SIDE = 24


def views(count: int = 3, side: int = SIDE) -> torch.Tensor:
    return picture_batch(count, side=side).pixels.float() / 255.0


def flat(value: float, count: int = 1, side: int = 128) -> torch.Tensor:
    return torch.full((count, 3, side, side), value)


def numbers(*values: float) -> torch.Tensor:
    return torch.tensor(values)


def test_stripes_are_bars_of_one_colour_with_soft_edges() -> None:
    pixels, angles, counts, shares = views(), [0.0, 0.7, 2.6], [2.0, 5.0, 3.0], [0.5, 0.2, 0.4]
    colours = torch.rand(3, 3, generator=torch.Generator().manual_seed(0))
    seen = stripes(pixels, numbers(*angles), numbers(*counts), numbers(*shares), colours)
    places = [(k + 0.5) / SIDE for k in range(SIDE)]
    for row, picture, angle, count, share, colour in zip(
        seen, pixels, angles, counts, shares, colours, strict=True
    ):
        along = [[x * math.sin(angle) + y * math.cos(angle) for x in places] for y in places]
        low, high = min(map(min, along)), max(map(max, along))
        period = (high - low) / count
        for y in range(SIDE):
            for x in range(SIDE):
                place = (along[y][x] - low) / period % 1.0
                inside = min(max((share / 2 - abs(place - 0.5)) * period * SIDE + 0.5, 0.0), 1.0)
                twin = picture[:, y, x] * (1.0 - inside) + colour * inside
                assert torch.allclose(row[:, y, x], twin, atol=2e-3)


@pytest.mark.parametrize("share", [0.0, 0.15, 0.5, 0.9])
def test_stripes_hide_the_share_that_was_said(share: float) -> None:
    angles = torch.linspace(0.0, math.pi, 7)
    some = (numbers(*[4.0] * 7), numbers(*[share] * 7), torch.ones(7, 3))
    hidden = stripes(flat(0.0, 7), angles, *some).mean((1, 2, 3))
    # Bars of slanted stripes are of different lengths.
    assert (hidden - share).abs().max() < 0.06


def test_level_stripes_are_level() -> None:
    seen = stripes(views(1), numbers(0.0), numbers(3.0), numbers(0.4), torch.zeros(1, 3))
    dark = (seen[0] == 0.0).all(0)
    assert dark.any()
    assert (dark.all(1) == dark.any(1)).all()


@pytest.mark.parametrize("tones", [2.0, 3.0, 7.0])
@pytest.mark.parametrize("coloured", [True, False])
def test_halftones_have_few_tones_and_round_by_their_threshold(tones: float, coloured: bool) -> None:
    pixels, threshold = views(2), grain(torch.tensor([3, 4]), SIDE)
    seen = halftone(pixels, threshold, numbers(tones, tones), torch.tensor([coloured, coloured]))
    levels = np.arange(tones) / (tones - 1)
    assert np.abs(seen.numpy()[..., None] - levels).min(-1).max() < 1e-6
    for row, picture, limits in zip(seen, pixels, threshold, strict=True):
        for y in range(0, SIDE, 5):
            for x in range(0, SIDE, 5):
                for channel in range(3):
                    value = float(picture[channel, y, x] if coloured else picture[:, y, x].mean())
                    twin = math.floor(value * (tones - 1) + float(limits[0, y, x])) / (tones - 1)
                    assert float(row[channel, y, x]) == pytest.approx(min(twin, 1.0), abs=1e-6)


@pytest.mark.parametrize("value", [0.0, 0.1, 0.37, 0.5, 0.9, 1.0])
def test_a_halftone_is_as_bright_as_the_picture(value: float) -> None:
    one = numbers(1.0)
    for threshold in (grain(torch.tensor([9]), 128), dots(0.4 * one, 5.3 * one, 128)):
        seen = halftone(flat(value), threshold, numbers(2.0), torch.tensor([True]))
        assert abs(float(seen.mean()) - value) < 0.03
        assert ((seen == 0.0) | (seen == 1.0)).all()


def test_thresholds_are_evenly_spread_and_dots_repeat() -> None:
    for threshold in (grain(torch.tensor([-5]), 128), dots(numbers(0.3), numbers(6.7), 128)):
        assert threshold.shape == (1, 1, 128, 128)
        assert threshold.min() >= 0.0
        assert threshold.max() < 1.0
        share = torch.histc(threshold, 10, 0.0, 1.0) / threshold.numel()
        assert (share - 0.1).abs().max() < 0.02
    upright = dots(numbers(0.0), numbers(8.0), 64)[0, 0]
    assert torch.allclose(upright[8:], upright[:-8], atol=1e-3)
    assert torch.allclose(upright[:, 8:], upright[:, :-8], atol=1e-3)
    assert not torch.allclose(upright[4:], upright[:-4], atol=0.1)


def naive_smear(picture: np.ndarray, angle: float, length: float, points: int = 33) -> np.ndarray:
    """Every pixel the mean of points along a line through it, bilinear, the edge going on."""
    side = picture.shape[-1]
    out = np.zeros_like(picture)
    for k in range(points):
        step = (k / (points - 1) - 0.5) * length
        shift_x, shift_y = step * math.cos(angle), step * math.sin(angle)
        for y in range(side):
            for x in range(side):
                left, top = math.floor(x + shift_x), math.floor(y + shift_y)
                for column, row in ((left, top), (left + 1, top), (left, top + 1), (left + 1, top + 1)):
                    weight = (1 - abs(x + shift_x - column)) * (1 - abs(y + shift_y - row))
                    inside = picture[:, min(max(row, 0), side - 1), min(max(column, 0), side - 1)]
                    out[:, y, x] += weight * inside / points
    return out


def test_a_smear_is_the_mean_along_a_line() -> None:
    pixels, angles, lengths = views(3, 16), [0.0, 0.6, 2.1], [6.0, 3.3, 0.5]
    seen = smear(pixels, numbers(*angles), numbers(*lengths), largest=6.0)
    for row, picture, angle, length in zip(seen, pixels, angles, lengths, strict=True):
        assert np.abs(row.numpy() - naive_smear(picture.numpy(), angle, length)).max() < 2e-3


def test_a_smear_of_no_length_or_of_a_larger_bound_changes_nothing() -> None:
    pixels, angles = views(), numbers(0.1, 1.0, 3.0)
    assert torch.allclose(smear(pixels, angles, torch.zeros(3), largest=0.0), pixels, atol=1e-6)
    lengths = numbers(2.0, 5.0, 1.0)
    tight, wide = (smear(pixels, angles, lengths, largest=largest) for largest in (5.0, 17.0))
    assert torch.allclose(tight, wide, atol=1e-5)


def test_grain_is_even_and_its_own_for_every_view() -> None:
    numbers_of = grain(torch.tensor([1, 2, 1]), 64)
    assert torch.equal(numbers_of[0], numbers_of[2])
    assert abs(np.corrcoef(numbers_of[0].flatten(), numbers_of[1].flatten())[0, 1]) < 0.05
    assert abs(np.corrcoef(numbers_of[0, 0, 1:].flatten(), numbers_of[0, 0, :-1].flatten())[0, 1]) < 0.05
