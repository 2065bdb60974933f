"""Opening: what is made, what is found again, what is refused and with which words."""

from __future__ import annotations

import os
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from catalog_samples import DIMS, FINGERPRINT, new, numbered, open_sample
from copylens.catalog import Catalog, migrations
from copylens.catalog.connection import explained
from copylens.errors import CatalogError, FingerprintMismatchError


def pragma(path: Path, name: str) -> object:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(f"PRAGMA {name}").fetchone()[0]


def refused(path: Path) -> str:
    """The message of the refusal; the file must be left as it was."""
    before = path.read_bytes() if path.is_file() else None
    with pytest.raises(CatalogError) as caught:
        open_sample(path)
    assert (path.read_bytes() if path.is_file() else None) == before
    return str(caught.value)


def test_a_new_catalog_is_made_with_its_folders_and_is_empty(tmp_path: Path) -> None:
    path = tmp_path / "some" / "where" / "catalog.db"
    with open_sample(path) as catalog:
        assert catalog.counts() == {"contents": 0, "files": 0, "skipped": 0}
        assert (catalog.path, catalog.dims) == (str(path), DIMS)
    assert pragma(path, "journal_mode") == "wal"
    assert pragma(path, "user_version") == len(migrations.MIGRATIONS)


def test_the_connection_has_the_settings_that_the_promises_rest_on(tmp_path: Path) -> None:
    with open_sample(tmp_path / "c.db") as catalog:
        values = {
            name: catalog._db.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    assert values == {"journal_mode": "wal", "synchronous": 1, "foreign_keys": 1, "busy_timeout": 60_000}


def test_without_a_write_ahead_log_every_commit_is_flushed() -> None:
    with open_sample(":memory:") as catalog:
        assert catalog._db.execute("PRAGMA synchronous").fetchone()[0] == 2


def test_a_catalog_is_found_again_with_all_that_it_held(tmp_path: Path) -> None:
    with open_sample(tmp_path / "c.db") as catalog:
        catalog.record(numbered(range(3)))
    with open_sample(tmp_path / "c.db") as catalog:
        assert catalog.counts() == {"contents": 3, "files": 3, "skipped": 0}
        assert catalog.has_content(new("", 2).content_hash)
        assert not catalog.has_content(new("", 3).content_hash)


def test_an_empty_file_becomes_a_catalog(tmp_path: Path) -> None:
    (tmp_path / "c.db").touch()
    with open_sample(tmp_path / "c.db") as catalog:
        catalog.record(numbered([1]))


def test_closing_leaves_one_file(tmp_path: Path) -> None:
    with open_sample(tmp_path / "c.db") as catalog:
        catalog.record(numbered(range(3)))
    assert [path.name for path in tmp_path.iterdir()] == ["c.db"]


@pytest.mark.parametrize("name", ["100% _.db", "it's.db", "file:x.db?mode=ro", os.fsdecode(b"\xe9.db")])
def test_the_file_may_have_a_strange_name(name: str, tmp_path: Path) -> None:
    with open_sample(tmp_path / name) as catalog:
        catalog.record(numbered([1]))
    assert (tmp_path / name).stat().st_size > 0


def test_another_model_is_refused_with_the_choices(tmp_path: Path) -> None:
    path = tmp_path / "c.db"
    open_sample(path).close()
    with pytest.raises(FingerprintMismatchError) as caught:
        Catalog.open(path, fingerprint="fedcba9876543210", model_name="other-model", dims=DIMS)
    said = str(caught.value)
    for part in (str(path), "sample-model", FINGERPRINT, "other-model", "fedcba9876543210"):
        assert part in said
    assert "scan with --model sample-model" in said
    assert "another file with --catalog" in said
    assert "delete this one" in said
    open_sample(path).close()


def test_a_newer_catalog_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "c.db"
    open_sample(path).close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA user_version = {len(migrations.MIGRATIONS) + 1}")
    assert "newer CopyLens; upgrade" in refused(path)


@pytest.mark.parametrize("version", [0, 1, 70])
def test_a_database_of_another_program_is_refused_and_left_alone(version: int, tmp_path: Path) -> None:
    path = tmp_path / "history.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE visits (address TEXT)")
        connection.execute(f"PRAGMA user_version = {version}")
    assert "a database of another program" in refused(path)
    assert pragma(path, "journal_mode") == "delete"


