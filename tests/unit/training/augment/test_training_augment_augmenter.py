"""The whole way from pictures to views: never at 0, always at 1, as often as said, and the same in any batch."""

from __future__ import annotations

import pickle
import random

import numpy as np
import pytest
import torch

from copylens.errors import UsageError
from copylens.training.augment import OPERATORS, PRESETS, Augmenter, AugmentSettings
from copylens.training.augment import augmenter as augmenter_module
from copylens.training.augment.settings import only
from copylens.training.nouns import PictureBatch
from picture_batches import picture_batch, rows_of

NOTHING = dict.fromkeys(OPERATORS, 0.0)
CLEAR = {
    "blur.radius": (10.0, 20.0),
    "text.opacity": (0.9, 1.0),
    "text.size": (0.3, 0.3),
    "jpeg.quality": (0.0, 60.0),
    "pixelate.cells": (4.0, 9.0),
}
COUNT = 160


@pytest.fixture(scope="module")
def many() -> PictureBatch:
    few = picture_batch(40, side=32)
    return PictureBatch(few.pixels.repeat(4, 1, 1, 1), few.aspects.repeat(4), torch.arange(COUNT))


def changed(operator: str, chance: float, batch: PictureBatch) -> torch.Tensor:
    """Which rows an operator changed, against the same pipeline without it."""
    # An aspect is seen through a crop only.
    base = {**NOTHING, "crop": 1.0 if operator == "aspect" else 0.0}
    views = [
        Augmenter(AugmentSettings(probability=chances, ranges=CLEAR), 24)(batch, seed=0, epoch=0, view=0)
        for chances in (base, {**base, operator: chance})
    ]
    return (views[1] - views[0]).abs().amax((1, 2, 3)) > 1e-4


def test_at_0_no_operator_acts(many: PictureBatch) -> None:
    view = Augmenter(AugmentSettings(preset="copylens", probability=NOTHING), 32)(
        many, seed=0, epoch=0, view=1
    )
    assert torch.allclose(view, many.pixels.float() / 255.0, atol=1e-6)


@pytest.mark.parametrize("operator", OPERATORS)
def test_operators_always_act_at_1_and_below_as_often_as_said(operator: str, many: PictureBatch) -> None:
    always = changed(operator, 1.0, many)
    # A crop may be all but the whole, a string may be all but invisible; everything else must show.
    assert always.float().mean() >= (0.97 if operator in {"text", "crop", "aspect"} else 1.0)
    often = changed(operator, 0.2, many)
    assert 0.1 < often.float().mean() < 0.3
    assert not (often & ~always).any()


def test_more_probability_only_adds_pictures(many: PictureBatch) -> None:
    seldom, often = changed("blur", 0.2, many), changed("blur", 0.6, many)
    assert (often | ~seldom).all()
    assert 0.5 < often.float().mean() < 0.7


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("size", [32, 50])
def test_views_are_floats_in_0_1_without_gradient(preset: str, size: int) -> None:
    batch = picture_batch(90, side=40)
    for view in (0, 1):
        pixels = Augmenter(preset, size)(batch, seed=1, epoch=2, view=view)
        assert pixels.shape == (90, 3, size, size)
        assert pixels.dtype == torch.float32
        assert not pixels.requires_grad
        assert torch.isfinite(pixels).all()
        assert pixels.min() >= 0.0
        assert pixels.max() <= 1.0


def test_everything_at_once_is_still_a_picture() -> None:
    for operator in ("inset", "screenshot", "caption", "border"):
        kinds = {name: float(name == operator) for name in ("inset", "screenshot", "caption", "border")}
        chosen = AugmentSettings(
            probability={**dict.fromkeys(OPERATORS, 1.0), **kinds}, ranges={"perspective.shift": (0.45, 0.45)}
        )
        pixels = Augmenter(chosen, 32)(picture_batch(80, side=40), seed=0, epoch=0, view=0)
        assert torch.isfinite(pixels).all()
        assert pixels.min() >= 0.0
        assert pixels.max() <= 1.0


