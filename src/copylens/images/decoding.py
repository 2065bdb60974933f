"""Bytes in, upright RGB pixels out; damaged or foreign content becomes an `ImageError` with its true reason.

ICC profiles are ignored: copies with and without a profile should be alike, and the descriptor hardly minds
(docs/robustness.md).
"""

from __future__ import annotations

import hashlib
import io
import re
import struct
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
from copylens.images.silence import silence_decoders
from copylens.images.sniffing import damaged_png_chunk, is_heif, looks_cut, looks_like
from copylens.images.tiff_planes import mend_planes
from copylens.records import PictureFacts, Pixels

MAX_PIXELS = 170_000_000
"""Pictures above this many pixels are skipped unread; it lies just below Pillow's own hard limit."""

FORMATS = ("JPEG", "PNG", "WEBP", "AVIF", "GIF", "BMP", "DIB", "TIFF", "JPEG2000")

_ORIENTATION_TAG = 0x0112
_BITS_TAG = 0x0102
_PHOTOMETRIC_TAG = 0x0106
_WHITE_IS_ZERO = 0
_BAND = 256
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
    OSError, SyntaxError, ValueError, TypeError, LookupError, AttributeError, EOFError, ArithmeticError,
    BufferError, AssertionError, NotImplementedError, RuntimeError, MemoryError, struct.error, zlib.error,
)  # fmt: skip
_SAYS_CUT = re.compile(r"truncat|end of file|not enough|unexpected eof|premature", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Decoded:
    """A decoded picture.

    Attributes:
        pixels: ``(H, W, 3) uint8``, upright; smaller than the picture when a box was given.
        facts: of the picture at full size.
    """

    pixels: Pixels
    facts: PictureFacts


@dataclass(frozen=True, slots=True)
class DecodedImage:
    """The same as Pillow has it, which is what a resize begins with; to copy the pixels out and in again takes time.

    Attributes:
        image: RGB, upright, loaded.
        facts: of the picture at full size.
    """

    image: Image.Image
    facts: PictureFacts


def decode(data: bytes, *, box: tuple[int, int] | None = None) -> Decoded:
    """Decode the first frame of a picture to upright RGB.

    The content decides the format, not the file's name. EXIF orientation is applied, alpha is composed on
    white, CMYK, palette, greyscale and 16-bit pictures become 8-bit RGB.

    Args:
        data: the whole file.
        box: (height, width) that suffice; a picture at least twice as large on both sides is decoded at a
            whole fraction of its size (JPEG in the frequency domain, which is several times faster). Without
            it, the pixels are those of the full size.

    Raises:
        ImageError: with code not-an-image, unsupported, truncated, corrupt, too-large or too-small.
    """
    decoded = decode_image(data, box=box)
    try:
        return Decoded(np.asarray(decoded.image), decoded.facts)
    except MemoryError as error:
        raise _reason(data, error) from error


def decode_image(data: bytes, *, box: tuple[int, int] | None = None) -> DecodedImage:
    """Decode as `decode` does, without copying the pixels out of Pillow; raises the same errors."""
    silence_decoders()
    try:
        with _open(data) as image:
            mend_planes(image)
            decoded = _decode_open(image, box)
        if decoded.facts.format == "PNG" and damaged_png_chunk(data):
            raise ImageError("corrupt", "damaged PNG data: a checksum of its pixel data is wrong")
        return decoded
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
    digest.update(np.ascontiguousarray(pixels).data)
    return digest.hexdigest()


def upright_rgb(image: Image.Image, *, box: tuple[int, int] | None = None) -> Pixels:
    """Turn an opened Pillow image into upright RGB ``(H, W, 3) uint8``, by the same rules as `decode`.

    Args:
        image: of any mode; a lazily opened one is loaded.
        box: as for `decode`, though a JPEG is decoded at full size first.

    Raises:
        ImageError: it has no area, or Pillow cannot load it.
    """
    silence_decoders()
    try:
        mend_planes(image)
        image.load()
        if not image.width or not image.height:
            raise ImageError("too-small", "the picture has no area")
        return np.asarray(_upright(image, _orientation(image), box))
    except ImageError:
        raise
    except Image.DecompressionBombError as error:
        raise _too_large() from error
    except _DECODER_ERRORS as error:
        said = " ".join(str(error).split())[:120] or type(error).__name__
        code = "truncated" if _SAYS_CUT.search(said) else "corrupt"
        raise ImageError(code, f"Pillow cannot load it: {said}") from error


def _upright(image: Image.Image, orientation: int, box: tuple[int, int] | None) -> Image.Image:
    rgb = _to_rgb(image)
    if orientation in _TRANSPOSE:
        rgb = rgb.transpose(_TRANSPOSE[orientation])
    # Last, so that pictures of equal upright pixels stay equal, whatever their mode and orientation.
    return rgb if box is None else _reduce(rgb, box)


def _open(data: bytes) -> Image.Image:
    heif = is_heif(data)
    if heif:
        _register_heif()
    return Image.open(io.BytesIO(data), formats=[*FORMATS, "HEIF"] if heif else FORMATS)


def _register_heif() -> None:
    try:
        import pi_heif
    except ImportError as error:
        raise ImageError(
            "unsupported", "HEIC needs an optional package; install it with: pip install 'copylens[heif]'"
        ) from error
    pi_heif.register_heif_opener()


def _decode_open(image: Image.Image, box: tuple[int, int] | None) -> DecodedImage:
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise _too_large(width, height)
    if not width or not height:
        raise ImageError("too-small", "the picture has no area")
    # A TIFF says its upright size from the start, and Pillow turns it while it loads.
    swapped = image.format != "TIFF" and _orientation(image) in _SWAPS_SIDES
    form = image.format or "unknown"
    if box is not None:
        image.draft(None, box if swapped else box[::-1])
    image.load()
    upright = _upright(image, _orientation(image), box)
    if swapped:
        width, height = height, width
    return DecodedImage(upright, PictureFacts(width, height, form))


def _reduce(image: Image.Image, box: tuple[int, int]) -> Image.Image:
    """Average whole blocks of a picture that is far larger than needed, as scaled JPEG decoding does."""
    factor = min(image.height // box[0], image.width // box[1])
    return image if factor < 2 else image.reduce(factor)


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
        return _deep_grey_to_rgb(image)
    if image.mode == "La":
        image = image.convert("LA")
    if image.mode in ("RGBA", "LA", "PA", "RGBa") or "transparency" in image.info:
        rgba = image.convert("RGBA")
        white = Image.new("RGBA", rgba.size, (255, 255, 255, 255))
        return Image.alpha_composite(white, rgba).convert("RGB")
    try:
        return image.convert("RGB")
    except ValueError as error:
        raise ImageError("unsupported", f"colour mode {image.mode} cannot be turned into RGB") from error


def _deep_grey_to_rgb(image: Image.Image) -> Image.Image:
    """Scale grey values of more than 8 bits to 8, as RGB.

    16-bit integers are divided by 257 (12-bit ones by as much as they need), floats in [0, 1] multiplied by
    255; any other range is stretched to its own minimum and maximum, since nothing says what its white is.
    """
    values = np.asarray(image)
    low, high = _grey_range(image, values)
    grey = np.empty(values.shape, np.uint8)
    # In bands of rows: the intermediate floats of a whole large picture would need eight times its memory.
    for start in range(0, len(values), _BAND):
        band = np.clip(_finite(values[start : start + _BAND]), low, high)
        grey[start : start + _BAND] = np.round((band - low) * (255 / (high - low)))
    tags = getattr(image, "tag_v2", {})
    if image.mode.startswith("I;16") and tags.get(_PHOTOMETRIC_TAG) == _WHITE_IS_ZERO:
        grey = 255 - grey
    transparent = image.info.get("transparency")
    if isinstance(transparent, int):
        grey[values == transparent] = 255
    return Image.fromarray(grey).convert("RGB")


def _grey_range(image: Image.Image, values: npt.NDArray[Any]) -> tuple[float, float]:
    """Find the values that mean black and white."""
    low = min(float(_finite(values[i : i + _BAND]).min()) for i in range(0, len(values), _BAND))
    high = max(float(_finite(values[i : i + _BAND]).max()) for i in range(0, len(values), _BAND))
    if np.issubdtype(values.dtype, np.integer) and low >= 0 and high <= 65535:
        bits = getattr(image, "tag_v2", {}).get(_BITS_TAG, (16,))
        return 0.0, 4095.0 if bits == (12,) else 65535.0
    if low >= 0 and high <= 1:
        return 0.0, 1.0
    return low, high if high > low else low + 1


def _finite(values: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    return np.nan_to_num(values.astype(np.float64), nan=0.0, posinf=0.0, neginf=0.0)


def _too_large(width: int | None = None, height: int | None = None) -> ImageError:
    size = f"{width:,} x {height:,} pixels are" if width and height else "its pixels are"
    return ImageError("too-large", f"{size} above the limit of {MAX_PIXELS:,} (a decompression bomb?)")


def _reason(data: bytes, error: BaseException) -> ImageError:
    """Say the true reason behind what a decoder raised."""
    said = " ".join(str(error).split())[:120]
    kind = looks_like(data)
    if not kind.is_picture:
        return ImageError("not-an-image", f"not an image: {kind.name}")
    if looks_cut(data) or _SAYS_CUT.search(said):
        return ImageError("truncated", f"the {kind.name} file ends before the picture does")
    if isinstance(error, MemoryError):
        return ImageError("too-large", "there is not enough memory to decode it")
    if isinstance(error, UnidentifiedImageError):
        return ImageError("corrupt", f"damaged {kind.name} data: the header cannot be read")
    return ImageError("corrupt", f"damaged {kind.name} data: {said or type(error).__name__}")
