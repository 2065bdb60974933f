"""The catalog's schema, one step a file, applied in order and recorded in ``PRAGMA user_version``."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

from copylens.catalog.migrations import m001_initial

MIGRATIONS: tuple[Callable[[sqlite3.Connection], None], ...] = (m001_initial.apply,)


def version_of(connection: sqlite3.Connection) -> int:
    """How many migrations the file has seen."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def migrate(connection: sqlite3.Connection) -> None:
    """Bring the file to the newest schema; the caller holds the write lock and commits."""
    for number in range(version_of(connection), len(MIGRATIONS)):
        MIGRATIONS[number](connection)
        connection.execute(f"PRAGMA user_version = {number + 1}")
