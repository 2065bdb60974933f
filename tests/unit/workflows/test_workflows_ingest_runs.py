"""Whole passes: overlapping roots, any order, failures half-way, bounded memory, honest progress."""

from __future__ import annotations

import gc
import os
import random
import threading
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from catalog_samples import assert_sound, rows_of
from copylens.catalog import Catalog
from copylens.errors import EngineError
from copylens.images import Loaded, load
from copylens.records import FoundFile, PictureFacts, Skipped
from copylens.workflows import ingest as module
from copylens.workflows.describer import BATCH
from copylens.workflows.finding import Found
from copylens.workflows.ingest import ingest
from copylens.workflows.settings import FileSettings, silent
from ingest_passes import BROKEN, check_descriptors, find_in, run_found, run_pass
from workflow_samples import SmallModel, Steps, many, picture_bytes, put, scene


def test_overlapping_roots_are_one_collection(
    catalog: Catalog, model: SmallModel, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    many(folder / "a", 2)
    many(folder / "a" / "b", 2, start=2)
    (folder / "link").symlink_to("a")
    monkeypatch.chdir(folder)
    seen = run_pass(catalog, model, Path("a/b"), folder, Path("a"), Path("a/000.png"), Path("link"))
    assert len(seen.paths) == len({os.path.realpath(path) for path in seen.paths}) == 4
    assert (seen.described, catalog.counts()["files"]) == (4, 4)
    assert run_pass(catalog, model, folder).reused == 4


def test_other_roots_of_the_catalog_stay(catalog: Catalog, model: SmallModel, tmp_path: Path) -> None:
    one, other = many(tmp_path / "one", 2), many(tmp_path / "other", 2, start=2)
    run_pass(catalog, model, tmp_path / "one", tmp_path / "other")
    for path in (one[0], other[0]):
        Path(path).unlink()
    assert run_pass(catalog, model, tmp_path / "one").paths == [one[1]]
    assert [image.facts.path for image in catalog.images([*one, *other])] == [one[1], *other]


def test_files_that_are_left_out_this_time_stay(catalog: Catalog, model: SmallModel, folder: Path) -> None:
    many(folder, 2)
    put(folder / "a.bmp", scene(7))
    put(folder / "b.bmp", BROKEN)
    run_pass(catalog, model, folder)
    seen = ingest(catalog, model.describer, [str(folder)], FileSettings(extensions=("png",)), progress=silent)
    assert (len(seen.paths), seen.skipped) == (2, [])
    assert catalog.counts() == {"contents": 3, "files": 3, "skipped": 1}


def test_the_order_of_the_files_changes_nothing(model: SmallModel, folder: Path, tmp_path: Path) -> None:
    many(folder, 20)
    for name, number in (("copy-a.png", 3), ("copy-b.png", 19)):
        put(folder / name, picture_bytes(scene(number, 24, 20), "PNG"))
    put(folder / "broken.png", BROKEN)
    outcomes = []
    for seed in (None, 1, 2):
        found = find_in(folder)
        if seed is not None:
            random.Random(seed).shuffle(found.files)
        with model.catalog(str(tmp_path / f"{seed}.db")) as catalog:
            seen = run_found(catalog, model, found)
            rows = rows_of(catalog)
        vectors = [np.frombuffer(row[-1], np.float32) for row in rows if isinstance(row[-1], bytes)]
        facts = [row[:-1] if isinstance(row[-1], bytes) else row for row in rows]
        outcomes.append((seen.paths, seen.skipped, seen.described, seen.reused, facts, np.stack(vectors)))
    for outcome in outcomes[1:]:
        assert outcome[:5] == outcomes[0][:5]
        np.testing.assert_allclose(outcome[5], outcomes[0][5], atol=1e-6)


def decoding_threads() -> list[str]:
    return [t.name for t in threading.enumerate() if t.name.startswith("copylens-decode")]


@pytest.mark.parametrize("failing_run", [0, 2])
def test_a_failing_network_loses_at_most_one_batch(
    catalog: Catalog, model: SmallModel, folder: Path, failing_run: int
) -> None:
    paths = many(folder, 3 * BATCH + 2)
    model.engine.failing = {failing_run}
    with pytest.raises(EngineError, match="the network broke") as caught:
        run_pass(catalog, model, folder)
    # While the error and all that it refers to is still there.
    assert decoding_threads() == []
    assert caught.tb is not None
    assert_sound(catalog)
    assert catalog.counts()["contents"] == failing_run * BATCH
    model.engine.failing = ()
    model.take_pictures()
    seen = run_pass(catalog, model, folder)
    assert (seen.paths, seen.reused) == (paths, failing_run * BATCH)
    assert model.take_pictures() == len(paths) - failing_run * BATCH
    check_descriptors(catalog, model, seen)


def test_an_interrupted_pass_is_resumed(catalog: Catalog, model: SmallModel, folder: Path) -> None:
    many(folder, 2 * BATCH)

    def interrupt(stage: str, done: int, total: int | None) -> None:
        if stage == "describe" and done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) as caught:
        run_pass(catalog, model, folder, steps=interrupt)
    assert decoding_threads() == []
    assert caught.tb is not None
    assert run_pass(catalog, model, folder).reused == BATCH


