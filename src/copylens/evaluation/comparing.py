"""Predictions of several systems in, differences with paired intervals out: what "A is better than B" rests on."""

from __future__ import annotations

from collections.abc import Sequence

from copylens.evaluation.metrics import Statistic, judge, paired_bootstrap
from copylens.evaluation.nouns import Benchmark, Ints, Judged
from copylens.evaluation.predicting import Predicted
from copylens.evaluation.results import Comparison, Difference
from copylens.evaluation.scoring import DIGITS, Resampling, statistics_for

Candidate = tuple[str, Predicted, Predicted | None]
"""A system's label and its predictions, without and with score normalisation."""


def compare(
    benchmark: Benchmark, truth: Ints, systems: Sequence[Candidate], resampling: Resampling
) -> tuple[Comparison, ...]:
    """Compare every further system with the first, on the same resamples of the same queries.

    Args:
        benchmark: says which figures.
        truth: ``(T, 2) int64`` positions.
        systems: in their order.
        resampling: how intervals are made.
    """
    statistics = statistics_for(benchmark.protocol)
    count = len(benchmark.queries)

    def judged(predicted: Predicted) -> Judged:
        return judge(predicted.predictions, truth, count)

    first, *others = systems
    comparisons = []
    for label, plain, normalised in others:
        both = None if first[2] is None or normalised is None else (judged(first[2]), judged(normalised))
        comparisons.append(
            Comparison(
                first=first[0],
                second=label,
                plain=_differences(judged(first[1]), judged(plain), statistics, resampling),
                normalised=None if both is None else _differences(*both, statistics, resampling),
            )
        )
    return tuple(comparisons)


def _differences(
    first: Judged, second: Judged, statistics: dict[str, Statistic], resampling: Resampling
) -> dict[str, Difference]:
    if not resampling.samples:
        return {
            key: Difference(round(statistic.of(second) - statistic.of(first), DIGITS))
            for key, statistic in statistics.items()
        }
    found = paired_bootstrap(
        first,
        second,
        statistics,
        samples=resampling.samples,
        seed=resampling.seed,
        level=resampling.level,
    )
    return {
        key: Difference(*(round(value, DIGITS) for value in (one.value, one.low, one.high, one.better)))
        for key, one in found.items()
    }
