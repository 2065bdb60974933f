"""What every index must do; subclass `VectorIndexConformance` and say how an empty one is made."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from copylens.errors import UsageError
from copylens.index import Neighbours, RangeResult, VectorIndex
from copylens.records import Descriptors

ROUNDING = 2e-6
"""Two backends' scores of one pair of unit vectors differ by less."""

Hit = tuple[float, int]


def unit_rows(rows: npt.NDArray[np.float64]) -> Descriptors:
    """Rows of length 1."""
    lengths: npt.NDArray[np.float64] = np.linalg.norm(rows, axis=1, keepdims=True)
    return (rows / lengths).astype(np.float32)


def random_descriptors(count: int, dims: int, *, seed: int = 0) -> Descriptors:
    return unit_rows(np.random.default_rng(seed).standard_normal((count, dims)))


def one_hot(*positions: int, dims: int = 4) -> Descriptors:
    """Rows whose products are exactly 0 or 1."""
    return np.eye(dims, dtype=np.float32)[list(positions)]


def twin_hits(keys: list[int], descriptors: Descriptors, query: npt.NDArray[np.float32]) -> list[Hit]:
    """The naive twin: every score by a loop, in double precision, best first, ties by key."""
    hits = []
    for key, row in zip(keys, descriptors.tolist(), strict=True):
        hits.append((sum(a * b for a, b in zip(row, query.tolist(), strict=True)), key))
    return sorted(hits, key=lambda hit: (-hit[0], hit[1]))


def row_hits(result: RangeResult, row: int) -> list[Hit]:
    part = slice(int(result.offsets[row]), int(result.offsets[row + 1]))
    return list(zip(result.scores[part].tolist(), result.keys[part].tolist(), strict=True))


