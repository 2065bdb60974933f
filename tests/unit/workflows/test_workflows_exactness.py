"""Which matches hold the same pixels: against arrays compared one by one, and with as little decoding as it takes."""

from __future__ import annotations

import io
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from copylens.catalog import Catalog, CatalogImage
from copylens.images import decode, read_file, upright_rgb
from copylens.matching import Pairs
from copylens.workflows import exactness as module
from copylens.workflows.exactness import CERTAIN, pixel_equal_pairs
from copylens.workflows.scan import scan
from copylens.workflows.settings import Progress, silent
from ingest_passes import run_pass
from matching_samples import make_pairs
from strange_pictures import exif, stored_for
from workflow_samples import LOSSLESS_WEBP, SmallModel, Steps, picture_bytes, put, scene


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files that are read for their pixels."""
    seen: list[str] = []

    def read(path: str) -> bytes:
        seen.append(Path(path).name)
        return read_file(path)

    monkeypatch.setattr(module, "read_file", read)
    return seen


def images_of(catalog: Catalog, model: SmallModel, folder: Path) -> list[CatalogImage]:
    return run_pass(catalog, model, folder).images(catalog)


def all_pairs(count: int, score: float = 1.0) -> Pairs:
    return make_pairs(*((a, b, score) for a, b in combinations(range(count), 2)))


def equal(
    catalog: Catalog, images: list[CatalogImage], pairs: Pairs, progress: Progress = silent
) -> set[tuple[int, int]]:
    return pixel_equal_pairs(catalog, images, pairs, workers=3, progress=progress)


def pixels(path: str) -> Any:
    with Image.open(io.BytesIO(Path(path).read_bytes())) as image:
        return upright_rgb(image)


def collection(folder: Path) -> None:
    for number in range(3):
        picture, stem = scene(number), str(folder / str(number))
        put(Path(f"{stem}.png"), picture)
        put(Path(f"{stem}.bmp"), picture)
        put(Path(f"{stem}.webp"), picture, **LOSSLESS_WEBP)
        put(Path(f"{stem}.tif"), picture)
        put(Path(f"{stem}-alpha.png"), Image.fromarray(picture).convert("RGBA"))
        put(Path(f"{stem}-turned.png"), stored_for(8, picture), exif=exif(8))
        put(Path(f"{stem}.jpg"), picture)
        changed = picture.copy()
        changed[-1, -1, number] ^= 1
        put(Path(f"{stem}-changed.png"), changed)
        # The same bytes of pixels in another shape.
        put(Path(f"{stem}-shape.png"), picture.reshape(64, 48, 3))
    put(folder / "from-jpeg.png", decode((folder / "0.jpg").read_bytes()).pixels)


def test_equal_pixels_are_those_of_equal_arrays(catalog: Catalog, model: SmallModel, folder: Path) -> None:
    collection(folder)
    images = images_of(catalog, model, folder)
    arrays = [pixels(image.facts.path) for image in images]
    expected = {
        (a, b) for a, b in combinations(range(len(images)), 2) if np.array_equal(arrays[a], arrays[b])
    }
    assert len(expected) == 3 * 15 + 1
    assert equal(catalog, images, all_pairs(len(images))) == expected
    turned = all_pairs(len(images))
    turned = Pairs(turned.second, turned.first, turned.scores)
    assert equal(catalog, images, turned) == {(b, a) for a, b in expected}


def test_only_pairs_that_could_be_equal_are_decoded(
    catalog: Catalog, model: SmallModel, folder: Path, decoded: list[str]
) -> None:
    names = ["a.png", "b.png", "c.bmp", "d.png"]
    for name in names:
        put(folder / name, scene(1), **({"compress_level": 1} if name == "b.png" else {}))
    put(folder / "d.png", scene(1)[:-1])
    images = images_of(catalog, model, folder)
    below = float(np.nextafter(np.float32(CERTAIN), np.float32(0)))
    # Another shape; the same content; one format with a score below certainty.
    assert equal(catalog, images, make_pairs((0, 3, 1.0), (0, 0, 1.0), (0, 1, below))) == set()
    assert decoded == []
    # Two formats, whatever the score.
    assert equal(catalog, images, make_pairs((0, 2, -0.5))) == {(0, 2)}
    assert sorted(decoded) == ["a.png", "c.bmp"]
    assert equal(catalog, images, make_pairs((0, 1, 0.98))) == {(0, 1)}
    assert sorted(decoded) == ["a.png", "b.png", "c.bmp"]


def test_pixel_hashes_are_remembered(
    catalog: Catalog, model: SmallModel, folder: Path, decoded: list[str]
) -> None:
    for name in ("a.png", "b.bmp", "c.tif"):
        put(folder / name, scene(1))
    images = images_of(catalog, model, folder)
    steps = Steps()
    assert equal(catalog, images, make_pairs((0, 1, 1.0)), steps) == {(0, 1)}
    steps.check("verify", 2)
    steps = Steps()
    assert equal(catalog, images, all_pairs(3), steps) == {(0, 1), (0, 2), (1, 2)}
    assert steps.calls == [("verify", 1, 1)]
    assert sorted(decoded) == ["a.png", "b.bmp", "c.tif"]
    assert equal(catalog, images, all_pairs(3), steps) == {(0, 1), (0, 2), (1, 2)}
    assert len(steps.calls) == 1


@pytest.mark.parametrize("how", ["vanished", "changed", "broken"])
def test_a_file_that_is_no_longer_what_it_was_is_equal_to_none(
    catalog: Catalog, model: SmallModel, folder: Path, how: str
) -> None:
    """And nothing wrong is remembered: when the file is back, so is the answer."""
    for name in ("a.png", "b.bmp", "c.png"):
        put(folder / name, scene(2 if name == "c.png" else 1))
    images = images_of(catalog, model, folder)
    before = (folder / "b.bmp").read_bytes()
    if how == "vanished":
        (folder / "b.bmp").unlink()
    else:
        # With the pixels of another picture of the collection, or of none.
        put(folder / "b.bmp", scene(2) if how == "changed" else b"nothing")
    assert equal(catalog, images, all_pairs(3)) == set()
    assert set(catalog.pixel_hashes([image.content_id for image in images])) == {
        images[0].content_id,
        images[2].content_id,
    }
    (folder / "b.bmp").write_bytes(before)
    assert equal(catalog, images, all_pairs(3)) == {(0, 1)}


def test_two_unreadable_files_are_not_equal_to_each_other(
    catalog: Catalog, model: SmallModel, folder: Path
) -> None:
    paths = [put(folder / name, scene(1)) for name in ("a.png", "b.bmp")]
    images = images_of(catalog, model, folder)
    for path in paths:
        Path(path).unlink()
    assert equal(catalog, images, all_pairs(2)) == set()


def test_no_pairs_need_nothing(catalog: Catalog, model: SmallModel, folder: Path) -> None:
    steps = Steps()
    assert equal(catalog, [], make_pairs(), steps) == set()
    put(folder / "a.png", scene(1))
    assert equal(catalog, images_of(catalog, model, folder), make_pairs(), steps) == set()
    assert steps.calls == []


def test_fine_patterns_of_equal_pixels_are_called_equal(tmp_path: Path) -> None:
    """A scaled JPEG of a fine pattern looks unlike the average of its pixels, so the score says little."""
    board = np.zeros((700, 900, 3), np.uint8)
    board[::2, ::2] = board[1::2, 1::2] = 255
    jpeg = picture_bytes(board, "JPEG", quality=85)
    put(tmp_path / "photos" / "a.jpg", jpeg)
    put(tmp_path / "photos" / "b.png", decode(jpeg).pixels)
    result = scan(tmp_path / "photos", threshold=-1, catalog=tmp_path / "c.db")
    (match,) = result.matches
    assert match.kind == "pixels"
    assert match.score < CERTAIN
    assert result.groups[0].kind == "exact"
