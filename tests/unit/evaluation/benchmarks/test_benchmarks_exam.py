"""Exams: pictures, pairs and how the queries were made."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmark_folders import build_exam, pattern, save, shuffled_disk, write_csv
from copylens.errors import UsageError
from copylens.evaluation.benchmarks import open_exam
from copylens.evaluation.nouns import QueryFacts

HEADER = ("query", "reference", "kind", "ops", "strength")


def rewrite(root: Path, *rows: tuple[str, ...], header: tuple[str, ...] = HEADER) -> None:
    """Keep the named queries' pictures only, and write their rows."""
    named = {row[0] for row in rows}
    for path in (root / "queries").iterdir():
        if path.name not in named:
            path.unlink()
    write_csv(root / "truth.csv", rows, header)


def test_a_whole_exam(tmp_path: Path) -> None:
    pairs = build_exam(tmp_path)
    benchmark = open_exam(tmp_path)
    assert (benchmark.name, benchmark.split, benchmark.protocol) == ("exam", "all", "micro")
    assert benchmark.truth == tuple(sorted(pairs.items()))
    assert [p.key for p in benchmark.queries] == [f"Q{n:05d}.jpg" for n in range(15)]
    assert [p.key for p in benchmark.references] == [f"R{n:05d}.jpg" for n in range(6)]
    assert [p.key for p in benchmark.background] == [f"B{n:05d}.jpg" for n in range(4)]
    assert set(benchmark.facts) == {p.key for p in benchmark.queries}
    assert benchmark.facts["Q00002.jpg"] == QueryFacts("single", ("crop",), "medium")
    assert benchmark.facts["Q00003.jpg"] == QueryFacts("multi", ("crop", "hflip"), "medium")
    assert benchmark.facts["Q00012.jpg"] == QueryFacts("none", ("crop",), "mild")
    assert benchmark.training == ()


def test_without_background_and_strengths(tmp_path: Path) -> None:
    build_exam(tmp_path, background=0)
    rewrite(
        tmp_path,
        ("Q00000.jpg", "R00000.jpg", "single", "crop"),
        ("Q00012.jpg", "", "negative", "blur+jpeg"),
        header=HEADER[:4],
    )
    benchmark = open_exam(tmp_path)
    assert benchmark.background == ()
    assert benchmark.facts == {
        "Q00000.jpg": QueryFacts("single", ("crop",)),
        "Q00012.jpg": QueryFacts("none", ("blur", "jpeg")),
    }


def test_a_query_of_several_references_and_one_without_edits(tmp_path: Path) -> None:
    build_exam(tmp_path)
    rewrite(
        tmp_path,
        ("Q00000.jpg", "R00003.jpg", "multi", "mix+crop", "hard"),
        ("Q00000.jpg", "R00001.jpg", "multi", "mix+crop", "hard"),
        ("Q00001.jpg", "", "none", "", ""),
    )
    benchmark = open_exam(tmp_path)
    assert benchmark.truth == (("Q00000.jpg", "R00001.jpg"), ("Q00000.jpg", "R00003.jpg"))
    assert benchmark.facts["Q00001.jpg"] == QueryFacts("none", (), "")


def test_other_files_and_columns_are_not_looked_at(tmp_path: Path) -> None:
    build_exam(tmp_path)
    plain = open_exam(tmp_path)
    (tmp_path / "exam.json").write_text("{", encoding="utf-8")
    (tmp_path / "README.md").write_text("how this was made", encoding="utf-8")
    save(pattern(1), tmp_path / "previews" / "Q00000.jpg")
    save(pattern(1), tmp_path / "queries" / "notes.txt")
    text = (tmp_path / "truth.csv").read_text(encoding="utf-8").splitlines()
    (tmp_path / "truth.csv").write_text("\n".join(f"{line},x" for line in text), encoding="utf-8")
    assert open_exam(tmp_path) == plain


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    (tmp_path / "references").mkdir()
    with pytest.raises(UsageError) as caught:
        open_exam(tmp_path)
    assert str(caught.value) == (
        f"{tmp_path}: this is no exam, queries/ and truth.csv missing; make one with: "
        "copylens benchmark make PHOTOS --output EXAM"
    )
    with pytest.raises(UsageError, match="gone: no such folder; it should hold an exam"):
        open_exam(tmp_path / "gone")


