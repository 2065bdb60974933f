"""Calibration with views: the rate that is promised, against nested loops; the penalty, against sorted lists."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from copylens.errors import UsageError
from copylens.postprocess import view_calibration, view_thresholds

Rows = npt.NDArray[np.float32]


def random_rows(seed: int, *shape: int) -> Rows:
    rows = np.random.default_rng(seed).normal(size=(*shape, 6))
    lengths: npt.NDArray[np.float64] = np.linalg.norm(rows, axis=-1, keepdims=True)
    return (rows / lengths).astype(np.float32)


def thresholds(wholes: Rows, views: Rows, per_million: float) -> tuple[float, float]:
    return view_thresholds(wholes, lambda start, stop: views[start:stop], per_million=per_million)


def lists_of(wholes: Rows, views: Rows) -> tuple[list[float], list[float]]:
    """For each pair, the score of the wholes, and that of the best view of either with the other's whole."""
    of_wholes, of_views = [], []
    for a in range(len(wholes)):
        for b in range(a):
            of_wholes.append(float(wholes[a] @ wholes[b]))
            forward = max(float(view @ wholes[b]) for view in views[a])
            of_views.append(max(forward, *(float(view @ wholes[a]) for view in views[b])))
    return of_wholes, of_views


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 1000),
    count=st.integers(5, 12),
    views=st.integers(1, 3),
    block=st.integers(1, 40),
    share=st.sampled_from([0.1, 0.2, 0.5]),
)
def test_the_rate_holds_and_the_next_pair_would_break_it(
    seed: int, count: int, views: int, block: int, share: float
) -> None:
    wholes, rows = random_rows(seed, count), random_rows(seed + 1, count, views)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(view_calibration, "BLOCK", block)
        threshold, penalty = thresholds(wholes, rows, share * 1e6)
    of_wholes, of_views = lists_of(wholes, rows)
    allowed = int(len(of_wholes) * share)
    expected = sorted(of_views)[-allowed] - sorted(of_wholes)[-allowed]
    assert penalty == pytest.approx(max(0.0, expected), abs=1e-6)
    best = sorted(max(w, v - penalty) for w, v in zip(of_wholes, of_views, strict=True))
    assert sum(score >= threshold + 1e-6 for score in best) <= allowed
    assert threshold == pytest.approx(best[-(allowed + 1)], abs=1e-6)


def test_views_that_are_never_alike_cost_nothing() -> None:
    wholes = np.abs(random_rows(1, 20))
    threshold, penalty = thresholds(wholes, -wholes[:, None], 50_000)
    assert penalty == 0
    assert threshold > float(np.median(wholes @ wholes.T))


def test_the_penalty_of_a_rare_rate_is_measured_at_one_that_can_be() -> None:
    wholes, views = random_rows(2, 150), random_rows(3, 150, 4)
    rare, usual = (thresholds(wholes, views, rate) for rate in (100.0, 200.0))
    of_wholes, of_views = lists_of(wholes[:], views[:])
    place = round(len(of_wholes) * 100 / 1e6)
    assert rare[1] == pytest.approx(sorted(of_views)[-place] - sorted(of_wholes)[-place], abs=1e-6)
    assert usual[0] < rare[0]


def test_too_few_pictures_are_refused() -> None:
    with pytest.raises(UsageError, match="too few pairs"):
        thresholds(random_rows(1, 5), random_rows(2, 5, 1), 3.0)


def test_a_view_that_is_none_has_no_score_and_not_nought() -> None:
    """Wholes that are all opposed: a row of zeros would be the most alike of all."""
    wholes = np.array([[1, 0, 0], [-0.6, 0.8, 0], [-0.6, -0.8, 0]], np.float32)
    none = np.zeros((3, 2, 3), np.float32)
    threshold, penalty = thresholds(wholes, none, 400_000)
    assert penalty == 0
    assert threshold == pytest.approx(-0.6, abs=1e-6)
    some = none.copy()
    some[1, 0] = wholes[0]
    # The one view there is makes the penalty, 1.28, and scores no more than the wholes then.
    threshold, penalty = thresholds(wholes, some, 400_000)
    assert penalty == pytest.approx(1.28, abs=1e-6)
    assert threshold == pytest.approx(-0.28, abs=1e-6)


@pytest.mark.parametrize("free", [0, 1, 2, 3])
def test_free_views_lose_nothing_and_make_no_penalty(free: int) -> None:
    wholes, rows = random_rows(4, 14), random_rows(5, 14, 3)
    threshold, penalty = view_thresholds(
        wholes, lambda start, stop: rows[start:stop], per_million=100_000, free=free
    )
    of_wholes, _ = lists_of(wholes, rows)
    found, tried = (
        lists_of(wholes, part)[1] if part.shape[1] else [-1.0] * len(of_wholes)
        for part in (rows[:, :free], rows[:, free:])
    )
    allowed = int(len(of_wholes) * 0.1)
    expected = sorted(tried)[-allowed] - sorted(of_wholes)[-allowed]
    assert penalty == pytest.approx(max(0.0, expected), abs=1e-6)
    best = sorted(max(w, f, t - penalty) for w, f, t in zip(of_wholes, found, tried, strict=True))
    assert threshold == pytest.approx(best[-(allowed + 1)], abs=1e-6)
