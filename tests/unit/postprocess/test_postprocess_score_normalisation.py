"""Score normalisation: the example by hand, the direct form, and what it must not change."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from copylens.errors import UsageError
from copylens.index import IndexKind, create_index
from copylens.postprocess import ScoreNormalisation, score_normalisation
from copylens.records import Descriptors
from descriptor_samples import unit_rows

BACKGROUND = np.array([[1, 0], [0, 1], [0.6, 0.8], [-1, 0]], np.float32)
QUERY = np.array([[0.8, 0.6]], np.float32)
REFERENCES = np.array([[1, 0], [0, -1]], np.float32)


def direct(
    queries: Descriptors, references: Descriptors, background: Descriptors, beta: float, first: int, last: int
) -> npt.NDArray[np.float64]:
    """The definition, pair by pair, in double precision: no appended dimension."""
    out = np.empty((len(queries), len(references)))
    for i, query in enumerate(queries.astype(np.float64)):
        neighbours = sorted((float(query @ row) for row in background.astype(np.float64)), reverse=True)
        chosen = neighbours[first : last + 1]
        for j, reference in enumerate(references.astype(np.float64)):
            out[i, j] = float(query @ reference) - beta * sum(chosen) / len(chosen)
    return out


@pytest.mark.parametrize(
    ("normalisation", "bias"),
    [
        # The query scores 0.96, 0.8, 0.6 and -0.8 with the background, best first.
        (ScoreNormalisation(), (0.96 + 0.8 + 0.6) / 3),
        (ScoreNormalisation(beta=0.5), 0.5 * (0.96 + 0.8 + 0.6) / 3),
        (ScoreNormalisation(beta=0.0), 0.0),
        (ScoreNormalisation(first=0, last=0), 0.96),
        (ScoreNormalisation(first=1, last=2), (0.8 + 0.6) / 2),
        (ScoreNormalisation(beta=2.0, first=3, last=3), 2.0 * -0.8),
        (ScoreNormalisation(first=0, last=3), (0.96 + 0.8 + 0.6 - 0.8) / 4),
    ],
    ids=lambda value: value.text if isinstance(value, ScoreNormalisation) else "",
)
def test_golden_by_hand(normalisation: ScoreNormalisation, bias: float) -> None:
    normalisation.fit(BACKGROUND)
    np.testing.assert_allclose(normalisation.bias(QUERY), [bias], atol=1e-6)
    queries = normalisation.transform_queries(QUERY)
    references = normalisation.transform_references(REFERENCES)
    np.testing.assert_allclose(queries, [[0.8, 0.6, -bias]], atol=1e-6)
    assert references.tolist() == [[1, 0, 1], [0, -1, 1]]
    np.testing.assert_allclose(queries @ references.T, [[0.8 - bias, -0.6 - bias]], atol=1e-6)


@settings(max_examples=60, deadline=None)
@given(
    sizes=st.tuples(st.integers(1, 40), st.integers(1, 30), st.integers(1, 50)),
    dims=st.integers(1, 40), beta=st.floats(0, 4), ranks=st.tuples(st.integers(0, 60), st.integers(0, 60)),
    seed=st.integers(0, 99),
)  # fmt: skip
def test_the_appended_dimension_equals_the_direct_form(
    sizes: tuple[int, int, int], dims: int, beta: float, ranks: tuple[int, int], seed: int
) -> None:
    queries, references, background = (unit_rows(size, dims, seed=seed + i) for i, size in enumerate(sizes))
    first, last = (rank % len(background) for rank in sorted(ranks))
    first, last = min(first, last), max(first, last)
    normalisation = ScoreNormalisation(beta, first, last).fit(background)
    scores = normalisation.transform_queries(queries) @ normalisation.transform_references(references).T
    np.testing.assert_allclose(scores, direct(queries, references, background, beta, first, last), atol=1e-5)


@pytest.mark.parametrize("kind", ["exact", "faiss"])
def test_any_inner_product_index_serves_it(kind: IndexKind) -> None:
    queries, references, background = (unit_rows(count, 16, seed=count) for count in (25, 40, 30))
    normalisation = ScoreNormalisation().fit(background)
    index = create_index(kind, 17)
    index.add(np.arange(40), normalisation.transform_references(references))
    found = index.search(normalisation.transform_queries(queries), 40)
    expected = direct(queries, references, background, 1.0, 0, 2)
    np.testing.assert_allclose(found.scores, np.take_along_axis(expected, found.keys, axis=1), atol=1e-5)


def test_a_query_keeps_the_order_of_its_references() -> None:
    queries, references = unit_rows(10, 8, seed=1), unit_rows(20, 8, seed=2)
    normalisation = ScoreNormalisation().fit(unit_rows(30, 8, seed=3))
    plain = queries @ references.T
    scores = normalisation.transform_queries(queries) @ normalisation.transform_references(references).T
    np.testing.assert_allclose(scores - scores[:, :1], plain - plain[:, :1], atol=1e-6)


def test_the_order_of_the_background_does_not_matter() -> None:
    queries, background = unit_rows(30, 8, seed=1), unit_rows(50, 8, seed=2)
    shuffled = background[np.random.default_rng(0).permutation(50)]
    np.testing.assert_allclose(
        ScoreNormalisation().fit(background).bias(queries),
        ScoreNormalisation().fit(shuffled).bias(queries),
        atol=1e-6,
    )


@pytest.mark.parametrize("block", [1, 3, 19, 20, 21])
def test_the_size_of_a_block_does_not_show(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    normalisation, queries = ScoreNormalisation().fit(unit_rows(50, 8)), unit_rows(45, 8, seed=1)
    whole = normalisation.bias(queries)
    monkeypatch.setattr(score_normalisation, "BLOCK", block)
    np.testing.assert_allclose(normalisation.bias(queries), whole, atol=1e-6)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("count", [0, 1, 5])
def test_both_sides_are_contiguous_float32(count: int, dtype: type[np.floating[Any]]) -> None:
    rows = np.asfortranarray(unit_rows(count, 4).astype(dtype))
    normalisation = ScoreNormalisation().fit(unit_rows(9, 4, seed=1))
    for out in (normalisation.transform_queries(rows), normalisation.transform_references(rows)):
        assert out.shape == (count, 5)
        assert out.dtype == np.float32
        assert out.flags.c_contiguous
        assert np.array_equal(out[:, :4], rows.astype(np.float32))


def test_too_small_a_background_is_refused_with_both_numbers() -> None:
    ScoreNormalisation().fit(unit_rows(3, 4))
    with pytest.raises(UsageError, match="sn looks at 3 neighbours, but the background has 2 images only"):
        ScoreNormalisation().fit(unit_rows(2, 4))
    with pytest.raises(UsageError, match="sn:last=9 looks at 10 neighbours, but the background has 0"):
        ScoreNormalisation(last=9).fit(np.empty((0, 4)))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (ScoreNormalisation(beta=-1.0), "beta must be between 0 and 1e6, not -1"),
        (ScoreNormalisation(beta=float("nan")), "beta must be .* not nan"),
        (ScoreNormalisation(beta=float("inf")), "beta must be .* not inf"),
        (ScoreNormalisation(first=-1), "0 <= first <= last, not first=-1 and last=2"),
        (ScoreNormalisation(first=3), "0 <= first <= last, not first=3 and last=2"),
    ],
)
def test_parameters_that_cannot_be_meant(wrong: ScoreNormalisation, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        wrong.fit(BACKGROUND)


def test_queries_are_checked() -> None:
    with pytest.raises(UsageError, match="not fitted yet: call fit first"):
        ScoreNormalisation().bias(QUERY)
    with pytest.raises(UsageError, match=r"Queries have 3 dimensions, but .* fitted on 2"):
        ScoreNormalisation().fit(BACKGROUND).transform_queries(np.zeros((1, 3)))
    with pytest.raises(UsageError, match="References must be finite"):
        ScoreNormalisation().transform_references(np.full((1, 3), np.nan))
