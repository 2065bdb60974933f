"""`Judged` in; the metrics of one list over all queries out: micro-AP, recall at a precision, the whole curve.

One threshold for all queries is what a copy detector has in use, so these metrics judge the scores and not only
their order within each query. For ties see `ranking`.

Shapes: M candidates, P points of a curve.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from copylens.errors import UsageError
from copylens.evaluation.metrics.average_precision import AveragePrecisionRule, Floats, gains
from copylens.evaluation.metrics.ranking import HitCounts, Rankings
from copylens.evaluation.nouns import Judged, Scores


@dataclass(frozen=True, slots=True)
class OperatingPoint:
    """A threshold and what it brings: the figures of all candidates with ``score >= threshold``.

    Attributes:
        precision: share of the returned candidates that are true pairs, 0..1; 1 when nothing is returned.
        recall: share of the true pairs that are returned, 0..1.
        threshold: None when no threshold does what was asked; then nothing is returned and the recall is 0.
    """

    precision: float
    recall: float
    threshold: float | None


@dataclass(frozen=True)
class PrecisionRecall:
    """A precision–recall curve, one point for each score that occurs, from the highest to the lowest.

    Attributes:
        precision: ``(P,) float64``, of all candidates with at least that score.
        recall: ``(P,) float64``, never falling; the last one is below 1 when true pairs are missing.
        thresholds: ``(P,) float32``, strictly falling.
    """

    precision: Floats
    recall: Floats
    thresholds: Scores


def micro_average_precision(judged: Judged, rule: AveragePrecisionRule = "plain") -> float:
    """Average precision of one list over all queries (micro-AP, µAP).

    The sum over the hits of the precision at their ranks, divided by the number of all true pairs: one that is not
    among the candidates adds 0. Among equal scores the misses come before the hits, as in DISC2021.

    Args:
        judged: as `judge` makes it.
        rule: "plain" as in DISC2021, or "trapezoid", by which the micro-AP of Copydays is quoted.

    Returns:
        0..1; 0 when there are no candidates.

    Raises:
        UsageError: no query has a true pair, or an unknown rule.
    """
    return average_precision_of(Rankings(judged).draw().counts, rule)


def recall_at_precision(judged: Judged, precision: float) -> OperatingPoint:
    """Find the highest recall that keeps a precision, and the threshold that brings it.

    The point can be realised: its precision and recall are those of all candidates with ``score >= threshold``,
    every candidate of exactly that score included. With misses before hits among equal scores, no rank inside such
    a group does better than its end, so this is also the highest recall at any rank with that precision, as DISC2021
    defines it. Of several thresholds with that recall the highest one is given; it has the best precision.

    Args:
        judged: as `judge` makes it.
        precision: more than 0, at most 1.

    Returns:
        The point; threshold None when no threshold keeps the precision and finds anything.

    Raises:
        UsageError: no query has a true pair, or a precision out of range.
    """
    check_precision(precision)
    rankings = Rankings(judged)
    counts = rankings.draw().counts
    last = _last_hit_at(counts, precision)
    if last is None:
        return OperatingPoint(1.0, 0.0, None)
    found = int(counts.hits_before[last]) + 1
    return OperatingPoint(
        precision=found / (found + int(counts.misses_before[last])),
        recall=found / counts.positives,
        threshold=float(rankings.overall.hit_scores[last]),
    )


def precision_recall_curve(judged: Judged) -> PrecisionRecall:
    """Precision and recall at every score that occurs.

    Each point can be realised: it is that of all candidates with ``score >= threshold``. The area under it is not
    micro-AP when scores are equal; micro-AP takes the worst order inside such a group.

    Args:
        judged: as `judge` makes it.

    Returns:
        P points, at most M; none when there are no candidates.

    Raises:
        UsageError: no query has a true pair.
    """
    positives = int(Rankings(judged).positives.sum())
    order = np.argsort(-judged.scores, kind="stable")
    scores = judged.scores[order]
    ends = np.flatnonzero(np.append(scores[1:] != scores[:-1], np.ones(min(1, len(scores)), np.bool_)))
    found = np.cumsum(judged.hits[order])[ends]
    return PrecisionRecall(found / (ends + 1), found / positives, scores[ends])


def average_precision_of(counts: HitCounts, rule: AveragePrecisionRule) -> float:
    """Give the micro-AP of a list whose queries may count several times; exact, as if the list held the copies."""
    total = 0.0
    for copy in range(max(1, int(counts.copies.max(initial=0)))):
        again = counts.copies > copy
        hits_before = counts.hits_before[again] + copy
        total += float(gains(hits_before, hits_before + counts.misses_before[again], rule).sum())
    return total / counts.positives


def recall_at_precision_of(counts: HitCounts, precision: float) -> float:
    """Give the highest recall that keeps a precision, for a list whose queries may count several times."""
    last = _last_hit_at(counts, precision)
    return 0.0 if last is None else int(counts.hits_before[last] + counts.copies[last]) / counts.positives


def check_precision(precision: float) -> None:
    """Refuse what is no precision to ask for."""
    if not 0 < precision <= 1:
        raise UsageError(f"The precision is {precision}; it must be more than 0 and at most 1.")


def _last_hit_at(counts: HitCounts, precision: float) -> int | None:
    """Find the last hit up to which the precision holds; nothing between two hits has a higher recall."""
    found = counts.hits_before + counts.copies
    # A hit that counts zero times stands for the hits before it; where there are none, the precision is 0.
    keeps = np.flatnonzero(found / np.maximum(found + counts.misses_before, 1) >= precision)
    return int(keeps[-1]) if len(keeps) else None
