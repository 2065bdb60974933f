"""Pictures in; which of them to train on, and which belong together because they are near-duplicates, out.

The entropy term pushes every descriptor away from its nearest negative. Where that is a copy of the same picture, the
term works against what is to be learned. So the groups are generous: they are the connected components of all pairs
whose score reaches the threshold, chains included. A picture too many left out costs little.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, cast
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt
from torch import distributed

from copylens.errors import ImageError, OutputError, TooManyMatchesError, UsageError
from copylens.images import decode, decode_box, prepare
from copylens.matching import Pairs, self_join
from copylens.models import find_model, load_package
from copylens.records import Descriptors, InputSpec
from copylens.reports.atomic import whole_file
from copylens.training.data.settings import DataSettings
from copylens.training.data.sources import PictureSource
from copylens.workflows.describer import BATCH, Describer, load_model
from copylens.workflows.settings import Progress, silent

Ints = npt.NDArray[np.int64]
T = TypeVar("T")

FILE = "duplicates.npz"
"""In the run folder: what was found, so that a resumed run need not look again."""


LARGEST_SHARE = 0.5
"""Of all pictures that one group may hold."""


@dataclass(frozen=True)
class Protected:
    """What to train on.

    Attributes:
        keys: ``(K,) int64``, sorted: the pictures that take part.
        groups: ``(len(source),) int64``: the lowest number of a picture in the same group; a picture without
            near-duplicates is a group of its own.
    """

    keys: Ints
    groups: Ints


def protect(
    source: PictureSource,
    keys: Ints,
    settings: DataSettings,
    *,
    folder: Path,
    progress: Progress = silent,
) -> Protected:
    """Find the near-duplicates among the pictures `keys` of a source, and do what the settings say.

    With ``"leave-out"`` the first picture of each group takes part; with ``"positives"`` all do, and share their
    group's number. A picture that cannot be decoded is a group of its own; the loader reports it. Several processes
    share the work, and the first one decides for all.

    Args:
        source: of the pictures.
        keys: ``(K,) int64``, those to look at.
        settings: of which model, which score, and what to do.
        folder: of the run; an answer kept there for the same pictures, model and score is taken.
        progress: called as ``progress(stage, done, total)``, stages ``"describe"`` and ``"match"``.

    Raises:
        ModelError: the model cannot be used.
        UsageError: so low a threshold that one group holds most pictures, or the pairs would not fit in memory.
        OutputError: the answer cannot be kept.
    """
    keys = np.unique(np.asarray(keys, np.int64))
    if settings.protect_duplicates == "off":
        return Protected(keys, np.arange(len(source), dtype=np.int64))
    package = load_package(find_model(settings.protect_model))
    threshold = settings.protect_threshold
    threshold = package.calibration.threshold if threshold is None else threshold
    identity = _identity(source, keys, package.fingerprint, threshold)
    path = folder / FILE
    labels = _decided_by_first(lambda: _load(path, identity))
    if labels is None:
        described, rows = _describe(
            source, keys, load_model(settings.protect_model), settings.workers, progress
        )

        def find() -> Ints:
            found = _label(len(keys), described, rows, threshold, progress)
            _save(path, identity, found)
            return found

        labels = _decided_by_first(find)
    _check_largest(labels, threshold)
    groups = np.arange(len(source), dtype=np.int64)
    groups[keys] = keys[labels]
    if settings.protect_duplicates == "leave-out":
        keys = keys[labels == np.arange(len(keys))]
    return Protected(keys, groups)


def components(count: int, pairs: Pairs) -> Ints:
    """Label the connected components of `count` rows: ``(count,) int64``, the lowest row of each one's component."""
    labels = np.arange(count, dtype=np.int64)
    while True:
        first, second = labels[pairs.first], labels[pairs.second]
        low = np.minimum(first, second)
        joined = labels.copy()
        np.minimum.at(joined, first, low)
        np.minimum.at(joined, second, low)
        # Follow every label to its end, in leaps of doubling length.
        while not np.array_equal(joined, joined[joined]):
            joined = joined[joined]
        if np.array_equal(joined, labels):
            return labels
        labels = joined


def _check_largest(labels: Ints, threshold: float) -> None:
    """Refuse a group of most pictures: unlike ones, chained together by too low a threshold."""
    largest = int(np.bincount(labels).max(initial=0))
    if largest > LARGEST_SHARE * len(labels):
        raise UsageError(
            f"data.protect_threshold {threshold:g} makes one group of near-duplicates of {largest:,} of "
            f"{len(labels):,} pictures; raise it."
        )


