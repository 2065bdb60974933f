"""Values worked by hand from the definitions, and what happens at the edges."""

from __future__ import annotations

import numpy as np
import pytest

from copylens.errors import UsageError
from copylens.evaluation.metrics import (
    OperatingPoint,
    RecallAtK,
    RecallAtPrecision,
    Statistic,
    accuracy_at_1,
    mean_average_precision,
    micro_average_precision,
    precision_recall_curve,
    recall_at_k,
    recall_at_precision,
)
from unit.evaluation.metrics.naive_metrics import STATISTICS, make_judged

# Four queries. Query 0 has two true pairs, both found; query 1 has one, found; query 2 has one, missed; query 3 none.
#
#   rank    1     2     3     4     5     6     7
#   score   .9    .8    .7    .6    .5    .4    .3
#   query   0     3     1     0     2     1     0
#   hit     yes   no    yes   yes   no    no    no
#   found   1     1     2     3     3     3     3       of 4
#   prec.   1     1/2   2/3   3/4   3/5   1/2   3/7
LIST = make_judged(
    [
        (0, 0.9, True),
        (3, 0.8, False),
        (1, 0.7, True),
        (0, 0.6, True),
        (2, 0.5, False),
        (1, 0.4, False),
        (0, 0.3, False),
    ],
    [2, 1, 1, 0],
)

# One query with three true pairs; scores .5 .5 .5 .2 with hits yes, no, yes, yes. Misses first: no, yes, yes | yes.
TIED = make_judged([(0, 0.5, True), (0, 0.5, False), (0, 0.5, True), (0, 0.2, True)], [3])


class TestByHand:
    def test_micro_average_precision(self) -> None:
        # Hits at ranks 1, 3 and 4: (1 + 2/3 + 3/4) / 4 = (12 + 8 + 9) / 48.
        assert micro_average_precision(LIST) == pytest.approx(29 / 48, rel=1e-15)

    def test_micro_average_precision_with_ties(self) -> None:
        # Hits at ranks 2, 3 and 4: (1/2 + 2/3 + 3/4) / 3 = (6 + 8 + 9) / 36.
        assert micro_average_precision(TIED) == pytest.approx(23 / 36, rel=1e-15)

    def test_micro_average_precision_by_trapezoids(self) -> None:
        # Before and at the hits: (1, 1), (1/2, 2/3), (2/3, 3/4).
        # Means: 1, 7/12, 17/24; sum 55/24; of 4 true pairs.
        assert micro_average_precision(LIST, "trapezoid") == pytest.approx(55 / 96, rel=1e-15)

    def test_micro_average_precision_with_ties_by_trapezoids(self) -> None:
        # Before and at the hits: (0, 1/2), (1/2, 2/3), (2/3, 3/4). Means: 1/4, 7/12, 17/24; sum 37/24; of 3.
        assert micro_average_precision(TIED, "trapezoid") == pytest.approx(37 / 72, rel=1e-15)

    @pytest.mark.parametrize(
        ("asked", "precision", "recall", "threshold"),
        [
            # Only the first candidate has precision 1.
            (1.0, 1.0, 1 / 4, 0.9),
            (0.76, 1.0, 1 / 4, 0.9),
            # Rank 4 has 3/4; rank 2, in between, has less: the highest recall counts, not the longest good stretch.
            (0.75, 3 / 4, 3 / 4, 0.6),
            # Down to rank 6 the precision is at least 1/2 with the same recall; the higher threshold is given.
            (0.5, 3 / 4, 3 / 4, 0.6),
        ],
    )
    def test_recall_at_precision(
        self, asked: float, precision: float, recall: float, threshold: float
    ) -> None:
        expected = OperatingPoint(precision, recall, float(np.float32(threshold)))
        assert recall_at_precision(LIST, asked) == expected

    def test_recall_at_precision_with_ties(self) -> None:
        # At .5: 2 of 3 returned are hits. At .2: 3 of 4. Nothing reaches 0.8, although a lucky order would give 1.
        assert recall_at_precision(TIED, 0.8) == OperatingPoint(1.0, 0.0, None)
        assert recall_at_precision(TIED, 2 / 3) == OperatingPoint(3 / 4, 1.0, float(np.float32(0.2)))

    def test_accuracy_at_1(self) -> None:
        # Queries with a true pair: 0 (yes), 1 (yes), 2 (its best is a miss). Query 3 is not asked.
        assert accuracy_at_1(LIST) == pytest.approx(2 / 3, rel=1e-15)
        # A miss shares the best score.
        assert accuracy_at_1(TIED) == 0

    @pytest.mark.parametrize(("k", "expected"), [(1, 1 / 2), (2, 2 / 3), (100, 2 / 3)])
    def test_recall_at_k(self, k: int, expected: float) -> None:
        # k = 1: query 0 finds 1 of 2, query 1 finds 1 of 1, query 2 nothing: (1/2 + 1 + 0) / 3. k = 2: (1 + 1 + 0) / 3.
        assert recall_at_k(LIST, k) == pytest.approx(expected, rel=1e-15)

    @pytest.mark.parametrize(("k", "expected"), [(1, 0), (2, 1 / 3), (3, 2 / 3), (4, 1)])
    def test_recall_at_k_with_ties(self, k: int, expected: float) -> None:
        assert recall_at_k(TIED, k) == pytest.approx(expected, rel=1e-15)

    def test_mean_average_precision(self) -> None:
        # Query 0: yes, yes, no: 1. Query 1: yes, no: 1. Query 2: 0.
        assert mean_average_precision(LIST) == pytest.approx(2 / 3, rel=1e-15)

    def test_mean_average_precision_of_both_rules(self) -> None:
        # Query 0 has 3 true pairs; yes, no, yes: plain (1 + 2/3) / 3 = 5/9;
        #   trapezoid: (1 + 1) / 2 + (1/2 + 2/3) / 2 = 19/12; / 3 = 19/36.
        # Query 1 has 1; no, yes: plain 1/2; trapezoid (0 + 1/2) / 2 = 1/4.
        judged = make_judged(
            [(0, 0.9, True), (1, 0.9, False), (0, 0.8, False), (1, 0.2, True), (0, 0.7, True)], [3, 1]
        )
        assert mean_average_precision(judged, "plain") == pytest.approx((5 / 9 + 1 / 2) / 2, rel=1e-15)
        assert mean_average_precision(judged, "trapezoid") == pytest.approx((19 / 36 + 1 / 4) / 2, rel=1e-15)

    def test_precision_recall_curve(self) -> None:
        curve = precision_recall_curve(LIST)
        assert curve.precision.tolist() == [1, 1 / 2, 2 / 3, 3 / 4, 3 / 5, 1 / 2, 3 / 7]
        assert curve.recall.tolist() == [1 / 4, 1 / 4, 1 / 2, 3 / 4, 3 / 4, 3 / 4, 3 / 4]
        assert curve.thresholds.tolist() == LIST.scores.tolist()

    def test_precision_recall_curve_with_ties(self) -> None:
        curve = precision_recall_curve(TIED)
        assert curve.precision.tolist() == [2 / 3, 3 / 4]
        assert curve.recall.tolist() == [2 / 3, 1]
        assert curve.thresholds.tolist() == [np.float32(0.5), np.float32(0.2)]


