"""Pairs of one's own: two folders and a CSV."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from benchmark_folders import build_pairs, pattern, save, shuffled_disk, write_csv
from copylens.errors import UsageError
from copylens.evaluation.benchmarks import open_pairs
from copylens.evaluation.nouns import Benchmark

HEADER = ("query", "reference")


def opened(root: Path) -> Benchmark:
    return open_pairs(root / "queries", root / "references", root / "truth.csv")


def test_two_folders_and_their_pairs(tmp_path: Path) -> None:
    pairs = build_pairs(tmp_path, pairs=6, extra=3)
    benchmark = opened(tmp_path)
    assert (benchmark.name, benchmark.split, benchmark.protocol) == ("pairs", "all", "micro")
    assert benchmark.truth == tuple(sorted(pairs.items()))
    queries, references = ([p.key for p in side] for side in (benchmark.queries, benchmark.references))
    assert queries == sorted(f"{'' if n % 2 else 'more/'}edit-{n}.jpg" for n in range(9))
    assert references == sorted(f"{'' if n % 2 else 'more/'}photo {n}.jpg" for n in range(9))
    assert all(Path(p.path) == tmp_path / "queries" / p.key for p in benchmark.queries)
    assert benchmark.facts == {}


def test_several_references_none_and_other_columns(tmp_path: Path) -> None:
    build_pairs(tmp_path)
    rows = [("edit-1.jpg", "photo 1.jpg", "x"), ("edit-1.jpg", "photo 3.jpg", ""), ("edit-3.jpg", "", "y")]
    write_csv(tmp_path / "truth.csv", rows, (*HEADER, "note"))
    benchmark = opened(tmp_path)
    assert benchmark.truth == (("edit-1.jpg", "photo 1.jpg"), ("edit-1.jpg", "photo 3.jpg"))
    assert len(benchmark.queries) == 9


def test_texts_are_taken_as_paths(tmp_path: Path) -> None:
    build_pairs(tmp_path)
    texts = [str(tmp_path / name) for name in ("queries", "references", "truth.csv")]
    assert open_pairs(texts[0] + "/", texts[1], texts[2]).truth == opened(tmp_path).truth


@pytest.mark.parametrize(
    ("row", "says"),
    [
        (("gone.jpg", "photo 1.jpg"), "there is no picture 'gone.jpg' in {queries}."),
        (("edit-1.jpg", "gone.jpg"), "there is no picture 'gone.jpg' in {references}."),
        (("EDIT-1.JPG", "photo 1.jpg"), "there is no picture 'EDIT-1.JPG' in {queries}."),
        (
            ("photo 1.jpg", "edit-1.jpg"),
            "there is no picture 'photo 1.jpg' in {queries}; it is a reference, so are the columns exchanged?",
        ),
        (
            ("edit-1.jpg", "edit-3.jpg"),
            "there is no picture 'edit-3.jpg' in {references}; it is a query, so are the columns exchanged?",
        ),
        (
            ("more/edit-0.jpg", "more/photo 0.jpg"),
            "the pair more/edit-0.jpg, more/photo 0.jpg is there twice.",
        ),
        (("more/edit-0.jpg", ""), "more/edit-0.jpg has a reference in one row and none in another."),
        (("", "photo 1.jpg"), "the query is empty; only a reference may be, where there is none."),
        (("edit-1.jpg",), "the row has 1 fields instead of 2."),
    ],
)
def test_wrong_rows_are_refused_with_their_line(tmp_path: Path, row: tuple[str, ...], says: str) -> None:
    build_pairs(tmp_path)
    write_csv(tmp_path / "truth.csv", [("more/edit-0.jpg", "more/photo 0.jpg"), row], HEADER)
    with pytest.raises(UsageError) as caught:
        opened(tmp_path)
    places = {"queries": tmp_path / "queries", "references": tmp_path / "references"}
    assert str(caught.value) == f"{tmp_path / 'truth.csv'}, line 3: {says.format(**places)}"


def test_a_header_is_needed(tmp_path: Path) -> None:
    pairs = build_pairs(tmp_path)
    write_csv(tmp_path / "truth.csv", list(pairs.items()))
    with pytest.raises(
        UsageError, match=r"truth\.csv, line 1: a header with the columns query, reference is needed"
    ):
        opened(tmp_path)


def test_a_truth_without_a_pair_is_refused(tmp_path: Path) -> None:
    build_pairs(tmp_path)
    write_csv(tmp_path / "truth.csv", [("edit-1.jpg", "")], HEADER)
    with pytest.raises(UsageError, match="there is no pair in it, so nothing could be found"):
        opened(tmp_path)
    write_csv(tmp_path / "truth.csv", [], HEADER)
    with pytest.raises(UsageError, match="there is no pair in it"):
        opened(tmp_path)


@pytest.mark.parametrize(
    ("queries", "references"),
    [("references", "references"), ("references/more", "references"), ("queries", ".")],
)
def test_folders_that_share_pictures_are_refused(tmp_path: Path, queries: str, references: str) -> None:
    build_pairs(tmp_path)
    with pytest.raises(UsageError, match="share pictures, and a picture always finds itself"):
        open_pairs(tmp_path / queries, tmp_path / references, tmp_path / "truth.csv")


def test_folders_of_like_names_are_apart(tmp_path: Path) -> None:
    build_pairs(tmp_path)
    (tmp_path / "references").rename(tmp_path / "queries2")
    assert len(open_pairs(tmp_path / "queries", tmp_path / "queries2", tmp_path / "truth.csv").truth) == 6


@pytest.mark.parametrize("name", ["queries", "references", "truth.csv"])
def test_what_is_missing_is_named(tmp_path: Path, name: str) -> None:
    build_pairs(tmp_path)
    (tmp_path / name).rename(tmp_path / "moved")
    with pytest.raises(UsageError, match="^" + re.escape(str(tmp_path / name))):
        opened(tmp_path)


def test_suffixes_in_either_case_and_other_files(tmp_path: Path) -> None:
    build_pairs(tmp_path)
    save(pattern(1), tmp_path / "queries" / "edit.PNG")
    save(pattern(1), tmp_path / "queries" / "edit.txt")
    write_csv(tmp_path / "truth.csv", [("edit.PNG", "photo 1.jpg")], HEADER)
    benchmark = opened(tmp_path)
    assert benchmark.truth == (("edit.PNG", "photo 1.jpg"),)
    assert "edit.txt" not in {picture.key for picture in benchmark.queries}


@pytest.mark.parametrize("seed", range(3))
def test_the_order_of_the_disk_does_not_show(tmp_path: Path, seed: int) -> None:
    build_pairs(tmp_path)
    plain = opened(tmp_path)
    with shuffled_disk(seed):
        assert opened(tmp_path) == plain
