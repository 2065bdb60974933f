"""`Judged` in; the metrics that judge each query's own list, and average over the queries that have a true pair, out.

A query without a true pair has nothing to find and does not enter these averages; its false matches show in the
metrics of `micro`. For ties see `ranking`.

Shapes: Q queries.
"""

from __future__ import annotations

import numpy as np

from copylens.errors import UsageError
from copylens.evaluation.metrics.average_precision import AveragePrecisionRule, Floats, gains
from copylens.evaluation.metrics.ranking import Rankings
from copylens.evaluation.nouns import Ints, Judged


def accuracy_at_1(judged: Judged) -> float:
    """Share of the queries with a true pair whose best candidate is one.

    A hit that shares the best score with a miss does not count, and neither does a query without candidates.

    Args:
        judged: as `judge` makes it.

    Returns:
        0..1.

    Raises:
        UsageError: no query has a true pair.
    """
    rankings = Rankings(judged)
    return mean_over_asked(first_is_hit(rankings), rankings.positives)


def recall_at_k(judged: Judged, k: int) -> float:
    """Share of a query's true pairs that are among its k best candidates, averaged over queries with a true pair.

    Where queries have one true pair each, as in DISC2021, this is the share of the true pairs that are found.
    Candidates that were never listed are not found, so a `k` beyond the candidate rule says nothing new.

    Args:
        judged: as `judge` makes it.
        k: at least 1.

    Returns:
        0..1. With n > k true pairs a query reaches k / n at most.

    Raises:
        UsageError: no query has a true pair, or a k below 1.
    """
    check_k(k)
    rankings = Rankings(judged)
    return mean_over_asked(recall_of_queries(rankings, k), rankings.positives)


def mean_average_precision(judged: Judged, rule: AveragePrecisionRule = "plain") -> float:
    """Average precision of each query's own list, averaged over the queries with a true pair (mAP).

    A query's average precision is the sum over its hits of what `rule` gives them, divided by the number of its true
    pairs: one that is not among the candidates adds 0.

    Args:
        judged: as `judge` makes it.
        rule: "plain": the precision at the hit. "trapezoid", by which Copydays is quoted: the mean of the precision
            just before the hit (1 at the top of the list) and at the hit.

    Returns:
        0..1.

    Raises:
        UsageError: no query has a true pair, or an unknown rule.
    """
    rankings = Rankings(judged)
    return mean_over_asked(average_precision_of_queries(rankings, rule), rankings.positives)


def first_is_hit(rankings: Rankings) -> Floats:
    """Give 1 for each query whose best candidate is a hit, else 0: ``(Q,) float64``."""
    within = rankings.within_queries
    found = np.bincount(within.queries[within.rank == 0], minlength=len(rankings.positives))
    return found.astype(np.float64)


def recall_of_queries(rankings: Rankings, k: int) -> Floats:
    """Give the share of each query's true pairs among its k best: ``(Q,) float64``, 0 where it has none."""
    within = rankings.within_queries
    found = np.bincount(within.queries[within.rank < k], minlength=len(rankings.positives))
    return np.asarray(found / np.maximum(rankings.positives, 1))


def average_precision_of_queries(rankings: Rankings, rule: AveragePrecisionRule) -> Floats:
    """Give each query's average precision: ``(Q,) float64``, 0 where it has no true pair."""
    within = rankings.within_queries
    gained = np.bincount(
        within.queries, gains(within.hits_before, within.rank, rule), minlength=len(rankings.positives)
    )
    return np.asarray(gained / np.maximum(rankings.positives, 1))


def check_k(k: int) -> None:
    """Refuse what is no number of candidates."""
    if k < 1:
        raise UsageError(f"k is {k}; recall at k looks at the k best candidates, so it must be at least 1.")


def mean_over_asked(values: Floats, positives: Ints, weights: Ints | None = None) -> float:
    """Average over the queries that have a true pair, each counted `weights` times, once when None; all ``(Q,)``."""
    counted = np.where(positives > 0, 1 if weights is None else weights, 0)
    # Not an inner product: BLAS would wake its threads for each resample, and on a busy machine wait for them.
    return float((counted * values).sum()) / int(counted.sum())
