"""A model package in, the weights of its backbone under timm's names out: where a training that is not kept can go on.

COMMAND   python scripts/backbone_of_package.py copylens-small tf_efficientnet_lite0 lite0.safetensors
NEEDS     pip install -e '.[train]'

A package's graph holds convolutions whose batch normalisation was merged into them, in 16 bits. Here each becomes a
convolution again and behind it a normalisation that only adds: the features are the same, for a training with
``network.freeze_batchnorm``. Of a combined model the first network of that shape is taken. It is for networks whose
layers run in the order of their names, as EfficientNet's do.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import onnx
import torch
from onnx import numpy_helper
from safetensors.torch import save_file
from torch import nn

from copylens.models import find_model, load_package
from copylens.networks.torchvision_shim import import_timm

Folded: TypeAlias = tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]
"""Weights and bias of a convolution with its normalisation."""


def backbone_of(graph: Any, backbone: nn.Module) -> dict[str, torch.Tensor]:
    """The state of a backbone that computes what the convolutions of an ``onnx.GraphProto`` compute.

    Args:
        graph: of a package that this project exported.
        backbone: of the same kind, with a batch normalisation behind every convolution.

    Raises:
        SystemExit: no run of the graph's convolutions has the shapes of the backbone's.
    """
    folded = _convolutions(graph)
    modules = dict(backbone.named_modules())
    names = [name for name, module in modules.items() if isinstance(module, nn.Conv2d)]
    norms = [name for name, module in modules.items() if isinstance(module, nn.BatchNorm2d)]
    if len(names) != len(norms):
        raise SystemExit("The backbone has convolutions without a batch normalisation behind them.")
    state = {name: value.clone() for name, value in backbone.state_dict().items()}
    start = _start_of([tuple(state[f"{name}.weight"].shape) for name in names], folded)
    for name, norm, (weight, bias) in zip(names, norms, folded[start:], strict=False):
        module = modules[norm]
        assert isinstance(module, nn.BatchNorm2d)
        state[f"{name}.weight"] = torch.from_numpy(weight.copy())
        state[f"{norm}.bias"] = torch.from_numpy(bias.copy())
        state[f"{norm}.weight"].fill_(1.0)
        state[f"{norm}.running_mean"].zero_()
        # So that what is divided by is one.
        state[f"{norm}.running_var"].fill_(1.0 - module.eps)
    return state


def _convolutions(graph: Any) -> list[Folded]:
    values = {tensor.name: tensor for tensor in graph.initializer}
    # Weights in 16 bits lie behind a cast.
    casts = {node.output[0]: node.input[0] for node in graph.node if node.op_type == "Cast"}

    def read(name: str) -> npt.NDArray[np.float32]:
        return np.asarray(numpy_helper.to_array(values[casts.get(name, name)]), np.float32)

    return [(read(node.input[1]), read(node.input[2])) for node in graph.node if node.op_type == "Conv"]


def _start_of(shapes: Sequence[tuple[int, ...]], folded: Sequence[Folded]) -> int:
    found = [weight.shape for weight, _ in folded]
    for start in range(len(found) - len(shapes) + 1):
        if found[start : start + len(shapes)] == list(shapes):
            return start
    raise SystemExit(
        f"No {len(shapes)} convolutions of the graph, one after the other, have the backbone's shapes."
    )


def main() -> None:
    """Write them."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", help="name or folder of a model package")
    parser.add_argument("backbone", help="timm's name of it")
    parser.add_argument("output", type=Path, help="a .safetensors file")
    chosen = parser.parse_args()
    package = load_package(find_model(chosen.model))
    backbone = import_timm().create_model(chosen.backbone, num_classes=0, global_pool="").eval()
    save_file(backbone_of(onnx.load(str(package.onnx_path)).graph, backbone), chosen.output)
    print(f"{chosen.output}: {chosen.backbone} as it is in {package.name} ({package.fingerprint})")


if __name__ == "__main__":
    main()
