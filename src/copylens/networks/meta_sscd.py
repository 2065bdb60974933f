"""Meta's published SSCD files in, networks out (github.com/facebookresearch/sscd-copy-detection, MIT).

Two layouts: ``NAME.torchvision.pt`` holds a state dictionary of a torchvision ResNet whose ``fc`` is the
projection; ``NAME.torchscript.pt`` holds a whole scripted module. Both take ImageNet-normalised
``(N, 3, H, W) float32``.
"""

from __future__ import annotations

import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import nn

from copylens.errors import ModelError
from copylens.networks.sscd import SSCDNetwork
from copylens.networks.wording import first_line, some_names

PREFIX = "backbone."


def load_meta_sscd(path: Path) -> nn.Module:
    """Read one of Meta's files, whichever layout it has.

    A scripted file is a program: load only files that come from a place you trust. The other layout is read
    without running anything.

    Args:
        path: a ``.torchscript.pt`` or ``.torchvision.pt`` file (the content decides, not the name).

    Returns:
        A module in evaluation mode, normalised ``(N, 3, H, W) float32`` to ``(N, D)``.

    Raises:
        ModelError: the file is neither, or its tensors do not fit; names the first that do not.
    """
    if _is_scripted(path):
        return _load_scripted(path)
    state = _load_weights(path)
    if not isinstance(state, Mapping) or not all(isinstance(value, torch.Tensor) for value in state.values()):
        raise ModelError(
            f"{path} does not hold a state dictionary; take Meta's .torchvision.pt or .torchscript.pt file."
        )
    return network_from_state(state, where=str(path))


def network_from_state(state: Mapping[str, torch.Tensor], *, where: str) -> SSCDNetwork:
    """Build the network that a torchvision-layout state dictionary describes, strictly.

    Raises:
        ModelError: the tensors are not those of a ResNet-50 or ResNeXt-101 with a projection.
    """
    head = state.get("backbone.fc.weight")
    width = state.get("backbone.layer1.0.conv2.weight")
    depth = sum(name.startswith("backbone.layer3.") and name.endswith(".conv1.weight") for name in state)
    if head is None or width is None or head.ndim != 2 or width.ndim != 4:
        raise ModelError(
            f"{where} does not hold SSCD's weights under torchvision's names: backbone.fc.weight or "
            "backbone.layer1.0.conv2.weight is missing; take Meta's .torchvision.pt or .torchscript.pt file."
        )
    network = SSCDNetwork(_backbone_name(depth, width, where), dims=head.shape[0])
    try:
        _load_strictly(network, state)
    except RuntimeError as error:
        raise ModelError(f"{where} does not fit its backbone: {error}") from error
    return network.eval()


def _load_weights(path: Path) -> object:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Detected pickle protocol", category=UserWarning)
        try:
            return torch.load(path, map_location="cpu", weights_only=True)
        except Exception as error:  # a damaged pickle fails in as many ways as there are opcodes
            said = f"{type(error).__name__}: {first_line(error)}"
            raise ModelError(f"{path} is not a readable PyTorch file, or is damaged ({said}).") from error


def _load_scripted(path: Path) -> nn.Module:
    with warnings.catch_warnings():
        # TorchScript is deprecated as a format to write; Meta's files are what they are.
        warnings.filterwarnings(
            "ignore", message=r"`torch\.jit\.load` is deprecated", category=DeprecationWarning
        )
        try:
            network: nn.Module = torch.jit.load(str(path), map_location="cpu")  # type: ignore[no-untyped-call]
        except (RuntimeError, ValueError) as error:
            raise ModelError(f"{path} is not a readable TorchScript file: {first_line(error)}") from error
    return network.eval()


def _backbone_name(depth: int, width: torch.Tensor, where: str) -> str:
    """Tell the timm name from the number of blocks in stage 3 and the shape of the first 3x3 convolution."""
    channels, per_group = width.shape[:2]
    names = {
        (6, 64, 64): "resnet50",
        (23, 128, 4): "resnext101_32x4d",
        (23, 256, 8): "resnext101_32x8d",
    }
    name = names.get((depth, channels, per_group))
    if name is None:
        raise ModelError(
            f"{where}: a backbone with {depth} blocks in stage 3 and {channels} channels in groups of "
            f"{per_group} is neither ResNet-50 nor ResNeXt-101."
        )
    return name


def _load_strictly(network: SSCDNetwork, state: Mapping[str, torch.Tensor]) -> None:
    if "backbone.fc.bias" not in state:
        raise RuntimeError("missing: backbone.fc.bias")
    body = {
        name.removeprefix(PREFIX): value
        for name, value in state.items()
        if name.startswith(PREFIX) and not name.startswith("backbone.fc.")
    }
    foreign = [name for name in state if not name.startswith(PREFIX)]
    missing = sorted(network.backbone.state_dict().keys() - body.keys())
    unknown = sorted(body.keys() - network.backbone.state_dict().keys()) + foreign
    if missing or unknown:
        raise RuntimeError(
            f"missing: {some_names(missing, empty='none')}; unknown: {some_names(unknown, empty='none')}"
        )
    network.backbone.load_state_dict(body)
    network.projection.load_state_dict(
        {"weight": state["backbone.fc.weight"], "bias": state["backbone.fc.bias"]}
    )


def _is_scripted(path: Path) -> bool:
    """Scripted modules are zip archives with a ``code/`` folder; state dictionaries have none."""
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return any("/code/" in name for name in archive.namelist())
