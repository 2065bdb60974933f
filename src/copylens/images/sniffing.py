"""The first bytes of a file in, what they look like out; used for the reasons of files that do not decode."""

from __future__ import annotations

import codecs
import zlib
from dataclasses import dataclass
from typing import Literal

_HEIF_BRANDS = frozenset(b"heic heix hevc hevx heim heis hevm hevs mif1 msf1".split())
_BMP_HEADER_SIZES = frozenset(size.to_bytes(4, "little") for size in (12, 16, 40, 52, 56, 64, 108, 124))


@dataclass(frozen=True, slots=True)
class Kind:
    """What a content looks like.

    Attributes:
        name: for people, e.g. ``"JPEG"`` or ``"a PDF document"``.
        is_picture: whether CopyLens reads this kind when it is undamaged.
    """

    name: str
    is_picture: bool


_SIGNATURES: tuple[tuple[bytes, Kind], ...] = (
    (b"\xff\xd8\xff", Kind("JPEG", is_picture=True)),
    (b"\x89PNG\r\n\x1a\n", Kind("PNG", is_picture=True)),
    (b"GIF87a", Kind("GIF", is_picture=True)),
    (b"GIF89a", Kind("GIF", is_picture=True)),
    (b"II*\x00", Kind("TIFF", is_picture=True)),
    (b"MM\x00*", Kind("TIFF", is_picture=True)),
    (b"II+\x00", Kind("BigTIFF", is_picture=True)),
    (b"MM\x00+", Kind("BigTIFF", is_picture=True)),
    (b"\xff\x4f\xff\x51", Kind("JPEG 2000", is_picture=True)),
    (b"\x00\x00\x00\x0cjP  ", Kind("JPEG 2000", is_picture=True)),
    (b"%PDF", Kind("a PDF document", is_picture=False)),
    (b"PK\x03\x04", Kind("a ZIP archive or office document", is_picture=False)),
    (b"\x1f\x8b", Kind("a gzip archive", is_picture=False)),
    (b"Rar!", Kind("a RAR archive", is_picture=False)),
    (b"7z\xbc\xaf", Kind("a 7-Zip archive", is_picture=False)),
    (b"8BPS", Kind("a Photoshop document", is_picture=False)),
    (b"%!PS", Kind("a PostScript document", is_picture=False)),
    (b"\x1aE\xdf\xa3", Kind("a Matroska or WebM video", is_picture=False)),
    (b"\x7fELF", Kind("a program", is_picture=False)),
    (b"MZ", Kind("a program", is_picture=False)),
    (b"\x00\x00\x01\x00", Kind("a Windows icon", is_picture=False)),
    (b"\xff\x0a", Kind("a JPEG XL picture, which is not supported", is_picture=False)),
    (b"\x00\x00\x00\x0cJXL ", Kind("a JPEG XL picture, which is not supported", is_picture=False)),
)


def is_heif(data: bytes) -> bool:
    """Whether the content is HEIF (HEIC): an ISO media file whose major brand says so."""
    if data[4:8] != b"ftyp":
        return False
    if data[8:12] in (b"avif", b"avis"):
        return False
    return data[8:12] in _HEIF_BRANDS and b"avif" not in data[16:64]


def looks_like(data: bytes) -> Kind:
    """Name what a content looks like, by its first bytes."""
    for signature, kind in _SIGNATURES:
        if data.startswith(signature):
            return kind
    if data[:4] == b"RIFF":
        webp = data[8:12] == b"WEBP"
        return Kind("WebP" if webp else "a RIFF sound or video", is_picture=webp)
    if data[4:8] == b"ftyp":
        return _iso_media(data)
    if (data[14:18] if data.startswith(b"BM") else data[:4]) in _BMP_HEADER_SIZES:
        return Kind("BMP", is_picture=True)
    return _text_or_unknown(data[:512])


