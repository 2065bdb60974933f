"""Damaged bytes of every format: pixels or an `ImageError`, and never a word on the terminal or a warning."""

from __future__ import annotations

import random
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from PIL import Image

from copylens.errors import ImageError
from copylens.images import Decoded, decode
from copylens.records import SKIP_CODES
from strange_pictures import HEIC, Shown, encode, exif, sound

ROUNDS = 120
BLOCKS = Image.fromarray(np.random.default_rng(0).integers(0, 256, (6, 8, 3), np.uint8)).resize((48, 36))
TAGS = exif(6)
TAGS[0x010F] = "a maker"


def seeds() -> dict[str, bytes]:
    veiled = BLOCKS.convert("RGBA")
    veiled.putalpha(100)
    frames: dict[str, Any] = {"save_all": True, "append_images": [BLOCKS.rotate(90)]}
    return {
        "jpeg": encode(BLOCKS, "JPEG", exif=TAGS),
        "progressive": encode(BLOCKS, "JPEG", progressive=True),
        "cmyk": encode(BLOCKS.convert("CMYK"), "JPEG"),
        "mpo": encode(BLOCKS, "MPO", **frames),
        "png": encode(veiled, "PNG", exif=TAGS),
        "palette": encode(BLOCKS.convert("P"), "PNG", transparency=0),
        "apng": encode(BLOCKS, "PNG", **frames),
        "webp": encode(veiled, "WEBP", exif=TAGS),
        "lossless": encode(veiled, "WEBP", lossless=True),
        "avif": encode(veiled, "AVIF", exif=TAGS),
        "gif": encode(BLOCKS, "GIF", **frames),
        "bmp": encode(BLOCKS, "BMP"),
        "tiff": encode(BLOCKS, "TIFF", exif=TAGS),
        "lzw": encode(BLOCKS, "TIFF", compression="tiff_lzw"),
        "jpeg-in-tiff": encode(BLOCKS, "TIFF", compression="jpeg"),
        "fax": encode(BLOCKS.convert("1"), "TIFF", compression="group4"),
        "jp2": encode(veiled, "JPEG2000"),
        "j2k": encode(BLOCKS, "JPEG2000", no_jp2=True),
        "heic": HEIC,
    }


def damaged(data: bytes, seed: str) -> Iterator[bytes]:
    """Cuts, changed bytes anywhere, extreme bytes in the header, lost and doubled stretches."""
    dice = random.Random(seed)
    for round_ in range(ROUNDS):
        copy = bytearray(data)
        match round_ % 4:
            case 0:
                del copy[dice.randrange(len(data)) :]
            case 1:
                for _ in range(dice.randint(1, 5)):
                    copy[dice.randrange(len(data))] = dice.randrange(256)
            case 2:
                for _ in range(dice.randint(1, 3)):
                    copy[dice.randrange(min(200, len(data)))] = dice.choice((0, 1, 127, 128, 255))
            case _:
                start, length = dice.randrange(len(data)), dice.randint(1, 40)
                if dice.random() < 0.5:
                    del copy[start : start + length]
                else:
                    copy[start:start] = data[start : start + length]
        yield bytes(copy)


def check(data: bytes, box: tuple[int, int] | None) -> str:
    try:
        decoded = decode(data, box=box)
    except ImageError as error:
        refusal = error
    else:
        return check_pixels(decoded)
    assert refusal.code in SKIP_CODES
    assert refusal.reason
    assert "\n" not in refusal.reason
    return refusal.code


def check_pixels(decoded: Decoded) -> str:
    assert decoded.pixels.dtype == np.uint8
    assert decoded.pixels.ndim == 3
    assert decoded.pixels.shape[2] == 3
    assert decoded.pixels.size
    assert decoded.facts.width * decoded.facts.height >= decoded.pixels.size // 3
    return "decoded"


@pytest.mark.parametrize("name", sorted(seeds()))
def test_damage_never_escapes_and_never_speaks(name: str, capfd: pytest.CaptureFixture[str]) -> None:
    with warnings.catch_warnings(record=True, action="always") as heard:
        codes = {
            check(data, (None, (8, 8), (20, 16))[n % 3])
            for n, data in enumerate(damaged(seeds()[name], name))
        }
    assert [str(warning.message) for warning in heard] == []
    assert capfd.readouterr() == ("", "")
    assert "truncated" in codes


def test_every_cut_of_every_sound_picture_is_decoded_or_refused() -> None:
    for name, data, outcome in sound():
        assert isinstance(outcome, Shown)
        whole = decode(data).facts
        for part in range(1, 8):
            cut = data[: len(data) * part // 8]
            code = check(cut, (8, 8))
            assert code in ("truncated", "decoded", "not-an-image", "corrupt"), name
            if code == "decoded":
                assert decode(cut).facts == whole, name