@pytest.mark.parametrize("folder", ["queries", "references", "background"])
def test_an_empty_folder_is_refused(tmp_path: Path, folder: str) -> None:
    build_exam(tmp_path)
    for path in (tmp_path / folder).iterdir():
        path.unlink()
    with pytest.raises(UsageError, match=rf"{folder}: there is no picture in this folder"):
        open_exam(tmp_path)


@pytest.mark.parametrize("column", ["query", "reference", "kind", "ops"])
def test_a_missing_column_is_named(tmp_path: Path, column: str) -> None:
    build_exam(tmp_path)
    header = tuple(name for name in HEADER if name != column)
    write_csv(tmp_path / "truth.csv", [("x",) * 4], header)
    with pytest.raises(
        UsageError, match=rf"line 1: a header with the columns .* is needed, but {column} is missing"
    ):
        open_exam(tmp_path)


def test_queries_without_a_row_are_refused(tmp_path: Path) -> None:
    build_exam(tmp_path)
    for number in (3, 20):
        save(pattern(1), tmp_path / "queries" / f"extra{number}.jpg")
    with pytest.raises(
        UsageError, match=r"truth\.csv: 2 of 17 queries have no row \(the first is extra20\.jpg\);"
    ):
        open_exam(tmp_path)


@pytest.mark.parametrize(
    ("row", "says"),
    [
        (("gone.jpg", "R00000.jpg", "single", "crop", ""), "there is no picture 'gone.jpg' in"),
        (("Q00001.jpg", "gone.jpg", "single", "crop", ""), "there is no picture 'gone.jpg' in"),
        (
            ("Q00001.jpg", "R00000.jpg", "double", "crop", ""),
            "'double' is no kind; it is single, multi, none, negative.",
        ),
        (("Q00001.jpg", "R00000.jpg", "", "crop", ""), "'' is no kind"),
        (
            ("Q00001.jpg", "R00000.jpg", "negative", "", ""),
            "Q00001.jpg is of the kind negative and has a reference.",
        ),
        (("Q00001.jpg", "", "single", "crop", ""), "Q00001.jpg is of the kind single and has no reference."),
        (
            ("Q00000.jpg", "R00001.jpg", "single", "flip", ""),
            "Q00000.jpg was made otherwise in a row before.",
        ),
        (
            ("Q00000.jpg", "R00000.jpg", "single", "crop", ""),
            "the pair Q00000.jpg, R00000.jpg is there twice.",
        ),
    ],
)
def test_wrong_rows_are_refused_with_their_line(tmp_path: Path, row: tuple[str, ...], says: str) -> None:
    build_exam(tmp_path)
    rewrite(tmp_path, ("Q00000.jpg", "R00000.jpg", "single", "crop", ""), row)
    with pytest.raises(UsageError) as caught:
        open_exam(tmp_path)
    assert str(caught.value).startswith(f"{tmp_path / 'truth.csv'}, line 3: {says}")


def test_a_truth_without_a_pair_is_refused(tmp_path: Path) -> None:
    build_exam(tmp_path)
    rewrite(tmp_path, ("Q00001.jpg", "", "none", "", ""))
    with pytest.raises(UsageError, match="there is no pair in it, so nothing could be found"):
        open_exam(tmp_path)


@pytest.mark.parametrize("seed", range(3))
def test_the_order_of_the_disk_does_not_show(tmp_path: Path, seed: int) -> None:
    build_exam(tmp_path)
    plain = open_exam(tmp_path)
    with shuffled_disk(seed):
        assert open_exam(tmp_path) == plain
