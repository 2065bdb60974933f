"""One small member of each family of backbones: describes, learns, goes on where it stopped, and exports."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
from torch import nn

from backbone_families import FAMILIES, family_member
from copylens.networks.deploying import for_one_size
from copylens.networks.export import IMAGENET_MEAN, IMAGENET_STD, export_onnx
from copylens.networks.sscd import SSCDNetwork
from copylens.records import InputSpec
from copylens.training.optimiser import make_optimiser
from copylens.training.settings import OptimiserSettings

DIMS = 12
HEIGHT, WIDTH = 64, 96
OUTSIDE = {
    "MobileNetV4": {"conv_head.weight", "norm_head.weight", "norm_head.bias"},
    "ConvNeXt": {"head.norm.weight", "head.norm.bias"},
}
"""Parameters of a classifier's own layers, which stand behind the features."""

GRIDS = {
    "Swin": (8, 12),
    "ViT": (4, 6),
    "DINOv2 with registers": (5, 7),
    "DINOv3": (4, 6),
    "CoAtNet, of one size": (5, 5),
}
"""Rows and columns of the local features; those of the others are a 32nd of the pixels."""


def pixels(count: int = 2, *, seed: int = 0) -> torch.Tensor:
    return torch.randn(count, 3, HEIGHT, WIDTH, generator=torch.Generator().manual_seed(seed))


@pytest.fixture(scope="module", params=FAMILIES)
def family(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def network(family: str) -> SSCDNetwork:
    """With the statistics of some pictures, so that evaluation differs from training and pictures differ."""
    made = SSCDNetwork(family_member(family), DIMS, pooling="signed-gem").train()
    norms = [module for module in made.modules() if isinstance(module, nn.BatchNorm2d)]
    for norm in norms:
        norm.momentum = None  # the plain mean over all that was seen
    with torch.no_grad():
        for seed in range(2):
            made(pixels(4, seed=seed))
    for norm in norms:
        norm.momentum = 0.1
    return made.eval()


def test_descriptors_have_length_one_and_local_features_a_grid(network: SSCDNetwork, family: str) -> None:
    with torch.no_grad():
        parts = network.forward_parts(pixels())
    torch.testing.assert_close(parts.descriptors.norm(dim=1), torch.ones(2))
    assert not torch.allclose(parts.descriptors[0], parts.descriptors[1], atol=1e-4)
    assert parts.local.shape[2:] == GRIDS.get(family, (2, 3))
    assert parts.local.shape[1] == network.layout.width == parts.pooled.shape[1]


def test_every_learning_parameter_gets_a_gradient(network: SSCDNetwork, family: str) -> None:
    made = copy.deepcopy(network).train()
    torch.manual_seed(1)
    target = torch.randn(4, DIMS)
    (made(pixels(4)) * target).sum().backward()
    learning = {name for name, p in made.named_parameters() if p.requires_grad}
    without = {name for name, p in made.named_parameters() if p.grad is None or not p.grad.any()}
    frozen = {f"backbone.{name}" for name in OUTSIDE.get(family, set())}
    assert without == frozen
    assert learning == {name for name, _ in made.named_parameters()} - frozen


def test_a_cell_is_what_lies_there(network: SSCDNetwork) -> None:
    """Change a corner of the picture: of the four corners of a transformer's grid, that cell changes most."""
    if network.layout.kind == "NCHW":
        assert network.maps(pixels(1)).shape[1] == network.layout.width
        return
    before, after = pixels(1), pixels(1)
    after[:, :, HEIGHT // 2 :, : WIDTH // 3] += 2.0
    with torch.no_grad():
        moved = (network.maps(after) - network.maps(before)).norm(dim=1)[0]
    corners = torch.stack([moved[0, 0], moved[0, -1], moved[-1, 0], moved[-1, -1]])
    assert int(corners.argmax()) == 2


@torch.no_grad()
def twin(network: nn.Module, images: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """The network on images normalised by NumPy."""
    values = (images / 255.0 - np.array(IMAGENET_MEAN)) / np.array(IMAGENET_STD)
    rows: np.ndarray[Any, Any] = network(torch.from_numpy(values.transpose(0, 3, 1, 2)).float()).numpy()
    return rows


def test_the_exported_graph_is_the_network_for_any_batch(network: SSCDNetwork) -> None:
    graph, dims = export_onnx(copy.deepcopy(network), InputSpec(HEIGHT, WIDTH), half_weights=False)
    assert dims == DIMS
    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    images = np.random.default_rng(3).integers(0, 256, (3, HEIGHT, WIDTH, 3), np.uint8)
    for count in (1, 3):
        actual = session.run(["descriptor"], {"pixels": images[:count]})[0]
        np.testing.assert_allclose(actual, twin(network, images[:count]), atol=5e-5)


def steps(network: SSCDNetwork, optimiser: torch.optim.Optimizer, numbers: range) -> list[float]:
    """Some steps towards descriptors that tell four pictures apart; every draw follows from the step."""
    network.train()
    losses = []
    for number in numbers:
        torch.manual_seed(number)
        rows = network(pixels(4, seed=number))
        loss = (rows @ rows.T - torch.eye(4)).square().sum()
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    return losses


def test_goes_on_from_its_state_as_if_it_had_not_stopped(network: SSCDNetwork, family: str) -> None:
    settings = OptimiserSettings(
        name="adamw", learning_rate=1e-3, scale_with_batch=False, weight_decay=0.05, layer_decay=0.8
    )
    whole = copy.deepcopy(network)
    optimiser = make_optimiser(whole, settings, batch=4)
    steps(whole, optimiser, range(2))
    state = copy.deepcopy({"network": whole.state_dict(), "optimiser": optimiser.state_dict()})
    expected = steps(whole, optimiser, range(2, 4))

    again = SSCDNetwork(family_member(family, seed=9), DIMS, pooling="signed-gem")
    again.load_state_dict(state["network"])
    optimiser = make_optimiser(again, settings, batch=4)
    optimiser.load_state_dict(state["optimiser"])
    assert steps(again, optimiser, range(2, 4)) == expected
    assert len(set(expected)) == 2
    reached = whole.state_dict()
    for name, value in again.state_dict().items():
        assert torch.equal(value, reached[name]), name


def test_parallel_branches_become_one_convolution(network: SSCDNetwork, family: str) -> None:
    fixed = for_one_size(network, HEIGHT, WIDTH)
    before, after = (sum(isinstance(m, nn.BatchNorm2d) for m in made.modules()) for made in (network, fixed))
    if family in ("RepVGG", "MobileOne"):
        assert (before > 0, after) == (True, 0)
    elif not any(hasattr(module, "fuse") for module in network.modules()):
        assert after == before
    with torch.no_grad():
        torch.testing.assert_close(fixed(pixels()), network(pixels()), atol=2e-5, rtol=1e-4)
