"""The text of a chain: what it means, its canonical form, and what it must not say."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from copylens.errors import UsageError
from copylens.postprocess import Centring, Chain, PCAWhitening, ScoreNormalisation, UnitLength
from copylens.postprocess.spelling import parse_parts

numbers = st.integers(1, 999_999)
words = st.one_of(
    st.sampled_from(["centre", "l2"]),
    numbers.map("pca{}".format),
    numbers.map("pcaw{}".format),
    st.tuples(numbers, st.floats(0, 1)).map(lambda pair: f"pcaw{pair[0]}:power={pair[1]!r}"),
)
normalisations = st.tuples(st.floats(0, 1e6), st.integers(0, 99), st.integers(0, 99)).map(
    lambda values: f"sn:beta={values[0]!r}:first={min(values[1:])}:last={max(values[1:])}"
)
chains = st.tuples(st.lists(words, max_size=5), st.lists(normalisations, max_size=1)).map(
    lambda halves: ",".join(halves[0] + halves[1])
)


def test_golden() -> None:
    parts = parse_parts("centre,pcaw256,pca12,pcaw7:power=0.5,l2,sn:beta=0.5:first=1:last=4")
    assert parts == [
        Centring(),
        PCAWhitening(256),
        PCAWhitening(12, power=0.0),
        PCAWhitening(7, power=0.5),
        UnitLength(),
        ScoreNormalisation(beta=0.5, first=1, last=4),
    ]


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("", "none"),
        ("none", "none"),
        (" NONE ", "none"),
        ("centre, pcaw256 ,SN", "centre,pcaw256,sn"),
        ("sn:beta=1:first=0:last=2", "sn"),
        ("sn:last=2:beta=1.0", "sn"),
        ("sn:last=9:beta=0.50", "sn:beta=0.5:last=9"),
        ("sn: beta = 1e-3", "sn:beta=0.001"),
        ("pcaw8:power=0", "pca8"),
        ("pcaw8:power=1.0", "pcaw8"),
        ("pcaw008", "pcaw8"),
        ("centre,centre,l2,l2", "centre,centre,l2,l2"),
    ],
)
def test_equal_chains_have_equal_text(text: str, canonical: str) -> None:
    assert Chain.parse(text).text == canonical
    assert Chain.parse(canonical).text == canonical
    assert repr(Chain.parse(text)) == f"Chain.parse({canonical!r})"


@given(chains)
def test_the_canonical_text_means_the_same_chain(text: str) -> None:
    canonical = Chain.parse(text).text
    assert parse_parts(canonical) == parse_parts(text)
    assert Chain.parse(canonical).text == canonical


@given(st.text(alphabet="centrlpcawsn0123456789.,:=- eE", max_size=30))
def test_any_text_is_a_chain_or_one_clear_error(text: str) -> None:
    try:
        canonical = Chain.parse(text).text
    except UsageError as error:
        complaint = str(error)
        assert complaint.endswith(".")
    else:
        assert Chain.parse(canonical).text == canonical


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("center", "no post-processing step 'center' .* did you mean 'centre'?"),
        (
            "centre,whitne8",
            "no post-processing step 'whitne8' .in 'centre,whitne8'.. The steps are centre, l2",
        ),
        ("pcw256", "'pcw256' .* did you mean 'pcawD'?"),
        ("pcaw-256", "'pcaw-256' .* did you mean 'pcawD'?"),
        ("l2norm", "'l2norm' .* did you mean 'l2'?"),
        ("snn", "'snn' .* did you mean 'sn'?"),
        ("centre,,sn", "no post-processing step ''"),
        ("none,l2", "'none' .* none alone stands for no step"),
        ("pcaw", "'pcaw' does not say to how many dimensions; write for example pcaw256"),
        ("pca:power=1", "takes no parameters"),
        ("pca0", "at least 1 dimension, not 0"),
        ("pcaw" + "9" * 5000, "does not say to how many dimensions"),
        ("pcaw8:power=2", "power of the whitening must be between 0 and 1, not 2"),
        ("centre:x=1", "'centre:x=1': the step centre takes no parameters"),
        ("sn:gamma=1", "the parameters of sn are beta, first, last, each at most once"),
        ("sn:beta=1:beta=1", "each at most once"),
        ("sn:", "the parameters of sn are"),
        ("sn:beta=", "beta must be a number, not ''"),
        ("sn:beta=much", "beta must be a number, not 'much'"),
        ("sn:beta=nan", "beta must be between 0 and 1e6, not nan"),
        ("sn:last=1.5", "last must be a whole number, not '1.5'"),
        ("sn:last=" + "9" * 5000, "last must be a whole number"),
        ("sn:first=3", "0 <= first <= last, not first=3 and last=2"),
        ("sn,centre", "goes on after sn; score normalisation comes once, and last"),
        ("sn,sn", "goes on after sn"),
    ],
    ids=lambda text: text[:20],
)
def test_what_cannot_be_meant_is_refused(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Chain.parse(text)
