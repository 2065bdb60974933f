"""The catalog after each pass: what was read, what the network saw, and what lies there now."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from copylens.catalog import Catalog, NewContent
from copylens.errors import ImageError
from copylens.images import content_hash, loading, read_found, views
from copylens.records import RETRIED_CODES, SKIP_CODES, FoundFile, PictureFacts, Skipped
from copylens.workflows.describer import BATCH
from copylens.workflows.ingest import ingest
from copylens.workflows.settings import FileSettings, silent
from ingest_passes import BROKEN, check_descriptors, find_in, run_found, run_pass
from workflow_samples import SmallModel, many, picture_bytes, put, scene, touch


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files whose bytes are read."""
    seen: list[str] = []

    def read(path: str) -> tuple[bytes, FoundFile]:
        seen.append(Path(path).name)
        return read_found(path)

    monkeypatch.setattr(loading, "read_found", read)
    return seen


# --- what is read and described


def test_the_first_pass_describes_everything(catalog: Catalog, model: SmallModel, folder: Path) -> None:
    paths = many(folder, 5)
    seen = run_pass(catalog, model, folder)
    assert (seen.paths, seen.skipped, seen.described, seen.reused) == (paths, [], 5, 0)
    assert model.take_pictures() == 5
    assert seen.seconds > 0
    check_descriptors(catalog, model, seen)


def test_a_second_pass_reads_and_describes_nothing(
    catalog: Catalog, model: SmallModel, folder: Path, reads: list[str]
) -> None:
    paths = many(folder, 5)
    broken = put(folder / "broken.png", BROKEN)
    first = run_pass(catalog, model, folder)
    model.take_pictures()
    reads.clear()
    again = run_pass(catalog, model, folder)
    assert (again.paths, again.described, again.reused) == (paths, 0, 5)
    assert [(item.path, item.code) for item in again.skipped] == [(broken, "not-an-image")]
    assert again.skipped == first.skipped
    assert (reads, model.take_pictures()) == ([], 0)


def test_only_what_changed_is_described_again(catalog: Catalog, model: SmallModel, folder: Path) -> None:
    paths = many(folder, 4)
    run_pass(catalog, model, folder)
    put(Path(paths[1]), scene(77))
    model.take_pictures()
    seen = run_pass(catalog, model, folder)
    assert (seen.paths, seen.described, seen.reused, model.take_pictures()) == (paths, 1, 3, 1)
    check_descriptors(catalog, model, seen)


def test_another_time_costs_a_read_and_no_network(
    catalog: Catalog, model: SmallModel, folder: Path, reads: list[str]
) -> None:
    paths = many(folder, 2)
    run_pass(catalog, model, folder)
    reads.clear()
    model.take_pictures()
    touch(Path(paths[0]))
    for expected in (["000.png"], []):
        seen = run_pass(catalog, model, folder)
        assert (seen.reused, seen.described, reads, model.take_pictures()) == (2, 0, expected, 0)
        reads.clear()


