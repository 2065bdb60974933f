"""Bytes of strange and broken pictures, each with what must become of it.

The common picture has four plain quadrants, so that any turn, mirroring or colour mistake shows.
"""

from __future__ import annotations

import base64
import io
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

RED, GREEN, BLUE, PALE = (200, 40, 40), (40, 160, 40), (40, 40, 200), (220, 220, 220)
WHITE, BLACK = (255, 255, 255), (0, 0, 0)
WIDTH, HEIGHT = 96, 64

Colour = tuple[int, int, int]
Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Shown:
    """A picture that decodes: its upright size, and the colours of its quadrants (row by row)."""

    quadrants: tuple[Colour, Colour, Colour, Colour] = (RED, GREEN, BLUE, PALE)
    width: int = WIDTH
    height: int = HEIGHT
    tolerance: int = 8


@dataclass(frozen=True)
class Refused:
    """A picture that does not: the code, and a word that its reason must hold."""

    code: str
    says: str = ""


Outcome = Shown | Refused
CUT = Refused("truncated", "ends before")


def plain(colour: Colour, width: int = WIDTH, height: int = HEIGHT, tolerance: int = 8) -> Shown:
    return Shown((colour, colour, colour, colour), width, height, tolerance)


def greys(*values: int, tolerance: int = 8) -> Shown:
    a, b, c, d = ((v, v, v) for v in values)
    return Shown((a, b, c, d), tolerance=tolerance)


