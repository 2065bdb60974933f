"""Descriptors of views by content in; which are missing, and stacks of them, out.

A catalog may hold any views of a content; those that a scan wants are named once, and a content counts as known when it
has them all. Of insets the first is always there, empty where none was found; of the others those that were found.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from copylens.catalog.connection import damaged
from copylens.catalog.files import ViewRows
from copylens.errors import CatalogError
from copylens.records import INSET_KEYS, View

STORED_FLOAT = np.dtype("<f2")
"""A set of views is many times a descriptor; half precision moves a score by less than 0.001."""

CHUNK = 500
"""Contents per look-up."""


class ViewTable:
    """The table ``views`` of an open catalog."""

    def __init__(self, connection: sqlite3.Connection, path: str, dims: int) -> None:
        self._db, self._path, self._dims = connection, path, dims
        self.wanted: tuple[str, ...] = ()
        self._needed: frozenset[str] = frozenset()
        # Asked from decoding threads, like the catalog's own hashes, and as large.
        self._complete: set[bytes] = set()
        self._partial: dict[bytes, frozenset[str]] = {}

    def want(self, views: Sequence[str]) -> None:
        """Name the views that this scan needs; none for the whole pictures alone."""
        self.wanted = tuple(views)
        self._needed = frozenset(views) - set(INSET_KEYS[1:])
        self._complete, self._partial = set(), {}
        if not views:
            return
        there = "FROM views v JOIN contents c ON c.id = v.content WHERE v.view IN ({})".format(
            ",".join("?" * len(self._needed))
        )
        counted = f"SELECT c.hash, count(*) {there} GROUP BY v.content"
        for digest, count in self._db.execute(counted, (*self._needed,)):
            if count == len(self._needed):
                self._complete.add(digest)
            else:
                self._partial[digest] = frozenset()
        if self._partial:
            self._read_partial(there)

    def _read_partial(self, there: str) -> None:
        # Thousands of contents lack the same views: equal sets are one set in memory.
        same: dict[frozenset[str], frozenset[str]] = {}
        found: dict[bytes, set[str]] = {}
        for digest, view in self._db.execute(f"SELECT c.hash, v.view {there}", (*self._needed,)):
            if digest in self._partial:
                found.setdefault(digest, set()).add(view)
        for digest, views in found.items():
            frozen = frozenset(views)
            self._partial[digest] = same.setdefault(frozen, frozen)

    def missing(self, content_hash: bytes) -> tuple[str, ...]:
        """The wanted views that this content lacks; safe to ask from any thread."""
        if not self.wanted or content_hash in self._complete:
            return ()
        lacks = self._needed - self._partial.get(content_hash, frozenset())
        if INSET_KEYS[0] in lacks:
            lacks |= frozenset(INSET_KEYS)
        return tuple(view for view in self.wanted if view in lacks)

    def insert(self, content_hash: bytes, views: ViewRows, insets: Sequence[View]) -> None:
        """Add views of a content that is there; the caller holds the transaction. Views that are there stay."""
        boxes = dict(zip(INSET_KEYS, insets, strict=False))
        for view, row in views.items():
            if row is not None and row.shape != (self._dims,):
                raise ValueError(f"a descriptor of {self._dims} numbers was expected, got {row.shape}")
            if row is None and view in INSET_KEYS[1:]:
                continue
            blob = b"" if row is None else np.ascontiguousarray(row, dtype=STORED_FLOAT).tobytes()
            inset = boxes.get(view)
            box = None if inset is None else json.dumps([inset.left, inset.top, inset.right, inset.bottom])
            self._db.execute(
                "INSERT INTO views (content, view, descriptor, box) SELECT id, ?, ?, ? FROM contents "
                "WHERE hash = ? ON CONFLICT (content, view) DO NOTHING",
                (view, blob, box, content_hash),
            )

    def remember(self, content_hash: bytes, views: Sequence[str]) -> None:
        """Note, after the commit, that a content has these views."""
        if not self.wanted:
            return
        there = self._partial.get(content_hash, frozenset()) | frozenset(views)
        if there.issuperset(self._needed):
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

        An inset that was not found is a row of zeros.

        Raises:
            CatalogError: one is missing, or damaged.
        """
        out = np.zeros((len(content_ids), len(self.wanted), self._dims), np.float32)
        place = {view: position for position, view in enumerate(self.wanted)}
        row = {content: position for position, content in enumerate(content_ids)}
        found = 0
        for content, view, blob in self._rows(content_ids, "descriptor"):
            if view not in place:
                continue
            found += view in self._needed
            if view in INSET_KEYS and not blob:
                continue
            if len(blob) != STORED_FLOAT.itemsize * self._dims:
                raise damaged(self._path)
            out[row[content], place[view]] = np.frombuffer(blob, dtype=STORED_FLOAT)
        if found != len(content_ids) * len(self._needed):
            raise CatalogError(
                f"The catalog {self._path} lost descriptors of views while it was read; run again."
            )
        return out

    def insets(self, content_ids: Sequence[int]) -> dict[int, dict[str, View]]:
        """Where the insets of contents lie, by content and key; those in which none was found are left out.

        Raises:
            CatalogError: a box is damaged.
        """
        boxes: dict[int, dict[str, View]] = {}
        for content, view, box in self._rows(content_ids, "box"):
            if view in INSET_KEYS and box is not None:
                try:
                    left, top, right, bottom = map(float, json.loads(box))
                except (ValueError, TypeError) as error:
                    raise damaged(self._path) from error
                boxes.setdefault(content, {})[view] = View(left, top, right, bottom)
        return boxes

    def _rows(self, content_ids: Sequence[int], column: str) -> Iterator[tuple[int, str, Any]]:
        """Of every view of these contents, wanted or not: the content, the view's key, and one column."""
        for start in range(0, len(content_ids), CHUNK):
            chunk = list(content_ids[start : start + CHUNK])
            marks = ",".join("?" * len(chunk))
            yield from self._db.execute(
                f"SELECT content, view, {column} FROM views WHERE content IN ({marks})",  # noqa: S608
                chunk,
            )