@pytest.mark.parametrize("equal", [False, True])
def test_two_batches_of_pictures_are_in_memory_at_most(
    catalog: Catalog, model: SmallModel, folder: Path, monkeypatch: pytest.MonkeyPatch, equal: bool
) -> None:
    """Also of equal pictures, when the threads decode all of them before the first is described."""
    alive: list[weakref.ref[Any]] = []
    most = 0

    def stream(found: list[FoundFile], *args: Any, **options: Any) -> Iterator[Loaded | Skipped]:
        nonlocal most
        shape = (model.package.input.height, model.package.input.width, 3)
        for number, file in enumerate(found):
            pixels = np.full(shape, number % 251, np.uint8)
            alive.append(weakref.ref(pixels))
            digest = f"{0 if equal else number:032x}"
            item = Loaded(file, digest, PictureFacts(1, 1, "PNG"), pixels)
            del pixels
            gc.collect(0)
            most = max(most, sum(reference() is not None for reference in alive))
            yield item

    monkeypatch.setattr(module, "load", stream)
    found = Found((), [FoundFile(f"/{n}.png", 1, 1) for n in range(10 * BATCH)], [])
    assert len(run_found(catalog, model, found).paths) == 10 * BATCH
    assert most <= 2 * BATCH + 2
    assert len(alive) == 10 * BATCH


def test_files_without_pictures_are_recorded_in_small_transactions(
    catalog: Catalog, model: SmallModel, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CHUNK", 4)
    data = picture_bytes(scene(1), "PNG")
    for number in range(10):
        put(folder / f"{number}.png", data)
    sizes: list[int] = []
    real = catalog.record

    def record(batch: Any) -> None:
        sizes.append(len(batch))
        real(batch)

    monkeypatch.setattr(catalog, "record", record)
    steps = Steps()
    run_pass(catalog, model, folder, steps=steps)
    assert sizes == [0, 4, 4, 2]
    assert [done for done, _ in steps.of("describe")] == [0, 4, 8, 10]


def test_progress_never_goes_back_and_ends_at_the_total(
    catalog: Catalog, model: SmallModel, folder: Path
) -> None:
    put(folder / "broken.png", BROKEN)
    for expected in (1, 21, 21, 46):
        many(folder, expected - len(list(folder.iterdir())), start=expected)
        steps = Steps()
        run_pass(catalog, model, folder, steps=steps)
        steps.check("find", expected)
        steps.check("describe", expected)


def test_workers_reach_the_threads(
    catalog: Catalog, model: SmallModel, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []

    def watched(*args: Any, workers: int, **options: Any) -> Any:
        asked.append(workers)
        return load(*args, workers=workers, **options)

    monkeypatch.setattr(module, "load", watched)
    monkeypatch.setattr(os, "cpu_count", lambda: 6)
    for workers in (5, None):
        ingest(catalog, model.describer, [str(folder)], FileSettings(workers=workers), progress=silent)
    assert asked == [5, 6]


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_every_kind_of_input_is_described(tmp_path: Path, dtype: str) -> None:
    model = SmallModel(tmp_path, dtype=dtype)
    many(tmp_path / "photos", 3)
    with model.catalog() as catalog:
        check_descriptors(catalog, model, run_pass(catalog, model, tmp_path / "photos"))
