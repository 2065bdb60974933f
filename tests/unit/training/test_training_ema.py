"""The moving average against its definition, and across a resume."""

from __future__ import annotations

import torch
from torch import nn

from copylens.training.ema import MovingAverage


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))


def step(module: nn.Module, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=generator))
    module(torch.randn(4, 3, generator=generator))


def test_values_are_those_of_the_recursion() -> None:
    module = network()
    average = MovingAverage(module, 0.99)
    expected = {name: p.detach().clone() for name, p in module.named_parameters()}
    for number in range(5):
        step(module, number)
        average.update(module)
        decay = min(0.99, (1 + number) / (10 + number))
        for name, p in module.named_parameters():
            expected[name] = decay * expected[name] + (1 - decay) * p.detach()
    for name, p in average.network.named_parameters():
        torch.testing.assert_close(p, expected[name])
    for own, theirs in zip(average.network.buffers(), module.buffers(), strict=True):
        torch.testing.assert_close(own, theirs, rtol=0, atol=0)


def test_it_neither_learns_nor_trains() -> None:
    average = MovingAverage(network().train(), 0.9)
    assert not average.network.training
    assert not any(p.requires_grad for p in average.network.parameters())


def test_a_resumed_average_goes_on_exactly() -> None:
    module = network()
    average = MovingAverage(module, 0.9)
    step(module, 1)
    average.update(module)
    other = MovingAverage(network(), 0.9)
    other.load_state_dict(average.state_dict())
    step(module, 2)
    average.update(module)
    other.update(module)
    for a, b in zip(average.network.parameters(), other.network.parameters(), strict=True):
        assert torch.equal(a, b)
