"""The learning rate rises in a line, falls as a cosine, and never leaves (0, 1]; sizes share the steps."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from copylens.training.schedule import rate_factor, size_at


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


def test_sizes_have_their_turns_in_order() -> None:
    assert [size_at((96, 128, 160), step, 7) for step in range(7)] == [96, 96, 96, 128, 128, 160, 160]
    assert [size_at((224,), step, 3) for step in range(3)] == [224] * 3
    assert [size_at((96, 128), step, 1) for step in range(1)] == [96]


@given(count=st.integers(1, 6), total=st.integers(1, 300))
def test_shares_of_the_sizes_differ_by_at_most_a_step(count: int, total: int) -> None:
    sizes = tuple(range(count))
    given = [size_at(sizes, step, total) for step in range(total)]
    assert given == sorted(given)
    shares = [given.count(size) for size in sizes]
    assert sum(shares) == total
    assert max(shares) - min(shares) <= 1
