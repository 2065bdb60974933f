"""Crops, flips, turns and perspectives against slow twins that do one picture at a time."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from PIL import Image

from copylens.training.augment import Augmenter, view_grid
from copylens.training.augment.drawing import Draws, Floats
from copylens.training.augment.geometry import FAR, Placement, crop_box, homography, place, upright
from copylens.training.augment.sampling import resample
from copylens.training.augment.settings import AugmentSettings, Range, only
from picture_batches import picture_batch

WHOLE = np.array([0.0, 0.0, 1.0, 1.0])
N = 10_000


def draws_of(count: int, *, epoch: int = 0) -> Draws:
    return Draws(np.arange(count, dtype=np.int64), seed=0, epoch=epoch, view=1)


def placed(settings: AugmentSettings, aspects: Floats) -> Placement:
    return place(draws_of(len(aspects)), aspects, settings.strength(1), np.tile(WHOLE, (len(aspects), 1)))


def naive_crop(
    width: float, height: float, areas: Floats, ratios: Floats, where: Floats
) -> tuple[float, ...]:
    """RandomResizedCrop's rule, one picture, from given draws."""
    for area, ratio in zip(areas, ratios, strict=True):
        w, h = math.sqrt(area * width * height * ratio), math.sqrt(area * width * height / ratio)
        if w <= width and h <= height:
            left, top = where[0] * (width - w), where[1] * (height - h)
            return left, top, left + w, top + h
    if width / height < 3 / 4:
        w, h = width, width / (3 / 4)
    elif width / height > 4 / 3:
        w, h = height * (4 / 3), height
    else:
        w, h = width, height
    return (width - w) / 2, (height - h) / 2, (width + w) / 2, (height + h) / 2


@pytest.mark.parametrize("scale", [(0.08, 1.0), (0.9, 1.0)], ids=["usual", "seldom fits"])
def test_crops_are_those_of_the_naive_rule(scale: Range) -> None:
    count = 400
    aspects = np.exp(np.random.default_rng(0).uniform(-1.2, 1.2, count))
    frame = np.stack([aspects, np.ones(count)], axis=1) / np.minimum(aspects, 1.0)[:, None]
    strength, draws = only("crop", ranges={"crop.scale": scale}).strength(0), draws_of(count)
    boxes = crop_box(draws, frame, strength)
    areas = draws.uniforms("crop/area", *scale, 10)
    ratios = np.exp(draws.uniforms("crop/ratio", math.log(3 / 4), math.log(4 / 3), 10))
    where = draws.uniforms("crop/where", 0.0, 1.0, 2)
    for row in range(count):
        twin = naive_crop(frame[row, 0], frame[row, 1], areas[row], ratios[row], where[row])
        assert boxes[row] == pytest.approx(twin, abs=1e-9)


def test_crops_of_squares_have_the_areas_and_ratios_of_the_recipe() -> None:
    boxes = crop_box(draws_of(N), np.ones((N, 2)), only("crop").strength(0))
    sides = boxes[:, 2:] - boxes[:, :2]
    areas, ratios = sides.prod(1), np.log(sides[:, 0] / sides[:, 1])
    assert boxes.min() >= 0.0
    assert boxes.max() <= 1.0 + 1e-12
    assert areas.min() >= 0.08
    # Large boxes of other ratios do not fit, which lowers the mean from 0.54.
    assert 0.45 < areas.mean() < 0.54
    assert abs(np.median(ratios)) < 0.01
    assert np.abs(ratios).max() <= math.log(4 / 3) + 1e-9
    centres = (boxes[:, 2:] + boxes[:, :2]) / 2.0
    assert np.abs(centres.mean(0) - 0.5).max() < 0.01


@pytest.mark.parametrize("size", [24, 64, 100])
def test_crops_look_as_pillow_resizes_the_box(size: int) -> None:
    batch = picture_batch(8, side=96)
    settings = only("crop")
    views = Augmenter(settings, size)(batch, seed=0, epoch=0, view=1)
    place_ = placed(settings, batch.aspects.double().numpy())
    for row, view in enumerate(views):
        start, end = (place_.to_canvas[row] @ np.array(corner) for corner in ((0, 0, 1), (1, 1, 1)))
        box = tuple(np.clip(96 * np.concatenate([start[:2], end[:2]]), 0, 96))
        picture = Image.fromarray(batch.pixels[row].permute(1, 2, 0).numpy())
        twin = np.asarray(picture.resize((size, size), Image.Resampling.BILINEAR, box=box)) / 255.0
        # Pillow rounds to whole numbers after each axis.
        assert np.abs(view.permute(1, 2, 0).numpy() - twin).max() < 2.0 / 255.0


