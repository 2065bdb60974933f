"""The demonstration photographs: complete, licensed, small, and made again by their script."""

from __future__ import annotations

import csv
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image, ImageOps, features

ROOT = Path(__file__).resolve().parents[2]
PHOTOS = ROOT / "examples" / "photos"
ORIGINALS = PHOTOS / "originals"
MAX_BYTES = 8_000_000
UNREADABLE = {"downloads/broken-truncated.jpg", "downloads/empty-zero-bytes.jpg"}


def truth() -> list[dict[str, str]]:
    with (PHOTOS / "truth.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def pairs(edit_start: str) -> list[tuple[Path, Path]]:
    return [
        (PHOTOS / row["copy"], PHOTOS / row["original"])
        for row in truth()
        if row["edit"].startswith(edit_start)
    ]


def upright(path: Path) -> np.ndarray[tuple[int, ...], np.dtype[np.int16]]:
    with Image.open(path) as image:
        return np.asarray(ImageOps.exif_transpose(image).convert("RGB"), dtype=np.int16)


def names_below(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location(
        "make_demo_photos", ROOT / "scripts" / "make_demo_photos.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_truth_names_every_copy_and_only_files_that_exist() -> None:
    copies = [row["copy"] for row in truth()]
    assert len(copies) == len(set(copies)) >= 20
    assert all((PHOTOS / row["original"]).is_file() for row in truth())
    originals = {f"originals/{path.name}" for path in ORIGINALS.iterdir()}
    assert names_below(PHOTOS) == set(copies) | originals | UNREADABLE | {"truth.csv"}


def test_notice_names_each_photograph_once() -> None:
    lines = (ROOT / "NOTICE").read_text(encoding="utf-8").splitlines()
    for photo in ORIGINALS.iterdir():
        assert lines.count(photo.name) == 1, photo.name
    named = [line for line in lines if line.endswith(".jpg") and " " not in line]
    assert set(named) == {photo.name for photo in ORIGINALS.iterdir()}


def test_folder_stays_small() -> None:
    assert sum(path.stat().st_size for path in PHOTOS.rglob("*") if path.is_file()) < MAX_BYTES


def test_originals_are_plain_jpegs_without_metadata() -> None:
    for photo in ORIGINALS.iterdir():
        with Image.open(photo) as image:
            assert image.format == "JPEG"
            assert max(image.size) <= 800
            assert not image.getexif()
            assert not {"icc_profile", "xmp", "photoshop", "comment"} & set(image.info)


def test_byte_copies_have_the_same_bytes() -> None:
    assert len(pairs("byte copy")) == 2
    assert all(copy.read_bytes() == original.read_bytes() for copy, original in pairs("byte copy"))


def test_lossless_copies_have_the_same_pixels() -> None:
    assert len(pairs("lossless")) == 2
    assert all(np.array_equal(upright(copy), upright(original)) for copy, original in pairs("lossless"))


def test_turned_copies_look_the_same_upright() -> None:
    assert len(pairs("EXIF")) == 2
    for copy, original in pairs("EXIF"):
        with Image.open(copy) as stored, Image.open(original) as whole:
            assert stored.size == whole.size[::-1]
        assert np.abs(upright(copy) - upright(original)).mean() < 3.0


def test_broken_files_cannot_be_read() -> None:
    for name in UNREADABLE:
        with pytest.raises(OSError, match=r"truncated|cannot identify"), Image.open(PHOTOS / name) as image:
            image.load()


@pytest.mark.skipif(not features.check("avif"), reason="this Pillow was built without AVIF")
def test_script_makes_the_same_tree_again(script: ModuleType, tmp_path: Path) -> None:
    script.build(ORIGINALS, tmp_path)
    made = names_below(tmp_path)
    assert made == {name for name in names_below(PHOTOS) if not name.startswith("originals/")}
    assert (tmp_path / "truth.csv").read_bytes() == (PHOTOS / "truth.csv").read_bytes()
    for name in made - UNREADABLE - {"truth.csv"}:
        again, committed = upright(tmp_path / name), upright(PHOTOS / name)
        assert again.shape == committed.shape, name
        assert np.abs(again - committed).mean() < 2.0, name
