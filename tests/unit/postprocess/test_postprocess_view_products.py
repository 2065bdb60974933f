"""Scores of views with wholes: as one by one, and a row of zeros is no view."""

from __future__ import annotations

import numpy as np
import pytest

from copylens.postprocess import NO_VIEW, view_products


@pytest.mark.parametrize("lacking", [0.0, 0.5, 1.0])
def test_they_equal_the_loops_and_what_is_no_view_scores_below_everything(lacking: float) -> None:
    chance = np.random.default_rng(3)
    views, wholes = (chance.standard_normal((count, 7)).astype(np.float32) for count in (30, 11))
    views[chance.random(30) < lacking] = 0.0
    scores = view_products(views, wholes)
    assert scores.shape == (30, 11)
    assert scores.dtype == np.float32
    for row, view in enumerate(views):
        for column, whole in enumerate(wholes):
            expected = sum(map(float, view * whole)) if view.any() else -2.0
            assert scores[row, column] == pytest.approx(expected, abs=1e-5)
    assert NO_VIEW == -2.0


def test_no_views_have_no_scores() -> None:
    assert view_products(np.zeros((0, 4), np.float32), np.ones((3, 4), np.float32)).shape == (0, 3)
