"""The catalog file: opened, migrated, checked against the model; batches in, images and descriptors out.

Durability: WAL with ``synchronous=NORMAL``. A killed process loses nothing that `record` returned from; a power cut may
lose the last batches but cannot damage the file. Two processes may work on one file: writes are short and wait for each
other up to `BUSY_SECONDS`.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from types import TracebackType

import numpy as np

from copylens.catalog.files import CatalogImage, NewContent, Partition, SameContent, SkippedFile
from copylens.catalog.migrations import MIGRATIONS, migrate, version_of
from copylens.errors import CatalogError, FingerprintMismatchError
from copylens.records import RETRIED_CODES, Descriptors, FoundFile, ImageFacts, Skipped

BUSY_SECONDS = 60.0
CHUNK = 500
"""Values per ``IN (...)`` look-up, below SQLite's limit of variables in any build."""

_IMAGE = """SELECT f.path, f.size, f.mtime_ns, c.width, c.height, c.format, c.hash, c.id
            FROM files f JOIN contents c ON c.id = f.content WHERE f.path IN ({marks})"""


class Catalog:
    """One open catalog file; make it with `Catalog.open`, use it from one thread (but for `has_content`)."""

    def __init__(self, connection: sqlite3.Connection, path: str, dims: int) -> None:
        self._db = connection
        self.path = path
        self.dims = dims
        # Asked from decoding threads, so it lives here and not in a query: 16 bytes and a pointer per content.
        self._hashes: set[bytes] = {row[0] for row in connection.execute("SELECT hash FROM contents")}

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
        with _explained(where):
            try:
                Path(where).parent.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise CatalogError(f"The folder of the catalog {where} cannot be made: {error.strerror}.") from error
            connection = sqlite3.connect(
                where, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
            )
            try:
                _prepare(connection, where, {"fingerprint": fingerprint, "model": model_name, "dims": str(dims)})
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

    def partition(self, files: Sequence[FoundFile]) -> Partition:
        """Part a chunk of a walk by what is known: same path, size and time means unchanged."""
        paths = [os.fsencode(file.path) for file in files]
        images = {row[0]: row[1:] for row in self._look_up("SELECT path, size, mtime_ns FROM files", paths)}
        skips = {
            row[0]: row[1:] for row in self._look_up("SELECT path, size, mtime_ns, code, reason FROM skipped", paths)
        }
        parts = Partition()
        for key, file in zip(paths, files, strict=True):
            state = (file.size, file.mtime_ns)
            skip = skips.get(key)
            if images.get(key) == state:
                parts.images.append(file)
            elif skip is not None and skip[:2] == state and skip[2] not in RETRIED_CODES:
                parts.skipped.append(Skipped(file.path, skip[2], skip[3]))
            else:
                parts.unread.append(file)
        return parts

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
        self._hashes.update(bytes.fromhex(item.content_hash) for item in batch if isinstance(item, NewContent))

    def _record_image(self, item: NewContent | SameContent) -> None:
        digest = bytes.fromhex(item.content_hash)
        if isinstance(item, NewContent):
            if item.descriptor.shape != (self.dims,):
                raise ValueError(f"a descriptor of {self.dims} numbers was expected, got {item.descriptor.shape}")
            vector = np.ascontiguousarray(item.descriptor, dtype=np.float32).tobytes()
            self._db.execute(
                "INSERT OR IGNORE INTO contents (hash, width, height, format, descriptor) VALUES (?, ?, ?, ?, ?)",
                (digest, item.facts.width, item.facts.height, item.facts.format, vector),
            )
        path = os.fsencode(item.file.path)
        written = self._db.execute(
            "INSERT INTO files SELECT ?, ?, ?, id FROM contents WHERE hash = ? ON CONFLICT (path) DO UPDATE "
            "SET size = excluded.size, mtime_ns = excluded.mtime_ns, content = excluded.content",
            (path, item.file.size, item.file.mtime_ns, digest),
        )
        if written.rowcount != 1:
            raise CatalogError(f"The catalog {self.path} was pruned by another process meanwhile; run again.")
        self._db.execute("DELETE FROM skipped WHERE path = ?", (path,))

    def _record_skipped(self, item: SkippedFile | Skipped) -> None:
        skipped = item.skipped if isinstance(item, SkippedFile) else item
        state = (item.file.size, item.file.mtime_ns) if isinstance(item, SkippedFile) else (None, None)
        path = os.fsencode(skipped.path)
        self._db.execute(
            "INSERT OR REPLACE INTO skipped (path, size, mtime_ns, code, reason) VALUES (?, ?, ?, ?, ?)",
            (path, *state, skipped.code, skipped.reason),
        )
        self._db.execute("DELETE FROM files WHERE path = ?", (path,))

    def forget_missing(self, roots: Sequence[str], seen: set[str], *, exists: Callable[[str], bool]) -> int:
        """Drop the rows of files below `roots` that a walk did not see and that are gone.

        Their contents stay, so that a file which was moved, or comes back, is not described again.

        Args:
            roots: folders or files that were walked.
            seen: the paths that the walk saw.
            exists: asked for the others: files that were merely left out this time are kept.

        Returns:
            How many rows were dropped.
        """
        gone = [
            path
            for root in roots
            for table in ("files", "skipped")
            for path in self._below(table, root)
            if os.fsdecode(path) not in seen and not exists(os.fsdecode(path))
        ]
        if gone:
            with self._transaction():
                for table in ("files", "skipped"):
                    self._db.executemany(f"DELETE FROM {table} WHERE path = ?", [(path,) for path in gone])  # noqa: S608
        return len(gone)

    def _below(self, table: str, root: str) -> list[bytes]:
        """Paths that are `root` or lie below it, by byte order, so that ``/a/bc`` is not below ``/a/b``."""
        base = os.fsencode(root).rstrip(os.fsencode(os.sep))
        prefix = base + os.fsencode(os.sep)
        after = prefix[:-1] + bytes([prefix[-1] + 1])
        with _explained(self.path):
            rows = self._db.execute(
                f"SELECT path FROM {table} WHERE path = ? OR (path >= ? AND path < ?)",  # noqa: S608
                (base, prefix, after),
            )
            return [row[0] for row in rows]

    def prune(self) -> int:
        """Drop contents that no file has any more; returns how many."""
        with self._transaction():
            dropped = self._db.execute(
                "DELETE FROM contents WHERE id NOT IN (SELECT content FROM files) RETURNING hash"
            ).fetchall()
        self._hashes.difference_update(row[0] for row in dropped)
        return len(dropped)

    def images(self, paths: Sequence[str]) -> list[CatalogImage]:
        """The images under `paths`, in that order; paths without an image are left out."""
        rows: dict[bytes, CatalogImage] = {}
        keys = [os.fsencode(path) for path in paths]
        for path, size, mtime, width, height, form, digest, content in self._look_up(_IMAGE, keys):
            facts = ImageFacts(os.fsdecode(path), size, mtime, width, height, form, digest.hex())
            rows[path] = CatalogImage(facts, content)
        return [rows[key] for key in keys if key in rows]

    def descriptors(self, content_ids: Sequence[int]) -> Descriptors:
        """The descriptors of contents, ``(N, D) float32``, in the order asked.

        Raises:
            CatalogError: a content is not there, or its descriptor is damaged.
        """
        out = np.empty((len(content_ids), self.dims), dtype=np.float32)
        places: dict[int, list[int]] = {}
        for row, content in enumerate(content_ids):
            places.setdefault(content, []).append(row)
        for content, blob in self._look_up("SELECT id, descriptor FROM contents", sorted(places), column="id"):
            if len(blob) != 4 * self.dims:
                raise CatalogError(f"The catalog {self.path} is damaged: delete it, and the next scan fills a new one.")
            out[places.pop(content)] = np.frombuffer(blob, dtype=np.float32)
        if places:
            raise CatalogError(f"The catalog {self.path} lost {len(places)} contents while it was read; run again.")
        return out

    def pixel_hashes(self, content_ids: Sequence[int]) -> dict[int, str]:
        """The pixel hashes that are known, by content."""
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
        with _explained(self.path):
            return {
                table: int(self._db.execute(f"SELECT count(*) FROM {table}").fetchone()[0])  # noqa: S608
                for table in ("contents", "files", "skipped")
            }

    def _look_up(
        self, select: str, values: Sequence[bytes] | Sequence[int], *, column: str = "path"
    ) -> Iterator[tuple]:  # type: ignore[type-arg]
        """Rows whose `column` is one of `values`, in chunks; `select` may hold its own ``{marks}``."""
        statement = select if "{marks}" in select else f"{select} WHERE {column} IN ({{marks}})"
        with _explained(self.path):
            for start in range(0, len(values), CHUNK):
                chunk = values[start : start + CHUNK]
                yield from self._db.execute(statement.format(marks=",".join("?" * len(chunk))), chunk)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with _explained(self.path), _write_lock(self._db):
            yield


