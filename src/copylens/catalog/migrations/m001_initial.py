"""The first schema: facts about the catalog itself, contents, files, skipped files."""

from __future__ import annotations

import sqlite3

APPLICATION_ID = int.from_bytes(b"CLNS", "big")
"""Stands in the file's header, where `file` and other programs look: whose database this is."""

# No STRICT tables: the SQLite of some systems that still bring Python 3.11 is older than they are.
_STATEMENTS = (
    f"PRAGMA application_id = {APPLICATION_ID}",
    # Which model the descriptors are of.
    "CREATE TABLE facts (key TEXT PRIMARY KEY, value TEXT NOT NULL)",
    # One row per distinct bytes. The descriptor stands last, so that reading the rest of a row stays cheap. A
    # number is never given twice, or a process could take another content for one that was pruned meanwhile.
    """CREATE TABLE contents (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        hash BLOB NOT NULL UNIQUE,
        width INTEGER NOT NULL,
        height INTEGER NOT NULL,
        format TEXT NOT NULL,
        pixel_hash BLOB,
        descriptor BLOB NOT NULL
    )""",
    # One row per path, absolute, as the system's bytes: names need not be text.
    """CREATE TABLE files (
        path BLOB PRIMARY KEY,
        size INTEGER NOT NULL,
        mtime_ns INTEGER NOT NULL,
        content INTEGER NOT NULL REFERENCES contents (id)
    ) WITHOUT ROWID""",
    "CREATE INDEX files_by_content ON files (content)",
    # Size and time are NULL where the file could not even be asked.
    """CREATE TABLE skipped (
        path BLOB PRIMARY KEY,
        size INTEGER,
        mtime_ns INTEGER,
        code TEXT NOT NULL,
        reason TEXT NOT NULL
    ) WITHOUT ROWID""",
)


def apply(connection: sqlite3.Connection) -> None:
    """Create the tables."""
    for statement in _STATEMENTS:
        connection.execute(statement)
