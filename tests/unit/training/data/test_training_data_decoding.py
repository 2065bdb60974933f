"""Canvases drawn by the thread that asks and by processes are the same, and the processes leave nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from copylens.errors import TrainingError
from copylens.records import Skipped
from copylens.training.data import PictureSource
from copylens.training.data.canvas import Drawn, draw
from copylens.training.data.canvases import Canvases
from copylens.training.data.decoding import TASK, Decoding, InThisThread
from copylens.training.data.processes import InProcesses
from picture_places import Listed
from workflow_samples import picture_bytes, scene

SIDE = 24
SOUND = [picture_bytes(scene(number, 40, 30 + 9 * number), "JPEG") for number in range(2 * TASK + 3)]
FILES: list[bytes | None] = [*SOUND, b"", b"no picture", SOUND[0][:200], None]
BAD = list(range(len(SOUND), len(FILES)))


def alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and waits to be asked for does not."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        # The second where it goes between the opening and the reading.
        return False


def ended(pids: list[int], seconds: float = 20.0) -> bool:
    """Whether all have ended, waiting a while for it."""
    until = time.monotonic() + seconds
    while any(map(alive, pids)) and time.monotonic() < until:
        time.sleep(0.05)
    return not any(map(alive, pids))


def children(decoding: InProcesses) -> list[int]:
    return list(decoding._pool._processes)


class DecodingConformance:
    """What every way to decode must do."""

    def make(self, source: PictureSource) -> Decoding:
        raise NotImplementedError

    @pytest.fixture
    def decoding(self) -> Iterator[Decoding]:
        decoding = self.make(Listed(FILES))
        yield decoding
        decoding.close()

    @pytest.mark.parametrize("count", [1, TASK, len(SOUND)])
    def test_pictures_in_their_order(self, decoding: Decoding, count: int) -> None:
        numbers = list(range(count))[::-1]
        answers = decoding.draw(numbers)
        assert len(answers) == count
        for answer, number in zip(answers, numbers, strict=True):
            wanted = draw(SOUND[number], SIDE)
            assert isinstance(answer, Drawn)
            assert answer.pixels.shape == (3, SIDE, SIDE)
            assert answer.pixels.dtype == np.uint8
            assert np.array_equal(answer.pixels, wanted.pixels)
            assert answer.aspect == wanted.aspect

    def test_what_is_no_picture_is_told_and_harms_no_other(self, decoding: Decoding) -> None:
        answers = decoding.draw([1, *BAD, 2])
        assert [isinstance(answer, Skipped) for answer in answers] == [False, *[True] * len(BAD), False]
        twins = InThisThread(Listed(FILES), SIDE).draw(BAD)
        assert answers[1:-1] == twins
        assert all(isinstance(twin, Skipped) and twin.code and twin.reason for twin in twins)

    def test_nothing_to_draw(self, decoding: Decoding) -> None:
        assert decoding.draw([]) == []

    def test_many_threads_at_once(self, decoding: Decoding) -> None:
        """What one drew is its own, whatever is drawn after it."""
        wanted = [draw(data, SIDE).pixels for data in SOUND]
        with ThreadPoolExecutor(12) as pool:
            jobs = [(start, pool.submit(decoding.draw, range(start, start + 5))) for start in range(12)] * 3
            for start, job in jobs:
                for number, answer in enumerate(job.result(), start):
                    assert isinstance(answer, Drawn)
                    assert np.array_equal(answer.pixels, wanted[number])

    def test_canvases_by_number(self, decoding: Decoding) -> None:
        canvases = Canvases(decoding)
        for _ in range(2):
            drawn = canvases.draw([4, BAD[1], 2, BAD[3], 0])
            assert [one is None for one in drawn] == [False, True, False, True, False]
            assert drawn[0] is not None
            assert np.array_equal(drawn[0].pixels, draw(SOUND[4], SIDE).pixels)
            assert sorted(canvases.broken) == [BAD[1], BAD[3]]


class TestInThisThread(DecodingConformance):
    def make(self, source: PictureSource) -> Decoding:
        return InThisThread(source, SIDE)


class TestInProcesses(DecodingConformance):
    def make(self, source: PictureSource) -> Decoding:
        return InProcesses(source, SIDE, 2)


def one_process() -> InProcesses:
    decoding = InProcesses(Listed(FILES), SIDE, 1)
    decoding.draw([0])
    return decoding


def test_the_processes_do_not_import_pytorch_and_end_with_the_pool() -> None:
    decoding = one_process()
    assert decoding._pool.submit(eval, "'torch' in __import__('sys').modules").result() is False
    pids = children(decoding)
    assert all(map(alive, pids))
    decoding.close()
    assert ended(pids)


def test_ctrl_c_is_left_to_the_process_that_trains() -> None:
    decoding = one_process()
    [pid] = children(decoding)
    os.kill(pid, signal.SIGINT)
    assert isinstance(decoding.draw([1])[0], Drawn)
    assert children(decoding) == [pid]
    decoding.close()


def test_a_process_that_was_killed_is_told_in_one_sentence() -> None:
    decoding = one_process()
    [pid] = children(decoding)
    os.kill(pid, signal.SIGKILL)
    assert ended([pid])
    # Again and again: no place in the shared memory is lost by it.
    for _ in range(5):
        with pytest.raises(
            TrainingError, match=r"^A process that decodes pictures was killed.*data\.workers"
        ):
            decoding.draw([1])
    decoding.close()


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_the_processes_end_when_the_one_that_trains_is_killed() -> None:
    program = textwrap.dedent(
        """
        import sys, time
        from copylens.training.data import open_pictures
        from copylens.training.data.processes import InProcesses
        if __name__ == "__main__":
            decoding = InProcesses(open_pictures(["examples/photos/originals"]), 16, 2)
            answers = [decoding._pool.submit(time.sleep, 0.2) for _ in range(4)]
            [answer.result() for answer in answers]
            print(*decoding._pool._processes, flush=True)
            time.sleep(600)
        """
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as training:
        assert training.stdout is not None
        pids = [int(word) for word in training.stdout.readline().split()]
        assert len(pids) == 2
        assert all(map(alive, pids))
        training.kill()
    assert ended(pids)
