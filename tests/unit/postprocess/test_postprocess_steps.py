"""What every part of a chain keeps to, as scikit-learn's estimators do: no work before `fit`, state ends in ``_``."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from copylens.errors import UsageError
from copylens.postprocess import Centring, PCAWhitening, ScoreNormalisation, UnitLength
from copylens.postprocess.step import Part, Step, spelled
from descriptor_samples import correlated

STEPS: list[Step] = [Centring(), UnitLength(), PCAWhitening(4), PCAWhitening(4, 0.0), PCAWhitening(4, 0.5)]
PARTS: list[Part] = [*STEPS, ScoreNormalisation()]

steps = pytest.mark.parametrize("step", [copy.copy(step) for step in STEPS], ids=lambda step: str(step.text))
parts = pytest.mark.parametrize("part", [copy.copy(part) for part in PARTS], ids=lambda part: str(part.text))


def fitted(part: Any) -> Any:
    return copy.copy(part).fit(correlated(50, 6))


@parts
def test_nothing_is_learned_before_fit_and_everything_after(part: Part) -> None:
    assert all(name.endswith("_") and getattr(part, name) is None for name in part.learned)
    assert part.fitted is (not part.learned)
    learned = fitted(part)
    assert learned.fitted
    assert all(np.isfinite(getattr(learned, name)).all() for name in part.learned)


@parts
def test_fit_returns_itself_and_leaves_parameters_and_rows_alone(part: Any) -> None:
    one = copy.copy(part)
    rows = correlated(50, 6)
    before = rows.copy()
    assert one.fit(rows) is one
    assert one.text == part.text
    assert np.array_equal(rows, before)


@parts
def test_a_second_fit_forgets_the_first(part: Any) -> None:
    again = fitted(part).fit(correlated(30, 5, seed=1))
    fresh = copy.copy(part).fit(correlated(30, 5, seed=1))
    assert all(np.array_equal(getattr(again, name), getattr(fresh, name)) for name in part.learned)


@parts
def test_training_rows_may_change_after_the_fit(part: Any) -> None:
    rows = correlated(50, 6)
    one = copy.copy(part).fit(rows)
    before = {name: getattr(one, name).copy() for name in part.learned}
    rows[:] = 0
    assert all(np.array_equal(getattr(one, name), array) for name, array in before.items())


@parts
@pytest.mark.parametrize(
    "wrong", [np.full((50, 6), np.nan), np.zeros(6), np.zeros((50, 6), np.int64)], ids=["nan", "1-d", "int"]
)
def test_fit_refuses_what_are_no_rows(part: Any, wrong: Any) -> None:
    with pytest.raises(UsageError, match="descriptors must be"):
        copy.copy(part).fit(wrong)


@steps
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("count", [0, 1, 20])
def test_transform_gives_contiguous_float32_rows_of_length_one(step: Step, dtype: Any, count: int) -> None:
    rows = np.asfortranarray(correlated(count, 6, seed=2).astype(dtype))
    before = rows.copy()
    out = fitted(step).transform(rows)
    assert out.dtype == np.float32
    assert out.flags.c_contiguous
    assert out.shape == (count, 4 if isinstance(step, PCAWhitening) else 6)
    np.testing.assert_allclose(np.linalg.norm(out, axis=1), 1, atol=1e-6)
    assert np.array_equal(rows, before)


@steps
def test_rows_are_changed_one_by_one(step: Step) -> None:
    one, rows = fitted(step), correlated(20, 6, seed=2)
    alone = np.concatenate([one.transform(rows[i : i + 1]) for i in range(20)])
    np.testing.assert_allclose(one.transform(rows), alone, atol=1e-6)


@pytest.mark.parametrize("step", [step for step in STEPS if step.learned], ids=lambda step: str(step.text))
def test_transform_refuses_another_model_and_an_unfitted_step(step: Step) -> None:
    with pytest.raises(UsageError, match="not fitted yet: call fit first"):
        copy.copy(step).transform(correlated(3, 6))
    with pytest.raises(UsageError, match=r"have 7 dimensions, but .* fitted on 6"):
        fitted(step).transform(correlated(3, 7))
    with pytest.raises(UsageError, match="must be finite"):
        fitted(step).transform(np.full((1, 6), np.inf))


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_is_spelled_so_that_it_can_be_read_back(value: float) -> None:
    assert float(spelled(value)) == value


@pytest.mark.parametrize(
    ("value", "text"), [(1.0, "1"), (2, "2"), (0.5, "0.5"), (0.1 + 0.2, repr(0.1 + 0.2))]
)
def test_a_number_is_spelled_short(value: float, text: str) -> None:
    assert spelled(value) == text
