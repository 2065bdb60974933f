"""SimCLR's loss against its nested-loop twin."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from copylens.errors import UsageError
from copylens.training.losses import nt_xent_loss, sscd_loss
from copylens.training.nouns import NOBODY
from loss_twins import DTYPES, batch, koleo_twin, nt_xent_twin, statistics_twin, with_gradient


@pytest.mark.parametrize("temperature", [0.1, 0.5])
@pytest.mark.parametrize("dtype", [torch.float64, *DTYPES])
def test_equals_the_nested_loops(dtype: torch.dtype, temperature: float) -> None:
    z, sources = batch(5)
    z = z.to(dtype)
    value, gradient = with_gradient(lambda z: nt_xent_loss(z, sources, temperature=temperature).total, z)
    twin, twin_gradient = with_gradient(lambda z: nt_xent_twin(z, temperature), z.double())
    torch.testing.assert_close(value.double(), twin, rtol=1e-5, atol=1e-6)
    rounding = {torch.float64: 1e-9, torch.float32: 1e-4, torch.float16: 2e-3, torch.bfloat16: 2e-2}[dtype]
    torch.testing.assert_close(gradient.double(), twin_gradient, rtol=rounding, atol=rounding)


def test_gradient_by_differences() -> None:
    z, sources = batch(4)
    assert torch.autograd.gradcheck(lambda z: nt_xent_loss(z, sources).total, z.requires_grad_())


def test_is_info_nce_where_every_picture_has_two_views() -> None:
    z, sources = batch(6)
    info_nce = sscd_loss(z, sources, temperature=0.2, entropy_weight=0).total
    torch.testing.assert_close(nt_xent_loss(z, sources, temperature=0.2).total, info_nce)


def test_a_picture_twice_in_a_batch_is_a_negative_of_itself() -> None:
    # As in SimCLR, unlike `sscd_loss`: the partner is found by position.
    z, sources = batch(4)
    sources[[1, 5]] = sources[[0, 4]].clone()
    torch.testing.assert_close(nt_xent_loss(z, sources).total, nt_xent_twin(z, 0.1))


def test_koleo_and_statistics_are_measured() -> None:
    z, sources = batch(4)
    parts = nt_xent_loss(z, sources)
    torch.testing.assert_close(parts.koleo, koleo_twin(z, sources))
    measured = {name: value.item() for name, value in parts.statistics.items()}
    assert measured == pytest.approx(statistics_twin(z, sources))
    assert torch.equal(parts.total, parts.info_nce)


@pytest.mark.parametrize("dtype", DTYPES)
def test_equal_descriptors_are_finite(dtype: torch.dtype) -> None:
    z = torch.ones(6, 1, dtype=dtype)
    sources = torch.tensor([[i % 3, NOBODY] for i in range(6)])
    value, gradient = with_gradient(lambda z: nt_xent_loss(z, sources, temperature=0.01).total, z)
    assert value.item() == pytest.approx(math.log(5), abs=1e-4)
    assert gradient.isfinite().all()


def test_one_picture_is_zero() -> None:
    z, sources = batch(1)
    value, gradient = with_gradient(lambda z: nt_xent_loss(z, sources).total, z)
    assert value.item() == 0
    assert torch.equal(gradient, torch.zeros_like(gradient))


def test_an_odd_number_of_rows_is_refused() -> None:
    z, sources = batch(3, views=1)
    with pytest.raises(UsageError, match="two views of every picture, and 3 rows"):
        nt_xent_loss(z, sources)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 6))
def test_order_of_pictures_and_rotation_do_not_matter(seed: int, pictures: int) -> None:
    z, sources = batch(pictures, seed=seed)
    value = nt_xent_loss(z, sources).total
    generator = torch.Generator().manual_seed(seed)
    order = torch.randperm(pictures, generator=generator)
    order = torch.cat([order, order + pictures])
    rotation, _ = torch.linalg.qr(torch.randn(6, 6, generator=generator, dtype=torch.float64))
    torch.testing.assert_close(nt_xent_loss(z[order] @ rotation, sources[order]).total, value)
