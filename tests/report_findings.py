"""Findings for the tests of reports: of any size made up, and of the bundled photographs."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from PIL import Image

from copylens.errors import ImageError
from copylens.images import thumbnail
from copylens.records import (
    CopyKind,
    Findings,
    Group,
    ImageFacts,
    Match,
    MatchedView,
    Member,
    ModelIdentity,
    Related,
    ScanTiming,
    Skipped,
    View,
)

PHOTOS = Path(__file__).resolve().parent.parent / "examples" / "photos"
NOON = 1_600_000_000_000_000_000
"""2020-09-13T12:26:40 UTC in nanoseconds."""

EXACT: dict[str, CopyKind] = {
    "byte copy": "bytes",
    "lossless PNG": "pixels",
    "lossless WebP": "pixels",
}
"""Edits of the bundled photographs that change no pixel."""


def make_image(
    path: str, *, size: int = 1000, width: int = 640, height: int = 480, **facts: Any
) -> ImageFacts:
    values: dict[str, Any] = {"mtime_ns": NOON, "format": "JPEG", "content_hash": "0a" * 16, **facts}
    return ImageFacts(path=path, size=size, width=width, height=height, **values)


def make_group(keeper: str, *members: tuple[str, float, CopyKind]) -> Group:
    copies = tuple(Member(*member) for member in members)
    return Group("near" if any(m.kind == "near" for m in copies) else "exact", keeper, copies)


def make_findings(
    groups: Sequence[Group] = (),
    *,
    images: Sequence[ImageFacts] = (),
    skipped: Sequence[Skipped] = (),
    **values: Any,
) -> Findings:
    """Findings with facts made up for every path that `images` does not name."""
    facts = {image.path: image for image in images}
    for group in groups:
        related = [item.path for item in group.related]
        for path in (group.keeper, *(member.path for member in group.members), *related):
            facts.setdefault(path, make_image(path))
    given: dict[str, Any] = {
        "model": ModelIdentity("small-model", "0123456789abcdef"),
        "threshold": 0.75,
        "roots": ("photos",),
        "against": (),
        "keep": ("resolution", "bytes"),
        "timing": ScanTiming(seconds=2.5, described=40, reused=2, images_per_second=20.25),
        **values,
    }
    matches = tuple(Match(m.path, g.keeper, m.score, m.kind, m.view) for g in groups for m in g.members)
    return Findings(groups=tuple(groups), matches=matches, skipped=tuple(skipped), images=facts, **given)


def small_findings(**values: Any) -> Findings:
    """Two groups, three copies, two skipped files."""
    groups = [
        make_group("a/big.jpg", ("a/small.jpg", 0.98765432, "near"), ("b/other.png", 0.8, "near")),
        make_group("a/one.gif", ("b/two.gif", 1.0, "bytes")),
    ]
    images = [
        make_image("a/big.jpg", size=9_000_000, width=4000, height=3000),
        make_image("a/small.jpg", size=250_000, width=800, height=600),
        make_image("b/other.png", size=1_250_000, format="PNG", mtime_ns=NOON + 999_999_999),
        make_image("a/one.gif", size=700, format="GIF"),
        make_image("b/two.gif", size=700, format="GIF"),
        make_image("c/alone.jpg"),
    ]
    skipped = [
        Skipped("c/broken.jpg", "truncated", "the file ends before the picture does"),
        Skipped("c/empty.jpg", "empty", "the file has no bytes"),
        Skipped("d/half.jpg", "truncated", "the file ends before the picture does"),
    ]
    return make_findings(groups, **{"images": images, "skipped": skipped, **values})


def nested_findings(**values: Any) -> Findings:
    """A photograph in a screenshot, turned, and a crop of it; a picture with a copy of half its size and a part."""
    middle, band = View(0.25, 0.25, 0.75, 0.75, "rot90"), View(0, 0.3, 1, 0.7)
    photo = (
        Related("screen.png", 0.8125, "holds", MatchedView("other", middle), 0.125),
        Related("crop.jpg", 0.75, "part", MatchedView("keeper", band), 4.0),
    )
    tile = Related("tile.jpg", 0.75, "part", MatchedView("keeper", View(0, 0, 0.4, 0.4)), 1.0)
    copy = Member("small.jpg", 0.875, "near", MatchedView("copy", View(turn="rot180")))
    groups = [
        Group("near", "large.jpg", (copy,), (tile,), "resolution"),
        Group("parts", "photo.jpg", (), photo, "part"),
    ]
    images = [
        make_image("photo.jpg", width=4000, height=3000),
        make_image("screen.png", width=1500, height=4000, format="PNG"),
        make_image("crop.jpg", width=1600, height=750),
        make_image("tile.jpg", width=256, height=192),
        make_image("small.jpg", width=320, height=240),
    ]
    return make_findings(groups, **{"images": images, "views": "thorough", **values})


def many_groups(count: int) -> Findings:
    """`count` groups of two; every third is exact, scores fall from 0.99 to 0.76, later groups free more."""
    groups, images = [], []
    for number in range(count):
        keeper, copy = f"album-{number % 7}/{number:05d}-keep.jpg", f"copies/{number:05d}-copy.jpg"
        exact = number % 3 == 0
        score = 1.0 if exact else 0.99 - 0.23 * number / count
        groups.append(make_group(keeper, (copy, score, "bytes" if exact else "near")))
        images += [make_image(keeper, size=5_000_000), make_image(copy, size=1000 + number)]
    return make_findings(groups[::-1], images=images)


def tiny_picture(path: str) -> bytes | None:
    """A 16 x 12 WebP whose colour follows from the path."""
    return _tiny(sum(path.encode("utf-8", "surrogateescape")) % 64)


@lru_cache
def _tiny(number: int) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (16, 12), (number * 4, 255 - number * 4, number * 20 % 256)).save(
        out, "WEBP", quality=40
    )
    return out.getvalue()


def photo_findings() -> Findings:
    """The bundled photographs grouped as `truth.csv` says, with scores made up."""
    groups: dict[str, list[tuple[str, float, CopyKind]]] = {}
    with (PHOTOS / "truth.csv").open(encoding="utf-8", newline="") as file:
        for place, row in enumerate(csv.DictReader(file)):
            kind = EXACT.get(row["edit"], "near")
            score = 1.0 if kind != "near" else 0.985 - 0.011 * place
            groups.setdefault(_photo(row["original"]), []).append((_photo(row["copy"]), score, kind))
    made = [
        make_group(keeper, *sorted(copies, key=lambda copy: (-copy[1], copy[0])))
        for keeper, copies in groups.items()
    ]
    broken = [
        Skipped(
            _photo("downloads/broken-truncated.jpg"), "truncated", "the file ends before the picture does"
        ),
        Skipped(_photo("downloads/empty-zero-bytes.jpg"), "empty", "the file has no bytes"),
    ]
    paths = [path for group in made for path in (group.keeper, *(member.path for member in group.members))]
    images = {path: _facts(path) for path in paths}
    made.sort(key=lambda group: (-sum(images[member.path].size for member in group.members), group.keeper))
    return make_findings(
        made,
        images=list(images.values()),
        skipped=broken,
        roots=(str(PHOTOS),),
    )


def photo_thumbnail(path: str) -> bytes | None:
    try:
        return thumbnail(path)
    except ImageError:
        return None


def _photo(name: str) -> str:
    return str(PHOTOS / name)


def _facts(path: str) -> ImageFacts:
    stat = Path(path).stat()
    with Image.open(path) as image:
        turned = image.getexif().get(0x0112, 1) >= 5
        width, height = (image.height, image.width) if turned else image.size
        form = str(image.format)
    return make_image(
        path, size=stat.st_size, width=width, height=height, format=form, mtime_ns=stat.st_mtime_ns
    )
