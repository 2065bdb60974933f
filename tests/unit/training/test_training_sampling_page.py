"""What a network says of held-out pictures, for the page: against scores that are computed pair by pair."""

from __future__ import annotations

import dataclasses
import io
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from copylens.errors import ImageError
from copylens.images import thumbnail
from copylens.networks.sscd import SSCDNetwork
from copylens.training import sampling_page
from copylens.training.augment import Augmenter
from copylens.training.data import PictureSource, open_pictures
from copylens.training.data.canvas import draw
from copylens.training.mixing import make_views
from copylens.training.nouns import PictureBatch
from copylens.training.page import PAGE
from copylens.training.sampling_page import NEAREST, SHOWN, SIDE, Samples, sample
from copylens.training.settings import TrainSettings
from copylens.training.validation import describe_pixels, normalised_views
from page_text import PageText
from trained_networks import network_for, prepared
from training_samples import picture_folder, run_training, tiny

CPU = torch.device("cpu")
HELD_OUT = list(range(1, 31))
PLAIN = tiny("augment.preset=simclr")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return picture_folder(tmp_path_factory.mktemp("sampling") / "pictures", 40)


@pytest.fixture(scope="module")
def source(folder: Path) -> PictureSource:
    return open_pictures(str(folder))


@pytest.fixture(scope="module")
def network(source: PictureSource) -> SSCDNetwork:
    return network_for(source, tiny())


def take(
    network: SSCDNetwork,
    source: PictureSource,
    held_out: list[int],
    settings: TrainSettings | None = None,
    seen: list[tuple[str, int, int | None]] | None = None,
) -> Samples | None:
    def note(stage: str, done: int, total: int | None) -> None:
        if seen is not None:
            seen.append((stage, done, total))

    return sample(network, settings or PLAIN, source, held_out, device=CPU, threshold=0.5, progress=note)


def test_scores_of_views_are_those_of_each_pair(network: SSCDNetwork, source: PictureSource) -> None:
    # Pasted and mixed pictures: some views share one with the views of others.
    settings = tiny("augment.preset=copylens", "mixing.probability=0.5")
    samples = take(network, source, HELD_OUT, settings)
    assert samples is not None
    drawn = [draw(source.read(number), settings.data.canvas) for number in HELD_OUT]
    batch = PictureBatch(
        torch.from_numpy(np.stack([one.pixels for one in drawn])),
        torch.tensor([one.aspect for one in drawn], dtype=torch.float32),
        torch.tensor(HELD_OUT),
    )
    augmenter = Augmenter(settings.augment, settings.loop.size)
    views = make_views(augmenter, batch, settings.mixing, seed=0, epoch=0, step=0)
    network.eval()
    with torch.no_grad():
        rows = network(normalised_views(views.pixels, settings.network)).numpy()
    network.train()
    shown = [{number for number in pair if number >= 0} for pair in views.sources.tolist()]
    assert any(len(pair) == 2 for pair in shown)
    count = len(HELD_OUT)
    for picture in range(count):
        assert samples.positives[picture] == pytest.approx(rows[picture] @ rows[count + picture], abs=1e-4)
    for row in range(2 * count):
        others = [
            float(rows[row] @ rows[other]) for other in range(2 * count) if not shown[row] & shown[other]
        ]
        assert samples.nearest_negatives[row] == pytest.approx(max(others), abs=1e-4)