@contextmanager
def _write_lock(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


@contextmanager
def _explained(path: str) -> Iterator[None]:
    """Turn what SQLite says into a sentence with a way out."""
    try:
        yield
    except sqlite3.Error as error:
        name = getattr(error, "sqlite_errorname", "")
        raise CatalogError(f"The catalog {path} {_explanation(name, str(error))}") from error


def _explanation(name: str, said: str) -> str:
    if name.startswith("SQLITE_FULL"):
        return "cannot grow: the disk is full. Free some space and run the same command again; it goes on from here."
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return "is being written by another process; wait for it, or name another file with --catalog."
    if name.startswith(("SQLITE_NOTADB", "SQLITE_CORRUPT")):
        return "is not a catalog or is damaged; name another file with --catalog, or delete this one."
    if name.startswith(("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM")):
        return "cannot be opened for writing; check its folder and permissions, or name another with --catalog."
    if name.startswith("SQLITE_IOERR"):
        return f"cannot be read or written by the system ({said}); check the disk."
    return f"cannot be used: {said}."


def _prepare(connection: sqlite3.Connection, path: str, facts: dict[str, str]) -> None:
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA foreign_keys = ON")
    if version_of(connection) != len(MIGRATIONS):
        # Taken before the version is asked again: two processes may create one file at the same moment.
        with _write_lock(connection):
            if version_of(connection) > len(MIGRATIONS):
                raise CatalogError(f"The catalog {path} was made by a newer CopyLens; upgrade, or name another file.")
            if version_of(connection) == 0 and _foreign(connection):
                raise CatalogError(f"{path} is a database of another program; name another file with --catalog.")
            migrate(connection)
            connection.executemany("INSERT OR IGNORE INTO facts VALUES (?, ?)", list(facts.items()))
    with closing(connection.execute("SELECT key, value FROM facts")) as rows:
        stored = dict(rows.fetchall())
    if stored.get("fingerprint") != facts["fingerprint"]:
        raise FingerprintMismatchError(
            f"The catalog {path} holds descriptors of the model {stored.get('model')} "
            f"(fingerprint {stored.get('fingerprint')}), not of {facts['model']} ({facts['fingerprint']}), and the two "
            f"cannot be compared. Choose: scan with --model {stored.get('model')}; name another file with --catalog; or "
            "delete this one, and every image is described again."
        )


def _foreign(connection: sqlite3.Connection) -> bool:
    return connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone() is not None
