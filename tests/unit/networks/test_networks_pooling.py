"""Poolings against their definitions, written as loops: values, gradients, and what lies between which bounds."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from copylens.errors import UsageError
from copylens.networks.pooling import (
    EPSILON,
    POOLINGS,
    SOFT_ROOT,
    AttentionPooling,
    AveragePooling,
    ClassToken,
    GeM,
    SignedGeM,
    SoftplusGeM,
    make_pooling,
)

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


def signed_twin(x: torch.Tensor, p: float) -> torch.Tensor:
    """The definition, one image and one channel at a time."""
    n, c, h, w = x.shape
    out = torch.zeros(n, c, dtype=x.dtype)
    for i in range(n):
        for j in range(c):
            values = [float(x[i, j, a, b]) for a in range(h) for b in range(w)]
            m = sum(np.sign(v) * abs(v) ** p for v in values) / (h * w)
            s = sum(abs(v) ** p for v in values) / (h * w)
            out[i, j] = m * (m**2 + (SOFT_ROOT * s) ** 2) ** ((1 / p - 1) / 2)
    return out


def softplus_twin(x: torch.Tensor, p: float) -> torch.Tensor:
    n, c, h, w = x.shape
    out = torch.zeros(n, c, dtype=x.dtype)
    for i in range(n):
        for j in range(c):
            total = sum(np.log1p(np.exp(float(x[i, j, a, b]))) ** p for a in range(h) for b in range(w))
            out[i, j] = (total / (h * w)) ** (1 / p)
    return out


def attention_twin(x: torch.Tensor, query: torch.Tensor) -> torch.Tensor:
    n, c, h, w = x.shape
    heads = len(query)
    out = torch.zeros(n, c, dtype=x.dtype)
    for i in range(n):
        for head in range(heads):
            scores = [float(x[i, :, a, b] @ query[head]) / c**0.5 for a in range(h) for b in range(w)]
            weights = np.exp(scores) / np.exp(scores).sum()
            for j in range(head * c // heads, (head + 1) * c // heads):
                out[i, j] = sum(weights[a * w + b] * float(x[i, j, a, b]) for a in range(h) for b in range(w))
    return out


TWINS = {"signed-gem": (SignedGeM, signed_twin), "softplus-gem": (SoftplusGeM, softplus_twin)}


@pytest.mark.parametrize("p", POWERS)
@pytest.mark.parametrize("name", TWINS)
def test_powers_for_both_signs_are_their_definitions(name: str, p: float) -> None:
    made, twin_of = TWINS[name]
    for shape in ((2, 3, 4, 5), (1, 1, 1, 1), (3, 2, 1, 7)):
        x = features(*shape)
        torch.testing.assert_close(made(p)(x), twin_of(x, p), rtol=1e-9, atol=1e-12)
    x = features(2, 2, 3, 3, seed=1).requires_grad_()
    assert torch.autograd.gradcheck(made(p), (x,), eps=1e-6, atol=1e-5)


def test_power_one_is_the_average() -> None:
    x = features(2, 3, 4, 5)
    torch.testing.assert_close(SignedGeM(1.0)(x), AveragePooling()(x))
    torch.testing.assert_close(SoftplusGeM(1.0)(x), torch.log1p(x.exp()).mean(dim=(2, 3)))
    torch.testing.assert_close(GeM(1.0)(x.abs()), AveragePooling()(x.abs()))


@given(
    arrays.arrays(np.float64, (1, 2, 2, 3), elements=st.floats(0.1, 50)),
    st.floats(0.01, 100),
    st.sampled_from([1.0, 2.0, 3.0]),
)
@settings(max_examples=50, deadline=None)
def test_the_signed_mean_is_odd_grows_with_its_input_and_is_gem_for_one_sign(
    values: np.ndarray, scale: float, p: float
) -> None:
    x = torch.from_numpy(values)
    pool = SignedGeM(p)
    torch.testing.assert_close(pool(x), GeM(p)(x), rtol=1e-4, atol=1e-9)
    torch.testing.assert_close(pool(-x), -pool(x))
    torch.testing.assert_close(pool(x * scale), pool(x) * scale)
    mixed = x * torch.tensor([1.0, -1.0, 1.0], dtype=torch.float64)
    torch.testing.assert_close(pool(mixed * scale), pool(mixed) * scale)
    assert (pool(mixed).abs() <= x.amax(dim=(2, 3)) * (1 + 1e-9)).all()


@pytest.mark.parametrize("p", [1.0, 1.5, 3.0, 6.0])
@pytest.mark.parametrize("name", ["gem", "signed-gem", "softplus-gem", "average", "attention"])
@pytest.mark.parametrize("value", [0.0, 1e-12, -1e-12, 1e-3, -40.0])
def test_gradients_are_finite_and_not_huge_also_at_zero(name: str, p: float, value: float) -> None:
    x = torch.full((1, 8, 2, 2), value, requires_grad=True)
    pool, _ = make_pooling(name, width=8, p=p, has_class=False)
    pool(x).sum().backward()
    assert x.grad is not None
    assert torch.isfinite(x.grad).all()
    assert x.grad.abs().max() < 100


def test_the_slope_of_the_signed_mean_is_bounded_where_its_values_cancel() -> None:
    """The root's own slope would be infinite there."""
    x = torch.tensor([[[[1.0, -1.0]]]], requires_grad=True)
    SignedGeM(3.0)(x).sum().backward()
    assert x.grad is not None
    assert x.grad.abs().max() == pytest.approx(1.5 * SOFT_ROOT ** (1 / 3 - 1), rel=1e-3)


