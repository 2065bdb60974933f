"""A choice of fonts in, an atlas of words out, in the scripts that the fonts have and in invented ones."""

from __future__ import annotations

import functools
import io
import math
import os
import random
import sys
from pathlib import Path
from typing import TypeAlias

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from copylens.errors import UsageError
from copylens.training.augment.pasting import Atlas, make_atlas
from copylens.training.augment.scripts import SCRIPTS
from copylens.training.augment.settings import Fonts

Font: TypeAlias = ImageFont.FreeTypeFont

STRINGS = 320
INVENTED = 6
"""Every so many strings are in a script that does not exist: a picture's text may be in any."""
LATIN = ("latin", "figures", "accented")
HEIGHT = 48
"""Of the highest resolution of a drawn string, in pixels."""

_LONGEST = 14
_WIDEST = 12 * HEIGHT
_SYSTEM_FONTS = 24


@functools.lru_cache(maxsize=2)
def text_atlas(fonts: Fonts) -> Atlas:
    """Draw the words; ``(K, 1, H, W)`` masks.

    Args:
        fonts: ``"bundled"`` has fourteen scripts and is the same on every machine with one version of Pillow;
            ``"system"`` adds the fonts that the machine has in its usual folders, in the order of their names.
    """
    chance = random.Random(20220221)  # noqa: S311 - a fixed set of words
    faces = [_default(size) for size in (HEIGHT, HEIGHT // 2)] + [_load(file) for file in bundled_fonts()]
    if fonts == "system":
        faces += [_load(file) for file in system_fonts()[:_SYSTEM_FONTS]]
    drawable = _by_script([face for face in faces if face is not None])
    drawings = []
    for number in range(STRINGS):
        if number % INVENTED == INVENTED - 1:
            drawings.append(_invented(chance))
        else:
            face, alphabet = chance.choice(drawable[_script(drawable, chance)])
            drawings.append(_written(face, _words(alphabet, chance)))
    return make_atlas(drawings)


def _by_script(faces: list[Font]) -> dict[str, list[tuple[Font, str]]]:
    """By script the fonts that have it, each with the letters it knows."""
    found: dict[str, list[tuple[Font, str]]] = {}
    for face in faces:
        for script, letters in _alphabets(face).items():
            found.setdefault(script, []).append((face, letters))
    return found


def _script(drawable: dict[str, list[tuple[Font, str]]], chance: random.Random) -> str:
    """Half of the strings are Latin, as captions mostly are; the others are in every other script as often."""
    wanted = chance.random() < 0.5
    some = [script for script in drawable if (script in LATIN) == wanted]
    return chance.choice(some or list(drawable))


def bundled_fonts() -> list[Path]:
    """Font files that come with the package, sorted by name: few letters each, of many scripts."""
    return sorted((Path(__file__).parent / "fonts").glob("*.ttf"))


def system_fonts() -> list[Path]:
    """Font files in the folders where this kind of system keeps them, sorted by name."""
    home = Path.home()
    folders = {
        "win32": [Path(os.environ.get("WINDIR", "C:/Windows"), "Fonts")],
        "darwin": [Path("/System/Library/Fonts"), Path("/Library/Fonts"), home / "Library/Fonts"],
    }.get(
        sys.platform, [Path("/usr/share/fonts"), Path("/usr/local/share/fonts"), home / ".local/share/fonts"]
    )
    files = [
        f for folder in folders if folder.is_dir() for f in folder.rglob("*") if f.suffix in {".ttf", ".otf"}
    ]
    return _spread(sorted(files, key=lambda f: (f.name, str(f))))


def _spread(files: list[Path]) -> list[Path]:
    """One font of each family first, so that a few are unlike."""
    seen: dict[str, int] = {}
    ranks = []
    for file in files:
        family = file.stem.split("-")[0]
        seen[family] = seen.get(family, 0) + 1
        ranks.append(seen[family])
    return [file for _, file in sorted(zip(ranks, files, strict=True), key=lambda pair: pair[0])]


def _default(size: int) -> Font:
    try:
        font: object = ImageFont.load_default(size)
    except ImportError:
        font = None
    if not isinstance(font, ImageFont.FreeTypeFont):
        raise UsageError(
            "This Pillow cannot draw text (it was built without FreeType); install Pillow's own wheel."
        )
    return font


def _load(path: Path) -> Font | None:
    try:
        # Letters are drawn one by one: the words mean nothing, and not every Pillow can shape them.
        return ImageFont.truetype(io.BytesIO(path.read_bytes()), HEIGHT, layout_engine=ImageFont.Layout.BASIC)
    except OSError:
        return None


def _alphabets(face: Font) -> dict[str, str]:
    """The scripts of which the font has all but a few letters; a missing letter looks as an unassigned one does."""
    missing = _look(face, "\U000e1234")
    found = {}
    for script, letters in SCRIPTS.items():
        known = "".join(letter for letter in letters if _look(face, letter) not in (missing, b""))
        if len(known) >= 0.8 * len(letters):
            found[script] = known
    return found


def _look(face: Font, letter: str) -> bytes:
    mask = face.getmask(letter)
    return b"" if 0 in mask.size else bytes(mask)


def _words(alphabet: str, chance: random.Random) -> str:
    length = chance.randint(3, _LONGEST)
    letters = [chance.choice(alphabet) for _ in range(length)]
    if length > 7:
        letters[chance.randint(3, length - 3)] = " "
    return "".join(letters)


def _written(face: Font, words: str) -> np.ndarray:
    left, top, right, bottom = face.getbbox(words)
    size = max(1, math.ceil(right - left)), max(1, math.ceil(bottom - top))
    image = Image.new("L", size)
    ImageDraw.Draw(image).text((-left, -top), words, fill=255, font=face)
    return _fitted(image)


def _invented(chance: random.Random) -> np.ndarray:
    """Letters of a script that does not exist: strokes that hang together, arcs and dots in every cell."""
    cell, line = 2 * HEIGHT, chance.randint(6, 14)
    length = chance.randint(2, 8)
    image = Image.new("L", (cell * length, cell))
    draw = ImageDraw.Draw(image)
    for number in range(length):
        _glyph(draw, chance, number * cell, line)
    if chance.random() < 0.3:
        draw.line([(0, 12), (cell * length, 12)], fill=255, width=line)
    return _fitted(image)


def _glyph(draw: ImageDraw.ImageDraw, chance: random.Random, left: int, line: int) -> None:
    columns, rows = (left + 14, left + 46, left + 78), (12, 36, 60, 84)
    x, y = chance.choice(columns), chance.choice((rows[0], rows[-1]))
    for _ in range(chance.randint(3, 6)):
        to_x, to_y = chance.choice(columns), chance.choice(rows)
        if chance.random() < 0.7:
            draw.line([(x, y), (to_x, to_y)], fill=255, width=line)
        else:
            reach = max(abs(to_x - x), abs(to_y - y), 24) // 2
            box = (x - reach, y - reach, x + reach, y + reach)
            draw.arc(box, chance.randrange(0, 360, 90), chance.randrange(90, 450, 90), fill=255, width=line)
        x, y = to_x, to_y
    if chance.random() < 0.3:
        x, y = chance.choice(columns), chance.choice((rows[0], rows[-1]))
        draw.ellipse((x - line, y - line, x + line, y + line), fill=255)


def _fitted(image: Image.Image) -> np.ndarray:
    """Cut to what is drawn and scale to the atlas's height; ``(HEIGHT, w, 1) uint8``."""
    image = image.crop(image.getbbox() or (0, 0, 1, 1))
    width = min(_WIDEST, max(HEIGHT // 4, round(image.width * HEIGHT / image.height)))
    return np.asarray(image.resize((width, HEIGHT), Image.Resampling.LANCZOS))[:, :, None]