def quarters(*values: Any, dtype: str = "uint8") -> Array:
    """Four quadrants of the given values, ``(HEIGHT, WIDTH, ...)``."""
    small = np.array(values, dtype).reshape(2, 2, *np.shape(values[0]))
    return small.repeat(HEIGHT // 2, axis=0).repeat(WIDTH // 2, axis=1)


def picture() -> Image.Image:
    return Image.fromarray(quarters(RED, GREEN, BLUE, PALE))


def encode(image: Image.Image | Array, form: str, **options: Any) -> bytes:
    out = io.BytesIO()
    (image if isinstance(image, Image.Image) else Image.fromarray(image)).save(out, form, **options)
    return out.getvalue()


def stored_for(orientation: int, upright: Array) -> Array:
    """The pixels that a camera writes so that EXIF `orientation` shows `upright`.

    From the EXIF standard's own words, which say on which side of the scene row 0 and column 0 lie.
    """
    swapped = upright.swapaxes(0, 1)
    return {
        1: upright,  # top, left
        2: upright[:, ::-1],  # top, right
        3: upright[::-1, ::-1],  # bottom, right
        4: upright[::-1],  # bottom, left
        5: swapped,  # left, top
        6: swapped[::-1],  # right, top
        7: swapped[::-1, ::-1],  # right, bottom
        8: swapped[:, ::-1],  # left, bottom
    }[orientation]


def exif(orientation: int) -> Image.Exif:
    tags = Image.Exif()
    tags[0x0112] = orientation
    return tags


def oriented(orientation: int, form: str, **options: Any) -> bytes:
    stored = stored_for(orientation, np.asarray(picture()))
    return encode(np.ascontiguousarray(stored), form, exif=exif(orientation), **options)


def png_chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png(pixels: Array, colour_type: int, *extra: bytes, size: tuple[int, int] | None = None) -> bytes:
    """A PNG by hand: `pixels` is ``(H, W, channels)`` of 8 or 16 bits; `size` may lie."""
    height, width = pixels.shape[:2]
    rows = pixels.astype(pixels.dtype.newbyteorder(">")).reshape(height, -1)
    depth = 8 * pixels.dtype.itemsize
    header = struct.pack(">IIBBBBB", *(size or (width, height)), depth, colour_type, 0, 0, 0)
    body = zlib.compress(b"".join(b"\0" + row.tobytes() for row in rows))
    chunks = [png_chunk(b"IHDR", header), *extra, png_chunk(b"IDAT", body), png_chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def tiff(
    strip: bytes,
    *,
    bits: tuple[int, ...],
    photometric: int,
    order: str = "<",
    extra: dict[int, int] | None = None,
) -> bytes:
    """An uncompressed TIFF by hand, of one strip and of (WIDTH, HEIGHT) pixels."""
    tags: dict[int, tuple[int, ...]] = {
        256: (WIDTH,),
        257: (HEIGHT,),
        258: bits,
        259: (1,),  # not compressed
        262: (photometric,),
        273: (8,),  # where the strip begins
        277: (len(bits),),
        278: (HEIGHT,),
        279: (len(strip),),
    }
    tags |= {tag: (value,) for tag, value in (extra or {}).items()}
    directory = struct.pack(order + "H", len(tags))
    for tag, values in sorted(tags.items()):
        # One 32-bit number or up to two 16-bit ones lie in the entry itself, so nothing else need follow.
        wide = tag in (273, 279)
        packed = struct.pack(f"{order}{len(values)}{'I' if wide else 'H'}", *values).ljust(4, b"\0")
        directory += struct.pack(order + "HHI", tag, 4 if wide else 3, len(values)) + packed
    start = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", 8 + len(strip))
    return start + strip + directory + b"\0\0\0\0"


def twelve_bits(values: Array) -> bytes:
    """Pack pairs of 12-bit values into three bytes, big end first, as TIFF does."""
    a, b = values.reshape(-1, 2).astype(np.uint16).T
    return np.stack([a >> 4, (a & 15) << 4 | b >> 8, b & 255], axis=1).astype(np.uint8).tobytes()


def ycck_jpeg() -> bytes:
    """An Adobe YCCK picture: CMYK planes that hold Y, Cb, Cr and K, under a marker that says so."""
    negative = Image.fromarray(255 - np.asarray(picture())).convert("YCbCr")
    key = Image.new("L", negative.size, 255)
    planes = [Image.fromarray(255 - np.asarray(plane)) for plane in (*negative.split(), key)]
    data = bytearray(encode(Image.merge("CMYK", planes), "JPEG", quality=95))
    data[data.index(b"Adobe") + 11] = 2
    return bytes(data)


# Made with libheif: Pillow and the `heif` extra only read HEIC.
HEIC = zlib.decompress(
    base64.b85decode(
        "c-muNV30{GsVvAy&8%Pmg51nBLl8SRGck>UfiW~UwIq=N0u(b+a*CjAhJwuG5(YG&l$n#C3}U!AFfalk5HMCkXdpNR#LAhOd1+"
        "uCNK_QaNo9iaGRl$-K}^1a%#vKVlB<~oMFl{5TV_FWK9DX4DsyIJ;Q%t{S%4JDePH<W|Hlso27cxQpbl{dMjpoh|3M0v!77-6N"
        "_H_hBm(8MoERBVB_^;5C~UgxscL%mfU{#GNK6t$FmfaTm2<c-9xQ6(VNwCwBAlF`Q<RsSQvnp`WngOn3W;PE7o<YHmH@;KKrB#"
        "@S&<16VCLWeIZ-^bAQu*TzyM)sWMXCkGB4$(B!U9(m<Ho|mLIo2y|jA!|Ni~||G&)aJN;X0k?^kA+82%C|Bj#k|FuT3=d^ZDh5"
        "O<gXVSCT8*}%y@qA;?XZTp0yhnd;SapPCxA3RcidFai^Oo;stL2+;n<e)2-*@xf{?3ry|M%;BqaMqm&lZ;i?e4edDOl_Ln9q86"
        "pHHlcj%&TqHo4eovXQ&3{EyTqlrZ}&pE4u!+)sn>BYS4v5bXXx>F@s&{#WzAJe~SOe`<|zR%z?s%WS-!v-EVYaJU66I9DlKI62"
        "_d;dk}LQ856;S*d#"
    )
)


def sound() -> Iterator[tuple[str, bytes, Outcome]]:
    """Pictures that must decode, by file name."""
    yield from _sound_jpegs()
    yield from _sound_pngs()
    yield from _sound_tiffs()
    yield from _sound_others()
    yield from _odd_names_and_shapes()


def _sound_jpegs() -> Iterator[tuple[str, bytes, Outcome]]:
    image = picture()
    jpeg = encode(image, "JPEG", quality=90)
    grey = quarters(30, 90, 160, 240)
    yield "plain.jpg", jpeg, Shown()
    yield "progressive.jpeg", encode(image, "JPEG", progressive=True), Shown()
    yield "grey.jpg", encode(grey, "JPEG"), greys(30, 90, 160, 240)
    yield "cmyk.jpg", encode(image.convert("CMYK"), "JPEG", quality=95), Shown()
    yield "ycck.jpg", ycck_jpeg(), Shown()
    yield "rgb-planes.jpg", encode(image, "JPEG", keep_rgb=True), Shown()
    yield "gain-map.mpo", encode(image, "MPO", save_all=True, append_images=[image.rotate(180)]), Shown()
    yield "trailing-garbage.jpg", jpeg + b"\0garbage" * 1000, Shown()
    damaged = bytearray(oriented(6, "JPEG"))
    at = damaged.index(b"Exif\0\0") + 6
    damaged[at : at + 8] = b"\xff" * 8
    # The turn is lost with the EXIF data, so the picture shows as it is stored.
    yield "damaged-exif.jpg", bytes(damaged), Shown((GREEN, PALE, RED, BLUE), HEIGHT, WIDTH)
    yield "exif-nonsense.jpg", encode(image, "JPEG", exif=exif(99)), Shown()
    large = image.resize((WIDTH * 20, HEIGHT * 20), Image.Resampling.NEAREST)
    yield "large.jpg", encode(large, "JPEG"), Shown(width=WIDTH * 20, height=HEIGHT * 20)
    for value in range(1, 9):
        yield f"orientation-{value}.jpg", oriented(value, "JPEG"), Shown()


def _sound_pngs() -> Iterator[tuple[str, bytes, Outcome]]:
    image = picture()
    deep, deep_shown = (
        quarters(0, 10_000, 30_000, 65_535, dtype="uint16"),
        greys(0, 39, 117, 255, tolerance=1),
    )
    deep_rgb = quarters(RED, GREEN, BLUE, PALE, dtype="uint16") * np.uint16(257)
    veiled = quarters((*RED, 255), (*GREEN, 0), (*BLUE, 128), (0, 0, 0, 0))
    over_white = Shown((RED, WHITE, (147, 147, 227), WHITE))
    yield "plain.png", encode(image, "PNG"), Shown()
    yield "palette.png", encode(image.quantize(8), "PNG"), Shown()
    paletted = Image.fromarray(quarters(0, 1, 2, 3))
    paletted.putpalette([*RED, *GREEN, *BLUE, *PALE])
    yield "palette-see-through.png", encode(paletted, "PNG", transparency=1), Shown((RED, WHITE, BLUE, PALE))
    alphas = bytes([255, 0, 128, 255])
    veiled_shown = Shown((RED, WHITE, (147, 147, 227), PALE))
    yield "palette-veiled.png", encode(paletted, "PNG", transparency=alphas), veiled_shown
    yield "alpha.png", encode(veiled, "PNG"), over_white
    yield "grey-alpha.png", png(quarters((30, 255), (90, 0), (160, 128), (0, 255)), 4), greys(30, 255, 207, 0)
    yield "grey-key.png", encode(quarters(30, 77, 160, 240), "PNG", transparency=77), greys(30, 255, 160, 240)
    yield "rgb-key.png", encode(image, "PNG", transparency=GREEN), Shown((RED, WHITE, BLUE, PALE))
    one_bit = Image.fromarray(quarters(0, 255, 255, 0)).convert("1")
    yield "one-bit.png", encode(one_bit, "PNG"), greys(0, 255, 255, 0)
    yield "deep-grey.png", encode(deep, "PNG"), deep_shown
    yield "deep-grey-key.png", encode(deep, "PNG", transparency=10_000), greys(0, 255, 117, 255, tolerance=1)
    deep_alpha = quarters((0, 65_535), (0, 0), (0, 0), (65_535, 65_535), dtype="uint16")
    yield "deep-grey-alpha.png", png(deep_alpha, 4), greys(0, 255, 255, 255)
    yield "deep-rgb.png", png(deep_rgb, 2), Shown(tolerance=1)
    yield "animated.png", encode(image, "PNG", save_all=True, append_images=[image.rotate(180)]), Shown()
    yield "orientation-6.png", oriented(6, "PNG"), Shown()


def _sound_tiffs() -> Iterator[tuple[str, bytes, Outcome]]:
    image = picture()
    deep, deep_shown = (
        quarters(0, 10_000, 30_000, 65_535, dtype="uint16"),
        greys(0, 39, 117, 255, tolerance=1),
    )
    fax = Image.fromarray(quarters(0, 255, 255, 0)).convert("1")
    lab = [Image.fromarray(quarters(*values)) for values in ((0, 128, 255, 128), (128,) * 4, (128,) * 4)]
    yield "plain.tif", encode(image, "TIFF"), Shown()
    for compression in ("tiff_lzw", "tiff_adobe_deflate", "jpeg", "packbits"):
        yield f"{compression}.tiff", encode(image, "TIFF", compression=compression), Shown()
    yield "fax.tif", encode(fax, "TIFF", compression="group4"), greys(0, 255, 255, 0)
    yield "pages.tif", encode(image, "TIFF", save_all=True, append_images=[image.rotate(180)]), Shown()
    yield "deep.tif", encode(deep, "TIFF"), deep_shown
    big_end = deep.astype(">u2").tobytes()
    yield "deep-big-end.tif", tiff(big_end, bits=(16,), photometric=1, order=">"), deep_shown
    negative = tiff(deep.tobytes(), bits=(16,), photometric=0)
    yield "deep-white-is-zero.tif", negative, greys(255, 216, 138, 0, tolerance=1)
    twelve = twelve_bits(quarters(0, 1000, 3000, 4095, dtype="uint16"))
    yield "twelve-bits.tif", tiff(twelve, bits=(12,), photometric=1), greys(0, 62, 187, 255, tolerance=1)
    yield "float.tif", encode(quarters(0.0, 0.25, 0.5, 1.0, dtype="float32"), "TIFF"), greys(0, 64, 128, 255)
    wild = quarters(-10.0, 0.0, 10.0, 30.0, dtype="float32")
    yield "float-any-range.tif", encode(wild, "TIFF"), greys(0, 64, 128, 255)
    wide = quarters(0, 1_000_000, 2_000_000, 4_000_000, dtype="int32")
    yield "int32.tif", encode(wide, "TIFF"), greys(0, 64, 128, 255)
    yield "cmyk.tif", encode(image.convert("CMYK"), "TIFF"), Shown()
    yield "lab.tif", encode(Image.merge("LAB", lab), "TIFF"), greys(0, 119, 255, 119)
    multiplied = quarters((30, 255), (0, 0), (80, 128), (0, 255)).tobytes()
    associated = tiff(multiplied, bits=(8, 8), photometric=1, extra={338: 1})
    yield "premultiplied-grey.tif", associated, greys(30, 255, 207, 0)
    for value in range(1, 9):
        yield f"orientation-{value}.tif", oriented(value, "TIFF"), Shown()


def _sound_others() -> Iterator[tuple[str, bytes, Outcome]]:
    image = picture()
    frames: dict[str, Any] = {"save_all": True, "append_images": [image.rotate(180)]}
    veiled = Image.fromarray(quarters((*RED, 255), (*GREEN, 0), (*BLUE, 128), (0, 0, 0, 0)))
    over_white = Shown((RED, WHITE, (147, 147, 227), WHITE), tolerance=12)
    yield "plain.webp", encode(image, "WEBP", quality=90), Shown(tolerance=12)
    yield "alpha.webp", encode(veiled, "WEBP", lossless=True, exact=True), over_white
    yield "animated.webp", encode(image, "WEBP", lossless=True, **frames), Shown()
    yield "orientation-8.webp", oriented(8, "WEBP", lossless=True), Shown()
    yield "plain.avif", encode(image, "AVIF", quality=90), Shown(tolerance=12)
    yield "alpha.avif", encode(veiled, "AVIF", quality=95), over_white
    yield "orientation-5.avif", oriented(5, "AVIF", quality=90), Shown(tolerance=12)
    yield "plain.gif", encode(image, "GIF"), Shown()
    yield "animated.gif", encode(image, "GIF", **frames), Shown()
    yield "see-through.gif", encode(veiled, "GIF"), Shown((RED, WHITE, BLUE, WHITE))
    yield "plain.bmp", encode(image, "BMP"), Shown()
    yield "palette.bmp", encode(image.quantize(8), "BMP"), Shown()
    one_bit = Image.fromarray(quarters(0, 255, 255, 0)).convert("1")
    yield "one-bit.bmp", encode(one_bit, "BMP"), greys(0, 255, 255, 0)
    yield "no-header.dib", encode(image, "DIB"), Shown()
    yield "plain.jp2", encode(image, "JPEG2000"), Shown()
    yield "codestream.j2k", encode(image, "JPEG2000", no_jp2=True), Shown()
    yield "alpha.jp2", encode(veiled, "JPEG2000"), over_white
    yield "plain.heic", HEIC, Shown(tolerance=12)
    yield "renamed-heic.jpg", HEIC, Shown(tolerance=12)


def _odd_names_and_shapes() -> Iterator[tuple[str, bytes, Outcome]]:
    image = picture()
    yield "really-a-png.jpg", encode(image, "PNG"), Shown()
    yield "really-a-jpeg.png", encode(image, "JPEG"), Shown()
    yield "really-an-avif.webp", encode(image, "AVIF", quality=90), Shown(tolerance=12)
    yield "UPPER.JPG", encode(image, "JPEG"), Shown()
    yield "two.dots.tar.png", encode(image, "PNG"), Shown()
    yield "blanks and 'quotes\".png", encode(image, "PNG"), Shown()
    yield "new\nline.png", encode(image, "PNG"), Shown()
    yield "écran 画像 🙂.png", encode(image, "PNG"), Shown()
    yield "undecodable-\udcff\udc80.png", encode(image, "PNG"), Shown()
    yield "-leading-dash.png", encode(image, "PNG"), Shown()
    yield "one-pixel.png", encode(Image.new("RGB", (1, 1), RED), "PNG"), plain(RED, 1, 1)
    yield "one-pixel.jpg", encode(Image.new("RGB", (1, 1), RED), "JPEG"), plain(RED, 1, 1)
    yield "thread.png", encode(Image.new("RGB", (1, 5000), BLUE), "PNG"), plain(BLUE, 1, 5000)
    yield "horizon.jpg", encode(Image.new("RGB", (5000, 1), GREEN), "JPEG"), plain(GREEN, 5000, 1)


def broken() -> Iterator[tuple[str, bytes, Outcome]]:
    """Files that must be refused, by file name, with the true reason."""
    yield from _cut()
    yield from _foreign()
    yield from _damaged()


def _cut() -> Iterator[tuple[str, bytes, Outcome]]:
    noise = Image.fromarray(np.random.default_rng(3).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8))
    cases: tuple[tuple[str, str, dict[str, Any]], ...] = (
        ("JPEG", "jpg", {}),
        ("PNG", "png", {}),
        ("WEBP", "webp", {}),
        ("GIF", "gif", {}),
        ("BMP", "bmp", {}),
        ("AVIF", "avif", {}),
        ("TIFF", "tif", {}),
        ("TIFF", "tiff", {"compression": "tiff_lzw"}),
        ("JPEG2000", "jp2", {}),
        ("JPEG2000", "j2k", {"no_jp2": True}),
    )
    for form, suffix, options in cases:
        data = encode(noise, form, **options)
        for percent in (5, 50, 90):
            yield f"cut-at-{percent}.{suffix}", data[: len(data) * percent // 100], CUT
    yield "cut.heic", HEIC[: len(HEIC) // 2], Refused("truncated", "HEIC")
    yield "cut-to-signature.png", b"\x89PNG\r\n\x1a\n", Refused("truncated", "PNG")


def _foreign() -> Iterator[tuple[str, bytes, Outcome]]:
    noise = np.random.default_rng(5).integers(128, 256, 4000, np.uint8).tobytes()
    for name, data, says in (
        ("error-page.jpg", b"<!DOCTYPE html><html><body>404 Not Found</body></html>", "web page"),
        ("scan.jpg", b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n", "PDF"),
        ("note.png", "Grüße, just a note.\n".encode() * 40, "text"),
        ("cars.bmp", b"BMW is a maker of cars in Munich, and no bitmap.\n", "text"),
        ("drawing.png", b"<?xml version='1.0'?><svg xmlns='http://www.w3.org/2000/svg'/>", "SVG"),
        ("document.jpg", b"PK\x03\x04" + noise, "ZIP"),
        ("clip.jpg", b"\0\0\0\x18ftypisom\0\0\0\0isommp41" + noise, "video"),
        ("clip.webp", b"RIFF\x10\0\0\0AVI LIST" + noise, "RIFF"),
        ("next-generation.jpg", b"\xff\x0a" + noise, "JPEG XL"),
        ("zeros.jpg", bytes(5000), "zero bytes"),
        ("random.jpg", noise, "unknown"),
        ("layers.jpg", b"8BPS\0\x01" + bytes(100), "Photoshop"),
        ("program.jpg", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\nshowpage\n", "PostScript"),
    ):
        yield name, data, Refused("not-an-image", says)
    yield "nothing.jpg", b"", Refused("empty", "no bytes")


def _damaged() -> Iterator[tuple[str, bytes, Outcome]]:
    pixels = np.asarray(picture())
    good = png(pixels, 2)
    checksum = bytearray(good)
    checksum[good.index(b"IDAT") + 20] ^= 0xFF
    yield "checksum.png", bytes(checksum), Refused("corrupt", "PNG")
    yield "checksum-and-garbage.png", bytes(checksum) + b"garbage" * 100 + b"IEND", Refused("corrupt", "PNG")
    for name, size in (("bomb.png", (60_000, 60_000)), ("bomb-just-above.png", (17_001, 10_000))):
        yield name, png(pixels, 2, size=size), Refused("too-large", "limit")
    gif = bytearray(encode(picture(), "GIF"))
    gif[6:10] = b"\xff\xff\xff\xff"
    yield "bomb.gif", bytes(gif), Refused("too-large", "limit")
    start = encode(picture(), "JPEG")
    yield "only-markers.jpg", start[:2] + start[-2:], Refused("corrupt", "JPEG")
    yield "no-area.png", png(pixels, 2, size=(0, 64)), Refused("corrupt", "PNG")
    yield "no-directory.tif", b"II*\0\x08\0\0\0\0\0" + bytes(40), Refused("corrupt", "TIFF")
    webp = bytearray(encode(picture(), "WEBP"))
    webp[20:60] = b"\xff" * 40
    yield "damaged.webp", bytes(webp), Refused("corrupt", "WebP")
    avif = bytearray(encode(picture(), "AVIF"))
    avif[avif.index(b"meta") + 4 :] = b"\xff" * (len(avif) - avif.index(b"meta") - 4)
    yield "damaged.avif", bytes(avif), Refused("corrupt", "AVIF")
