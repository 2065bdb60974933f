"""Each option of ``copylens scan`` by its effect on a small collection of pictures and their copies."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from copylens_process import CopyLens, Ran, differences
from generated_pictures import add_copies, random_picture, write_pictures
from written_results import from_documents, groups_in

Run: TypeAlias = Callable[..., Ran]

NUMBER = 3


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``originals/000N.jpg``, and each as ``bytes/000N.jpg``, ``pixels/000N.bmp`` and ``edits/000N.webp``."""
    home = tmp_path_factory.mktemp("options")
    add_copies(home, write_pictures(home / "originals", NUMBER))
    return home


@pytest.fixture
def copylens(home: Path, tmp_path: Path, thumbnail_package: Path) -> CopyLens:
    """The command in that folder, with a cache of its own."""
    return CopyLens(tmp_path, thumbnail_package, folder=home)


@pytest.fixture
def scan(run_here: Run) -> Callable[..., Any]:
    """``scan WORDS --json``, as a value."""
    return lambda *words: run_here("scan", *map(str, words), "--json").document()


def families(document: Any) -> list[set[str]]:
    return [set(group) for group in from_documents(document["groups"])]


def keepers(document: Any) -> list[str]:
    return sorted(group["keeper"] for group in document["groups"])


def images(document: Any) -> int:
    count = document["summary"]["images"]
    assert isinstance(count, int)
    return count


ALL = [
    {f"originals/{n:04}.jpg", f"bytes/{n:04}.jpg", f"pixels/{n:04}.bmp", f"edits/{n:04}.webp"}
    for n in range(NUMBER)
]


def test_a_folder_finds_all_families(scan: Callable[..., Any]) -> None:
    document = scan("originals", "bytes", "pixels", "edits")
    assert sorted(map(sorted, families(document))) == sorted(map(sorted, ALL))
    kinds = {match["kind"] for match in document["matches"]}
    assert kinds == {"bytes", "pixels", "near"}
    assert document["roots"] == ["originals", "bytes", "pixels", "edits"]


def test_roots_that_overlap_or_are_files_count_each_image_once(scan: Callable[..., Any]) -> None:
    document = scan("originals", "originals/0001.jpg", "./originals", "bytes/0001.jpg")
    assert images(document) == NUMBER + 1
    assert len(families(document)) == 1


def test_against_compares_new_with_known_only(scan: Callable[..., Any]) -> None:
    document = scan("edits", "bytes", "--against", "originals", "--against", "pixels")
    assert document["against"] == ["originals", "pixels"]
    pairs = {(Path(m["query"]).parts[0], Path(m["reference"]).parts[0]) for m in document["matches"]}
    # Neither the edits with the byte copies, nor the originals with the pixel copies.
    assert pairs == {(new, known) for new in ("edits", "bytes") for known in ("originals", "pixels")}
    assert len(document["matches"]) == 4 * NUMBER
    for group in document["groups"]:
        assert Path(group["keeper"]).parts[0] in ("originals", "pixels")
        assert {Path(member["path"]).parts[0] for member in group["members"]} <= {"edits", "bytes"}


def test_the_threshold_of_the_command_line_goes_before_the_models(scan: Callable[..., Any]) -> None:
    assert scan("originals", "edits")["threshold"] == 0.9
    strict = scan("originals", "bytes", "pixels", "edits", "--threshold", "1")
    assert strict["threshold"] == 1
    assert {member["kind"] for group in strict["groups"] for member in group["members"]} <= {
        "bytes",
        "pixels",
    }
    assert len(strict["groups"]) == NUMBER
    loose = scan("originals", "--threshold", "-1")
    assert len(loose["matches"]) == NUMBER * (NUMBER - 1) // 2


@pytest.mark.parametrize(
    ("rules", "folder"),
    [
        ("path:edits,resolution", "edits"),
        ("path:bytes/*", "bytes"),
        ("bytes", "pixels"),
        ("format,path:originals", "pixels"),
        ("resolution,path:*/0*.jpg,path:originals", "originals"),
    ],
)
def test_keep_rules_choose_the_keepers(scan: Callable[..., Any], rules: str, folder: str) -> None:
    document = scan("originals", "bytes", "pixels", "edits", "--keep", rules)
    assert {Path(path).parts[0] for path in keepers(document)} == {folder}
    assert document["keep"] == rules.split(",")


