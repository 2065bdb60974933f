"""Makes the edited copies of the demonstration photographs, the same on every run.

Crosses in: a folder of original photographs. Crosses out: a small tree of copies such as people have (phone,
downloads, website, edits), two unreadable files, and `truth.csv`, which tells which copy has which original.

    python scripts/make_demo_photos.py --originals examples/photos/originals --output examples/photos
"""

from __future__ import annotations

import argparse
import csv
import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageFont, ImageOps

SEED = 20260101
ORIENTATION_TAG = 0x0112
BROKEN_FILE = "downloads/broken-truncated.jpg"
EMPTY_FILE = "downloads/empty-zero-bytes.jpg"
LANCZOS = Image.Resampling.LANCZOS
TRANSPOSES = {
    3: Image.Transpose.ROTATE_180,
    6: Image.Transpose.ROTATE_90,
    8: Image.Transpose.ROTATE_270,
}

Edit = Callable[[Path], bytes]
Change = Callable[[Image.Image], Image.Image]


@dataclass(frozen=True, slots=True)
class Copy:
    """One copy to be made: where it goes, the original's name, what the edit is called and how it is done."""

    path: str
    original: str
    name: str
    edit: Edit


def encoded(image: Image.Image, file_format: str = "JPEG", **options: object) -> bytes:
    """Give the bytes of a picture file; a JPEG without a quality gets 85."""
    if file_format == "JPEG":
        options = {"quality": 85, "optimize": True, **options}
    buffer = io.BytesIO()
    image.save(buffer, file_format, **options)
    return buffer.getvalue()


def opened(path: Path) -> Image.Image:
    """Give the picture in RGB with all its pixels read."""
    with Image.open(path) as image:
        return image.convert("RGB")


def changed(change: Change, file_format: str = "JPEG", **options: object) -> Edit:
    """Turn a change of pixels into an edit that ends in a file's bytes."""
    return lambda path: encoded(change(opened(path)), file_format, **options)


def unchanged(image: Image.Image) -> Image.Image:
    """Give the picture as it came, for edits that are nothing but another encoding."""
    return image


def scaled(factor: float) -> Change:
    """Resize both sides by the factor."""
    return lambda image: image.resize((round(image.width * factor), round(image.height * factor)), LANCZOS)


def fitted(longest: int) -> Change:
    """Resize so that the longer side has the given length."""
    return lambda image: scaled(longest / max(image.size))(image)


def cropped(left: float, top: float, right: float, bottom: float) -> Change:
    """Cut away these shares of the width and the height."""

    def change(image: Image.Image) -> Image.Image:
        """Cut one picture."""
        box = (left * image.width, top * image.height, (1 - right) * image.width, (1 - bottom) * image.height)
        return image.crop((round(box[0]), round(box[1]), round(box[2]), round(box[3])))

    return change


def coloured(
    brightness: float = 1.0, contrast: float = 1.0, saturation: float = 1.0, warmth: float = 1.0
) -> Change:
    """Change the light and the colours; a warmth above 1 strengthens red and weakens blue."""

    def change(image: Image.Image) -> Image.Image:
        """Recolour one picture."""
        image = ImageEnhance.Brightness(image).enhance(brightness)
        image = ImageEnhance.Contrast(image).enhance(contrast)
        image = ImageEnhance.Color(image).enhance(saturation)
        pixels = np.asarray(image, dtype=np.float64) * np.array([warmth, 1.0, 1.0 / warmth])
        return Image.fromarray(np.clip(np.rint(pixels), 0, 255).astype(np.uint8))

    return change


def grainy(strength: float) -> Change:
    """Darken a little and add the grain of a small sensor, from a fixed seed."""

    def change(image: Image.Image) -> Image.Image:
        """Add grain to one picture."""
        pixels = np.asarray(image, dtype=np.float64) * 0.85
        pixels += np.random.default_rng(SEED).normal(0.0, strength, pixels.shape)
        return Image.fromarray(np.clip(np.rint(pixels), 0, 255).astype(np.uint8))

    return change


