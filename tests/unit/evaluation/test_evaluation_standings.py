"""Ranks of true pairs, against the obvious sort of each query's candidates."""

from __future__ import annotations

import numpy as np
import pytest

from copylens.evaluation.metrics import accuracy_at_1, judge, recall_at_k
from copylens.evaluation.nouns import Predictions
from copylens.evaluation.standings import ABSENT, standings_of, true_pairs_of
from evaluation_cases import Case, random_case

SEEDS = range(40)


def ordered(case: Case, query: int) -> list[tuple[float, bool, int, int]]:
    """The query's candidates as (-score, is true, reference, position), misses before hits of equal score."""
    true = set(map(tuple, case.truth.tolist()))
    p = case.predictions
    rows = [
        (-float(p.scores[m]), (query, int(p.references[m])) in true, int(p.references[m]), m)
        for m in range(len(p.queries))
        if p.queries[m] == query
    ]
    return sorted(rows)


@pytest.mark.parametrize("seed", SEEDS)
def test_standings_are_those_of_a_plain_sort(seed: int) -> None:
    case = random_case(seed)
    count = len(case.benchmark.queries)
    found = standings_of(case.predictions, case.truth, count)
    lists = [ordered(case, query) for query in range(count)]
    for pair, (query, reference) in enumerate(case.truth.tolist()):
        places = [place for place, row in enumerate(lists[query]) if row[2] == reference]
        rank = places[0] + 1 if places else ABSENT
        assert found.ranks[pair] == rank
        wrong_before = [row for row in lists[query][: max(rank - 1, 0)] if not row[1]]
        assert found.outranked[pair] == (rank == ABSENT or bool(wrong_before))
    for query, rows in enumerate(lists):
        assert found.best_is_true[query] == (bool(rows) and rows[0][1])
        wrong = [row for row in rows if not row[1]]
        assert found.best_wrong[query] == (wrong[0][3] if wrong else ABSENT)


@pytest.mark.parametrize("seed", SEEDS)
def test_they_agree_with_the_metrics(seed: int) -> None:
    case = random_case(seed)
    count = len(case.benchmark.queries)
    found = standings_of(case.predictions, case.truth, count)
    judged = judge(case.predictions, case.truth, count)
    np.testing.assert_array_equal(judged.hits, true_pairs_of(case.predictions, case.truth) != ABSENT)
    asked = judged.positives > 0
    assert found.best_is_true[asked].mean() == pytest.approx(accuracy_at_1(judged))
    listed = (found.ranks != ABSENT) & (found.ranks <= 3)
    shares = np.bincount(case.truth[listed, 0], minlength=count)[asked] / judged.positives[asked]
    assert shares.mean() == pytest.approx(recall_at_k(judged, 3))


@pytest.mark.parametrize("seed", SEEDS)
def test_the_order_of_the_candidates_does_not_matter(seed: int) -> None:
    case = random_case(seed)
    count = len(case.benchmark.queries)
    one = standings_of(case.predictions, case.truth, count)
    order = np.random.default_rng(seed).permutation(len(case.predictions.queries))
    p = case.predictions
    other = standings_of(
        Predictions(p.queries[order], p.references[order], p.scores[order]), case.truth, count
    )
    np.testing.assert_array_equal(one.ranks, other.ranks)
    np.testing.assert_array_equal(one.outranked, other.outranked)
    np.testing.assert_array_equal(one.best_is_true, other.best_is_true)
    listed = one.best_wrong != ABSENT
    np.testing.assert_array_equal(one.best_wrong[listed], order[other.best_wrong[listed]])


def test_nothing_at_all() -> None:
    none = Predictions(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float32))
    found = standings_of(none, np.empty((0, 2), np.int64), 3)
    assert found.best_wrong.tolist() == [ABSENT] * 3
    assert not found.best_is_true.any()
    found = standings_of(none, np.array([[2, 7]]), 3)
    assert (found.ranks.tolist(), found.outranked.tolist()) == ([ABSENT], [True])
