"""Saved descriptors: rows find their pictures by path, and what could be meant in two ways is refused."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from copylens.errors import UsageError
from copylens.evaluation.nouns import Picture
from copylens.evaluation.saved import MISSING, RowFinder, SavedDescriptors, read_identity, read_saved, require
from copylens.records import ModelIdentity
from copylens.reports import write_descriptors

EXAM = [Picture("1.jpg", "/exam/queries/1.jpg"), Picture("2.jpg", "/exam/queries/2.jpg")]


def rows_of(paths: Sequence[str], pictures: Sequence[Picture]) -> list[int]:
    saved = SavedDescriptors("rows.npz", tuple(paths), np.eye(len(paths), dtype=np.float32))
    return [int(row) for row in RowFinder(saved).rows_of(pictures)]


@pytest.mark.parametrize(
    "paths",
    [
        ("/exam/queries/1.jpg", "/exam/queries/2.jpg"),
        ("/elsewhere/exam/queries/1.jpg", "/elsewhere/exam/queries/2.jpg"),
        ("/elsewhere/queries/1.jpg", "C:\\exam\\queries\\2.jpg"),
        ("./queries/1.jpg", "queries//2.jpg"),
        ("1.jpg", "2.jpg"),
        ("1.jpg", "exam/queries/2.jpg"),
    ],
)
def test_a_row_finds_its_picture_by_the_end_of_the_path(paths: tuple[str, str]) -> None:
    assert rows_of(paths, EXAM) == [0, 1]
    assert rows_of(paths[::-1], EXAM) == [1, 0]
    assert rows_of(("other/3.jpg", *paths), EXAM) == [1, 2]


def test_the_longest_common_end_wins() -> None:
    paths = ("1.jpg", "queries/1.jpg", "references/1.jpg", "exam/queries/1.jpg")
    assert rows_of(paths, EXAM[:1]) == [3]
    assert rows_of(paths[:3], EXAM[:1]) == [1]


@pytest.mark.parametrize("path", ["references/1.jpg", "/exam/1.jpg", "queries/1.png", "1", "x1.jpg"])
def test_another_folder_or_name_is_another_picture(path: str) -> None:
    assert rows_of((path,), EXAM[:1]) == [MISSING]


def test_a_key_finds_its_row_where_no_path_does() -> None:
    pictures = [Picture("Q00042", "/disc/dev/Q00042.jpg"), Picture("Q00043", "/disc/dev/Q00043.jpg")]
    assert rows_of(("Q00043", "Q00042"), pictures) == [1, 0]


def test_names_that_are_no_text_are_found(tmp_path: Path) -> None:
    path = "/photos/caf\udce9.jpg"
    write_descriptors(
        tmp_path / "rows.npz",
        paths=[path],
        descriptors=np.ones((1, 4), np.float32),
        model=ModelIdentity("m", "f"),
    )
    assert RowFinder(read_saved(str(tmp_path / "rows.npz"))).rows_of([Picture("a", path)]).tolist() == [0]


def test_two_rows_for_one_picture_are_refused() -> None:
    with pytest.raises(UsageError, match=r"1\.jpg fits the rows 'a/queries/1\.jpg' and 'b/queries/1\.jpg'"):
        rows_of(("a/queries/1.jpg", "b/queries/1.jpg"), EXAM[:1])
    with pytest.raises(UsageError, match=r"fits the rows '1\.jpg' and '1\.jpg'"):
        rows_of(("1.jpg", "1.jpg"), EXAM[:1])


def test_two_pictures_for_one_row_are_refused() -> None:
    both = [EXAM[0], Picture("1.jpg", "/exam/references/1.jpg")]
    with pytest.raises(
        UsageError, match=r"the row '1\.jpg' fits both /exam/queries/1\.jpg and /exam/references"
    ):
        rows_of(("1.jpg",), both)
    saved = SavedDescriptors("rows.npz", ("1.jpg",), np.eye(1, dtype=np.float32))
    finder = RowFinder(saved)
    finder.rows_of(both[:1])
    with pytest.raises(UsageError, match="fits both"):
        finder.rows_of(both[1:])
    assert finder.rows_of(both[:1]).tolist() == [0]


def test_what_is_missing_is_named() -> None:
    pictures = [Picture(f"{number}", f"/exam/{number}.jpg") for number in range(5)]
    with pytest.raises(UsageError) as caught:
        require(np.array([MISSING, 0, MISSING, MISSING, MISSING]), pictures, file="rows.npz", role="queries")
    assert str(caught.value) == (
        "rows.npz has no descriptor of 4 of the 5 queries: /exam/0.jpg, /exam/2.jpg, /exam/3.jpg, .... "
        "Every one of them must be there."
    )
    require(np.array([1, 0]), pictures[:2], file="rows.npz", role="queries")


def test_a_file_that_describe_wrote_is_read(tmp_path: Path) -> None:
    rows = np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32)
    path = tmp_path / "rows.npz"
    write_descriptors(path, paths=["a", "b", "c"], descriptors=rows, model=ModelIdentity("m", "0f"))
    saved = read_saved(str(path))
    assert saved.paths == ("a", "b", "c")
    np.testing.assert_allclose(saved.rows, rows / np.linalg.norm(rows, axis=1, keepdims=True), atol=1e-6)
    assert read_identity(str(path)) == ModelIdentity("m", "0f")


def test_another_tools_file_needs_two_arrays_only(tmp_path: Path) -> None:
    path = tmp_path / "rows.npz"
    np.savez(path, paths=np.array(["a"]), descriptors=np.array([[3.0, 4.0]]), notes=np.array(["mine"]))
    assert read_saved(str(path)).rows.tolist() == [[pytest.approx(0.6), pytest.approx(0.8)]]
    assert read_identity(str(path)) == ModelIdentity("", "")


ROW = np.ones((1, 2), np.float32)

WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "no paths": (
        {"descriptors": ROW},
        "must hold the arrays 'paths' and 'descriptors'; it holds descriptors",
    ),
    "other names": ({"x": ROW, "names": ["a"]}, "it holds names, x"),
    "one row too many": ({"paths": ["a", "b"], "descriptors": ROW}, "'paths' must be 1 texts, got (2,)"),
    "numbers as paths": ({"paths": [1], "descriptors": ROW}, "'paths' must be 1 texts, got (1,) of int64"),
    "a vector": ({"paths": ["a"], "descriptors": ROW[0]}, "'descriptors' must be (N, D) numbers"),
    "no rows": (
        {"paths": np.empty(0, "<U1"), "descriptors": ROW[:0]},
        "'descriptors' must be (N, D) numbers",
    ),
    "whole numbers": ({"paths": ["a"], "descriptors": ROW.astype(int)}, "of int64"),
    "not finite": ({"paths": ["a"], "descriptors": ROW * np.nan}, "holds numbers that are not finite"),
    "objects": ({"paths": np.array(["a"], object), "descriptors": ROW}, "is no .npz file of plain arrays"),
}


@pytest.mark.parametrize("name", WRONG)
def test_another_format_is_refused(tmp_path: Path, name: str) -> None:
    arrays, said = WRONG[name]
    path = tmp_path / "rows.npz"
    np.savez(path, **arrays)
    with pytest.raises(UsageError) as caught:
        read_saved(str(path))
    assert said in str(caught.value)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("data", [b"", b"hello", b"PK\x03\x04 not whole"])
@pytest.mark.parametrize("read", [read_saved, read_identity])
def test_what_is_no_npz_is_refused(tmp_path: Path, data: bytes, read: Any) -> None:
    path = tmp_path / "rows.npz"
    path.write_bytes(data)
    with pytest.raises(UsageError, match=r"rows\.npz is no \.npz file of plain arrays, or is damaged"):
        read(str(path))


def test_an_array_file_is_no_npz(tmp_path: Path) -> None:
    with (tmp_path / "rows.npz").open("wb") as file:
        np.save(file, ROW)
    with pytest.raises(UsageError, match=r"is no \.npz file of plain arrays"):
        read_saved(str(tmp_path / "rows.npz"))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"nowhere\.npz cannot be read: No such file"):
        read_saved(str(tmp_path / "nowhere.npz"))
