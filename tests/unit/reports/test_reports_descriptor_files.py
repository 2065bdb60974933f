"""Files of descriptors: read back without pickle, names and rows in one order."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet
import pytest

from copylens.errors import MissingExtraError, OutputError, UsageError
from copylens.records import Descriptors, ModelIdentity
from copylens.reports import check_descriptor_output, write_descriptors

MODEL = ModelIdentity("small-model", "0123456789abcdef")
PATHS = ["a/1.jpg", "фото 😀.jpg", os.fsdecode(b"caf\xe9.jpg")]
READABLE = ["a/1.jpg", "фото 😀.jpg", "caf\\xe9.jpg"]


def rows(count: int, dims: int = 8) -> Descriptors:
    values = np.random.default_rng(0).normal(size=(count, dims)).astype(np.float32)
    normed: Descriptors = values / np.linalg.norm(values, axis=1, keepdims=True)
    return normed


def test_npz_loads_without_pickle(tmp_path: Path) -> None:
    write_descriptors(tmp_path / "a.npz", paths=PATHS, descriptors=rows(3), model=MODEL)
    with np.load(tmp_path / "a.npz", allow_pickle=False) as arrays:
        assert arrays["paths"].tolist() == READABLE
        assert arrays["descriptors"].dtype == np.float32
        np.testing.assert_array_equal(arrays["descriptors"], rows(3))
        assert (str(arrays["model"]), str(arrays["fingerprint"])) == ("small-model", "0123456789abcdef")


def test_parquet_holds_the_same(tmp_path: Path) -> None:
    write_descriptors(tmp_path / "a.parquet", paths=PATHS, descriptors=rows(3), model=MODEL)
    table = pyarrow.parquet.read_table(tmp_path / "a.parquet")
    assert table["path"].to_pylist() == READABLE
    np.testing.assert_array_equal(np.array(table["descriptor"].to_pylist(), np.float32), rows(3))
    assert table.schema.metadata == {b"model": b"small-model", b"fingerprint": b"0123456789abcdef"}


@pytest.mark.parametrize("suffix", [".npz", ".parquet"])
def test_no_images_are_a_file_too(tmp_path: Path, suffix: str) -> None:
    target = tmp_path / f"a{suffix}"
    write_descriptors(target, paths=[], descriptors=rows(0), model=MODEL)
    if suffix == ".npz":
        with np.load(target, allow_pickle=False) as arrays:
            assert arrays["paths"].shape == (0,)
            assert arrays["descriptors"].shape == (0, 8)
    else:
        assert pyarrow.parquet.read_table(target).num_rows == 0
    assert [path.name for path in tmp_path.iterdir()] == [target.name]


def test_rows_of_a_larger_array_are_written_rightly(tmp_path: Path) -> None:
    every_second = rows(6)[::2]
    for suffix in (".npz", ".parquet"):
        write_descriptors(tmp_path / f"a{suffix}", paths=PATHS, descriptors=every_second, model=MODEL)
    with np.load(tmp_path / "a.npz") as arrays:
        np.testing.assert_array_equal(arrays["descriptors"], every_second)
    column = pyarrow.parquet.read_table(tmp_path / "a.parquet")["descriptor"].to_pylist()
    np.testing.assert_array_equal(np.array(column, np.float32), every_second)


def test_what_cannot_be_written_is_refused_before_the_work(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"\.npz, \.parquet"):
        check_descriptor_output(tmp_path / "a.json")
    with pytest.raises(UsageError, match="there is no folder"):
        check_descriptor_output(tmp_path / "missing" / "a.npz")


def test_parquet_without_pyarrow_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingExtraError, match=r"copylens\[parquet\]"):
        check_descriptor_output(tmp_path / "a.parquet")
    check_descriptor_output(tmp_path / "a.npz")


def test_a_full_disk_leaves_the_older_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "a.npz"
    target.write_text("old")

    def full(*args: object, **arrays: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(OutputError, match="the disk is full"):
        write_descriptors(target, paths=PATHS, descriptors=rows(3), model=MODEL)
    assert target.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["a.npz"]
