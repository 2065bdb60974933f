"""PCA whitening: FAISS and a singular value decomposition agree; whitened is white; what cannot be learned."""

from __future__ import annotations

import tracemalloc

import faiss
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from copylens.errors import UsageError
from copylens.postprocess import PCAWhitening, rows
from copylens.records import Descriptors
from descriptor_samples import correlated

TRAINING, PROBES = correlated(400, 24), correlated(60, 24, seed=1)


def twin(training: Descriptors, probes: Descriptors, dims: int, power: float) -> npt.NDArray[np.float64]:
    """The textbook: singular vectors of the centred rows, in double precision."""
    centred = training.astype(np.float64) - training.astype(np.float64).mean(axis=0)
    _, singular, axes = np.linalg.svd(centred, full_matrices=False)
    deviations = singular[:dims] / np.sqrt(len(training))
    projected = (probes - training.astype(np.float64).mean(axis=0)) @ axes[:dims].T / deviations**power
    return np.asarray(projected / np.linalg.norm(projected, axis=1, keepdims=True))


def faiss_rows(training: Descriptors, probes: Descriptors, dims: int, eigen_power: float) -> Descriptors:
    matrix = faiss.PCAMatrix(training.shape[1], dims, eigen_power)
    matrix.train(training)
    out: Descriptors = matrix.apply(probes)
    faiss.normalize_L2(out)
    return out


@pytest.mark.parametrize("dims", [1, 2, 10, 24])
@pytest.mark.parametrize(("power", "eigen_power"), [(1.0, -0.5), (0.0, 0.0), (0.5, -0.25)])
def test_scores_are_those_of_faiss(dims: int, power: float, eigen_power: float) -> None:
    ours = PCAWhitening(dims, power).fit(TRAINING).transform(PROBES)
    theirs = faiss_rows(TRAINING, PROBES, dims, eigen_power)
    np.testing.assert_allclose(ours @ ours.T, theirs @ theirs.T, atol=1e-4)
    np.testing.assert_allclose(np.abs(ours), np.abs(theirs), atol=1e-4)


def test_scores_are_those_of_the_factory_string_of_the_paper() -> None:
    index = faiss.index_factory(24, "PCAW12,L2norm,Flat", faiss.METRIC_INNER_PRODUCT)
    index.train(TRAINING)
    index.add(PROBES)
    scores, found = index.search(PROBES, len(PROBES))
    ours = PCAWhitening(12).fit(TRAINING).transform(PROBES)
    np.testing.assert_allclose(np.take_along_axis(ours @ ours.T, found, axis=1), scores, atol=1e-4)


@settings(max_examples=40, deadline=None)
@given(
    count=st.integers(12, 60), wide=st.integers(1, 10), dims=st.integers(1, 10), power=st.floats(0, 1),
    seed=st.integers(0, 99),
)  # fmt: skip
def test_scores_are_those_of_the_twin(count: int, wide: int, dims: int, power: float, seed: int) -> None:
    training, probes = correlated(count, wide, seed=seed), correlated(9, wide, seed=seed + 1)
    dims = min(dims, wide)
    ours = PCAWhitening(dims, power).fit(training).transform(probes)
    slow = twin(training, probes, dims, power)
    np.testing.assert_allclose(ours @ ours.T, slow @ slow.T, atol=2e-5)


