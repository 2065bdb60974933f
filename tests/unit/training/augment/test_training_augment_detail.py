"""Blur, pixelation and noise against slow twins and their own statistics; JPEG against Pillow's."""

from __future__ import annotations

import io
import math

import numpy as np
import pytest
import torch
from PIL import Image, ImageFilter

from copylens.training.augment.detail import add_noise, blur, pixelate
from copylens.training.augment.jpeg import jpeg
from generated_pictures import random_picture
from picture_batches import picture_batch


def views(count: int = 3, side: int = 32) -> torch.Tensor:
    return picture_batch(count, side=side).pixels.float() / 255.0


def naive_blur(line: list[float], radius: float) -> list[float]:
    reach = math.ceil(3 * radius) + 2
    weights = [math.exp(-0.5 * (k / radius) ** 2) for k in range(-reach, reach + 1)]
    last = len(line) - 1
    return [
        sum(w * line[min(max(x + k - reach, 0), last)] for k, w in enumerate(weights)) / sum(weights)
        for x in range(len(line))
    ]


def test_blur_is_a_gaussian_along_both_axes_with_its_edge_going_on() -> None:
    pixels, radii = views(3, 20), [0.1, 0.8, 3.0]
    blurred = blur(pixels, torch.tensor(radii), largest=3.0)
    for row, picture, radius in zip(blurred, pixels, radii, strict=True):
        for channel, twin in zip(row, picture.numpy(), strict=True):
            lines = np.array([naive_blur(list(line), radius) for line in twin])
            lines = np.array([naive_blur(list(line), radius) for line in lines.T]).T
            assert np.abs(channel.numpy() - lines).max() < 3e-3


def test_the_radius_is_pillows() -> None:
    pixels = views(4, 64)
    blurred = blur(pixels, torch.full((4,), 2.0), largest=2.0)
    for row, picture in zip(blurred, pixels, strict=True):
        image = Image.fromarray((picture * 255).round().byte().permute(1, 2, 0).numpy())
        twin = np.asarray(image.filter(ImageFilter.GaussianBlur(2.0))) / 255.0
        # Pillow's is three box blurs.
        difference = np.abs(row.permute(1, 2, 0).numpy() - twin)
        assert difference.mean() < 0.005
        assert difference.max() < 0.03


def test_a_larger_bound_changes_nothing() -> None:
    pixels, radii = views(), torch.tensor([0.3, 1.0, 2.0])
    assert torch.allclose(blur(pixels, radii, largest=2.0), blur(pixels, radii, largest=9.0), atol=3e-3)


@pytest.mark.parametrize("cells", [1, 3, 7, 32, 50])
def test_pixelation_is_the_mean_of_every_cell(cells: int) -> None:
    pixels, side = views(2), 32
    seen = pixelate(pixels, torch.tensor([cells, cells]))
    cell = [x * cells // side for x in range(side)]
    twin = torch.empty_like(pixels)
    for y in range(side):
        for x in range(side):
            ys = [k for k in range(side) if cell[k] == cell[y]]
            xs = [k for k in range(side) if cell[k] == cell[x]]
            twin[:, :, y, x] = pixels[:, :, ys][:, :, :, xs].mean((2, 3))
    assert torch.allclose(seen, twin, atol=1e-5)


def test_noise_is_normal_and_its_own_for_every_view() -> None:
    pixels = torch.full((2, 3, 96, 96), 0.5)
    words, deviation = torch.tensor([5, -(2**62)]), torch.tensor([0.05, 0.1])
    noise = add_noise(pixels, words, deviation) - 0.5
    for row, wanted in zip(noise, (0.05, 0.1), strict=True):
        assert abs(float(row.mean())) < 0.003
        assert abs(float(row.std()) / wanted - 1.0) < 0.02
        assert abs(float((row.abs() < wanted).float().mean()) - 0.6827) < 0.01
    assert abs(np.corrcoef(noise[0].flatten(), noise[1].flatten())[0, 1]) < 0.02
    assert abs(np.corrcoef(noise[0, 0].flatten(), noise[0, 1].flatten())[0, 1]) < 0.03
    again = add_noise(pixels[1:], words[1:], deviation[1:])
    assert torch.equal(again[0] - 0.5, noise[1])


def decibels(one: np.ndarray, other: np.ndarray) -> float:
    return -10.0 * math.log10(max(float(((one - other) ** 2).mean()), 1e-12))


@pytest.mark.parametrize("size", [64, 90])
@pytest.mark.parametrize("quality", [0, 1, 5, 20, 50, 75, 90, 100])
def test_jpeg_is_pillows(quality: int, size: int) -> None:
    image = random_picture(quality, (size, size))
    grain = np.random.default_rng(0).integers(-12, 13, (size, size, 3))
    values = np.clip(np.asarray(image).astype(int) + grain, 0, 255).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(values).save(file, "JPEG", quality=quality, subsampling="4:2:0")
    twin = np.asarray(Image.open(file)) / 255.0
    pixels = torch.from_numpy(values.copy()).permute(2, 0, 1)[None].float() / 255.0
    ours = jpeg(pixels, torch.tensor([float(quality)]))[0].permute(1, 2, 0).numpy()
    assert decibels(ours, twin) > 36.0
    # And it is nearer to Pillow's than the picture is, wherever JPEG loses much.
    assert quality >= 90 or decibels(ours, twin) > decibels(values / 255.0, twin) + 6.0


def test_jpeg_has_a_quality_for_every_view() -> None:
    pixels, quality = views(3, 48), torch.tensor([3.0, 40.0, 95.0])
    together = jpeg(pixels, quality)
    for row in range(3):
        alone = jpeg(pixels[row : row + 1], quality[row : row + 1])
        assert torch.allclose(together[row], alone[0], atol=1.5 / 255.0)
    errors = (together - pixels).square().mean((1, 2, 3)).tolist()
    assert errors == sorted(errors, reverse=True)