@pytest.mark.parametrize("how", ["rename", "move", "copy", "link"])
def test_known_bytes_under_another_name_need_no_network(
    catalog: Catalog, model: SmallModel, folder: Path, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, other = (Path(path) for path in many(folder, 2))
    run_pass(catalog, model, folder)
    model.take_pictures()
    target = folder / "deeper" / "b.png" if how == "move" else folder / "b.png"
    target.parent.mkdir(exist_ok=True)
    if how == "copy":
        shutil.copy(first, target)
    elif how == "link":
        os.link(first, target)
    else:
        first.rename(target)
    monkeypatch.setattr(views, "decode_image", None)
    seen = run_pass(catalog, model, folder)
    kept = [str(first)] if how in ("copy", "link") else []
    assert seen.paths == sorted([*kept, str(other), str(target)])
    assert (seen.described, model.take_pictures()) == (0, 0)
    assert catalog.counts() == {"contents": 2, "files": len(seen.paths), "skipped": 0}
    for image in catalog.images(seen.paths):
        assert image.facts.content_hash == content_hash(Path(image.facts.path).read_bytes())


def test_deleted_files_are_forgotten_and_come_back_for_nothing(
    catalog: Catalog, model: SmallModel, folder: Path
) -> None:
    paths = many(folder, 3)
    run_pass(catalog, model, folder)
    model.take_pictures()
    away = folder.parent / "away.png"
    Path(paths[1]).rename(away)
    assert run_pass(catalog, model, folder).paths == [paths[0], paths[2]]
    assert catalog.images(paths) == catalog.images([paths[0], paths[2]])
    away.rename(paths[1])
    assert run_pass(catalog, model, folder).paths == paths
    assert model.take_pictures() == 0


def test_a_picture_that_breaks_is_no_image_any_more(
    catalog: Catalog, model: SmallModel, folder: Path
) -> None:
    paths = many(folder, 2)
    run_pass(catalog, model, folder)
    put(Path(paths[0]), BROKEN)
    seen = run_pass(catalog, model, folder)
    assert (seen.paths, [item.path for item in seen.skipped]) == ([paths[1]], [paths[0]])
    put(Path(paths[0]), scene(5))
    seen = run_pass(catalog, model, folder)
    assert (seen.paths, seen.skipped) == (paths, [])
    assert catalog.counts()["skipped"] == 0


# --- equal bytes


@pytest.mark.parametrize("count", [2, BATCH + 3, 90])
def test_equal_bytes_are_described_once(
    catalog: Catalog, model: SmallModel, folder: Path, count: int
) -> None:
    """In one batch, beyond it, and beyond what the threads decode ahead."""
    data = picture_bytes(scene(1), "PNG")
    paths = [put(folder / f"{n:03}.png", data) for n in range(count)]
    seen = run_pass(catalog, model, folder)
    assert (seen.paths, seen.described, seen.reused) == (paths, 1, count - 1)
    assert model.engine.batches == [1]
    assert catalog.counts() == {"contents": 1, "files": count, "skipped": 0}
    assert len({image.content_id for image in catalog.images(paths)}) == 1


def test_equal_broken_bytes_are_each_skipped(catalog: Catalog, model: SmallModel, folder: Path) -> None:
    paths = [put(folder / f"{n}.png", BROKEN) for n in range(3)]
    seen = run_pass(catalog, model, folder)
    assert [(item.path, item.code) for item in seen.skipped] == [(path, "not-an-image") for path in paths]
    assert model.take_pictures() == 0


@pytest.mark.parametrize("workers", [1, 2, 7])
def test_batches_are_full_and_do_not_depend_on_the_threads(
    model: SmallModel, folder: Path, tmp_path: Path, workers: int
) -> None:
    """Each picture thrice, in three places: next to itself, a little later, and long after."""
    for number in range(40):
        for place in (f"{number:03}a", f"{number:03}b", f"{number + 9:03}c", f"later-{number:03}"):
            put(folder / f"{place}.png", scene(number, 24, 20))
    with model.catalog(str(tmp_path / f"{workers}.db")) as catalog:
        seen = ingest(catalog, model.describer, [str(folder)], FileSettings(workers=workers), progress=silent)
    assert model.engine.batches == [16, 16, 8]
    assert (seen.described, seen.reused) == (40, 120)


def test_content_that_another_process_adds_meanwhile_is_shared(
    model: SmallModel, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (path,) = many(folder, 1)
    with model.catalog(str(tmp_path / "c.db")) as ours, model.catalog(str(tmp_path / "c.db")) as theirs:
        real = model.describer.describe_prepared

        def slow(batch: Any) -> Any:
            rows = real(batch)
            data = Path(path).read_bytes()
            there = FoundFile("/there.png", len(data), 1)
            theirs.record([NewContent(there, content_hash(data), PictureFacts(20, 24, "PNG"), rows[0])])
            return rows

        monkeypatch.setattr(model.describer, "describe_prepared", slow)
        assert run_pass(ours, model, folder).paths == [path]
        assert ours.counts() == {"contents": 1, "files": 2, "skipped": 0}


# --- files that are skipped, vanish or change


@pytest.mark.parametrize("code", sorted(SKIP_CODES))
def test_a_skipped_file_is_tried_again_when_its_reason_may_pass(
    catalog: Catalog, model: SmallModel, folder: Path, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = many(folder, 2)
    tried = []

    def read(path: str) -> tuple[bytes, FoundFile]:
        if path == paths[0]:
            tried.append(path)
            if len(tried) == 1:
                raise ImageError(code, "said of the first attempt")
        return read_found(path)

    monkeypatch.setattr(loading, "read_found", read)
    seen = run_pass(catalog, model, folder)
    assert seen.skipped == [Skipped(paths[0], code, "said of the first attempt")]
    again = run_pass(catalog, model, folder)
    if code in RETRIED_CODES:
        assert (again.paths, again.skipped, len(tried)) == (paths, [], 2)
    else:
        assert (again.paths, again.skipped, len(tried)) == ([paths[1]], seen.skipped, 1)


def test_a_file_that_vanishes_after_the_walk_is_listed_then_forgotten(
    catalog: Catalog, model: SmallModel, folder: Path
) -> None:
    paths = many(folder, 3)
    run_pass(catalog, model, folder)
    put(Path(paths[1]), scene(50))
    found = find_in(folder)
    Path(paths[1]).unlink()
    seen = run_found(catalog, model, found)
    assert (seen.paths, [(s.path, s.code) for s in seen.skipped]) == (
        [paths[0], paths[2]],
        [(paths[1], "vanished")],
    )
    assert catalog.images([paths[1]]) == []
    seen = run_pass(catalog, model, folder)
    assert (seen.paths, seen.skipped) == ([paths[0], paths[2]], [])
    assert catalog.counts()["skipped"] == 0


@pytest.mark.parametrize("known", [False, True])
def test_a_file_that_changes_after_the_walk_is_recorded_as_it_was_read(
    catalog: Catalog, model: SmallModel, folder: Path, reads: list[str], known: bool
) -> None:
    """To a picture that nobody has seen, or to one that is known from another file."""
    path, _ = put(folder / "a.png", scene(1)), put(folder / "b.png", scene(2))
    run_pass(catalog, model, folder)
    put(Path(path), scene(60))
    found = find_in(folder)
    put(Path(path), scene(2 if known else 3))
    seen = run_found(catalog, model, found)
    check_descriptors(catalog, model, seen)
    model.take_pictures()
    reads.clear()
    assert run_pass(catalog, model, folder).reused == 2
    assert (reads, model.take_pictures()) == ([], 0)


def test_a_file_that_breaks_after_the_walk_is_read_again(
    catalog: Catalog, model: SmallModel, folder: Path, reads: list[str]
) -> None:
    """It is recorded as the walk saw it, so the next walk sees another file."""
    (path,) = many(folder, 1)
    found = find_in(folder)
    put(Path(path), BROKEN)
    assert [item.code for item in run_found(catalog, model, found).skipped] == ["not-an-image"]
    reads.clear()
    run_pass(catalog, model, folder)
    run_pass(catalog, model, folder)
    assert reads == ["000.png"]


def test_what_the_walk_skipped_is_reported_and_sorted(
    catalog: Catalog, model: SmallModel, folder: Path
) -> None:
    many(folder, 1)
    put(folder / "b.png", BROKEN)
    (folder / "y.png").symlink_to("nowhere.png")
    (folder / "a.png").mkdir()
    os.mkfifo(folder / "m.png")
    codes = [("b.png", "not-an-image"), ("m.png", "special-file"), ("y.png", "symlink-loop")]
    expected = [("a.png", "directory"), *codes]
    for _ in range(2):
        seen = run_pass(catalog, model, folder)
        assert [(Path(item.path).name, item.code) for item in seen.skipped] == expected


def test_images_that_another_process_took_away_are_skipped(
    model: SmallModel, folder: Path, tmp_path: Path
) -> None:
    paths = many(folder, 3)
    put(folder / "zzz.png", BROKEN)
    with model.catalog(str(tmp_path / "c.db")) as ours, model.catalog(str(tmp_path / "c.db")) as theirs:
        seen = run_pass(ours, model, folder)
        assert [image.facts.path for image in seen.images(ours)] == paths
        theirs.record([Skipped(paths[1], "io-error", "as the other process saw it")])
        assert [image.facts.path for image in seen.images(ours)] == [paths[0], paths[2]]
    assert seen.paths == [paths[0], paths[2]]
    assert [(Path(item.path).name, item.code) for item in seen.skipped] == [
        ("001.png", "changed"),
        ("zzz.png", "not-an-image"),
    ]
    assert "another process" in seen.skipped[0].reason
