"""Cut, turned and bent: what remains is measured on a picture whose colours say where each pixel came from."""

from __future__ import annotations

import math

import numpy as np
import pytest

from copylens.evaluation.edits import STRENGTHS, Strength
from copylens.evaluation.edits.geometry import (
    crop,
    flip_horizontal,
    flip_vertical,
    perspective,
    rotate,
    skew,
    straighten,
    stretch,
    turn,
    warped,
)
from exam_samples import (
    MAGENTA,
    edit,
    halves,
    noise,
    photograph,
    pixels,
    places,
    plain,
    share_of,
    share_of_halves,
)

SEEDS = range(12)


@pytest.mark.parametrize("area", [0.1, 0.16, 0.3, 0.85])
@pytest.mark.parametrize("seed", SEEDS)
def test_a_crop_is_a_part_of_its_area(area: float, seed: int) -> None:
    picture = noise((400, 300))
    part = crop(picture, np.random.default_rng(seed), area=area)
    assert part.width * part.height / (400 * 300) == pytest.approx(area, rel=0.03)
    whole, inner = np.asarray(picture), np.asarray(part)
    top, left = np.argwhere((whole == inner[0, 0]).all(axis=2))[0]
    assert np.array_equal(whole[top : top + part.height, left : left + part.width], inner)


def test_crops_reach_every_side() -> None:
    picture = places(400, 300)
    parts = [np.asarray(crop(picture, np.random.default_rng(seed), area=0.3)) for seed in range(60)]
    for channel in (0, 1):
        assert min(int(part[..., channel].min()) for part in parts) < 15
        assert max(int(part[..., channel].max()) for part in parts) > 240


def test_the_hardest_crop_keeps_a_tenth() -> None:
    hard = edit("crop").parameters[0].hard
    assert hard.holds(0.1)
    assert not hard.holds(0.09)


@pytest.mark.parametrize("angle", [3.0, 30.0, 90.0, 120.0])
def test_a_rotation_keeps_all_of_the_picture(angle: float) -> None:
    result = rotate(halves(), np.random.default_rng(1), angle=angle)
    assert share_of_halves(result) * result.width * result.height == pytest.approx(240 * 160, rel=0.03)


def test_rotations_go_to_both_sides() -> None:
    leans = set()
    for seed in range(10):
        result = rotate(halves(), np.random.default_rng(seed), angle=20.0)
        # Where the uppermost corner of the picture lies: left of the middle when it was turned clockwise.
        found = np.abs(pixels(result) - np.array(MAGENTA)).max(axis=2) < 60
        leans.add(int(found[2].nonzero()[0].mean()) < result.width / 2)
    assert leans == {True, False}


@pytest.mark.parametrize("angle", [2.0, 12.0, 30.0, 40.0])
@pytest.mark.parametrize("size", [(240, 160), (160, 240), (200, 200), (400, 60)])
def test_straightening_leaves_no_corner(angle: float, size: tuple[int, int]) -> None:
    for seed in (0, 1, 2):
        result = straighten(plain(MAGENTA, size), np.random.default_rng(seed), angle=angle)
        assert share_of(result, MAGENTA) > 0.985
        assert min(result.size) > 10


def test_straightening_keeps_the_largest_rectangle() -> None:
    # Of a square turned by 45 degrees half its area remains.
    result = straighten(plain(MAGENTA, (400, 400)), np.random.default_rng(0), angle=45.0)
    assert result.width * result.height / 400**2 == pytest.approx(0.5, rel=0.02)


@pytest.mark.parametrize(("angle", "quarters"), [(90, 1), (180, 2), (270, 3)])
def test_turns_are_those_of_numpy(angle: int, quarters: int) -> None:
    picture = photograph("lemurs")
    assert np.array_equal(pixels(turn(picture, angle=angle)), np.rot90(pixels(picture), quarters))


def test_flips_are_those_of_numpy() -> None:
    picture = photograph("lemurs")
    assert np.array_equal(pixels(flip_horizontal(picture)), pixels(picture)[:, ::-1])
    assert np.array_equal(pixels(flip_vertical(picture)), pixels(picture)[::-1])


@pytest.mark.parametrize("factor", [1.2, 2.5])
def test_a_stretch_changes_the_aspect_and_keeps_the_area(factor: float) -> None:
    seen = set()
    for seed in SEEDS:
        result = stretch(places(), np.random.default_rng(seed), factor=factor)
        change = result.width / result.height / (240 / 160)
        assert math.exp(abs(math.log(change))) == pytest.approx(factor, rel=0.03)
        assert result.width * result.height == pytest.approx(240 * 160, rel=0.03)
        seen.add(change > 1)
    assert seen == {True, False}


@pytest.mark.parametrize("angle", [5.0, 35.0])
def test_skewing_keeps_all_of_the_picture(angle: float) -> None:
    shapes = set()
    for seed in SEEDS:
        result = skew(halves(), np.random.default_rng(seed), angle=angle)
        assert share_of_halves(result) * result.width * result.height == pytest.approx(240 * 160, rel=0.03)
        shapes.add(result.size)
    assert len(shapes) == 2


def shares(name: str, strength: Strength) -> float:
    return float(
        np.mean(
            [
                share_of(edit(name).apply(plain(MAGENTA), strength, np.random.default_rng(s)), MAGENTA)
                for s in SEEDS
            ]
        )
    )


@pytest.mark.parametrize("name", ["perspective", "skew"])
def test_less_of_the_canvas_is_picture_the_harder(name: str) -> None:
    found = [shares(name, strength) for strength in STRENGTHS]
    assert found == sorted(found, reverse=True)
    assert found[0] > 0.8
    assert found[2] < 0.75


def test_perspective_shows_all_four_corners() -> None:
    for seed in SEEDS:
        values = pixels(perspective(places(), np.random.default_rng(seed), depth=0.5))
        inside = values[np.abs(values[..., 2] - 128) < 20]
        assert (inside[:, :2].min(axis=0) < 25).all()
        assert (inside[:, :2].max(axis=0) > 230).all()


def test_a_projection_takes_points_where_it_shall() -> None:
    picture = places(200, 100)
    source = [(0.0, 0.0), (200.0, 0.0), (200.0, 100.0), (0.0, 100.0)]
    target = [(20.0, 10.0), (180.0, 10.0), (190.0, 90.0), (10.0, 90.0)]
    values = pixels(warped(picture, source, target, (200, 100), (0, 0, 0)))
    assert values[2, 100].tolist() == [0, 0, 0]
    assert values[50, 100, 2] == 128
    assert abs(int(values[12, 22, 0]) - 3) < 8
    assert abs(int(values[88, 187, 0]) - 252) < 8
    assert values[88, 187, 1] > 235
