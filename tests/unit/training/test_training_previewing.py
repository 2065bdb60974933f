"""The contact sheet of a recipe: drawn from few pictures, broken ones replaced, nothing else written."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
from PIL import Image

from copylens.errors import UsageError
from copylens.training import previewing
from copylens.training.augment import AugmentSettings, contact_sheet
from copylens.training.nouns import PictureBatch
from copylens.training.previewing import PICTURES, preview
from copylens.training.traced_sheet import traced_sheet
from training_samples import picture_folder, tiny


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return picture_folder(tmp_path_factory.mktemp("preview") / "pictures", PICTURES + 2)


@dataclass
class Asked:
    """What would have been drawn."""

    batch: PictureBatch
    settings: AugmentSettings
    file: Path
    seed: int


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Asked]:
    """No sheet is drawn, which takes seconds; the batches for it are kept."""
    kept: list[Asked] = []

    def draw(batch: PictureBatch, settings: AugmentSettings, file: Path, *, seed: int) -> None:
        kept.append(Asked(batch, settings, file, seed))

    monkeypatch.setattr(previewing, "contact_sheet", draw)
    return kept


def test_one_picture_is_enough_for_a_sheet_and_nothing_else_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A small one, since every operator is drawn.
    monkeypatch.setattr(previewing, "contact_sheet", partial(contact_sheet, columns=2, size=32))
    one = picture_folder(tmp_path / "one", 1)
    preview([str(one)], tiny(), tmp_path / "sheet.png")
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.format == "PNG"
        assert min(sheet.size) > 100
        assert len(set(sheet.convert("L").tobytes())) > 50
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one", "sheet.png"]


def test_where_cells_are_supervised_traced_places_are_drawn_too(
    pictures: Path, tmp_path: Path, asked: list[Asked], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(previewing, "traced_sheet", partial(traced_sheet, columns=2, size=32))
    assert preview([str(pictures)], tiny(), tmp_path / "sheet.png") == [tmp_path / "sheet.png"]
    written = preview([str(pictures)], tiny("patch.weight=1"), tmp_path / "sheet.png")
    assert [path.name for path in written] == ["sheet.png", "sheet-traced.png"]
    with Image.open(written[1]) as sheet:
        assert sheet.height == 22 + PICTURES * 36 + 4
    assert len(asked) == 2


def test_a_few_pictures_are_drawn_by_the_recipe(pictures: Path, tmp_path: Path, asked: list[Asked]) -> None:
    for changes in ((), ("loop.seed=1", "augment.preset=copylens")):
        preview([str(pictures)], tiny(*changes), tmp_path / "sheet.png")
    first, second = asked
    assert first.batch.pixels.shape == (PICTURES, 3, 48, 48)
    assert (first.seed, first.settings.preset, first.file) == (0, "advanced", tmp_path / "sheet.png")
    assert (second.seed, second.settings.preset) == (1, "copylens")
    assert first.batch.keys.tolist() != second.batch.keys.tolist()
    assert set(first.batch.keys.tolist()) <= set(range(PICTURES + 2))


def test_neither_cache_nor_protection_is_made_for_it(
    pictures: Path, tmp_path: Path, asked: list[Asked]
) -> None:
    changes = ("data.cache=memory", "data.protect_duplicates=positives", "data.protect_threshold=0.9")
    preview([str(pictures)], tiny(*changes), tmp_path / "sheet.png")
    assert asked[0].batch.groups is None
    assert list(tmp_path.iterdir()) == []


def test_a_broken_picture_is_replaced(tmp_path: Path, asked: list[Asked]) -> None:
    folder = picture_folder(tmp_path / "pictures", PICTURES + 1)
    (folder / "0002.jpg").write_bytes(b"no picture")
    preview([str(folder)], tiny(), tmp_path / "sheet.png")
    assert sorted(asked[0].batch.keys.tolist()) == [0, 1, 3, 4, 5, 6]


def test_another_suffix_and_no_pictures_are_refused_before_anything_is_read(
    pictures: Path, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=r"must be one of \.png"):
        preview([str(tmp_path / "none")], tiny(), tmp_path / "sheet.jpg")
    with pytest.raises(UsageError, match="there is no folder"):
        preview([str(pictures)], tiny(), tmp_path / "no" / "sheet.png")
    with pytest.raises(UsageError, match="no such file or folder"):
        preview([str(tmp_path / "none")], tiny(), tmp_path / "sheet.png")
    assert list(tmp_path.iterdir()) == []
