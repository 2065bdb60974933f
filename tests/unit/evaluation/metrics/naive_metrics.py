"""Slow, obvious twins of the metrics, loops from their definitions; and small judged lists to try them on."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
from hypothesis import strategies as st

from copylens.evaluation.metrics import (
    AccuracyAt1,
    MeanAveragePrecision,
    MicroAveragePrecision,
    RecallAtK,
    RecallAtPrecision,
    Statistic,
)
from copylens.evaluation.nouns import Ints, Judged

STATISTICS: dict[str, Statistic] = {
    "µAP": MicroAveragePrecision(),
    "µAP, trapezoid": MicroAveragePrecision("trapezoid"),
    "recall at precision 0.5": RecallAtPrecision(0.5),
    "recall at precision 0.9": RecallAtPrecision(0.9),
    "accuracy at 1": AccuracyAt1(),
    "recall at 2": RecallAtK(2),
    "mAP": MeanAveragePrecision(),
    "mAP, trapezoid": MeanAveragePrecision("trapezoid"),
}

Row = tuple[int, float, bool]
"""A candidate: query, score, whether it is a true pair."""


def make_judged(rows: Sequence[Row], positives: Sequence[int]) -> Judged:
    return Judged(
        queries=np.array([row[0] for row in rows], np.int64),
        scores=np.array([row[1] for row in rows], np.float32),
        hits=np.array([row[2] for row in rows], np.bool_),
        positives=np.array(positives, np.int64),
    )


def rows_of(judged: Judged) -> list[Row]:
    return list(zip(judged.queries.tolist(), judged.scores.tolist(), judged.hits.tolist(), strict=True))


def worst_order(rows: Sequence[Row]) -> list[Row]:
    return sorted(rows, key=lambda row: (-row[1], row[2]))


def naive_average_precision(rows: Sequence[Row], positives: int, rule: str) -> float:
    total = Fraction(0)
    hits = 0
    for rank, (_, _, hit) in enumerate(worst_order(rows)):
        if not hit:
            continue
        before = Fraction(1) if rank == 0 else Fraction(hits, rank)
        hits += 1
        at_hit = Fraction(hits, rank + 1)
        total += at_hit if rule == "plain" else (before + at_hit) / 2
    return float(total / positives)


def naive_micro(judged: Judged, rule: str) -> float:
    return naive_average_precision(rows_of(judged), int(judged.positives.sum()), rule)


def naive_recall_at_precision(judged: Judged, precision: float) -> float:
    """Try every score as the threshold and return all that reach it."""
    best = 0.0
    for threshold in set(judged.scores.tolist()):
        returned = [row for row in rows_of(judged) if row[1] >= threshold]
        found = sum(row[2] for row in returned)
        if found / len(returned) >= precision:
            best = max(best, found / int(judged.positives.sum()))
    return best


def lists_of_asked(judged: Judged) -> list[tuple[list[Row], int]]:
    """Each query that has a true pair: its candidates in the worst order, and how many true pairs it has."""
    return [
        (worst_order([row for row in rows_of(judged) if row[0] == query]), positives)
        for query, positives in enumerate(judged.positives.tolist())
        if positives > 0
    ]


def naive_accuracy_at_1(judged: Judged) -> float:
    firsts = [bool(rows) and rows[0][2] for rows, _ in lists_of_asked(judged)]
    return sum(firsts) / len(firsts)


def naive_recall_at_k(judged: Judged, k: int) -> float:
    shares = [sum(row[2] for row in rows[:k]) / positives for rows, positives in lists_of_asked(judged)]
    return sum(shares) / len(shares)


def naive_mean_average_precision(judged: Judged, rule: str) -> float:
    values = [naive_average_precision(rows, positives, rule) for rows, positives in lists_of_asked(judged)]
    return sum(values) / len(values)


def naive_value(statistic: Statistic, judged: Judged) -> float:
    match statistic:
        case MicroAveragePrecision(rule):
            return naive_micro(judged, rule)
        case RecallAtPrecision(precision):
            return naive_recall_at_precision(judged, precision)
        case AccuracyAt1():
            return naive_accuracy_at_1(judged)
        case RecallAtK(k):
            return naive_recall_at_k(judged, k)
        case MeanAveragePrecision(rule):
            return naive_mean_average_precision(judged, rule)
    raise AssertionError(f"no twin of {statistic}")


def materialise(judged: Judged, weights: Ints) -> Judged:
    """Put the candidates and true pairs of each query there as often as its weight says, each time as a new query."""
    rows: list[Row] = []
    positives: list[int] = []
    for query, weight in enumerate(weights.tolist()):
        own = [row for row in rows_of(judged) if row[0] == query]
        for _ in range(weight):
            rows += [(len(positives), score, hit) for _, score, hit in own]
            positives.append(int(judged.positives[query]))
    return make_judged(rows, positives)


def shuffled(judged: Judged, order: Ints) -> Judged:
    return Judged(judged.queries[order], judged.scores[order], judged.hits[order], judged.positives)


def scores(coarse: bool) -> st.SearchStrategy[float]:
    """Coarse ones are often equal."""
    return st.sampled_from([-0.5, 0.0, 0.25, 0.5]) if coarse else st.floats(-2, 2, width=32)


@st.composite
def judged_lists(draw: st.DrawFn, *, max_queries: int = 6) -> Judged:
    """Up to 6 queries; at least one true pair; some found, some missed; queries without any; equal scores."""
    score = scores(draw(st.booleans()))
    hits_and_misses = st.lists(st.tuples(score, st.booleans()), max_size=5)
    lists = draw(st.lists(st.tuples(hits_and_misses, st.integers(0, 2)), min_size=1, max_size=max_queries))
    positives = [sum(hit for _, hit in own) + missed for own, missed in lists]
    if sum(positives) == 0:
        positives[-1] = 1
    rows = [(query, value, hit) for query, (own, _) in enumerate(lists) for value, hit in own]
    return make_judged(rows, positives)
