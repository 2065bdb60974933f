"""Chunks give the gradient of the whole batch, draw the same random numbers, and leave buffers right."""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest
import torch
from torch import nn
from torch.nn.functional import normalize

from copylens.errors import UsageError
from copylens.networks.torchvision_shim import import_timm
from copylens.training.gradient_cache import cached_backward
from copylens.training.losses import LossParts, sscd_loss
from copylens.training.memory import DescriptorMemory
from copylens.training.nouns import NOBODY

ROWS = 10
SOURCES = torch.tensor([[row % 5, NOBODY] for row in range(ROWS)])
Loss = Callable[[torch.Tensor], LossParts]


class Small(nn.Module):
    """Convolution, perhaps normalisation and noise, projection, unit length; its random descriptors are spread."""

    def __init__(self, *, batchnorm: bool = False, dropout: float = 0.0) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 6, 3)
        self.norm: nn.Module = nn.BatchNorm2d(6) if batchnorm else nn.Identity()
        self.drop: nn.Module = nn.Dropout(dropout)
        self.last = nn.Linear(6 * 4 * 4, 4)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        features = torch.tanh(self.norm(self.first(pixels))).flatten(1)
        return normalize(self.last(self.drop(features)))


def network(*, dtype: torch.dtype = torch.float32, batchnorm: bool = False, dropout: float = 0.0) -> Small:
    torch.manual_seed(1)
    return Small(batchnorm=batchnorm, dropout=dropout).to(dtype)


def pixels(dtype: torch.dtype = torch.float32) -> torch.Tensor:
    return torch.randn(ROWS, 3, 6, 6, generator=torch.Generator().manual_seed(2), dtype=torch.float64).to(
        dtype
    )


def loss(descriptors: torch.Tensor) -> LossParts:
    return sscd_loss(descriptors, SOURCES, entropy_weight=5)


def gradients(net: nn.Module) -> list[torch.Tensor]:
    grads = [parameter.grad for parameter in net.parameters()]
    assert all(grad is not None and grad.abs().sum() > 0 for grad in grads)
    return [grad for grad in grads if grad is not None]


def whole(net: nn.Module, rows: torch.Tensor, chunks: int = 1, loss_of: Loss = loss) -> LossParts:
    """The twin: one graph over all chunks, one backward pass."""
    parts = loss_of(torch.cat([net(piece) for piece in rows.tensor_split(chunks)]))
    parts.total.backward()  # type: ignore[no-untyped-call]
    return parts


@pytest.mark.parametrize("chunk", [1, 3, 4, 9, 10, 64, 0])
@pytest.mark.parametrize(("dtype", "rounding"), [(torch.float64, 1e-12), (torch.float32, 1e-4)])
def test_equals_the_whole_batch(chunk: int, dtype: torch.dtype, rounding: float) -> None:
    cached, plain = network(dtype=dtype), network(dtype=dtype)
    done = cached_backward(cached, pixels(dtype), loss, chunk=chunk)
    expected = whole(plain, pixels(dtype))
    torch.testing.assert_close(done.parts.total, expected.total, rtol=rounding, atol=rounding)
    torch.testing.assert_close(gradients(cached), gradients(plain), rtol=rounding, atol=rounding)
    torch.testing.assert_close(done.descriptors, plain(pixels(dtype)).detach())
    assert not done.descriptors.requires_grad


def test_gradients_add_up() -> None:
    cached, plain = network(dtype=torch.float64), network(dtype=torch.float64)
    for _ in range(2):
        cached_backward(cached, pixels(torch.float64), loss, chunk=4)
        whole(plain, pixels(torch.float64))
    torch.testing.assert_close(gradients(cached), gradients(plain))


def test_the_graph_holds_one_chunk_at_a_time() -> None:
    seen: list[tuple[int, bool]] = []

    class Watched(Small):
        def forward(self, pixels: torch.Tensor) -> torch.Tensor:
            output = super().forward(pixels)
            seen.append((len(output), output.requires_grad))
            return output

    cached_backward(Watched(), pixels(), loss, chunk=4)
    # Even chunks: no last one of two rows, whose BatchNorm would be noise.
    assert seen == [(4, False), (3, False), (3, False), (4, True), (3, True), (3, True)]


def test_dropout_repeats_and_is_drawn_once() -> None:
    cached, plain = (network(dtype=torch.float64, dropout=0.5) for _ in range(2))
    torch.manual_seed(7)
    done = cached_backward(cached, pixels(torch.float64), loss, chunk=4)
    afterwards = torch.rand(3)
    torch.manual_seed(7)
    expected = whole(plain, pixels(torch.float64), chunks=3)
    torch.testing.assert_close(done.parts.total, expected.total)
    torch.testing.assert_close(gradients(cached), gradients(plain))
    # The generator goes on as after one pass: a resumed run draws the same.
    assert torch.equal(afterwards, torch.rand(3))


