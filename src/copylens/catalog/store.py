"""The open catalog: batches in; parts of a walk, images and descriptors out.

What `Catalog.record` returned from survives a kill; `connection` says more, also of two processes.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType

import numpy as np
import numpy.typing as npt

from copylens.catalog.connection import connect, damaged, explained, write_lock
from copylens.catalog.files import CatalogImage, NewContent, Partition, SameContent, SkippedFile
from copylens.catalog.keys import key_of, span_below
from copylens.catalog.views import ViewTable
from copylens.errors import CatalogError
from copylens.records import RETRIED_CODES, Descriptors, FoundFile, ImageFacts, Skipped, View

CHUNK = 500
"""Values per ``IN (...)`` look-up, below SQLite's limit of variables in any build."""

STORED_FLOAT = np.dtype("<f4")
"""Of descriptors in the file, so that it can be carried to any machine."""

_IMAGE = """SELECT f.path, f.size, f.mtime_ns, c.width, c.height, c.format, c.hash, c.id
            FROM files f JOIN contents c ON c.id = f.content WHERE f.path IN ({marks})"""


class Catalog:
    """One open catalog file; make it with `Catalog.open`.

    Use it from one thread, but for `has_content` and `missing_views`.
    """

    def __init__(self, connection: sqlite3.Connection, path: str, dims: int) -> None:
        self._db = connection
        self.path = path
        self.dims = dims
        # Asked from decoding threads, so it lives here and not in a query; about 120 bytes for each content.
        self._hashes: set[bytes] = {row[0] for row in connection.execute("SELECT hash FROM contents")}
        self._views = ViewTable(connection, path, dims)

    @classmethod
    def open(cls, path: str | os.PathLike[str], *, fingerprint: str, model_name: str, dims: int) -> Catalog:
        """Open a catalog, or create it with its folders.

        Args:
            path: the file.
            fingerprint: of the model whose descriptors it holds.
            model_name: for messages.
            dims: D.

        Raises:
            FingerprintMismatchError: it holds another model's descriptors.
            CatalogError: it is not a catalog, is of a newer version, or cannot be opened or written.
        """
        where = os.fspath(path)
        connection = connect(where, fingerprint=fingerprint, model_name=model_name, dims=dims)
        try:
            with explained(where):
                return cls(connection, where, dims)
        except BaseException:
            connection.close()
            raise

    def __enter__(self) -> Catalog:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; SQLite folds the write-ahead log in when the last process leaves."""
        self._db.close()

    def has_content(self, content_hash: str) -> bool:
        """Whether the descriptor of these bytes is known; safe to ask from any thread."""
        return bytes.fromhex(content_hash) in self._hashes

    def want_views(self, views: Sequence[str]) -> None:
        """Name the views, by their keys, that a content must have to count as known; none at first.

        Raises:
            CatalogError: the file cannot be read.
        """
        with explained(self.path):
            self._views.want(views)

    def missing_views(self, content_hash: str) -> tuple[str, ...]:
        """Which of the wanted views these bytes lack, in the order wanted; safe to ask from any thread."""
        return self._views.missing(bytes.fromhex(content_hash))

    def partition(self, files: Sequence[FoundFile]) -> Partition:
        """Part a chunk of a walk by what is known: same path, size and time means unchanged.

        An unchanged image that lacks a wanted view is unread.
        """
        paths = [key_of(file.path) for file in files]
        images = self._known_states(paths)
        skips = {
            row[0]: row[1:]
            for row in self._look_up("SELECT path, size, mtime_ns, code, reason FROM skipped", paths)
        }
        parts = Partition()
        for key, file in zip(paths, files, strict=True):
            state = _state(file)
            skip = skips.get(key)
            if images.get(key) == state:
                parts.images.append(file)
            elif skip is not None and skip[:2] == state and skip[2] not in RETRIED_CODES:
                parts.skipped.append(Skipped(file.path, skip[2], skip[3]))
            else:
                parts.unread.append(file)
        return parts

    def _known_states(self, paths: Sequence[bytes]) -> dict[bytes, tuple[int, int]]:
        """Size and time, by path, of the images that need not be read when both are as they were."""
        if not self._views.wanted:
            rows = self._look_up("SELECT path, size, mtime_ns FROM files", paths)
            return {path: (size, mtime_ns) for path, size, mtime_ns in rows}
        rows = self._look_up(
            "SELECT f.path, f.size, f.mtime_ns, c.hash FROM files f JOIN contents c ON c.id = f.content "
            "WHERE f.path IN ({marks})",
            paths,
        )
        return {
            path: (size, mtime_ns) for path, size, mtime_ns, digest in rows if not self._views.missing(digest)
        }

    def record(self, batch: Sequence[NewContent | SameContent | SkippedFile | Skipped]) -> None:
        """Write a batch in one transaction: after it returns, a kill loses nothing of it.

        What was known of the same paths is replaced. A content that another process added meanwhile is kept.

        Raises:
            CatalogError: the disk is full, or another process holds the file too long.
        """
        if not batch:
            return
        with self._transaction():
            for item in batch:
                if isinstance(item, (SkippedFile, Skipped)):
                    self._record_skipped(item)
                else:
                    self._record_image(item)
        for item in batch:
            if isinstance(item, NewContent):
                self._hashes.add(bytes.fromhex(item.content_hash))
            if isinstance(item, (NewContent, SameContent)) and item.views:
                self._views.remember(bytes.fromhex(item.content_hash), tuple(item.views))

    def _record_image(self, item: NewContent | SameContent) -> None:
        digest = bytes.fromhex(item.content_hash)
        if isinstance(item, NewContent):
            if item.descriptor.shape != (self.dims,):
                raise ValueError(
                    f"a descriptor of {self.dims} numbers was expected, got {item.descriptor.shape}"
                )
            vector = np.ascontiguousarray(item.descriptor, dtype=STORED_FLOAT).tobytes()
            self._db.execute(
                "INSERT INTO contents (hash, width, height, format, descriptor) VALUES (?, ?, ?, ?, ?) "
                "ON CONFLICT (hash) DO NOTHING",
                (digest, item.facts.width, item.facts.height, item.facts.format, vector),
            )
        self._views.insert(digest, item.views, item.insets)
        path = key_of(item.file.path)
        written = self._db.execute(
            "INSERT INTO files SELECT ?, ?, ?, id FROM contents WHERE hash = ? ON CONFLICT (path) DO UPDATE "
            "SET size = excluded.size, mtime_ns = excluded.mtime_ns, content = excluded.content",
            (path, *_state(item.file), digest),
        )
        if written.rowcount != 1:
            raise CatalogError(f"The catalog {self.path} was pruned by another process meanwhile; run again.")
        self._db.execute("DELETE FROM skipped WHERE path = ?", (path,))

    def _record_skipped(self, item: SkippedFile | Skipped) -> None:
        skipped = item.skipped if isinstance(item, SkippedFile) else item
        state = _state(item.file) if isinstance(item, SkippedFile) else (None, None)
        # A reason may quote a name that is no text.
        reason = skipped.reason.encode("utf-8", "backslashreplace").decode()
        path = key_of(skipped.path)
        self._db.execute(
            "INSERT OR REPLACE INTO skipped (path, size, mtime_ns, code, reason) VALUES (?, ?, ?, ?, ?)",
            (path, *state, skipped.code, reason),
        )
        self._db.execute("DELETE FROM files WHERE path = ?", (path,))

    def forget_missing(self, roots: Sequence[str], seen: set[str], *, exists: Callable[[str], bool]) -> int:
        """Drop the rows of files below `roots` that a walk did not see and that are gone.

        Their contents stay, so that a file which was moved, or comes back, is not described again.

        Args:
            roots: folders or files that were walked.
            seen: the paths that the walk saw.
            exists: asked for the others, by absolute path; files merely left out this time are kept.

        Returns:
            How many rows were dropped.
        """
        known = {
            path for root in roots for table in ("files", "skipped") for path in self._below(table, root)
        }
        known.difference_update(map(key_of, seen))
        gone = [path for path in sorted(known) if not exists(os.fsdecode(path))]
        if gone:
            with self._transaction():
                for table in ("files", "skipped"):
                    self._db.executemany(f"DELETE FROM {table} WHERE path = ?", [(path,) for path in gone])  # noqa: S608
        return len(gone)

    def _below(self, table: str, root: str) -> list[bytes]:
        """Paths that are `root` or lie below it."""
        with explained(self.path):
            rows = self._db.execute(
                f"SELECT path FROM {table} WHERE path = ? OR (path >= ? AND path < ?)",  # noqa: S608
                span_below(root),
            )
            return [row[0] for row in rows]

    def prune(self) -> int:
        """Drop contents that no file has any more; returns how many."""
        with self._transaction():
            orphans = "FROM contents WHERE id NOT IN (SELECT content FROM files)"
            dropped = self._db.execute(f"SELECT hash {orphans}").fetchall()
            self._db.execute(f"DELETE {orphans}")
        self._hashes.difference_update(row[0] for row in dropped)
        for (digest,) in dropped:
            self._views.forget(digest)
        return len(dropped)

    def images(self, paths: Sequence[str]) -> list[CatalogImage]:
        """Return the images under `paths`, in that order and spelling, without paths of no image."""
        keys = [key_of(path) for path in paths]
        rows = {row[0]: row[1:] for row in self._look_up(_IMAGE, keys)}
        return [_image(path, *rows[key]) for path, key in zip(paths, keys, strict=True) if key in rows]

    def descriptors(self, content_ids: Sequence[int]) -> Descriptors:
        """Read the descriptors of contents, ``(N, D) float32``, in the order asked.

        Raises:
            CatalogError: a content is not there, or its descriptor is damaged.
        """
        out = np.empty((len(content_ids), self.dims), dtype=np.float32)
        places: dict[int, list[int]] = {}
        for row, content in enumerate(content_ids):
            places.setdefault(content, []).append(row)
        for content, blob in self._look_up(
            "SELECT id, descriptor FROM contents", sorted(places), column="id"
        ):
            if len(blob) != 4 * self.dims:
                raise damaged(self.path)
            out[places.pop(content)] = np.frombuffer(blob, dtype=STORED_FLOAT)
        if places:
            raise CatalogError(
                f"The catalog {self.path} lost {len(places)} contents while it was read; run again."
            )
        return out

    def view_descriptors(self, content_ids: Sequence[int]) -> npt.NDArray[np.float32]:
        """Read the wanted views of distinct contents, ``(n, V, D) float32``, in the order asked.

        An inset that was not found is a row of zeros.

        Raises:
            CatalogError: one is not there, or is damaged.
        """
        with explained(self.path):
            return self._views.descriptors(content_ids)

    def insets(self, content_ids: Sequence[int]) -> dict[int, dict[str, View]]:
        """Where the insets of contents lie, by content and key; those in which none was found are left out.

        Raises:
            CatalogError: a box is damaged.
        """
        with explained(self.path):
            return self._views.insets(content_ids)

    def pixel_hashes(self, content_ids: Sequence[int]) -> dict[int, str]:
        """Return the pixel hashes that are known, by content."""
        rows = self._look_up("SELECT id, pixel_hash FROM contents", list(content_ids), column="id")
        return {content: digest.hex() for content, digest in rows if digest is not None}

    def set_pixel_hashes(self, hashes: dict[int, str]) -> None:
        """Remember pixel hashes (32 hex digits each), by content."""
        with self._transaction():
            self._db.executemany(
                "UPDATE contents SET pixel_hash = ? WHERE id = ?",
                [(bytes.fromhex(value), content) for content, value in hashes.items()],
            )

    def counts(self) -> dict[str, int]:
        """How many contents, files and skipped files there are."""
        with explained(self.path):
            return {
                table: int(self._db.execute(f"SELECT count(*) FROM {table}").fetchone()[0])  # noqa: S608
                for table in ("contents", "files", "skipped")
            }

    def _look_up(
        self, select: str, values: Sequence[bytes] | Sequence[int], *, column: str = "path"
    ) -> Iterator[tuple]:  # type: ignore[type-arg]
        """Rows whose `column` is one of `values`, in chunks; `select` may hold its own ``{marks}``."""
        statement = select if "{marks}" in select else f"{select} WHERE {column} IN ({{marks}})"
        with explained(self.path):
            for start in range(0, len(values), CHUNK):
                chunk = values[start : start + CHUNK]
                yield from self._db.execute(statement.format(marks=",".join("?" * len(chunk))), chunk)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with explained(self.path), write_lock(self._db):
            yield


def _state(file: FoundFile) -> tuple[int, int]:
    """Size and time as SQLite can hold them: nanoseconds outgrow 64 bits in 2262, file systems later."""
    return file.size, max(-(2**63), min(file.mtime_ns, 2**63 - 1))


def _image(
    path: str, size: int, mtime_ns: int, width: int, height: int, form: str, digest: bytes, content: int
) -> CatalogImage:
    return CatalogImage(ImageFacts(path, size, mtime_ns, width, height, form, digest.hex()), content)
