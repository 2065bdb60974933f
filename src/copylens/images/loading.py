"""Found files in, network inputs out, in order: threads read, hash and decode ahead of whoever consumes.

Memory, whatever the folder's size: `workers` x (the largest file + its decoded picture, twice while it goes
from Pillow to NumPy) + `window` x one prepared input (H x W x 3 bytes for a uint8 model).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy.typing as npt

from copylens.errors import ImageError
from copylens.images.decoding import decode
from copylens.images.preprocessing import decode_box, prepare
from copylens.images.reading import content_hash, read_found
from copylens.records import FoundFile, InputSpec, PictureFacts, Skipped


@dataclass(frozen=True, slots=True)
class Loaded:
    """A file that was read.

    Attributes:
        file: path, size and time of what was read (newer than the walk's when the file changed since).
        content_hash: of the bytes, 32 hex digits.
        facts: of the picture at full size; None when the content is known.
        pixels: what `prepare` made of it; None when the content is known.
    """

    file: FoundFile
    content_hash: str
    facts: PictureFacts | None
    pixels: npt.NDArray[Any] | None


def load(
    files: Iterable[FoundFile | Skipped],
    spec: InputSpec,
    *,
    workers: int,
    known: Callable[[str], bool],
    window: int | None = None,
) -> Generator[Loaded | Skipped, None, None]:
    """Read, hash, decode and prepare files in threads; the order stays, and at most `window` are ahead.

    Args:
        files: what the walk found; `Skipped` pass through in their place.
        spec: what the network wants.
        workers: decoding threads.
        known: asked from those threads with a content hash; True means that no pixels are needed.
        window: items in flight at most; None takes four per worker and 16 more, enough for a batch.

    Yields:
        One item per file. A file that cannot be read or decoded is a `Skipped` with its reason.
    """
    ahead = window if window is not None else 4 * workers + 16
    pending: deque[Future[Loaded | Skipped] | Skipped] = deque()
    source = iter(files)
    pool = ThreadPoolExecutor(workers, thread_name_prefix="copylens-decode")
    try:
        for file in source:
            pending.append(file if isinstance(file, Skipped) else pool.submit(_load, file, spec, known))
            if len(pending) >= ahead:
                yield _result(pending.popleft())
        while pending:
            yield _result(pending.popleft())
    finally:
        # Also on Ctrl-C or when the consumer stops early: what has not begun never begins.
        pool.shutdown(wait=True, cancel_futures=True)


def _result(item: Future[Loaded | Skipped] | Skipped) -> Loaded | Skipped:
    return item if isinstance(item, Skipped) else item.result()


def _load(file: FoundFile, spec: InputSpec, known: Callable[[str], bool]) -> Loaded | Skipped:
    try:
        data, read = read_found(file.path)
        digest = content_hash(data)
        if known(digest):
            return Loaded(read, digest, None, None)
        decoded = decode(data, box=decode_box(spec))
        return Loaded(read, digest, decoded.facts, prepare(decoded.pixels, spec))
    except ImageError as error:
        return Skipped(file.path, error.code, error.reason)
    except MemoryError:
        return Skipped(file.path, "too-large", "there is not enough memory to resize it")
