"""Bytes in, upright RGB pixels out; every damaged or foreign content becomes an `ImageError` with its true reason.

ICC profiles are ignored: copies with and without a profile should be alike, and the descriptor does not mind.
"""

from __future__ import annotations

import hashlib
import io
import re
import struct
import warnings
import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

# Imported for what they register: Pillow would otherwise load its plugins lazily, in several threads at once.
from PIL import (
    AvifImagePlugin,  # noqa: F401
    BmpImagePlugin,  # noqa: F401
    GifImagePlugin,  # noqa: F401
    Image,
    Jpeg2KImagePlugin,  # noqa: F401
    JpegImagePlugin,  # noqa: F401
    MpoImagePlugin,  # noqa: F401
    PngImagePlugin,  # noqa: F401
    TiffImagePlugin,  # noqa: F401
    UnidentifiedImageError,
    WebPImagePlugin,  # noqa: F401
)

from copylens.errors import ImageError
from copylens.images.sniffing import is_heif, looks_cut, looks_like
from copylens.records import PictureFacts, Pixels

MAX_PIXELS = 170_000_000
"""Pictures above this many pixels are skipped unread; it lies just below Pillow's own hard limit."""

FORMATS = ("JPEG", "MPO", "PNG", "WEBP", "AVIF", "GIF", "BMP", "DIB", "TIFF", "JPEG2000")

_ORIENTATION_TAG = 0x0112
_TRANSPOSE = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_SWAPS_SIDES = frozenset({5, 6, 7, 8})

