"""Chains: order, what each step learns from, what is missing, and the twin that takes one step after another."""

from __future__ import annotations

import tracemalloc

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from copylens.errors import UsageError
from copylens.postprocess import Centring, Chain, PCAWhitening, ScoreNormalisation, rows
from copylens.records import Descriptors
from descriptor_samples import correlated

Matrix = npt.NDArray[np.float64]

TRAINING, BACKGROUND = correlated(120, 12), correlated(40, 12, seed=1)
QUERIES, REFERENCES = correlated(15, 12, seed=2), correlated(25, 12, seed=3)


def unit(matrix: Matrix) -> Matrix:
    return np.asarray(matrix / np.linalg.norm(matrix, axis=1, keepdims=True))


def twin(text: str) -> Matrix:
    """Scores ``(15, 25)`` of the module's rows, step by step, whole, in double precision."""
    training, background, queries, references = (
        matrix.astype(np.float64) for matrix in (TRAINING, BACKGROUND, QUERIES, REFERENCES)
    )
    everything = [training, background, queries, references]
    for word in text.split(","):
        mean = everything[0].mean(axis=0)
        if word == "centre":
            everything = [unit(matrix - mean) for matrix in everything]
        elif word == "l2":
            everything = [unit(matrix) for matrix in everything]
        elif word.startswith("pca"):
            dims = int(word.removeprefix("pca").removeprefix("w"))
            _, singular, axes = np.linalg.svd(everything[0] - mean, full_matrices=False)
            projection = axes[:dims].T / (singular[:dims] if word.startswith("pcaw") else 1)
            everything = [unit((matrix - mean) @ projection) for matrix in everything]
        else:
            assert word == "sn"
            nearest = np.sort(everything[2] @ everything[1].T, axis=1)[:, -3:]
            return np.asarray(everything[2] @ everything[3].T - nearest.mean(axis=1, keepdims=True))
    return np.asarray(everything[2] @ everything[3].T)


def scores_of(
    chain: Chain, queries: Descriptors = QUERIES, references: Descriptors = REFERENCES
) -> Descriptors:
    left, right = chain.transform(queries, references)
    return np.asarray(left @ right.T)


def fitted(text: str) -> Chain:
    return Chain.parse(text).fit(training=TRAINING, background=BACKGROUND)


@settings(max_examples=60, deadline=None)
@given(
    steps=st.lists(st.sampled_from(["centre", "l2", "pca8", "pcaw8", "pca5", "pcaw5", "pcaw3"]), max_size=4),
    normalised=st.booleans(),
)
def test_a_chain_is_the_twin(steps: list[str], normalised: bool) -> None:
    # Later steps cannot bring back dimensions; after L2 of 3 dimensions two of them may lie flat.
    steps = [step for i, step in enumerate(steps) if not any(s.startswith("pca") for s in steps[:i])]
    text = ",".join(steps + ["sn"] * normalised)
    if text:
        np.testing.assert_allclose(scores_of(fitted(text)), twin(text), atol=1e-5)


@pytest.mark.parametrize(
    "text", ["pcaw8,pca5", "pca8,centre,pcaw4,sn", "l2,pcaw6,l2,centre,sn", "centre,centre,pca3,sn", "sn"]
)
def test_long_chains_are_the_twin(text: str) -> None:
    np.testing.assert_allclose(scores_of(fitted(text)), twin(text), atol=1e-5)


@pytest.mark.parametrize(
    ("one", "other"), [("l2,centre", "centre,l2"), ("centre,pcaw5", "pcaw5,centre"), ("l2,pca5", "pca5,l2")]
)
def test_the_order_of_steps_matters(one: str, other: str) -> None:
    assert np.abs(scores_of(fitted(one)) - scores_of(fitted(other))).max() > 0.01


def test_every_step_learns_from_rows_that_went_through_those_before_it() -> None:
    chain = fitted("centre,pcaw5,sn")
    centring, whitening = chain.steps
    assert isinstance(centring, Centring)
    assert isinstance(whitening, PCAWhitening)
    centred = Centring().fit(TRAINING)
    expected = PCAWhitening(5).fit(centred.transform(TRAINING))
    assert whitening.matrix_ is not None
    assert expected.matrix_ is not None
    np.testing.assert_allclose(whitening.matrix_, expected.matrix_, rtol=1e-5)
    assert chain.score_normalisation is not None
    assert chain.score_normalisation.background_ is not None
    background = expected.transform(centred.transform(BACKGROUND))
    np.testing.assert_allclose(chain.score_normalisation.background_, background, atol=1e-6)


