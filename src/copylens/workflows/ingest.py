"""Files in, descriptors in the catalog out: reads and describes only what the catalog does not know.

Memory: about 750 bytes for each file with a path of 80 characters, and, whatever the folder's size, the loader's window
and two batches of prepared inputs. Every batch is one transaction, so a killed run loses at most the batch in flight.
With views, a batch ends with the picture whose inputs fill it, and a content that lacks some gets those alone.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from copylens.catalog import Catalog, CatalogImage, NewContent, SameContent, SkippedFile
from copylens.images import Loaded, load, no_views, view_key
from copylens.records import FoundFile, PictureFacts, Skipped, View
from copylens.workflows.describer import BATCH, Describer
from copylens.workflows.finding import Found, find
from copylens.workflows.insets import finder_for
from copylens.workflows.settings import FileSettings, Progress

CHUNK = 500
"""Files per catalog look-up, and per transaction when they need no network."""

Read: TypeAlias = tuple[FoundFile, Loaded | Skipped]
"""A file as the walk saw it, and what became of it."""


@dataclass
class Ingested:
    """What one pass over the roots saw.

    Attributes:
        paths: every image whose descriptor is now in the catalog, sorted.
        skipped: every file that is not, sorted by path.
        described: images that went through the network.
        reused: images whose descriptor was there already, or came from a file of the same bytes.
        seconds: wall time of reading and describing.
    """

    paths: list[str] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    described: int = 0
    reused: int = 0
    seconds: float = 0.0

    def images(self, catalog: Catalog) -> list[CatalogImage]:
        """Read the images back, sorted by path; those that another process took away meanwhile are skipped."""
        images = catalog.images(self.paths)
        if len(images) < len(self.paths):
            there = {image.facts.path for image in images}
            lost = [path for path in self.paths if path not in there]
            self.paths = [image.facts.path for image in images]
            self._skip(
                Skipped(path, "changed", "another process changed its entry in the catalog; scan again")
                for path in lost
            )
        return images

    def _skip(self, items: Iterable[Skipped]) -> None:
        self.skipped = sorted({*self.skipped, *items}, key=lambda item: (item.path, item.code))


def ingest(
    catalog: Catalog,
    describer: Describer,
    roots: Sequence[str],
    files: FileSettings,
    *,
    views: Sequence[View] = (),
    progress: Progress,
) -> Ingested:
    """Bring the catalog up to date with `roots` and say what lies there now.

    Raises:
        UsageError: a root does not exist.
        CatalogError: the catalog cannot be written.
        EngineError: the network failed.
    """
    found = find(roots, files, progress=progress)
    return ingest_found(catalog, describer, found, workers=files.workers, views=views, progress=progress)


def ingest_found(
    catalog: Catalog,
    describer: Describer,
    found: Found,
    *,
    workers: int | None,
    views: Sequence[View] = (),
    progress: Progress,
) -> Ingested:
    """Bring the catalog up to date with what a walk found.

    Args:
        catalog: of the describer's model.
        describer: makes the descriptors that are missing.
        found: the files.
        workers: decoding threads; None takes one per processor.
        views: described beside the whole pictures; the catalog then wants them.
        progress: called as ``progress("describe", done, total)``.

    Raises:
        CatalogError: the catalog cannot be written.
        EngineError: the network failed; what was described before is kept.
    """
    seen = Ingested(skipped=list(found.skipped))
    started = time.perf_counter()
    catalog.want_views([view_key(view) for view in views])
    catalog.record(found.skipped)
    unread = _partition(catalog, found.files, seen)
    done = len(found.files) - len(unread)
    progress("describe", done, len(found.files))
    threads = workers or os.cpu_count() or 1
    # Closed here and now, so that after an error no thread goes on reading.
    stream = load(
        unread,
        describer.input,
        workers=threads,
        known=catalog.has_content,
        missing=_missing_of(catalog, views),
        most=len(views),
        # A scan that finds nothing new needs no network.
        finder=finder_for(views) if unread else None,
    )
    with closing(stream):
        for batch in _batches(zip(unread, stream, strict=True), catalog):
            _record(catalog, describer, batch, seen)
            done += len(batch)
            progress("describe", done, len(found.files))
    seen.seconds = time.perf_counter() - started
    seen.paths.sort()
    seen.skipped.sort(key=lambda item: (item.path, item.code))
    catalog.forget_missing(
        found.roots, {*seen.paths, *(item.path for item in seen.skipped)}, exists=os.path.lexists
    )
    return seen


def _missing_of(catalog: Catalog, views: Sequence[View]) -> Callable[[str], Sequence[View]]:
    """What the loader asks: the views that a content lacks."""
    if not views:
        return no_views
    by_key = {view_key(view): view for view in views}
    return lambda content: [by_key[key] for key in catalog.missing_views(content)]


def _partition(catalog: Catalog, found: Sequence[FoundFile], seen: Ingested) -> list[FoundFile]:
    unread: list[FoundFile] = []
    for start in range(0, len(found), CHUNK):
        parts = catalog.partition(found[start : start + CHUNK])
        seen.paths += [file.path for file in parts.images]
        seen.skipped += parts.skipped
        unread += parts.unread
    seen.reused = len(seen.paths)
    return unread


@dataclass(frozen=True, slots=True)
class _Fresh:
    """A content of which something is to be described, and the first file that holds it.

    Attributes:
        facts, pixels: of the whole picture; None where the catalog has it.
        views: inputs by the view's key; None for an inset that was not found.
        insets: where those lie that were found.
    """

    file: FoundFile
    facts: PictureFacts | None
    pixels: npt.NDArray[np.generic] | None
    views: dict[str, npt.NDArray[np.generic] | None]
    insets: tuple[View, ...]

    @property
    def inputs(self) -> list[npt.NDArray[np.generic]]:
        """What the network must see: the whole first, then the views."""
        return [made for made in (self.pixels, *self.views.values()) if made is not None]


@dataclass
class _Batch:
    """Files that are recorded in one transaction.

    Attributes:
        fresh: by content hash, what the network must see.
        others: files of a known or a fresh content, and skipped ones.
        inputs: how many pictures and views `fresh` holds.
    """

    fresh: dict[str, _Fresh] = field(default_factory=dict)
    others: list[SameContent | SkippedFile] = field(default_factory=list)
    inputs: int = 0

    def __len__(self) -> int:
        """How many files."""
        return len(self.fresh) + len(self.others)

    def add(self, file: FoundFile, item: Loaded | Skipped, catalog: Catalog) -> None:
        """Take in a file and what the threads made of it."""
        if isinstance(item, Skipped):
            self.others.append(SkippedFile(item, file))
            return
        # Asked once more: an equal file may have been described since a thread began to decode this one. So the
        # batches, and with them the rounding of the scores, do not depend on how quick the threads are.
        content = item.content_hash
        pixels = None if catalog.has_content(content) else item.pixels
        lacking = set(catalog.missing_views(content))
        views = {key: made for view, made in item.views if (key := view_key(view)) in lacking}
        if content in self.fresh or (pixels is None and not views):
            self.others.append(SameContent(item.file, content))
        else:
            fresh = _Fresh(item.file, item.facts, pixels, views, item.insets)
            self.fresh[content] = fresh
            self.inputs += len(fresh.inputs)


def _batches(stream: Iterator[Read], catalog: Catalog) -> Iterator[_Batch]:
    """Cut the stream: a batch ends when it holds `BATCH` inputs for the network, or `CHUNK` files."""
    batch = _Batch()
    for file, item in stream:
        batch.add(file, item, catalog)
        if batch.inputs >= BATCH or len(batch) == CHUNK:
            yield batch
            batch = _Batch()
    if len(batch):
        yield batch


def _record(catalog: Catalog, describer: Describer, batch: _Batch, seen: Ingested) -> None:
    rows: list[NewContent | SameContent | SkippedFile] = []
    if batch.fresh:
        inputs = [made for item in batch.fresh.values() for made in item.inputs]
        # No more at once than the network sees without views: its memory is bounded.
        parts = [inputs[start : start + BATCH] for start in range(0, len(inputs), BATCH)]
        described = iter([row for part in parts for row in describer.describe_prepared(part)])
        rows += [_described(content, item, described) for content, item in batch.fresh.items()]
    # After the new contents, since a file may equal one of this very batch.
    rows += batch.others
    catalog.record(rows)
    seen.skipped += [row.skipped for row in rows if isinstance(row, SkippedFile)]
    seen.paths += [row.file.path for row in rows if not isinstance(row, SkippedFile)]
    seen.described += len(batch.fresh)
    seen.reused += sum(isinstance(row, SameContent) for row in batch.others)


def _described(
    content: str, item: _Fresh, described: Iterator[npt.NDArray[np.float32]]
) -> NewContent | SameContent:
    """Take as many rows as the item has inputs."""
    whole = None if item.pixels is None else next(described)
    views = {key: None if made is None else next(described) for key, made in item.views.items()}
    if whole is None or item.facts is None:
        return SameContent(item.file, content, views, item.insets)
    return NewContent(item.file, content, item.facts, whole, views, item.insets)
