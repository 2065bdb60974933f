"""Rows: what is refused, and that blocks do not show."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from copylens.errors import UsageError
from copylens.postprocess import rows
from copylens.postprocess.rows import LARGEST, blocks, checked_rows, mapped, mean_row
from descriptor_samples import correlated


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(0, 1), (1, 1), (3, 4)])
def test_finite_matrices_pass_as_they_are(dtype: type[np.floating[Any]], shape: tuple[int, int]) -> None:
    given = np.full(shape, -LARGEST, dtype)
    assert checked_rows(given) is given


@pytest.mark.parametrize(
    "wrong",
    [
        np.zeros(3, np.float32),
        np.zeros((2, 0), np.float32),
        np.zeros((2, 2, 2), np.float32),
        np.zeros((2, 2), np.float16),
        np.zeros((2, 2), np.int64),
        np.zeros((2, 2), bool),
        np.zeros((2, 2), complex),
        np.array([["a"]]),
        np.array([[None]]),
    ],
    ids=lambda array: f"{array.shape} {array.dtype}",
)
def test_another_shape_or_type_is_refused_by_name(wrong: npt.NDArray[Any]) -> None:
    with pytest.raises(UsageError, match=r"Queries must be \(N, C\) float32 or float64, got \("):
        checked_rows(wrong, what="Queries")


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 2e15, -1e300])
@pytest.mark.parametrize("place", [0, 5, 11])
def test_a_number_that_is_none_is_found_in_any_block(
    value: float, place: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows, "BLOCK", 4)
    given = np.zeros((12, 2))
    given[place, 1] = value
    with pytest.raises(UsageError, match="Queries must be finite numbers"):
        checked_rows(given, what="Queries")


def test_other_dimensions_are_refused_with_both_numbers() -> None:
    with pytest.raises(UsageError, match=r"Queries have 3 dimensions, but .* fitted on 4"):
        checked_rows(np.zeros((1, 3)), what="Queries", dims=4)


@pytest.mark.parametrize("count", [0, 1, 6, 7, 8, 14, 15])
def test_blocks_are_all_rows_once(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "BLOCK", 7)
    given = correlated(count, 3)
    parts = list(blocks(given))
    assert all(len(part) <= 7 for part in parts)
    assert np.array_equal(np.concatenate(parts), given)
    doubled = mapped(lambda part: np.repeat(part * 2, 2, axis=1).astype(np.float32), given)
    assert doubled.shape == (count, 6)
    assert np.array_equal(doubled, np.repeat(given * 2, 2, axis=1))
    if count:
        np.testing.assert_allclose(mean_row(given), given.astype(np.float64).mean(axis=0), rtol=1e-12)


def test_a_mean_is_taken_in_double_precision() -> None:
    given = np.array([[1e8], [1.0], [1.0], [-1e8]], np.float32)
    assert mean_row(given)[0] == 0.5
