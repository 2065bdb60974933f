"""The catalog's schema, one step a file, applied in order and recorded in ``PRAGMA user_version``."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

from copylens.catalog.migrations import m001_initial, m002_views, m003_insets
from copylens.catalog.migrations.m001_initial import APPLICATION_ID

MIGRATIONS: tuple[Callable[[sqlite3.Connection], None], ...] = (
    m001_initial.apply,
    m002_views.apply,
    m003_insets.apply,
)


def version_of(connection: sqlite3.Connection) -> int:
    """How many migrations the file has seen."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def is_foreign(connection: sqlite3.Connection) -> bool:
    """Whether the file is a database of another program; an empty one is nobody's yet."""
    # In this order: another process may be creating the catalog, and writes both in one transaction.
    if connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone() is None:
        return False
    return bool(connection.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID)


def migrate(connection: sqlite3.Connection) -> None:
    """Bring the file to the newest schema; the caller holds the write lock and commits."""
    for number in range(version_of(connection), len(MIGRATIONS)):
        MIGRATIONS[number](connection)
        connection.execute(f"PRAGMA user_version = {number + 1}")
