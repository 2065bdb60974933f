"""Weights that are taken out of a package compute what the package computes."""

from __future__ import annotations

from pathlib import Path

import onnx
import pytest
import torch
from backbone_of_package import backbone_of, main
from safetensors.torch import load_file
from torch import nn

from copylens.models import bundled_directory, load_package
from copylens.networks.export import export_onnx
from copylens.networks.torchvision_shim import import_timm
from copylens.records import InputSpec

ROOT = Path(__file__).resolve().parents[3]
LITE0 = "tf_efficientnet_lite0"
MEAN = (0.5, 0.5, 0.5)


def backbone(name: str, seed: int) -> nn.Module:
    """With normalisations as a training leaves them."""
    torch.manual_seed(seed)
    made: nn.Module = import_timm().create_model(name, num_classes=0, global_pool="").eval()
    for module in made.modules():
        if isinstance(module, nn.BatchNorm2d):
            for tensor in (module.weight, module.running_var):
                assert tensor is not None
                nn.init.uniform_(tensor, 0.6, 1.5)
            for tensor in (module.bias, module.running_mean):
                assert tensor is not None
                nn.init.uniform_(tensor, -0.3, 0.3)
    return made


class Pooled(nn.Module):
    def __init__(self, backbone: nn.Module) -> None:
        super().__init__()
        self.backbone = backbone

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        return nn.functional.normalize(self.backbone(pixels).mean((2, 3)))


@pytest.mark.parametrize("half", [False, True])
def test_the_features_are_those_of_the_network_that_was_exported(half: bool) -> None:
    trained = backbone(LITE0, 1)
    content, _ = export_onnx(
        Pooled(trained), InputSpec(height=64, width=64), mean=MEAN, deviation=MEAN, half_weights=half
    )
    other = backbone(LITE0, 2)
    other.load_state_dict(backbone_of(onnx.load_from_string(content).graph, other))
    pixels = torch.rand(2, 3, 64, 64)
    with torch.no_grad():
        expected, seen = trained(pixels), other(pixels)
    assert (seen - expected).abs().max() < (2e-2 if half else 1e-4) * expected.abs().max()


def test_the_model_that_ships_gives_its_backbone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "lite0.safetensors"
    monkeypatch.setattr("sys.argv", ["backbone_of_package.py", "copylens-small", LITE0, str(file)])
    main()
    state = load_file(file)
    fresh = import_timm().create_model(LITE0, num_classes=0, global_pool="")
    fresh.load_state_dict(state)
    assert load_package(bundled_directory() / "copylens-small").fingerprint in capsys.readouterr().out


def test_a_combined_model_gives_each_of_its_networks() -> None:
    base = ROOT / "packages/copylens-model-base/src/copylens_model_base/copylens-base"
    graph = onnx.load(str(load_package(base).onnx_path)).graph
    for name in ("tf_efficientnet_lite2", LITE0):
        fresh = backbone(name, 3)
        fresh.load_state_dict(backbone_of(graph, fresh))


def test_a_network_of_another_shape_is_refused() -> None:
    graph = onnx.load(str(load_package(bundled_directory() / "copylens-small").onnx_path)).graph
    with pytest.raises(SystemExit, match="have the backbone's shapes"):
        backbone_of(graph, backbone("test_resnet", 0))
