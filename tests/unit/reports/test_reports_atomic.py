"""Files appear whole or not at all, and what cannot be written is refused in one sentence."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from copylens.errors import OutputError, UsageError
from copylens.reports.atomic import check_writable, whole_file

SUFFIXES = (".json", ".csv")


def test_the_suffix_is_told_in_lower_case(tmp_path: Path) -> None:
    assert check_writable(tmp_path / "A.JSON", SUFFIXES) == ".json"


@pytest.mark.parametrize("name", ["a.txt", "a", ".json", "a.json.gz", ""])
def test_an_unknown_suffix_names_the_known_ones(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match=r"\.json, \.csv"):
        check_writable(tmp_path / name, SUFFIXES)


def test_a_folder_of_that_name_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.json").mkdir()
    with pytest.raises(UsageError, match="is a folder"):
        check_writable(tmp_path / "a.json", SUFFIXES)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"there is no folder .*missing"):
        check_writable(tmp_path / "missing" / "a.json", SUFFIXES)


def test_a_file_as_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="there is no folder"):
        check_writable(tmp_path / "file" / "a.json", SUFFIXES)


def test_a_name_that_the_system_refuses_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be written: File name too long"):
        check_writable(tmp_path / f"{'x' * 300}.json", SUFFIXES)


def test_the_file_replaces_an_older_one_when_whole(tmp_path: Path) -> None:
    target = tmp_path / "a.json"
    target.write_text("old")
    with whole_file(target) as partial:
        partial.write_text("new")
        assert target.read_text() == "old"
        assert partial.parent == tmp_path
        assert partial.suffix == ".json"
    assert target.read_text() == "new"
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


@pytest.mark.parametrize(
    "error", [ValueError("bad"), KeyboardInterrupt(), OSError(errno.EIO, "Input/output error")]
)
def test_after_any_failure_the_older_file_is_untouched(tmp_path: Path, error: BaseException) -> None:
    target = tmp_path / "a.json"
    target.write_text("old")
    expected = OutputError if isinstance(error, OSError) else type(error)

    def fail() -> None:
        with whole_file(target) as partial:
            partial.write_text("half")
            raise error

    with pytest.raises(expected):
        fail()
    assert target.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (errno.ENOSPC, "the disk is full; free some space"),
        (errno.EDQUOT, "the disk is full"),
        (errno.EACCES, "no permission; choose another place"),
        (errno.EROFS, "Read-only file system"),
    ],
)
def test_the_reason_is_said(tmp_path: Path, code: int, words: str) -> None:
    with pytest.raises(OutputError, match=words) as caught, whole_file(tmp_path / "a.csv"):
        raise OSError(code, os.strerror(code))
    assert "a.csv" in str(caught.value)


@pytest.mark.skipif(os.name == "nt", reason="an open folder cannot be removed there")
def test_a_folder_that_goes_meanwhile_is_an_output_error(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    folder.mkdir()

    def lose_folder() -> None:
        with whole_file(folder / "a.csv") as partial:
            partial.write_text("half")
            partial.unlink()
            folder.rmdir()

    with pytest.raises(OutputError, match="No such file"):
        lose_folder()


def test_a_name_as_long_as_the_system_allows_can_be_written(tmp_path: Path) -> None:
    target = tmp_path / ("写" * 83 + ".json")
    assert len(os.fsencode(target.name)) == 254
    with whole_file(target) as partial:
        partial.write_text("{}")
    assert target.read_text() == "{}"
