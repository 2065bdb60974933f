"""Scenes: drawn alike from one seed, their boxes where the pictures are, and what an edit of the whole does to both."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from copylens.networks.inset_detector import SIDE
from copylens.training.augment.drawing import Draws
from copylens.training.augment.screens import draw_screens
from copylens.training.insets import scenes as module
from copylens.training.insets.scenes import SceneMaker, scene_maps, uncovered, warp, warped_boxes
from picture_batches import picture_batch, rows_of

SCREENS = draw_screens(1, (2, 2, 2, 2, 6, 6, 4), SIDE, others=3)


def maker(seed: int = 0) -> SceneMaker:
    return SceneMaker(seed, screens=SCREENS)


def test_scenes_follow_from_seed_epoch_and_picture_alone() -> None:
    batch = picture_batch(12, side=48)
    first, again = maker()(batch, 1), maker()(batch, 1)
    assert torch.equal(first.pixels, again.pixels)
    assert torch.equal(first.boxes, again.boxes)
    assert not torch.equal(first.pixels, maker()(batch, 2).pixels)
    assert not torch.equal(first.pixels, maker(1)(batch, 1).pixels)
    # What surrounds a picture may show others of the batch; where none does, its place in the batch says nothing.
    order = list(range(12))[::-1]
    assert torch.equal(maker()(rows_of(batch, order), 1).boxes, first.boxes[order])


def test_shapes_and_ranges() -> None:
    made = maker()(picture_batch(32, side=48), 0)
    assert made.pixels.shape == (32, 3, SIDE, SIDE)
    assert made.pixels.dtype == made.boxes.dtype == torch.float32
    assert made.boxes.shape == (32, 5, 4)
    for values in (made.pixels, made.boxes):
        assert float(values.min()) >= 0.0
        assert float(values.max()) <= 1.0


def test_scenes_hold_pictures_on_screens_in_others_and_nothing_in_turn(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "WARPED", 0.0)
    boxes = maker()(picture_batch(400, side=16), 0).boxes.numpy()
    areas = (boxes[..., 2:] - boxes[..., :2]).prod(-1)
    nothing = (areas[:, 0] > 0.999) & (areas[:, 1] == 0.0)
    assert 0.2 < nothing.mean() < 0.45
    framed = areas[:, 0] < 0.7
    assert 0.3 < framed.mean() < 0.7
    # A picture set into another gets none on top.
    assert 0.04 < (areas[:, 1] > 0.0).mean() < 0.2
    # Some screens show several pictures, and nothing else does.
    several = (areas[:, 2:] > 0.0).any(1)
    assert 0.05 < several.mean() < 0.3
    assert framed[several].mean() > 0.9


def test_what_is_covered_by_half_is_no_picture_to_find() -> None:
    beside = np.array([[[0.0, 0.0, 0.4, 0.4], [0.5, 0.0, 1.0, 0.4], [0.0, 0.0, 0.0, 0.0]]] * 2)
    covered = np.array([[0.0, 0.0, 0.4, 0.25], [0.0, 0.0, 0.0, 0.0]])
    left = uncovered(beside, covered)
    assert not left[0, 0].any()
    assert np.array_equal(left[0, 1:], beside[0, 1:])
    assert np.array_equal(left[1], beside[1])


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_a_box_of_an_edited_scene_holds_what_was_in_it_before(seed: int) -> None:
    draws = Draws(np.arange(4), seed=seed, epoch=0, view=0)
    chance = np.random.default_rng(seed)
    low = chance.uniform(0.2, 0.4, (4, 1, 2))
    boxes = np.concatenate([low, low + chance.uniform(0.2, 0.4, (4, 1, 2))], axis=-1)
    maps = scene_maps(draws)
    scenes = torch.zeros(4, 3, 64, 64)
    for scene, (left, top, right, bottom) in zip(scenes, (boxes[:, 0] * 64).round().astype(int), strict=True):
        scene[:, top:bottom, left:right] = 1.0
    # What is white was in the box, unless it is the grey beside the scene.
    moved = warp(scenes, maps, draws)
    moved[torch.from_numpy(draws.uniform("scene/grey") > 0.95)] = 0.0
    around = warped_boxes((boxes * 64).round() / 64, maps)[:, 0]
    for image, box in zip(moved[:, 0].numpy(), around, strict=True):
        rows, columns = np.nonzero(image > 0.97)
        if not len(rows):
            continue
        seen = np.array([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]) / 64
        slack = 2.0 / 64
        assert (seen[:2] >= box[:2] - slack).all()
        assert (seen[2:] <= box[2:] + slack).all()


def test_a_mirrored_and_halved_scene() -> None:
    """By hand: the map says where a point of the edited scene lies in the scene, both from -1 to 1."""
    maps = np.array([[[-0.5, 0.0, 0.5], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]])
    boxes = np.array([[[0.5, 0.1, 0.75, 0.4], [0.0, 0.0, 0.0, 0.0]]])
    # x in the scene runs from 0.5 at the right edge of the edited one to 1 at its left edge.
    expected = [[[0.5, 0.1, 1.0, 0.4], [0.0, 0.0, 0.0, 0.0]]]
    np.testing.assert_allclose(warped_boxes(boxes, maps), expected, atol=1e-12)


def test_maps_differ_and_keep_most_of_the_scene_in_sight() -> None:
    maps = scene_maps(Draws(np.arange(2000), seed=0, epoch=0, view=0))
    assert len(np.unique(maps[:, 0, 0])) > 1500
    size = np.sqrt(np.abs(np.linalg.det(maps[:, :2, :2])))
    assert 0.5 < size.min() < 0.6
    assert 1.2 < size.max() < 1.4
    assert 0.25 < (maps[:, 0, 0] < 0).mean() < 0.35
