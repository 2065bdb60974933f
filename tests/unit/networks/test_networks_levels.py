"""Maps from inside a backbone: their deviations, pooled beside the last map, in training, copies and exports."""

from __future__ import annotations

import copy

import numpy as np
import onnxruntime
import pytest
import torch
from torch import nn

from copylens.errors import UsageError
from copylens.networks.deploying import for_one_size
from copylens.networks.export import export_onnx
from copylens.networks.levels import EPSILON, deviations, run_with_levels
from copylens.networks.sscd import SSCDNetwork
from copylens.records import InputSpec

LEVELS = ("layer1", "layer3.0")


def network(levels: tuple[str, ...] = LEVELS) -> SSCDNetwork:
    torch.manual_seed(3)
    return SSCDNetwork("test_resnet", 12, levels=levels).eval()


def naive_deviations(maps: torch.Tensor) -> torch.Tensor:
    rows = []
    for picture in maps:
        row = []
        for channel in picture:
            values = [float(value) for value in channel.flatten()]
            mean = sum(values) / len(values)
            row.append((sum((value - mean) ** 2 for value in values) / len(values) + EPSILON) ** 0.5)
        rows.append(row)
    return torch.tensor(rows, dtype=torch.float32)


def test_deviations_are_those_of_a_loop() -> None:
    maps = torch.randn(3, 4, 5, 2, generator=torch.Generator().manual_seed(1))
    assert torch.allclose(deviations(maps), naive_deviations(maps), atol=1e-6)
    assert deviations(maps.half()).dtype == torch.float32


def test_gradients_are_those_of_small_changes_and_finite_where_a_channel_is_flat() -> None:
    maps = torch.randn(2, 3, 2, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(2))

    def precise(values: torch.Tensor) -> torch.Tensor:
        centred = values - values.mean(dim=(2, 3), keepdim=True)
        return (centred.square().mean(dim=(2, 3)) + EPSILON).sqrt()

    assert torch.autograd.gradcheck(precise, (maps.requires_grad_(),))
    single = maps.detach().float().requires_grad_()
    torch.autograd.backward(deviations(single).sum())
    (wanted,) = torch.autograd.grad(precise(maps).sum(), maps)
    assert single.grad is not None
    assert torch.allclose(single.grad, wanted.float(), atol=1e-5)
    flat = torch.ones(1, 2, 3, 3, requires_grad=True)
    torch.autograd.backward(deviations(flat).sum())
    assert flat.grad is not None
    assert torch.equal(flat.grad, torch.zeros_like(flat))


def test_features_are_the_pooled_map_and_the_deviations_of_each_level() -> None:
    net = network()
    pixels = torch.randn(2, 3, 64, 48)
    features = net.features(pixels)
    plain = SSCDNetwork(copy.deepcopy(net.backbone), 12).eval().features(pixels)
    _, maps = run_with_levels(net.backbone, LEVELS, pixels)
    assert torch.equal(features, torch.cat([plain, *map(deviations, maps)], dim=1))
    projection = net.projection
    assert isinstance(projection, nn.Linear)
    assert projection.in_features == features.shape[1]
    _, backwards = run_with_levels(net.backbone, LEVELS[::-1], pixels)
    assert [part.shape for part in maps] == [part.shape for part in reversed(backwards)]


def test_no_hook_stays_and_a_copy_has_maps_of_its_own() -> None:
    net = network()
    twin = copy.deepcopy(net)
    with torch.no_grad():
        for parameter in twin.backbone.parameters():
            parameter.mul_(0.5)
    pixels = torch.randn(1, 3, 64, 64)
    before = net(pixels)
    assert not torch.allclose(twin(pixels), before)
    assert torch.equal(net(pixels), before)
    assert not any(module._forward_hooks for module in net.modules())


def test_gradients_reach_what_lies_before_a_level() -> None:
    net = network(("layer1",))
    with torch.no_grad():
        # Only the level speaks.
        projection = net.projection
        assert isinstance(projection, nn.Linear)
        projection.weight[:, : net.layout.width] = 0
    net(torch.randn(2, 3, 64, 64)).square().mul(torch.randn(12)).sum().backward()

    def moved(stage: str) -> bool:
        values = [value for name, value in net.backbone.named_parameters() if name.startswith(stage)]
        return any(value.grad is not None and bool(value.grad.abs().sum() > 0) for value in values)

    assert moved("layer1")
    assert not moved("layer4")


def test_the_exported_graph_and_the_folded_twin_have_the_levels() -> None:
    net, spec = network(), InputSpec(64, 64)
    mean, deviation = (0.5, 0.5, 0.5), (0.5, 0.5, 0.5)
    graph, dims = export_onnx(net, spec, mean=mean, deviation=deviation)
    pixels = np.random.default_rng(0).integers(0, 256, (3, 64, 64, 3), np.uint8)
    (found,) = onnxruntime.InferenceSession(graph).run(None, {"pixels": pixels})
    normalised = (torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255 - 0.5) / 0.5
    with torch.no_grad():
        wanted = net(normalised)
        twin = for_one_size(net, 64, 64)(normalised)
    assert dims == 12
    np.testing.assert_allclose(found, wanted.numpy(), atol=2e-3)
    assert torch.allclose(twin, wanted, atol=1e-5)


@pytest.mark.parametrize(
    ("backbone", "levels", "said"),
    [
        ("test_resnet", ("layer9",), "no module 'layer9'; the nearest is 'layer"),
        ("test_resnet", ("elsewhere",), "no module 'elsewhere'"),
        ("test_resnet", ("fc",), "do not pass through 'fc'"),
        ("test_vit", ("blocks.1",), "'blocks.1' yields no feature map"),
    ],
)
def test_what_is_no_level_is_refused(backbone: str, levels: tuple[str, ...], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        SSCDNetwork(backbone, 8, levels=levels)
