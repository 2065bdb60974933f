"""Copydays: its blocks and splits, the layouts it comes in, what is missing, distractors."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from benchmark_folders import build_copydays, pattern, save, shuffled_disk
from copylens.errors import UsageError
from copylens.evaluation.benchmarks import BENCHMARKS, open_copydays
from copylens.evaluation.nouns import Benchmark, CandidateRule, QueryFacts

COUNTS = {
    "strong": 229,
    "crops": 9 * 157,
    "jpeg": 9 * 157,
    "all": 229 + 18 * 157,
    "all+originals": 229 + 19 * 157,
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All of Copydays; tests must not change it."""
    root = tmp_path_factory.mktemp("copydays")
    build_copydays(root, distractors=5)
    return root


@pytest.fixture
def strong_only(tmp_path: Path) -> Path:
    """Originals and strong attacks, complete."""
    build_copydays(tmp_path, blocks=False)
    return tmp_path


def keys(benchmark: Benchmark) -> tuple[list[str], list[str]]:
    return [p.key for p in benchmark.queries], [p.key for p in benchmark.references]


@pytest.mark.parametrize("split", list(COUNTS))
def test_a_whole_split(whole: Path, split: str) -> None:
    benchmark = open_copydays(whole, split)
    assert (benchmark.name, benchmark.split, benchmark.protocol) == ("copydays", split, "copydays")
    assert benchmark.rule == CandidateRule(per_query=100)
    queries, references = keys(benchmark)
    assert len(queries) == len(set(queries)) == len(benchmark.truth) == COUNTS[split]
    assert references == [f"original/{2000 + n}00.jpg" for n in range(157)]
    assert queries == sorted(queries)
    assert benchmark.truth == tuple((q, f"original/{q.split('/')[-1][:4]}00.jpg") for q in queries)
    counts = BENCHMARKS["copydays"].counts[split]
    assert (counts.queries, counts.references, counts.pairs) == (len(queries), 157, len(benchmark.truth))


def test_how_queries_were_made(whole: Path) -> None:
    facts = open_copydays(whole, "all+originals").facts
    assert len(facts) == COUNTS["all+originals"]
    assert facts["crops/30/200400.jpg"] == QueryFacts("single", ("crop",), "crops/30")
    assert facts["jpegqual/3/200400.jpg"] == QueryFacts("single", ("jpeg",), "jpegqual/3")
    assert facts["strong/200401.jpg"] == QueryFacts("", (), "strong")
    assert facts["original/200400.jpg"] == QueryFacts("", (), "original")


def test_paths_are_those_of_the_pictures(whole: Path) -> None:
    benchmark = open_copydays(whole, "all")
    assert all(Path(p.path) == whole / p.key for p in (*benchmark.queries, *benchmark.references))


def test_strong_needs_no_other_block(strong_only: Path) -> None:
    assert len(open_copydays(strong_only).queries) == 229
    with pytest.raises(UsageError) as caught:
        open_copydays(strong_only, "crops")
    assert "lacks all pictures in crops/10, crops/15, crops/20" in str(caught.value)
    assert "https://thoth.inrialpes.fr/~jegou/data.php.html" in str(caught.value)


def test_distractors_are_joined_and_counted(whole: Path) -> None:
    benchmark = open_copydays(whole, distractors=whole / "distractors")
    _, references = keys(benchmark)
    assert benchmark.split == "strong, 5 distractors"
    assert references[:2] == ["distractors/0/photo0.jpg", "distractors/0/photo2.jpg"]
    assert len(references) == 162
    assert benchmark.truth == open_copydays(whole).truth


@pytest.mark.parametrize("below", ["", "original", "strong"])
def test_distractors_are_not_the_benchmark_itself(strong_only: Path, below: str) -> None:
    with pytest.raises(
        UsageError, match=r"holds pictures of Copydays itself, such as .*\.jpg; name a folder"
    ):
        open_copydays(strong_only, distractors=strong_only / below)


def test_missing_or_empty_distractors_are_refused(strong_only: Path) -> None:
    with pytest.raises(UsageError, match="none: no such folder; it should hold the distractors"):
        open_copydays(strong_only, distractors=strong_only / "none")
    (strong_only / "none").mkdir()
    with pytest.raises(
        UsageError, match="there is no picture in this folder, but it should hold the distractors"
    ):
        open_copydays(strong_only, distractors=strong_only / "none")


