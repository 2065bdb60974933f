"""The disk is full or fails: one clear sentence, nothing torn, and the same command goes on afterwards."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from catalog_samples import assert_sound, files_of, mixed_batch, open_sample
from copylens.catalog import Catalog
from copylens.errors import CatalogError

MANY = 400


def record_until_refused(catalog: Catalog) -> tuple[int, str]:
    """How many batches went in, and what the next one met."""
    for number in range(MANY):
        try:
            catalog.record(mixed_batch(number))
        except CatalogError as error:
            return number, str(error)
    raise AssertionError("the disk never became full")


def assert_holds(catalog: Catalog, batches: int) -> None:
    """The first `batches` and no others."""
    assert_sound(catalog)
    for number in range(batches + 1):
        batch = mixed_batch(number)
        unread = catalog.partition(files_of(batch)).unread
        assert len(unread) == (0 if number < batches else len(batch))
        assert catalog.has_content(batch_hash(number)) is (number < batches)


def batch_hash(number: int) -> str:
    return f"{number * 40:032x}"


def test_a_catalog_that_cannot_grow_says_so_and_goes_on_when_it_can(tmp_path: Path) -> None:
    path = tmp_path / "c.db"
    with open_sample(path) as catalog:
        catalog._db.execute("PRAGMA max_page_count = 60")
        done, said = record_until_refused(catalog)
        assert done > 0
        assert f"The catalog {path} cannot grow: the disk is full" in said
        assert_holds(catalog, done)
        catalog._db.execute("PRAGMA max_page_count = 100000")
        catalog.record(mixed_batch(done))
        assert_holds(catalog, done + 1)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MiB, where the tests may mount one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount, umount = shutil.which("mount"), shutil.which("umount")
    if not sys.platform.startswith("linux") or mount is None or umount is None:
        pytest.skip("needs Linux's mount")
    made = subprocess.run([mount, "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)], capture_output=True)
    if made.returncode:
        pytest.skip("mounting a file system is not permitted here")
    try:
        yield folder
    finally:
        subprocess.run([umount, str(folder)], check=True)


def test_a_full_disk_is_a_clear_error_and_the_next_run_goes_on(small_disk: Path) -> None:
    path, ballast = small_disk / "c.db", small_disk / "ballast"
    ballast.write_bytes(bytes(600 << 10))
    with open_sample(path) as catalog:
        done, said = record_until_refused(catalog)
        assert done > 0
        assert f"The catalog {path} cannot grow: the disk is full. Free some space" in said
        assert_holds(catalog, done)
    ballast.unlink()
    with open_sample(path) as catalog:
        assert_holds(catalog, done)
        catalog.record(mixed_batch(done))
        assert_holds(catalog, done + 1)


def test_a_full_disk_at_every_step_of_making_a_catalog_is_a_clear_error(small_disk: Path) -> None:
    path, ballast = small_disk / "c.db", small_disk / "ballast"
    outcomes = []
    for free in range(0, 200 << 10, 4 << 10):
        for old in small_disk.iterdir():
            old.unlink()
        ballast.write_bytes(bytes((1 << 20) - free))
        try:
            open_sample(path).close()
            outcomes.append("made")
        except CatalogError as error:
            outcomes.append(str(error))
            ballast.unlink()
            open_sample(path).close()
    full = f"The catalog {path} cannot grow: the disk is full. Free some space and run the same command again"
    made = outcomes.index("made")
    assert made > 10
    assert all(said.startswith(full) for said in outcomes[:made])
    assert set(outcomes[made:]) == {"made"}


@contextmanager
def files_limited_to(size: int) -> Iterator[None]:
    """Let writes beyond `size` bytes of a file fail, as a failing disk does."""
    resource = pytest.importorskip("resource", reason="Windows has no limits of files")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_write_that_the_system_refuses_is_a_clear_error(tmp_path: Path) -> None:
    path = tmp_path / "c.db"
    with open_sample(path) as catalog:
        with files_limited_to(300 << 10):
            done, said = record_until_refused(catalog)
        assert done > 0
        assert f"The catalog {path} cannot be read or written by the system (disk I/O error)" in said
        assert_holds(catalog, done)
        catalog.record(mixed_batch(done))
    with open_sample(path) as catalog:
        assert_holds(catalog, done + 1)


@pytest.mark.parametrize(
    "act",
    [
        lambda catalog: catalog.partition(files_of(mixed_batch(0))),
        lambda catalog: catalog.record(mixed_batch(0)),
        lambda catalog: catalog.images(["/a.jpg"]),
        lambda catalog: catalog.descriptors([1]),
        lambda catalog: catalog.pixel_hashes([1]),
        lambda catalog: catalog.set_pixel_hashes({1: batch_hash(1)}),
        lambda catalog: catalog.forget_missing(["/"], set(), exists=bool),
        lambda catalog: catalog.prune(),
        lambda catalog: catalog.counts(),
    ],
)
def test_no_error_of_sqlite_leaves_the_room(act: Callable[[Catalog], object], tmp_path: Path) -> None:
    catalog = open_sample(tmp_path / "c.db")
    catalog.close()
    with pytest.raises(CatalogError, match="cannot be used: Cannot operate on a closed database"):
        act(catalog)


def test_an_interrupt_inside_a_batch_undoes_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_sample(tmp_path / "c.db") as catalog:
        catalog.record(mixed_batch(0))

        def interrupt(item: object) -> None:
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(catalog, "_record_skipped", interrupt)
            with pytest.raises(KeyboardInterrupt):
                catalog.record(mixed_batch(1))
        assert_holds(catalog, 1)
        catalog.record(mixed_batch(1))
        assert_holds(catalog, 2)
