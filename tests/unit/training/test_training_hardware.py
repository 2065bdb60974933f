"""What the card says of the hardware: the processor and its threads, or the cards of a GPU training."""

from __future__ import annotations

import platform
from pathlib import Path

import pytest
import torch

from copylens.training import hardware
from copylens.training.hardware import hardware_of
from copylens.training.processes import Processes

CPU = Processes(0, 1, torch.device("cpu"))


@pytest.fixture
def processors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "cpuinfo"
    path.write_text("processor\t: 0\nmodel name\t: Fast: one\nprocessor\t: 1\nmodel name\t: Other\n")
    monkeypatch.setattr(hardware, "PROCESSORS", path)
    return path


@pytest.mark.parametrize(("threads", "said"), [(1, "Fast: one, 1 thread"), (3, "Fast: one, 3 threads")])
def test_the_processor_and_its_threads(
    processors: Path, threads: int, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch, "get_num_threads", lambda: threads)
    assert hardware_of(CPU) == said


def test_a_processor_without_a_name(processors: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "processor", lambda: "")
    monkeypatch.setattr(platform, "machine", lambda: "riscv64")
    processors.write_text("processor\t: 0\n")
    assert hardware_of(CPU).startswith("riscv64, ")
    processors.unlink()
    assert hardware_of(CPU).startswith("riscv64, ")


def test_cards_of_all_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: f"Card {device.index}")
    assert hardware_of(Processes(0, 1, torch.device("cuda", 0))) == "Card 0"
    assert hardware_of(Processes(3, 8, torch.device("cuda", 1))) == "8 x Card 1"
