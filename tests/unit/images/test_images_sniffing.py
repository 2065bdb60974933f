"""What contents look like, and whether their own structure says that the end is missing."""

from __future__ import annotations

import pytest

from copylens.images.sniffing import damaged_png_chunk, is_heif, looks_cut, looks_like
from strange_pictures import HEIC, Shown, broken, encode, picture, png, quarters, sound


def test_every_sound_picture_is_known_as_one_that_is_read_and_is_whole() -> None:
    for name, data, outcome in sound():
        assert isinstance(outcome, Shown)
        assert looks_like(data).is_picture, name
        if "garbage" not in name:
            assert not looks_cut(data), name
        assert not damaged_png_chunk(data), name


@pytest.mark.parametrize("form", ["PNG", "BMP", "WEBP", "AVIF", "TIFF", "JPEG2000", "GIF", "JPEG"])
@pytest.mark.parametrize("part", [0.3, 0.6, 0.95])
def test_a_cut_shows_in_the_structure(form: str, part: float) -> None:
    # An uncompressed TIFF has its directory first, and only the decoder notices the missing end.
    data = encode(picture(), form, **({"compression": "tiff_lzw"} if form == "TIFF" else {}))
    assert looks_cut(data[: int(len(data) * part)])


@pytest.mark.parametrize(
    "data", [b"", b"\0", b"II*\0", b"RIFF", b"BM", b"\xff\xd8", b"GIF89a", b"\0\0\0\0ftyp"]
)
def test_the_shortest_contents_do_not_confuse(data: bytes) -> None:
    assert isinstance(looks_like(data).name, str)
    assert looks_cut(data) in (True, False)


def test_boxes_with_large_and_open_sizes() -> None:
    header = b"\0\0\0\x10ftypavif\0\0\0\0"
    assert not looks_cut(header + b"\0\0\0\x01mdat" + (24).to_bytes(8, "big") + bytes(8))
    assert looks_cut(header + b"\0\0\0\x01mdat" + (999).to_bytes(8, "big") + bytes(8))
    assert not looks_cut(header + b"\0\0\0\0mdat" + bytes(40))
    assert not looks_cut(header + b"\0\0\0\x02mdat" + bytes(40))
    assert looks_cut(header)


def test_heif_is_told_from_avif_and_video() -> None:
    assert is_heif(HEIC)
    assert not is_heif(encode(picture(), "AVIF"))
    assert not is_heif(b"\0\0\0\x1cftypmif1\0\0\0\0mif1avifmiaf")
    assert is_heif(b"\0\0\0\x1cftypmif1\0\0\0\0mif1heicmiaf")
    assert not is_heif(b"\0\0\0\x18ftypisom\0\0\0\0isommp41")


def test_a_wrong_checksum_is_found_in_pixel_data_only() -> None:
    data = bytearray(png(quarters(1, 2, 3, 4)[..., None], 0))
    data[data.index(b"IDAT") + 6] ^= 1
    assert damaged_png_chunk(bytes(data))
    assert not damaged_png_chunk(bytes(data)[: data.index(b"IDAT")])
    assert not damaged_png_chunk(b"")


def test_reasons_name_foreign_contents() -> None:
    for name, data, _ in broken():
        if name in ("error-page.jpg", "scan.jpg", "note.png", "drawing.png", "zeros.jpg", "random.jpg"):
            assert not looks_like(data).is_picture, name
    assert looks_like("é".encode() * 400).name == "a text file"
    assert looks_like(b"x" + "é".encode() * 400).name == "a text file"
    assert looks_like(b"\x80\x81 text").name == "unknown data"
