"""`Judged` and statistics in; bootstrap intervals over the queries out, for one system or the difference of two.

A resample draws as many queries as there are, with replacement; a query comes with all its candidates and all its
true pairs. Queries without a true pair are drawn like any other, since they bring the false matches. References are
not resampled: the collection is given. A resample is never built: each query counts as often as it was drawn
(see `ranking`), so memory is that of the candidates, whatever the number of samples.

Shapes: Q queries, S samples.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from copylens.errors import UsageError
from copylens.evaluation.metrics.average_precision import Floats
from copylens.evaluation.metrics.ranking import Rankings
from copylens.evaluation.metrics.statistics import Statistic
from copylens.evaluation.nouns import Ints, Judged

_ROUNDING = 1e-12
"""Two figures this close are equal: the same sum, added up in another order."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure with its percentile interval.

    Attributes:
        value: the statistic of the queries themselves.
        low, high: between them lies the share `level` of the resamples' values. `value` may lie outside in odd cases.
        level: e.g. 0.95.
        samples: how many resamples were drawn.
    """

    value: float
    low: float
    high: float
    level: float
    samples: int


@dataclass(frozen=True, slots=True)
class Difference:
    """The second system's figure minus the first's, both on the same queries, with its percentile interval.

    Attributes:
        value: the difference on the queries themselves; above 0 when the second is better.
        low, high: between them lies the share `level` of the resamples' differences.
        better: share of the resamples in which the second is better; equal is not better.
        level: e.g. 0.95.
        samples: how many resamples were drawn.
    """

    value: float
    low: float
    high: float
    better: float
    level: float
    samples: int


def bootstrap(
    judged: Judged,
    statistics: Mapping[str, Statistic],
    *,
    samples: int = 1000,
    seed: int = 0,
    level: float = 0.95,
) -> dict[str, Interval]:
    """Give each statistic with its bootstrap interval over the queries.

    A resample without any true pair has no value and is drawn anew; only tiny benchmarks know the case.

    Args:
        judged: as `judge` makes it.
        statistics: by the names that the result shall have.
        samples: resamples, at least 1; the same ones for every statistic.
        seed: equal seeds give equal resamples of equally many queries.
        level: more than 0, less than 1.

    Raises:
        UsageError: no query has a true pair, or a setting out of range.
    """
    _check(samples, level)
    rankings = Rankings(judged)
    drawn = _resampled(rankings, statistics, samples, seed)
    intervals = {}
    for column, (name, statistic) in enumerate(statistics.items()):
        low, high = _ends(drawn[:, column], level)
        intervals[name] = Interval(
            statistic.prepare(rankings)(rankings.draw()), low, high, level=level, samples=samples
        )
    return intervals


def paired_bootstrap(
    first: Judged,
    second: Judged,
    statistics: Mapping[str, Statistic],
    *,
    samples: int = 1000,
    seed: int = 0,
    level: float = 0.95,
) -> dict[str, Difference]:
    """Compare two systems on the same resamples of the same queries.

    What makes a query hard for both cancels out, so that a difference can be certain where the two intervals overlap.

    Args:
        first, second: as `judge` makes them, of one benchmark: the same queries with as many true pairs each.
        statistics: by the names that the result shall have.
        samples: resamples, at least 1; the same ones for both systems and every statistic.
        seed: equal seeds give equal resamples of equally many queries.
        level: more than 0, less than 1.

    Raises:
        UsageError: the queries differ, no query has a true pair, or a setting out of range.
    """
    _check(samples, level)
    _check_same_queries(first, second)
    both = [Rankings(first), Rankings(second)]
    drawn = np.subtract(*[_resampled(rankings, statistics, samples, seed) for rankings in reversed(both)])
    differences = {}
    for column, (name, statistic) in enumerate(statistics.items()):
        before, after = (statistic.prepare(rankings)(rankings.draw()) for rankings in both)
        low, high = _ends(drawn[:, column], level)
        better = float(np.mean(drawn[:, column] > _ROUNDING))
        differences[name] = Difference(after - before, low, high, better, level=level, samples=samples)
    return differences


def draw_weights(positives: Ints, samples: int, seed: int) -> Iterator[Ints]:
    """Draw Q queries with replacement, `samples` times; yield how often each query was drawn, ``(Q,) int64``.

    Args:
        positives: ``(Q,) int64``; a draw without any is drawn anew, so at least one must be above 0.
        samples: how many draws.
        seed: of the generator.
    """
    generator = np.random.default_rng(seed)
    count = len(positives)
    drawn = 0
    while drawn < samples:
        weights = np.bincount(generator.integers(count, size=count), minlength=count)
        if weights @ positives:
            drawn += 1
            yield weights


def _resampled(rankings: Rankings, statistics: Mapping[str, Statistic], samples: int, seed: int) -> Floats:
    """Give the ``(S, number of statistics) float64`` values on the resamples."""
    prepared = [statistic.prepare(rankings) for statistic in statistics.values()]
    values = np.empty((samples, len(prepared)))
    for row, weights in enumerate(draw_weights(rankings.positives, samples, seed)):
        draw = rankings.draw(weights)
        values[row] = [value_of(draw) for value_of in prepared]
    return values


def _ends(values: Floats, level: float) -> tuple[float, float]:
    low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def _check(samples: int, level: float) -> None:
    if samples < 1:
        raise UsageError(f"The number of bootstrap samples is {samples}; it must be at least 1.")
    if not 0 < level < 1:
        raise UsageError(f"The level of the interval is {level}; it must be between 0 and 1, e.g. 0.95.")


def _check_same_queries(first: Judged, second: Judged) -> None:
    if len(first.positives) != len(second.positives):
        raise UsageError(
            f"The first system was asked {len(first.positives):,} queries and the second "
            f"{len(second.positives):,}; only results on the same queries can be compared."
        )
    different = np.flatnonzero(first.positives != second.positives)
    if len(different):
        query = different[0]
        raise UsageError(
            f"Query {query} has {first.positives[query]} true pairs for the first system and "
            f"{second.positives[query]} for the second; only results on the same queries can be compared."
        )
