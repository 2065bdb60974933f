"""Measures what it saves on a processor to differentiate depthwise convolutions in float32 under a bfloat16 autocast.

Backbones in; a table out: seconds of a step (forward and backward of random pictures) with all of the network in
bfloat16, with its depthwise convolutions in float32 as `copylens train` has them, and with all of it in float32.

    python -m benchmarks.depthwise tf_efficientnet_lite0 mobilenetv4_conv_small
"""

from __future__ import annotations

import argparse
import copy
import sys
import time
from collections.abc import Iterator
from statistics import median

import torch
from benchmarks.machine import describe_machine, machine_facts, portable_command
from torch import nn

from copylens.errors import CopyLensError
from copylens.networks.backbones import create_backbone
from copylens.training.allocation import keep_freed_memory
from copylens.training.depthwise import depthwise_in_float32

PLAIN, OURS, EXACT = "bfloat16", "bfloat16, depthwise in float32", "float32"


def main() -> int:
    """Measure in turns and print the table."""
    parser = argparse.ArgumentParser(prog="depthwise", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("backbones", nargs="+", metavar="BACKBONE", help="timm's name")
    parser.add_argument("--batch", type=int, default=64, metavar="N")
    parser.add_argument("--size", type=int, default=128, metavar="PIXELS")
    parser.add_argument("--rounds", type=int, default=5, metavar="N")
    options = parser.parse_args()
    keep_freed_memory()
    try:
        networks = {name: create_backbone(name, pretrained=False) for name in options.backbones}
    except CopyLensError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    pixels = torch.rand(options.batch, 3, options.size, options.size)
    print("\n".join(document(networks, pixels, options)))
    return 0


def compare(network: nn.Module, pixels: torch.Tensor, rounds: int) -> tuple[int, dict[str, list[float]]]:
    """How many depthwise convolutions there are, and seconds of a step each way; the first round counts for nothing."""
    network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    pixels = pixels.contiguous(memory_format=torch.channels_last)
    ours = copy.deepcopy(network)
    count = depthwise_in_float32(ours)
    seconds: dict[str, list[float]] = {name: [] for name in (PLAIN, OURS, EXACT)}
    for number in range(rounds + 1):
        for name, chosen in ((PLAIN, network), (OURS, ours), (EXACT, network)):
            taken = step(chosen, pixels, bfloat16=name != EXACT)
            if number:
                seconds[name].append(taken)
    return count, seconds


def step(network: nn.Module, pixels: torch.Tensor, *, bfloat16: bool) -> float:
    """Seconds of a forward and a backward pass."""
    network.zero_grad()
    started = time.perf_counter()
    with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
        out = network(pixels)
    out.float().square().mean().backward()
    return time.perf_counter() - started


def document(
    networks: dict[str, nn.Module], pixels: torch.Tensor, options: argparse.Namespace
) -> Iterator[str]:
    """Lines of Markdown."""
    yield f"`{portable_command('benchmarks.depthwise')}`"
    yield (
        f"({describe_machine(machine_facts())}; {torch.get_num_threads()} threads; {options.batch} pictures of "
        f"{options.size} px; medians of {options.rounds} rounds in turns)"
    )
    yield ""
    yield f"| | depthwise convolutions | s a step, {PLAIN} | {OURS} | times as fast | {EXACT} |"
    yield "|---|---:|---:|---:|---:|---:|"
    for name, network in networks.items():
        count, seconds = compare(network, pixels, options.rounds)
        ratios = [a / b for a, b in zip(seconds[PLAIN], seconds[OURS], strict=True)]
        plain, ours, exact = (median(seconds[way]) for way in (PLAIN, OURS, EXACT))
        yield (
            f"| `{name}` | {count} | {plain:.2f} | {ours:.2f} | {median(ratios):.2f} ({min(ratios):.2f} – "
            f"{max(ratios):.2f}) | {exact:.2f} |"
        )


if __name__ == "__main__":
    sys.exit(main())
