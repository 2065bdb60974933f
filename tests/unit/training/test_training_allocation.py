"""Freed memory stays with the process: a tensor that is made again and again costs pages only once."""

from __future__ import annotations

import ctypes
import platform
import subprocess
import sys

import pytest

from copylens.training import allocation

PROGRAM = """
import resource, sys
import torch
from copylens.training.allocation import keep_freed_memory
if sys.argv[1] == "kept":
    assert keep_freed_memory()
torch.set_num_threads(1)
# Above 32 MB glibc asks the system each time. The heap grows for some rounds, until a freed piece fits the next.
for _ in range(15):
    torch.ones(12_000_000)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    torch.ones(12_000_000)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="malloc's settings are glibc's")
def test_pages_are_asked_for_once() -> None:
    faults = {
        how: int(subprocess.check_output([sys.executable, "-c", PROGRAM, how]))
        for how in ("kept", "as it was")
    }
    assert faults["kept"] < 0.25 * faults["as it was"]


@pytest.mark.parametrize("system", ["darwin", "win32"])
def test_other_systems_are_left_alone(system: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", system)
    assert not allocation.keep_freed_memory()


def test_a_c_library_without_mallopt_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(ctypes, "CDLL", lambda _name: object())
    assert not allocation.keep_freed_memory()
