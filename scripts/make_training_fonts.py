"""Noto and Caveat in, the small fonts that a training's captions are written with out.

The packages are those that ``npm pack @fontsource/NAME`` brings, unpacked to FOLDER/NAME; each font keeps the letters
of `copylens.training.augment.scripts` only, without hints and layout tables. Needs fonttools and brotli:

    python scripts/make_training_fonts.py FOLDER src/copylens/training/augment/fonts
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from fontTools.merge import Merger
from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTFont

from copylens.training.augment.scripts import SCRIPTS

EUROPEAN = ("latin", "figures", "accented", "greek", "cyrillic")
FONTS: dict[str, tuple[str, ...]] = {
    "noto-serif": EUROPEAN,
    "noto-sans-mono": EUROPEAN,
    "caveat": ("latin", "figures", "accented", "cyrillic"),
    "noto-sans-hebrew": ("hebrew",),
    "noto-sans-arabic": ("arabic",),
    "noto-sans-armenian": ("armenian",),
    "noto-sans-georgian": ("georgian",),
    "noto-sans-devanagari": ("devanagari",),
    "noto-sans-thai": ("thai",),
    "noto-sans-jp": ("kana", "han"),
    "noto-sans-kr": ("hangul",),
}
WEIGHT = "700"
"""Bold: captions on pictures mostly are."""


def make(name: str, scripts: tuple[str, ...], packages: Path, output: Path) -> None:
    """Write ``output/NAME.ttf`` with the letters of `scripts` and a space."""
    wanted = {ord(letter) for script in scripts for letter in SCRIPTS[script]} | {ord(" ")}
    found: set[int] = set()
    with tempfile.TemporaryDirectory() as folder:
        pieces: list[str] = []
        for file in sorted((packages / name / "package" / "files").glob(f"*-{WEIGHT}-normal.woff2")):
            font = TTFont(file)
            letters = wanted & set(font.getBestCmap()) - found
            if letters:
                pieces.append(str(_piece(font, letters, Path(folder) / f"{len(pieces)}.ttf")))
                found |= letters
        missing = "".join(map(chr, sorted(wanted - found)))
        if missing:
            print(f"{name} has no {missing}")
        merged = Merger().merge(pieces) if len(pieces) > 1 else TTFont(pieces[0])
        merged.save(output / f"{name}.ttf")


def _piece(font: TTFont, letters: set[int], path: Path) -> Path:
    options = Options(layout_features=[], hinting=False, name_IDs=[0, 1, 2, 13, 14], notdef_outline=True)
    options.drop_tables += ["GSUB", "GPOS", "GDEF", "BASE", "STAT", "vhea", "vmtx", "VORG", "MATH"]
    subsetter = Subsetter(options)
    subsetter.populate(unicodes=letters)
    subsetter.subset(font)
    font.flavor = None
    font.save(path)
    return path


def main() -> None:
    """Make all fonts."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("packages", type=Path)
    parser.add_argument("output", type=Path)
    chosen = parser.parse_args()
    for name, scripts in FONTS.items():
        make(name, scripts, chosen.packages, chosen.output)


if __name__ == "__main__":
    main()
