"""Batches follow from seed and epoch alone, whoever decodes them; nothing stays behind."""

from __future__ import annotations

import contextlib
import io
import itertools
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from copylens.errors import UsageError
from copylens.training.data import DataSettings, PictureSource, canvases
from copylens.training.data.loader import PictureLoader
from copylens.training.data.memory_left import memory_left
from copylens.training.data.processes import InProcesses
from copylens.training.nouns import PictureBatch
from picture_places import Listed, pictures
from workflow_samples import picture_bytes, scene

SIDE = 16
COUNT = 53
BATCH = 8


def loader(source: PictureSource, settings: dict[str, Any] | None = None, **options: Any) -> PictureLoader:
    chosen = DataSettings(**{"canvas": SIDE} | (settings or {}))
    return PictureLoader(source, chosen, **{"batch": BATCH, "seed": 1} | options)


def batches(source: PictureSource, epochs: int = 2, **options: Any) -> list[PictureBatch]:
    with loader(source, **options) as made:
        return [batch for epoch in range(epochs) for batch in made.epoch(epoch)]


def assert_equal(found: list[PictureBatch], wanted: list[PictureBatch]) -> None:
    assert len(found) == len(wanted) > 0
    for one, other in zip(found, wanted, strict=True):
        assert torch.equal(one.keys, other.keys)
        assert torch.equal(one.pixels, other.pixels)
        assert torch.equal(one.aspects, other.aspects)


def decoders() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("copylens-pictures")]


@pytest.fixture(autouse=True)
def _no_thread_stays() -> Iterator[None]:
    yield
    assert not decoders()


def test_a_batch_holds_what_it_says() -> None:
    source = pictures(COUNT)
    found = batches(source, epochs=1)
    assert len(found) == COUNT // BATCH
    for batch in found:
        assert (batch.pixels.shape, batch.pixels.dtype) == ((BATCH, 3, SIDE, SIDE), torch.uint8)
        assert (batch.aspects.dtype, batch.keys.dtype, batch.groups) == (torch.float32, torch.int64, None)
        for pixels, aspect, key in zip(batch.pixels, batch.aspects, batch.keys, strict=True):
            image = Image.open(io.BytesIO(source.entries[int(key)] or b""))
            wanted = np.asarray(image.resize((SIDE, SIDE), Image.Resampling.BICUBIC))
            assert np.array_equal(pixels.permute(1, 2, 0).numpy(), wanted)
            assert float(aspect) == pytest.approx(image.width / image.height)
    keys = torch.cat([batch.keys for batch in found])
    assert len(set(keys.tolist())) == len(keys)


def test_large_pictures_are_decoded_small_and_antialiased() -> None:
    """Stripes of one pixel become grey, in a JPEG that is decoded at a fraction and in a PNG."""
    stripes = np.repeat(np.tile(np.array([0, 255], np.uint8), 200)[None, :, None], 300, 0).repeat(3, 2)
    photo = Image.fromarray(scene(3, 320, 480))
    source = Listed([picture_bytes(stripes, "PNG"), picture_bytes(photo, "JPEG", quality=95)])
    by_key = {
        int(key): canvas
        for batch in batches(source, 1, batch=2)
        for key, canvas in zip(batch.keys, batch.pixels, strict=True)
    }
    assert (by_key[0].float() - 127.5).abs().max() < 3
    wanted = np.asarray(photo.resize((SIDE, SIDE), Image.Resampling.BICUBIC)).astype(float)
    assert np.abs(by_key[1].permute(1, 2, 0).numpy() - wanted).mean() < 3


@pytest.mark.parametrize(
    "settings",
    [
        {"workers": 1},
        {"workers": 5},
        {"prefetch": 0},
        {"prefetch": 9},
        {"cache": "memory"},
        {"decode_in": "processes"},
        {"decode_in": "processes", "cache": "memory", "workers": 1},
    ],
)
def test_how_it_is_read_does_not_matter(settings: dict[str, Any]) -> None:
    broken = (3, 4, 20, 41)
    wanted = batches(pictures(COUNT, broken=broken), 3)
    assert_equal(batches(pictures(COUNT, broken=broken), 3, settings=settings), wanted)


def test_epochs_and_seeds_differ() -> None:
    first, second = (torch.cat([b.keys for b in batches(pictures(COUNT), 2)]).view(2, -1)).unbind()
    other = torch.cat([b.keys for b in batches(pictures(COUNT), 1, seed=2)])
    assert not torch.equal(first, second)
    assert not torch.equal(first, other)


