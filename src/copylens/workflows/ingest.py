"""Folders in, descriptors in the catalog out: finds, reads and describes only what the catalog does not know.

Memory: the list of files (about 300 bytes each) plus, whatever the folder's size, the loader's window of decoded
inputs and one batch. Every batch is one transaction, so a killed run loses at most the batch in flight.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from copylens.catalog import Catalog, NewContent, SameContent, SkippedFile
from copylens.images import IMAGE_EXTENSIONS, Loaded, find_images, load
from copylens.records import FoundFile, Skipped
from copylens.workflows.describer import BATCH, Describer
from copylens.workflows.settings import FileSettings, Progress

CHUNK = 500
"""Files per catalog look-up."""

Read: TypeAlias = tuple[FoundFile, Loaded | Skipped]
"""A file as the walk saw it, and what became of it."""


@dataclass
class Ingested:
    """What one pass over the roots saw.

    Attributes:
        paths: every image whose descriptor is now in the catalog, sorted.
        skipped: every file that is not, sorted by path.
        described: images that went through the network.
        reused: images whose descriptor was there already.
        seconds: wall time of reading and describing.
    """

    paths: list[str] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    described: int = 0
    reused: int = 0
    seconds: float = 0.0


def ingest(
    catalog: Catalog, describer: Describer, roots: Sequence[str], files: FileSettings, *, progress: Progress
) -> Ingested:
    """Bring the catalog up to date with `roots` and say what lies there now.

    Raises:
        UsageError: a root does not exist.
        CatalogError: the catalog cannot be written.
        EngineError: the network failed.
    """
    found, skipped = _walk(roots, files, progress)
    seen = Ingested(skipped=skipped)
    started = time.perf_counter()
    catalog.record(skipped)
    unread = _partition(catalog, found, seen)
    done = len(found) - len(unread)
    progress("describe", done, len(found))
    workers = files.workers or os.cpu_count() or 1
    stream = load(unread, describer.input, workers=workers, known=catalog.has_content)
    for batch in _batches(zip(unread, stream, strict=True)):
        _record(catalog, describer, batch, seen)
        done += len(batch)
        progress("describe", done, len(found))
    seen.seconds = time.perf_counter() - started
    seen.paths.sort()
    seen.skipped.sort(key=lambda item: item.path)
    catalog.forget_missing(
        roots, {*seen.paths, *(item.path for item in seen.skipped)}, exists=os.path.lexists
    )
    return seen


def _walk(
    roots: Sequence[str], files: FileSettings, progress: Progress
) -> tuple[list[FoundFile], list[Skipped]]:
    found: list[FoundFile] = []
    skipped: list[Skipped] = []
    extensions = IMAGE_EXTENSIONS if files.extensions is None else frozenset(files.extensions)
    for item in find_images(roots, extensions=extensions, exclude=files.exclude, hidden=files.hidden):
        if isinstance(item, Skipped):
            skipped.append(item)
        else:
            found.append(item)
            if len(found) % CHUNK == 0:
                progress("find", len(found), None)
    progress("find", len(found), len(found))
    return found, skipped


def _partition(catalog: Catalog, found: Sequence[FoundFile], seen: Ingested) -> list[FoundFile]:
    unread: list[FoundFile] = []
    for start in range(0, len(found), CHUNK):
        parts = catalog.partition(found[start : start + CHUNK])
        seen.paths += [file.path for file in parts.images]
        seen.skipped += parts.skipped
        unread += parts.unread
    seen.reused = len(seen.paths)
    return unread


def _batches(stream: Iterator[Read]) -> Iterator[list[Read]]:
    """Cut the stream so that a batch holds at most `BATCH` pictures for the network."""
    batch: list[Read] = []
    pictures = 0
    for file, item in stream:
        batch.append((file, item))
        pictures += isinstance(item, Loaded) and item.pixels is not None
        if pictures == BATCH or len(batch) == CHUNK:
            yield batch
            batch, pictures = [], 0
    if batch:
        yield batch


def _record(catalog: Catalog, describer: Describer, batch: list[Read], seen: Ingested) -> None:
    loaded = [item for _, item in batch if isinstance(item, Loaded)]
    fresh = [item for item in loaded if item.pixels is not None]
    rows: list[NewContent | SameContent | SkippedFile] = [
        SkippedFile(item, file) for file, item in batch if isinstance(item, Skipped)
    ]
    seen.skipped += [row.skipped for row in rows if isinstance(row, SkippedFile)]
    if fresh:
        descriptors = describer.describe_prepared([item.pixels for item in fresh if item.pixels is not None])
        rows += [
            NewContent(item.file, item.content_hash, item.facts, row)
            for item, row in zip(fresh, descriptors, strict=True)
            if item.facts is not None
        ]
    # After the new contents, since a file may equal one of this very batch.
    rows += [SameContent(item.file, item.content_hash) for item in loaded if item.pixels is None]
    catalog.record(rows)
    seen.paths += [item.file.path for item in loaded]
    seen.described += len(fresh)
    seen.reused += len(loaded) - len(fresh)
