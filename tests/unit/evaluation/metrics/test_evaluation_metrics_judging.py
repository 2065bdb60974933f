"""Joining predictions with the truth: which candidates are hits, and what is refused."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from copylens.errors import UsageError
from copylens.evaluation.metrics import judge
from copylens.evaluation.nouns import Ints, Predictions


def predictions(*rows: tuple[int, int, float]) -> Predictions:
    return Predictions(
        queries=np.array([row[0] for row in rows], np.int64),
        references=np.array([row[1] for row in rows], np.int64),
        scores=np.array([row[2] for row in rows], np.float32),
    )


def truth(*pairs: tuple[int, int]) -> Ints:
    return np.array(pairs, np.int64).reshape(-1, 2)


class TestJudge:
    def test_hits_and_positives_by_hand(self) -> None:
        # Query 0 has two true pairs, one of them found; query 1 has none; query 2 has one that nobody proposed.
        judged = judge(
            predictions((2, 5, 0.5), (0, 3, 0.9), (1, 3, 0.8), (0, 4, 0.7)), truth((0, 3), (0, 9), (2, 3)), 4
        )
        assert judged.queries.tolist() == [2, 0, 1, 0]
        assert judged.hits.tolist() == [False, True, False, False]
        assert judged.positives.tolist() == [2, 0, 1, 0]
        assert judged.scores.tolist() == np.array([0.5, 0.9, 0.8, 0.7], np.float32).tolist()

    def test_types(self) -> None:
        given_scores = Predictions(
            np.array([0], np.int32), np.array([1], np.uint16), np.array([0.1], np.float64)
        )
        judged = judge(given_scores, truth((0, 1)), 1)
        assert judged.queries.dtype == np.int64
        assert judged.scores.dtype == np.float32
        assert judged.hits.dtype == np.bool_
        assert judged.positives.dtype == np.int64
        assert judged.hits.tolist() == [True]

    def test_nothing_predicted(self) -> None:
        judged = judge(predictions(), truth((1, 7)), 2)
        assert len(judged.queries) == len(judged.scores) == len(judged.hits) == 0
        assert judged.positives.tolist() == [0, 1]

    def test_nothing_true(self) -> None:
        judged = judge(predictions((0, 0, 1.0)), truth(), 1)
        assert judged.hits.tolist() == [False]
        assert judged.positives.tolist() == [0]

    def test_pairs_do_not_collide(self) -> None:
        """(0, 12) and (1, 2) would share a key if references were counted from the candidates only."""
        assert judge(predictions((1, 2, 0.5)), truth((0, 12)), 2).hits.tolist() == [False]
        assert judge(predictions((0, 12, 0.5)), truth((1, 2)), 2).hits.tolist() == [False]

    @given(
        st.sets(st.tuples(st.integers(0, 4), st.integers(0, 6))),
        st.sets(st.tuples(st.integers(0, 4), st.integers(0, 6))),
    )
    def test_agrees_with_sets(self, found: set[tuple[int, int]], true: set[tuple[int, int]]) -> None:
        listed = sorted(found)
        judged = judge(predictions(*[(q, r, 0.5) for q, r in listed]), truth(*true), 5)
        assert judged.hits.tolist() == [pair in true for pair in listed]
        assert judged.positives.tolist() == [sum(q == query for q, _ in true) for query in range(5)]


class TestRefused:
    def test_duplicate_candidate(self) -> None:
        with pytest.raises(
            UsageError, match="candidate of query 1 and reference 7 occurs more than once in the pred"
        ):
            judge(predictions((1, 7, 0.9), (0, 7, 0.8), (1, 7, 0.1)), truth((1, 7)), 2)

    def test_duplicate_true_pair(self) -> None:
        with pytest.raises(
            UsageError, match="true pair of query 0 and reference 3 occurs more than once in the truth"
        ):
            judge(predictions(), truth((0, 3), (1, 3), (0, 3)), 2)

    @pytest.mark.parametrize(
        ("query", "said"), [(-1, "query is -1; positions go from 0 to 1"), (2, "query is 2;")]
    )
    def test_query_out_of_range(self, query: int, said: str) -> None:
        with pytest.raises(UsageError, match=said):
            judge(predictions((query, 0, 0.5)), truth((0, 0)), 2)
        with pytest.raises(UsageError, match=f"true pair's {said}"):
            judge(predictions((0, 0, 0.5)), truth((query, 0)), 2)

    @pytest.mark.parametrize("reference", [-1, 2**63 - 1])
    def test_reference_out_of_range(self, reference: int) -> None:
        with pytest.raises(UsageError, match=f"candidate's reference is {reference}; positions go from 0"):
            judge(predictions((0, reference, 0.5)), truth((0, 0)), 2)
        with pytest.raises(UsageError, match=f"true pair's reference is {reference}; positions go from 0"):
            judge(predictions((0, 0, 0.5)), truth((0, reference)), 2)

    def test_reference_too_large_for_the_keys(self) -> None:
        with pytest.raises(UsageError, match=f"reference position {2**62} is out of range"):
            judge(predictions((0, 2**62, 0.5)), truth((0, 0)), 2)

    @pytest.mark.parametrize("score", [np.nan, np.inf, -np.inf])
    def test_score_not_finite(self, score: float) -> None:
        with pytest.raises(
            UsageError, match=f"score of query 1 and reference 4 is {score}, and 1 scores in all"
        ):
            judge(predictions((0, 0, 0.5), (1, 4, score)), truth((0, 0)), 2)

    def test_score_beyond_float32(self) -> None:
        wide = Predictions(np.array([0]), np.array([0]), np.array([1e300]))
        with pytest.raises(UsageError, match=r"is 1e\+300, .* finite float32"):
            judge(wide, truth((0, 0)), 1)

    @pytest.mark.parametrize("short", ["queries", "references", "scores"])
    def test_lengths_that_differ(self, short: str) -> None:
        rows = {name: np.arange(2 if name == short else 3) for name in ("queries", "references", "scores")}
        scores = rows["scores"].astype(np.float32)
        with pytest.raises(UsageError, match=f"2 {short}"):
            judge(Predictions(rows["queries"], rows["references"], scores), truth((0, 0)), 3)

    @pytest.mark.parametrize("values", [np.zeros(1), np.zeros(1, np.bool_), np.zeros((1, 1), np.int64)])
    def test_positions_that_are_none(self, values: npt.NDArray[np.int64]) -> None:
        with pytest.raises(UsageError, match="must be one row of integers"):
            judge(Predictions(values, np.zeros(1, np.int64), np.zeros(1, np.float32)), truth((0, 0)), 1)

    @pytest.mark.parametrize("values", [np.zeros(1, np.int64), np.zeros((1, 1), np.float32)])
    def test_scores_that_are_none(self, values: npt.NDArray[np.float32]) -> None:
        with pytest.raises(UsageError, match="must be one row of float32 numbers"):
            judge(Predictions(np.zeros(1, np.int64), np.zeros(1, np.int64), values), truth((0, 0)), 1)

    @pytest.mark.parametrize("shape", [(2,), (1, 3)])
    def test_truth_of_another_shape(self, shape: tuple[int, ...]) -> None:
        with pytest.raises(UsageError, match=r"truth has the shape .*must be \(T, 2\)"):
            judge(predictions(), np.zeros(shape, np.int64), 1)

    def test_truth_of_another_type(self) -> None:
        with pytest.raises(
            UsageError, match="true pair's query must be one row of integers; they are float64"
        ):
            judge(predictions(), np.zeros((1, 2)), 1)  # type: ignore[arg-type]

    def test_negative_number_of_queries(self) -> None:
        with pytest.raises(UsageError, match="number of queries is -1"):
            judge(predictions(), truth(), -1)