def test_a_crop_keeps_the_shapes_of_the_picture() -> None:
    """A pixel of the view is as wide as it is high, in the picture's own units, up to the drawn ratio."""
    aspects = np.full(200, 3.0)
    place_ = placed(only("crop", ranges={"crop.ratio": (1.0, 1.0)}), aspects)
    width, height = place_.to_canvas[:, 0, 0] * 3.0, place_.to_canvas[:, 1, 1]
    assert width == pytest.approx(height)


def test_without_operators_the_whole_picture_is_resized() -> None:
    batch = picture_batch(5, side=80)
    for size in (32, 80, 128):
        view = Augmenter(AugmentSettings(probability=dict.fromkeys(only("flip").probability, 0.0)), size)(
            batch, seed=0, epoch=0, view=0
        )
        twin = torch.nn.functional.interpolate(
            batch.pixels.float() / 255.0, (size, size), mode="bilinear", antialias=True
        )
        assert torch.allclose(view, twin, atol=2e-5)


@pytest.mark.parametrize(("operator", "axis"), [("flip", 3), ("vertical_flip", 2)])
def test_flips_are_exact(operator: str, axis: int) -> None:
    batch = picture_batch(6, side=48)
    view = Augmenter(only(operator), 48)(batch, seed=0, epoch=0, view=0)
    assert torch.allclose(view, batch.pixels.flip(axis).float() / 255.0, atol=1e-6)


def test_quarter_turns_are_exact_and_all_come() -> None:
    batch = picture_batch(40, side=32)
    view = Augmenter(only("rotate90"), 32)(batch, seed=0, epoch=0, view=0)
    seen = set()
    for row, picture in zip(view, batch.pixels, strict=True):
        turns = [
            k
            for k in range(4)
            if torch.allclose(row, torch.rot90(picture, k, (1, 2)).float() / 255.0, atol=1e-6)
        ]
        assert len(turns) == 1
        seen.add(turns[0])
    assert seen == {1, 2, 3}


def test_flips_come_before_quarter_turns() -> None:
    batch = picture_batch(12, side=32)
    settings = AugmentSettings(probability={**only("flip").probability, "rotate90": 1.0})
    view = Augmenter(settings, 32)(batch, seed=0, epoch=0, view=0)
    turns = Draws(batch.keys.numpy(), seed=0, epoch=0, view=0).integer("rotate90/turns", 1, 4)
    for row, picture, k in zip(view, batch.pixels, turns, strict=True):
        assert torch.allclose(row, torch.rot90(picture.flip(2), int(k), (1, 2)).float() / 255.0, atol=1e-6)


