"""The second schema: descriptors of views, beside the one of the whole picture that stands with its content."""

from __future__ import annotations

import sqlite3

_STATEMENTS = (
    # One row per content and view, so that another set of views adds what is missing and reads what is there.
    """CREATE TABLE views (
        id INTEGER PRIMARY KEY,
        content INTEGER NOT NULL REFERENCES contents (id) ON DELETE CASCADE,
        view TEXT NOT NULL,
        descriptor BLOB NOT NULL
    )""",
    "CREATE UNIQUE INDEX views_by_content ON views (content, view)",
)


def apply(connection: sqlite3.Connection) -> None:
    """Create the table."""
    for statement in _STATEMENTS:
        connection.execute(statement)
