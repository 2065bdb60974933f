"""A batch too large for one graph in, the gradient of the whole batch out, a chunk at a time (Gao et al. 2021)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass

import torch
from torch import nn

from copylens.errors import UsageError
from copylens.training.losses.parts import LossParts


@dataclass(frozen=True, slots=True)
class Backward:
    """What is left of a step: its loss, and its descriptors ``(N, D)``, detached, in the order of the pixels."""

    parts: LossParts
    descriptors: torch.Tensor


def cached_backward(
    network: nn.Module,
    pixels: torch.Tensor,
    loss_of: Callable[[torch.Tensor], LossParts],
    *,
    chunk: int,
    autocast: torch.dtype | None = None,
    scaler: torch.amp.GradScaler | None = None,
) -> Backward:
    """Add the gradient of ``loss_of(network(pixels)).total`` to the parameters, with the graph of one chunk at a time.

    Every chunk runs twice, the second time from the same state of PyTorch's random generators, so dropout and
    stochastic depth repeat; Python's and NumPy's are not replayed. BatchNorm in training mode sees a chunk, not
    the batch; its running statistics move once per chunk, as if no pass had been made before.

    Args:
        network: ``(n, ...) -> (n, D)``, also in DistributedDataParallel: gradients are exchanged with the last chunk.
        pixels: ``(N, ...)``, rows of this process.
        loss_of: the loss of all N descriptors, called once. Its gradient passes processes by `gather`.
        chunk: rows at a time; chunks differ by at most one row. 0, or N and more: one plain backward pass.
        autocast: the type in which the network runs under autocast; None is none, whatever surrounds the call.
        scaler: its scale multiplies the loss. ``step`` and ``update`` are the caller's.

    Raises:
        UsageError: chunk is negative.
    """
    if chunk < 0:
        raise UsageError(f"The chunk is {chunk} rows: give 0 for the whole batch, or a positive number.")
    # Backward passes stay out of an autocast that may surround the call: it would halve their precision.
    with torch.autocast(pixels.device.type, enabled=False):
        if chunk == 0 or chunk >= len(pixels):
            descriptors = _forward(network, pixels, autocast)
            return Backward(_loss_backward(descriptors, loss_of, scaler), descriptors.detach())
        pieces = pixels.tensor_split(-(-len(pixels) // chunk))
        descriptors, states = _describe(network, pieces, autocast)
        leaf = descriptors.requires_grad_()
        parts = _loss_backward(leaf, loss_of, scaler)
        assert leaf.grad is not None
        gradients = leaf.grad.tensor_split(len(pieces))
        for number, (piece, state, gradient) in enumerate(zip(pieces, states, gradients, strict=True)):
            with _exchange(network, last=number == len(pieces) - 1):
                with state.replayed():
                    again = _forward(network, piece, autocast)
                again.backward(gradient)  # type: ignore[no-untyped-call]
    return Backward(parts, leaf.detach())


def _describe(
    network: nn.Module, pieces: tuple[torch.Tensor, ...], autocast: torch.dtype | None
) -> tuple[torch.Tensor, list[_RandomState]]:
    """Run all chunks without a graph; the network's buffers are afterwards as they were."""
    buffers = [(buffer, buffer.clone()) for buffer in network.buffers()]
    states, rows = [], []
    with torch.no_grad():
        for piece in pieces:
            states.append(_RandomState.now(piece.device))
            rows.append(_forward(network, piece, autocast))
        for buffer, before in buffers:
            buffer.copy_(before)
    return torch.cat(rows), states


def _forward(network: nn.Module, pixels: torch.Tensor, autocast: torch.dtype | None) -> torch.Tensor:
    # No cache: an autocast around the call would keep weights that were cast without a graph for the second pass.
    with torch.autocast(
        pixels.device.type, dtype=autocast, enabled=autocast is not None, cache_enabled=False
    ):
        descriptors: torch.Tensor = network(pixels)
    return descriptors


def _loss_backward(
    descriptors: torch.Tensor,
    loss_of: Callable[[torch.Tensor], LossParts],
    scaler: torch.amp.GradScaler | None,
) -> LossParts:
    parts = loss_of(descriptors)
    total = parts.total if scaler is None else scaler.scale(parts.total)
    total.backward()  # type: ignore[no-untyped-call]
    return parts


def _exchange(network: nn.Module, *, last: bool) -> AbstractContextManager[None]:
    """DistributedDataParallel exchanges gradients at every backward pass unless told otherwise."""
    no_sync: Callable[[], AbstractContextManager[None]] | None = getattr(network, "no_sync", None)
    return nullcontext() if last or no_sync is None else no_sync()


@dataclass(frozen=True, slots=True)
class _RandomState:
    """States of PyTorch's generators: the CPU's, and the device's where the rows are elsewhere."""

    device: torch.device
    cpu: torch.Tensor
    other: torch.Tensor | None

    @classmethod
    def now(cls, device: torch.device) -> _RandomState:
        other = None if device.type == "cpu" else torch.get_device_module(device).get_rng_state(device)
        return cls(device, torch.get_rng_state(), other)

    @contextmanager
    def replayed(self) -> Iterator[None]:
        """Draw the same numbers again; afterwards the generators go on where they were."""
        devices = [] if self.other is None else [self.device]
        with torch.random.fork_rng(devices, device_type=self.device.type if devices else "cuda"):
            torch.set_rng_state(self.cpu)
            if self.other is not None:
                torch.get_device_module(self.device).set_rng_state(self.other, self.device)
            yield
