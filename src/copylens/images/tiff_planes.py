"""An opened TIFF picture in, the same with the right unpackers for bands that are stored apart out.

Where an uncompressed TIFF stores each band in a plane of its own (PlanarConfiguration 2), Pillow takes a letter of the
picture's raw mode for that of the band. That holds for bands of 8 bits. Colour of 16 bits became noise, a negative
stayed a negative, and grey of 16 bits was called damaged.
"""

from __future__ import annotations

from typing import Any

from PIL import Image, TiffImagePlugin

from copylens.errors import ImageError

_BITS, _PHOTOMETRIC, _FILL_ORDER, _SAMPLES, _PLANES, _EXTRA, _FORMAT = 258, 262, 266, 277, 284, 338, 339
_APART = 2
_BANDS = "RGBA"
"""Bands of more than 8 bits that Pillow can unpack alone."""


def mend_planes(image: Image.Image) -> None:
    """Name the unpackers of an opened, not yet loaded picture; others than such TIFF pictures stay as they are.

    Raises:
        ImageError: with code unsupported; Pillow cannot unpack such bands.
    """
    if not isinstance(image, TiffImagePlugin.TiffImageFile) or image.tag_v2.get(_PLANES) != _APART:
        return
    tiles: list[Any] = image.tile
    if any(tile.codec_name != "raw" for tile in tiles):
        return
    bits, extra = _bands(image.tag_v2)
    whole = _raw_mode(image.tag_v2, bits, extra)
    if whole is not None:
        # Band after band; what lies beyond those that mean something is left out.
        wanted = tiles[: len(tiles) * len(bits) // image.tag_v2.get(_SAMPLES, 1)]
        image.tile = [
            tile._replace(args=(_band_mode(whole, tile.args[0], len(bits)), *tile.args[1:]))
            for tile in wanted
        ]


def _band_mode(whole: str, band: str, count: int) -> str:
    """The raw mode of one band of `count`: of ``"RGB;16L"`` and ``"G"`` it is ``"G;16L"``."""
    if count == 1:
        return whole
    depth = whole.partition(";")[2]
    if not depth or ";" in band:
        return band
    if band not in _BANDS:
        raise ImageError(
            "unsupported", f"a TIFF with bands apart of {whole.replace(';', ', ')} is not supported"
        )
    return f"{band};{depth}"


def _bands(tags: Any) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Bits of each band that means something, and what those beyond the colours mean."""
    samples, extra = tags.get(_SAMPLES, 1), tuple(tags.get(_EXTRA, ()))
    if extra and max(extra) == 0:
        samples, extra = samples - len(extra), ()
    bits = tuple(tags.get(_BITS, (1,)))
    return (bits * samples if len(bits) == 1 else bits[:samples]), extra


def _raw_mode(tags: Any, bits: tuple[int, ...], extra: tuple[int, ...]) -> str | None:
    """Pillow's raw mode for the bands together; None for a kind that it does not know."""
    form = tuple(dict.fromkeys(tags.get(_FORMAT, (1,))))
    key = (tags.prefix, tags.get(_PHOTOMETRIC, 0), form, tags.get(_FILL_ORDER, 1), bits, extra)
    found = TiffImagePlugin.OPEN_INFO.get(key)
    return None if found is None else found[1]
