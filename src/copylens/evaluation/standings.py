"""Predictions and true pairs in; the rank of every true pair and the best wrong candidate of every query out.

Ties are broken as everywhere in this room: among equal scores wrong candidates come first.

Shapes: Q queries, M candidates, T true pairs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from copylens.evaluation.nouns import Ints, Predictions

ABSENT = -1
"""Stands where a true pair is no candidate, or a query has no wrong one."""


@dataclass(frozen=True)
class Standings:
    """Where true pairs stand among the candidates of their queries.

    Attributes:
        pairs: ``(M,) int64``, which true pair each candidate is, `ABSENT` for a wrong one.
        ranks: ``(T,) int64``, from 1; `ABSENT` where the pair is no candidate.
        outranked: ``(T,) bool``, whether a wrong candidate stands before the pair, or the pair is no candidate.
        best_is_true: ``(Q,) bool``, whether the query's first candidate is a true pair.
        best_wrong: ``(Q,) int64``, the candidate that is the query's best wrong one, `ABSENT` for none.
    """

    pairs: Ints
    ranks: Ints
    outranked: npt.NDArray[np.bool_]
    best_is_true: npt.NDArray[np.bool_]
    best_wrong: Ints


def standings_of(predictions: Predictions, truth: Ints, query_count: int) -> Standings:
    """Order the candidates of each query: by descending score, wrong ones first, then by reference.

    Args:
        predictions: each pair at most once.
        truth: ``(T, 2) int64`` positions of queries and references, each pair once.
        query_count: Q.
    """
    pairs = true_pairs_of(predictions, truth)
    hits = pairs != ABSENT
    order = np.lexsort((predictions.references, hits, -predictions.scores, predictions.queries))
    queries, sorted_hits = predictions.queries[order], hits[order]
    starts = np.searchsorted(queries, np.arange(query_count))
    places = np.arange(len(order)) - starts[queries]
    wrong = np.concatenate(([0], np.cumsum(~sorted_hits)))
    wrong_before = wrong[:-1] - wrong[starts[queries]]

    ranks = np.full(len(truth), ABSENT, np.int64)
    outranked = np.ones(len(truth), np.bool_)
    found = order[sorted_hits]
    ranks[pairs[found]] = places[sorted_hits] + 1
    outranked[pairs[found]] = wrong_before[sorted_hits] > 0

    best_is_true = np.zeros(query_count, np.bool_)
    best_is_true[queries[places == 0]] = sorted_hits[places == 0]
    best_wrong = np.full(query_count, ABSENT, np.int64)
    first_wrong = ~sorted_hits & (wrong_before == 0)
    best_wrong[queries[first_wrong]] = order[first_wrong]
    return Standings(pairs, ranks, outranked, best_is_true, best_wrong)


def true_pairs_of(predictions: Predictions, truth: Ints) -> Ints:
    """Give the number of the true pair that each candidate is, ``(M,) int64``; `ABSENT` for a wrong one."""
    if not len(truth):
        return np.full(len(predictions.queries), ABSENT, np.int64)
    width = max(int(predictions.references.max(initial=0)), int(truth[:, 1].max())) + 1
    keys = truth[:, 0] * width + truth[:, 1]
    order = np.argsort(keys)
    wanted = predictions.queries * width + predictions.references
    places = np.minimum(np.searchsorted(keys, wanted, sorter=order), len(keys) - 1)
    candidates = order[places]
    return np.where(keys[candidates] == wanted, candidates, ABSENT)
