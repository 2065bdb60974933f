"""Truth files: what is read from them, and the line of what is wrong."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from copylens.errors import UsageError
from copylens.evaluation.benchmarks.truth import Row, gather, read_rows, sorted_pairs


def write(folder: Path, text: str | bytes) -> str:
    path = folder / "truth.csv"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return str(path)


def pairs(path: str) -> list[tuple[int, str, str]]:
    return [(row.line, row.query, row.reference) for row in read_rows(path)]


def test_rows_with_their_lines(tmp_path: Path) -> None:
    path = write(tmp_path, "query,reference\na.jpg,r.jpg\n\nb.jpg,\n")
    assert pairs(path) == [(2, "a.jpg", "r.jpg"), (4, "b.jpg", "")]


def test_other_names_orders_and_columns(tmp_path: Path) -> None:
    path = write(tmp_path, "note,reference_id,query_id\nx,R1,Q1\n")
    assert pairs(path) == [(2, "Q1", "R1")]


def test_marks_of_other_systems_and_quoted_commas(tmp_path: Path) -> None:
    path = write(tmp_path, b'\xef\xbb\xbfquery, reference\r\n"a, b.jpg", "the ""best"".jpg"\r\n')
    assert pairs(path) == [(2, "a, b.jpg", 'the "best".jpg')]


def test_wanted_columns_and_those_that_may_be_missing(tmp_path: Path) -> None:
    path = write(tmp_path, "query,reference,kind\na,b,single\n")
    (row,) = read_rows(path, required=("kind",), optional=("strength",))
    assert row == Row(2, "a", "b", {"kind": "single", "strength": ""})


def test_a_truth_may_begin_with_its_first_pair_where_that_is_allowed(tmp_path: Path) -> None:
    path = write(tmp_path, "Q1,R1\nQ2,\n")
    assert [(r.line, r.query, r.reference) for r in read_rows(path, headerless=True)] == [
        (1, "Q1", "R1"),
        (2, "Q2", ""),
    ]
    headed = write(tmp_path, "query_id,reference_id\nQ1,R1\n")
    assert [(r.line, r.query) for r in read_rows(headed, headerless=True)] == [(2, "Q1")]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "the file is empty"),
        ("\n\n", "the file is empty"),
        (
            "a.jpg,b.jpg\n",
            "line 1: a header with the columns query, reference is needed, but query and reference are",
        ),
        (
            "query,match\na,b\n",
            "line 1: a header with the columns query, reference is needed, but reference is miss",
        ),
        ("query,reference\na,b\nc\n", "line 3: the row has 1 fields instead of 2."),
        ("query,reference\na,b,c\n", "line 2: the row has 3 fields instead of 2."),
        ("query,reference\n,b\n", "line 2: the query is empty"),
        ('query,reference\n"a,b\n', "line 2: this is not CSV"),
        (b"query,reference\n\xe4.jpg,b\n", "this is not UTF-8 text"),
    ],
)
def test_what_cannot_be_meant_is_refused(tmp_path: Path, text: str | bytes, says: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(UsageError, match="^" + re.escape(path)) as caught:
        read_rows(path)
    assert says in str(caught.value)


def test_a_headerless_truth_has_two_columns(tmp_path: Path) -> None:
    path = write(tmp_path, "Q1,R1,0.9\n")
    with pytest.raises(UsageError, match="line 1: the row has 3 fields instead of 2"):
        read_rows(path, headerless=True)


def test_half_a_header_is_no_pair(tmp_path: Path) -> None:
    path = write(tmp_path, "query_id,R1\n")
    with pytest.raises(UsageError, match=r"line 1: .* reference is missing"):
        read_rows(path, headerless=True)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"gone\.csv: cannot be read: No such file"):
        read_rows(str(tmp_path / "gone.csv"))


def rows(*named: tuple[str, str]) -> list[Row]:
    return [Row(line, query, reference, {}) for line, (query, reference) in enumerate(named, start=2)]


def test_references_gather_by_query() -> None:
    gathered = gather("t", rows(("b", "2"), ("a", ""), ("b", "1")))
    assert gathered == {"b": {"1", "2"}, "a": set()}
    assert sorted_pairs(gathered) == (("b", "1"), ("b", "2"))


@pytest.mark.parametrize(
    ("named", "says"),
    [
        ([("a", "1"), ("b", "1"), ("a", "1")], "t, line 4: the pair a, 1 is there twice."),
        ([("a", ""), ("a", "")], "t, line 3: the query a is there twice."),
        ([("a", ""), ("a", "1")], "t, line 3: a has a reference in one row and none in another."),
        ([("a", "1"), ("a", "2"), ("a", "")], "t, line 4: a has a reference in one row and none in another."),
    ],
)
def test_rows_that_contradict_or_repeat_are_refused(named: list[tuple[str, str]], says: str) -> None:
    with pytest.raises(UsageError) as caught:
        gather("t", rows(*named))
    assert str(caught.value) == says


@given(st.sets(st.tuples(st.sampled_from("abc"), st.sampled_from("123"))), st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_show(wanted: set[tuple[str, str]], random: object) -> None:
    named = sorted(wanted)
    random.shuffle(named)  # type: ignore[attr-defined]
    assert sorted_pairs(gather("t", rows(*named))) == tuple(sorted(wanted))
