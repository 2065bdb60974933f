"""Calibration: the rate that is promised, against a sorted list of all pairs; and what cannot be promised."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from copylens.errors import UsageError
from copylens.postprocess import calibration, false_match_threshold
from copylens.records import Descriptors
from descriptor_samples import unit_rows

GOLDEN = np.array([[1, 0], [0.8, 0.6], [0, 1], [-1, 0]], np.float32)
"""Six pairs, with scores 0.8, 0.6, 0, 0, -0.8 and -1."""

AXES = np.concatenate((np.eye(4, dtype=np.float32), -np.eye(4, dtype=np.float32)))
"""Products are exactly 1, 0 and -1."""


def reached(background: Descriptors, threshold: float) -> int:
    """How many pairs score at least the threshold, by a loop over all."""
    return sum(float(np.dot(a, b)) >= threshold for a, b in itertools.combinations(background, 2))


@pytest.mark.parametrize(("allowed", "beyond"), [(1, 0.6), (2, 0.0), (3, 0.0), (4, -0.8), (5, -1.0)])
def test_golden_the_first_pair_that_is_not_allowed_stays_just_below(allowed: int, beyond: float) -> None:
    threshold = false_match_threshold(GOLDEN, per_million=1e6 * (allowed + 0.5) / 6)
    assert threshold == pytest.approx(beyond, abs=1e-6)
    assert threshold > beyond
    assert reached(GOLDEN, threshold) <= allowed


@settings(max_examples=100, deadline=None)
@given(
    chosen=st.lists(st.integers(0, 7), min_size=2, max_size=14), share=st.floats(0.001, 0.999),
    block=st.integers(1, 16), values=st.integers(1, 64),
)  # fmt: skip
def test_ties_never_break_the_promise(chosen: list[int], share: float, block: int, values: int) -> None:
    background = AXES[chosen]
    pairs = len(chosen) * (len(chosen) - 1) // 2
    possible = int(pairs * share) >= 1 and reached(background, 1.0) <= int(pairs * share)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(calibration, "BLOCK", block)
        patch.setattr(calibration, "BLOCK_VALUES", values)
        if not possible:
            with pytest.raises(UsageError, match=r"too few to show|pairs of the background score 1"):
                false_match_threshold(background, per_million=share * 1e6)
            return
        threshold = false_match_threshold(background, per_million=share * 1e6)
    assert reached(background, threshold) <= pairs * share
    lower = float(np.nextafter(np.float32(threshold), np.float32(-2)))
    assert reached(background, lower) > pairs * share - 1
    assert -1 <= threshold <= 1


@pytest.mark.parametrize("per_million", [3000.0, 30_000.0, 500_000.0])
@pytest.mark.parametrize("block", [1, 7, 64, 100, 1024])
def test_the_lowest_threshold_of_random_rows(
    per_million: float, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calibration, "BLOCK", block)
    background = unit_rows(64, 5)
    scores = np.sort((background @ background.T)[np.triu_indices(64, k=1)])[::-1]
    allowed = int(len(scores) * per_million / 1e6)
    threshold = false_match_threshold(background, per_million=per_million)
    assert scores[allowed] - 1e-6 <= threshold <= scores[allowed - 1] + 1e-6


def test_a_lower_rate_never_has_a_lower_threshold() -> None:
    background = unit_rows(60, 6)
    thresholds = [false_match_threshold(background, per_million=rate) for rate in (1e3, 1e4, 1e5, 9e5)]
    assert thresholds == sorted(thresholds, reverse=True)
    assert thresholds[0] > thresholds[-1]


def test_neither_the_order_nor_the_type_of_rows_matters() -> None:
    background = unit_rows(50, 6)
    threshold = false_match_threshold(background, per_million=5000)
    assert false_match_threshold(background[::-1], per_million=5000) == pytest.approx(threshold, abs=1e-6)
    assert false_match_threshold(background.astype(np.float64), per_million=5000) == threshold


def test_opposite_rows_give_the_lowest_threshold_there_is() -> None:
    background = np.array([[1, 0], [-1, 0], [1, 0]], np.float32)
    # One pair scores 1 and may; the other two score -1, and must stay below.
    threshold = false_match_threshold(background, per_million=400_000)
    assert -1 < threshold < -0.999
    assert reached(background, threshold) == 1


def test_rounding_never_leads_below_the_lowest_score() -> None:
    # Rows an ulp too long, as float32 leaves them: the product of opposites is two ulps below -1.
    long = np.nextafter(np.float32(1), np.float32(2))
    background = np.array([[long], [-long], [-long]], np.float32)
    assert float(background[0] @ background[1]) < -1
    assert false_match_threshold(background, per_million=400_000) == -1.0


def test_copies_in_the_background_are_no_threshold_above_one() -> None:
    background = np.repeat(unit_rows(1, 8), 5, axis=0)
    with pytest.raises(UsageError, match="More than 5 pairs of the background score 1"):
        false_match_threshold(background, per_million=500_000)


@pytest.mark.parametrize("rate", [0.0, -1.0, 1e6, 2e6, float("nan"), float("inf")])
def test_a_rate_that_is_none(rate: float) -> None:
    with pytest.raises(UsageError, match="must be between 0 and 1,000,000"):
        false_match_threshold(AXES, per_million=rate)


@pytest.mark.parametrize(("count", "pairs"), [(0, 0), (1, 0), (2, 1), (8, 28)])
def test_too_few_images_for_the_rate(count: int, pairs: int) -> None:
    with pytest.raises(UsageError, match=f"{count} images have {pairs} pairs, too few to show 3 per million"):
        false_match_threshold(AXES[:count], per_million=3)


def test_rows_that_are_no_descriptors() -> None:
    broken = unit_rows(50, 6)
    broken[17, 2] = np.nan
    with pytest.raises(UsageError, match="Background descriptors must be finite"):
        false_match_threshold(broken, per_million=5000)
    with pytest.raises(UsageError, match=r"must be \(N, C\) float32"):
        false_match_threshold(np.zeros(5, np.float32), per_million=5000)
