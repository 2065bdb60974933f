"""Mixup and CutMix: which views, with whom, by how much; and the rows and sources of all views."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from copylens.errors import UsageError
from copylens.training.augment import Augmenter, AugmentSettings
from copylens.training.augment.drawing import Draws
from copylens.training.augment.settings import only
from copylens.training.mixing import Mixed, MixingSettings, cut_boxes, make_views, mix, mixing_of
from copylens.training.nouns import NOBODY, Views
from picture_batches import picture_batch, rows_of

N, SIZE = 2000, 16


def flat_views(count: int = N) -> Views:
    """Views of one value each, number / count."""
    pixels = (torch.arange(count) / count)[:, None, None, None].expand(count, 3, SIZE, SIZE).contiguous()
    sources = torch.stack([torch.arange(count), torch.full((count,), NOBODY)], dim=1)
    return Views(pixels, sources)


def mixed(settings: MixingSettings, views: Views | None = None, *, single: np.ndarray | None = None) -> Mixed:
    views = views or flat_views()
    count = len(views.pixels)
    draws = Draws(np.arange(count, dtype=np.int64), seed=0, epoch=0, view=0)
    return mix(views, settings, draws, single=np.ones(count, dtype=bool) if single is None else single)


def test_nothing_is_mixed_at_0_and_everything_at_1() -> None:
    views = flat_views()
    never = mixed(MixingSettings(), views)
    assert never.views is views
    assert (never.partner == -1).all()
    always = mixed(MixingSettings(probability=1.0), views)
    assert (always.partner >= 0).all()
    assert (always.partner != np.arange(N)).all()
    assert torch.equal(always.views.sources[:, 1], torch.from_numpy(always.partner))
    assert torch.equal(always.views.sources[:, 0], torch.arange(N))


def test_the_papers_share_is_mixed_half_by_each() -> None:
    some = mixed(MixingSettings(probability=0.2))
    rows = some.partner >= 0
    assert abs(rows.mean() - 0.2) < 0.03
    assert abs(some.cut[rows].mean() - 0.5) < 0.08
    left = torch.from_numpy(~rows)
    assert torch.equal(some.views.pixels[left], flat_views().pixels[left])
    assert (some.views.sources[left, 1] == NOBODY).all()


@pytest.mark.parametrize("share", [0.0, 1.0], ids=["cutmix", "mixup"])
def test_pixels_are_the_mix_that_the_ratio_says(share: float) -> None:
    views = flat_views()
    all_ = mixed(MixingSettings(probability=1.0, mixup_share=share), views)
    assert (all_.cut == (share == 0.0)).all()
    mine, its = views.pixels[:, 0, 0, 0].numpy(), views.pixels[all_.partner, 0, 0, 0].numpy()
    seen = all_.views.pixels.mean((1, 2, 3)).numpy()
    # The mean of a CutMix tells the area that was truly cut.
    assert seen == pytest.approx(all_.ratio * mine + (1.0 - all_.ratio) * its, abs=1e-5)
    if share == 0.0:
        values = all_.views.pixels[:, 0].flatten(1).numpy()
        assert ((np.abs(values - mine[:, None]) < 1e-6) | (np.abs(values - its[:, None]) < 1e-6)).all()
    else:
        assert all_.ratio.mean() == pytest.approx(0.5, abs=0.02)
        assert all_.ratio.var() == pytest.approx(1 / 20, abs=0.01)
        assert all_.views.pixels.flatten(1).var(1).max() < 1e-9


def test_cut_boxes_have_the_area_of_the_ratio_where_they_are_not_clipped() -> None:
    size, count = 200, 5000
    draws = Draws(np.arange(count, dtype=np.int64), seed=0, epoch=0, view=0)
    ratio = draws.beta("r", 2.0)
    boxes = cut_boxes(draws, ratio, size)
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(1) / size**2
    within = ((boxes > 0) & (boxes < size)).all(1)
    assert within.mean() > 0.05
    assert np.abs(areas - (1.0 - ratio))[within].max() < 0.012
    assert (areas <= 1.0 - ratio + 0.012).all()
    assert boxes.min() >= 0
    assert boxes.max() <= size


def test_views_of_two_pictures_are_left_alone_and_lend_nothing() -> None:
    views = flat_views(300)
    single = np.arange(300) % 3 != 0
    some = mixed(MixingSettings(probability=1.0), views, single=single)
    assert (some.partner[~single] == -1).all()
    assert (some.partner[single] >= 0).all()
    assert single[some.partner[single]].all()


def test_partners_give_their_pixels_unmixed() -> None:
    views = flat_views(3)
    all_ = mixed(MixingSettings(probability=1.0, mixup_share=1.0), views)
    for row in range(3):
        ratio, partner = all_.ratio[row], all_.partner[row]
        assert float(all_.views.pixels[row, 0, 0, 0]) == pytest.approx(
            (ratio * row + (1 - ratio) * partner) / 3
        )


def test_rows_come_view_by_view_and_views_differ() -> None:
    batch = picture_batch(6, side=32)
    batch = rows_of(batch, [4, 1, 5, 0, 3, 2])
    augmenter = Augmenter("advanced", 32)
    views = make_views(augmenter, batch, MixingSettings(), seed=0, epoch=1, step=9, views=3)
    assert views.pixels.shape == (18, 3, 32, 32)
    assert views.sources[:, 0].tolist() == [4, 1, 5, 0, 3, 2] * 3
    assert (views.sources[:, 1] == NOBODY).all()
    for view in range(3):
        alone = augmenter(batch, seed=0, epoch=1, view=view)
        assert torch.equal(views.pixels[6 * view : 6 * view + 6], alone)


def test_mixing_is_drawn_for_every_view_and_again_every_epoch_but_not_by_step() -> None:
    batch, augmenter = picture_batch(40, side=32), Augmenter("simclr", 32)
    settings = MixingSettings(probability=0.5)

    def seconds(epoch: int, step: int) -> torch.Tensor:
        return make_views(augmenter, batch, settings, seed=0, epoch=epoch, step=step).sources[:, 1]

    assert torch.equal(seconds(0, 0), seconds(0, 7))
    assert not torch.equal(seconds(0, 0), seconds(1, 0))
    one, two = seconds(0, 0).view(2, 40)
    assert not torch.equal(one, two)


def test_the_mixup_preset_brings_its_probability() -> None:
    assert mixing_of(AugmentSettings(preset="advanced"), MixingSettings()).probability == 0.0
    assert mixing_of(AugmentSettings(preset="advanced_mixup"), MixingSettings(alpha=1.0)) == MixingSettings(
        probability=0.05, alpha=1.0
    )
    assert (
        mixing_of(AugmentSettings(preset="advanced_mixup"), MixingSettings(probability=0.5)).probability
        == 0.5
    )
    batch = picture_batch(200, side=32)
    views = make_views(Augmenter("advanced_mixup", 32), batch, MixingSettings(), seed=0, epoch=0, step=0)
    assert 0.02 < float((views.sources[:, 1] != NOBODY).float().mean()) < 0.08


def test_one_picture_has_nobody_to_mix_with() -> None:
    batch = picture_batch(1, side=32)
    views = make_views(
        Augmenter(only("flip"), 32), batch, MixingSettings(probability=1.0), seed=0, epoch=0, step=0
    )
    assert (views.sources[:, 1] == NOBODY).all()


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"probability": 1.2}, "mixing.probability is 1.2"),
        ({"mixup_share": -0.1}, "mixing.mixup_share is -0.1"),
        ({"alpha": 0.0}, "mixing.alpha is 0"),
        ({"alpha": float("nan")}, "mixing.alpha is nan"),
    ],
)
def test_what_cannot_be_meant_is_said(table: dict[str, float], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        MixingSettings(**table)