@pytest.mark.parametrize("start", range(COUNT // BATCH + 1))
def test_an_epoch_goes_on_from_any_step(start: int) -> None:
    broken = (0, 1, 2, 30)
    whole = batches(pictures(COUNT, broken=broken), 2)
    with loader(pictures(COUNT, broken=broken)) as made:
        resumed = [*made.epoch(0, start_step=start), *made.epoch(1)]
    assert_equal(resumed, whole[start:])


def test_epochs_in_any_order_and_at_once() -> None:
    whole = batches(pictures(COUNT), 3)
    steps = COUNT // BATCH
    with loader(pictures(COUNT)) as made:
        next(iter(made.epoch(0)))
        assert_equal(list(made.epoch(2)), whole[2 * steps :])
        pairs = list(zip(made.epoch(0), made.epoch(1), strict=True))
    assert_equal([first for first, _ in pairs], whole[:steps])
    assert_equal([second for _, second in pairs], whole[steps : 2 * steps])


@pytest.mark.parametrize("world", [2, 3])
def test_processes_share_an_epoch(world: int) -> None:
    whole = batches(pictures(COUNT), 2, batch=2 * world)
    shares = [batches(pictures(COUNT), 2, batch=2, rank=rank, world=world) for rank in range(world)]
    for step, wanted in enumerate(whole):
        parts = [share[step] for share in shares]
        assert torch.equal(torch.cat([part.keys for part in parts]), wanted.keys)
        assert torch.equal(torch.cat([part.pixels for part in parts]), wanted.pixels)


def test_only_the_chosen_pictures_take_part_with_their_groups() -> None:
    keys, groups = np.arange(10, 40, 2), np.arange(COUNT) // 4 * 4
    found = batches(pictures(COUNT), 2, batch=5, keys=keys[::-1].copy(), groups=groups)
    seen = torch.cat([batch.keys for batch in found])
    assert sorted(seen.tolist()) == sorted([*keys.tolist()] * 2)
    for batch in found:
        assert batch.groups is not None
        assert torch.equal(batch.groups, batch.keys // 4 * 4)


def test_broken_pictures_are_replaced_and_told() -> None:
    broken = tuple(range(0, COUNT, 3))
    source = pictures(COUNT, broken=broken)
    source.entries[1] = source.entries[1][:60] if source.entries[1] else None
    with loader(source) as made:
        found = [batch for epoch in range(9) for batch in made.epoch(epoch)]
        told = made.broken
    assert set(told) == {1, *broken}
    assert (told[3].path, told[3].code, told[3].reason) == ("picture 3", "empty", "the file has no bytes")
    assert told[1].code == "truncated"
    for batch in found:
        assert len(batch) == BATCH
        assert not set(batch.keys.tolist()) & set(told)
    assert max(source.reads[number] for number in told) <= 2


def test_a_step_holds_no_picture_twice_while_there_are_others() -> None:
    for batch in batches(pictures(COUNT, broken=(5, 6, 7, 8)), 9):
        assert len(set(batch.keys.tolist())) == BATCH


def test_too_few_pictures() -> None:
    with pytest.raises(UsageError, match="7 pictures are too few for one batch of 8"):
        loader(pictures(7))
    with pytest.raises(UsageError, match="53 pictures are too few for one batch of 56"):
        loader(pictures(COUNT), world=7)


@pytest.mark.parametrize("sound", [0, 1, 7])
@pytest.mark.parametrize("cache", ["none", "memory"])
def test_too_few_that_can_be_decoded(sound: int, cache: str) -> None:
    source = pictures(COUNT, broken=range(sound, COUNT))
    words = rf"At most \d+ of {COUNT} .* first that cannot is picture \d+: the file has no bytes"
    with loader(source, {"cache": cache}) as made, pytest.raises(UsageError, match=words):
        list(itertools.chain.from_iterable(made.epoch(epoch) for epoch in range(9)))


def test_the_cache_reads_every_picture_once() -> None:
    source = pictures(COUNT, broken=(2,))
    with loader(source, {"cache": "memory", "workers": 1}) as made:
        for epoch in range(12):
            list(made.epoch(epoch))
    assert source.reads == dict.fromkeys(range(COUNT), 1)


def test_a_cache_that_would_not_fit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    needed = COUNT * SIDE * SIDE * 3
    monkeypatch.setattr(canvases, "memory_left", lambda: needed)
    loader(pictures(COUNT), {"cache": "memory"}).close()
    monkeypatch.setattr(canvases, "memory_left", lambda: needed - 1)
    with pytest.raises(UsageError, match=r"data.cache memory: 53 pictures at 16 x 16 need .* GB are free"):
        loader(pictures(COUNT), {"cache": "memory"})
    loader(pictures(COUNT)).close()
    monkeypatch.setattr(canvases, "memory_left", lambda: needed)
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "2")
    with pytest.raises(UsageError, match="in 2 processes"):
        loader(pictures(COUNT), {"cache": "memory"}, world=4)


def test_memory_left_is_the_least_of_system_and_container(tmp_path: Path) -> None:
    meminfo = tmp_path / "meminfo"
    meminfo.write_text("MemTotal:  9000 kB\nMemAvailable:  5000 kB\n")
    assert memory_left(meminfo, tmp_path / "absent") == 5000 << 10
    for name, text in (("max", "4000000"), ("current", "1500000"), ("stat", "anon 1\nfile 500000\n")):
        (tmp_path / f"memory.{name}").write_text(text)
    assert memory_left(meminfo, tmp_path) == 3_000_000
    (tmp_path / "memory.max").write_text("max\n")
    assert memory_left(meminfo, tmp_path) == 5000 << 10
    assert (memory_left() or 0) > 0


def wait_for(source: Listed, reads: int) -> None:
    """Wait until so many pictures were read, and a little longer for what should not come."""
    deadline = time.monotonic() + 20
    while source.reads.total() < reads and time.monotonic() < deadline:
        time.sleep(0.001)
    time.sleep(0.02)


@pytest.mark.parametrize("prefetch", [0, 1, 3])
def test_no_more_is_read_than_the_batches_ahead(prefetch: int) -> None:
    source = pictures(COUNT)
    with loader(source, {"prefetch": prefetch}) as made:
        epoch = made.epoch(0)
        for taken in range(1, 4):
            next(epoch)
            wait_for(source, BATCH * (taken + prefetch))
            assert source.reads.total() == BATCH * (taken + prefetch)


def test_the_threads_go_on_with_the_next_epoch() -> None:
    source, epoch_reads = pictures(6 * BATCH), 6 * BATCH
    with loader(source, {"prefetch": 2}) as made:
        for epoch in range(1, 4):
            assert len(list(made.epoch(epoch))) == 6
            wait_for(source, epoch * epoch_reads + 2 * BATCH)
            # What was read ahead is used: nothing was read for nothing.
            assert source.reads.total() == epoch * epoch_reads + 2 * BATCH


class Gated(Listed):
    """Gives one batch; whoever reads more has to wait at the gate."""

    def __init__(self) -> None:
        super().__init__(pictures(COUNT).entries)
        self.gate = threading.Event()

    def read(self, number: int) -> bytes:
        if self.reads.total() >= BATCH:
            self.gate.wait(20)
        return super().read(number)


@pytest.mark.parametrize("error", [KeyboardInterrupt, GeneratorExit])
def test_what_has_not_begun_never_begins_after_an_interruption(error: type[BaseException]) -> None:
    source = Gated()
    with loader(source, {"prefetch": 5, "workers": 1}) as made:
        epoch = made.epoch(0)
        next(epoch)
        with contextlib.suppress(error):
            epoch.throw(error)  # type: ignore[attr-defined]
        source.gate.set()
        # The one thread may have been at work on the next batch.
        time.sleep(0.2)
        assert source.reads.total() <= 2 * BATCH
        assert decoders()


def test_closing_in_the_middle_of_an_epoch_ends_the_threads() -> None:
    source = Gated()
    made = loader(source, {"prefetch": 5, "workers": 1})
    epoch = made.epoch(0)
    next(epoch)
    closing = threading.Thread(target=made.close)
    closing.start()
    time.sleep(0.3)
    source.gate.set()
    closing.join()
    assert not decoders()
    assert source.reads.total() <= 2 * BATCH


def test_leaving_the_block_in_the_middle_ends_the_threads() -> None:
    def stop_early() -> None:
        with loader(pictures(COUNT), {"workers": 3}) as made:
            for _ in made.epoch(0):
                assert decoders()
                raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        stop_early()
    assert not decoders()


@pytest.mark.parametrize(
    "wrong", [{"canvas": 8}, {"workers": 0}, {"prefetch": -1}, {"protect_threshold": 1.5}]
)
def test_settings_that_cannot_be_meant(wrong: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=rf"data\.{next(iter(wrong))} is "):
        DataSettings(**wrong)


@pytest.mark.parametrize(
    ("chosen", "device", "apart"),
    [
        ("auto", "cpu", False),
        ("auto", "cuda", True),
        ("threads", "cuda", False),
        ("processes", "cpu", True),
    ],
)
def test_beside_a_gpu_processes_decode_unless_threads_are_asked_for(
    chosen: str, device: str, apart: bool
) -> None:
    with loader(pictures(COUNT), {"decode_in": chosen}, device=device) as made:
        assert isinstance(made._canvases._decoding, InProcesses) == apart
