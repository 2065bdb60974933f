"""Thumbnails: small, upright, and refused with the reason of the file."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from copylens.errors import ImageError
from copylens.images import thumbnail
from strange_pictures import encode, oriented


def size_of(data: bytes) -> tuple[int, int]:
    with Image.open(io.BytesIO(data)) as image:
        assert image.format == "WEBP"
        return image.size


@pytest.mark.parametrize(
    ("size", "expected"),
    [((800, 600), (160, 120)), ((600, 800), (120, 160)), ((50, 40), (50, 40)), ((4000, 3), (160, 1))],
)
def test_the_long_side_is_bounded_and_nothing_is_enlarged(
    tmp_path: Path, size: tuple[int, int], expected: tuple[int, int]
) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(encode(Image.new("RGB", size, (9, 99, 199)), "PNG"))
    assert size_of(thumbnail(str(path))) == expected


def test_it_is_upright(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    images = []
    for orientation in (1, 6):
        path.write_bytes(oriented(orientation, "JPEG", quality=95))
        with Image.open(io.BytesIO(thumbnail(str(path), side=48))) as image:
            images.append(np.asarray(image.convert("RGB")).astype(int))
    assert images[0].shape == images[1].shape == (32, 48, 3)
    assert np.abs(images[0] - images[1]).mean() < 6


@pytest.mark.parametrize(("data", "code"), [(b"", "empty"), (b"text", "not-an-image"), (None, "vanished")])
def test_what_cannot_be_read_is_refused(tmp_path: Path, data: bytes | None, code: str) -> None:
    path = tmp_path / "a.jpg"
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(ImageError) as caught:
        thumbnail(str(path))
    assert caught.value.code == code