@pytest.mark.parametrize("preset", ["advanced", "copylens"])
def test_a_view_does_not_depend_on_order_or_chunks(preset: str, monkeypatch: pytest.MonkeyPatch) -> None:
    batch = picture_batch(60, side=40)
    augmenter = Augmenter(preset, 32)
    whole = augmenter(batch, seed=0, epoch=3, view=1)
    order = np.random.default_rng(0).permutation(60).tolist()
    monkeypatch.setattr(augmenter_module, "_CPU_ROWS", 7)
    shuffled = augmenter(rows_of(batch, order), seed=0, epoch=3, view=1)
    # JPEG and pixels at a step of rounding may flip; nothing else differs.
    difference = (shuffled - whole[order]).abs()
    assert difference.mean() < 1e-4
    assert (difference > 1e-3).float().mean() < 2e-3


def test_a_view_without_partners_does_not_depend_on_the_other_pictures() -> None:
    batch = picture_batch(60, side=40)
    augmenter = Augmenter("advanced", 32)
    whole = augmenter(batch, seed=0, epoch=3, view=1)
    some = [3, 59, 17, 30]
    alone = augmenter(rows_of(batch, some), seed=0, epoch=3, view=1)
    assert (alone - whole[some]).abs().mean() < 1e-4


def test_seeds_epochs_and_views_differ_and_repeat() -> None:
    batch, augmenter = picture_batch(8, side=40), Augmenter("simclr", 32)
    places = [(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1)]
    made = [augmenter(batch, seed=s, epoch=e, view=v) for s, e, v in places]
    for n, one in enumerate(made):
        for other in made[:n]:
            assert ((one - other).abs().mean((1, 2, 3)) > 1e-3).all()
        s, e, v = places[n]
        assert torch.equal(Augmenter("simclr", 32)(batch, seed=s, epoch=e, view=v), one)


def test_global_random_states_are_neither_read_nor_moved() -> None:
    batch, augmenter = picture_batch(30, side=40), Augmenter("copylens", 32)
    torch.manual_seed(1)
    one = augmenter(batch, seed=0, epoch=0, view=1)
    torch.manual_seed(2)
    np.random.seed(2)
    random.seed(2)
    states = torch.get_rng_state(), pickle.dumps(np.random.get_state()), random.getstate()
    assert torch.equal(augmenter(batch, seed=0, epoch=0, view=1), one)
    assert torch.equal(torch.get_rng_state(), states[0])
    assert pickle.dumps(np.random.get_state()) == states[1]
    assert random.getstate() == states[2]


def test_inference_mode_autocast_and_the_input_are_left_as_they_were() -> None:
    batch, augmenter = picture_batch(20, side=40), Augmenter("copylens", 32)
    before = batch.pixels.clone()
    plain = augmenter(batch, seed=0, epoch=0, view=1)
    with torch.inference_mode(), torch.autocast("cpu", dtype=torch.bfloat16):
        again = augmenter(batch, seed=0, epoch=0, view=1)
    assert again.dtype == torch.float32
    assert torch.equal(again, plain)
    assert torch.equal(batch.pixels, before)


def test_the_blur_scales_with_the_view() -> None:
    """A step edge blurred at two sizes has the same profile in parts of the view."""
    edge = torch.zeros(1, 3, 224, 224, dtype=torch.uint8)
    edge[..., 112:] = 255
    batch = PictureBatch(edge, torch.ones(1), torch.zeros(1, dtype=torch.int64))
    chosen = AugmentSettings(probability={**NOTHING, "blur": 1.0}, ranges={"blur.radius": (5.0, 5.0)})
    large, small = (Augmenter(chosen, s)(batch, seed=0, epoch=0, view=0)[0, 0, 0] for s in (224, 112))
    assert (large.view(112, 2).mean(1) - small).abs().max() < 0.02
    # The slope in the middle of a step that was blurred by a Gaussian of deviation 5.
    assert float(large[112] - large[111]) == pytest.approx(1 / (5 * (2 * np.pi) ** 0.5), rel=0.02)


def test_an_empty_batch_and_an_unknown_preset() -> None:
    batch = rows_of(picture_batch(2, side=40), [])
    assert Augmenter("copylens", 32)(batch, seed=0, epoch=0, view=0).shape == (0, 3, 32, 32)
    with pytest.raises(UsageError, match="did you mean 'simclr'"):
        Augmenter("simcl", 32)


def test_one_operator_alone_is_what_the_others_at_0_leave() -> None:
    assert only("blur").strength(0).probability == {**NOTHING, "blur": 1.0}
