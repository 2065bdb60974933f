"""The metrics as values that the bootstrap can compute on many resamples of one sorted list.

Each is the function of the same name with its settings: ``RecallAtPrecision(0.9)`` is the recall of
``recall_at_precision(judged, 0.9)``. Higher is better for all of them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from copylens.evaluation.metrics.average_precision import AveragePrecisionRule, Floats
from copylens.evaluation.metrics.micro import average_precision_of, check_precision, recall_at_precision_of
from copylens.evaluation.metrics.per_query import (
    average_precision_of_queries,
    check_k,
    first_is_hit,
    mean_over_asked,
    recall_of_queries,
)
from copylens.evaluation.metrics.ranking import Draw, Rankings
from copylens.evaluation.nouns import Judged

OfDraw: TypeAlias = Callable[[Draw], float]


class Statistic(ABC):
    """A figure of judged candidates, 0..1, higher is better."""

    def of(self, judged: Judged) -> float:
        """Give the figure itself.

        Raises:
            UsageError: no query has a true pair.
        """
        rankings = Rankings(judged)
        return self.prepare(rankings)(rankings.draw())

    @abstractmethod
    def prepare(self, rankings: Rankings) -> OfDraw:
        """Do once what does not depend on how often each query counts, and give the function that does the rest.

        On draws of `rankings` it must give what `of` gives when each query stands in the list as often as it counts.
        """


@dataclass(frozen=True, slots=True)
class MicroAveragePrecision(Statistic):
    """See `micro_average_precision`."""

    rule: AveragePrecisionRule = "plain"

    def prepare(self, rankings: Rankings) -> OfDraw:  # noqa: ARG002 - draws bring the list
        """See `Statistic`."""
        return lambda draw: average_precision_of(draw.counts, self.rule)


@dataclass(frozen=True, slots=True)
class RecallAtPrecision(Statistic):
    """The recall of `recall_at_precision`."""

    precision: float

    def __post_init__(self) -> None:
        check_precision(self.precision)

    def prepare(self, rankings: Rankings) -> OfDraw:  # noqa: ARG002 - draws bring the list
        """See `Statistic`."""
        return lambda draw: recall_at_precision_of(draw.counts, self.precision)


@dataclass(frozen=True, slots=True)
class AccuracyAt1(Statistic):
    """See `accuracy_at_1`."""

    def prepare(self, rankings: Rankings) -> OfDraw:
        """See `Statistic`."""
        return _mean(first_is_hit(rankings), rankings)


@dataclass(frozen=True, slots=True)
class RecallAtK(Statistic):
    """See `recall_at_k`."""

    k: int

    def __post_init__(self) -> None:
        check_k(self.k)

    def prepare(self, rankings: Rankings) -> OfDraw:
        """See `Statistic`."""
        return _mean(recall_of_queries(rankings, self.k), rankings)


@dataclass(frozen=True, slots=True)
class MeanAveragePrecision(Statistic):
    """See `mean_average_precision`."""

    rule: AveragePrecisionRule = "plain"

    def prepare(self, rankings: Rankings) -> OfDraw:
        """See `Statistic`."""
        return _mean(average_precision_of_queries(rankings, self.rule), rankings)


def _mean(values: Floats, rankings: Rankings) -> OfDraw:
    """A query counted w times adds its value w times; the value itself does not depend on other queries."""
    return lambda draw: mean_over_asked(values, rankings.positives, draw.weights)