def _label(count: int, described: Ints, rows: Descriptors, threshold: float, progress: Progress) -> Ints:
    try:
        pairs = self_join(rows, threshold, progress=lambda done, total: progress("match", done, total))
    except TooManyMatchesError as error:
        raise UsageError(
            f"data.protect_threshold {threshold:g} makes near-duplicates of nearly all pictures; raise it."
        ) from error
    return components(count, Pairs(described[pairs.first], described[pairs.second], pairs.scores))


def _describe(
    source: PictureSource, keys: Ints, describer: Describer, workers: int, progress: Progress
) -> tuple[Ints, Descriptors]:
    """Describe this process's share and gather all.

    Returns:
        ``(n,) int64`` positions in `keys` of the pictures that could be decoded, and their ``(n, D)`` descriptors.
    """
    rank, world = _place()
    mine = range(rank, len(keys), world)
    positions: list[int] = []
    rows = [np.empty((0, describer.dims), np.float32)]
    batch: list[npt.NDArray[Any]] = []
    for done, (position, pixels) in enumerate(
        _prepared(source, keys, mine, describer.input, workers), start=1
    ):
        if pixels is not None:
            positions.append(position)
            batch.append(pixels)
        if len(batch) == BATCH or (done == len(mine) and batch):
            rows.append(describer.describe_prepared(batch))
            batch.clear()
            progress("describe", done, len(mine))
    shares = _gathered((np.array(positions, np.int64), np.concatenate(rows)))
    return np.concatenate([share[0] for share in shares]), np.concatenate([share[1] for share in shares])


def _prepared(
    source: PictureSource, keys: Ints, positions: range, spec: InputSpec, workers: int
) -> Iterator[tuple[int, npt.NDArray[Any] | None]]:
    """Decode ahead in threads; a broken picture is None."""
    waiting: deque[tuple[int, Future[npt.NDArray[Any] | None]]] = deque()
    pool = ThreadPoolExecutor(workers, thread_name_prefix="copylens-protect")
    try:
        for position in positions:
            waiting.append((position, pool.submit(_prepare, source, int(keys[position]), spec)))
            if len(waiting) > 2 * BATCH:
                first, future = waiting.popleft()
                yield first, future.result()
        while waiting:
            first, future = waiting.popleft()
            yield first, future.result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _prepare(source: PictureSource, key: int, spec: InputSpec) -> npt.NDArray[Any] | None:
    try:
        return prepare(decode(source.read(key), box=decode_box(spec)).pixels, spec)
    except (ImageError, MemoryError):
        return None


def _identity(source: PictureSource, keys: Ints, fingerprint: str, threshold: float) -> str:
    facts = f"{source.digest} {fingerprint} {threshold!r} ".encode()
    return hashlib.blake2b(facts + keys.tobytes(), digest_size=16).hexdigest()


def _load(path: Path, identity: str) -> Ints | None:
    """Labels that were found before for the same question; a file that cannot be read is no answer."""
    try:
        # Opened here, since NumPy leaves a damaged file open.
        with path.open("rb") as file, np.load(file, allow_pickle=False) as kept:
            return np.asarray(kept["labels"], np.int64) if str(kept["identity"]) == identity else None
    except (OSError, ValueError, KeyError, EOFError, BadZipFile):
        return None


def _save(path: Path, identity: str, labels: Ints) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"The run folder {path.parent} cannot be made: {error.strerror}.") from error
    with whole_file(path) as partial:
        np.savez(partial, labels=labels, identity=np.array(identity))


def _place() -> tuple[int, int]:
    """Rank and number of the processes."""
    if not _together():
        return 0, 1
    return distributed.get_rank(), distributed.get_world_size()


def _together() -> bool:
    return bool(distributed.is_available() and distributed.is_initialized())


def _gathered(share: T) -> list[T]:
    """The shares of all processes, by rank."""
    if not _together():
        return [share]
    shares: list[Any] = [None] * distributed.get_world_size()
    distributed.all_gather_object(shares, share)
    return shares


def _decided_by_first(decide: Callable[[], T]) -> T:
    """What the first process decides, on all of them."""
    if not _together():
        return decide()
    answer = [decide() if distributed.get_rank() == 0 else None]
    distributed.broadcast_object_list(answer, src=0)
    return cast(T, answer[0])
