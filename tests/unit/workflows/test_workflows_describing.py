"""Folders to descriptors: sorted, one row per path, kept in the catalog, saved as documented."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet
import pytest

from copylens.catalog import Catalog
from copylens.errors import CatalogError, FingerprintMismatchError, OutputError, UsageError
from copylens.models import Engine, ModelPackage
from copylens.records import Skipped
from copylens.workflows import describer
from copylens.workflows import describing as module
from copylens.workflows.describing import Described, describe, describe_with, open_catalog
from copylens.workflows.settings import FileSettings, ModelSettings, silent
from workflow_samples import SmallModel, Steps, put, scene


@pytest.fixture(autouse=True)
def watched(model: SmallModel, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is loaded runs on the watched engine."""

    def create(package: ModelPackage, **options: Any) -> Engine:
        return model.engine

    monkeypatch.setattr(describer, "create_engine", create)


@pytest.fixture
def photos(folder: Path) -> Path:
    for name, seed in (("b.png", 1), ("a/z.png", 2), ("a.png", 3), ("copy of b.png", 1), ("c.jpg", 4)):
        put(folder / name, scene(seed))
    put(folder / "broken.png", b"nothing")
    return folder


def run(model: SmallModel, *paths: Path, **options: Any) -> Described:
    return describe(list(paths), model=model.package.directory, **options)


def test_rows_are_those_of_the_paths_in_sorted_order(model: SmallModel, photos: Path) -> None:
    found = run(model, photos)
    names = ["a.png", "a/z.png", "b.png", "c.jpg", "copy of b.png"]
    assert found.paths == tuple(sorted(str(photos / name) for name in names))
    assert found.descriptors.shape == (5, 16)
    for path, row in zip(found.paths, found.descriptors, strict=True):
        np.testing.assert_allclose(row, model.describer.describe([path])[0], atol=1e-5)
    assert [(item.path, item.code) for item in found.skipped] == [
        (str(photos / "broken.png"), "not-an-image")
    ]
    assert found.model == model.describer.identity


def test_one_path_several_and_overlapping_ones(model: SmallModel, photos: Path) -> None:
    one = describe(str(photos / "a"), model=model.package.directory)
    assert one.paths == (str(photos / "a" / "z.png"),)
    several = run(model, photos / "b.png", photos / "a", photos)
    assert several.paths == run(model, photos).paths
    with pytest.raises(UsageError, match="No path given"):
        run(model)
    with pytest.raises(UsageError, match="gone: no such file or folder"):
        run(model, photos / "gone")


def test_a_second_run_describes_nothing(model: SmallModel, photos: Path, tmp_path: Path) -> None:
    catalogs: list[dict[str, Any]] = [{"catalog": tmp_path / "deep" / "c.db"}, {}]
    for options in catalogs:
        first = run(model, photos, **options)
        assert model.take_pictures() == 4
        again = run(model, photos, **options)
        assert model.take_pictures() == 0
        np.testing.assert_array_equal(again.descriptors, first.descriptors)
        assert (again.paths, again.skipped) == (first.paths, first.skipped)
    assert (tmp_path / "deep" / "c.db").is_file()
    assert (tmp_path / "cache" / f"catalog-{model.package.fingerprint}.db").is_file()


def test_progress_reaches_its_totals(model: SmallModel, photos: Path) -> None:
    steps = Steps()
    run(model, photos, progress=steps)
    steps.check("find", 6)
    steps.check("describe", 6)


def test_settings_reach_the_files(model: SmallModel, photos: Path) -> None:
    found = describe_with(
        [str(photos)],
        model=ModelSettings(model=str(model.package.directory)),
        catalog=None,
        files=FileSettings(extensions=("png",), exclude=("a*",)),
        progress=silent,
    )
    assert [Path(path).name for path in found.paths] == ["b.png", "copy of b.png"]


