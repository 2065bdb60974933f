"""The obvious scan: every picture described alone, every pair looked at, groups by the documented rule."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import combinations, pairwise, product
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from PIL import Image

from copylens.errors import ImageError
from copylens.images import upright_rgb
from copylens.matching.keep import FORMAT_RANK
from copylens.records import CopyKind, Descriptors, Pixels
from copylens.workflows.describer import Describer
from copylens.workflows.result import ScanResult

Found: TypeAlias = dict[str, Any]
"""Groups and matches without the last digits of scores: see `plain`."""


@dataclass(frozen=True)
class TwinImage:
    """All that the twin knows of a file."""

    path: str
    data: bytes
    mtime_ns: int
    form: str
    pixels: Pixels
    descriptor: Descriptors

    @property
    def area(self) -> int:
        return self.pixels.size // 3


class ScanTwin:
    """Looks at files one by one.

    Args:
        describer: the model.
        paths: files; those that Pillow cannot read are left out.
    """

    def __init__(self, describer: Describer, paths: Sequence[str]) -> None:
        self.images = [image for path in paths if (image := _look(describer, path))]

    def scores(self) -> list[float]:
        """Of all pairs of different bytes, ascending."""
        pairs = combinations(self.images, 2)
        return sorted(_score(a, b) for a, b in pairs if a.data != b.data)

    def within(self, threshold: float, keep: str) -> Found:
        """Copies within the collection."""
        ordered = sorted(self.images, key=lambda image: _keep_key(image, keep))
        matches = {}
        for better, worse in combinations(ordered, 2):
            if found := _match(worse, better, threshold):
                matches[worse.path, better.path] = found
        groups, left = {}, ordered
        while left:
            keeper, *rest = left
            members = {image.path: found for image in rest if (found := _match(image, keeper, threshold))}
            left = [image for image in rest if image.path not in members]
            if members:
                groups[keeper.path] = members
        return {"groups": groups, "matches": matches}

    def against(self, known: ScanTwin, threshold: float, keep: str) -> Found:
        """Copies of known images among these; each goes to the one that it equals most, then scores best with."""
        matches = {}
        for new, old in product(self.images, known.images):
            if found := _match(new, old, threshold):
                matches[new.path, old.path] = found
        places = {image.path: _keep_key(image, keep) for image in known.images}
        groups: dict[str, dict[str, Any]] = {}
        for new in self.images:
            mine = {old: found for (path, old), found in matches.items() if path == new.path}
            if mine:
                closeness = ("bytes", "pixels", "near").index
                best = min(mine, key=lambda old: (closeness(mine[old][0]), -mine[old][1], places[old]))
                groups.setdefault(best, {})[new.path] = mine[best]
        return {"groups": groups, "matches": matches}


def plain(result: ScanResult) -> Found:
    """What a scan found, in the form of the twin."""
    groups = {
        group.keeper: {member.path: (member.kind, member.score) for member in group.members}
        for group in result.groups
    }
    matches = {(match.query, match.reference): (match.kind, match.score) for match in result.matches}
    assert len(groups) == len(result.groups)
    assert len(matches) == len(result.matches)
    return {"groups": groups, "matches": matches}


def assert_same(found: Found, expected: Found, tolerance: float = 2e-6) -> None:
    """Equal but for the rounding of scores."""
    for what in ("groups", "matches"):
        assert found[what].keys() == expected[what].keys()
    for pair, (kind, score) in expected["matches"].items():
        assert found["matches"][pair][0] == kind, pair
        assert abs(found["matches"][pair][1] - score) <= tolerance, pair
    for keeper, members in expected["groups"].items():
        assert found["groups"][keeper].keys() == members.keys(), keeper
        for path, (kind, score) in members.items():
            assert found["groups"][keeper][path][0] == kind, path
            assert abs(found["groups"][keeper][path][1] - score) <= tolerance, path


def gaps(scores: Sequence[float], count: int) -> list[float]:
    """`count` thresholds spread over the scores, each in the middle of a gap that rounding cannot cross."""
    middles = [(a + b) / 2 for a, b in pairwise(scores) if b - a > 1e-5]
    places = np.linspace(0, len(middles) - 1, count).astype(int)
    return [middles[place] for place in places]


def _look(describer: Describer, path: str) -> TwinImage | None:
    try:
        (descriptor,) = describer.describe([path])
    except ImageError:
        return None
    file = Path(path)
    with Image.open(file) as image:
        form, pixels = str(image.format), upright_rgb(image)
    return TwinImage(path, file.read_bytes(), file.stat().st_mtime_ns, form, pixels, descriptor)


def _score(a: TwinImage, b: TwinImage) -> float:
    return min(float(a.descriptor @ b.descriptor), 1.0)


def _match(a: TwinImage, b: TwinImage, threshold: float) -> tuple[CopyKind, float] | None:
    if a.data == b.data:
        return "bytes", 1.0
    if _score(a, b) < threshold:
        return None
    return "pixels" if np.array_equal(a.pixels, b.pixels) else "near", _score(a, b)


def _keep_key(image: TwinImage, keep: str) -> tuple[Any, ...]:
    values: dict[str, Any] = {
        "resolution": -image.area,
        "bytes": -len(image.data),
        "format": FORMAT_RANK[image.form],
        "oldest": image.mtime_ns,
        "newest": -image.mtime_ns,
    }
    rules = keep.split(",")
    return (
        *(not fnmatchcase(image.path, f"*/{r[5:]}") if r.startswith("path:") else values[r] for r in rules),
        image.path,
    )
