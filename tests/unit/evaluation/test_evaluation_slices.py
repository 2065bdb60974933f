"""Rates by edit, strength and kind, against loops over queries; the whole is the sum of its parts."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from copylens.evaluation.metrics import accuracy_at_1, judge, recall_at_k, recall_at_precision
from copylens.evaluation.nouns import QueryFacts
from copylens.evaluation.results import Slice
from copylens.evaluation.slices import KINDS, Slicer
from copylens.evaluation.standings import standings_of
from evaluation_cases import Case, random_case

SEEDS = range(30)
THRESHOLDS = (None, 0.5, 0.83)


def slicer_of(case: Case, threshold: float | None) -> Slicer:
    count = len(case.benchmark.queries)
    return Slicer.at_threshold(
        facts_of(case),
        case.truth,
        case.truth_scores,
        case.predictions,
        standings_of(case.predictions, case.truth, count),
        threshold,
    )


def facts_of(case: Case) -> list[QueryFacts]:
    return [case.benchmark.facts[query.key] for query in case.benchmark.queries]


def naive(
    case: Case, threshold: float | None, name: str, wanted: Callable[[QueryFacts], bool]
) -> Slice | None:
    """The same rates, query by query and candidate by candidate."""
    facts = facts_of(case)
    p = case.predictions
    queries = [number for number, fact in enumerate(facts) if wanted(fact)]
    if not queries:
        return None
    true = {query: {r for q, r in case.truth.tolist() if q == query} for query in queries}
    firsts, shares, found, scores, alarms = [], [], [], [], []
    for query in queries:
        listed = sorted(
            (-float(p.scores[m]), int(p.references[m]) in true[query], int(p.references[m]))
            for m in range(len(p.queries))
            if p.queries[m] == query
        )
        over = [row for row in listed if threshold is not None and -row[0] >= threshold]
        alarms.append(any(not row[1] for row in over))
        if true[query]:
            firsts.append(bool(listed) and listed[0][1])
            shares.append(sum(row[1] for row in listed[:10]) / len(true[query]))
        found += [any(row[2] == reference for row in over) for reference in true[query]]
        scores += [
            float(score)
            for (q, _), score in zip(case.truth.tolist(), case.truth_scores, strict=True)
            if q == query
        ]

    def mean(values: list[float] | list[bool]) -> float | None:
        return round(sum(values) / len(values), 6) if values else None

    return Slice(
        name,
        len(queries),
        len(scores),
        mean(firsts),
        mean(shares),
        mean(found),
        mean(scores),
        mean(alarms) or 0.0,
    )


def assert_equal(one: Slice | None, other: Slice | None) -> None:
    if one is None or other is None:
        assert one is other
        return
    assert (one.name, one.queries, one.pairs) == (other.name, other.queries, other.pairs)
    for field in ("recall_at_1", "recall_at_10", "found", "mean_score", "false_alarms"):
        assert getattr(one, field) == (
            None if getattr(other, field) is None else pytest.approx(getattr(other, field), abs=2e-6)
        ), field


@pytest.mark.parametrize("threshold", THRESHOLDS)
@pytest.mark.parametrize("seed", SEEDS)
def test_every_slice_is_what_loops_find(seed: int, threshold: float | None) -> None:
    case = random_case(seed)
    slicer = slicer_of(case, threshold)
    names = {edit for fact in facts_of(case) for edit in fact.edits}
    assert {edit.name for edit in slicer.by_edit()} == names
    for edit in slicer.by_edit():
        name = edit.name
        assert_equal(edit.alone, naive(case, threshold, name, lambda f, n=name: f.edits == (n,)))  # type: ignore[misc]
        assert_equal(
            edit.within,
            naive(case, threshold, name, lambda f, n=name: n in f.edits and len(f.edits) > 1),  # type: ignore[misc]
        )
    assert_equal(
        slicer.several_edits(), naive(case, threshold, "several edits", lambda fact: len(fact.edits) > 1)
    )
    for part in slicer.by_strength():
        assert_equal(part, naive(case, threshold, part.name, lambda f, n=part.name: f.strength == n))  # type: ignore[misc]
    kinds = {title: kind for kind, title in KINDS.items()}
    for part in slicer.by_kind():
        assert_equal(part, naive(case, threshold, part.name, lambda f, n=part.name: f.kind == kinds[n]))  # type: ignore[misc]


@pytest.mark.parametrize("seed", SEEDS)
def test_kinds_sum_up_to_the_figures_of_the_whole(seed: int) -> None:
    case = random_case(seed)
    judged = judge(case.predictions, case.truth, len(case.benchmark.queries))
    point = recall_at_precision(judged, 0.9)
    kinds = slicer_of(case, point.threshold).by_kind()
    with_truth = [part for part in kinds if part.pairs]
    queries = [part.queries for part in with_truth]
    assert sum(part.queries for part in kinds) == len(case.benchmark.queries)
    assert np.average([part.recall_at_1 or 0 for part in with_truth], weights=queries) == pytest.approx(
        accuracy_at_1(judged), abs=1e-5
    )
    assert np.average([part.recall_at_10 or 0 for part in with_truth], weights=queries) == pytest.approx(
        recall_at_k(judged, 10), abs=1e-5
    )
    pairs = [part.pairs for part in with_truth]
    assert np.average([part.found or 0 for part in with_truth], weights=pairs) == pytest.approx(
        point.recall, abs=1e-5
    )


@pytest.mark.parametrize("seed", SEEDS)
def test_what_fails_most_comes_first(seed: int) -> None:
    edits = slicer_of(random_case(seed, queries=40), 0.5).by_edit()
    rates = [(edit.alone or edit.within) for edit in edits]
    known = [part.recall_at_1 for part in rates if part is not None and part.recall_at_1 is not None]
    assert known == sorted(known)
    assert len(known) > 1


def test_strengths_come_from_weak_to_strong_and_others_after_them() -> None:
    case = random_case(3, queries=40)
    assert [part.name for part in slicer_of(case, 0.5).by_strength()] == ["mild", "hard", "odd"]


def test_a_benchmark_that_says_nothing_has_no_slices() -> None:
    case = random_case(1)
    count = len(case.benchmark.queries)
    slicer = Slicer.at_threshold(
        [QueryFacts()] * count,
        case.truth,
        case.truth_scores,
        case.predictions,
        standings_of(case.predictions, case.truth, count),
        0.5,
    )
    assert (slicer.by_edit(), slicer.several_edits(), slicer.by_strength(), slicer.by_kind()) == (
        (),
        None,
        (),
        (),
    )