def looks_cut(data: bytes) -> bool:
    """Whether a file's own structure says that its end is missing; asked of files that failed to decode."""
    if data.startswith(b"\x89PNG"):
        return b"IEND" not in data[-64:]
    if data.startswith(b"\xff\xd8"):
        return b"\xff\xd9" not in data[-4096:]
    if data.startswith(b"\xff\x4f\xff\x51"):
        return b"\xff\xd9" not in data[-64:]
    if data.startswith(b"GIF8"):
        return b";" not in data[-64:]
    if data[:4] == b"RIFF" and len(data) >= 8:
        return int.from_bytes(data[4:8], "little") + 8 > len(data)
    if data.startswith(b"BM") and len(data) >= 6:
        return int.from_bytes(data[2:6], "little") > len(data)
    if data[4:8] in (b"ftyp", b"jP  "):
        return _boxes_cut(data)
    return data[:4] in (b"II*\x00", b"MM\x00*") and _tiff_cut(data)


def damaged_png_chunk(data: bytes) -> bool:
    """Whether the checksum of a PNG's pixel data is wrong, which Pillow does not look at."""
    start = 8
    while start + 12 <= len(data) and data[start + 4 : start + 8] != b"IEND":
        end = start + 8 + int.from_bytes(data[start : start + 4], "big")
        if data[start + 4 : start + 8] == b"IDAT" and end + 4 <= len(data):
            checksum = int.from_bytes(data[end : end + 4], "big")
            if zlib.crc32(memoryview(data)[start + 4 : end]) != checksum:
                return True
        start = end + 4
    return False


def _boxes_cut(data: bytes) -> bool:
    """Whether a box of an ISO media or JPEG 2000 file reaches beyond the end, or none holds the picture."""
    start, names = 0, set()
    while start + 8 <= len(data):
        size, name = int.from_bytes(data[start : start + 4], "big"), data[start + 4 : start + 8]
        if not all(32 <= letter < 127 for letter in name):
            return False
        names.add(name)
        if size == 1:
            size = int.from_bytes(data[start + 8 : start + 16], "big")
        if size == 0:
            # The last box reaches to the end of the file, so only its content can tell.
            return b"\xff\xd9" not in data[-64:] if b"jp2c" in names else False
        if size < 8:
            return False
        start += size
    return start > len(data) or not names & {b"mdat", b"idat", b"jp2c", b"meta"}


def _tiff_cut(data: bytes) -> bool:
    """Whether a TIFF's first directory, or something it points to, lies beyond the end."""
    order: Literal["little", "big"] = "little" if data.startswith(b"II") else "big"

    def number(start: int, length: int) -> int:
        return int.from_bytes(data[start : start + length], order)

    first = number(4, 4)
    count = number(first, 2)
    if first + 2 + 12 * count > len(data):
        return True
    sizes = {2: 1, 3: 2, 4: 4, 5: 8, 12: 8}
    for entry in range(first + 2, first + 2 + 12 * count, 12):
        length = number(entry + 4, 4) * sizes.get(number(entry + 2, 2), 1)
        if length > 4 and number(entry + 8, 4) + length > len(data):
            return True
    return False


def _iso_media(data: bytes) -> Kind:
    if data[8:12] in (b"avif", b"avis"):
        return Kind("AVIF", is_picture=True)
    if is_heif(data):
        return Kind("HEIC", is_picture=True)
    return Kind("an MP4 or QuickTime video", is_picture=False)


def _text_or_unknown(head: bytes) -> Kind:
    lowered = head.lstrip().lower()
    if lowered.startswith((b"<!doctype html", b"<html", b"<head", b"<body")):
        return Kind("a web page", is_picture=False)
    if b"<svg" in lowered:
        return Kind("an SVG drawing, which is not supported", is_picture=False)
    if not head.strip(b"\x00"):
        return Kind("nothing but zero bytes", is_picture=False)
    # A character cut in half by the end of the head is no reason to doubt that it is text.
    text = codecs.getincrementaldecoder("utf-8")("replace").decode(head)
    printable = "\ufffd" not in text and all(c.isprintable() or c in "\n\r\t" for c in text)
    return Kind("a text file" if printable else "unknown data", is_picture=False)
