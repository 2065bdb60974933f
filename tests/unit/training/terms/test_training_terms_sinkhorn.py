"""Codes: as the loops of the paper's pseudo-code make them, shared out evenly, and finite whatever comes in."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from copylens.training.terms.sinkhorn import hardened, sinkhorn
from swav_twins import sinkhorn_twin, unit, wave


def cosines(rows: int, prototypes: int, seed: int) -> torch.Tensor:
    dice = np.random.default_rng(seed)
    scores = unit(dice.normal(size=(rows, 6))) @ unit(dice.normal(size=(prototypes, 6))).T
    return torch.from_numpy(scores)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 9), st.integers(2, 7), st.integers(1, 5), st.floats(0.04, 1.0), st.integers(0, 99))
def test_equals_the_loops(rows: int, prototypes: int, iterations: int, epsilon: float, seed: int) -> None:
    scores = cosines(rows, prototypes, seed)
    expected = sinkhorn_twin(scores.numpy(), epsilon=epsilon, iterations=iterations)
    found = sinkhorn(scores, epsilon=epsilon, iterations=iterations)
    assert found.dtype == torch.float64
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-9, atol=1e-12)
    single = sinkhorn(scores.float(), epsilon=epsilon, iterations=iterations)
    assert single.dtype == torch.float32
    np.testing.assert_allclose(single.numpy(), expected, atol=3e-5)


def test_equals_another_implementation() -> None:
    """Golden values of ``lightly.loss.swav_loss.sinkhorn`` of lightly 1.6.0 (float64), on the same scores."""
    scores = torch.from_numpy(unit(wave(6, 5, seed=0.11)) @ unit(wave(4, 5, seed=0.7)).T)
    golden = [
        [1.2435e-06, 8.5070e-01, 4.4181e-14, 1.4929e-01],
        [1.0390e-02, 7.9903e-03, 1.9790e-11, 9.8162e-01],
        [9.9954e-01, 3.5298e-06, 3.1315e-07, 4.5183e-04],
        [8.5578e-01, 2.0134e-07, 1.4422e-01, 2.8555e-09],
        [7.5933e-05, 3.9158e-07, 9.9992e-01, 4.7146e-14],
        [1.9610e-06, 8.5009e-03, 9.9150e-01, 8.6292e-13],
    ]
    np.testing.assert_allclose(sinkhorn(scores, epsilon=0.05, iterations=3).numpy(), golden, rtol=1e-4)


@settings(max_examples=20, deadline=None)
@given(st.integers(2, 12), st.integers(2, 6), st.integers(0, 99))
def test_in_the_end_rows_and_prototypes_have_equal_shares(rows: int, prototypes: int, seed: int) -> None:
    codes = sinkhorn(cosines(rows, prototypes, seed), epsilon=0.5, iterations=200).numpy()
    assert codes.min() >= 0
    np.testing.assert_allclose(codes.sum(axis=1), 1.0, rtol=1e-9)
    np.testing.assert_allclose(codes.sum(axis=0), rows / prototypes, rtol=1e-6)


@settings(max_examples=60, deadline=None)
@given(
    arrays.arrays(
        np.float32,
        st.tuples(st.integers(1, 5), st.integers(2, 5)),
        elements=st.floats(width=32, allow_nan=False, allow_infinity=False),
    )
)
def test_any_finite_scores_give_codes(scores: np.ndarray[tuple[int, ...], np.dtype[np.float32]]) -> None:
    codes = sinkhorn(torch.from_numpy(scores), epsilon=0.05, iterations=3)
    assert torch.isfinite(codes).all()
    assert (codes >= 0).all()
    torch.testing.assert_close(codes.sum(dim=1), torch.ones(len(codes)))


def test_scores_whose_exponentials_leave_float32_are_no_exception() -> None:
    # exp(9 / 0.05) is 1e78; only differences matter, so moved scores give the same codes.
    scores = cosines(8, 4, 1)
    near = sinkhorn(scores, epsilon=0.05, iterations=3)
    far = sinkhorn((scores + 9).float(), epsilon=0.05, iterations=3)
    torch.testing.assert_close(far.double(), near, atol=1e-3, rtol=1e-3)


def test_the_order_of_rows_and_prototypes_does_not_matter() -> None:
    scores, order, other = cosines(7, 5, 3), torch.randperm(7), torch.randperm(5)
    codes = sinkhorn(scores, epsilon=0.1, iterations=3)
    torch.testing.assert_close(
        sinkhorn(scores[order][:, other], epsilon=0.1, iterations=3), codes[order][:, other]
    )


def test_rows_that_do_not_count_change_nothing_for_the_others() -> None:
    scores = cosines(9, 4, 5)
    counted = torch.tensor([True, False, True, True, False, True, False, True, True])
    found = sinkhorn(scores, epsilon=0.1, iterations=3, counted=counted)
    torch.testing.assert_close(found[counted], sinkhorn(scores[counted], epsilon=0.1, iterations=3))
    assert not torch.allclose(found[counted], sinkhorn(scores, epsilon=0.1, iterations=3)[counted])
    nobody = sinkhorn(scores, epsilon=0.1, iterations=3, counted=torch.zeros(9, dtype=torch.bool))
    torch.testing.assert_close(nobody, (scores / 0.1).softmax(dim=1))


def test_all_rows_the_same_share_all_prototypes() -> None:
    """What makes SwAV hard to collapse: codes of equal rows are even, however near one prototype is."""
    scores = torch.tensor([[0.9, -0.2, 0.1]]).repeat(6, 1)
    torch.testing.assert_close(sinkhorn(scores, epsilon=0.05, iterations=1), torch.full((6, 3), 1 / 3))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_computed_in_float32_and_has_no_graph(dtype: torch.dtype) -> None:
    scores = cosines(6, 4, 2).to(dtype).requires_grad_()
    codes = sinkhorn(scores, epsilon=0.05, iterations=3)
    assert codes.dtype == torch.float32
    assert not codes.requires_grad
    torch.testing.assert_close(codes, sinkhorn(scores.detach().float(), epsilon=0.05, iterations=3))


def test_hard_codes_are_on_the_largest() -> None:
    codes = torch.tensor([[0.2, 0.5, 0.3], [0.4, 0.2, 0.4], [0.0, 0.0, 1.0]])
    assert hardened(codes).tolist() == [[0, 1, 0], [1, 0, 0], [0, 0, 1]]