def test_neighbours_are_the_nearest_and_go_from_near_to_far(
    network: SSCDNetwork, source: PictureSource, folder: Path
) -> None:
    samples = take(network, source, HELD_OUT)
    assert samples is not None
    rows = describe_pixels(network, prepared(source, tiny())[HELD_OUT], tiny().network, CPU)
    scores = rows @ rows.T
    np.fill_diagonal(scores, -2)
    places = {source.name(number): row for row, number in enumerate(HELD_OUT)}
    assert len(samples.neighbours) == SHOWN
    for query, others in samples.neighbours:
        row = places[samples.pictures[query].name]
        wanted = np.sort(scores[row])[::-1][:NEAREST]
        assert [other.score for other in others] == pytest.approx(wanted.tolist(), abs=1e-4)
        for other in others:
            column = places[samples.pictures[other.picture].name]
            assert other.score == pytest.approx(scores[row, column], abs=1e-4)
    best = [others[0].score for _, others in samples.neighbours]
    assert best == sorted(best, reverse=True)
    assert best[0] == pytest.approx(scores.max(), abs=1e-4)
    assert best[-1] == pytest.approx(scores.max(axis=1).min(), abs=1e-4)
    assert len({query for query, _ in samples.neighbours}) == SHOWN
    assert len({picture.name for picture in samples.pictures}) == len(samples.pictures)
    for picture in samples.pictures:
        assert picture.thumbnail == thumbnail(picture.name, side=SIDE)
        assert Image.open(io.BytesIO(picture.thumbnail)).format == "WEBP"


def test_it_is_the_same_each_time_and_touches_neither_network_nor_random_state(
    network: SSCDNetwork, source: PictureSource
) -> None:
    before = {name: value.clone() for name, value in network.state_dict().items()}
    state = torch.get_rng_state()
    first, again = take(network, source, HELD_OUT[:9]), take(network, source, HELD_OUT[:9])
    assert network.training
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert first is not None
    assert again is not None
    assert np.array_equal(first.positives, again.positives)
    assert (first.pictures, first.neighbours, first.threshold) == (again.pictures, again.neighbours, 0.5)


def test_of_many_pictures_some_are_taken_evenly_in_chunks(
    network: SSCDNetwork, source: PictureSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sampling_page, "PICTURES", 7)
    monkeypatch.setattr(sampling_page, "CHUNK", 3)
    seen: list[tuple[str, int, int | None]] = []
    samples = take(network, source, HELD_OUT, seen=seen)
    assert samples is not None
    assert seen == [("describe", done, 7) for done in (3, 6, 7)]
    assert samples.positives.shape == (7,)
    assert samples.nearest_negatives.shape == (14,)
    taken = {Path(picture.name).stem for picture in samples.pictures}
    assert taken == {f"{number:04}" for number in (1, 6, 11, 15, 20, 25, 30)}


def test_broken_pictures_are_left_out_and_two_are_needed(network: SSCDNetwork, tmp_path: Path) -> None:
    folder = picture_folder(tmp_path / "pictures", 5)
    (folder / "0003.jpg").write_bytes(b"no picture")
    source = open_pictures(str(folder))
    samples = take(network, source, [0, 2, 3, 4])
    assert samples is not None
    assert len(samples.positives) == 3
    assert [len(others) for _, others in samples.neighbours] == [2, 2, 2]
    for few in ([], [0], [3], [0, 3]):
        assert take(network, source, few) is None


def test_a_picture_that_vanishes_meanwhile_has_no_thumbnail(
    network: SSCDNetwork, source: PictureSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(data: bytes, *, side: int) -> bytes:
        raise ImageError("vanished", "there is no such file (any more)")

    monkeypatch.setattr(sampling_page, "thumbnail_of", gone)
    samples = take(network, source, HELD_OUT[:3])
    assert samples is not None
    assert [picture.thumbnail for picture in samples.pictures] == [b""] * 3


def test_a_run_ends_with_its_page(folder: Path, tmp_path: Path) -> None:
    settings = tiny("loop.steps=2")
    run_training(folder, tmp_path, dataclasses.replace(settings, description="with a page"))
    page = PageText.of(tmp_path / "run" / PAGE)
    (log,) = page.data("log")
    assert log["charts"][0]["steps"] == [1, 2]
    (scores,) = page.data("scores")
    # A tenth of 40 is held out.
    assert (sum(scores["positives"]), sum(scores["negatives"])) == (4, 8)
    assert len([tag for tag, _ in page.tags if tag == "img"]) == 4 * 4
    assert "with a page" in page.text
