"""Draws are uniform where they say so, and depend on the picture, its place and the name, and on nothing else."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from copylens.training.augment.detail import _scramble
from copylens.training.augment.drawing import Draws, scramble

N = 10_000
KEYS = np.arange(N, dtype=np.int64)


def draws(keys: np.ndarray = KEYS, *, seed: int = 0, epoch: int = 0, view: int = 0) -> Draws:
    return Draws(keys, seed=seed, epoch=epoch, view=view)


def test_scramble_is_splitmix64() -> None:
    # The first three outputs for state 1234567 that the generator's author publishes with it.
    golden = 0x9E3779B97F4A7C15
    states = np.array([(1234567 + k * golden) % 2**64 for k in (1, 2, 3)], dtype=np.uint64)
    assert scramble(states).tolist() == [6457827717110365317, 3203168211198807973, 9817491932198370423]


def test_the_device_scrambles_as_the_host() -> None:
    words = np.random.default_rng(0).integers(-(2**63), 2**63, 500, dtype=np.int64)
    there = _scramble(torch.from_numpy(words)).numpy().view(np.uint64)
    assert np.array_equal(there, scramble(words.view(np.uint64)))


@pytest.mark.parametrize(
    "keys", [KEYS, KEYS * 4096, KEYS + 2**40, -KEYS - 1], ids=["dense", "strided", "far", "negative"]
)
def test_uniforms_fill_every_bin_alike(keys: np.ndarray) -> None:
    values = draws(keys).uniforms("x", 0.0, 1.0, 2)
    for column in values.T:
        counts = np.histogram(column, bins=50, range=(0, 1))[0]
        # Chi square with 49 degrees of freedom is above 95 once in 10 000.
        assert ((counts - N / 50) ** 2 / (N / 50)).sum() < 95
    assert abs(np.corrcoef(values[:, 0], values[:, 1])[0, 1]) < 0.04
    assert abs(np.corrcoef(values[:-1, 0], values[1:, 0])[0, 1]) < 0.04


@pytest.mark.parametrize(
    "other",
    [
        lambda: draws(seed=1).uniform("x"),
        lambda: draws(epoch=1).uniform("x"),
        lambda: draws(view=1).uniform("x"),
        lambda: draws().uniform("y"),
        lambda: draws(KEYS + 1).uniform("x"),
    ],
    ids=["seed", "epoch", "view", "name", "key"],
)
def test_every_part_of_the_place_gives_other_draws(other) -> None:  # type: ignore[no-untyped-def]
    mine, its = draws().uniform("x"), other()
    assert (mine == its).sum() == 0
    assert abs(np.corrcoef(mine, its)[0, 1]) < 0.04


def test_draws_do_not_depend_on_the_rest_of_the_batch() -> None:
    whole = draws().uniforms("x", -3.0, 7.0, 5)
    shuffled = np.random.default_rng(1).permutation(N)[:100]
    assert np.array_equal(draws(KEYS[shuffled]).uniforms("x", -3.0, 7.0, 5), whole[shuffled])
    assert np.array_equal(draws().subset(shuffled).uniforms("x", -3.0, 7.0, 5), whole[shuffled])
    assert np.array_equal(draws().uniforms("x", -3.0, 7.0, 2), whole[:, :2])


def test_probability_0_never_and_1_always_and_others_as_often() -> None:
    assert not draws().happens("x", 0.0).any()
    assert draws().happens("x", 1.0).all()
    assert abs(draws().happens("x", 0.05).mean() - 0.05) < 0.01


def test_integers_choices_and_orders_are_even() -> None:
    whole = draws().integer("x", 2, 7)
    assert np.unique(whole).tolist() == [2, 3, 4, 5, 6]
    assert np.abs(np.bincount(whole)[2:] / N - 0.2).max() < 0.02
    assert abs((draws().choice("x", (1.0, 4.0)) == 4.0).mean() - 0.5) < 0.03
    orders = draws().order("x", 4)
    assert (np.sort(orders, axis=1) == np.arange(4)).all()
    counts = np.unique(orders, axis=0, return_counts=True)[1]
    assert len(counts) == 24
    assert np.abs(counts / N - 1 / 24).max() < 0.01


def test_normals_and_logarithms() -> None:
    values = draws().normal("x")
    assert abs(values.mean()) < 0.05
    assert abs(values.std() - 1.0) < 0.03
    assert abs((np.abs(values) < 1.0).mean() - 0.6827) < 0.02
    ratios = draws().logarithmic("x", 0.5, 2.0)
    assert ratios.min() >= 0.5
    assert ratios.max() < 2.0
    assert abs((ratios < 1.0).mean() - 0.5) < 0.02


@pytest.mark.parametrize("alpha", [0.3, 1.0, 2.0, 8.0])
def test_beta_has_its_moments(alpha: float) -> None:
    values = draws().beta("x", alpha)
    assert values.min() >= 0.0
    assert values.max() <= 1.0
    assert abs(values.mean() - 0.5) < 0.015
    assert abs(values.var() - 1.0 / (4.0 * (2.0 * alpha + 1.0))) < 0.005
    if alpha == 1.0:
        assert np.abs(np.histogram(values, bins=10, range=(0, 1))[0] / N - 0.1).max() < 0.015


def test_partners_are_others_evenly_and_whatever_the_order() -> None:
    candidates = np.arange(50, dtype=np.int64)
    mine = draws(candidates)
    chosen = mine.partner("x", candidates)
    assert (chosen != candidates).all()
    shuffled = np.random.default_rng(2).permutation(50)
    again = mine.partner("x", candidates[shuffled])
    assert np.array_equal(candidates[shuffled][again], chosen)
    epochs = np.stack([draws(candidates, epoch=e).partner("x", candidates) for e in range(200)])
    counts = np.bincount(epochs.ravel(), minlength=50)
    # 10 000 choices of 50: 200 each, with a deviation of 14.
    assert np.abs(counts - 200).max() < 70


def test_no_partner_without_another_picture() -> None:
    alone = draws(np.array([7, 7], dtype=np.int64))
    assert alone.partner("x", np.array([7, 7], dtype=np.int64)).tolist() == [-1, -1]
    assert alone.partner("x", np.empty(0, dtype=np.int64)).tolist() == [-1, -1]
    assert alone.partner("x", np.array([7, 3], dtype=np.int64)).tolist() == [1, 1]
