"""InfoNCE against its nested-loop twin, and what must not change it."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from copylens.training.losses.infonce import Average, info_nce
from copylens.training.losses.positives import ExtraNegatives
from copylens.training.nouns import NOBODY
from loss_twins import DTYPES, batch, former_rows, info_nce_twin, masks, with_gradient

AVERAGES: list[Average] = ["pairs", "anchors"]


def loss(z: torch.Tensor, sources: torch.Tensor, **options: object) -> torch.Tensor:
    positives, itself = masks(sources)
    return info_nce(z, z, positives, itself, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("average", AVERAGES)
@pytest.mark.parametrize("mixed", [0, 3])
@pytest.mark.parametrize("extra", [False, True])
@pytest.mark.parametrize("dtype", [torch.float64, *DTYPES])
def test_equals_the_nested_loops(average: Average, mixed: int, extra: bool, dtype: torch.dtype) -> None:
    z, sources = batch(5, views=3, mixed=mixed)
    z = z.to(dtype)
    more = former_rows(sources) if extra else None
    value, gradient = with_gradient(lambda z: loss(z, sources, average=average, negatives=more), z)
    twin, twin_gradient = with_gradient(
        lambda z: info_nce_twin(z, sources, temperature=0.05, average=average, extra=more), z.double()
    )
    assert value.dtype == (torch.float64 if dtype == torch.float64 else torch.float32)
    assert gradient.dtype == dtype
    torch.testing.assert_close(value.double(), twin, rtol=1e-5, atol=1e-6)
    rounding = {torch.float64: 1e-9, torch.float32: 1e-4, torch.float16: 2e-3, torch.bfloat16: 2e-2}[dtype]
    torch.testing.assert_close(gradient.double(), twin_gradient, rtol=rounding, atol=rounding)


@pytest.mark.parametrize("average", AVERAGES)
def test_gradient_by_differences(average: Average) -> None:
    z, sources = batch(4, mixed=2)
    assert torch.autograd.gradcheck(lambda z: loss(z, sources, average=average), z.requires_grad_())


def test_averages_differ_only_with_uneven_positives() -> None:
    z, sources = batch(4)
    torch.testing.assert_close(loss(z, sources, average="pairs"), loss(z, sources, average="anchors"))
    z, sources = batch(4, mixed=2)
    assert not torch.isclose(loss(z, sources, average="pairs"), loss(z, sources, average="anchors"))


def test_other_positives_stay_out_of_the_denominator() -> None:
    # Three views of one picture and one of another: by hand, the denominator of (i, j) has two terms.
    z = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.6, 0.8], [0.0, 1.0]], dtype=torch.float64)
    sources = torch.tensor([[0, NOBODY], [0, NOBODY], [0, NOBODY], [1, NOBODY]])
    pairs = [(1.0, 0.0), (0.6, 0.0), (1.0, 0.0), (0.6, 0.0), (0.6, 0.8), (0.6, 0.8)]
    by_hand = sum(math.log1p(math.exp((negative - positive) / 0.5)) for positive, negative in pairs) / 6
    assert loss(z, sources, temperature=0.5).item() == pytest.approx(by_hand, rel=1e-12)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("temperature", [0.05, 0.005])
def test_scores_of_one_do_not_overflow(dtype: torch.dtype, temperature: float) -> None:
    # exp(1 / 0.05) is 4.9e8 and the largest float16 65504; at τ = 0.005 even float32 overflows.
    z = torch.ones(6, 1, dtype=dtype)
    sources = torch.tensor([[i % 3, NOBODY] for i in range(6)])
    value, gradient = with_gradient(lambda z: loss(z, sources, temperature=temperature), z)
    assert value.item() == pytest.approx(math.log(5), abs=2e-7 / temperature)
    assert gradient.isfinite().all()


def test_autocast_does_not_lower_the_precision() -> None:
    z, sources = batch(6)
    z = z.float()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        inside = loss(z, sources)
    assert inside.dtype == torch.float32
    assert torch.equal(inside, loss(z, sources))


@pytest.mark.parametrize("average", AVERAGES)
@pytest.mark.parametrize(
    "sources",
    [[[0, NOBODY]], [[0, NOBODY]] * 4, [[i, NOBODY] for i in range(4)], [[NOBODY, NOBODY]] * 3],
    ids=["one row", "one picture", "no positives", "nobody"],
)
def test_nothing_to_compare_is_zero_with_zero_gradient(sources: list[list[int]], average: Average) -> None:
    z, _ = batch(len(sources), views=1)
    value, gradient = with_gradient(lambda z: loss(z, torch.tensor(sources), average=average), z)
    assert value.item() == 0
    assert torch.equal(gradient, torch.zeros_like(gradient))


@pytest.mark.parametrize("average", AVERAGES)
def test_a_row_without_positives_is_a_negative_only(average: Average) -> None:
    z, sources = batch(3)
    sources[5] = torch.tensor([77, NOBODY])
    value, gradient = with_gradient(lambda z: loss(z, sources, average=average), z)
    twin = info_nce_twin(z, sources, temperature=0.05, average=average)
    torch.testing.assert_close(value, twin)
    assert gradient[5].norm() > 0


def test_a_pair_without_negatives_is_zero_and_counts() -> None:
    # Row 0 shares a picture with everyone, rows 1 and 2 with row 0 only.
    z, _ = batch(3, views=1)
    sources = torch.tensor([[0, 1], [0, NOBODY], [1, NOBODY]])
    value = loss(z, sources, average="anchors")
    torch.testing.assert_close(value, info_nce_twin(z, sources, temperature=0.05, average="anchors"))
    rest = loss(z[1:], torch.tensor([[0, NOBODY], [1, NOBODY]]))
    assert rest.item() == 0
    assert value.item() > 0


def test_antipodal_pair() -> None:
    z = torch.tensor([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]])
    sources = torch.tensor([[0, NOBODY], [0, NOBODY], [1, NOBODY], [1, NOBODY]])
    value, gradient = with_gradient(lambda z: loss(z, sources), z)
    assert value.item() == pytest.approx(math.log1p(2 * math.exp(20)), rel=1e-6)
    assert gradient.isfinite().all()


def test_extra_negatives_only_make_it_harder() -> None:
    z, sources = batch(5)
    more = former_rows(sources)
    none = ExtraNegatives(more.descriptors, torch.zeros_like(more.allowed))
    assert loss(z, sources, negatives=more) > loss(z, sources)
    torch.testing.assert_close(loss(z, sources, negatives=none), loss(z, sources))


def test_a_part_of_the_anchors() -> None:
    z, sources = batch(4)
    positives, itself = masks(sources)
    halves = [info_nce(z[rows], z, positives[rows], itself[rows]) for rows in (slice(0, 4), slice(4, 8))]
    torch.testing.assert_close(torch.stack(halves).mean(), loss(z, sources))


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    pictures=st.integers(1, 6),
    views=st.integers(1, 3),
    mixed=st.integers(0, 6),
    temperature=st.sampled_from([0.02, 0.05, 0.5, 2.0]),
    average=st.sampled_from(AVERAGES),
)
def test_properties(
    seed: int, pictures: int, views: int, mixed: int, temperature: float, average: Average
) -> None:
    z, sources = batch(pictures, views=views, mixed=mixed, seed=seed)
    value, gradient = with_gradient(lambda z: loss(z, sources, temperature=temperature, average=average), z)
    assert value >= 0
    torch.testing.assert_close(value, info_nce_twin(z, sources, temperature=temperature, average=average))
    generator = torch.Generator().manual_seed(seed)
    order = torch.randperm(len(z), generator=generator)
    moved, moved_gradient = with_gradient(
        lambda z: loss(z, sources[order], temperature=temperature, average=average), z[order]
    )
    torch.testing.assert_close(moved, value)
    torch.testing.assert_close(moved_gradient, gradient[order])
    rotation, _ = torch.linalg.qr(torch.randn(6, 6, generator=generator, dtype=torch.float64))
    turned, turned_gradient = with_gradient(
        lambda z: loss(z, sources, temperature=temperature, average=average), z @ rotation
    )
    torch.testing.assert_close(turned, value)
    torch.testing.assert_close(turned_gradient, gradient @ rotation)
