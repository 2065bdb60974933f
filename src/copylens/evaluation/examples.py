"""Standings in, the pictures worth looking at out: the worst misses and the worst false matches."""

from __future__ import annotations

import numpy as np

from copylens.evaluation.nouns import Benchmark, Ints, Picture, Predictions, QueryFacts, Scores
from copylens.evaluation.results import FalseMatch, Miss, Place
from copylens.evaluation.standings import ABSENT, Standings

EXAMPLES = 100
"""Of each sort in a result."""

DIGITS = 6

UNKNOWN = QueryFacts()


def worst_misses(
    benchmark: Benchmark, truth: Ints, pair_scores: Scores, predictions: Predictions, standings: Standings
) -> tuple[Miss, ...]:
    """Find the true pairs that wrong candidates outrank; the lowest scores come first.

    Args:
        benchmark: names the pictures.
        truth: ``(T, 2) int64`` positions.
        pair_scores: ``(T,) float32``.
        predictions: the candidates.
        standings: of the true pairs among them.
    """
    missed = np.flatnonzero(standings.outranked)
    order = missed[np.lexsort((truth[missed, 1], truth[missed, 0], pair_scores[missed]))]
    misses = []
    for pair in order[:EXAMPLES].tolist():
        query = benchmark.queries[truth[pair, 0]]
        facts = benchmark.facts.get(query.key, UNKNOWN)
        wrong = int(standings.best_wrong[truth[pair, 0]])
        other = None if wrong == ABSENT else predictions.references[wrong]
        misses.append(
            Miss(
                query=_place(query),
                reference=_place(benchmark.references[truth[pair, 1]]),
                score=_rounded(pair_scores[pair]),
                rank=None if standings.ranks[pair] == ABSENT else int(standings.ranks[pair]),
                found=None if other is None else _place(benchmark.references[other]),
                found_score=None if wrong == ABSENT else _rounded(predictions.scores[wrong]),
                kind=facts.kind,
                edits=facts.edits,
                strength=facts.strength,
            )
        )
    return tuple(misses)


def worst_false_matches(
    benchmark: Benchmark, truth: Ints, pair_scores: Scores, predictions: Predictions, standings: Standings
) -> tuple[FalseMatch, ...]:
    """Find the wrong pairs with the highest scores; arguments as `worst_misses`."""
    wrong = np.flatnonzero(standings.pairs == ABSENT)
    keys = (predictions.references[wrong], predictions.queries[wrong], -predictions.scores[wrong])
    expected = _best_pairs(truth, pair_scores, len(benchmark.queries))
    matches = []
    for position in wrong[np.lexsort(keys)][:EXAMPLES].tolist():
        query = benchmark.queries[predictions.queries[position]]
        facts = benchmark.facts.get(query.key, UNKNOWN)
        pair = int(expected[predictions.queries[position]])
        matches.append(
            FalseMatch(
                query=_place(query),
                reference=_place(benchmark.references[predictions.references[position]]),
                score=_rounded(predictions.scores[position]),
                expected=None if pair == ABSENT else _place(benchmark.references[truth[pair, 1]]),
                expected_score=None if pair == ABSENT else _rounded(pair_scores[pair]),
                kind=facts.kind,
                edits=facts.edits,
                strength=facts.strength,
            )
        )
    return tuple(matches)


def _best_pairs(truth: Ints, pair_scores: Scores, query_count: int) -> Ints:
    """Find the true pair with the best score of each query, ``(Q,) int64``."""
    best = np.full(query_count, ABSENT, np.int64)
    # Of assignments to one place the last one stays: ascending scores leave the best.
    order = np.argsort(pair_scores, kind="stable")
    best[truth[order, 0]] = order
    return best


def _place(picture: Picture) -> Place:
    return Place(picture.key, picture.path)


def _rounded(score: np.float32) -> float:
    return round(float(score), DIGITS)
