"""Found files in, network inputs out, in order: threads read, hash and decode ahead of whoever consumes.

Memory, whatever the folder's size: `workers` x (the largest file + its decoded picture, twice while it goes
from Pillow to NumPy) + `window` x one prepared input (H x W x 3 bytes for a uint8 model), or one for each view.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy.typing as npt

from copylens.errors import ImageError
from copylens.images.reading import content_hash, read_found
from copylens.images.views import InsetFinder, prepare_views
from copylens.records import INSETS, FoundFile, InputSpec, PictureFacts, Skipped, View
from copylens.threads import Threads

WINDOW = 16
"""Items ahead beyond four per worker: enough for a batch."""

VIEWS_WINDOW = 2
"""The same where an item holds the inputs of many views."""


def no_views(content_hash: str) -> Sequence[View]:  # noqa: ARG001
    """The whole picture is enough."""
    return ()


@dataclass(frozen=True, slots=True)
class Loaded:
    """A file that was read.

    Attributes:
        file: path, size and time of what was read (newer than the walk's when the file changed since).
        content_hash: of the bytes, 32 hex digits.
        facts: of the picture at full size; None when nothing of it is wanted.
        pixels: what `prepare` made of the whole; None when the content is known.
        views: the views that are wanted, each with what `prepare` made of it; None for an inset that was not found.
        insets: where those lie that were found.
    """

    file: FoundFile
    content_hash: str
    facts: PictureFacts | None
    pixels: npt.NDArray[Any] | None
    views: tuple[tuple[View, npt.NDArray[Any] | None], ...] = ()
    insets: tuple[View, ...] = ()


def load(
    files: Iterable[FoundFile | Skipped],
    spec: InputSpec,
    *,
    workers: int,
    known: Callable[[str], bool],
    missing: Callable[[str], Sequence[View]] = no_views,
    most: int = 0,
    finder: InsetFinder | None = None,
    window: int | None = None,
) -> Generator[Loaded | Skipped, None, None]:
    """Read, hash, decode and prepare files in threads; the order stays, and at most `window` are ahead.

    Args:
        files: what the walk found; `Skipped` pass through in their place.
        spec: what the network wants.
        workers: decoding threads.
        known: asked from those threads with a content hash; True means that the whole picture is not needed.
        missing: asked likewise; the views that are needed.
        most: how many `missing` may name.
        finder: asked from those threads where insets are needed.
        window: items in flight at most; None takes four per worker and 16 more, enough for a batch; with more than
            insets, one per worker and 2 more.

    Yields:
        One item per file. A file that cannot be read or decoded is a `Skipped` with its reason.
    """
    usual = 4 * workers + WINDOW if most <= len(INSETS) else workers + VIEWS_WINDOW
    ahead = window if window is not None else usual
    pending: deque[int | Skipped] = deque()
    source = iter(files)
    work = partial(_load, spec=spec, known=known, missing=missing, finder=finder)
    threads: Threads[FoundFile, Loaded | Skipped] = Threads(work, workers, "copylens-decode")
    try:
        for file in source:
            pending.append(file if isinstance(file, Skipped) else threads.submit(file))
            if len(pending) >= ahead:
                yield _result(threads, pending.popleft())
        while pending:
            yield _result(threads, pending.popleft())
    finally:
        # Also on Ctrl-C or when the consumer stops early: what has not begun never begins.
        threads.close()


def _result(threads: Threads[FoundFile, Loaded | Skipped], item: int | Skipped) -> Loaded | Skipped:
    return item if isinstance(item, Skipped) else threads.result(item)


def _load(
    file: FoundFile,
    spec: InputSpec,
    known: Callable[[str], bool],
    missing: Callable[[str], Sequence[View]],
    finder: InsetFinder | None,
) -> Loaded | Skipped:
    try:
        data, read = read_found(file.path)
        digest = content_hash(data)
        whole, views = not known(digest), missing(digest)
        if not whole and not views:
            return Loaded(read, digest, None, None)
        made = prepare_views(data, spec, views, whole=whole, finder=finder)
        described = tuple(zip(views, made.views, strict=True))
        return Loaded(read, digest, made.facts, made.whole, described, made.insets)
    except ImageError as error:
        return Skipped(file.path, error.code, error.reason)
    except MemoryError:
        return Skipped(file.path, "too-large", "there is not enough memory to resize it")
