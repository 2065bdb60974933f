"""Folders and what counts as a picture in them."""

from __future__ import annotations

import os
import string
from pathlib import Path
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark_folders import pattern, save, shuffled_disk
from copylens.errors import UsageError
from copylens.evaluation.benchmarks import list_pictures
from copylens.evaluation.benchmarks.layout import incomplete, lacking, picture_names


def keys(folder: Path) -> list[str]:
    return [picture.key for picture in list_pictures(folder)]


def test_keys_are_paths_below_the_folder_and_sorted(tmp_path: Path) -> None:
    for name in ("b.jpg", "a/z.png", "a/b/c.webp", "C.JPG"):
        save(pattern(1), tmp_path / name)
    pictures = list_pictures(tmp_path, prefix="side/")
    assert [picture.key for picture in pictures] == [
        "side/C.JPG",
        "side/a/b/c.webp",
        "side/a/z.png",
        "side/b.jpg",
    ]
    assert all(Path(picture.path) == tmp_path / picture.key.removeprefix("side/") for picture in pictures)
    assert all(Path(picture.path).is_file() for picture in pictures)


def test_other_files_hidden_ones_and_mac_leftovers_are_not_looked_at(tmp_path: Path) -> None:
    for name in (
        "good.JpEg",
        "notes.txt",
        "jpg",
        ".hidden.jpg",
        "._good.jpg",
        ".cache/in.jpg",
        "__MACOSX/in.jpg",
    ):
        save(pattern(1), tmp_path / name)
    assert keys(tmp_path) == ["good.JpEg"]


def test_a_folder_with_the_suffix_of_a_picture_is_a_folder(tmp_path: Path) -> None:
    save(pattern(1), tmp_path / "album.jpg" / "in.jpg")
    assert keys(tmp_path) == ["album.jpg/in.jpg"]


def test_links_are_followed_but_not_in_circles(tmp_path: Path) -> None:
    save(pattern(1), tmp_path / "elsewhere" / "far.jpg")
    root = tmp_path / "root"
    save(pattern(2), root / "in" / "near.jpg")
    (root / "linked").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    (root / "in" / "up").symlink_to(root, target_is_directory=True)
    (root / "in" / "self").symlink_to(root / "in", target_is_directory=True)
    (root / "one.jpg").symlink_to(tmp_path / "elsewhere" / "far.jpg")
    assert keys(root) == ["in/near.jpg", "linked/far.jpg", "one.jpg"]


def test_a_shallow_look_does_not_enter_folders(tmp_path: Path) -> None:
    save(pattern(1), tmp_path / "here.jpg")
    save(pattern(1), tmp_path / "in" / "there.jpg")
    assert list(picture_names(str(tmp_path), deep=False)) == ["here.jpg"]


def test_a_missing_folder_a_file_and_an_empty_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"gone: no such folder; it should hold the distractors\."):
        list_pictures(tmp_path / "gone", noun="the distractors")
    save(pattern(1), tmp_path / "file.jpg")
    with pytest.raises(UsageError, match=r"file\.jpg: not a folder"):
        list_pictures(tmp_path / "file.jpg")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match="empty: there is no picture in this folder"):
        list_pictures(tmp_path / "empty")


def test_a_folder_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    save(pattern(1), tmp_path / "in" / "a.jpg")
    scandir = os.scandir

    def barred(folder: str) -> object:
        if folder.rstrip("/").endswith("in"):
            raise PermissionError(13, "Permission denied", folder)
        return scandir(folder)

    with (
        mock.patch.object(os, "scandir", barred),
        pytest.raises(UsageError, match=r"in/: cannot be read: Permission"),
    ):
        list_pictures(tmp_path)


@pytest.mark.parametrize("seed", range(4))
def test_the_order_of_the_disk_does_not_show(tmp_path: Path, seed: int) -> None:
    for number in range(20):
        save(pattern(1, (4, 4)), tmp_path / f"{number % 3}" / f"{number}.jpg")
    with shuffled_disk(seed):
        shuffled = list_pictures(tmp_path)
        first = next(picture_names(str(tmp_path)))
    assert shuffled == list_pictures(tmp_path)
    assert first in {picture.key for picture in shuffled}


def test_the_shuffled_disk_does_shuffle(tmp_path: Path) -> None:
    for number in range(20):
        save(pattern(1, (4, 4)), tmp_path / f"{number:02d}.jpg")
    orders = set()
    for seed in range(4):
        with shuffled_disk(seed):
            orders.add(tuple(picture_names(str(tmp_path))))
    assert len(orders) == 4


@given(
    st.sets(
        st.text(string.ascii_letters + string.digits + " -_äß雪", min_size=1, max_size=8),
        min_size=1,
        max_size=8,
    )
)
def test_any_names_come_back_as_they_are(tmp_path_factory: pytest.TempPathFactory, stems: set[str]) -> None:
    folder = tmp_path_factory.mktemp("names")
    names = {f"{stem}.jpg" for stem in stems}
    for name in names:
        (folder / name).touch()
    assert keys(folder) == sorted(path.name for path in folder.iterdir())


def test_words_for_what_is_missing() -> None:
    assert lacking(3, 25_000, "queries", "Q00003") == "24,997 of 25,000 queries (the first is Q00003)"
    assert lacking(228, 229, "pictures") == "1 of 229 pictures"
    text = str(incomplete("here", "X, split y", ["a", "b"], "https://there"))
    assert text == (
        "here: not the whole of X, split y: it lacks a and b; get them from https://there, "
        "or allow a partial benchmark."
    )