def test_oldest_and_newest_look_at_the_time_of_the_file(scan: Callable[..., Any], home: Path) -> None:
    for age, folder in enumerate(("bytes", "originals")):
        for path in (home / folder).iterdir():
            os.utime(path, (10**9 + age, 10**9 + age))
    assert keepers(scan("originals", "bytes", "--keep", "oldest")) == [
        f"bytes/{n:04}.jpg" for n in range(NUMBER)
    ]
    assert keepers(scan("originals", "bytes", "--keep", "newest")) == [
        f"originals/{n:04}.jpg" for n in range(NUMBER)
    ]


@pytest.mark.parametrize(
    ("words", "count"),
    [
        ("--extensions jpg", 2 * NUMBER),
        ("--extensions BMP,.webp", 2 * NUMBER),
        ("--extensions png", 0),
        ("--exclude edits", 3 * NUMBER),
        ("--exclude edits --exclude *.bmp", 2 * NUMBER),
        ("--exclude bytes/0000.*", 4 * NUMBER - 1),
        ("--exclude **/0001.*", 4 * (NUMBER - 1)),
        ("--exclude *", 0),
    ],
)
def test_files_can_be_left_out(scan: Callable[..., Any], words: str, count: int) -> None:
    assert images(scan(".", *words.split())) == count


def test_hidden_files_and_folders_are_taken_on_demand(scan: Callable[..., Any], tmp_path: Path) -> None:
    for number, path in enumerate((".hidden.png", ".folder/a.png", "plain.png")):
        (tmp_path / "h" / path).parent.mkdir(parents=True, exist_ok=True)
        random_picture(number).save(tmp_path / "h" / path)
    assert images(scan(tmp_path / "h")) == 1
    assert images(scan(tmp_path / "h", "--hidden")) == 3


def test_every_suffix_of_output_holds_the_groups_of_the_json(
    scan: Callable[..., Any], tmp_path: Path
) -> None:
    files = [tmp_path / f"result.{suffix}" for suffix in ("json", "jsonl", "csv", "parquet", "html")]
    more = [word for file in files[:-1] for word in ("--output", file)]
    document = scan(".", *more, "--html", files[-1])
    assert len(document["groups"]) == NUMBER
    for file in files:
        assert groups_in(file) == from_documents(document["groups"]), file.suffix
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cache", *sorted(file.name for file in files)]


def test_what_was_written_is_said(run_here: Run, tmp_path: Path) -> None:
    ran = run_here("scan", ".", "--output", str(tmp_path / "a.json"), "--html", str(tmp_path / "b.HTM"))
    assert ran.out.splitlines()[-2:] == [f"Written: {tmp_path / 'a.json'}", f"Written: {tmp_path / 'b.HTM'}"]


def test_a_suggestion_only_where_there_is_something_to_look_at(run_here: Run) -> None:
    assert run_here("scan", ".").out.splitlines()[-1] == "To look at every group, add: --html report.html"
    assert "--html" not in run_here("scan", "originals").out


def test_more_threads_change_nothing(scan: Callable[..., Any], tmp_path: Path) -> None:
    one, many = (scan(".", "--workers", n, "--catalog", tmp_path / f"{n}.db") for n in (1, 7))
    assert differences(one, many) == []
    assert one["summary"]["described"] == many["summary"]["described"] == 3 * NUMBER


def test_a_scan_follows_the_files(scan: Callable[..., Any], tmp_path: Path) -> None:
    folder = tmp_path / "moving"
    first, second, third = write_pictures(folder, 3)
    assert scan(folder)["summary"]["described"] == 3
    first.rename(folder / "renamed.jpg")
    (folder / "new").mkdir()
    second.rename(folder / "new" / "moved.jpg")
    random_picture(7).save(third)
    document = scan(folder)
    assert (images(document), document["summary"]["described"]) == (3, 1)
    (folder / "renamed.jpg").unlink()
    assert images(scan(folder)) == 2
