"""KoLeo against its nested-loop twin, and what must not change it."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from copylens.training.losses.koleo import koleo
from copylens.training.losses.positives import ExtraNegatives
from copylens.training.nouns import NOBODY
from loss_twins import DTYPES, batch, extra_of, former_rows, koleo_twin, masks, with_gradient


def loss(z: torch.Tensor, sources: torch.Tensor, extra: ExtraNegatives | None = None) -> torch.Tensor:
    positives, itself = masks(sources)
    return koleo(z, z, positives, itself, negatives=extra)


@pytest.mark.parametrize("mixed", [0, 3])
@pytest.mark.parametrize("extra", [False, True])
@pytest.mark.parametrize("dtype", [torch.float64, *DTYPES])
def test_equals_the_nested_loops(mixed: int, extra: bool, dtype: torch.dtype) -> None:
    z, sources = batch(5, views=3, mixed=mixed)
    z = z.to(dtype)
    more = former_rows(sources) if extra else None
    value, gradient = with_gradient(lambda z: loss(z, sources, more), z)
    twin, twin_gradient = with_gradient(lambda z: koleo_twin(z, sources, more), z.double())
    assert value.dtype == (torch.float64 if dtype == torch.float64 else torch.float32)
    torch.testing.assert_close(value.double(), twin, rtol=1e-5, atol=1e-6)
    rounding = {torch.float64: 1e-9, torch.float32: 1e-4, torch.float16: 2e-3, torch.bfloat16: 2e-2}[dtype]
    torch.testing.assert_close(gradient.double(), twin_gradient, rtol=rounding, atol=rounding)


def test_gradient_by_differences() -> None:
    z, sources = batch(4, mixed=2)
    assert torch.autograd.gradcheck(lambda z: loss(z, sources), z.requires_grad_())


def test_views_of_the_same_picture_are_never_the_nearest() -> None:
    # The other view is at distance 0, the negative at √2.
    z = torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0], [0.0, 1.0]])
    sources = torch.tensor([[0, NOBODY], [1, NOBODY], [0, NOBODY], [1, NOBODY]])
    assert loss(z, sources).item() == pytest.approx(-math.log(math.sqrt(2)), rel=1e-6)


def test_antipodal_negatives_are_seen() -> None:
    # A mask filled with -1 could not be told from their score, nor pulled below it.
    z = torch.tensor([[1.0, 0.0], [-1.0, 0.0]], dtype=torch.float64)
    sources = torch.tensor([[0, NOBODY], [1, NOBODY]])
    value, gradient = with_gradient(lambda z: loss(z, sources), z)
    assert value.item() == pytest.approx(-math.log(2), rel=1e-12)
    # d/dz_i of -½ log(2 - 2 z_i·z_j) is z_j / (2 - 2 z_i·z_j), averaged over two rows that are each other's nearest.
    torch.testing.assert_close(gradient, torch.tensor([[-0.25, 0.0], [0.25, 0.0]], dtype=torch.float64))


def test_scores_below_minus_one_are_seen() -> None:
    # Rounding in half precision gives rows slightly longer than 1: their score is below -1.
    z = torch.tensor([[1.01, 0.0], [-1.01, 0.0]])
    sources = torch.tensor([[0, NOBODY], [1, NOBODY]])
    value, gradient = with_gradient(lambda z: loss(z, sources), z)
    assert value.item() == pytest.approx(-0.5 * math.log(2 + 2 * 1.01**2), rel=1e-6)
    assert (gradient[:, 0] != 0).all()


@pytest.mark.parametrize("dtype", [torch.float64, *DTYPES])
def test_duplicates_of_other_pictures_are_finite_and_do_not_push(dtype: torch.dtype) -> None:
    z = torch.tensor([[1.0, 0.0]] * 4, dtype=dtype)
    sources = torch.tensor([[i, NOBODY] for i in range(4)])
    value, gradient = with_gradient(lambda z: loss(z, sources), z)
    assert value.item() == pytest.approx(-math.log(1e-3), rel=1e-6)
    assert torch.equal(gradient, torch.zeros_like(gradient))


@pytest.mark.parametrize("sources", [[[0, NOBODY]], [[0, NOBODY]] * 4], ids=["one row", "one picture"])
def test_no_negatives_is_zero_with_zero_gradient(sources: list[list[int]]) -> None:
    z, _ = batch(len(sources), views=1)
    value, gradient = with_gradient(lambda z: loss(z, torch.tensor(sources)), z)
    assert value.item() == 0
    assert torch.equal(gradient, torch.zeros_like(gradient))


def test_rows_without_a_negative_are_left_out() -> None:
    z, _ = batch(3, views=1)
    sources = torch.tensor([[0, 1], [0, NOBODY], [1, NOBODY]])
    value, gradient = with_gradient(lambda z: loss(z, sources), z)
    torch.testing.assert_close(value, -0.5 * torch.log(2 - 2 * z[1] @ z[2]))
    assert torch.equal(gradient[0], torch.zeros(6, dtype=torch.float64))


def test_a_memory_can_hold_the_nearest() -> None:
    z, sources = batch(4)
    near = z[:1].float()
    elsewhere = extra_of(sources, near, torch.tensor([[99, NOBODY]]))
    same_picture = extra_of(sources, near, torch.tensor([[int(sources[0, 0]), NOBODY]]))
    assert loss(z, sources, elsewhere) > loss(z, sources) + 0.1
    torch.testing.assert_close(loss(z, sources, same_picture), koleo_twin(z, sources, same_picture))


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 6), st.integers(1, 3), st.integers(0, 6))
def test_properties(seed: int, pictures: int, views: int, mixed: int) -> None:
    z, sources = batch(pictures, views=views, mixed=mixed, seed=seed)
    value, gradient = with_gradient(lambda z: loss(z, sources), z)
    torch.testing.assert_close(value, koleo_twin(z, sources))
    assert -math.log(2) - 1e-9 <= value <= -math.log(1e-3) + 1e-9
    generator = torch.Generator().manual_seed(seed)
    order = torch.randperm(len(z), generator=generator)
    moved, moved_gradient = with_gradient(lambda z: loss(z, sources[order]), z[order])
    torch.testing.assert_close(moved, value)
    torch.testing.assert_close(moved_gradient, gradient[order])
    rotation, _ = torch.linalg.qr(torch.randn(6, 6, generator=generator, dtype=torch.float64))
    turned, turned_gradient = with_gradient(lambda z: loss(z, sources), z @ rotation)
    torch.testing.assert_close(turned, value)
    torch.testing.assert_close(turned_gradient, gradient @ rotation)
