"""Two processes that wrapped a network leave no thread of their group behind: one can abort a process that ends."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from two_processes import WORLD, saved_by

WORKER = str(Path(__file__).parents[1] / "leaving_worker.py")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="threads are listed in /proc")
def test_the_group_leaves_no_threads(tmp_path: Path) -> None:
    found = saved_by(WORKER, tmp_path)
    assert [bool(one["inside"]) for one in found] == [True] * WORLD
    assert [one["after"] for one in found] == [[]] * WORLD
