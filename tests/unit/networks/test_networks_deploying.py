"""A network's twin for one size computes the same, holds what can be computed before, and leaves the original alone."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from torch import nn

from backbone_families import family_member
from copylens.errors import ModelError
from copylens.networks.deploying import for_one_size
from copylens.networks.export import export_onnx
from copylens.networks.sscd import SSCDNetwork
from copylens.networks.torchvision_shim import import_timm
from copylens.records import InputSpec


def pixels(height: int, width: int, count: int = 2) -> torch.Tensor:
    return torch.randn(count, 3, height, width, generator=torch.Generator().manual_seed(0))


def network(family: str = "ViT", **options: Any) -> SSCDNetwork:
    torch.manual_seed(1)
    return SSCDNetwork(family_member(family), 12, pooling="signed-gem", **options).eval()


def operators(graph: bytes) -> set[str]:
    return {node.op_type for node in onnx.load_from_string(graph).graph.node}


@pytest.mark.parametrize("family", ["ViT", "DINOv2 with registers", "DINOv3"])
@pytest.mark.parametrize("size", [(64, 96), (112, 112), (80, 50)])
@torch.no_grad()
def test_positions_are_those_of_the_size(family: str, size: tuple[int, int]) -> None:
    made = network(family)
    state = copy.deepcopy(made.state_dict())
    fixed = for_one_size(made, *size)
    torch.testing.assert_close(fixed(pixels(*size)), made(pixels(*size)), atol=1e-5, rtol=1e-4)
    assert all(torch.equal(value, state[name]) for name, value in made.state_dict().items())
    if "backbone.pos_embed" in state:
        height, width = made.layout.size_for(*size)
        patch = made.layout.multiple[0]
        cells = (height // patch) * (width // patch)
        assert fixed.state_dict()["backbone.pos_embed"].shape[1] in (cells, cells + 1)


def test_a_graph_of_a_larger_size_than_learned_interpolates_nothing() -> None:
    """Of 64 pixels, exported for 96: the positions are in the file, and the pictures need no other size."""
    torch.manual_seed(2)
    backbone: nn.Module = import_timm().create_model(
        "vit_tiny_patch16_224",
        num_classes=0,
        global_pool="",
        img_size=64,
        dynamic_img_size=True,
        embed_dim=32,
        depth=2,
        num_heads=2,
    )
    made = SSCDNetwork(backbone, 12, pooling="cls+signed-gem")
    graph, _ = export_onnx(made, InputSpec(96, 96), half_weights=False)
    assert operators(graph).isdisjoint({"Resize", "Upsample"})
    odd, _ = export_onnx(made, InputSpec(100, 90), half_weights=False)
    assert "Resize" in operators(odd)
    session = onnxruntime.InferenceSession(odd, providers=["CPUExecutionProvider"])
    assert session.run(None, {"pixels": np.zeros((3, 100, 90, 3), np.uint8)})[0].shape == (3, 12)


@torch.no_grad()
def test_standardised_weights_are_folded() -> None:
    for name in ("test_nfnet", "vit_tiny_r_s16_p8_224"):
        made = SSCDNetwork(name, 8).eval() if name == "test_nfnet" else network("ViT on a ResNet")
        standardised = [
            m for m in made.modules() if type(m).__name__.endswith(("StdConv2d", "StdConv2dSame"))
        ]
        assert standardised
        fixed = for_one_size(made, 64, 96)
        assert not [m for m in fixed.modules() if type(m).__name__.endswith(("StdConv2d", "StdConv2dSame"))]
        torch.testing.assert_close(fixed(pixels(64, 96)), made(pixels(64, 96)), atol=1e-5, rtol=1e-4)


def test_where_nothing_can_be_folded_the_network_is_its_own_twin() -> None:
    made = network("ResNet")
    assert for_one_size(made, 64, 96) is made


def gradients(made: SSCDNetwork, picture: torch.Tensor) -> dict[str, torch.Tensor]:
    made.zero_grad()
    torch.manual_seed(3)
    (made(picture) * torch.randn(2, 12, generator=torch.Generator().manual_seed(4))).sum().backward()
    return {name: p.grad.clone() for name, p in made.named_parameters() if p.grad is not None}


@pytest.mark.parametrize("family", ["ViT", "Swin", "ConvNeXt", "ResNet", "DINOv3"])
def test_checkpointing_gives_the_same_gradients_with_less_kept(family: str) -> None:
    plain, frugal = network(family).train(), network(family, checkpointing=True).train()
    assert all(torch.equal(value, plain.state_dict()[name]) for name, value in frugal.state_dict().items())
    kept: dict[bool, int] = {}
    found = {}
    for made in (plain, frugal):
        count = 0

        def keep(tensor: torch.Tensor) -> torch.Tensor:
            nonlocal count
            count += tensor.numel()
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            torch.manual_seed(3)
            made(pixels(64, 96)).sum()
        kept[made is frugal] = count
        found[made is frugal] = gradients(made, pixels(64, 96))
    assert kept[True] < kept[False] * 0.7
    assert found[True].keys() == found[False].keys()
    for name, gradient in found[False].items():
        torch.testing.assert_close(found[True][name], gradient, atol=1e-6, rtol=1e-4)


def test_a_checkpointing_network_exports_without_and_stays_as_it_is() -> None:
    made = network(checkpointing=True)
    fixed = for_one_size(made, 64, 96)
    assert isinstance(fixed, SSCDNetwork)
    assert vars(made.backbone)["grad_checkpointing"]
    assert not vars(fixed.backbone)["grad_checkpointing"]
    graph, _ = export_onnx(made, InputSpec(64, 96))
    assert graph


@pytest.mark.parametrize("family", ["EfficientNet", "RepVGG", "MobileNetV4"])
def test_a_graph_of_convolutions_takes_any_size(family: str) -> None:
    made = network(family)
    graph, _ = export_onnx(made, InputSpec(64, 64), half_weights=False, any_size=True)
    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    alone, _ = export_onnx(made, InputSpec(96, 72), half_weights=False)
    twin = onnxruntime.InferenceSession(alone, providers=["CPUExecutionProvider"])
    images = np.random.default_rng(0).integers(0, 256, (3, 96, 72, 3), np.uint8)
    rows, expected = (each.run(None, {"pixels": images})[0] for each in (session, twin))
    np.testing.assert_allclose(rows, expected, atol=2e-5)


@pytest.mark.parametrize("family", ["ViT", "Swin", "CoAtNet, of one size"])
def test_a_transformer_s_graph_holds_one_size_and_says_so(family: str) -> None:
    with pytest.raises(ModelError, match=r"holds one size.*leave export\.any_size out"):
        export_onnx(network(family), InputSpec(64, 64), any_size=True)


class Odd(nn.Module):
    """With an operator that ONNX lacks."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.interpolate(x, size=(4, 4), mode="bicubic", antialias=True).flatten(1)


def test_an_operator_that_onnx_lacks_is_named(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ModelError, match=r"cannot be exported to ONNX: .*_upsample_bicubic2d_aa"):
        export_onnx(Odd(), InputSpec(32, 32))
    capfd.readouterr()
