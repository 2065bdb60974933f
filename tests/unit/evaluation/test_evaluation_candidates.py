"""Candidates: both rules against the full matrix, ties at the cut, bounded searches, rows of any length."""

from __future__ import annotations

import tracemalloc
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from copylens.errors import UsageError
from copylens.evaluation import candidates
from copylens.evaluation.candidates import find_candidates
from copylens.evaluation.nouns import CandidateRule, Predictions
from copylens.index import Neighbours, VectorIndex, create_index
from copylens.postprocess import ScoreNormalisation
from copylens.records import Descriptors
from descriptor_samples import correlated, quarters, unit_rows

Pair = tuple[int, int, float]


def per_query(k: int) -> CandidateRule:
    return CandidateRule(per_query=k)


def overall(n: int) -> CandidateRule:
    return CandidateRule(per_query=None, overall=n)


def pairs_of(found: Predictions) -> list[Pair]:
    assert found.queries.dtype == found.references.dtype == np.int64
    assert found.scores.dtype == np.float32
    return list(zip(found.queries.tolist(), found.references.tolist(), found.scores.tolist(), strict=True))


def all_pairs(queries: Descriptors, references: Descriptors) -> list[Pair]:
    """Every pair, from the full matrix, by descending score, then query, then reference."""
    matrix = queries @ references.T
    everything = [(i, j, float(matrix[i, j])) for i in range(len(queries)) for j in range(len(references))]
    return sorted(everything, key=lambda pair: (-pair[2], pair[0], pair[1]))


def twin(queries: Descriptors, references: Descriptors, rule: CandidateRule) -> list[Pair]:
    everything = all_pairs(queries, references)
    if rule.overall is not None:
        return everything[: rule.overall]
    assert rule.per_query is not None
    return [
        pair for i in range(len(queries)) for pair in [p for p in everything if p[0] == i][: rule.per_query]
    ]


def test_golden() -> None:
    queries = np.array([[1, 0], [0, 2]], np.float32)
    references = np.array([[0.5, 0.25], [1, 0], [-1, 1]], np.float32)
    # Scores: 0.5, 1, -1 and 0.5, 0, 2.
    assert pairs_of(find_candidates(queries, references, per_query(2))) == [
        (0, 1, 1.0), (0, 0, 0.5), (1, 2, 2.0), (1, 0, 0.5),
    ]  # fmt: skip
    assert pairs_of(find_candidates(queries, references, overall(3))) == [
        (1, 2, 2.0),
        (0, 1, 1.0),
        (0, 0, 0.5),
    ]
    assert pairs_of(find_candidates(queries, references, overall(4)))[3] == (1, 0, 0.5)


