"""NDEC: queries, references of DISC2021, hard negatives; what is missing."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from benchmark_folders import build_disc21, build_ndec, pattern, save, shuffled_disk, write_csv
from copylens.errors import UsageError
from copylens.evaluation.benchmarks import BENCHMARKS, disc21, ndec, open_ndec
from copylens.evaluation.benchmarks.numbered import Ids

HEADER = ("query_id", "reference_id")


@pytest.fixture
def small_ndec(monkeypatch: pytest.MonkeyPatch) -> None:
    """NDEC as if it had 12 queries and 10 references: what `build_ndec` writes is whole then."""
    monkeypatch.setattr(ndec, "QUERIES", 12)
    monkeypatch.setattr(disc21, "REFERENCES", Ids("R", 6, 0, 10))


def test_the_numbers() -> None:
    counts = BENCHMARKS["ndec"].counts["test"]
    assert (counts.queries, counts.references, counts.pairs) == (49_252, 1_000_000, None)


@pytest.mark.usefixtures("small_ndec")
def test_a_whole_benchmark(tmp_path: Path) -> None:
    pairs = build_ndec(tmp_path)
    benchmark = open_ndec(tmp_path)
    assert (benchmark.name, benchmark.split, benchmark.protocol) == ("ndec", "test", "micro")
    assert [p.key for p in benchmark.queries] == [f"Q{25_000 + n}" for n in range(12)]
    assert [p.key for p in benchmark.references] == [f"R{n:06d}" for n in range(10)]
    assert benchmark.truth == tuple(sorted(pairs.items()))
    assert len(pairs) == 4
    assert [p.key for p in benchmark.training] == [
        f"negative_pair/0000{n}/{name}.jpg" for n in range(3) for name in (n, f"T{613143 + n}")
    ]
    assert benchmark.background == ()
    assert all(
        Path(p.path).is_file() for p in (*benchmark.queries, *benchmark.references, *benchmark.training)
    )


@pytest.mark.usefixtures("small_ndec")
def test_references_and_training_pictures_may_lie_with_disc(tmp_path: Path) -> None:
    pairs = build_ndec(tmp_path / "ndec", references=10)
    for path in sorted((tmp_path / "ndec" / "refs_50k_0").iterdir()):
        path.unlink()
    build_disc21(tmp_path / "disc", references=10, training=2)
    benchmark = open_ndec(tmp_path / "ndec", disc21_folder=tmp_path / "disc")
    assert benchmark.truth == tuple(sorted(pairs.items()))
    assert [p.key for p in benchmark.background] == ["T000000", "T000001"]
    assert [p.key for p in benchmark.training[:3]] == ["T000000", "T000001", "negative_pair/00000/0.jpg"]
    with pytest.raises(UsageError, match=r"10 of 10 references of DISC2021 \(the first is R000000\)"):
        open_ndec(tmp_path / "ndec")


@pytest.mark.usefixtures("small_ndec")
def test_the_query_folder_may_lie_in_another(tmp_path: Path) -> None:
    build_ndec(tmp_path)
    (tmp_path / "query_set").mkdir()
    (tmp_path / "query_images_h5").rename(tmp_path / "query_set" / "query_images_h5")
    assert len(open_ndec(tmp_path).queries) == 12


def test_what_is_missing_is_counted_and_named(tmp_path: Path) -> None:
    build_ndec(tmp_path)
    (tmp_path / "query_images_h5" / "Q25004.jpg").unlink()
    with pytest.raises(UsageError) as caught:
        open_ndec(tmp_path)
    assert str(caught.value) == (
        f"{tmp_path}: not the whole of NDEC: it lacks 49,241 of 49,252 queries (the first is Q25004) and "
        "999,990 of 1,000,000 references of DISC2021 (the first is R000010); get them from "
        "https://github.com/WangWenhao0716/ASL, and the references from "
        "https://ai.meta.com/datasets/disc21-dataset/, or allow a partial benchmark."
    )


@pytest.mark.usefixtures("small_ndec")
def test_queries_that_no_row_names_count(tmp_path: Path) -> None:
    pairs = build_ndec(tmp_path)
    write_csv(tmp_path / "public_ground_truth_h5.csv", list(pairs.items()), HEADER)
    assert len(open_ndec(tmp_path).queries) == 12
    (tmp_path / "query_images_h5" / "Q25002.jpg").unlink()
    with pytest.raises(UsageError, match=r"lacks 1 of 12 queries; get them"):
        open_ndec(tmp_path)


@pytest.mark.usefixtures("small_ndec")
@pytest.mark.parametrize("name", ["query_images_h5/Q25000.jpg", "refs_50k_0/R000000.jpg"])
def test_a_subset_keeps_the_pairs_whose_pictures_are_there(tmp_path: Path, name: str) -> None:
    pairs = build_ndec(tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(UsageError, match="not the whole of NDEC"):
        open_ndec(tmp_path)
    benchmark = open_ndec(tmp_path, partial=True)
    assert benchmark.split == "test, partial"
    assert benchmark.truth == tuple(sorted(pairs.items()))[1:]


@pytest.mark.usefixtures("small_ndec")
def test_no_pair_is_refused(tmp_path: Path) -> None:
    build_ndec(tmp_path)
    write_csv(tmp_path / "public_ground_truth_h5.csv", [("Q25000", "")], HEADER)
    with pytest.raises(
        UsageError, match=r"no pair of which both pictures are there \(12 queries and 10 references"
    ):
        open_ndec(tmp_path)


@pytest.mark.usefixtures("small_ndec")
def test_too_many_queries_are_refused(tmp_path: Path) -> None:
    build_ndec(tmp_path, queries=13)
    with pytest.raises(UsageError, match="13 queries, but NDEC has 12; keep only its own"):
        open_ndec(tmp_path, partial=True)


@pytest.mark.usefixtures("small_ndec")
def test_two_pictures_of_one_name_are_refused(tmp_path: Path) -> None:
    build_ndec(tmp_path)
    save(pattern(1), tmp_path / "query_images_h5" / "Q25003.png")
    with pytest.raises(
        UsageError, match=r"Q25003\.jpg and .*Q25003\.png are both Q25003; keep only the right one"
    ):
        open_ndec(tmp_path)


@pytest.mark.usefixtures("small_ndec")
def test_suffixes_in_either_case_other_names_and_no_negative_pairs(tmp_path: Path) -> None:
    build_ndec(tmp_path, negative_pairs=0)
    folder = tmp_path / "query_images_h5"
    (folder / "Q25003.jpg").rename(folder / "Q25003.JPG")
    for stray in ("cover.jpg", "Q25000.txt", "R000001.jpg"):
        save(pattern(1), folder / stray)
    benchmark = open_ndec(tmp_path)
    assert len(benchmark.queries) == 12
    assert benchmark.training == ()


def test_a_missing_truth_or_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(
        UsageError, match=r"truth of NDEC is missing; put public_ground_truth_h5\.csv there, from http"
    ):
        open_ndec(tmp_path)
    with pytest.raises(UsageError, match="gone: no such folder; it should hold NDEC"):
        open_ndec(tmp_path / "gone")
    with pytest.raises(UsageError, match="gone: no such folder; it should hold DISC2021"):
        open_ndec(tmp_path, disc21_folder=tmp_path / "gone")


@pytest.mark.parametrize(
    ("row", "says"),
    [
        (("R000001", ""), "line 2: 'R000001' is no query of NDEC, such as Q25000."),
        (("Q25001", "T000001"), "line 2: 'T000001' is no reference of DISC2021, such as R000042."),
        (("Q25001",), "line 2: the row has 1 fields instead of 2."),
    ],
)
def test_wrong_rows_are_refused_with_their_line(tmp_path: Path, row: tuple[str, ...], says: str) -> None:
    truth = tmp_path / "public_ground_truth_h5.csv"
    write_csv(truth, [row], HEADER)
    with pytest.raises(UsageError, match="^" + re.escape(f"{truth}, {says}")):
        open_ndec(tmp_path, partial=True)


def test_the_truth_needs_its_header(tmp_path: Path) -> None:
    write_csv(tmp_path / "public_ground_truth_h5.csv", [("Q25000", "R000001")])
    with pytest.raises(UsageError, match="line 1: a header with the columns query, reference is needed"):
        open_ndec(tmp_path)


@pytest.mark.parametrize("seed", range(3))
def test_the_order_of_the_disk_does_not_show(tmp_path: Path, seed: int) -> None:
    build_ndec(tmp_path)
    plain = open_ndec(tmp_path, partial=True)
    with shuffled_disk(seed):
        assert open_ndec(tmp_path, partial=True) == plain
