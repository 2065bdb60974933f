"""DISC2021: every layout, the numbers of its splits, what is missing, and subsets."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from PIL import Image

from benchmark_folders import (
    DISC_NAMES,
    DiscLayout,
    build_disc21,
    cropped,
    pattern,
    save,
    shuffled_disk,
    write_csv,
)
from copylens.errors import UsageError
from copylens.evaluation.benchmarks import BENCHMARKS, disc21, open_disc21
from copylens.evaluation.benchmarks.disc21 import SPLITS, Split
from copylens.evaluation.benchmarks.numbered import Ids
from copylens.evaluation.nouns import CandidateRule


def small(name: str, start: int, stop: int) -> Split:
    return Split(Ids("Q", 5, start, stop), (stop - start) // 2, SPLITS[name].truths)


@pytest.fixture
def small_disc(monkeypatch: pytest.MonkeyPatch) -> None:
    """DISC2021 as if it had 20 references and a few queries: what `build_disc21` writes is whole then."""
    splits = {
        "dev": small("dev", 0, 8),
        "dev-I": small("dev-I", 0, 8),
        "dev-II": small("dev-II", 25_000, 25_006),
        "test": small("test", 50_000, 50_008),
    }
    monkeypatch.setattr(disc21, "SPLITS", splits)
    monkeypatch.setattr(disc21, "REFERENCES", Ids("R", 6, 0, 20))


def test_the_numbers_of_the_splits() -> None:
    numbers = {name: (split.queries.start, split.queries.stop, split.pairs) for name, split in SPLITS.items()}
    assert numbers == {
        "dev": (0, 50_000, 10_000),
        "dev-I": (0, 25_000, 4_991),
        "dev-II": (25_000, 50_000, 5_009),
        "test": (50_000, 100_000, 10_000),
    }
    assert len(disc21.REFERENCES) == 1_000_000
    counts = BENCHMARKS["disc21"].counts["dev-II"]
    assert (counts.queries, counts.references, counts.pairs) == (25_000, 1_000_000, 5_009)


@pytest.mark.usefixtures("small_disc")
@pytest.mark.parametrize("layout", list(DISC_NAMES))
@pytest.mark.parametrize("split", ["dev", "dev-I", "dev-II", "test"])
def test_a_whole_split_in_every_layout(tmp_path: Path, layout: DiscLayout, split: str) -> None:
    # The truth of the whole development split names dev-II too; the small "dev" ends before it, and leaves it out.
    pairs = build_disc21(tmp_path, layout=layout)
    benchmark = open_disc21(tmp_path, split)
    queries = disc21.SPLITS[split].queries
    assert (benchmark.name, benchmark.split, benchmark.protocol) == ("disc21", split, "micro")
    assert benchmark.rule == CandidateRule(per_query=10)
    assert [p.key for p in benchmark.queries] == [queries.name(n) for n in range(queries.start, queries.stop)]
    assert [p.key for p in benchmark.references] == [f"R{n:06d}" for n in range(20)]
    assert benchmark.truth == tuple(sorted((q, r) for q, r in pairs.items() if q in queries))
    assert [p.key for p in benchmark.training] == [f"T{n:06d}" for n in range(6)]
    assert benchmark.background is benchmark.training
    assert benchmark.facts == {}


def test_paths_are_those_of_the_pictures(tmp_path: Path) -> None:
    pairs = build_disc21(tmp_path)
    benchmark = open_disc21(tmp_path, "dev-I", partial=True)
    paths = {picture.key: Path(picture.path) for picture in (*benchmark.queries, *benchmark.references)}
    assert all(path.stem == key for key, path in paths.items())
    query, reference = min(pairs.items())
    with Image.open(paths[query]) as small, Image.open(paths[reference]) as whole:
        assert small.size == cropped(whole).size


def test_what_is_missing_is_counted_and_named(tmp_path: Path) -> None:
    build_disc21(tmp_path)
    with pytest.raises(UsageError) as caught:
        open_disc21(tmp_path, "dev-I")
    assert str(caught.value) == (
        f"{tmp_path}: not the whole of DISC2021, split dev-I: it lacks 24,992 of 25,000 queries (the first is Q00008) "
        "and 999,980 of 1,000,000 references (the first is R000020) and 4,987 of 4,991 pairs in its truth; "
        "get them from https://ai.meta.com/datasets/disc21-dataset/, or allow a partial benchmark."
    )


@pytest.mark.usefixtures("small_disc")
@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("dev_queries_50k_0/Q00003.jpg", r"1 of 8 queries \(the first is Q00003\);"),
        ("refs_50k_1/R000013.jpg", r"1 of 20 references \(the first is R000013\);"),
    ],
)
def test_one_missing_picture_is_enough(tmp_path: Path, name: str, says: str) -> None:
    build_disc21(tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(UsageError, match=says):
        open_disc21(tmp_path, "dev-I")
    assert open_disc21(tmp_path, "dev-I", partial=True).split == "dev-I, partial"


@pytest.mark.usefixtures("small_disc")
def test_a_shorter_truth_is_incomplete_and_a_longer_one_is_wrong(tmp_path: Path) -> None:
    pairs = build_disc21(tmp_path)
    truth = tmp_path / "dev_queries_groundtruth.csv"
    some = [(q, r) for q, r in pairs.items() if q < "Q00008"]
    write_csv(truth, some[1:])
    with pytest.raises(UsageError, match=r"1 of 4 pairs in its truth; get them"):
        open_disc21(tmp_path, "dev-I")
    write_csv(truth, [*some, ("Q00001", "R000001")])
    with pytest.raises(
        UsageError, match=r"groundtruth\.csv: 5 pairs for DISC2021, split dev-I, which has 4;"
    ):
        open_disc21(tmp_path, "dev-I", partial=True)


@pytest.mark.parametrize("split", ["dev", "dev-I", "dev-II", "test"])
def test_a_missing_truth_is_named(tmp_path: Path, split: str) -> None:
    build_disc21(tmp_path)
    name = "test_queries_groundtruth.csv" if split == "test" else "dev_queries_groundtruth.csv"
    (tmp_path / name).unlink()
    with pytest.raises(
        UsageError, match=rf"truth of DISC2021, split {split} is missing; put {name} or .* https"
    ):
        open_disc21(tmp_path, split, partial=True)


@pytest.mark.usefixtures("small_disc")
def test_the_published_truth_serves_dev_1_only(tmp_path: Path) -> None:
    build_disc21(tmp_path, layout="together", queries=range(8))
    (tmp_path / "dev_ground_truth.csv").rename(tmp_path / "public_ground_truth.csv")
    assert len(open_disc21(tmp_path, "dev-I").truth) == 4
    with pytest.raises(UsageError, match="truth of DISC2021, split dev is missing"):
        open_disc21(tmp_path, "dev")


def test_missing_folders_are_missing_pictures(tmp_path: Path) -> None:
    write_csv(tmp_path / "dev_ground_truth.csv", [("Q00000", "R000000")])
    with pytest.raises(UsageError, match=r"50,000 of 50,000 queries .* 1,000,000 of 1,000,000 references"):
        open_disc21(tmp_path)
    with pytest.raises(
        UsageError, match=r"no pair of which both pictures are there \(0 queries and 0 references"
    ):
        open_disc21(tmp_path, partial=True)


def test_a_subset_keeps_the_pairs_whose_pictures_are_there(tmp_path: Path) -> None:
    pairs = build_disc21(tmp_path, queries=range(8))
    (tmp_path / "refs_50k_0" / "R000001.jpg").unlink()
    (tmp_path / "dev_queries_50k_0" / "Q00004.jpg").unlink()
    benchmark = open_disc21(tmp_path, partial=True)
    assert benchmark.split == "dev, partial"
    assert pairs["Q00002"] == "R000001"
    assert benchmark.truth == (("Q00000", "R000000"), ("Q00006", "R000003"))
    assert "Q00002" in {picture.key for picture in benchmark.queries}


@pytest.mark.usefixtures("small_disc")
def test_a_whole_benchmark_is_not_called_partial(tmp_path: Path) -> None:
    build_disc21(tmp_path)
    assert open_disc21(tmp_path, "test", partial=True).split == "test"


@pytest.mark.usefixtures("small_disc")
def test_training_pictures_may_be_missing(tmp_path: Path) -> None:
    build_disc21(tmp_path, training=0)
    benchmark = open_disc21(tmp_path, "dev-I")
    assert benchmark.training == benchmark.background == ()


@pytest.mark.usefixtures("small_disc")
def test_suffixes_in_either_case_and_other_names(tmp_path: Path) -> None:
    build_disc21(tmp_path)
    before = open_disc21(tmp_path, "dev-I")
    folder = tmp_path / "refs_50k_0"
    (folder / "R000003.jpg").rename(folder / "R000003.JPEG")
    for stray in ("R12.jpg", "R0000001.jpg", "X000001.jpg", "R000001 copy.jpg", "R000020.jpg", "R000001.txt"):
        save(pattern(1), folder / stray)
    save(pattern(1), tmp_path / "figures" / "R000005.jpg")
    after = open_disc21(tmp_path, "dev-I")
    assert [p.key for p in after.references] == [p.key for p in before.references]
    assert after.references[3].path.endswith("R000003.JPEG")


@pytest.mark.usefixtures("small_disc")
@pytest.mark.parametrize("seed", range(3))
def test_two_pictures_of_one_name_are_refused(tmp_path: Path, seed: int) -> None:
    build_disc21(tmp_path)
    for folder, name in (
        ("references", "R000004.jpg"),
        ("refs_50k_1", "R000004.png"),
        ("refs_50k_0", "R000007.png"),
    ):
        save(pattern(1), tmp_path / folder / name)
    first, second = tmp_path / "references" / "R000004.jpg", tmp_path / "refs_50k_0" / "R000004.jpg"
    with shuffled_disk(seed), pytest.raises(UsageError) as caught:
        open_disc21(tmp_path, "dev-I")
    assert str(caught.value) == f"{first} and {second} are both R000004; keep only the right one."


@pytest.mark.parametrize(
    ("row", "says"),
    [
        (("R000001", "Q00001"), "line 3: 'R000001' is no query of DISC2021, such as Q00042."),
        (("Q1", "R000001"), "line 3: 'Q1' is no query"),
        (("Q00001.jpg", "R000001"), "line 3: 'Q00001.jpg' is no query"),
        (("Q00001", "R1"), "line 3: 'R1' is no reference of DISC2021, such as R000042."),
        (("Q00000", "R000000"), "line 3: the pair Q00000, R000000 is there twice."),
        (("Q00000", ""), "line 3: Q00000 has a reference in one row and none in another."),
        (("Q00001",), "line 3: the row has 1 fields instead of 2."),
    ],
)
def test_wrong_rows_are_refused_with_their_line(tmp_path: Path, row: tuple[str, ...], says: str) -> None:
    truth = tmp_path / "dev_ground_truth.csv"
    write_csv(truth, [("Q00000", "R000000"), row], ("query_id", "reference_id"))
    with pytest.raises(UsageError, match="^" + re.escape(f"{truth}, {says}")):
        open_disc21(tmp_path, partial=True)


def test_a_mistyped_header_is_refused(tmp_path: Path) -> None:
    write_csv(tmp_path / "dev_ground_truth.csv", [("Q00000", "R000000")], ("queries", "refs"))
    with pytest.raises(UsageError, match="line 1: 'queries' is no query"):
        open_disc21(tmp_path)


def test_an_unknown_split_and_a_missing_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="DISC2021 has no split 'val'; it has dev, dev-I, dev-II, test"):
        open_disc21(tmp_path, "val")
    with pytest.raises(UsageError, match="gone: no such folder; it should hold DISC2021"):
        open_disc21(tmp_path / "gone")


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("layout", ["archives", "kaggle"])
def test_the_order_of_the_disk_does_not_show(tmp_path: Path, layout: DiscLayout, seed: int) -> None:
    build_disc21(tmp_path, layout=layout)
    plain = open_disc21(tmp_path, "dev", partial=True)
    with shuffled_disk(seed):
        assert open_disc21(tmp_path, "dev", partial=True) == plain


def test_names_and_numbers() -> None:
    ids = Ids("Q", 5, 25_000, 50_000)
    assert ids.name(25_000) == "Q25000"
    assert len(ids) == 25_000
    assert "Q25000" in ids
    assert "Q49999" in ids
    for name in ("Q24999", "Q50000", "R25000", "Q025000", "Q2500", "Q２５０００", "", 25_000):
        assert name not in ids
    assert ids.number("Q00001") == 1
    assert ids.number("Q+0001") is None