def test_stochastic_depth_of_timm_repeats() -> None:
    drop_path = import_timm().layers.DropPath
    cached, plain = network(dtype=torch.float64), network(dtype=torch.float64)
    for net in (cached, plain):
        net.drop = nn.Sequential(drop_path(0.5))
    torch.manual_seed(11)
    cached_backward(cached, pixels(torch.float64), loss, chunk=5)
    torch.manual_seed(11)
    whole(plain, pixels(torch.float64), chunks=2)
    torch.testing.assert_close(gradients(cached), gradients(plain))


def test_batchnorm_sees_chunks() -> None:
    cached, chunked, plain = (network(dtype=torch.float64, batchnorm=True) for _ in range(3))
    cached_backward(cached, pixels(torch.float64), loss, chunk=5)
    whole(chunked, pixels(torch.float64), chunks=2)
    whole(plain, pixels(torch.float64))
    torch.testing.assert_close(gradients(cached), gradients(chunked))
    # The bias: not the gradient of the whole batch.
    assert not torch.allclose(gradients(cached)[0], gradients(plain)[0], rtol=1e-3)


def test_running_statistics_move_once_per_chunk() -> None:
    cached, chunked = (network(batchnorm=True) for _ in range(2))
    cached_backward(cached, pixels(), loss, chunk=5)
    whole(chunked, pixels(), chunks=2)
    assert isinstance(cached.norm, nn.BatchNorm2d)
    assert cached.norm.num_batches_tracked is not None
    assert cached.norm.num_batches_tracked.item() == 2
    for ours, theirs in zip(cached.buffers(), chunked.buffers(), strict=True):
        torch.testing.assert_close(ours, theirs)


def test_frozen_batchnorm_equals_the_whole_batch() -> None:
    cached, plain = (network(dtype=torch.float64, batchnorm=True).eval() for _ in range(2))
    before = copy.deepcopy(dict(cached.named_buffers()))
    cached_backward(cached, pixels(torch.float64), loss, chunk=3)
    whole(plain, pixels(torch.float64))
    torch.testing.assert_close(gradients(cached), gradients(plain))
    for name, buffer in cached.named_buffers():
        assert torch.equal(buffer, before[name])


def test_with_a_memory() -> None:
    cached, plain = network(dtype=torch.float64), network(dtype=torch.float64)
    memory = DescriptorMemory(6, 4)
    generator = torch.Generator().manual_seed(3)
    memory.add(
        normalize(torch.randn(6, 4, generator=generator)), torch.tensor([[90 + i, NOBODY] for i in range(6)])
    )
    calls = []

    def loss_of(descriptors: torch.Tensor) -> LossParts:
        calls.append(len(descriptors))
        return sscd_loss(descriptors, SOURCES, memory=memory)

    cached_backward(cached, pixels(torch.float64), loss_of, chunk=4)
    assert calls == [ROWS]
    whole(plain, pixels(torch.float64), loss_of=loss_of)
    torch.testing.assert_close(gradients(cached), gradients(plain))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_autocast_and_loss_scale(dtype: torch.dtype) -> None:
    cached, plain, exact = network(), network(), network()
    scaler = torch.amp.GradScaler("cpu", init_scale=16.0)
    done = cached_backward(cached, pixels(), loss, chunk=4, autocast=dtype, scaler=scaler)
    with torch.autocast("cpu", dtype=dtype):
        descriptors = plain(pixels())
    (loss(descriptors).total * 16).backward()  # type: ignore[no-untyped-call]
    assert done.descriptors.dtype == descriptors.dtype == dtype
    assert done.parts.total.dtype == torch.float32
    rounding = 4 * torch.finfo(dtype).eps
    for ours, theirs in zip(gradients(cached), gradients(plain), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=rounding, atol=rounding * theirs.abs().max().item())
    whole(exact, pixels())
    ratio = gradients(cached)[0].norm() / gradients(exact)[0].norm()
    assert ratio.item() == pytest.approx(16, rel=0.1)


def test_a_surrounding_autocast_changes_nothing() -> None:
    # Neither the type of a pass, nor weights cast without a graph, nor the precision of the backward passes.
    for dtype in (None, torch.bfloat16):
        inside, outside = network(), network()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            cached_backward(inside, pixels(), loss, chunk=4, autocast=dtype)
        cached_backward(outside, pixels(), loss, chunk=4, autocast=dtype)
        for ours, theirs in zip(gradients(inside), gradients(outside), strict=True):
            assert torch.equal(ours, theirs)


def test_one_step_with_a_scaler_trains() -> None:
    net = network()
    optimiser = torch.optim.SGD(net.parameters(), lr=0.01)
    scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
    losses = []
    for _ in range(5):
        optimiser.zero_grad()
        done = cached_backward(net, pixels(), loss, chunk=4, scaler=scaler)
        scaler.step(optimiser)
        scaler.update()
        losses.append(done.parts.total.item())
    assert losses[-1] < losses[0]


def test_a_negative_chunk_is_refused() -> None:
    with pytest.raises(UsageError, match="chunk is -1 rows"):
        cached_backward(network(), pixels(), loss, chunk=-1)
