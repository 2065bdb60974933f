"""Threads that do what is submitted: results by number, errors where they are asked for, an end whatever interrupts."""

from __future__ import annotations

import gc
import os
import random
import subprocess
import sys
import threading
import time
import weakref
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from copylens.threads import Threads

NAME = "copylens-test"
WORKER = str(Path(__file__).parents[1] / "pressing_worker.py")


def alive() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith(NAME)]


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 99), max_size=40), st.integers(1, 4), st.randoms(use_true_random=False))
def test_results_are_those_of_a_loop_in_whatever_order_they_are_asked_for(
    items: list[int], count: int, dice: random.Random
) -> None:
    # Drawn first: Hypothesis may give an example up while it draws, and then nobody would close the threads.
    order = list(range(len(items)))
    dice.shuffle(order)
    threads: Threads[int, int] = Threads(lambda item: item * item, count, NAME)
    numbers = [threads.submit(item) for item in items]
    found = {place: threads.result(numbers[place]) for place in order}
    threads.close()
    assert [found[place] for place in range(len(items))] == [item * item for item in items]
    assert alive() == []


def test_an_error_is_raised_where_its_result_is_asked_for_and_the_others_go_on() -> None:
    def work(item: int) -> int:
        if item == 1:
            raise ValueError("one is not liked")
        return item

    threads: Threads[int, int] = Threads(work, 2, NAME)
    numbers = [threads.submit(item) for item in range(4)]
    assert threads.result(numbers[3]) == 3
    with pytest.raises(ValueError, match="one is not liked"):
        threads.result(numbers[1])
    assert [threads.result(numbers[n]) for n in (0, 2)] == [0, 2]
    threads.close()


def test_what_has_not_begun_when_it_is_closed_never_begins() -> None:
    begun: list[int] = []
    go = threading.Event()

    def work(item: int) -> int:
        begun.append(item)
        go.wait(10)
        return item

    threads: Threads[int, int] = Threads(work, 1, NAME)
    for item in range(5):
        threads.submit(item)
    while not begun:
        time.sleep(0.001)
    threading.Timer(0.05, go.set).start()
    threads.close()
    assert begun == [0]
    assert alive() == []


def test_a_result_that_was_taken_is_kept_by_nobody() -> None:
    threads: Threads[int, np.ndarray] = Threads(np.zeros, 1, NAME)
    made = threads.result(threads.submit(8))
    kept = weakref.ref(made)
    del made
    # The thread has let go of it when it waits for the next.
    assert threads.result(threads.submit(1)).size == 1
    gc.collect()
    assert kept() is None
    threads.close()


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(0, 99), max_size=20), st.integers(1, 3))
def test_a_map_is_that_of_a_loop(items: list[int], count: int) -> None:
    threads: Threads[int, int] = Threads(lambda item: item * item, count, NAME)
    assert threads.map(items) == [item * item for item in items]
    threads.close()


def test_callers_who_map_at_the_same_time_get_their_own() -> None:
    threads: Threads[int, int] = Threads(lambda item: -item, 3, NAME)
    found: dict[int, list[list[int]]] = {}

    def ask(caller: int) -> None:
        found[caller] = [threads.map(range(caller * 100, caller * 100 + size)) for size in range(60)]

    callers = [threading.Thread(target=ask, args=(caller,)) for caller in range(4)]
    for each in callers:
        each.start()
    for each in callers:
        each.join()
    for caller in range(4):
        assert found[caller] == [
            [-item for item in range(caller * 100, caller * 100 + size)] for size in range(60)
        ]
    threads.close()


def test_the_first_error_of_a_map_is_raised_when_all_are_done() -> None:
    worked: list[int] = []

    def work(item: int) -> int:
        time.sleep(0.01 * (item == 1))
        worked.append(item)
        if item in (1, 2):
            raise ValueError(f"{item} is not liked")
        return item

    threads: Threads[int, int] = Threads(work, 2, NAME)
    with pytest.raises(ValueError, match="1 is not liked"):
        threads.map(range(5))
    assert sorted(worked) == list(range(5))
    assert threads.map([3]) == [3]
    threads.close()


def test_threads_that_are_closed_by_one_of_them_end() -> None:
    threads: Threads[int, None] = Threads(lambda _: threads.close(), 2, NAME)
    threads.map([0])
    limit = time.monotonic() + 10
    while alive() and time.monotonic() < limit:
        time.sleep(0.01)
    assert alive() == []


@pytest.mark.skipif(os.name != "posix", reason="needs POSIX signals")
def test_an_interrupt_at_any_moment_leaves_threads_that_end() -> None:
    # In a process of its own: an exception that may come anywhere does not go with a test runner.
    done = subprocess.run([sys.executable, WORKER], capture_output=True, text=True, timeout=300)
    assert (done.returncode, done.stderr) == (0, "")
