"""Drawn screens: alike from one seed, with a hole for the picture and, where asked for, places for others beside it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional

from copylens.training.augment.augmenter import Augmenter
from copylens.training.augment.overlaying import cover_of
from copylens.training.augment.screens import draw_screens, screen_views, usual_screens
from copylens.training.augment.settings import only
from picture_batches import picture_batch

CPU = torch.device("cpu")
DESKS, WALLS, COLLAGES = ((0,) * before + (24,) for before in (4, 5, 6))


def test_screens_have_a_hole_of_some_size_and_both_shades() -> None:
    screens = usual_screens()
    boxes, drawn = screens.holes, screen_views(screens, np.arange(len(screens)), 64, CPU)
    sides = boxes[:, 2:] - boxes[:, :2]
    assert (sides > 0.15).all()
    # Sixteen of browsers, viewers, feeds and chats come before the pages with columns.
    assert (sides[:16] > 0.4).all()
    assert (sides < 1.0 + 1e-9).all()
    # Phones show a picture large, pages with columns show it small.
    assert 0.3 < (sides.prod(1) > 0.4).mean() < 0.5
    assert (sides.prod(1) < 0.2).mean() > 0.2
    brightness = drawn.mean((1, 2, 3))
    assert (brightness > 0.6).any()
    assert (brightness < 0.4).any()


def test_screens_are_drawn_alike_from_one_seed_and_as_many_as_asked() -> None:
    first, again, other = (draw_screens(seed, (1, 0, 2, 0, 3), 64) for seed in (5, 5, 6))
    assert len(first) == 6
    assert first.sheets.shape == (6, 3, 64, 64)
    assert torch.equal(first.sheets, again.sheets)
    assert np.array_equal(first.holes, again.holes)
    assert not np.array_equal(first.holes, other.holes)
    assert first.others.shape == (6, 0, 4)


def test_screens_of_the_views_size_are_not_resized_and_others_are() -> None:
    screens = draw_screens(5, (1, 1, 1, 1, 2), 64)
    which = np.array([4, 0, 4])
    own = screen_views(screens, which, 64, CPU)
    assert torch.equal((own * 255.0).round().byte(), screens.sheets[torch.from_numpy(which)])
    halves = screen_views(screens, which, 32, CPU)
    assert halves.shape == (3, 3, 32, 32)
    assert float((halves - functional.avg_pool2d(own, 2)).abs().mean()) < 0.02


def test_an_augmenter_shows_the_screens_that_it_is_given() -> None:
    screens = draw_screens(5, (0, 0, 0, 0, 3), 64)
    batch = picture_batch(6, side=64)
    made = Augmenter(only("screenshot"), 64, screens=screens).augment(batch, seed=0, epoch=0, view=0)
    holes = np.concatenate([place.inner for place in made.places])
    for row, hole in enumerate(holes):
        (number,) = np.flatnonzero((screens.holes == hole).all(1))
        outside = cover_of(hole[None], 64, CPU)[0, 0] == 0.0
        sheet = screens.sheets[int(number)].float() / 255.0
        assert torch.equal(made.pixels[row][:, outside], sheet[:, outside])


@pytest.mark.parametrize("counts", [DESKS, WALLS, COLLAGES])
def test_places_for_others_lie_on_the_screen_and_beside_the_hole(counts: tuple[int, ...]) -> None:
    screens = draw_screens(3, counts, 64, others=5)
    assert screens.others.shape == (24, 5, 4)
    sides = screens.others[..., 2:] - screens.others[..., :2]
    there = sides.prod(-1) > 0.0
    assert 0.2 < there.any(1).mean() <= 1.0
    for boxes in (screens.others[there], screens.holes):
        assert (boxes >= 0.0).all()
        assert (boxes <= 1.0).all()
        assert ((boxes[:, 2:] - boxes[:, :2]) > 0.03).all()
    low = np.maximum(screens.others[..., :2], screens.holes[:, None, :2])
    high = np.minimum(screens.others[..., 2:], screens.holes[:, None, 2:])
    assert (np.maximum(high - low, 0.0).prod(-1)[there] < 1e-9).all()
    # How many places are asked for changes nothing else.
    fewer = draw_screens(3, counts, 64, others=2)
    assert torch.equal(fewer.sheets, screens.sheets)
    assert np.array_equal(fewer.others, screens.others[:, :2])


def test_the_picture_of_a_wall_is_its_largest() -> None:
    screens = draw_screens(4, WALLS, 64, others=5)
    sizes = (screens.others[..., 2:] - screens.others[..., :2]).prod(-1)
    holes = (screens.holes[:, 2:] - screens.holes[:, :2]).prod(-1)
    assert (sizes <= holes[:, None] + 1e-9).all()


def test_pictures_of_a_collage_share_it_among_themselves() -> None:
    screens = draw_screens(4, COLLAGES, 64, others=5)
    sizes = (screens.others[..., 2:] - screens.others[..., :2]).prod(-1).sum(1)
    holes = (screens.holes[:, 2:] - screens.holes[:, :2]).prod(-1)
    assert ((sizes + holes) > 0.5).all()
    assert ((sizes + holes) < 1.0 + 1e-9).all()
    assert set(np.unique((screens.others[..., 2] > 0.0).sum(1))) == {1, 2, 3, 4, 5}


def test_places_are_filled_with_other_pictures_of_the_batch() -> None:
    screens = draw_screens(5, COLLAGES, 64, others=5)
    colours = torch.tensor([[250, 0, 0], [0, 250, 0], [0, 0, 250], [250, 0, 250]], dtype=torch.uint8)
    batch = picture_batch(4, side=32)
    batch.pixels[:] = colours[:, :, None, None]
    made = Augmenter(only("screenshot"), 64, screens=screens).augment(batch, seed=0, epoch=0, view=0)
    assert made.beside.shape == (4, 5, 4)
    shown = 0
    for row, boxes in enumerate(made.beside):
        for box in boxes[boxes[:, 2] > 0.0]:
            inside = cover_of(box[None], 64, CPU)[0, 0] == 1.0
            seen = (made.pixels[row][:, inside] * 255.0).round()
            assert (seen == seen[:, :1]).all()
            guest = [number for number in range(4) if (seen[:, 0] == colours[number]).all()]
            assert len(guest) == 1
            assert guest[0] != row
            shown += 1
    assert shown > 2
    # Each is an own choice: not all of them are one picture. What is alone in its batch has nobody beside it.
    alone = Augmenter(only("screenshot"), 64, screens=screens)
    single = alone.augment(picture_batch(1, side=32), seed=0, epoch=0, view=0)
    assert not single.beside.any()


def test_three_of_four_places_are_filled_and_nothing_lies_beside_what_is_on_no_screen() -> None:
    screens = draw_screens(5, COLLAGES, 32, others=1)
    batch = picture_batch(400, side=16)
    made = Augmenter(only("screenshot"), 32, screens=screens).augment(batch, seed=0, epoch=0, view=0)
    assert abs((made.beside[:, 0, 2] > 0.0).mean() - 0.75) < 0.07
    bordered = Augmenter(only("border"), 32, screens=screens).augment(batch, seed=0, epoch=0, view=0)
    assert bordered.beside.shape == (400, 1, 4)
    assert not bordered.beside.any()
