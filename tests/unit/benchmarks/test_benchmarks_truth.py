"""What counts as a pair: examples worked by hand, and a slow twin."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import combinations
from pathlib import Path

import pytest
from benchmarks.peers.truth import Score, Truth, TruthError, judge, ordered, read_truth, recall_by_edit
from hypothesis import given, settings
from hypothesis import strategies as st

QUERIES = "query,reference,kind,ops\nQ0,R0,single,crop\nQ1,R0,multi,crop+text\nQ2,R1,single,crop\nQ3,,negative,blur\n"
COPIES = "copy,original,edit\nb,a,crop\nc,b,text\nd,a,grey\n"


def pair(one: str, other: str) -> tuple[str, str]:
    """Two files by their short names: Q0 lies in queries, R0 in references, others in the folder itself."""
    places = {"Q": "queries/", "R": "references/"}
    return ordered(places.get(one[0], "") + one, places.get(other[0], "") + other)


def folder_with(folder: Path, names: Iterable[str], rows: str) -> Truth:
    """Make empty files and a truth file, and read that."""
    for name in names:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).touch()
    (folder / "truth.csv").write_text(rows, encoding="utf-8")
    return read_truth(folder / "truth.csv", folder)


@pytest.fixture
def exam(tmp_path: Path) -> Truth:
    """Two queries of R0, one of R1; Q3 and R2 are distractors."""
    names = [f"queries/Q{number}" for number in range(4)] + [f"references/R{number}" for number in range(3)]
    return folder_with(tmp_path, names, QUERIES)


@pytest.fixture
def chain(tmp_path: Path) -> Truth:
    """c was made from b, and b and d from a; nobody names x."""
    return folder_with(tmp_path, "abcdx", COPIES)


FOUND = {
    pair("Q0", "R0"),  # right
    pair("Q0", "Q1"),  # right: both were made from R0
    pair("Q2", "R2"),  # wrong: the reference is a distractor
    pair("Q3", "R0"),  # wrong: the query is a distractor
    pair("Q2", "Q3"),  # wrong
    pair("R1", "R2"),  # wrong
}


def test_copies_of_one_original_are_copies_of_each_other(exam: Truth) -> None:
    assert exam.pairs == {pair("Q0", "R0"), pair("Q1", "R0"), pair("Q0", "Q1"), pair("Q2", "R1")}


def test_all_pairs_by_hand(exam: Truth) -> None:
    score = judge(FOUND, exam, with_originals=False)
    assert score == Score(found=6, right=2, wanted=4)
    assert score.precision == pytest.approx(2 / 6)
    assert score.recall == pytest.approx(2 / 4)


def test_pairs_with_an_original_by_hand(exam: Truth) -> None:
    # (Q0, Q1) and (Q2, Q3) are pairs of edits: they count neither for nor against.
    score = judge(FOUND, exam, with_originals=True)
    assert score == Score(found=4, right=1, wanted=3)


def test_recall_by_edit_by_hand(exam: Truth) -> None:
    assert recall_by_edit(FOUND, exam) == {"crop": 0.5, "multi": 0.0}


def test_nothing_found_has_no_precision(exam: Truth) -> None:
    score = judge([], exam, with_originals=False)
    assert (score.precision, score.recall) == (None, 0.0)


def test_a_copy_of_a_copy_goes_back_to_the_first_original(chain: Truth) -> None:
    assert chain.pairs == {ordered(*two) for two in combinations("abcd", 2)}
    assert judge(chain.pairs, chain, with_originals=False) == Score(found=6, right=6, wanted=6)


def test_what_others_were_made_from_is_an_original(chain: Truth) -> None:
    # b is an edit of a, but the original of c; so only (c, d) has no original.
    assert chain.edited == {"c", "d"}
    assert judge({pair("b", "c"), pair("c", "d")}, chain, with_originals=True) == Score(1, 1, 5)


def test_a_file_that_no_row_names_is_like_no_other(chain: Truth) -> None:
    for with_originals in (False, True):
        score = judge({pair("x", "c"), pair("a", "x")}, chain, with_originals=with_originals)
        assert (score.found, score.right) == (2, 0)


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ("copy,edit\nb,crop\n", "neither the columns"),
        ("copy,original,edit\nb,a,crop\nb,d,text\n", "lists b 2 times"),
        ("copy,original,edit\nb,a,crop\nnowhere,a,text\n", "such as nowhere"),
        ("query,reference,kind,ops\nQ9,,negative,blur\n", "such as queries/Q9"),
    ],
)
def test_a_truth_that_would_be_judged_wrongly_is_refused(tmp_path: Path, rows: str, said: str) -> None:
    with pytest.raises(TruthError, match=said):
        folder_with(tmp_path, "abd", rows)


@settings(deadline=None)
@given(parents=st.lists(st.integers(min_value=-1, max_value=30), min_size=2, max_size=12))
def test_pairs_are_those_of_the_twin(tmp_path_factory: pytest.TempPathFactory, parents: list[int]) -> None:
    """File n was made from an earlier one, `parents[n]`, or from none; the twin follows each file to its root."""
    names = [f"f{number:02}" for number in range(len(parents))]
    source = {n: parent % n for n, parent in enumerate(parents) if n and parent >= 0}
    rows = "".join(f"{names[copy]},{names[original]},any\n" for copy, original in source.items())
    truth = folder_with(tmp_path_factory.mktemp("twin"), names, f"copy,original,edit\n{rows}")

    def root(number: int) -> int:
        return root(source[number]) if number in source else number

    expected = {(names[a], names[b]) for a, b in combinations(range(len(names)), 2) if root(a) == root(b)}
    assert truth.pairs == expected
    assert truth.edited == {names[n] for n in source if n not in source.values()}
