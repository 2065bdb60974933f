"""Numbers in, files, contents and batches they stand for out; for tests of the catalog and their children."""

from __future__ import annotations

import os
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from copylens.catalog import Catalog, NewContent, SameContent, SkippedFile
from copylens.records import FoundFile, ImageFacts, PictureFacts, Skipped

DIMS = 8
FINGERPRINT = "0123456789abcdef"
MODEL = "sample-model"

STRANGE_NAMES = (
    "100%.jpg",
    "a_b[c]*?.jpg",
    'it\'s "quoted".jpg',
    "new\nline\ttab.jpg",
    "späße-日本語-🙂.jpg",
    os.fsdecode(b"latin-\xe9\xff.jpg"),
    " leading and trailing ",
    "..two.dots..",
    "-option",
    "back\\slash.jpg",
)
"""Names that are no text, or mean something to SQL, globs or shells."""


def open_sample(path: str | os.PathLike[str], *, dims: int = DIMS, fingerprint: str = FINGERPRINT) -> Catalog:
    return Catalog.open(path, fingerprint=fingerprint, model_name=MODEL, dims=dims)


def hash_of(number: int) -> str:
    return f"{number:032x}"


def facts_of(number: int) -> PictureFacts:
    return PictureFacts(number % 5000 + 1, number % 3000 + 1, ("JPEG", "PNG", "WEBP")[number % 3])


def descriptor_of(number: int, dims: int = DIMS) -> npt.NDArray[np.float32]:
    return np.random.default_rng(number).standard_normal(dims, dtype=np.float32)


def file_of(path: str, number: int = 1) -> FoundFile:
    """A state of the file at `path`; another number is another state."""
    return FoundFile(path, 1000 + number, 1_700_000_000_000_000_000 + number)


def new(path: str, number: int, dims: int = DIMS) -> NewContent:
    """The file at `path` holding content `number`, described just now."""
    return NewContent(file_of(path, number), hash_of(number), facts_of(number), descriptor_of(number, dims))


def same(path: str, number: int) -> SameContent:
    return SameContent(file_of(path, number), hash_of(number))


def skip(path: str, code: str = "corrupt", number: int = 1) -> SkippedFile:
    return SkippedFile(Skipped(path, code, f"said of {code}"), file_of(path, number))


def image_facts(path: str, number: int) -> ImageFacts:
    """What `Catalog.images` says of `new(path, number)`."""
    file, facts = file_of(path, number), facts_of(number)
    return ImageFacts(
        path, file.size, file.mtime_ns, facts.width, facts.height, facts.format, hash_of(number)
    )


def numbered(numbers: Iterable[int], folder: str = "/photos", dims: int = DIMS) -> list[NewContent]:
    """One image for each number, under a path of its own."""
    return [new(f"{folder}/{number:06}.jpg", number, dims) for number in numbers]


def mixed_batch(index: int, dims: int = DIMS, size: int = 40) -> list[NewContent | SameContent | SkippedFile]:
    """Batch `index` of a long scan: new images, a second path of one of them, and a broken file."""
    first = index * size
    return [
        *numbered(range(first, first + size), dims=dims),
        same(f"/photos/copy-of-{first:06}.jpg", first),
        skip(f"/photos/broken-{index:06}.jpg", number=index),
    ]


def files_of(batch: Iterable[NewContent | SameContent | SkippedFile]) -> list[FoundFile]:
    return [item.file for item in batch]


def rows_of(catalog: Catalog) -> list[tuple[object, ...]]:
    """All that the file holds, without the numbers that depend on who came first."""
    images = catalog._db.execute(
        "SELECT f.path, f.size, f.mtime_ns, c.hash, c.width, c.height, c.format, c.descriptor "
        "FROM files f JOIN contents c ON c.id = f.content ORDER BY f.path"
    )
    skipped = catalog._db.execute("SELECT * FROM skipped ORDER BY path")
    return [*images.fetchall(), *skipped.fetchall()]


def assert_sound(catalog: Catalog) -> None:
    """SQLite finds no damage, and no file without its content."""
    assert catalog._db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert catalog._db.execute("PRAGMA foreign_key_check").fetchall() == []