def test_whitened_training_rows_have_unit_covariance() -> None:
    whitening = PCAWhitening(10).fit(TRAINING)
    weight, bias = whitening.affine()
    white = TRAINING @ weight.T + bias
    np.testing.assert_allclose(white.mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(white.T @ white / len(white), np.eye(10), atol=1e-6)


def test_plain_pca_keeps_what_varies_most() -> None:
    plain = PCAWhitening(10, power=0.0).fit(TRAINING)
    weight, bias = plain.affine()
    projected = TRAINING @ weight.T + bias
    variances = np.linalg.eigvalsh(np.cov(TRAINING.T.astype(np.float64), bias=True))[::-1]
    np.testing.assert_allclose(projected.var(axis=0), variances[:10], rtol=1e-6)


def test_full_pca_is_a_rotation_about_the_mean() -> None:
    turned = PCAWhitening(24, power=0.0).fit(TRAINING).transform(PROBES)
    centred = PROBES - TRAINING.astype(np.float64).mean(axis=0)
    centred /= np.linalg.norm(centred, axis=1, keepdims=True)
    np.testing.assert_allclose(turned @ turned.T, centred @ centred.T, atol=1e-5)


def test_whitening_does_not_mind_an_affine_change_of_its_input() -> None:
    change = np.random.default_rng(5).standard_normal((24, 24))
    here = PCAWhitening(24).fit(TRAINING).transform(PROBES)
    there = PCAWhitening(24).fit(TRAINING @ change + 3.0).transform(PROBES @ change + 3.0)
    np.testing.assert_allclose(here @ here.T, there @ there.T, atol=1e-3)


def test_affine_is_what_transform_does() -> None:
    whitening = PCAWhitening(6).fit(TRAINING)
    weight, bias = whitening.affine()
    assert weight.shape == (6, 24)
    assert bias.shape == (6,)
    layer = PROBES @ weight.T + bias
    layer /= np.linalg.norm(layer, axis=1, keepdims=True)
    np.testing.assert_allclose(whitening.transform(PROBES), layer, atol=1e-6)


def test_a_fit_is_one_fit_whichever_way_an_axis_points() -> None:
    matrix = PCAWhitening(8).fit(TRAINING).matrix_
    assert matrix is not None
    assert (matrix[np.arange(8), np.abs(matrix).argmax(axis=1)] > 0).all()
    shuffled = PCAWhitening(8).fit(TRAINING[np.random.default_rng(0).permutation(len(TRAINING))]).matrix_
    assert shuffled is not None
    np.testing.assert_allclose(matrix, shuffled, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("block", [1, 7, 399, 400])
def test_the_size_of_a_block_does_not_show(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = PCAWhitening(8).fit(TRAINING).transform(PROBES)
    monkeypatch.setattr(rows, "BLOCK", block)
    np.testing.assert_allclose(PCAWhitening(8).fit(TRAINING).transform(PROBES), whole, atol=1e-6)


def test_a_fit_needs_no_second_copy_of_its_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "BLOCK", 256)
    training = correlated(30_000, 32)
    tracemalloc.start()
    try:
        PCAWhitening(8).fit(training)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < training.nbytes / 4


@pytest.mark.parametrize(
    ("training", "message"),
    [
        (correlated(8, 10), r"8 dimensions cannot be learned from 8 rows of 10 numbers; more than 8 rows"),
        (correlated(50, 7), "8 dimensions cannot be learned from 50 rows of 7 numbers"),
        (np.empty((0, 10), np.float32), "cannot be learned from 0 rows"),
        (np.ones((50, 10), np.float32), "vary in 0 directions only"),
        (np.repeat(correlated(4, 10), 9, axis=0), "vary in 3 directions only"),
    ],
    ids=["too few rows", "too few numbers", "no rows", "equal rows", "four rows repeated"],
)
def test_directions_that_are_not_there_are_not_made_up(training: Descriptors, message: str) -> None:
    whitening = PCAWhitening(8)
    with pytest.raises(UsageError, match=message):
        whitening.fit(training)
    assert not whitening.fitted


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (PCAWhitening(0), "at least 1 dimension, not 0"),
        (PCAWhitening(4, power=-0.1), "between 0 and 1, not -0.1"),
        (PCAWhitening(4, power=1.5), "between 0 and 1, not 1.5"),
        (PCAWhitening(4, power=float("nan")), "between 0 and 1, not nan"),
    ],
)
def test_parameters_that_cannot_be_meant(wrong: PCAWhitening, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        wrong.fit(TRAINING)