def lettering(text: str, height: int) -> Image.Image:
    """Draw text in Pillow's own bitmap letters, which need no font file, as a mask of the given height."""
    font = ImageFont.load_default_imagefont()
    _, _, right, bottom = font.getbbox(text)
    mask = Image.new("L", (int(right) + 2, int(bottom) + 2))
    ImageDraw.Draw(mask).text((1, 1), text, fill=255, font=font)
    return mask.resize((round(mask.width * height / mask.height), height), Image.Resampling.BICUBIC)


def watermarked(text: str) -> Change:
    """Repeat half-transparent white text over the picture, as picture agencies do."""

    def change(image: Image.Image) -> Image.Image:
        """Mark one picture."""
        letters = lettering(text, max(18, image.height // 14))
        mask = Image.new("L", image.size)
        for row, top in enumerate(range(image.height // 10, image.height, letters.height * 3)):
            for left in range(-(row % 2) * letters.width // 2, image.width, letters.width + 60):
                mask.paste(letters, (left, top))
        white = Image.new("RGB", image.size, "white")
        return Image.composite(white, image, mask.point(lambda value: value * 0.55))

    return change


def captioned(text: str) -> Change:
    """Put a white bar with a line of text above the picture, as in jokes that are passed around."""

    def change(image: Image.Image) -> Image.Image:
        """Caption one picture."""
        bar = image.height // 6
        page = Image.new("RGB", (image.width, image.height + bar), "white")
        page.paste(image, (0, bar))
        letters = lettering(text, bar // 2)
        page.paste("black", ((image.width - letters.width) // 2, bar // 4), letters)
        return page

    return change


def bordered(width: int, colour: str) -> Change:
    """Put a frame of one colour around the picture."""
    return lambda image: ImageOps.expand(image, width, colour)


def on_screen(image: Image.Image) -> Image.Image:
    """Show the picture on an upright black telephone screen with a bar above and one below."""
    screen = Image.new("RGB", (480, 860), "black")
    shown = fitted(480)(image)
    screen.paste(shown, (0, (screen.height - shown.height) // 2))
    draw = ImageDraw.Draw(screen)
    draw.rectangle((0, 0, 480, 36), fill=(32, 33, 36))
    draw.rectangle((0, 800, 480, 860), fill=(32, 33, 36))
    for centre in (80, 240, 400):
        draw.ellipse((centre - 12, 818, centre + 12, 842), outline="white", width=3)
    clock = lettering("10:24", 20)
    screen.paste("white", (16, 8), clock)
    return screen


def byte_copy(path: Path) -> bytes:
    """Give the very bytes of the original."""
    return path.read_bytes()


def turned(orientation: int) -> Edit:
    """Store the pixels lying on their side, with the EXIF tag that tells viewers to turn them upright."""

    def edit(path: Path) -> bytes:
        """Turn one picture."""
        exif = Image.Exif()
        exif[ORIENTATION_TAG] = orientation
        return encoded(opened(path).transpose(TRANSPOSES[orientation]), quality=92, exif=exif)

    return edit


def mixed(*changes: Change) -> Change:
    """Do several changes one after the other."""

    def change(image: Image.Image) -> Image.Image:
        """Do all changes to one picture."""
        for step in changes:
            image = step(image)
        return image

    return change


COPIES: tuple[Copy, ...] = (
    Copy("downloads/cat-chelsea (1).jpg", "cat-chelsea.jpg", "byte copy", byte_copy),
    Copy("phone/IMG_2041.jpg", "rocky-shore.jpg", "byte copy", byte_copy),
    Copy("website/cat.png", "cat-chelsea.jpg", "lossless PNG", changed(unchanged, "PNG", optimize=True)),
    Copy(
        "website/tulips.webp", "pink-tulips.jpg", "lossless WebP", changed(unchanged, "WEBP", lossless=True)
    ),
    Copy(
        "downloads/colosseum-small-file.jpg",
        "colosseum.jpg",
        "low JPEG quality",
        changed(unchanged, quality=30),
    ),
    Copy(
        "phone/IMG-WA0007.jpg", "coffee-cup.jpg", "smaller and low quality", changed(scaled(0.7), quality=40)
    ),
    Copy("website/thumbs/colosseum.jpg", "colosseum.jpg", "thumbnail", changed(fitted(200))),
    Copy("website/thumbs/kingfisher.jpg", "kingfisher.jpg", "thumbnail", changed(fitted(160))),
    Copy("phone/IMG_2042.jpg", "machu-picchu.jpg", "EXIF orientation 6", turned(6)),
    Copy("phone/IMG_2043.jpg", "lemurs.jpg", "EXIF orientation 8", turned(8)),
    Copy(
        "phone/IMG_2044.jpg",
        "castle-neuschwanstein.jpg",
        "slight crop",
        changed(cropped(0.05, 0.04, 0.03, 0.06)),
    ),
    Copy("downloads/фото-кофе.jpg", "coffee-cup.jpg", "crop", changed(cropped(0.15, 0.0, 0.1, 0.12))),
    Copy("edits/astronaut-bright.jpg", "astronaut.jpg", "brighter", changed(coloured(1.2, 1.05))),
    Copy(
        "edits/red-panda-warm.jpg", "red-panda.jpg", "warmer colours", changed(coloured(1.05, 1.0, 1.4, 1.12))
    ),
    Copy("edits/kingfisher-grey.jpg", "kingfisher.jpg", "grey", changed(ImageOps.grayscale)),
    Copy("edits/scarlet-macaw-mirrored.jpg", "scarlet-macaw.jpg", "mirrored", changed(ImageOps.mirror)),
    Copy("edits/owl-night.jpg", "owl.jpg", "darker with grain", changed(grainy(9.0))),
    Copy("downloads/crab-preview.jpg", "crab.jpg", "watermark", changed(watermarked("SAMPLE PREVIEW"))),
    Copy("website/macaw-framed.jpg", "scarlet-macaw.jpg", "border", changed(bordered(36, "ivory"))),
    Copy("website/lemurs.webp", "lemurs.jpg", "WebP", changed(unchanged, "WEBP", quality=70)),
    Copy(
        "phone/IMG_2050.avif", "dandelion-meadow.jpg", "AVIF", changed(unchanged, "AVIF", quality=65, speed=6)
    ),
    Copy(
        "downloads/kitten-monday.jpg", "kitten-with-wool.jpg", "caption", changed(captioned("MONDAY AGAIN"))
    ),
    Copy("phone/Screenshot_1024.jpg", "rocket-launch-pad.jpg", "screenshot", changed(on_screen)),
    Copy(
        "website/pyramid-banner.jpg",
        "pyramid-giza.jpg",
        "strip, recoloured and smaller",
        changed(mixed(cropped(0.0, 0.12, 0.0, 0.18), coloured(1.0, 1.15, 1.2), scaled(0.75)), quality=70),
    ),
)


def write(path: Path, data: bytes) -> None:
    """Write one file and make the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def write_truth(path: Path, originals_name: str) -> None:
    """Write which file is a copy of which original, by paths that start at the truth file's folder."""
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["copy", "original", "edit"])
        writer.writerows((copy.path, f"{originals_name}/{copy.original}", copy.name) for copy in COPIES)


def build(originals: Path, output: Path) -> list[Path]:
    """Make every copy, both unreadable files and the truth file; give the paths of all that was written."""
    for copy in COPIES:
        write(output / copy.path, copy.edit(originals / copy.original))
    whole = (originals / "great-wall.jpg").read_bytes()
    write(output / BROKEN_FILE, whole[: len(whole) // 4])
    write(output / EMPTY_FILE, b"")
    write_truth(output / "truth.csv", originals.name)
    names = [copy.path for copy in COPIES] + [BROKEN_FILE, EMPTY_FILE, "truth.csv"]
    return [output / name for name in names]


def main() -> int:
    """Read the two folders from the command line and build the tree."""
    parser = argparse.ArgumentParser(description="Make the edited copies of the demonstration photographs.")
    parser.add_argument("--originals", type=Path, required=True, help="folder with the original photographs")
    parser.add_argument("--output", type=Path, required=True, help="folder that receives the copies")
    arguments = parser.parse_args()
    written = build(arguments.originals, arguments.output)
    print(f"Wrote {len(written)} files below {arguments.output}.")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