@pytest.mark.parametrize("degrees", [90.0, 180.0, 270.0])
def test_a_rotation_of_a_square_by_quarters_is_a_quarter_turn(degrees: float) -> None:
    batch = picture_batch(3, side=64, aspects=[1.0, 1.0, 1.0])
    settings = only("rotate", ranges={"rotate.degrees": (degrees, degrees)})
    view = Augmenter(settings, 32)(batch, seed=0, epoch=0, view=0)
    turned = torch.rot90(batch.pixels, int(degrees // 90), (2, 3)).float() / 255.0
    assert torch.allclose(view, torch.nn.functional.avg_pool2d(turned, 2), atol=1e-2)


def test_rotations_look_as_pillows_and_are_black_outside() -> None:
    batch = picture_batch(4, side=64, aspects=[1.0] * 4)
    view = Augmenter(only("rotate", ranges={"rotate.degrees": (30.0, 30.0)}), 64)(
        batch, seed=0, epoch=0, view=0
    )
    for row, picture in zip(view, batch.pixels, strict=True):
        image = Image.fromarray(picture.permute(1, 2, 0).numpy())
        twin = np.asarray(image.rotate(30.0, Image.Resampling.BILINEAR)) / 255.0
        difference = np.abs(row.permute(1, 2, 0).numpy() - twin)
        # Four points a pixel are smoother than Pillow's one: the grain differs, the picture does not.
        assert difference.mean() < 0.03
        assert row[:, 0, 0].max() == 0.0


def test_rotations_are_uniform_and_turn_in_the_picture_not_in_the_square() -> None:
    aspects = np.full(N, 2.0)
    place_ = placed(only("rotate"), aspects)
    angles = np.rad2deg(np.arctan2(place_.to_frame[:, 1, 0] / 2.0, place_.to_frame[:, 0, 0] / 2.0)) % 360.0
    assert abs(angles.mean() - 180.0) < 4.0
    assert np.histogram(angles, bins=12, range=(0, 360))[0].min() > 700
    lengths = np.linalg.norm(place_.to_frame[:, :2, :2], axis=1)
    assert lengths == pytest.approx(np.tile([2.0, 1.0], (N, 1)))


def test_perspectives_take_the_drawn_corners_to_those_of_the_picture() -> None:
    settings = only("perspective")
    place_ = placed(settings, np.full(500, 1.7))
    moved = np.linalg.inv(place_.to_canvas)
    for corner in ((0, 0), (1, 0), (1, 1), (0, 1)):
        seen = moved @ np.array([*corner, 1.0])
        shift = np.abs(seen[:, :2] / seen[:, 2:] - np.array(corner))
        assert shift.max() <= 0.3
        assert abs(shift.mean() - 0.175 / 2) < 0.01


def test_homographies_take_points_to_points() -> None:
    start = np.random.default_rng(0).uniform(0, 1, (20, 4, 2)) * 0.2 + np.array(
        [[0, 0], [1, 0], [1, 1], [0, 1]]
    )
    end = np.random.default_rng(1).uniform(0, 1, (20, 4, 2)) * 0.2 + np.array(
        [[0, 0], [1, 0], [1, 1], [0, 1]]
    )
    maps = homography(start, end)
    seen = np.einsum("bij,bpj->bpi", maps, np.concatenate([start, np.ones((20, 4, 1))], axis=2))
    assert seen[..., :2] / seen[..., 2:] == pytest.approx(end)


def test_beyond_the_horizon_of_a_perspective_there_is_no_picture() -> None:
    corners = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])
    # The right side is drawn together so much that the horizon runs through the view.
    seen = np.array([[[0.0, 0.0], [0.7, 0.35], [0.7, 0.65], [0.0, 1.0]]])
    maps = homography(seen, corners[None])
    grid = view_grid(torch.from_numpy(maps), 40)[0]
    # The sides of the picture meet at x = 1.
    assert maps[0, 2] @ np.array([1.01, 0.5, 1.0]) < 0.0
    assert (view_grid(torch.from_numpy(maps @ np.diag([1.2, 1.0, 1.0])), 40)[0, :, 35:] == FAR).all()
    assert torch.isfinite(grid).all()
    white = torch.full((1, 3, 32, 32), 255, dtype=torch.uint8)
    view = resample(white, maps @ np.diag([1.5, 1.0, 1.0]), 60)[0, 0]
    assert (view[:, 29:] == 0.0).all()
    assert (view[27:33, :26] == 1.0).all()


def test_the_aspect_changes_within_its_range() -> None:
    place_ = placed(only("aspect"), np.ones(N))
    factors = place_.frame[:, 0] / place_.frame[:, 1]
    assert factors.min() >= 0.67
    assert factors.max() <= 1.5
    assert abs(np.log(factors).mean() - np.log(0.67 * 1.5) / 2) < 0.01


def test_the_grid_traces_pixels_to_the_stored_square() -> None:
    """A canvas that holds its own coordinates comes out as the grid."""
    side, size = 64, 16
    ramp = (torch.arange(side, dtype=torch.float32) + 0.5) / side * 255.0
    canvas = torch.stack([ramp.expand(side, side), ramp[:, None].expand(side, side), torch.zeros(side, side)])
    for operator in ("crop", "rotate", "perspective", "rotate90"):
        place_ = placed(only(operator), np.array([0.8, 1.0, 2.0, 1.3]))
        pixels = canvas.round().byte().expand(4, 3, side, side)
        seen = resample(pixels, place_.to_canvas, size)[:, :2].permute(0, 2, 3, 1)
        grid = view_grid(torch.from_numpy(place_.to_canvas), size)
        within = ((grid > 0.06) & (grid < 0.94)).all(-1)
        assert within.float().mean() > 0.3
        assert (seen - grid)[within].abs().max() < 0.01


def test_a_reduction_averages_instead_of_skipping() -> None:
    stripes = torch.zeros(1, 3, 128, 128, dtype=torch.uint8)
    stripes[..., ::2] = 255
    for degrees in (0.0, 17.0):
        settings = only("rotate", ranges={"rotate.degrees": (degrees, degrees)})
        maps = placed(settings, np.ones(1)).to_canvas
        assert upright(maps).all() == (degrees == 0.0)
        view = resample(stripes, maps, 16)[..., 5:11, 5:11]
        assert (view - 0.5).abs().max() < 0.05
