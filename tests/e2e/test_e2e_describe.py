"""``copylens describe``: what lies in the files, and that it is what the model gives for each picture alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import numpy as np
import pyarrow.parquet
import pytest

import copylens as library
from copylens_process import CopyLens, Ran
from generated_pictures import write_pictures
from thumbnail_model import DIMS

Run: TypeAlias = Callable[..., Ran]

COUNT = 20


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("describe")
    write_pictures(home / "b", COUNT)
    write_pictures(home / "a", 1)
    (home / "b" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    return home


@pytest.fixture
def copylens(home: Path, thumbnail_package: Path) -> CopyLens:
    return CopyLens(home, thumbnail_package)


PATHS = ["a/0000.jpg", *(f"b/{number:04}.jpg" for number in range(COUNT))]


def test_npz_holds_sorted_paths_and_their_descriptors(run_here: Run, copylens: CopyLens, home: Path) -> None:
    ran = run_here("describe", "b", "a", "--output", "d.npz")
    assert ran == Ran(
        0,
        f"21 descriptors of {DIMS} dimensions (model thumbnail) in d.npz\n"
        "1 file skipped:\n"
        "  b/broken.png: the PNG file ends before the picture does\n",
        "",
    )
    assert copylens.model is not None
    model = library.load_model(copylens.model)
    with np.load(home / "d.npz", allow_pickle=False) as file:
        assert set(file.files) == {"paths", "descriptors", "model", "fingerprint"}
        assert file["paths"].tolist() == PATHS
        assert (file["descriptors"].dtype, file["descriptors"].shape) == (np.float32, (COUNT + 1, DIMS))
        assert (str(file["model"]), str(file["fingerprint"])) == ("thumbnail", model.identity.fingerprint)
        alone = np.concatenate([model.describe([home / path]) for path in PATHS])
        np.testing.assert_allclose(file["descriptors"], alone, atol=1e-6)


def test_parquet_holds_the_same(run_here: Run, home: Path) -> None:
    for name in ("e.npz", "e.parquet"):
        assert run_here("describe", "b", "a", "-o", name, "--quiet") == Ran(0, "", "")
    table = pyarrow.parquet.read_table(home / "e.parquet")
    assert table["path"].to_pylist() == PATHS
    with np.load(home / "e.npz") as file:
        np.testing.assert_array_equal(np.stack(table["descriptor"].to_numpy()), file["descriptors"])
        assert table.schema.metadata == {
            b"model": b"thumbnail",
            b"fingerprint": str(file["fingerprint"]).encode(),
        }


def test_json_says_what_was_written(run_here: Run, copylens: CopyLens) -> None:
    document = run_here("describe", "a", "b", "-o", "f.npz", "--json").document()
    assert document == {
        "version": 1,
        "model": {"name": "thumbnail", "fingerprint": document["model"]["fingerprint"]},
        "output": "f.npz",
        "images": COUNT + 1,
        "dims": DIMS,
        "skipped": [
            {
                "path": "b/broken.png",
                "code": "truncated",
                "reason": "the PNG file ends before the picture does",
            }
        ],
    }
    assert (
        document["model"]["fingerprint"] == run_here("scan", "a", "--json").document()["model"]["fingerprint"]
    )


def test_many_skipped_files_are_counted_and_some_named(run_here: Run, tmp_path: Path) -> None:
    for number in range(25):
        (tmp_path / f"{number:02}.jpg").write_bytes(b"")
    ran = run_here("describe", str(tmp_path), "--output", "none.npz")
    assert ran.status == 0
    lines = ran.out.splitlines()
    assert lines[0].startswith("0 descriptors of ")
    assert lines[1] == "25 files skipped:"
    assert len(lines) == 13
    assert lines[-1] == "  ... and 15 more; --json lists them all"


def test_an_empty_folder_gives_an_empty_file(run_here: Run, home: Path, tmp_path: Path) -> None:
    for name in ("empty.npz", "empty.parquet"):
        assert run_here("describe", str(tmp_path), "--output", name).status == 0
    with np.load(home / "empty.npz") as file:
        assert (file["paths"].shape, file["descriptors"].shape) == ((0,), (0, DIMS))
    assert pyarrow.parquet.read_table(home / "empty.parquet").num_rows == 0


def test_files_are_chosen_as_in_a_scan(run_here: Run, home: Path) -> None:
    run_here("describe", ".", "--exclude", "a", "--exclude", "*1.jpg", "--extensions", "jpg", "-o", "g.npz")
    with np.load(home / "g.npz") as file:
        assert file["paths"].tolist() == [
            f"./b/{number:04}.jpg" for number in range(COUNT) if number % 10 != 1
        ]