class TestEdges:
    @pytest.mark.parametrize("statistic", STATISTICS.values(), ids=STATISTICS.keys())
    def test_no_candidates(self, statistic: Statistic) -> None:
        assert statistic.of(make_judged([], [1, 0, 2])) == 0

    @pytest.mark.parametrize("statistic", STATISTICS.values(), ids=STATISTICS.keys())
    def test_all_misses(self, statistic: Statistic) -> None:
        assert statistic.of(make_judged([(0, 0.5, False), (1, 0.4, False)], [1, 1])) == 0

    @pytest.mark.parametrize("statistic", STATISTICS.values(), ids=STATISTICS.keys())
    def test_all_hits_and_all_found(self, statistic: Statistic) -> None:
        assert statistic.of(make_judged([(0, 0.5, True), (0, 0.5, True), (1, 0.1, True)], [2, 1])) == 1

    @pytest.mark.parametrize("statistic", STATISTICS.values(), ids=STATISTICS.keys())
    def test_one_query_with_one_hit(self, statistic: Statistic) -> None:
        assert statistic.of(make_judged([(0, -3.0, True)], [1])) == 1

    def test_all_scores_equal(self) -> None:
        """One hit of query 0 among three misses of its score: at rank 4 of 4, and at rank 3 of 3 in its query."""
        judged = make_judged([(0, 0, True), (0, 0, False), (0, 0, False), (1, 0, False)], [1, 0])
        expected = {
            "µAP": 1 / 4,
            "µAP, trapezoid": 1 / 8,
            "recall at precision 0.5": 0,
            "recall at precision 0.9": 0,
            "accuracy at 1": 0,
            "recall at 2": 0,
            "mAP": 1 / 3,
            "mAP, trapezoid": 1 / 6,
        }
        assert {name: statistic.of(judged) for name, statistic in STATISTICS.items()} == pytest.approx(
            expected
        )

    def test_zeros_of_both_signs_are_equal(self) -> None:
        judged = make_judged([(0, 0.0, True), (0, -0.0, False)], [1])
        assert micro_average_precision(judged) == 1 / 2
        assert accuracy_at_1(judged) == 0
        assert precision_recall_curve(judged).precision.tolist() == [1 / 2]

    def test_curve_of_nothing(self) -> None:
        curve = precision_recall_curve(make_judged([], [1]))
        assert len(curve.precision) == len(curve.recall) == len(curve.thresholds) == 0

    def test_nothing_reaches_the_precision(self) -> None:
        judged = make_judged([(0, 0.5, False), (0, 0.4, True)], [1])
        assert recall_at_precision(judged, 0.9) == OperatingPoint(1.0, 0.0, None)


class TestRefused:
    @pytest.mark.parametrize("statistic", STATISTICS.values(), ids=STATISTICS.keys())
    def test_no_true_pair_at_all(self, statistic: Statistic) -> None:
        with pytest.raises(UsageError, match="None of the 2 queries has a true pair"):
            statistic.of(make_judged([(0, 0.5, False)], [0, 0]))

    def test_curve_without_true_pair(self) -> None:
        with pytest.raises(UsageError, match="None of the 0 queries has a true pair"):
            precision_recall_curve(make_judged([], []))

    @pytest.mark.parametrize("precision", [0.0, -0.1, 1.01, float("nan")])
    def test_precision_out_of_range(self, precision: float) -> None:
        for refused in (lambda: recall_at_precision(LIST, precision), lambda: RecallAtPrecision(precision)):
            with pytest.raises(UsageError, match="must be more than 0 and at most 1"):
                refused()

    @pytest.mark.parametrize("k", [0, -1])
    def test_k_out_of_range(self, k: int) -> None:
        for refused in (lambda: recall_at_k(LIST, k), lambda: RecallAtK(k)):
            with pytest.raises(UsageError, match="must be at least 1"):
                refused()

    def test_unknown_rule(self) -> None:
        for metric in (micro_average_precision, mean_average_precision):
            with pytest.raises(UsageError, match='no rule "interpolated"'):
                metric(LIST, "interpolated")  # type: ignore[arg-type]
