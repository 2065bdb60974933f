"""The miner looks when it should, with the network as it is, and hands the loader what it found."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional

from copylens.errors import UsageError
from copylens.training.data import DataSettings
from copylens.training.data.canvas import draw
from copylens.training.data.loader import PictureLoader
from copylens.training.data.order import shuffled
from copylens.training.mining.miner import Miner
from copylens.training.mining.settings import MiningSettings
from copylens.training.processes import Processes
from copylens.training.validation import normalised_views
from mined_pictures import COLOURS, EACH, ColourNetwork, coloured_pictures, mining
from picture_places import Listed

ALONE = Processes(0, 1, torch.device("cpu"))
COUNT = len(COLOURS) * EACH
BATCH = 8


def loader_of(source: Listed, **options: Any) -> PictureLoader:
    return PictureLoader(source, DataSettings(canvas=40, workers=1), batch=BATCH, seed=0, **options)


def look(miner: Miner, epoch: int, network: ColourNetwork | None = None) -> dict[str, Any] | None:
    return miner.look(epoch, network or ColourNetwork())  # type: ignore[arg-type]


def keys_of(loader: PictureLoader, epoch: int) -> np.ndarray[Any, Any]:
    return np.stack([batch.keys.numpy() for batch in loader.epoch(epoch)])


@pytest.mark.parametrize("kind", ["neighbours", "clusters"])
def test_batches_hold_look_alikes(kind: str) -> None:
    settings = mining(kind=kind, share=1.0, clusters=4)
    with loader_of(coloured_pictures()) as loader:
        miner = Miner(settings, loader, ALONE)
        said = look(miner, 0)
        keys = keys_of(loader, 0)
    assert said is not None
    assert sorted(keys.ravel().tolist()) == list(range(COUNT))
    # Groups of four of one colour: three others, and more where both groups have the same colour.
    others = [(batch % 4 == picture % 4).sum() - 1 for batch in keys for picture in batch]
    assert np.mean(others) > 2.7
    assert said["mined"] > said["random"]
    assert said["grouped"] > 0.9
    assert (said["epoch"], said["copies"], said["copies_together"]) == (0, 0, 0)


def test_what_is_found_equals_a_naive_twin() -> None:
    source, network = coloured_pictures(broken=(5,)), ColourNetwork()
    settings = mining("loop.size=36", group=2)
    with loader_of(source) as loader:
        miner = Miner(settings, loader, ALONE)
        look(miner, 0, network)
        state = miner.state_dict()
        assert loader.broken.keys() == {5}
    rows = torch.zeros(COUNT, 16)
    for number in range(COUNT):
        if number != 5:
            canvas = torch.from_numpy(draw(source.entries[number] or b"", 40).pixels.copy())[None] / 255.0
            small = functional.interpolate(canvas, (36, 36), mode="bilinear", antialias=True)
            rows[number] = network(normalised_views(small, settings.network))[0]
    scores = (rows @ rows.T).fill_diagonal_(-2.0)
    scores[5], scores[:, 5] = -2.0, -2.0
    nearest = scores.topk(8, dim=1).values
    found = state["neighbours"].long()
    assert found[5].tolist() == [-1] * 8
    for number in range(COUNT):
        if number != 5:
            assert torch.allclose(scores[number, found[number]], nearest[number], atol=1e-5)
    # Its own mode comes back, and no look is taken in training mode.
    assert network.training
    assert not any(network.modes[: COUNT // BATCH])


def test_copies_stay_apart_and_positives_need_not() -> None:
    source = coloured_pictures(copies=8)
    pairs = [(number, COUNT + number) for number in range(8)]

    def together(keys: np.ndarray[Any, Any]) -> int:
        return sum({a, b} <= set(batch.tolist()) for batch in keys for a, b in pairs)

    with loader_of(source) as loader:
        miner = Miner(mining(share=1.0), loader, ALONE)
        said = look(miner, 0)
        assert said is not None
        assert said["copies"] == 8
        apart = [together(keys_of(loader, 0))]
        for epoch in range(1, 6):
            look(miner, epoch)
            apart.append(together(keys_of(loader, epoch)))
    assert apart == [0] * 6
    groups = np.arange(COUNT + 8)
    groups[COUNT:] -= COUNT
    with loader_of(source, groups=groups) as loader:
        miner = Miner(mining(share=1.0), loader, ALONE)
        said = look(miner, 0)
        assert said is not None
        assert said["copies"] == 0
        neighbours = miner.state_dict()["neighbours"]
        for a, b in pairs:
            assert b not in neighbours[a]
            assert a not in neighbours[b]


def test_an_order_is_known_after_the_look_and_the_loader_waits_for_it() -> None:
    source = coloured_pictures()
    with loader_of(source) as loader:
        miner = Miner(mining(refresh_epochs=2, start_epoch=1), loader, ALONE)
        assert look(miner, 0) is None
        assert np.array_equal(keys_of(loader, 0).ravel(), shuffled(np.arange(COUNT), 0, 0))
        assert miner.order(1) is None
        assert source.reads.total() == COUNT
        with pytest.raises(ValueError, match="The order of epoch 1 is not known"):
            next(iter(loader.epoch(1)))
        assert look(miner, 1) is not None
        first = keys_of(loader, 1)
        assert look(miner, 2) is None
        second = keys_of(loader, 2)
        assert miner.order(3) is None
        assert look(miner, 3) is not None
        for keys in (first, second):
            assert sorted(keys.ravel().tolist()) == list(range(COUNT))
        assert not np.array_equal(first, second)


def test_it_goes_on_from_its_state() -> None:
    settings = mining(kind="clusters", refresh_epochs=3)
    with loader_of(coloured_pictures(copies=2)) as loader:
        miner = Miner(settings, loader, ALONE)
        assert miner.state_dict() == {}
        look(miner, 0)
        file = io.BytesIO()
        torch.save(miner.state_dict(), file)
        orders = [miner.order(epoch) for epoch in range(3)]
    with loader_of(coloured_pictures(copies=2)) as loader:
        again = Miner(settings, loader, ALONE)
        again.load_state_dict(torch.load(io.BytesIO(file.getvalue()), weights_only=True))
        assert look(again, 2) is None
        for epoch, wanted in enumerate(orders):
            found = again.order(epoch)
            assert found is not None
            assert wanted is not None
            assert np.array_equal(found, wanted)
        again.load_state_dict({})
        assert again.order(0) is None


def test_where_everything_looks_alike_the_order_stays_random() -> None:
    with loader_of(coloured_pictures()) as loader:
        miner = Miner(mining(protect_threshold=-1.0), loader, ALONE)
        said = look(miner, 0)
        assert said is not None
        assert "pairs of 48 pictures score -1.000 or more. Batches stay random" in said["problem"]
        assert np.array_equal(keys_of(loader, 0).ravel(), shuffled(np.arange(COUNT), 0, 0))


def test_the_threshold_is_the_network_s_own_where_none_is_given() -> None:
    source = coloured_pictures(copies=3)
    with loader_of(source) as loader:
        settings = mining("export.false_matches=5000", protect_threshold=None)
        said = look(Miner(settings, loader, ALONE), 0)
    assert said is not None
    # 5,000 of a million pairs of 48 pictures are five; equal pictures are not counted among them, but protected.
    assert said["copies"] >= 5
    assert 0.9 < said["threshold"] < 1.0


def test_what_does_not_fit_is_said() -> None:
    with loader_of(coloured_pictures()) as loader:
        with pytest.raises(UsageError, match=r"mining\.group is 9: a batch has no more than 8 pictures"):
            Miner(mining(group=9), loader, ALONE)
        with pytest.raises(UsageError, match=r"mining\.clusters is 49: there are no more than 48 pictures"):
            Miner(mining(kind="clusters", clusters=49), loader, ALONE)


@pytest.mark.parametrize(
    "wrong",
    [
        {"refresh_epochs": 0},
        {"start_epoch": -1},
        {"share": 0.0},
        {"share": 1.1},
        {"group": 1},
        {"clusters": -1},
        {"size": 31},
        {"protect_threshold": 1.01},
    ],
)
def test_settings_that_cannot_be_meant(wrong: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=rf"mining\.{next(iter(wrong))} is "):
        MiningSettings(**wrong)
