"""What a step draws follows from seed, step and process, and comes again after a resume, on every process its own."""

from __future__ import annotations

import itertools
import random
import socket
from contextlib import ExitStack

import numpy as np
import pytest
import torch

import seeding_worker as worker
from copylens.training.seeding import seed_step
from training_samples import picture_folder
from two_processes import saved_by


def draws(seed: int, step: int, rank: int) -> tuple[float, float, float]:
    seed_step(seed, step, rank)
    return float(torch.rand(())), float(np.random.random()), random.random()


def test_draws_come_again_and_differ_by_seed_step_and_process() -> None:
    states = torch.get_rng_state(), np.random.get_state(), random.getstate()
    try:
        places = list(itertools.product((0, 1, 2**40), (0, 1, 7), (0, 1, 2)))
        first = [draws(*place) for place in places]
        assert [draws(*place) for place in reversed(places)] == first[::-1]
        for numbers in zip(*first, strict=True):
            assert len(set(numbers)) == len(places)
    finally:
        torch.set_rng_state(states[0])
        np.random.set_state(states[1])
        random.setstate(states[2])


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, worker.Drawn]]:
    """What each of two processes drew."""
    folder = tmp_path_factory.mktemp("seeding")
    picture_folder(folder / "pictures", 48)
    with ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(3)]
        for free in sockets:
            free.bind(("127.0.0.1", 0))
        ports = [str(free.getsockname()[1]) for free in sockets]
    return saved_by(str(worker.__file__), folder, *ports, seconds=240)


def test_processes_drop_other_units(found: list[dict[str, worker.Drawn]]) -> None:
    first, second = (rows["whole"] for rows in found)
    assert len(first) == len(second) == worker.STEPS
    assert all(one != other for one, other in zip(first, second, strict=True))


def test_a_resumed_run_draws_what_the_whole_one_drew_on_every_process(
    found: list[dict[str, worker.Drawn]],
) -> None:
    for rows in found:
        assert rows["killed"] == rows["whole"][: worker.KILLED]
        assert rows["resumed"] == rows["whole"][worker.CHECKPOINT :]