def test_the_archives_as_they_unpack(whole: Path, strong_only: Path, tmp_path: Path) -> None:
    expected = open_copydays(strong_only)
    (strong_only / "original").rename(strong_only / "copydays_original")
    (strong_only / "strong").rename(strong_only / "copydays_strong")
    (strong_only / "original").mkdir()
    assert keys(open_copydays(strong_only)) == keys(expected)
    flat = tmp_path / "flat"
    flat.mkdir()
    for folder in ("copydays_original", "copydays_strong"):
        for path in sorted((strong_only / folder).iterdir()):
            path.rename(flat / path.name)
    assert keys(open_copydays(flat)) == keys(expected)
    assert open_copydays(flat).truth == expected.truth
    shutil.copytree(whole / "crops", flat / "copydays_crop" / "crops")
    shutil.copytree(whole / "jpegqual", flat / "copydays_jpeg" / "jpegqual")
    assert keys(open_copydays(flat, "all")) == keys(open_copydays(whole, "all"))


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("original/203300.jpg", "1 of 157 originals and the original 203300, of which copies are there"),
        ("strong/203301.jpg", "1 of 229 pictures in strong"),
        ("crops/60/203300.jpg", "1 of 157 pictures in crops/60 (the first is 203300)"),
        ("jpegqual/8/203300.jpg", "1 of 157 pictures in jpegqual/8 (the first is 203300)"),
    ],
)
def test_one_missing_picture_is_enough(whole: Path, tmp_path: Path, name: str, says: str) -> None:
    root = tmp_path / "copy"
    shutil.copytree(whole, root)
    (root / name).unlink()
    with pytest.raises(UsageError) as caught:
        open_copydays(root, "all")
    assert f"not the whole of Copydays, split all: it lacks {says}; get them from https" in str(caught.value)
    benchmark = open_copydays(root, "all", partial=True)
    assert benchmark.split == "all, partial"
    gone = [
        q for q, _ in open_copydays(whole, "all").truth if q == name or ("original" in name and "/2033" in q)
    ]
    assert len(benchmark.queries) == COUNTS["all"] - len(gone)
    assert not set(gone) & {picture.key for picture in benchmark.queries}


def test_a_subset(tmp_path: Path) -> None:
    build_copydays(tmp_path, originals=3, strong=5, blocks=False, distractors=4)
    with pytest.raises(UsageError, match=r"154 of 157 originals and 224 of 229 pictures in strong; get"):
        open_copydays(tmp_path)
    benchmark = open_copydays(tmp_path, distractors=tmp_path / "distractors", partial=True)
    assert benchmark.split == "strong, partial, 4 distractors"
    assert benchmark.truth == (
        ("strong/200001.jpg", "original/200000.jpg"),
        ("strong/200002.jpg", "original/200000.jpg"),
        ("strong/200101.jpg", "original/200100.jpg"),
        ("strong/200102.jpg", "original/200100.jpg"),
        ("strong/200201.jpg", "original/200200.jpg"),
    )


def test_a_whole_benchmark_is_not_called_partial(strong_only: Path) -> None:
    assert open_copydays(strong_only, partial=True).split == "strong"


def test_nothing_to_ask_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        UsageError, match=r"157 of 157 originals and all pictures in strong; get them from https"
    ):
        open_copydays(tmp_path)
    with pytest.raises(UsageError, match="no query of Copydays, split strong has its original there"):
        open_copydays(tmp_path, partial=True)


def test_too_many_pictures_are_refused(strong_only: Path) -> None:
    save(pattern(1), strong_only / "strong" / "200077.jpg")
    with pytest.raises(UsageError, match=r"strong: 230 pictures, but strong of Copydays has 229\."):
        open_copydays(strong_only, partial=True)


@pytest.mark.parametrize("block", ["original", "crops/10"])
def test_two_pictures_of_one_original_are_refused(whole: Path, tmp_path: Path, block: str) -> None:
    root = tmp_path / "copy"
    shutil.copytree(whole, root)
    save(pattern(1), root / block / "200000.jpeg")
    both = (
        f"{root / block / '200000.jpeg'} and {root / block / '200000.jpg'} are both for the original 200000; "
    )
    with pytest.raises(UsageError, match=re.escape(both + f"{block} has one picture of each.")):
        open_copydays(root, "all", partial=True)


def test_suffixes_in_either_case_and_other_names(strong_only: Path) -> None:
    before = open_copydays(strong_only)
    (strong_only / "original" / "200100.jpg").rename(strong_only / "original" / "200100.JPG")
    for stray in ("original/cover.jpg", "original/200001.jpg", "strong/20000.jpg", "strong/readme.txt"):
        save(pattern(1), strong_only / stray)
    after = open_copydays(strong_only)
    assert keys(after)[0] == keys(before)[0]
    assert [key for key in keys(after)[1] if key not in keys(before)[1]] == ["original/200100.JPG"]
    assert ("strong/200101.jpg", "original/200100.JPG") in after.truth


def test_an_unknown_split_and_a_missing_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="Copydays has no split 'weak'; it has strong, crops, jpeg, all"):
        open_copydays(tmp_path, "weak")
    with pytest.raises(UsageError, match="gone: no such folder; it should hold Copydays"):
        open_copydays(tmp_path / "gone")


@pytest.mark.parametrize("seed", range(3))
def test_the_order_of_the_disk_does_not_show(whole: Path, seed: int) -> None:
    plain = open_copydays(whole, "all", distractors=whole / "distractors")
    with shuffled_disk(seed):
        assert open_copydays(whole, "all", distractors=whole / "distractors") == plain
