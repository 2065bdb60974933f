"""Centring and L2: golden values, twins, and rows that have no direction."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from copylens.errors import UsageError
from copylens.postprocess import Centring, UnitLength, l2_normalised
from descriptor_samples import correlated

matrices = arrays(
    np.float32, st.tuples(st.integers(1, 6), st.integers(1, 5)), elements=st.floats(-100, 100, width=32)
)


def test_golden_centring() -> None:
    centring = Centring().fit(np.array([[1.0, 0.0], [3.0, 0.0]]))
    assert centring.mean_ is not None
    assert centring.mean_.tolist() == [2.0, 0.0]
    out = centring.transform(np.array([[2.0, 5.0], [5.0, 4.0], [-1.0, 0.0]]))
    np.testing.assert_allclose(out, np.array([[0, 1], [0.6, 0.8], [-1, 0]]), atol=1e-7)


def test_golden_l2() -> None:
    out = UnitLength().transform(np.array([[3.0, 4.0], [0.0, -2.0], [0.0, 0.0]]))
    np.testing.assert_allclose(out, np.array([[0.6, 0.8], [0, -1], [0, 0]]), atol=1e-7)


@given(matrices, matrices)
def test_centring_is_the_loop_over_rows(
    training: npt.NDArray[np.float32], rows: npt.NDArray[np.float32]
) -> None:
    if training.shape[1] != rows.shape[1]:
        rows = np.resize(rows, (len(rows), training.shape[1]))
    columns = list(zip(*training.tolist(), strict=True))
    mean = [math.fsum(column) / len(column) for column in columns]
    out = Centring().fit(training).transform(rows)
    for row, got in zip(rows.tolist(), out.tolist(), strict=True):
        shifted = [x - m for x, m in zip(row, mean, strict=True)]
        length = math.hypot(*shifted)
        if length > 1e-6:
            assert got == pytest.approx([x / length for x in shifted], abs=1e-5)


@given(matrices, st.floats(0.01, 100))
def test_l2_does_not_mind_a_scale_nor_itself(rows: npt.NDArray[np.float32], scale: float) -> None:
    rows = rows[np.linalg.norm(rows, axis=1) > 1e-3]
    once = UnitLength().transform(rows)
    np.testing.assert_allclose(UnitLength().transform(rows * np.float32(scale)), once, atol=1e-6)
    np.testing.assert_allclose(UnitLength().transform(once), once, atol=1e-6)


@given(matrices, st.floats(-50, 50, width=32))
def test_centring_does_not_mind_a_shift(rows: npt.NDArray[np.float32], shift: float) -> None:
    wide = rows.astype(np.float64)
    mean = wide.mean(axis=0)
    wide = wide[np.linalg.norm(wide - mean, axis=1) > 1e-3]
    here = Centring().fit(rows).transform(wide)
    there = Centring().fit(rows.astype(np.float64) + shift).transform(wide + shift)
    np.testing.assert_allclose(here, there, atol=1e-5)


def test_equal_rows_are_centred_to_zero_not_to_noise() -> None:
    rows = np.repeat(correlated(1, 8), 7, axis=0)
    assert np.abs(Centring().fit(rows).transform(rows)).max() < 1e-4


@pytest.mark.parametrize("size", [1e15, 1e-3, 1e-10])
def test_the_largest_and_smallest_rows_have_length_one(size: float) -> None:
    rows = np.full((1, 2000), size)
    np.testing.assert_allclose(np.linalg.norm(l2_normalised(rows), axis=1), 1, rtol=1e-6)


def test_centring_needs_a_row() -> None:
    with pytest.raises(UsageError, match="at least one training row"):
        Centring().fit(np.empty((0, 4)))
