"""The learning rate rises in a line, falls as a cosine, and never leaves (0, 1]."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from copylens.training.schedule import rate_factor


def test_by_hand() -> None:
    factors = [rate_factor(step, total=8, warmup=4) for step in range(8)]
    # 1/4, 2/4, 3/4, 4/4, then (1 + cos(pi k / 4)) / 2 for k = 0..3
    root = math.sqrt(0.5)
    assert factors == pytest.approx([0.25, 0.5, 0.75, 1.0, 1.0, (1 + root) / 2, 0.5, (1 - root) / 2])


def test_without_warm_up_it_starts_at_its_height() -> None:
    assert rate_factor(0, total=10, warmup=0) == 1.0


@given(total=st.integers(1, 500), warmup=st.integers(0, 600), step=st.integers(0, 499))
def test_it_stays_in_bounds_and_never_rises_after_the_warm_up(total: int, warmup: int, step: int) -> None:
    step = min(step, total - 1)
    factor = rate_factor(step, total=total, warmup=warmup)
    assert 0 < factor <= 1
    if warmup <= step < total - 1:
        assert rate_factor(step + 1, total=total, warmup=warmup) <= factor