def test_images_that_another_process_takes_away_are_skipped(
    model: SmallModel, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, gone = module.ingest, str(photos / "b.png")  # type: ignore[attr-defined]

    def then_disturbed(catalog: Catalog, *args: Any, **options: Any) -> Any:
        seen = real(catalog, *args, **options)
        with model.catalog(str(tmp_path / "c.db")) as other:
            other.record([Skipped(gone, "vanished", "as the other process saw it")])
        return seen

    monkeypatch.setattr(module, "ingest", then_disturbed)
    found = run(model, photos, catalog=tmp_path / "c.db")
    assert gone not in found.paths
    assert len(found.paths) == len(found.descriptors) == 4
    assert (gone, "changed") in [(item.path, item.code) for item in found.skipped]


# --- saving


def test_the_saved_arrays_are_the_result(model: SmallModel, photos: Path, tmp_path: Path) -> None:
    found = run(model, photos)
    found.save(tmp_path / "d.npz")
    with np.load(tmp_path / "d.npz", allow_pickle=False) as saved:
        assert saved["paths"].tolist() == list(found.paths)
        np.testing.assert_array_equal(saved["descriptors"], found.descriptors)
        assert saved["descriptors"].dtype == np.float32
        assert (str(saved["model"]), str(saved["fingerprint"])) == ("small", model.package.fingerprint)


def test_the_saved_table_is_the_result(model: SmallModel, photos: Path, tmp_path: Path) -> None:
    found = run(model, photos)
    found.save(tmp_path / "d.parquet")
    table = pyarrow.parquet.read_table(tmp_path / "d.parquet")
    assert table["path"].to_pylist() == list(found.paths)
    rows = np.array(table["descriptor"].to_pylist(), np.float32)
    np.testing.assert_array_equal(rows, found.descriptors)
    assert table.schema.metadata[b"fingerprint"].decode() == model.package.fingerprint


@pytest.mark.parametrize("suffix", [".npz", ".parquet"])
def test_a_folder_without_images_is_saved_too(
    model: SmallModel, folder: Path, tmp_path: Path, suffix: str
) -> None:
    put(folder / "broken.png", b"nothing")
    found = run(model, folder)
    assert (found.paths, found.descriptors.shape, len(found.skipped)) == ((), (0, 16), 1)
    found.save(tmp_path / f"d{suffix}")
    assert (tmp_path / f"d{suffix}").stat().st_size > 0


def test_undecodable_names_are_described_and_written_as_escapes(
    model: SmallModel, folder: Path, tmp_path: Path
) -> None:
    name = os.fsdecode(b"caf\xe9.png")
    os.rename(put(folder / "a.png", scene(1)), f"{folder}/{name}")  # noqa: PTH104 (no text)
    found = run(model, folder)
    assert found.paths == (f"{folder}/{name}",)
    found.save(tmp_path / "d.npz")
    with np.load(tmp_path / "d.npz", allow_pickle=False) as saved:
        assert saved["paths"].tolist() == [f"{folder}/caf\\xe9.png"]


def test_a_file_that_cannot_be_written_is_named(model: SmallModel, photos: Path, tmp_path: Path) -> None:
    found = run(model, photos)
    for name in ("d.csv", "nowhere/d.npz"):
        with pytest.raises(UsageError):
            found.save(tmp_path / name)
    (tmp_path / "taken.npz").mkdir()
    with pytest.raises((UsageError, OutputError), match=r"taken\.npz"):
        found.save(tmp_path / "taken.npz")


# --- the catalog


def test_the_catalog_is_closed_whatever_happens(model: SmallModel, tmp_path: Path) -> None:
    opened: list[Catalog] = []

    def use() -> None:
        with open_catalog(tmp_path / "c.db", model.describer) as store:
            opened.append(store)
            assert store.counts()["files"] == 0
            raise KeyError("inside")

    with pytest.raises(KeyError, match="inside"):
        use()
    with pytest.raises(CatalogError):
        opened[0].counts()


def test_a_catalog_of_another_model_is_refused(model: SmallModel, photos: Path, tmp_path: Path) -> None:
    run(model, photos, catalog=tmp_path / "c.db")
    other = SmallModel(tmp_path, seed=1)
    with pytest.raises(FingerprintMismatchError, match=other.package.fingerprint):
        run(other, photos, catalog=tmp_path / "c.db")
    assert run(other, photos).model.fingerprint == other.package.fingerprint