# What Pillow's decoders raise on damaged data, gathered by flipping bytes in every format.
_DECODER_ERRORS = (
    OSError, SyntaxError, ValueError, TypeError, IndexError, KeyError, AttributeError, EOFError, OverflowError,
    AssertionError, NotImplementedError, RuntimeError, MemoryError, struct.error, zlib.error,
    ZeroDivisionError,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Decoded:
    """A decoded picture.

    Attributes:
        pixels: ``(H, W, 3) uint8``, upright; smaller than the picture when a box was given.
        facts: of the picture at full size.
    """

    pixels: Pixels
    facts: PictureFacts


def decode(data: bytes, *, box: tuple[int, int] | None = None) -> Decoded:
    """Decode the first frame of a picture to upright RGB.

    The content decides the format, not the file's name. EXIF orientation is applied, alpha is composed on white, CMYK,
    palette, greyscale and 16-bit pictures become 8-bit RGB.

    Args:
        data: the whole file.
        box: (height, width) that suffice; a picture at least twice as large on both sides is decoded at a whole
            fraction of its size (JPEG in the frequency domain, which is several times faster).

    Raises:
        ImageError: with code not-an-image, unsupported, truncated, corrupt, too-large or too-small.
    """
    _silence_pillow()
    try:
        with _open(data) as image:
            return _decode_open(image, box)
    except ImageError:
        raise
    except Image.DecompressionBombError as error:
        raise _too_large() from error
    except _DECODER_ERRORS as error:
        raise _reason(data, error) from error


def pixel_hash(data: bytes) -> str:
    """Hash the upright RGB pixels at full size: equal for pictures that look the same to the last bit.

    Returns:
        32 hex digits, of shape and pixels.

    Raises:
        ImageError: as `decode`.
    """
    pixels = decode(data).pixels
    digest = hashlib.blake2b(str(pixels.shape).encode(), digest_size=16)
    digest.update(np.ascontiguousarray(pixels))
    return digest.hexdigest()


def upright_rgb(image: Image.Image) -> Pixels:
    """An opened Pillow image as upright RGB ``(H, W, 3) uint8``, by the same rules as `decode`."""
    image.load()
    # Asked after loading, since Pillow turns a TIFF itself while it loads.
    orientation = _orientation(image)
    rgb = _to_rgb(image)
    if orientation in _TRANSPOSE:
        rgb = rgb.transpose(_TRANSPOSE[orientation])
    return np.asarray(rgb)


def _silence_pillow() -> None:
    """Keep Pillow's remarks on damaged metadata off the terminal; pictures that fail are reported as results.

    Not `warnings.catch_warnings`, which is not safe in threads. The filter concerns Pillow's modules only.
    """
    if _PILLOW_FILTER not in warnings.filters:
        warnings.filters.insert(0, _PILLOW_FILTER)  # type: ignore[attr-defined]


_PILLOW_FILTER = ("ignore", None, Warning, re.compile(r"PIL\."), 0)


def _open(data: bytes) -> Image.Image:
    formats = FORMATS
    if is_heif(data):
        _register_heif()
        formats = (*FORMATS, "HEIF")
    return Image.open(io.BytesIO(data), formats=formats)


def _register_heif() -> None:
    try:
        import pi_heif
    except ImportError as error:
        raise ImageError(
            "unsupported", "HEIC needs an optional package; install it with: pip install 'copylens[heif]'"
        ) from error
    pi_heif.register_heif_opener()


def _decode_open(image: Image.Image, box: tuple[int, int] | None) -> Decoded:
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise _too_large(width, height)
    if not width or not height:
        raise ImageError("too-small", "the picture has no area")
    swapped = _orientation(image) in _SWAPS_SIDES
    form = image.format or "unknown"
    if box is not None:
        wanted = box if swapped else box[::-1]
        image.draft(None, wanted)
        image.load()
        image = _reduce(image, wanted)
    pixels = upright_rgb(image)
    if swapped:
        width, height = height, width
    return Decoded(pixels, PictureFacts(width, height, form))


def _reduce(image: Image.Image, wanted: tuple[int, int]) -> Image.Image:
    """Average whole blocks of a picture that is far larger than needed, as scaled JPEG decoding does."""
    factor = min(image.width // wanted[0], image.height // wanted[1])
    if factor < 2 or image.mode not in ("RGB", "L") or "transparency" in image.info:
        return image
    orientation = image.getexif().get(_ORIENTATION_TAG)
    smaller = image.reduce(factor)
    if orientation is not None:
        smaller.getexif()[_ORIENTATION_TAG] = orientation
    return smaller


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(_ORIENTATION_TAG, 1))
    except _DECODER_ERRORS:
        # Damaged metadata around a sound picture: take it as stored.
        return 1


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode == "RGB" and "transparency" not in image.info:
        return image
    if image.mode.startswith(("I", "F")):
        return Image.fromarray(_to_eight_bits(np.asarray(image))).convert("RGB")
    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        rgba = image.convert("RGBA")
        white = Image.new("RGBA", rgba.size, (255, 255, 255, 255))
        return Image.alpha_composite(white, rgba).convert("RGB")
    try:
        return image.convert("RGB")
    except ValueError as error:
        raise ImageError("unsupported", f"colour mode {image.mode} cannot be turned into RGB") from error


def _to_eight_bits(values: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    """Grey values of more than 8 bits as uint8.

    16-bit integers are divided by 257, floats in [0, 1] multiplied by 255; any other range is stretched to its own
    minimum and maximum, since nothing says what its white is.
    """
    grey = np.nan_to_num(values.astype(np.float64), nan=0.0, posinf=0.0, neginf=0.0)
    low, high = float(grey.min()), float(grey.max())
    if np.issubdtype(values.dtype, np.integer) and low >= 0 and high <= 65535:
        low, high = 0.0, 65535.0
    elif low >= 0 and high <= 1:
        low, high = 0.0, 1.0
    span = high - low if high > low else 1.0
    return np.round((grey - low) / span * 255).astype(np.uint8)


def _too_large(width: int | None = None, height: int | None = None) -> ImageError:
    size = f"{width:,} x {height:,} pixels are" if width and height else "its pixels are"
    return ImageError("too-large", f"{size} above the limit of {MAX_PIXELS:,} (a decompression bomb?)")


def _reason(data: bytes, error: BaseException) -> ImageError:
    """The true reason behind what a decoder raised."""
    said = " ".join(str(error).split())[:120]
    kind = looks_like(data)
    if isinstance(error, UnidentifiedImageError) and not kind.is_picture:
        return ImageError("not-an-image", f"not an image: {kind.name}")
    if looks_cut(data) or re.search(r"truncat|end of file|not enough|unexpected eof|premature", said, re.IGNORECASE):
        return ImageError("truncated", f"the {kind.name} file ends before the picture does")
    if isinstance(error, MemoryError):
        return ImageError("too-large", "there is not enough memory to decode it")
    if isinstance(error, UnidentifiedImageError):
        return ImageError("corrupt", f"damaged {kind.name} data: the header cannot be read")
    return ImageError("corrupt", f"damaged {kind.name} data: {said or type(error).__name__}")
