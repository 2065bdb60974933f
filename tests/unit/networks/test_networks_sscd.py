"""The SSCD network is its backbone, GeM, one linear layer and the L2 norm, and nothing else."""

from __future__ import annotations

import pytest
import torch

from copylens.networks.sscd import SSCDNetwork

SMALL = ["test_resnet", "test_efficientnet", "test_byobnet"]


def pixels(count: int = 2, side: int = 64) -> torch.Tensor:
    return torch.randn(count, 3, side, side, generator=torch.Generator().manual_seed(0))


@pytest.fixture(params=SMALL)
def network(request: pytest.FixtureRequest) -> SSCDNetwork:
    torch.manual_seed(1)
    return SSCDNetwork(request.param, dims=24).eval()


@torch.no_grad()
def test_is_the_composition_of_its_parts(network: SSCDNetwork) -> None:
    feature_map = network.backbone(pixels())
    pooled = (feature_map.clamp(min=1e-6) ** 3).mean(dim=(2, 3)) ** (1 / 3)
    projected = pooled @ network.projection.weight.T + network.projection.bias
    expected = projected / projected.norm(dim=1, keepdim=True)
    torch.testing.assert_close(network(pixels()), expected)
    torch.testing.assert_close(network.features(pixels()), pooled)


@torch.no_grad()
def test_the_parts_of_one_pass_are_those_of_the_single_calls(network: SSCDNetwork) -> None:
    passes: list[torch.Size] = []
    first = next(module for module in network.backbone.modules() if isinstance(module, torch.nn.Conv2d))
    first.register_forward_hook(lambda _, __, output: passes.append(output.shape))
    parts = network.forward_parts(pixels())
    assert len(passes) == 1
    assert parts.local.ndim == 4
    torch.testing.assert_close(parts.local, network.maps(pixels()))
    torch.testing.assert_close(parts.pooled, network.features(pixels()))
    torch.testing.assert_close(parts.descriptors, network(pixels()))
    assert parts.descriptors.dtype == torch.float32


@torch.no_grad()
def test_descriptors_have_length_one_and_differ_between_images(network: SSCDNetwork) -> None:
    rows = network(pixels())
    assert rows.shape == (2, 24)
    torch.testing.assert_close(rows.norm(dim=1), torch.ones(2))
    assert not torch.allclose(rows[0], rows[1])


@torch.no_grad()
def test_any_size_goes_in(network: SSCDNetwork) -> None:
    assert network(pixels(1, 96)).shape == network(pixels(1, 64)).shape == (1, 24)


def test_every_parameter_gets_a_gradient(network: SSCDNetwork) -> None:
    network.train()
    for name, weight in network.named_parameters():
        if name.endswith("weight") and weight.ndim == 1:
            # Branches that start at zero would let nothing through.
            torch.nn.init.ones_(weight)
    target = torch.randn(2, 24, generator=torch.Generator().manual_seed(2))
    (network(pixels()) * target).sum().backward()
    still = [name for name, p in network.named_parameters() if p.grad is None or not p.grad.abs().any()]
    assert still == []


def test_residual_branches_start_at_zero() -> None:
    # SSCD's entropy term needs it.
    network = SSCDNetwork("resnet50", dims=8)
    last = [weight for name, weight in network.named_parameters() if name.endswith("bn3.weight")]
    assert len(last) == 16
    assert all(not weight.any() for weight in last)


def test_the_power_of_the_pooling_is_a_constant() -> None:
    network = SSCDNetwork("test_resnet", dims=4, p=1.0)
    assert network.pooling.p == 1.0
    assert not list(network.pooling.parameters())


@torch.no_grad()
def test_simclr_averages_and_projects_through_a_hidden_layer() -> None:
    torch.manual_seed(1)
    network = SSCDNetwork("test_resnet", dims=16, pooling="average", head="mlp").eval()
    pooled = network.backbone(pixels()).mean(dim=(2, 3))
    hidden, last = network.projection[0], network.projection[2]  # type: ignore[index]
    assert hidden.weight.shape == (pooled.shape[1], pooled.shape[1])
    rows = torch.relu(pooled @ hidden.weight.T + hidden.bias) @ last.weight.T + last.bias
    torch.testing.assert_close(network(pixels()), rows / rows.norm(dim=1, keepdim=True))


@torch.no_grad()
def test_a_layer_behind_the_classifiers_pooling_is_left_out() -> None:
    # MobileNetV4 widens 960 channels to 1280 behind its pooling.
    network = SSCDNetwork("mobilenetv4_conv_small", dims=8).eval()
    assert network.features(pixels()).shape == (2, 960)
    assert network(pixels()).shape == (2, 8)
