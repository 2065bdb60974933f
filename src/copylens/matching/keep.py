"""Keep rules as text in, an order of images out: the first of a group is its keeper."""

from __future__ import annotations

import difflib
import fnmatch
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from copylens.errors import UsageError
from copylens.records import ImageFacts

FORMAT_RANK = {
    # Lossless and as a camera or editor writes it.
    "TIFF": 0, "PNG": 1, "BMP": 2, "DIB": 2,
    # Usually the camera's own file, or made for archives.
    "HEIF": 3, "JPEG2000": 4, "MPO": 5, "JPEG": 5,
    # Usually made from one of the above for the web.
    "AVIF": 6, "WEBP": 7, "GIF": 8,
}  # fmt: skip
"""Lower is kept first."""

SAME_BY_ALL_RULES = "name"
"""What decided where no rule did: the path that comes first."""

_Key = Callable[[ImageFacts], "int | str"]

RULES: dict[str, _Key] = {
    "resolution": lambda image: -image.width * image.height,
    "bytes": lambda image: -image.size,
    "format": lambda image: FORMAT_RANK.get(image.format, len(FORMAT_RANK)),
    "oldest": lambda image: image.mtime_ns,
    "newest": lambda image: -image.mtime_ns,
}
"""Smaller keys are kept first."""


@dataclass(frozen=True)
class KeepRules:
    """Ordered rules; make them with `KeepRules.parse`.

    Attributes:
        names: the rules as they were written.
    """

    names: tuple[str, ...]

    @classmethod
    def parse(cls, text: str) -> KeepRules:
        r"""Rules from ``"path:originals/*,resolution,oldest"``; a comma inside a pattern is written ``\,``.

        ========== =======================================================
        resolution more pixels first
        bytes      larger files first
        format     lossless and camera formats before formats of the web
        oldest     earlier modification time first
        newest     later modification time first
        path:GLOB  images whose path, or any end part of it, matches first
        ========== =======================================================

        A pattern is case-sensitive, ``*`` crosses folders, and one that matches a folder takes all under it.

        Raises:
            UsageError: names the rule that is not known, and the nearest that is.
        """
        names = [part.replace("\\,", ",").strip() for part in re.split(r"(?<!\\),", text)]
        names = [name for name in names if name]
        if not names:
            raise UsageError(f"--keep {text!r}: give at least one rule, for example resolution,oldest.")
        for name in names:
            _check(name)
        return cls(tuple(names))

    def key(self, image: ImageFacts) -> tuple[int | str, ...]:
        """Give what to sort by: one value per rule, and the path last, so that two images are never equal."""
        return (*(_value(name, image) for name in self.names), image.path)


def keep_order(images: Sequence[ImageFacts], rules: KeepRules) -> list[int]:
    """Order the positions of `images`, best to keep first; the order does not depend on how they came."""
    return sorted(range(len(images)), key=lambda position: rules.key(images[position]))


def deciding_rule(keeper: ImageFacts, others: Sequence[ImageFacts], rules: KeepRules) -> str:
    """Name the rule by which the keeper comes before the best of the others; ``"name"`` where all rules are equal.

    Args:
        keeper: comes before each of `others` by the rules.
        others: at least one.
        rules: by which the keeper was chosen.
    """
    mine = rules.key(keeper)
    next_best = min(map(rules.key, others))
    return next(
        (name for name, a, b in zip(rules.names, mine, next_best, strict=False) if a != b), SAME_BY_ALL_RULES
    )


def _check(name: str) -> None:
    if name in RULES or (name.startswith("path:") and len(name) > len("path:")):
        return
    known = [*RULES, "path:GLOB"]
    close = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {close[0]}?" if close else f"known rules are {', '.join(known)}."
    raise UsageError(f"--keep: there is no rule {name!r}; {hint}")


def _value(name: str, image: ImageFacts) -> int | str:
    if name.startswith("path:"):
        return 0 if _matches(image.path, name.removeprefix("path:")) else 1
    return RULES[name](image)


def _matches(path: str, pattern: str) -> bool:
    # Windows separators on either side; a pattern that names a folder means what is under it.
    pattern = pattern.replace("\\", "/").rstrip("/")
    parts = path.replace("\\", "/").split("/")
    ends = ["/".join(parts[start:]) for start in range(len(parts))]
    return any(fnmatch.fnmatchcase(end, glob) for end in ends for glob in (pattern, f"{pattern}/*"))