@pytest.mark.parametrize(
    "data", [b"no database at all, but long enough to be read as one" * 40, b"\xff\xd8\xff"]
)
def test_another_file_is_refused_and_left_alone(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(data)
    assert "is not a catalog but some other file" in refused(path)


def test_a_damaged_catalog_says_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "c.db"
    with open_sample(path) as catalog:
        catalog.record(numbered(range(200)))
    data = bytearray(path.read_bytes())
    data[4096:] = b"\xa5" * (len(data) - 4096)
    path.write_bytes(data)
    assert "is damaged; delete it" in refused(path)


def test_a_folder_in_its_place_is_refused(tmp_path: Path) -> None:
    assert "cannot be opened for writing" in refused(tmp_path)


def test_a_file_in_the_place_of_its_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    said = refused(tmp_path / "file" / "c.db")
    assert "The folder of the catalog" in said
    assert "cannot be made" in said


@contextmanager
def without_write_permission(folder: Path) -> Iterator[None]:
    """Bar everybody from writing in `folder`; the superuser, whom nothing bars, is another user meanwhile."""
    superuser = os.geteuid() == 0
    paths = [*folder.iterdir(), folder, *(folder.parents if superuser else ())]
    modes = [(path, stat.S_IMODE(path.stat().st_mode)) for path in paths]
    for path, mode in modes:
        path.chmod(mode | 0o111 if path in folder.parents else mode & ~0o222 | 0o555)
    if superuser:
        os.seteuid(65534)
    try:
        yield
    finally:
        if superuser:
            os.seteuid(0)
        for path, mode in modes:
            path.chmod(mode)


@pytest.mark.skipif(os.name == "nt", reason="Windows has other permissions")
def test_a_read_only_folder_is_a_clear_error(tmp_path: Path) -> None:
    with without_write_permission(tmp_path):
        assert "cannot be opened for writing; check its folder and permissions" in refused(tmp_path / "c.db")
        assert "cannot be made: Permission denied" in refused(tmp_path / "sub" / "c.db")


@pytest.mark.skipif(os.name == "nt", reason="Windows has other permissions")
def test_a_catalog_in_a_read_only_folder_is_a_clear_error(tmp_path: Path) -> None:
    with open_sample(tmp_path / "c.db") as catalog:
        catalog.record(numbered([1]))
    with without_write_permission(tmp_path):
        assert "cannot be opened for writing; check its folder and permissions" in refused(tmp_path / "c.db")


@pytest.mark.parametrize(
    ("code", "part"),
    [
        ("SQLITE_FULL", "the disk is full"),
        ("SQLITE_IOERR_SHMSIZE", "the disk is full"),
        ("SQLITE_BUSY_TIMEOUT", "is being written by another process"),
        ("SQLITE_IOERR_SHMMAP", "lies on a drive that cannot lock it (said so)"),
        ("SQLITE_PROTOCOL", "lies on a drive that cannot lock it (said so)"),
        ("SQLITE_IOERR_READ", "cannot be read or written by the system (said so)"),
        ("SQLITE_READONLY_DBMOVED", "cannot be opened for writing"),
        ("SQLITE_CORRUPT_INDEX", "is damaged"),
        ("SQLITE_MISUSE", "cannot be used: said so."),
    ],
)
def test_each_of_sqlites_refusals_has_a_sentence(code: str, part: str) -> None:
    error = sqlite3.OperationalError("said so")
    error.sqlite_errorname = code
    with pytest.raises(CatalogError, match=r"^The catalog c\.db ") as caught, explained("c.db"):
        raise error
    assert part in str(caught.value)


def test_an_error_that_is_not_sqlites_passes() -> None:
    with pytest.raises(KeyError), explained("c.db"):
        raise KeyError


def test_migrations_are_applied_in_order_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "c.db"
    with open_sample(path) as catalog:
        catalog.record(numbered(range(3)))

    def add_column(connection: sqlite3.Connection) -> None:
        connection.execute("ALTER TABLE files ADD COLUMN stars INTEGER")

    def fill_column(connection: sqlite3.Connection) -> None:
        connection.execute("UPDATE files SET stars = ifnull(stars, 0) + 5")

    more = (*migrations.MIGRATIONS, add_column, fill_column)
    monkeypatch.setattr(migrations, "MIGRATIONS", more)
    monkeypatch.setattr("copylens.catalog.connection.MIGRATIONS", more)
    for _ in range(2):
        with open_sample(path) as catalog:
            assert catalog._db.execute("SELECT stars FROM files").fetchall() == [(5,)] * 3
            assert catalog.counts()["contents"] == 3


def test_a_migration_that_fails_leaves_the_catalog_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "c.db"
    with open_sample(path) as catalog:
        catalog.record(numbered(range(3)))

    def break_halfway(connection: sqlite3.Connection) -> None:
        connection.execute("DROP TABLE files")
        connection.execute("DROP TABLE no_such_table")

    more = (*migrations.MIGRATIONS, break_halfway)
    with monkeypatch.context() as patch:
        patch.setattr(migrations, "MIGRATIONS", more)
        patch.setattr("copylens.catalog.connection.MIGRATIONS", more)
        with pytest.raises(CatalogError, match="no such table"):
            open_sample(path)
    with open_sample(path) as catalog:
        assert catalog.counts() == {"contents": 3, "files": 3, "skipped": 0}
