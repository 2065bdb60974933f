"""Folders in, pictures by their number out: for benchmarks whose pictures are called ``R000000`` to ``R999999``."""

# ruff: noqa: PTH118
from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass

from copylens.errors import UsageError
from copylens.evaluation.benchmarks.layout import lacking, picture_names
from copylens.evaluation.nouns import Picture


@dataclass(frozen=True, slots=True)
class Ids:
    """A run of names: a letter and a number with leading zeros.

    Attributes:
        letter: e.g. ``"R"``.
        digits: how many, e.g. 6.
        start, stop: the numbers, `stop` not included.
    """

    letter: str
    digits: int
    start: int
    stop: int

    def __len__(self) -> int:
        """How many there are."""
        return self.stop - self.start

    def __contains__(self, name: object) -> bool:
        """Whether a text is one of the names."""
        number = self.number(name) if isinstance(name, str) else None
        return number is not None and self.start <= number < self.stop

    def name(self, number: int) -> str:
        """The name of a number, e.g. ``"R000042"``."""
        return f"{self.letter}{number:0{self.digits}d}"

    def number(self, name: str) -> int | None:
        """The number in a name of this form, also one beyond the run; None for other texts."""
        number = name[1:]
        fits = len(number) == self.digits and number.isascii() and number.isdigit()
        return int(number) if fits and name[0] == self.letter else None

    def find(self, folders: Sequence[str]) -> Found:
        """The pictures of this run below some folders; pictures of other names are left out.

        Raises:
            UsageError: a folder cannot be read, or two pictures have one name.
        """
        form = re.compile(rf"(?:.*/)?{self.letter}([0-9]{{{self.digits}}})\.[^./]+")
        paths: list[str | None] = [None] * len(self)
        repeated: dict[int, set[str]] = {}
        for folder in folders:
            base = os.path.join(folder, "")
            for name in picture_names(folder):
                match = form.fullmatch(name)
                place = int(match[1]) - self.start if match else -1
                if not 0 <= place < len(paths):
                    continue
                before = paths[place]
                if before is None:
                    paths[place] = base + name
                else:
                    repeated.setdefault(place, {before}).add(base + name)
        if repeated:
            place = min(repeated)
            first, second, *_ = sorted(repeated[place])
            raise UsageError(
                f"{first} and {second} are both {self.name(self.start + place)}; keep only the right one."
            )
        return Found(self, paths)


@dataclass(frozen=True, slots=True)
class Found:
    """The pictures of a run that are there.

    Attributes:
        ids: what was looked for.
        paths: where each lies, None for one that is missing.
    """

    ids: Ids
    paths: Sequence[str | None]

    @property
    def pictures(self) -> tuple[Picture, ...]:
        """Those that are there, sorted."""
        name, start = self.ids.name, self.ids.start
        return tuple(Picture(name(start + n), path) for n, path in enumerate(self.paths) if path is not None)

    def __contains__(self, name: object) -> bool:
        """Whether the picture of a name is there."""
        return name in self.ids and self.paths[int(str(name)[1:]) - self.ids.start] is not None

    def __len__(self) -> int:
        """How many are there."""
        return sum(path is not None for path in self.paths)

    def lacks(self, noun: str) -> list[str]:
        """Words for what is missing, in a list of one; an empty list when nothing is."""
        first = next((n for n, path in enumerate(self.paths) if path is None), None)
        if first is None:
            return []
        return [lacking(len(self), len(self.paths), noun, self.ids.name(self.ids.start + first))]
