"""Descriptors of views by content in; which are missing, and stacks of them, out.

A catalog may hold any views of a content; those that a scan wants are named once, and a content counts as known when it
has them all.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from copylens.errors import CatalogError

STORED_FLOAT = np.dtype("<f2")
"""A set of views is many times a descriptor; half precision moves a score by less than 0.001."""

CHUNK = 500
"""Contents per look-up."""


class ViewTable:
    """The table ``views`` of an open catalog."""

    def __init__(self, connection: sqlite3.Connection, path: str, dims: int) -> None:
        self._db, self._path, self._dims = connection, path, dims
        self.wanted: tuple[str, ...] = ()
        # Asked from decoding threads, like the catalog's own hashes, and as large.
        self._complete: set[bytes] = set()
        self._partial: dict[bytes, frozenset[str]] = {}

    def want(self, views: Sequence[str]) -> None:
        """Name the views that this scan needs; none for the whole pictures alone."""
        self.wanted = tuple(views)
        self._complete, self._partial = set(), {}
        if not views:
            return
        there = "FROM views v JOIN contents c ON c.id = v.content WHERE v.view IN ({})".format(
            ",".join("?" * len(views))
        )
        counted = f"SELECT c.hash, count(*) {there} GROUP BY v.content"
        for digest, count in self._db.execute(counted, self.wanted):
            if count == len(views):
                self._complete.add(digest)
            else:
                self._partial[digest] = frozenset()
        if self._partial:
            self._read_partial(there)

    def _read_partial(self, there: str) -> None:
        # Thousands of contents lack the same views: equal sets are one set in memory.
        same: dict[frozenset[str], frozenset[str]] = {}
        found: dict[bytes, set[str]] = {}
        for digest, view in self._db.execute(f"SELECT c.hash, v.view {there}", self.wanted):
            if digest in self._partial:
                found.setdefault(digest, set()).add(view)
        for digest, views in found.items():
            frozen = frozenset(views)
            self._partial[digest] = same.setdefault(frozen, frozen)

    def missing(self, content_hash: bytes) -> tuple[str, ...]:
        """The wanted views that this content lacks; safe to ask from any thread."""
        if not self.wanted or content_hash in self._complete:
            return ()
        there = self._partial.get(content_hash, frozenset())
        return tuple(view for view in self.wanted if view not in there)

    def insert(self, content_hash: bytes, views: Mapping[str, npt.NDArray[np.float32]]) -> None:
        """Add views of a content that is there; the caller holds the transaction. Views that are there stay."""
        for view, row in views.items():
            if row.shape != (self._dims,):
                raise ValueError(f"a descriptor of {self._dims} numbers was expected, got {row.shape}")
            self._db.execute(
                "INSERT INTO views (content, view, descriptor) SELECT id, ?, ? FROM contents WHERE hash = ? "
                "ON CONFLICT (content, view) DO NOTHING",
                (view, np.ascontiguousarray(row, dtype=STORED_FLOAT).tobytes(), content_hash),
            )

    def remember(self, content_hash: bytes, views: Sequence[str]) -> None:
        """Note, after the commit, that a content has these views."""
        if not self.wanted:
            return
        there = self._partial.get(content_hash, frozenset()) | frozenset(views)
        if there.issuperset(self.wanted):
            self._complete.add(content_hash)
            self._partial.pop(content_hash, None)
        elif content_hash not in self._complete:
            self._partial[content_hash] = there

    def forget(self, content_hash: bytes) -> None:
        """Note that a content is gone, and its views with it."""
        self._complete.discard(content_hash)
        self._partial.pop(content_hash, None)

    def descriptors(self, content_ids: Sequence[int]) -> npt.NDArray[np.float32]:
        """Read the wanted views of distinct contents, ``(n, V, D) float32``, in the order asked.

        Raises:
            CatalogError: one is missing, or damaged.
        """
        out = np.empty((len(content_ids), len(self.wanted), self._dims), np.float32)
        place = {view: position for position, view in enumerate(self.wanted)}
        row = {content: position for position, content in enumerate(content_ids)}
        found = 0
        for start in range(0, len(content_ids), CHUNK):
            chunk = list(content_ids[start : start + CHUNK])
            marks = ",".join("?" * len(chunk))
            rows = self._db.execute(
                f"SELECT content, view, descriptor FROM views WHERE content IN ({marks})",  # noqa: S608
                chunk,
            )
            for content, view, blob in rows:
                if view not in place:
                    continue
                if len(blob) != STORED_FLOAT.itemsize * self._dims:
                    raise CatalogError(
                        f"The catalog {self._path} is damaged: delete it, and the next scan fills a new one."
                    )
                out[row[content], place[view]] = np.frombuffer(blob, dtype=STORED_FLOAT)
                found += 1
        if found != len(content_ids) * len(self.wanted):
            raise CatalogError(
                f"The catalog {self._path} lost descriptors of views while it was read; run again."
            )
        return out
