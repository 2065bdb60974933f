"""The sum, its parts and statistics on one process; `tests/distributed` has two."""

from __future__ import annotations

import pytest
import torch

from copylens.errors import UsageError
from copylens.training.losses import sscd_loss
from copylens.training.losses.infonce import Average
from copylens.training.memory import DescriptorMemory
from copylens.training.nouns import NOBODY
from loss_twins import (
    DTYPES,
    batch,
    extra_of,
    info_nce_twin,
    koleo_twin,
    statistics_twin,
    with_gradient,
)


def filled_memory(size: int = 8) -> DescriptorMemory:
    memory = DescriptorMemory(size, 6)
    rows, sources = batch(6, views=1, seed=5)
    sources[:, 0] += 2
    memory.add(rows, sources)
    return memory


@pytest.mark.parametrize("dtype", [torch.float64, *DTYPES])
@pytest.mark.parametrize("average", ["pairs", "anchors"])
@pytest.mark.parametrize("over_memory", [None, False, True])
def test_equals_the_sum_of_the_twins(dtype: torch.dtype, average: Average, over_memory: bool | None) -> None:
    z, sources = batch(5, mixed=2)
    z = z.to(dtype)
    memory = None if over_memory is None else filled_memory()
    extra = None if memory is None else extra_of(sources, memory.descriptors, memory.sources)

    def twin(z: torch.Tensor) -> torch.Tensor:
        contrast = info_nce_twin(z, sources, temperature=0.07, average=average, extra=extra)
        return contrast + 12 * koleo_twin(z, sources, extra if over_memory else None)

    def loss(z: torch.Tensor) -> torch.Tensor:
        return sscd_loss(
            z,
            sources,
            temperature=0.07,
            entropy_weight=12,
            average=average,
            memory=memory,
            koleo_over_memory=bool(over_memory),
        ).total

    value, gradient = with_gradient(loss, z)
    expected, expected_gradient = with_gradient(twin, z.double())
    torch.testing.assert_close(value.double(), expected, rtol=1e-5, atol=1e-5)
    rounding = {torch.float64: 1e-9, torch.float32: 1e-4, torch.float16: 2e-3, torch.bfloat16: 2e-2}[dtype]
    torch.testing.assert_close(gradient.double(), expected_gradient, rtol=rounding, atol=rounding)


def test_parts_and_statistics() -> None:
    z, sources = batch(5, mixed=2)
    parts = sscd_loss(z.requires_grad_(), sources)
    assert parts.total.requires_grad
    for part in (parts.info_nce, parts.koleo, *parts.statistics.values()):
        assert part.shape == ()
        assert not part.requires_grad
    torch.testing.assert_close(parts.total.detach(), parts.info_nce + 30 * parts.koleo)
    torch.testing.assert_close(
        parts.info_nce, info_nce_twin(z, sources, temperature=0.05, average="pairs").detach()
    )
    torch.testing.assert_close(parts.koleo, koleo_twin(z, sources).detach())
    measured = {name: value.item() for name, value in parts.statistics.items()}
    assert measured == pytest.approx(statistics_twin(z.detach(), sources))


def test_a_weight_of_zero_leaves_info_nce() -> None:
    z, sources = batch(5)
    value, gradient = with_gradient(lambda z: sscd_loss(z, sources, entropy_weight=0).total, z)
    twin, twin_gradient = with_gradient(
        lambda z: info_nce_twin(z, sources, temperature=0.05, average="pairs"), z
    )
    torch.testing.assert_close(value, twin)
    torch.testing.assert_close(gradient, twin_gradient)


def test_a_collapsed_network_shows() -> None:
    z = torch.tensor([[0.6, 0.8]] * 8)
    sources = torch.tensor([[i % 4, NOBODY] for i in range(8)])
    statistics = sscd_loss(z, sources).statistics
    assert {name: value.item() for name, value in statistics.items()} == pytest.approx(
        dict.fromkeys(("positive", "negative", "nearest_negative", "mean_norm"), 1.0)
    )


@pytest.mark.parametrize("rows", [1, 4])
def test_one_picture_is_zero(rows: int) -> None:
    z, _ = batch(rows, views=1)
    sources = torch.tensor([[3, NOBODY]] * rows)
    value, gradient = with_gradient(lambda z: sscd_loss(z, sources).total, z)
    assert value.item() == 0
    assert torch.equal(gradient, torch.zeros_like(gradient))


def test_not_a_number_is_not_hidden() -> None:
    z, sources = batch(4)
    z[3, 0] = torch.nan
    parts = sscd_loss(z, sources)
    assert parts.total.isnan()


def test_autocast_does_not_lower_the_precision() -> None:
    z, sources = batch(5)
    z = z.float()
    memory = filled_memory()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        inside = sscd_loss(z, sources, memory=memory).total
    assert inside.dtype == torch.float32
    assert torch.equal(inside, sscd_loss(z, sources, memory=memory).total)


def test_adding_to_the_memory_before_going_backward_is_harmless() -> None:
    z, sources = batch(5)
    _, expected = with_gradient(lambda z: sscd_loss(z, sources, memory=filled_memory()).total, z)

    def loss_then_add(z: torch.Tensor) -> torch.Tensor:
        memory = filled_memory()
        total = sscd_loss(z, sources, memory=memory).total
        memory.add(z, sources)
        return total

    assert torch.equal(with_gradient(loss_then_add, z)[1], expected)


def test_wrong_shapes_are_named() -> None:
    z, sources = batch(3)
    with pytest.raises(UsageError, match=r"\(6, 6\) and \(5, 2\)"):
        sscd_loss(z, sources[:5])