def test_attention_is_its_definition_and_starts_as_the_average() -> None:
    for width, heads in ((8, 8), (12, 4), (5, 1)):
        pool = AttentionPooling(width).double()
        assert pool.query.shape == (heads, width)
        x = features(2, width, 3, 2)
        torch.testing.assert_close(pool(x), AveragePooling()(x))
        with torch.no_grad():
            pool.query.copy_(features(heads, width, seed=4))
        torch.testing.assert_close(pool(x), attention_twin(x, pool.query.detach()))
    assert torch.autograd.gradcheck(AttentionPooling(4).double(), (features(1, 4, 2, 2).requires_grad_(),))


def test_the_query_learns() -> None:
    pool = AttentionPooling(8)
    pool(torch.randn(2, 8, 3, 3)).square().sum().backward()
    assert pool.query.grad is not None
    assert (pool.query.grad.abs().sum(dim=1) > 0).all()


def test_the_class_token_is_the_first_of_the_prefix() -> None:
    local, prefix = features(2, 4, 2, 2), features(2, 3, 4)
    assert torch.equal(ClassToken()(local, prefix), prefix[:, 0])
    with pytest.raises(UsageError, match="needs a backbone with a class token"):
        ClassToken()(local, None)


def test_poolings_are_concatenated_in_the_order_of_their_names() -> None:
    local, prefix = features(2, 4, 2, 3), features(2, 2, 4)
    pool, width = make_pooling("cls+signed-gem+average", width=4, p=2.0, has_class=True)
    assert width == 12
    parts = [prefix[:, 0], SignedGeM(2.0)(local), AveragePooling()(local)]
    torch.testing.assert_close(pool(local, prefix), torch.cat(parts, dim=1))


@pytest.mark.parametrize("name", POOLINGS)
def test_every_name_makes_a_pooling_as_wide_as_it_says(name: str) -> None:
    pool, width = make_pooling(name, width=8, p=3.0, has_class=True)
    assert pool(torch.randn(3, 8, 2, 2), torch.randn(3, 1, 8)).shape == (3, width)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("name", ["gem", "signed-gem", "softplus-gem", "attention"])
@pytest.mark.parametrize("scale", [1e-3, 1.0, 300.0])
def test_half_precision_in_is_pooled_in_float32(name: str, dtype: torch.dtype, scale: float) -> None:
    """Third powers of 1e-3 are zero in float16, and those of 300 infinite."""
    pool, _ = make_pooling(name, width=8, p=3.0, has_class=False)
    if isinstance(pool, AttentionPooling):
        torch.nn.init.normal_(pool.query)
    x = (features(2, 8, 3, 3).float() * scale).to(dtype).requires_grad_()
    pooled = pool(x)
    assert pooled.dtype == torch.float32
    torch.testing.assert_close(pooled, pool(x.detach().float()))
    pooled.sum().backward()
    assert x.grad is not None
    assert torch.isfinite(x.grad).all()
