"""The files of a scan: each once, however its path is spelled, and on one side of a comparison only."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from copylens.errors import UsageError
from copylens.records import FoundFile, Skipped
from copylens.workflows import finding
from copylens.workflows.finding import Found, find, find_sides
from copylens.workflows.settings import FileSettings, silent
from workflow_samples import Steps, many, put, scene


def names(found: Found, root: Path) -> list[str]:
    return sorted(os.path.relpath(file.path, root) for file in found.files)


def sides(new: list[str], known: list[str], *, hidden: bool = False) -> tuple[Found, Found]:
    return find_sides(new, known, FileSettings(hidden=hidden), progress=silent)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, with two pictures in `new` and one in `old`."""
    monkeypatch.chdir(tmp_path)
    many(tmp_path / "new", 2)
    many(tmp_path / "old", 1, start=5)
    return tmp_path


def test_a_walk_keeps_roots_files_and_what_it_could_not_take(folder: Path) -> None:
    (folder / "old" / "nowhere.png").symlink_to("gone.png")
    found = find(["old"], FileSettings(), progress=silent)
    status = (folder / "old" / "005.png").stat()
    assert found.roots == ("old",)
    assert found.files == [FoundFile("old/005.png", status.st_size, status.st_mtime_ns)]
    assert [(item.path, item.code) for item in found.skipped] == [("old/nowhere.png", "symlink-loop")]


@pytest.mark.parametrize(
    "roots",
    [
        ["new", "./new"],
        ["new", "{here}/new"],
        ["new/001.png", "./new/001.png", "{here}/new/001.png", "new"],
        ["new", "old/../new", "link"],
        [".", "new", "link"],
    ],
)
def test_a_file_is_found_once_however_its_root_is_spelled(folder: Path, roots: list[str]) -> None:
    (folder / "link").symlink_to("new")
    found = find([root.format(here=folder) for root in roots], FileSettings(), progress=silent)
    real = sorted(os.path.relpath(os.path.realpath(file.path), folder) for file in found.files)
    expected = ["new/000.png", "new/001.png"]
    assert real == (sorted([*expected, "old/005.png"]) if "." in roots else expected)


@pytest.mark.parametrize("target", ["new", "new/000.png"])
def test_a_link_given_beside_its_file_is_no_second_image(folder: Path, target: str) -> None:
    (folder / "link").symlink_to("new/000.png")
    found = find(["link", target, "./link"], FileSettings(), progress=silent)
    assert "new/000.png" in names(found, folder)
    assert "link" not in names(found, folder)
    assert names(find(["link", "old"], FileSettings(), progress=silent), folder) == ["link", "old/005.png"]


def test_settings_reach_the_walk(folder: Path) -> None:
    put(folder / "new" / ".hidden.png", scene(7))
    put(folder / "new" / "other.bmp", scene(8))
    settings = FileSettings(extensions=("png",), exclude=("001*",), hidden=True)
    assert names(find(["new"], settings, progress=silent), folder / "new") == [".hidden.png", "000.png"]


@pytest.mark.parametrize("known", ["new", "./new", "{here}/new", "old/../new", "link", "new/000.png"])
def test_a_file_on_both_sides_is_new_only(folder: Path, known: str) -> None:
    (folder / "link").symlink_to("new")
    new, old = sides(["new"], [known.format(here=folder), "old"])
    assert names(new, folder) == ["new/000.png", "new/001.png"]
    assert names(old, folder) == ["old/005.png"]


def test_a_link_among_the_known_to_a_new_file_is_no_second_image(folder: Path) -> None:
    (folder / "old" / "link.png").symlink_to(folder / "new" / "000.png")
    assert names(sides(["new"], ["old"])[1], folder) == ["old/005.png"]
    # The other way round it is the new file that is a link: then the known picture is left out.
    (folder / "new" / "link.png").symlink_to(folder / "old" / "005.png")
    assert names(sides(["new"], ["old"])[1], folder) == []


def test_a_second_name_of_the_same_bytes_is_another_file(folder: Path) -> None:
    os.link(folder / "new" / "000.png", folder / "old" / "hard.png")
    assert names(sides(["new"], ["old"])[1], folder) == ["old/005.png", "old/hard.png"]


def test_only_files_that_the_new_side_holds_are_left_out(folder: Path) -> None:
    """A known folder inside a new one stays known when the walk of the new one leaves it out."""
    put(folder / "new" / ".kept" / "a.png", scene(9))
    new, old = sides(["new"], ["new/.kept"])
    assert (names(new, folder), names(old, folder)) == (["new/000.png", "new/001.png"], ["new/.kept/a.png"])
    assert names(sides(["new"], ["new/.kept"], hidden=True)[1], folder) == []


def test_a_file_skipped_on_both_sides_is_listed_once(folder: Path) -> None:
    (folder / "new" / "pipe").mkdir()
    os.mkfifo(folder / "new" / "pipe" / "a.png")
    (folder / "new" / "dangling.png").symlink_to("gone.png")
    new, old = sides(["new"], [f"{folder}/new", "old"])
    assert [item.path for item in new.skipped] == ["new/pipe/a.png", "new/dangling.png"]
    assert old.skipped == []


def test_what_vanishes_with_its_folder_is_known_by_its_text(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def walk(roots: tuple[str, ...], files: FileSettings) -> Iterator[Skipped]:
        for root in roots:
            yield Skipped(f"{root}/gone/a.png", "vanished", "it disappeared")

    monkeypatch.setattr(finding, "_walk", walk)
    new, old = sides(["new"], ["./new", f"{folder}/new", "old"])
    assert [item.path for item in new.skipped] == ["new/gone/a.png"]
    assert [item.path for item in old.skipped] == ["old/gone/a.png"]


@pytest.mark.parametrize("roots", [(["none"], []), (["new"], ["none"])])
def test_a_root_that_does_not_exist_is_an_error(folder: Path, roots: tuple[list[str], list[str]]) -> None:
    with pytest.raises(UsageError, match="none: no such file or folder"):
        sides(*roots)


def test_progress_counts_both_sides_together(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finding, "EVERY", 2)
    steps = Steps()
    find_sides(["new"], ["old"], FileSettings(), progress=steps)
    assert steps.calls == [("find", 2, None), ("find", 3, 3)]
    steps = Steps()
    (folder / "empty").mkdir()
    find(["empty"], FileSettings(), progress=steps)
    assert steps.calls == [("find", 0, 0)]
