"""The first bytes of a file in, what they look like out; used for the reasons of files that do not decode."""

from __future__ import annotations

from dataclasses import dataclass

_HEIF_BRANDS = frozenset({b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"hevm", b"hevs", b"mif1", b"msf1"})


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
    (b"BM", Kind("BMP", is_picture=True)),
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
    return _text_or_unknown(data[:512])


def looks_cut(data: bytes) -> bool:
    """Whether a file's own structure says that its end is missing."""
    if data.startswith(b"\x89PNG"):
        return b"IEND" not in data[-64:]
    if data.startswith(b"\xff\xd8"):
        return b"\xff\xd9" not in data[-4096:]
    if data[:4] == b"RIFF" and len(data) >= 8:
        return int.from_bytes(data[4:8], "little") + 8 > len(data)
    if data.startswith(b"BM") and len(data) >= 6:
        return int.from_bytes(data[2:6], "little") > len(data)
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
    try:
        text = head.decode("utf-8")
    except UnicodeDecodeError:
        return Kind("unknown data", is_picture=False)
    printable = text.isprintable() or not set(text) - {"\n", "\r", "\t"} - {c for c in text if c.isprintable()}
    return Kind("a text file" if printable else "unknown data", is_picture=False)
