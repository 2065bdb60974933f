"""Copies that were planted among photographs are found with the bundled model, and only they."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pytest
import torch

import protecting_worker
from copylens.errors import OutputError, TooManyMatchesError, UsageError
from copylens.matching import Pairs
from copylens.training.augment import Augmenter
from copylens.training.data import DataSettings, protecting
from copylens.training.data.loader import PictureLoader
from copylens.training.data.protecting import FILE, Protected, components, protect
from copylens.training.mixing import MixingSettings, make_views
from copylens.training.nouns import NOBODY, PictureBatch
from picture_places import Listed
from protecting_worker import BROKEN, GROUPS, planted

Mode = Literal["off", "leave-out", "positives"]
EVERYTHING = np.arange(len(GROUPS))
FIRST_OF_GROUP = np.unique(GROUPS)


@pytest.fixture(scope="module")
def source() -> Listed:
    return planted()


@pytest.fixture(scope="module")
def run(source: Listed, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run folder that holds an answer."""
    folder = tmp_path_factory.mktemp("run") / "deep"
    find(source, folder)
    return folder


def find(
    source: Listed, folder: Path, mode: Mode = "leave-out", keys: Any = EVERYTHING, **more: Any
) -> Protected:
    return protect(source, keys, DataSettings(protect_duplicates=mode, **more), folder=folder)


@pytest.fixture
def no_model(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_args: object) -> None:
        raise AssertionError("the model was loaded")

    monkeypatch.setattr(protecting, "load_model", refuse)


@pytest.mark.usefixtures("no_model")
def test_one_of_each_group_stays(source: Listed, run: Path) -> None:
    found = find(source, run, "leave-out")
    assert found.keys.tolist() == FIRST_OF_GROUP.tolist()
    assert found.groups.tolist() == list(GROUPS)
    assert found.keys.dtype == found.groups.dtype == np.int64


@pytest.mark.usefixtures("no_model")
def test_all_stay_as_positives(source: Listed, run: Path) -> None:
    found = find(source, run, "positives")
    assert found.keys.tolist() == EVERYTHING.tolist()
    assert found.groups.tolist() == list(GROUPS)


@pytest.mark.usefixtures("no_model")
def test_off_changes_nothing(source: Listed, tmp_path: Path) -> None:
    found = find(source, tmp_path, "off", keys=np.array([5, 3, 10]))
    assert found.keys.tolist() == [3, 5, 10]
    assert found.groups.tolist() == EVERYTHING.tolist()
    assert not list(tmp_path.iterdir())


def test_only_the_given_pictures_are_looked_at(tmp_path: Path) -> None:
    source = planted()
    keys = np.array([3, 4, BROKEN, 10, 11])
    found = find(source, tmp_path, keys=keys)
    assert found.keys.tolist() == [3, 4, BROKEN, 10]
    assert found.groups.tolist() == [i if i != 11 else 3 for i in range(len(GROUPS))]
    assert sorted(source.reads) == keys.tolist()


@pytest.mark.usefixtures("no_model")
@pytest.mark.parametrize("change", ["threshold", "keys", "pictures", "damage", "no file"])
def test_another_question_or_a_damaged_answer_is_looked_at_anew(
    change: str, source: Listed, run: Path, tmp_path: Path
) -> None:
    answer = (run / FILE).read_bytes()
    (tmp_path / FILE).write_bytes(answer[:200] if change == "damage" else answer)
    keys = EVERYTHING
    more: dict[str, Any] = {}
    if change == "threshold":
        more = {"protect_threshold": 0.5}
    elif change == "keys":
        keys = EVERYTHING[1:]
    elif change == "pictures":
        source = Listed([*source.entries[:-1], b"other"])
    elif change == "no file":
        (tmp_path / FILE).unlink()
    with pytest.raises(AssertionError, match="the model was loaded"):
        find(source, tmp_path, keys=keys, **more)


def test_the_threshold_decides(source: Listed, tmp_path: Path) -> None:
    assert find(source, tmp_path, protect_threshold=1.0).keys.tolist() != FIRST_OF_GROUP.tolist()
    words = r"protect_threshold -1 makes one group of near-duplicates of 13 of 14 pictures; raise it"
    with pytest.raises(UsageError, match=words):
        find(source, tmp_path, protect_threshold=-1.0)


def test_what_cannot_be(source: Listed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="cannot be made"):
        find(source, tmp_path / "file" / "run", keys=EVERYTHING[:2])

    def too_many(*_args: object, **_options: object) -> None:
        raise TooManyMatchesError("more than can be held")

    monkeypatch.setattr(protecting, "self_join", too_many)
    with pytest.raises(
        UsageError, match=r"data\.protect_threshold -0\.5 makes near-duplicates of nearly all"
    ):
        find(source, tmp_path, keys=EVERYTHING[:2], protect_threshold=-0.5)


