"""Small views: a function of seed, epoch, picture and number; a small part of one picture, in the recipe's manner."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from copylens.training.augment import AugmentSettings
from copylens.training.terms.crops import SmallCrops
from picture_batches import picture_batch, rows_of


def small(preset: str = "copylens", **augment: Any) -> SmallCrops:
    return SmallCrops(AugmentSettings(preset=preset, **augment), count=3, size=32, scale=(0.05, 0.14))


def test_what_is_seen_follows_from_the_picture_and_the_number_alone() -> None:
    batch = picture_batch(5)
    views = small()(batch, seed=1, epoch=2).view(3, 5, 3, 32, 32)
    assert views.min() >= 0
    assert views.max() <= 1
    order = [3, 0, 4]
    other = small()(rows_of(batch, order), seed=1, epoch=2).view(3, 3, 3, 32, 32)
    assert torch.equal(other, views[:, order])
    for changed in (small()(batch, seed=2, epoch=2), small()(batch, seed=1, epoch=3)):
        assert not torch.equal(changed.view_as(views), views)
    assert not torch.equal(views[0], views[1])


def test_the_numbers_go_on_after_the_large_views() -> None:
    batch = picture_batch(3)
    crops = small()
    for number, views in enumerate(crops(batch, seed=1, epoch=0).chunk(3)):
        assert torch.equal(views, crops._augmenter(batch, seed=1, epoch=0, view=2 + number))


def test_a_small_view_shows_a_small_part_of_one_picture() -> None:
    batch = picture_batch(6)
    # As often as can be in the recipe, and yet not in small views.
    crops = small(probability={"inset": 1.0, "overlay": 1.0, "crop": 0.0}, ranges={"crop.scale": (0.9, 1.0)})
    for view in range(2, 5):
        made = crops._augmenter.augment(batch, seed=0, epoch=0, view=view)
        assert (made.others == -1).all()
    plain = small("simclr")
    parts = []
    for view in range(2, 5):
        made = plain._augmenter.augment(batch, seed=0, epoch=0, view=view)
        for place in made.places:
            parts += [abs(float(np.linalg.det(m[:2, :2]))) for m in place.to_canvas]
    assert min(parts) >= 0.05 - 1e-9
    assert max(parts) <= 0.14 + 1e-9


def test_the_recipe_s_own_operators_act() -> None:
    batch = picture_batch(4)
    grey = small("simclr", probability={"grey": 1.0, "jitter": 0.0})(batch, seed=0, epoch=0)
    torch.testing.assert_close(grey[:, 0], grey[:, 1])
    assert not torch.allclose(small("simclr")(batch, seed=0, epoch=0)[:, 0], grey[:, 0])
