"""Joins: all pairs, each once, against nested loops; blocks that do not show; limits that hold."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from copylens.errors import TooManyMatchesError, UsageError
from copylens.matching import Pairs, cross_join, joins, self_join
from copylens.records import Descriptors

Row = tuple[int, int, float]


def rows_of(pairs: Pairs) -> list[Row]:
    return list(zip(pairs.first.tolist(), pairs.second.tolist(), pairs.scores.tolist(), strict=True))


def twin_cross(queries: Descriptors, references: Descriptors, threshold: float) -> list[Row]:
    """Nested loops in double precision; a score is at most 1."""
    found = []
    for a, query in enumerate(queries.tolist()):
        for b, reference in enumerate(references.tolist()):
            score = min(1.0, sum(x * y for x, y in zip(query, reference, strict=True)))
            if score >= threshold:
                found.append((a, b, score))
    return found


def twin_self(descriptors: Descriptors, threshold: float) -> list[Row]:
    return [row for row in twin_cross(descriptors, descriptors, threshold) if row[0] < row[1]]


def quarters(count: int, *, seed: int, dims: int = 3) -> Descriptors:
    """Rows of whole quarters: every product is exact in float32, so the twins must agree to the last bit."""
    return (np.random.default_rng(seed).integers(-3, 4, (count, dims)) / 4).astype(np.float32)


def unit_rows(count: int, dims: int, *, seed: int = 0) -> Descriptors:
    rows = np.random.default_rng(seed).standard_normal((count, dims))
    lengths: npt.NDArray[np.float64] = np.linalg.norm(rows, axis=1, keepdims=True)
    return (rows / lengths).astype(np.float32)


@pytest.fixture(params=[(1, 1), (2, 1), (3, 2), (7, 4), (2048, 4)], ids=str)
def block(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """Sizes of a block that divide nothing, and the real one."""
    rows, wide = request.param
    monkeypatch.setattr(joins, "BLOCK", rows)
    monkeypatch.setattr(joins, "WIDE", wide)
    return int(rows)


def test_golden_self_join() -> None:
    descriptors = np.array([[1, 0], [0.6, 0.8], [0, 1], [1, 0], [-1, 0]], np.float32)
    found = self_join(descriptors, 0.5)
    assert found.first.tolist() == [0, 0, 1, 1]
    assert found.second.tolist() == [1, 3, 2, 3]
    np.testing.assert_allclose(found.scores, [0.6, 1, 0.8, 0.6], atol=1e-7)
    assert found.first.dtype == found.second.dtype == np.int64
    assert found.scores.dtype == np.float32
    assert len(found) == 4


def test_golden_cross_join() -> None:
    queries = np.array([[1, 0], [0, -1], [0, 1]], np.float32)
    references = np.array([[0, 1], [0.6, 0.8]], np.float32)
    found = cross_join(queries, references, 0.5)
    assert found.first.tolist() == [0, 2, 2]
    assert found.second.tolist() == [1, 0, 1]
    np.testing.assert_allclose(found.scores, [0.6, 1, 0.8], atol=1e-7)


@pytest.mark.parametrize("threshold", [-1.0, 0.0, 0.5, 0.75, 1.0])
def test_blocks_do_not_show(block: int, threshold: float) -> None:
    descriptors, others = quarters(23, seed=1), quarters(31, seed=2)
    assert rows_of(self_join(descriptors, threshold)) == twin_self(descriptors, threshold)
    assert rows_of(cross_join(descriptors, others, threshold)) == twin_cross(descriptors, others, threshold)
    assert rows_of(cross_join(others, descriptors, threshold)) == twin_cross(others, descriptors, threshold)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    count=st.integers(0, 15),
    others=st.integers(0, 15),
    sixteenths=st.integers(-18, 18),
)
def test_equal_the_nested_loops(seed: int, count: int, others: int, sixteenths: int) -> None:
    descriptors, references = quarters(count, seed=seed), quarters(others, seed=seed + 1)
    threshold = sixteenths / 16
    assert rows_of(self_join(descriptors, threshold)) == twin_self(descriptors, threshold)
    assert rows_of(cross_join(descriptors, references, threshold)) == twin_cross(
        descriptors, references, threshold
    )


def test_the_order_of_the_rows_does_not_matter() -> None:
    descriptors, order = quarters(40, seed=3), np.random.default_rng(4).permutation(40)
    shuffled = rows_of(self_join(descriptors[order], 0.5))
    renamed = {(frozenset((int(order[a]), int(order[b]))), score) for a, b, score in shuffled}
    assert renamed == {(frozenset((a, b)), score) for a, b, score in rows_of(self_join(descriptors, 0.5))}
    assert len(renamed) == len(shuffled)


def test_rounding_neither_loses_nor_doubles_a_pair(block: int) -> None:
    """The threshold is one of the scores, and the product may round differently the other way round."""
    descriptors = unit_rows(61, 96)
    exact = descriptors.astype(np.float64) @ descriptors.T.astype(np.float64)
    threshold = float(np.sort(exact[np.triu_indices(61, 1)])[-200])
    found = [(a, b) for a, b, _ in rows_of(self_join(descriptors, threshold))]
    assert len(found) == len(set(found))
    assert all(a < b for a, b in found)
    sure = {(a, b) for a in range(61) for b in range(a + 1, 61) if exact[a, b] >= threshold + 1e-6}
    possible = {(a, b) for a in range(61) for b in range(a + 1, 61) if exact[a, b] >= threshold - 1e-6}
    assert sure <= set(found) <= possible
    assert 195 <= len(sure) <= len(possible) <= 205


def test_equal_rows_score_at_most_one() -> None:
    # Longer than 1 by more than rounding ever makes them.
    descriptors = np.full((60, 1), 1.0005, np.float32)
    found = self_join(descriptors, 0.99)
    assert len(found) == 60 * 59 // 2
    assert found.scores.max() <= 1
    assert len(self_join(descriptors, 1.0000001)) == 0
    assert len(cross_join(descriptors, descriptors, 1.0000001)) == 0


@pytest.mark.parametrize(("threshold", "count"), [(-1.0, 10), (-1e300, 10), (1.5, 0), (1e300, 0)])
def test_extreme_thresholds(threshold: float, count: int) -> None:
    descriptors = np.eye(5, dtype=np.float32)
    assert len(self_join(descriptors, threshold)) == count
    assert len(cross_join(descriptors[:2], descriptors, threshold)) == count


def test_no_pair_is_below_the_threshold_as_it_was_written() -> None:
    score = np.float32(0.7)
    assert float(score) < 0.7
    descriptors = np.array([[1, 0], [score, 0]], np.float32)
    for threshold, count in ((0.7, 0), (np.float64(0.7), 0), (float(score), 1)):
        assert len(self_join(descriptors, threshold)) == count
        assert len(cross_join(descriptors[:1], descriptors[1:], threshold)) == count


@pytest.mark.parametrize("count", [0, 1])
def test_nothing_to_compare(count: int) -> None:
    few, nothing = unit_rows(count, 4), np.empty((0, 4), np.float32)
    for found in (self_join(few, -1), cross_join(few, nothing, -1), cross_join(nothing, few, -1)):
        assert len(found) == 0
        assert found.first.dtype == found.second.dtype == np.int64
        assert found.scores.dtype == np.float32


def test_the_limit_on_pairs(block: int) -> None:
    equal = np.repeat(np.eye(2, dtype=np.float32)[:1], 20, axis=0)
    assert len(self_join(equal, 0.5, max_pairs=190)) == 190
    assert len(cross_join(equal, equal, 0.5, max_pairs=400)) == 400
    with pytest.raises(TooManyMatchesError, match=r"More than 189 pairs .* raise --threshold"):
        self_join(equal, 0.5, max_pairs=189)
    with pytest.raises(TooManyMatchesError, match="More than 399 pairs"):
        cross_join(equal, equal, 0.5, max_pairs=399)


@pytest.mark.parametrize("join", [self_join, cross_join])
def test_too_many_pairs_are_refused_before_all_is_compared(
    join: Callable[..., Pairs], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(joins, "BLOCK", 4)
    equal, seen = np.ones((100, 1), np.float32), list[int]()

    def progress(done: int, total: int) -> None:
        seen.append(done)

    sides = (equal,) if join is self_join else (equal, equal)
    with pytest.raises(TooManyMatchesError):
        join(*sides, 0.5, max_pairs=500, progress=progress)
    assert seen == [4]


def test_progress_counts_rows_to_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(joins, "BLOCK", 4)
    seen: list[tuple[int, int]] = []
    self_join(unit_rows(10, 3), 0.5, progress=lambda done, total: seen.append((done, total)))
    cross_join(unit_rows(3, 3), unit_rows(9, 3), 0.5, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(4, 10), (8, 10), (10, 10), (3, 3)]


@pytest.mark.parametrize("join", ["self", "cross"])
def test_memory_does_not_grow_with_the_square(join: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(joins, "BLOCK", 128)
    descriptors = unit_rows(3000, 8)
    tracemalloc.start()
    try:
        if join == "self":
            self_join(descriptors, 0.99999)
        else:
            cross_join(descriptors[:2999], descriptors[1:], 0.999999)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    scores = 128 * 128 * joins.WIDE
    assert peak < 4 * scores * 5 < 3000 * 3000


@pytest.mark.parametrize(
    ("descriptors", "message"),
    [
        (np.zeros((2, 3)), r"must be \(N, D\) float32, got \(2, 3\) float64"),
        (np.zeros(3, np.float32), r"got \(3,\) float32"),
        (np.array([[np.nan, 0]], np.float32), "finite"),
        (np.array([[0, np.inf]], np.float32), "finite"),
    ],
    ids=["float64", "one row", "nan", "inf"],
)
def test_refuses_what_are_no_descriptors(descriptors: npt.NDArray[np.float32], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        self_join(descriptors, 0.5)
    with pytest.raises(UsageError, match=message):
        cross_join(np.zeros((1, 2), np.float32), descriptors, 0.5)


def test_refuses_two_models() -> None:
    with pytest.raises(UsageError, match="One side has 2 dimensions, the other 3"):
        cross_join(unit_rows(4, 2), unit_rows(4, 3), 0.5)


@pytest.mark.parametrize("threshold", [np.nan, np.inf, -np.inf])
def test_refuses_a_threshold_that_is_no_number(threshold: float) -> None:
    with pytest.raises(UsageError, match="threshold must be a number"):
        self_join(unit_rows(2, 2), threshold)


def test_the_lowest_threshold_takes_opposite_rows_too_whatever_rounding_does() -> None:
    row = np.random.default_rng(5).standard_normal(64).astype(np.float32)
    row /= np.linalg.norm(row)
    longer = row * np.float32(1 + 2.0**-22)
    pairs = self_join(np.stack([longer, -longer]), -1.0)
    assert rows_of(pairs)[0][:2] == (0, 1)
    assert not rows_of(self_join(np.stack([row, -row]) * np.float32(1.01), -1.0))
