"""Which process this is: without torchrun, with it, and without the device that was asked for."""

from __future__ import annotations

import pytest
import torch
from torch import distributed, nn

from copylens.errors import UsageError
from copylens.training.building import build_network
from copylens.training.processes import Processes, joined
from copylens.training.running import synchronised
from training_samples import tiny

VARIABLES = ("RANK", "WORLD_SIZE", "LOCAL_RANK")


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """No variables of torchrun, and no CUDA."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)


@pytest.mark.parametrize("device", ["auto", "cpu"])
def test_without_torchrun_there_is_one_process_and_no_group(device: str) -> None:
    with joined(device) as processes:
        assert processes == Processes(0, 1, torch.device("cpu"))
        assert processes.is_first
        assert not distributed.is_initialized()


def test_cuda_is_refused_where_there_is_none() -> None:
    with pytest.raises(UsageError, match="--device cuda: PyTorch finds no CUDA device here"), joined("cuda"):
        pass


def test_each_process_has_its_own_card_where_there_are_some(monkeypatch: pytest.MonkeyPatch) -> None:
    chosen: list[int] = []
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "set_device", chosen.append)
    monkeypatch.setenv("LOCAL_RANK", "1")
    for device in ("auto", "cuda"):
        with joined(device) as processes:
            assert processes.device == torch.device("cuda", 1)
    with joined("cpu") as processes:
        assert processes.device == torch.device("cpu")
    assert chosen == [1, 1]


def test_the_group_of_torchrun_is_joined_and_left_also_after_an_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    events: list[str] = []
    monkeypatch.setattr(distributed, "init_process_group", events.append)
    monkeypatch.setattr(distributed, "destroy_process_group", lambda: events.append("left"))
    for name, value in zip(VARIABLES, ("2", "4", "0"), strict=True):
        monkeypatch.setenv(name, value)
    with joined("cpu") as processes:
        assert (processes.rank, processes.world, processes.is_first) == (2, 4, False)
        assert events == ["gloo"]
    assert events == ["gloo", "left"]
    with pytest.raises(KeyboardInterrupt), joined("cpu"):
        raise KeyboardInterrupt
    assert events == ["gloo", "left"] * 2


def test_normalisations_are_synchronised_where_pytorch_can() -> None:
    network = build_network(tiny().network)
    with pytest.raises(UsageError, match=r"network\.freeze_batchnorm=true, or train in one process"):
        synchronised(network, torch.device("cpu"))
    plain = sum(isinstance(module, nn.BatchNorm2d) for module in network.modules())
    converted = synchronised(network, torch.device("cuda"))
    assert sum(isinstance(module, nn.SyncBatchNorm) for module in converted.modules()) == plain > 0
