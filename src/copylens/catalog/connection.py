"""A path in, a connection to a catalog of one model out; what SQLite says against it, as sentences.

Durability: WAL with ``synchronous=NORMAL``. A killed process loses nothing that was committed. A power cut
may lose the last commits but cannot damage the file: the log is replayed up to its last complete commit, as
its checksums tell. Two processes may work on one file: writes are short, and wait for each other up to
`BUSY_SECONDS`.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from copylens.catalog.migrations import MIGRATIONS, is_foreign, migrate, version_of
from copylens.errors import CatalogError, FingerprintMismatchError

BUSY_SECONDS = 60.0
BUSY_PAUSE = 0.02

# The first that fits counts; codes are beginnings of SQLite's names.
_EXPLANATIONS: tuple[tuple[tuple[str, ...], str], ...] = (
    (
        ("SQLITE_FULL", "SQLITE_IOERR_SHMSIZE"),
        "cannot grow: the disk is full. Free some space and run the same command again; it goes on there.",
    ),
    (
        ("SQLITE_BUSY", "SQLITE_LOCKED"),
        "is being written by another process; wait for it, or name another file with --catalog.",
    ),
    (
        ("SQLITE_NOTADB",),
        "is not a catalog but some other file; name another with --catalog.",
    ),
    (
        ("SQLITE_CORRUPT",),
        "is damaged; delete it, and the next scan fills a new one, or name another file with --catalog.",
    ),
    (
        ("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM"),
        "cannot be opened for writing; check its folder and permissions, or name another with --catalog.",
    ),
    (
        ("SQLITE_PROTOCOL", "SQLITE_IOERR_SHM", "SQLITE_IOERR_LOCK"),
        "lies on a drive that cannot lock it ({said}); name a file on a local disk with --catalog.",
    ),
    (
        ("SQLITE_IOERR",),
        "cannot be read or written by the system ({said}); check the disk.",
    ),
)


def damaged(path: str) -> CatalogError:
    """What is raised where a row holds what was never written."""
    return CatalogError(f"The catalog {path} is damaged: delete it, and the next scan fills a new one.")


def connect(path: str, *, fingerprint: str, model_name: str, dims: int) -> sqlite3.Connection:
    """Open or create a catalog file with its folders, at the newest schema, in autocommit mode.

    Raises:
        FingerprintMismatchError: it holds another model's descriptors.
        CatalogError: it is not a catalog, is of a newer version, or cannot be opened or written.
    """
    with explained(path):
        try:
            Path(path).parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise CatalogError(
                f"The folder of the catalog {path} cannot be made: {error.strerror}."
            ) from error
        facts = {"fingerprint": fingerprint, "model": model_name, "dims": str(dims)}
        deadline = time.monotonic() + BUSY_SECONDS
        while True:
            try:
                return _opened(path, facts)
            except sqlite3.OperationalError as error:
                # Turning the log on, and folding it in when the last process leaves, take locks for which
                # SQLite does not wait by itself.
                if not _is_busy(error) or time.monotonic() > deadline:
                    raise
                time.sleep(BUSY_PAUSE)


@contextmanager
def write_lock(connection: sqlite3.Connection) -> Iterator[None]:
    """Hold the one place of a writer for a transaction; what is raised inside undoes it."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


@contextmanager
def explained(path: str) -> Iterator[None]:
    """Turn what SQLite says into a sentence with a way out."""
    try:
        yield
    except sqlite3.Error as error:
        name = getattr(error, "sqlite_errorname", "")
        raise CatalogError(f"The catalog {path} {_explanation(name, str(error))}") from error


def _is_busy(error: sqlite3.Error) -> bool:
    return getattr(error, "sqlite_errorname", "").startswith(("SQLITE_BUSY", "SQLITE_LOCKED"))


def _explanation(name: str, said: str) -> str:
    for codes, sentence in _EXPLANATIONS:
        if name.startswith(codes):
            return sentence.format(said=said)
    return f"cannot be used: {said}."


def _opened(path: str, facts: dict[str, str]) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    try:
        _prepare(connection, path, facts)
    except BaseException:
        connection.close()
        raise
    return connection


def _prepare(connection: sqlite3.Connection, path: str, facts: dict[str, str]) -> None:
    # First of all: the mode is written into the file, and a file that is not ours stays as it was.
    _refuse_others(connection, path)
    mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
    # A drive without shared memory keeps the old journal, where NORMAL is not enough against a power cut.
    connection.execute(f"PRAGMA synchronous = {'NORMAL' if mode == 'wal' else 'FULL'}")
    connection.execute("PRAGMA foreign_keys = ON")
    if version_of(connection) != len(MIGRATIONS):
        # Taken before the version is asked again: two processes may create one file at the same moment.
        with write_lock(connection):
            _refuse_others(connection, path)
            migrate(connection)
            connection.executemany("INSERT OR IGNORE INTO facts VALUES (?, ?)", list(facts.items()))
    stored = dict(connection.execute("SELECT key, value FROM facts").fetchall())
    if stored.get("fingerprint") != facts["fingerprint"]:
        made_by = stored.get("model")
        raise FingerprintMismatchError(
            f"The catalog {path} holds descriptors of the model {made_by} (fingerprint "
            f"{stored.get('fingerprint')}), not of {facts['model']} ({facts['fingerprint']}), and the two "
            f"cannot be compared. Choose: scan with --model {made_by}; name another file with --catalog; or "
            "delete this one, and every image is described again."
        )


def _refuse_others(connection: sqlite3.Connection, path: str) -> None:
    if is_foreign(connection):
        raise CatalogError(f"{path} is a database of another program; name another file with --catalog.")
    if version_of(connection) > len(MIGRATIONS):
        raise CatalogError(f"The catalog {path} was made by a newer CopyLens; upgrade, or name another file.")
