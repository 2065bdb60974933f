"""A process is killed at random moments: what it reported is there, in whole batches, and the next goes on."""

from __future__ import annotations

import contextlib
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

import catalog_worker
from catalog_samples import assert_sound, descriptor_of, files_of, mixed_batch, open_sample, rows_of
from catalog_worker import WIDE

BATCHES = 60
ROUNDS = 15


@contextlib.contextmanager
def writing(path: Path) -> Iterator[subprocess.Popen[str]]:
    """A child that has all its batches ready and is about to open the catalog."""
    command = [sys.executable, catalog_worker.__file__, "write", str(path), *map(str, range(BATCHES))]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        try:
            assert child.stdout is not None
            assert child.stdout.readline() == "ready\n"
            yield child
        finally:
            child.kill()


def killed_after(child: subprocess.Popen[str], reports: int, seconds: float) -> list[int]:
    """The batches that the child reported, read up to its last breath."""
    assert child.stdout is not None
    first = [child.stdout.readline() for _ in range(reports)]
    time.sleep(seconds)
    child.kill()
    rest = child.stdout.read()
    child.wait()
    return [int(line) for line in [*first, *rest.splitlines(keepends=True)] if line.endswith("\n")]


def complete_batches(path: Path) -> list[int]:
    """Which batches are there; each must be there whole or not at all."""
    complete = []
    with open_sample(path, dims=WIDE) as catalog:
        assert_sound(catalog)
        for number in range(BATCHES):
            batch = mixed_batch(number, WIDE)
            parts = catalog.partition(files_of(batch))
            assert len(parts.unread) in (0, len(batch)), f"batch {number} is torn"
            if not parts.unread:
                assert (len(parts.images), len(parts.skipped)) == (len(batch) - 1, 1)
                complete.append(number)
        contents = catalog.images([f"/photos/{40 * number:06}.jpg" for number in complete])
        rows = catalog.descriptors([image.content_id for image in contents])
        naive = [descriptor_of(40 * number, WIDE) for number in complete]
        np.testing.assert_array_equal(rows, np.array(naive, np.float32).reshape(-1, WIDE))
    return complete


def test_a_killed_scan_loses_the_batch_in_flight_at_most_and_resumes(tmp_path: Path) -> None:
    seed = random.SystemRandom().randrange(2**32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    path = tmp_path / "catalog.db"
    before: list[int] = []
    for turn in range(ROUNDS):
        # Some kills hit the opening and what is known already, most the batches that are new.
        reports = 0 if turn % 5 == 0 else len(before) + chance.randrange(4)
        with writing(path) as child:
            reported = killed_after(child, reports, chance.uniform(0, 0.02))
        print(f"turn {turn}: reported {len(reported)}")
        after = complete_batches(path)
        assert set(before) | set(reported) <= set(after)
        assert after == list(range(len(after)))
        assert len(after) <= max(len(before), len(reported) + 1)
        before = after
    with writing(path) as child:
        said, _ = child.communicate()
        assert child.returncode == 0
    assert [int(line) for line in said.split()] == list(range(BATCHES))
    with open_sample(path, dims=WIDE) as catalog, open_sample(tmp_path / "calm.db", dims=WIDE) as calm:
        for number in range(BATCHES):
            calm.record(mixed_batch(number, WIDE))
        assert rows_of(catalog) == rows_of(calm)


def test_a_catalog_whose_maker_was_killed_while_making_it_can_be_opened(tmp_path: Path) -> None:
    seed = random.SystemRandom().randrange(2**32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    for turn in range(8):
        path = tmp_path / f"{turn}.db"
        with writing(path) as child:
            reported = killed_after(child, 0, chance.uniform(0, 0.01))
        assert set(reported) <= set(complete_batches(path))
