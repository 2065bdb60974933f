"""Canvases drawn by the thread that asks and by processes are the same, and the processes leave nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator

import numpy as np
import pytest

from copylens.errors import TrainingError
from copylens.images.canvas import Drawn, draw
from copylens.images.drawing import Fault
from copylens.training.data.canvases import GROUP_BYTES, Canvases
from copylens.training.data.decoding import Decoding, InProcesses, InThisThread
from picture_places import Listed
from workflow_samples import picture_bytes, scene

SIDE = 24
SOUND = [picture_bytes(scene(number, 40, 30 + 9 * number), "JPEG") for number in range(5)]
BAD = [b"", b"no picture", SOUND[0][:200]]


def alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and waits to be asked for does not."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
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

    def make(self) -> Decoding:
        raise NotImplementedError

    @pytest.fixture
    def decoding(self) -> Iterator[Decoding]:
        decoding = self.make()
        yield decoding
        decoding.close()

    def test_pictures_in_their_order(self, decoding: Decoding) -> None:
        answers = decoding.draw(SOUND, SIDE)
        assert len(answers) == len(SOUND)
        for answer, data in zip(answers, SOUND, strict=True):
            wanted = draw(data, SIDE)
            assert isinstance(answer, Drawn)
            assert (answer.pixels.shape, answer.pixels.dtype) == ((3, SIDE, SIDE), np.uint8)
            assert np.array_equal(answer.pixels, wanted.pixels)
            assert answer.aspect == wanted.aspect

    def test_what_is_no_picture_is_told_and_harms_no_other(self, decoding: Decoding) -> None:
        answers = decoding.draw([SOUND[1], *BAD, SOUND[2]], SIDE)
        assert [isinstance(answer, Fault) for answer in answers] == [False, True, True, True, False]
        twins = InThisThread().draw(BAD, SIDE)
        assert answers[1:4] == twins
        assert all(isinstance(twin, Fault) and twin.code and twin.reason for twin in twins)

    def test_nothing_to_draw(self, decoding: Decoding) -> None:
        assert decoding.draw([], SIDE) == []

    def test_canvases_by_number(self, decoding: Decoding) -> None:
        """Also over the border of a group: a large file goes alone."""
        large = SOUND[0] + b"\0" * GROUP_BYTES
        source = Listed([SOUND[0], BAD[1], large, None, SOUND[3]])
        canvases = Canvases(source, SIDE, decoding)
        for _ in range(2):
            drawn = canvases.draw([4, 3, 2, 1, 0])
            assert [one is None for one in drawn] == [False, True, False, True, False]
            assert drawn[0] is not None
            assert np.array_equal(drawn[0].pixels, draw(SOUND[3], SIDE).pixels)
            assert sorted(canvases.broken) == [1, 3]


class TestInThisThread(DecodingConformance):
    def make(self) -> Decoding:
        return InThisThread()


class TestInProcesses(DecodingConformance):
    def make(self) -> Decoding:
        return InProcesses(2)


def test_the_processes_do_not_import_pytorch_and_end_with_the_pool() -> None:
    decoding = InProcesses(1)
    assert decoding._pool.submit(eval, "'torch' in __import__('sys').modules").result() is False
    pids = children(decoding)
    assert all(map(alive, pids))
    decoding.close()
    assert ended(pids)


def test_ctrl_c_is_left_to_the_process_that_trains() -> None:
    decoding = InProcesses(1)
    decoding.draw(SOUND, SIDE)
    [pid] = children(decoding)
    os.kill(pid, signal.SIGINT)
    assert len(decoding.draw(SOUND, SIDE)) == len(SOUND)
    assert children(decoding) == [pid]
    decoding.close()


def test_a_process_that_was_killed_is_told_in_one_sentence() -> None:
    decoding = InProcesses(1)
    decoding.draw(SOUND, SIDE)
    [pid] = children(decoding)
    os.kill(pid, signal.SIGKILL)
    assert ended([pid])
    with pytest.raises(TrainingError, match=r"^A process that decodes pictures was killed.*data\.workers"):
        decoding.draw(SOUND, SIDE)
    decoding.close()


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_the_processes_end_when_the_one_that_trains_is_killed() -> None:
    program = textwrap.dedent(
        """
        import sys, time
        from copylens.training.data.decoding import InProcesses
        if __name__ == "__main__":
            decoding = InProcesses(2)
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