def test_progress_is_told(source: Listed, tmp_path: Path) -> None:
    seen: list[tuple[str, int, int | None]] = []
    settings = DataSettings(protect_duplicates="positives")
    protect(source, EVERYTHING, settings, folder=tmp_path, progress=lambda *step: seen.append(step))
    assert seen == [("describe", 14, 14), ("match", 13, 13)]


def test_two_processes_share_the_work_and_agree(tmp_path: Path) -> None:
    command = [sys.executable, "-W", "error", str(protecting_worker.__file__)]
    processes = [
        subprocess.Popen([*command, str(rank), "2", str(tmp_path)], stderr=subprocess.PIPE, text=True)
        for rank in range(2)
    ]
    try:
        ends = [process.communicate(timeout=120)[1] for process in processes]
    finally:
        for process in processes:
            process.kill()
    assert [process.returncode for process in processes] == [0, 0], "\n".join(ends)
    for rank in range(2):
        with np.load(tmp_path / f"{rank}.npz") as found:
            assert found["keys"].tolist() == FIRST_OF_GROUP.tolist()
            assert found["groups"].tolist() == found["again"].tolist() == list(GROUPS)
            assert found["read"].tolist() == list(range(rank, len(GROUPS), 2))
            assert int(found["most"]) == 1
            assert bool(found["kept"]) == (rank == 0)


def naive_components(count: int, edges: npt.NDArray[np.int64]) -> list[int]:
    """Spread the lowest label along every edge until nothing changes."""
    labels = list(range(count))
    for _ in range(count):
        for a, b in edges.tolist():
            labels[a] = labels[b] = min(labels[a], labels[b])
    return labels


@pytest.mark.parametrize("seed", range(20))
def test_components_equal_their_naive_twin(seed: int) -> None:
    draw = np.random.default_rng(seed)
    count = int(draw.integers(1, 40))
    edges = draw.integers(0, count, (int(draw.integers(0, count + 5)), 2))
    pairs = Pairs(edges[:, 0], edges[:, 1], np.ones(len(edges), np.float32))
    assert components(count, pairs).tolist() == naive_components(count, edges)


def test_a_long_chain_is_one_component() -> None:
    places = np.random.default_rng(0).permutation(100_000)
    pairs = Pairs(places[:-1], places[1:], np.ones(len(places) - 1, np.float32))
    assert not components(len(places), pairs).any()


def views_of(batch: PictureBatch, mixing: MixingSettings) -> list[list[int]]:
    views = make_views(Augmenter("simclr", 32), batch, mixing, seed=0, epoch=0, step=0)
    return views.sources.tolist()


def test_groups_are_the_sources_of_the_views(source: Listed, run: Path) -> None:
    found = find(source, run, "positives")
    settings = DataSettings(canvas=32)
    with PictureLoader(source, settings, batch=13, seed=0, keys=found.keys, groups=found.groups) as loader:
        batch = next(iter(loader.epoch(0)))
    assert BROKEN not in batch.keys
    groups = [GROUPS[key] for key in batch.keys.tolist()]
    assert views_of(batch, MixingSettings()) == [[group, NOBODY] for group in groups] * 2
    alone = PictureBatch(batch.pixels, batch.aspects, batch.keys)
    assert views_of(alone, MixingSettings()) == [[key, NOBODY] for key in batch.keys.tolist()] * 2


def test_groups_are_the_second_sources_of_mixed_views_too(source: Listed) -> None:
    keys = torch.arange(8) * 3 + 1
    pixels = torch.randint(
        0, 256, (8, 3, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(0)
    )
    batch = PictureBatch(pixels, torch.ones(8), keys, groups=keys // 2 + 100)
    alone = PictureBatch(pixels, torch.ones(8), keys)
    augmenter, mixing = Augmenter("copylens", 32), MixingSettings(probability=0.5)
    seconds = 0
    for epoch in range(3):
        plain = make_views(augmenter, alone, mixing, seed=0, epoch=epoch, step=0)
        grouped = make_views(augmenter, batch, mixing, seed=0, epoch=epoch, step=0)
        assert torch.equal(plain.pixels, grouped.pixels)
        wanted = torch.where(plain.sources == NOBODY, NOBODY, plain.sources // 2 + 100)
        assert torch.equal(grouped.sources, wanted)
        seconds += int((plain.sources[:, 1] != NOBODY).sum())
    assert seconds > 8
