"""The third schema: where an inset lies, beside its descriptor; other views say it in their keys."""

from __future__ import annotations

import sqlite3

# NULL for views of one box. An inset's row without a box, and with an empty descriptor, says that none was found.
_STATEMENTS = ("ALTER TABLE views ADD COLUMN box TEXT",)


def apply(connection: sqlite3.Connection) -> None:
    """Add the column."""
    for statement in _STATEMENTS:
        connection.execute(statement)
