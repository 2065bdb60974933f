"""Differences between systems: signs, intervals, and which systems are compared."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from copylens.evaluation.comparing import compare
from copylens.evaluation.metrics import judge
from copylens.evaluation.nouns import Predictions
from copylens.evaluation.predicting import Predicted
from copylens.evaluation.scoring import Resampling, statistics_for
from evaluation_cases import Case, random_case

NONE = Resampling(samples=0, level=0.95, seed=0)
SOME = Resampling(samples=200, level=0.95, seed=0)


def better(case: Case) -> Predicted:
    """The same candidates, true pairs with a higher score."""
    p = case.predictions
    true = set(map(tuple, case.truth.tolist()))
    raised = np.array([(int(q), int(r)) in true for q, r in zip(p.queries, p.references, strict=True)])
    scores = (p.scores + raised.astype(np.float32)).astype(np.float32)
    return replace(case.predicted, predictions=Predictions(p.queries, p.references, scores))


@pytest.mark.parametrize("seed", range(10))
def test_a_difference_is_the_second_less_the_first(seed: int) -> None:
    case = random_case(seed)
    second = better(case)
    (found,) = compare(case.benchmark, case.truth, [("a", case.predicted, None), ("b", second, None)], NONE)
    assert (found.first, found.second, found.normalised) == ("a", "b", None)
    count = len(case.benchmark.queries)
    for key, statistic in statistics_for("micro").items():
        figures = [statistic.of(judge(p.predictions, case.truth, count)) for p in (case.predicted, second)]
        assert found.plain[key].value == pytest.approx(figures[1] - figures[0], abs=1e-6)
        assert found.plain[key].low is found.plain[key].high is found.plain[key].better is None


def test_what_is_surely_better_has_an_interval_above_zero() -> None:
    case = random_case(5, queries=60)
    (found,) = compare(
        case.benchmark, case.truth, [("a", case.predicted, None), ("b", better(case), None)], SOME
    )
    difference = found.plain["micro_average_precision"]
    assert difference.low is not None
    assert 0 < difference.low <= difference.value
    assert difference.better == 1
    (back,) = compare(
        case.benchmark, case.truth, [("b", better(case), None), ("a", case.predicted, None)], SOME
    )
    assert back.plain["micro_average_precision"].value == pytest.approx(-difference.value)
    assert back.plain["micro_average_precision"].better == 0


def test_a_system_does_not_differ_from_itself() -> None:
    case = random_case(5)
    (found,) = compare(
        case.benchmark, case.truth, [("a", case.predicted, None), ("b", case.predicted, None)], SOME
    )
    for difference in found.plain.values():
        assert (difference.value, difference.low, difference.high, difference.better) == (0, 0, 0, 0)


def test_each_further_system_is_compared_with_the_first_and_normalised_only_with_normalised() -> None:
    case = random_case(6)
    plain, other = case.predicted, better(case)
    found = compare(
        case.benchmark, case.truth, [("a", plain, other), ("b", other, None), ("c", other, plain)], NONE
    )
    assert [(one.first, one.second) for one in found] == [("a", "b"), ("a", "c")]
    assert found[0].normalised is None
    assert found[1].normalised is not None
    key = "micro_average_precision"
    assert found[1].normalised[key].value == pytest.approx(-found[1].plain[key].value)
    assert compare(case.benchmark, case.truth, [("a", plain, other)], SOME) == ()
