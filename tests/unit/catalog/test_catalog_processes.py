"""Several processes, one catalog: nothing is torn, nothing is lost, and who must wait too long is told so."""

from __future__ import annotations

import contextlib
import random
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

import catalog_worker
from catalog_samples import (
    assert_sound,
    hash_of,
    mixed_batch,
    new,
    numbered,
    open_sample,
    rows_of,
    same,
    skip,
)
from catalog_worker import WIDE
from copylens.catalog import Catalog
from copylens.errors import CatalogError


@contextlib.contextmanager
def workers(*commands: list[str]) -> Iterator[list[subprocess.Popen[str]]]:
    """Children that are ready to begin; whatever happens, none stays."""
    with contextlib.ExitStack() as stack:
        children = []
        for words in commands:
            child = subprocess.Popen(
                [sys.executable, catalog_worker.__file__, *words],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                bufsize=1,
            )
            children.append(stack.enter_context(child))
            stack.callback(child.kill)
        for child in children:
            assert child.stdout is not None
            assert child.stdout.readline() == "ready\n"
        yield children


def tell(child: subprocess.Popen[str], line: str) -> None:
    assert child.stdin is not None
    child.stdin.write(line + "\n")


def test_processes_that_record_the_same_folder_end_with_one_complete_catalog(tmp_path: Path) -> None:
    batches = list(range(40))
    shuffled = random.Random(1).sample(batches, len(batches))
    path = tmp_path / "shared.db"
    orders = (batches, batches[::-1], shuffled)
    with workers(*(["rewrite", str(path), *map(str, order)] for order in orders)) as children:
        for child in children:
            tell(child, "go")
        for child, order in zip(children, orders, strict=True):
            said, _ = child.communicate()
            assert child.returncode == 0
            assert [int(line) for line in said.split()] == order
    with open_sample(path, dims=WIDE) as shared, open_sample(tmp_path / "alone.db", dims=WIDE) as alone:
        for number in batches:
            alone.record(mixed_batch(number, WIDE))
        assert_sound(shared)
        assert rows_of(shared) == rows_of(alone)
        assert shared.counts() == alone.counts()


def test_processes_may_create_one_catalog_at_the_same_moment(tmp_path: Path) -> None:
    with workers(*(["open", str(own)] for own in range(4))) as children:
        for turn in range(12):
            path = tmp_path / f"{turn}" / "new.db"
            for child in children:
                tell(child, str(path))
            for child in children:
                assert child.stdout is not None
                assert child.stdout.readline() == "done\n"
            with open_sample(path) as catalog:
                assert_sound(catalog)
                assert catalog.counts() == {"contents": 160, "files": 164, "skipped": 4}


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[tuple[Catalog, Catalog]]:
    with open_sample(tmp_path / "c.db") as first, open_sample(tmp_path / "c.db") as second:
        yield first, second


def test_what_another_process_added_is_seen_where_it_matters(pair: tuple[Catalog, Catalog]) -> None:
    first, second = pair
    first.record([new("/a.jpg", 1)])
    # Not known to `second` until it opens again, so it describes the same bytes; one row must come of it.
    assert not second.has_content(hash_of(1))
    second.record([new("/b.jpg", 1)])
    assert first.images(["/b.jpg"])[0].content_id == second.images(["/a.jpg"])[0].content_id
    assert second.has_content(hash_of(1))


def test_a_content_that_another_process_pruned_is_an_error_that_says_run_again(
    pair: tuple[Catalog, Catalog],
) -> None:
    first, second = pair
    first.record([new("/a.jpg", 1)])
    first.record([skip("/a.jpg")])
    assert second.prune() == 1
    with pytest.raises(CatalogError, match="pruned by another process meanwhile; run again"):
        first.record([same("/b.jpg", 1)])


def test_a_reader_is_not_held_up_by_a_writer(pair: tuple[Catalog, Catalog]) -> None:
    first, second = pair
    first.record(numbered([1], "/p"))
    first._db.execute("BEGIN IMMEDIATE")
    first._db.execute("DELETE FROM files")
    assert second.counts()["files"] == 1
    assert len(second.images(["/p/000001.jpg"])) == 1
    first._db.execute("ROLLBACK")


def test_a_lock_held_too_long_is_a_clear_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("copylens.catalog.connection.BUSY_SECONDS", 0.05)
    path = tmp_path / "c.db"
    with open_sample(path) as first, open_sample(path) as second:
        first._db.execute("BEGIN IMMEDIATE")
        for act in (
            lambda: second.record(numbered([1])),
            lambda: second.set_pixel_hashes({1: hash_of(1)}),
            second.prune,
        ):
            with pytest.raises(CatalogError, match="is being written by another process; wait for it"):
                act()
        first._db.execute("ROLLBACK")
        second.record(numbered([1]))


def test_opening_what_another_program_holds_is_a_clear_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("copylens.catalog.connection.BUSY_SECONDS", 0.05)
    path = tmp_path / "c.db"
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as holder:
        holder.execute("BEGIN EXCLUSIVE")
        with pytest.raises(CatalogError, match="is being written by another process; wait for it"):
            open_sample(path)
        holder.execute("ROLLBACK")
    open_sample(path).close()


def test_a_short_lock_is_waited_for(pair: tuple[Catalog, Catalog]) -> None:
    first, second = pair
    first._db.execute("BEGIN IMMEDIATE")
    release = threading.Timer(0.2, first._db.execute, ["COMMIT"])
    release.start()
    try:
        second.record(numbered([1]))
    finally:
        release.join()
    assert first.counts()["files"] == 1