class VectorIndexConformance:
    """Tests that every index inherits."""

    def make(self, dims: int) -> VectorIndex:
        """An empty index."""
        raise NotImplementedError

    def filled(self, keys: list[int], descriptors: Descriptors) -> VectorIndex:
        index = self.make(descriptors.shape[1])
        index.add(np.array(keys, dtype=np.int64), descriptors)
        return index

    # --- the answer, by hand

    def test_golden_neighbours(self) -> None:
        references = np.array([[1, 0], [0, 1], [0.6, 0.8], [-1, 0]], dtype=np.float32)
        found = self.filled([10, 20, 30, 40], references).search(np.array([[1, 0], [0, 1]], np.float32), 3)
        assert found.keys.tolist() == [[10, 30, 20], [20, 30, 10]]
        np.testing.assert_allclose(found.scores, [[1, 0.6, 0], [1, 0.8, 0]], atol=1e-7)
        assert found.counts.tolist() == [3, 3]

    def test_golden_range(self) -> None:
        references = np.array([[1, 0], [0, 1], [0.6, 0.8], [-1, 0]], dtype=np.float32)
        queries = np.array([[1, 0], [0, -1], [0, 1]], np.float32)
        found = self.filled([10, 20, 30, 40], references).range_search(queries, 0.5)
        assert found.offsets.tolist() == [0, 2, 2, 4]
        assert found.keys.tolist() == [10, 30, 20, 30]
        np.testing.assert_allclose(found.scores, [1, 0.6, 1, 0.8], atol=1e-7)

    def test_types_and_shapes(self) -> None:
        index = self.filled([3, 1, 2], random_descriptors(3, 5))
        neighbours, hits = (
            index.search(random_descriptors(4, 5), 2),
            index.range_search(random_descriptors(4, 5), 0),
        )
        assert neighbours.keys.shape == neighbours.scores.shape == (4, 2)
        assert neighbours.counts.shape == (4,)
        assert hits.offsets.shape == (5,)
        for whole in (neighbours.keys, neighbours.counts, hits.offsets, hits.keys):
            assert whole.dtype == np.int64
        assert neighbours.scores.dtype == hits.scores.dtype == np.float32
        assert len(hits.keys) == len(hits.scores) == hits.offsets[-1]

    # --- against the twin

    # Every subclass runs this one test with an index of its own: that is the purpose.
    @settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.differing_executors])
    @given(data=st.data())
    def test_equals_the_naive_twin(self, data: st.DataObject) -> None:
        dims = data.draw(st.integers(1, 6), label="dims")
        # Small whole numbers: products are exact, so ties are real and everybody must break them alike.
        vector = st.lists(st.integers(-2, 2), min_size=dims, max_size=dims)
        rows = data.draw(st.lists(vector, min_size=1, max_size=12), label="references")
        asked = data.draw(st.lists(vector, min_size=1, max_size=5), label="queries")
        keys = data.draw(st.permutations(range(0, 7 * len(rows), 7)), label="keys")
        k = data.draw(st.integers(1, 14), label="k")
        threshold = data.draw(st.integers(-9, 9), label="threshold")
        references, queries = np.array(rows, np.float32), np.array(asked, np.float32)
        index = self.filled(list(keys), references)
        neighbours, found = index.search(queries, k), index.range_search(queries, threshold)
        for row, query in enumerate(queries):
            hits = twin_hits(list(keys), references, query)
            assert neighbours.counts[row] == min(k, len(hits))
            padded = hits[:k] + [(-np.inf, -1)] * (k - len(hits))
            assert neighbours.keys[row].tolist() == [key for _, key in padded]
            assert neighbours.scores[row].tolist() == [score for score, _ in padded]
            assert row_hits(found, row) == [hit for hit in hits if hit[0] >= threshold]

    @pytest.mark.parametrize("dims", [1, 3, 64, 257])
    def test_equals_the_twin_on_unit_vectors(self, dims: int) -> None:
        references, queries = random_descriptors(60, dims, seed=1), random_descriptors(9, dims, seed=2)
        neighbours = self.filled(list(range(60)), references).search(queries, 7)
        for row, query in enumerate(queries):
            twin = twin_hits(list(range(60)), references, query)
            score_of = {key: score for score, key in twin}
            np.testing.assert_allclose(neighbours.scores[row], [s for s, _ in twin[:7]], atol=ROUNDING)
            np.testing.assert_allclose(
                neighbours.scores[row], [score_of[int(key)] for key in neighbours.keys[row]], atol=ROUNDING
            )

    def test_a_batch_answers_as_its_queries_alone(self) -> None:
        index, queries = (
            self.filled(list(range(40)), random_descriptors(40, 32)),
            random_descriptors(30, 32, seed=5),
        )
        batch = index.search(queries, 4)
        for row in range(len(queries)):
            alone = index.search(queries[row : row + 1], 4)
            np.testing.assert_array_equal(alone.keys[0], batch.keys[row])
            np.testing.assert_allclose(alone.scores[0], batch.scores[row], atol=ROUNDING)

    def test_adding_in_parts_in_any_order_changes_nothing(self) -> None:
        references, queries = random_descriptors(50, 8), random_descriptors(20, 8, seed=3)
        whole, parts = self.filled(list(range(50)), references), self.make(8)
        for part in np.array_split(np.random.default_rng(4).permutation(50), 4):
            parts.add(part.astype(np.int64), references[part])
        assert len(parts) == len(whole) == 50
        np.testing.assert_array_equal(parts.search(queries, 9).keys, whole.search(queries, 9).keys)
        np.testing.assert_array_equal(
            parts.range_search(queries, 0.3).keys, whole.range_search(queries, 0.3).keys
        )

    # --- ties

    @pytest.mark.parametrize("k", [1, 2, 5, 6, 7, 8])
    def test_equal_scores_come_by_ascending_key(self, k: int) -> None:
        index = self.filled([9, 4, 7, 1, 8, 3, 6], one_hot(0, 0, 0, 0, 1, 0, 0))
        expected = [1, 3, 4, 6, 7, 9, 8]
        assert index.search(one_hot(0), k).keys[0].tolist() == [*expected, -1][:k]
        assert index.range_search(one_hot(0), 0.5).keys.tolist() == expected[:6]

    def test_ties_far_beyond_k_are_settled_by_key(self) -> None:
        keys = np.random.default_rng(6).permutation(3000)
        index = self.filled(keys.tolist(), one_hot(*[0] * 2999, 1))
        queries = one_hot(*[0, 1] * 40)
        found = index.search(queries, 3)
        same = sorted(keys[:2999].tolist())
        assert found.keys[::2].tolist() == [same[:3]] * 40
        assert found.keys[1::2].tolist() == [[int(keys[-1]), *same[:2]]] * 40

    def test_a_large_batch_of_copies_is_answered_whole(self) -> None:
        """Backends choose their arithmetic by the batch's size; the answers must not mix."""
        half = random_descriptors(1500, 256)
        index = self.filled(list(range(3000)), np.concatenate((half, half)))
        found = index.search(half[:1000], 1)
        assert set((found.keys[:, 0] - np.arange(1000)).tolist()) <= {0, 1500}
        np.testing.assert_allclose(found.scores, 1, atol=ROUNDING)

    # --- the threshold

    def test_a_score_at_the_threshold_is_a_hit(self) -> None:
        index = self.filled([0, 1], np.array([[0.5], [0.25]], np.float32))
        assert index.range_search(np.ones((1, 1), np.float32), 0.5).keys.tolist() == [0]
        assert index.range_search(np.ones((1, 1), np.float32), 0.25).keys.tolist() == [0, 1]
        assert (
            index.range_search(np.ones((1, 1), np.float32), float(np.nextafter(0.5, 1))).keys.tolist() == []
        )

    def test_no_hit_is_below_the_threshold_as_it_was_written(self) -> None:
        """The float32 nearest to 0.7 lies below it; the score that equals that float32 is no hit."""
        score = np.float32(0.7)
        assert float(score) < 0.7
        index = self.filled([0], np.array([[score]], np.float32))
        one = np.ones((1, 1), np.float32)
        assert index.range_search(one, 0.7).keys.tolist() == []
        assert index.range_search(one, np.float64(0.7)).keys.tolist() == []
        assert index.range_search(one, float(score)).keys.tolist() == [0]

    @pytest.mark.parametrize(("threshold", "hits"), [(-1.0, 4), (-1e300, 4), (1.001, 0), (1e300, 0), (0, 3)])
    def test_extreme_thresholds(self, threshold: float, hits: int) -> None:
        references = np.array([[1, 0], [0, 1], [-1, 0], [0, -1]], dtype=np.float32)
        found = self.filled([0, 1, 2, 3], references).range_search(references[:1], threshold)
        assert len(found.keys) == hits

    # --- empty things

    def test_an_empty_index(self) -> None:
        index = self.make(3)
        assert len(index) == 0
        neighbours: Neighbours = index.search(random_descriptors(2, 3), 2)
        assert neighbours.keys.tolist() == [[-1, -1], [-1, -1]]
        assert neighbours.scores.tolist() == [[-np.inf] * 2] * 2
        assert neighbours.counts.tolist() == [0, 0]
        hits = index.range_search(random_descriptors(2, 3), -1)
        assert (hits.offsets.tolist(), hits.keys.tolist(), hits.scores.tolist()) == ([0, 0, 0], [], [])

    def test_no_queries(self) -> None:
        index = self.filled([5], random_descriptors(1, 3))
        nothing = np.empty((0, 3), np.float32)
        assert index.search(nothing, 4).keys.shape == (0, 4)
        assert index.range_search(nothing, 0).offsets.tolist() == [0]

    def test_adding_nothing(self) -> None:
        index = self.make(3)
        index.add(np.empty(0, np.int64), np.empty((0, 3), np.float32))
        assert len(index) == 0

    # --- what it accepts

    def test_any_memory_layout(self) -> None:
        references = random_descriptors(10, 4)
        index = self.filled(list(range(10)), np.asfortranarray(references))
        np.testing.assert_array_equal(index.search(references[::2], 1).keys[:, 0], [0, 2, 4, 6, 8])

    def test_it_keeps_its_own_copy(self) -> None:
        references, keys = random_descriptors(5, 4), np.arange(5)
        queries, index = references.copy(), self.make(4)
        index.add(keys, references)
        references[:], keys[:] = 0, 77
        assert index.search(queries, 1).keys[:, 0].tolist() == [0, 1, 2, 3, 4]

    def test_the_largest_key(self) -> None:
        largest = np.iinfo(np.int64).max
        assert self.filled([largest], one_hot(0)).search(one_hot(0), 1).keys.tolist() == [[largest]]

    # --- what it refuses

    def test_refuses_no_dimensions(self) -> None:
        with pytest.raises(UsageError, match="at least one dimension, got 0"):
            self.make(0)

    @pytest.mark.parametrize(
        "descriptors",
        [
            np.zeros((2, 4), np.float32),
            np.zeros((2, 3)),
            np.zeros(3, np.float32),
            np.zeros((2, 3), np.float16),
        ],
        ids=["dims", "float64", "one row alone", "float16"],
    )
    def test_refuses_other_shapes_and_types(self, descriptors: npt.NDArray[np.float32]) -> None:
        index = self.filled([0], random_descriptors(1, 3))
        refusal = pytest.raises(UsageError, match=r"must be \(N, 3\) float32, got .*")
        with refusal:
            index.add(np.arange(1, 3), descriptors)
        with refusal:
            index.search(descriptors, 1)
        with refusal:
            index.range_search(descriptors, 0.5)
        assert len(index) == 1

    @pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
    def test_refuses_what_is_not_finite(self, value: float) -> None:
        index, bad = self.filled([0], random_descriptors(1, 3)), random_descriptors(2, 3)
        bad[1, 2] = value
        refusal = pytest.raises(UsageError, match="finite")
        with refusal:
            index.add(np.arange(1, 3), bad)
        with refusal:
            index.search(bad, 1)
        with refusal:
            index.range_search(bad, 0.5)

    @pytest.mark.parametrize(
        ("keys", "message"),
        [
            (np.array([1, 1]), "distinct and new"),
            (np.array([0, 1]), "distinct and new"),
            (np.array([1, -1]), "negative"),
            (np.array([1]), r"\(2,\) int64, got \(1,\) int64"),
            (np.array([1, 2], np.int32), r"\(2,\) int64, got \(2,\) int32"),
            (np.array([[1], [2]]), r"\(2,\) int64"),
        ],
        ids=["twice", "known", "negative", "too few", "int32", "shape"],
    )
    def test_refuses_keys_and_stays_as_it_was(self, keys: npt.NDArray[np.int64], message: str) -> None:
        index = self.filled([0], one_hot(0))
        with pytest.raises(UsageError, match=message):
            index.add(keys, one_hot(0, 0))
        assert len(index) == 1
        assert index.range_search(one_hot(0), 0.5).keys.tolist() == [0]

    @pytest.mark.parametrize("k", [0, -3])
    def test_refuses_k_below_one(self, k: int) -> None:
        with pytest.raises(UsageError, match=f"k must be at least 1, got {k}"):
            self.filled([0], one_hot(0)).search(one_hot(0), k)

    @pytest.mark.parametrize("threshold", [np.nan, np.inf, -np.inf])
    def test_refuses_a_threshold_that_is_no_number(self, threshold: float) -> None:
        with pytest.raises(UsageError, match="threshold must be a number"):
            self.filled([0], one_hot(0)).range_search(one_hot(0), threshold)
