"""GeM pooling against its definition, written as loops: values, gradients, and what lies between which bounds."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from copylens.networks.pooling import EPSILON, AveragePooling, GeM

POWERS = [1.0, 2.0, 3.0, 4.5]


def features(*shape: int, seed: int = 0) -> torch.Tensor:
    """Values of either sign, float64."""
    return torch.from_numpy(np.random.default_rng(seed).normal(0, 2, shape))


def twin(x: torch.Tensor, p: float) -> torch.Tensor:
    """The definition, one image and one channel at a time."""
    n, c, h, w = x.shape
    out = torch.zeros(n, c, dtype=x.dtype)
    for i in range(n):
        for j in range(c):
            total = sum(max(float(x[i, j, a, b]), EPSILON) ** p for a in range(h) for b in range(w))
            out[i, j] = (total / (h * w)) ** (1 / p)
    return out


@pytest.mark.parametrize("p", POWERS)
@pytest.mark.parametrize("shape", [(2, 3, 4, 5), (1, 1, 1, 1), (3, 2, 1, 7)])
def test_values_are_those_of_the_definition(p: float, shape: tuple[int, ...]) -> None:
    x = features(*shape)
    torch.testing.assert_close(GeM(p)(x), twin(x, p), rtol=1e-12, atol=0)


def test_by_hand() -> None:
    x = torch.tensor([[[[1.0, 2.0], [3.0, -5.0]]]])
    # (1 + 8 + 27 + 1e-18) / 4 = 9
    torch.testing.assert_close(GeM(3.0)(x), torch.tensor([[9.0 ** (1 / 3)]]))
    torch.testing.assert_close(GeM(1.0)(x), torch.tensor([[1.5]]), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("p", POWERS)
def test_gradients_are_those_of_finite_differences(p: float) -> None:
    x = features(2, 2, 3, 3, seed=1)
    x = torch.where(x.abs() < 0.05, x + 0.2, x)  # the clamp has no derivative at its corner
    assert torch.autograd.gradcheck(GeM(p), (x.requires_grad_(),), eps=1e-6, atol=1e-6)


@pytest.mark.parametrize("p", POWERS)
def test_gradients_are_those_of_the_derivative(p: float) -> None:
    x = features(2, 3, 4, 4, seed=2).requires_grad_()
    weights = features(2, 3, seed=3)
    (GeM(p)(x) * weights).sum().backward()
    pooled = twin(x.detach(), p)[..., None, None]
    # d/dx (mean x^p)^(1/p) = (x / pooled)^(p-1) / (h w), and nothing where the clamp holds.
    slope = (x.detach().clamp(min=EPSILON) / pooled) ** (p - 1) / 16 * (x.detach() > EPSILON)
    torch.testing.assert_close(x.grad, slope * weights[..., None, None])


def test_nothing_but_negative_values_gives_finite_values_and_no_gradient() -> None:
    x = (-features(2, 3, 4, 4).abs() - 1).float().requires_grad_()
    pooled = GeM(3.0)(x)
    torch.testing.assert_close(pooled, torch.full((2, 3), EPSILON), rtol=1e-3, atol=0)
    pooled.sum().backward()
    torch.testing.assert_close(x.grad, torch.zeros_like(x))


maps = arrays.arrays(
    np.float64, arrays.array_shapes(min_dims=4, max_dims=4, max_side=4), elements=st.floats(0.01, 50)
)


@settings(max_examples=40, deadline=None)
@given(maps, st.floats(1, 6))
def test_lies_between_the_mean_and_the_maximum(values: np.ndarray, p: float) -> None:
    x = torch.from_numpy(values)
    pooled = GeM(p)(x)
    assert (pooled >= x.mean(dim=(2, 3)) * (1 - 1e-9)).all()
    assert (pooled <= x.amax(dim=(2, 3)) * (1 + 1e-9)).all()


@settings(max_examples=40, deadline=None)
@given(maps, st.integers(0, 99), st.floats(0.5, 4))
def test_ignores_positions_and_follows_scale(values: np.ndarray, seed: int, scale: float) -> None:
    x = torch.from_numpy(values)
    n, c, h, w = x.shape
    shuffled = x.reshape(n, c, h * w)[:, :, np.random.default_rng(seed).permutation(h * w)].reshape(
        n, c, h, w
    )
    torch.testing.assert_close(GeM(3.0)(shuffled), GeM(3.0)(x))
    torch.testing.assert_close(GeM(3.0)(x * scale), GeM(3.0)(x) * scale)


def test_the_average_counts_negative_values_too() -> None:
    x = features(2, 3, 4, 5)
    torch.testing.assert_close(AveragePooling()(x), x.mean(dim=3).mean(dim=2))
    assert not torch.allclose(AveragePooling()(x), GeM(1.0)(x))