@pytest.mark.parametrize("text", ["", "none"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_empty_chain_changes_nothing(text: str, dtype: type[np.floating[npt.NBitBase]]) -> None:
    chain = Chain.parse(text)
    assert chain.fitted
    assert not chain.needs_training
    assert not chain.needs_background
    queries, references = chain.transform(
        np.asfortranarray(QUERIES.astype(dtype)), np.asfortranarray(REFERENCES.astype(dtype))
    )
    for given_rows, out in ((QUERIES, queries), (REFERENCES, references)):
        assert out.dtype == np.float32
        assert out.flags.c_contiguous
        assert np.array_equal(out, given_rows)
    assert chain.fit() is chain


@pytest.mark.parametrize("text", ["none", "l2", "centre", "pcaw5", "sn", "centre,pca5,sn"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("count", [0, 1, 25])
def test_both_sides_come_back_as_contiguous_float32(
    text: str, dtype: type[np.floating[npt.NBitBase]], count: int
) -> None:
    given_rows = np.asfortranarray(REFERENCES[:count].astype(dtype))
    before = given_rows.copy()
    queries, references = fitted(text).transform(given_rows, given_rows)
    dims = (5 if "5" in text else 12) + ("sn" in text)
    for out in (queries, references):
        assert out.shape == (count, dims)
        assert out.dtype == np.float32
        assert out.flags.c_contiguous
    assert np.array_equal(given_rows, before)


@pytest.mark.parametrize(
    ("text", "training", "background"),
    [("none", 0, 0), ("l2", 0, 0), ("l2,sn", 0, 1), ("centre", 1, 0), ("pca5", 1, 0), ("pcaw5,sn", 1, 1)],
)
def test_a_chain_says_what_it_needs(text: str, training: int, background: int) -> None:
    chain = Chain.parse(text)
    assert (chain.needs_training, chain.needs_background) == (bool(training), bool(background))
    assert chain.fitted is not bool(training or background)
    given_training = TRAINING if training else None
    given_background = BACKGROUND if background else None
    assert chain.fit(training=given_training, background=given_background).fitted


def test_data_that_no_step_needs_is_ignored() -> None:
    useless = np.full((3, 3), np.nan)
    np.testing.assert_allclose(
        scores_of(Chain.parse("l2").fit(training=useless, background=useless)), twin("l2"), atol=1e-6
    )


@pytest.mark.parametrize(
    ("text", "training", "background", "missing"),
    [
        ("centre,l2,pcaw5", False, True, "it needs training descriptors for centre and pcaw5."),
        ("centre,sn", True, False, "it needs background descriptors for sn."),
        (
            "pca5,sn:last=4",
            False,
            False,
            "training descriptors for pca5 and background descriptors for sn:last=4.",
        ),
    ],
)
def test_missing_data_is_named(text: str, training: bool, background: bool, missing: str) -> None:
    chain = Chain.parse(text)
    with pytest.raises(UsageError, match=f"The post-processing {text} cannot be fitted: .*{missing}"):
        chain.fit(training=TRAINING if training else None, background=BACKGROUND if background else None)


@pytest.mark.parametrize(
    ("text", "needs"),
    [
        ("centre,sn", "training descriptors for centre and background descriptors for sn."),
        ("l2,sn", "it needs background descriptors for sn."),
        ("pcaw5", "it needs training descriptors for pcaw5."),
    ],
)
def test_a_chain_that_is_not_fitted_says_what_it_needs(text: str, needs: str) -> None:
    chain = Chain.parse(text)
    with pytest.raises(UsageError, match=f"{text} is not fitted; call fit first: .*{needs}"):
        chain.transform(QUERIES, REFERENCES)
    with pytest.raises(UsageError, match="is not fitted"):
        _ = chain.fingerprint


def test_a_fit_that_fails_leaves_the_chain_as_it_was() -> None:
    chain = fitted("centre,pcaw5,sn")
    before = chain.fingerprint
    for training, background in (
        (TRAINING[:5], BACKGROUND),  # centring could learn from these
        (TRAINING, BACKGROUND[:2]),  # whitening could
        (TRAINING, BACKGROUND[:, :7]),
        (np.full_like(TRAINING, np.nan), BACKGROUND),
    ):
        with pytest.raises(UsageError):
            chain.fit(training=training, background=background)
        assert chain.fingerprint == before


@pytest.mark.parametrize("text", ["sn", "centre", "l2,pcaw5,sn"])
def test_a_second_fit_forgets_the_first_and_its_dimensions(text: str) -> None:
    chain = fitted(text).fit(training=TRAINING[:50, :8], background=BACKGROUND[:, :8])
    fresh = Chain.parse(text).fit(training=TRAINING[:50, :8], background=BACKGROUND[:, :8])
    assert chain.fingerprint == fresh.fingerprint


def test_without_score_normalisation_only_that_is_gone() -> None:
    chain = fitted("centre,pcaw5,sn")
    plain = chain.without_score_normalisation()
    assert plain.text == "centre,pcaw5"
    assert not plain.needs_background
    np.testing.assert_allclose(scores_of(plain), twin("centre,pcaw5"), atol=1e-5)
    assert chain.text == "centre,pcaw5,sn"
    before = plain.fingerprint
    chain.fit(training=TRAINING[:60], background=BACKGROUND)
    assert plain.fingerprint == before
    assert Chain.parse("sn").without_score_normalisation().text == "none"


def test_score_normalisation_shifts_all_scores_of_a_query_alike() -> None:
    chain = fitted("centre,pcaw5,sn")
    shift = scores_of(chain) - scores_of(chain.without_score_normalisation())
    assert np.ptp(shift, axis=1).max() < 1e-6
    assert np.ptp(shift[:, 0]) > 0.01


def test_rows_of_another_model_are_refused_by_side() -> None:
    narrow = QUERIES[:, :7]
    for text in ("centre", "l2,centre,pca5,sn", "sn"):
        with pytest.raises(UsageError, match=r"Queries have 7 dimensions, but .* fitted on 12"):
            fitted(text).transform(narrow, REFERENCES)
        with pytest.raises(UsageError, match=r"References have 7 dimensions, but .* fitted on 12"):
            fitted(text).transform(QUERIES, narrow)
    with pytest.raises(UsageError, match="Queries have 12 dimensions, references 7"):
        Chain.parse("none").transform(QUERIES, narrow)
    with pytest.raises(UsageError, match=r"Background descriptors have 7 dimensions, but .* fitted on 12"):
        Chain.parse("centre,sn").fit(training=TRAINING, background=BACKGROUND[:, :7])


@pytest.mark.parametrize("text", ["none", "l2", "centre,sn"])
def test_rows_that_are_not_finite_are_refused_by_side(text: str) -> None:
    broken = QUERIES.copy()
    broken[3, 3] = np.nan
    with pytest.raises(UsageError, match="Queries must be finite"):
        fitted(text).transform(broken, REFERENCES)
    with pytest.raises(UsageError, match="References must be finite"):
        fitted(text).transform(REFERENCES, broken)


@pytest.mark.parametrize("block", [1, 4, 15, 16])
def test_the_size_of_a_block_does_not_show(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "BLOCK", block)
    np.testing.assert_allclose(scores_of(fitted("l2,centre,pcaw5,sn")), twin("l2,centre,pcaw5,sn"), atol=1e-5)


def test_a_transform_holds_its_result_and_one_block(monkeypatch: pytest.MonkeyPatch) -> None:
    chain = fitted("centre,pcaw10,l2,sn")
    monkeypatch.setattr(rows, "BLOCK", 500)
    many = correlated(60_000, 12, seed=4)
    tracemalloc.start()
    try:
        queries, references = chain.transform(many[:100], many)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 1.2 * (queries.nbytes + references.nbytes)


def test_fingerprints_tell_chains_apart() -> None:
    chains = [Chain.parse("none"), Chain.parse("l2"), fitted("centre"), fitted("pca5"), fitted("pcaw5")]
    chains += [fitted(text) for text in ("sn", "sn:beta=0.5", "l2,sn", "centre,l2", "l2,centre")]
    chains.append(Chain.parse("centre").fit(training=TRAINING[:-1]))
    fingerprints = [chain.fingerprint for chain in chains]
    assert len(set(fingerprints)) == len(fingerprints)
    assert all(len(text) == 16 and int(text, 16) >= 0 for text in fingerprints)
    assert fitted("centre,pcaw5,sn").fingerprint == fitted("centre,pcaw5,sn").fingerprint


def test_a_fingerprint_changes_with_the_last_bit_of_any_learned_array() -> None:
    chain = fitted("centre,pcaw5,sn")
    seen = {chain.fingerprint}
    for part in (*chain.steps, chain.score_normalisation):
        assert isinstance(part, Centring | PCAWhitening | ScoreNormalisation)
        for name in part.learned:
            array = getattr(part, name)
            changed = array.copy()
            changed.flat[-1] = np.nextafter(changed.flat[-1], changed.dtype.type(9))
            setattr(part, name, changed)
            seen.add(chain.fingerprint)
            setattr(part, name, array)
    assert len(seen) == 5