@settings(max_examples=150, deadline=None)
@given(
    sizes=st.tuples(st.integers(0, 30), st.integers(0, 30)), dims=st.integers(1, 3), count=st.integers(1, 400),
    by_query=st.booleans(), seed=st.integers(0, 999), spare=st.integers(1, 4), values=st.integers(1, 200),
)  # fmt: skip
def test_both_rules_are_the_full_matrix(
    sizes: tuple[int, int], dims: int, count: int, by_query: bool, seed: int, spare: int, values: int
) -> None:
    # Products of quarters are exact and many are equal, so every bit and every tie must agree.
    queries, references = quarters(sizes[0], dims, seed=seed), quarters(sizes[1], dims, seed=seed + 1)
    rule = per_query(1 + count // 10) if by_query else overall(count)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(candidates, "BLOCK", 1 + values // 10)
        patch.setattr(candidates, "BLOCK_VALUES", values)
        patch.setattr(candidates, "SPARE", spare)
        found = pairs_of(find_candidates(queries, references, rule))
    assert found == twin(queries, references, rule)


@pytest.mark.parametrize("n", [1, 7, 100, 999, 4000, 5000])
def test_one_query_may_have_most_of_the_best_pairs(n: int) -> None:
    queries, references = quarters(50, 4), quarters(80, 4, seed=1)
    queries[17] *= 1000
    rule = overall(n)
    assert pairs_of(find_candidates(queries, references, rule)) == twin(queries, references, rule)


@pytest.mark.parametrize("n", [1, 2, 59, 60, 61, 119, 121, 2399, 2400, 9999])
def test_equal_scores_are_cut_by_query_then_reference(n: int) -> None:
    found = find_candidates(np.ones((40, 2), np.float32), np.ones((60, 2), np.float32), overall(n))
    expected = [(i, j, 2.0) for i in range(40) for j in range(60)][:n]
    assert pairs_of(found) == expected


@pytest.mark.parametrize("k", [1, 3, 59, 60, 99])
def test_equal_scores_of_a_query_are_cut_by_reference(k: int) -> None:
    found = find_candidates(np.ones((5, 2), np.float32), np.ones((60, 2), np.float32), per_query(k))
    assert pairs_of(found) == [(i, j, 2.0) for i in range(5) for j in range(60)[:k]]


@pytest.mark.parametrize("rule", [per_query(3), per_query(1000), overall(500), overall(10**9)], ids=str)
def test_real_numbers_agree_with_the_exact_index(rule: CandidateRule) -> None:
    queries, references = unit_rows(120, 32), unit_rows(150, 32, seed=1)
    found = find_candidates(queries, references, rule)
    expected = twin(queries, references, rule)
    np.testing.assert_allclose(found.scores, [pair[2] for pair in expected], atol=1e-6)
    np.testing.assert_allclose(
        found.scores, (queries @ references.T)[found.queries, found.references], atol=1e-6
    )
    assert len(set(zip(found.queries.tolist(), found.references.tolist(), strict=True))) == len(expected)
    if rule.per_query is not None:
        index = create_index("exact", 32)
        index.add(np.arange(150), references)
        exact = index.search(queries, min(rule.per_query, 150))
        np.testing.assert_allclose(found.scores, exact.scores.reshape(-1), atol=1e-6)


@pytest.mark.parametrize("rule", [per_query(4), overall(300)], ids=str)
@pytest.mark.parametrize("size", [1e-3, 1.0, 1e4])
def test_rows_need_not_have_length_one(rule: CandidateRule, size: float) -> None:
    queries, references = (correlated(count, 16, seed=count) * np.float32(size) for count in (60, 90))
    found = find_candidates(queries, references, rule)
    expected = [pair[2] for pair in twin(queries, references, rule)]
    np.testing.assert_allclose(found.scores, expected, rtol=1e-5, atol=1e-6 * size**2)


@pytest.mark.parametrize("rule", [per_query(4), overall(300)], ids=str)
def test_normalised_scores_are_found_like_any_others(rule: CandidateRule) -> None:
    normalisation = ScoreNormalisation().fit(unit_rows(40, 16, seed=9))
    queries = normalisation.transform_queries(unit_rows(60, 16))
    references = normalisation.transform_references(unit_rows(90, 16, seed=1))
    found = find_candidates(queries, references, rule)
    expected = [pair[2] for pair in twin(queries, references, rule)]
    np.testing.assert_allclose(found.scores, expected, atol=1e-6)
    assert found.scores.min() < 0


@pytest.mark.parametrize("rule", [per_query(3), overall(3)], ids=str)
@pytest.mark.parametrize(("queries", "references"), [(0, 0), (0, 5), (5, 0)])
def test_nothing_on_one_side_gives_no_pairs(rule: CandidateRule, queries: int, references: int) -> None:
    found = find_candidates(np.zeros((queries, 4), np.float32), np.zeros((references, 4), np.float32), rule)
    assert pairs_of(found) == []


@pytest.mark.parametrize("rule", [per_query(7), overall(70), overall(2000)], ids=str)
def test_the_size_of_a_block_does_not_show(rule: CandidateRule, monkeypatch: pytest.MonkeyPatch) -> None:
    queries, references = quarters(45, 6), quarters(70, 6, seed=1)
    whole = pairs_of(find_candidates(queries, references, rule))
    for block, values in ((1, 1), (7, 1 << 20), (1000, 44)):
        monkeypatch.setattr(candidates, "BLOCK", block)
        monkeypatch.setattr(candidates, "BLOCK_VALUES", values)
        assert pairs_of(find_candidates(queries, references, rule)) == whole


class Watched:
    """An index that notes how many neighbours every search asked for."""

    def __init__(self, index: VectorIndex) -> None:
        self.index, self.asked = index, list[int]()

    def __len__(self) -> int:
        return len(self.index)

    def add(self, keys: npt.NDArray[np.int64], descriptors: Descriptors) -> None:
        self.index.add(keys, descriptors)

    def search(self, queries: Descriptors, k: int) -> Neighbours:
        self.asked.append(len(queries) * k)
        return self.index.search(queries, k)


@pytest.mark.parametrize("kind", ["random", "equal", "one query"])
@pytest.mark.parametrize("n", [50, 2000, 20_000])
def test_searches_stay_within_the_bound_whatever_the_scores(
    kind: str, n: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    queries, references = quarters(200, 4), quarters(300, 4, seed=1)
    if kind == "equal":
        queries[:], references[:] = 1, 1
    elif kind == "one query":
        queries[3] *= 1000
    monkeypatch.setattr(candidates, "BLOCK_VALUES", 900)
    watched: list[Watched] = []

    def create(kind: Any, dims: int) -> Watched:
        watched.append(Watched(create_index(kind, dims)))
        return watched[-1]

    held: list[int] = []
    best = candidates._best

    def noted(pairs: Predictions, wanted: int) -> Predictions:
        held.append(len(pairs.scores))
        return best(pairs, wanted)

    monkeypatch.setattr(candidates, "create_index", create)
    monkeypatch.setattr(candidates, "_best", noted)
    assert pairs_of(find_candidates(queries, references, overall(n))) == all_pairs(queries, references)[:n]
    assert max(held) <= 6 * n + 200
    assert max(watched[0].asked) <= 900
    # First about 4 n; then at most 2 n in each round, of which the depth, doubled, allows nine.
    assert sum(watched[0].asked) <= 4 * n + 200 + 9 * 2 * n


def test_memory_is_that_of_the_result_not_of_the_matrix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(candidates, "BLOCK_VALUES", 1 << 14)
    queries, references = unit_rows(3000, 4), unit_rows(3000, 4, seed=1)
    for rule, pairs in ((per_query(5), 15_000), (overall(20_000), 6 * 20_000 + 3000)):
        tracemalloc.start()
        try:
            find_candidates(queries, references, rule)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert peak < 3 * 20 * pairs + 2_000_000
        assert peak < queries.shape[0] * references.shape[0] * 4 / 3


@pytest.mark.parametrize("rule", [per_query(2), overall(40), overall(600)], ids=str)
def test_progress_counts_queries_to_the_end(rule: CandidateRule, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(candidates, "BLOCK", 8)
    calls: list[tuple[str, int, int | None]] = []
    find_candidates(quarters(30, 3), quarters(40, 3, seed=1), rule, progress=lambda *call: calls.append(call))
    assert [call[:2] for call in calls[:4]] == [("match", 8), ("match", 16), ("match", 24), ("match", 30)]
    done = [call[1] for call in calls]
    assert done == sorted(set(done))
    assert all(call[2] is not None and call[1] <= call[2] for call in calls)
    assert calls[-1][1] == calls[-1][2]


@pytest.mark.parametrize(
    "rule",
    [
        CandidateRule(per_query=None, overall=None),
        CandidateRule(per_query=10, overall=10),
        per_query(0),
        overall(0),
        overall(-5),
    ],
    ids=str,
)
def test_a_rule_that_is_none_is_refused(rule: CandidateRule) -> None:
    with pytest.raises(
        UsageError, match="keeps either the best k references of each query or the best n pairs"
    ):
        find_candidates(unit_rows(3, 4), unit_rows(3, 4), rule)


def test_rows_that_cannot_be_compared_are_refused_by_side() -> None:
    good = unit_rows(3, 4)
    with pytest.raises(UsageError, match=r"Queries must be \(N, D\) float32, got \(3, 4\) float64"):
        find_candidates(good.astype(np.float64), good, per_query(1))
    with pytest.raises(UsageError, match=r"References must be \(N, D\) float32, got \(4,\)"):
        find_candidates(good, good[0], per_query(1))
    with pytest.raises(UsageError, match="Queries have 4 dimensions, references 3"):
        find_candidates(good, good[:, :3], per_query(1))
    for wrong in (np.nan, np.inf):
        broken = good.copy()
        broken[1, 1] = wrong
        with pytest.raises(UsageError, match="must be finite"):
            find_candidates(broken, good, per_query(1))
        with pytest.raises(UsageError, match="must be finite"):
            find_candidates(good, broken, overall(1))
