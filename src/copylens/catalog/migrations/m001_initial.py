"""The first schema: facts about the catalog itself, contents, files, skipped files."""

from __future__ import annotations

import sqlite3

_STATEMENTS = (
    # Which model the descriptors are of.
    "CREATE TABLE facts (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT",
    # One row per distinct bytes. The descriptor stands last, so that reading the rest of a row stays cheap.
    """CREATE TABLE contents (
        id INTEGER PRIMARY KEY,
        hash BLOB NOT NULL UNIQUE,
        width INTEGER NOT NULL,
        height INTEGER NOT NULL,
        format TEXT NOT NULL,
        pixel_hash BLOB,
        descriptor BLOB NOT NULL
    ) STRICT""",
    # One row per path, as the system's bytes: names need not be text.
    """CREATE TABLE files (
        path BLOB PRIMARY KEY,
        size INTEGER NOT NULL,
        mtime_ns INTEGER NOT NULL,
        content INTEGER NOT NULL REFERENCES contents (id)
    ) STRICT, WITHOUT ROWID""",
    "CREATE INDEX files_by_content ON files (content)",
    # Size and time are NULL where the file could not even be asked.
    """CREATE TABLE skipped (
        path BLOB PRIMARY KEY,
        size INTEGER,
        mtime_ns INTEGER,
        code TEXT NOT NULL,
        reason TEXT NOT NULL
    ) STRICT, WITHOUT ROWID""",
)


def apply(connection: sqlite3.Connection) -> None:
    """Create the tables."""
    for statement in _STATEMENTS:
        connection.execute(statement)
