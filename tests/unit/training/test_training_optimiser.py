"""Groups of parameters: who decays, at which rate, and what a step of each optimiser does."""

from __future__ import annotations

import pytest
import torch

from copylens.networks.sscd import SSCDNetwork
from copylens.networks.stages import stages_of
from copylens.training.optimiser import make_optimiser, set_rates
from copylens.training.settings import OptimiserSettings


def network() -> SSCDNetwork:
    torch.manual_seed(0)
    return SSCDNetwork("test_resnet", dims=8)


def test_every_parameter_is_in_one_group_and_vectors_do_not_decay() -> None:
    made = network()
    optimiser = make_optimiser(made, OptimiserSettings(weight_decay=0.1), batch=256)
    grouped = [(p, group) for group in optimiser.param_groups for p in group["params"]]
    assert {id(p) for p, _ in grouped} == {id(p) for p in made.parameters()}
    assert len(grouped) == len(list(made.parameters()))
    for parameter, group in grouped:
        assert group["weight_decay"] == (0.1 if parameter.ndim > 1 else 0.0)


def test_rates_are_stated_for_256_pictures() -> None:
    # SSCD: 0.3 x 4096 / 256 = 4.8
    optimiser = make_optimiser(network(), OptimiserSettings(), batch=4096)
    assert all(group["base_rate"] == pytest.approx(4.8) for group in optimiser.param_groups)
    plain = make_optimiser(network(), OptimiserSettings(scale_with_batch=False), batch=4096)
    assert {group["base_rate"] for group in plain.param_groups} == {0.3}


def test_the_head_may_have_its_own_rate() -> None:
    made = network()
    settings = OptimiserSettings(
        name="adamw", learning_rate=1e-4, head_learning_rate=5e-4, scale_with_batch=False
    )
    optimiser = make_optimiser(made, settings, batch=64)
    head = {id(p) for p in made.projection.parameters()}
    for group in optimiser.param_groups:
        for parameter in group["params"]:
            assert group["base_rate"] == (5e-4 if id(parameter) in head else 1e-4)


def test_frozen_parameters_are_left_out() -> None:
    made = network()
    for parameter in made.backbone.parameters():
        parameter.requires_grad_(False)
    optimiser = make_optimiser(made, OptimiserSettings(), batch=256)
    assert sum(len(group["params"]) for group in optimiser.param_groups) == 2


def test_set_rates_multiplies_the_base_rate_each_time() -> None:
    optimiser = make_optimiser(network(), OptimiserSettings(), batch=256)
    for factor in (0.5, 0.1):
        set_rates(optimiser, factor)
        assert all(group["lr"] == pytest.approx(0.3 * factor) for group in optimiser.param_groups)


def test_a_step_of_lars_by_hand() -> None:
    # You et al. 2017: the rate of a matrix is multiplied by trust x |w| / (|g| + decay x |w|).
    made = network()
    settings = OptimiserSettings(learning_rate=1.0, weight_decay=0.01, trust=0.001, momentum=0.9)
    optimiser = make_optimiser(made, settings, batch=256)
    set_rates(optimiser, 1.0)
    weight, bias = made.projection.weight, made.projection.bias
    assert isinstance(weight, torch.nn.Parameter)
    assert isinstance(bias, torch.nn.Parameter)
    before, before_bias = weight.detach().clone(), bias.detach().clone()
    for parameter in made.parameters():
        parameter.grad = torch.ones_like(parameter)
    optimiser.step()
    gradient = torch.ones_like(before)
    adapted = 0.001 * before.norm() / (gradient.norm() + 0.01 * before.norm())
    torch.testing.assert_close(
        weight.detach(), before - adapted * (gradient + 0.01 * before), rtol=1e-4, atol=1e-6
    )
    torch.testing.assert_close(bias.detach(), before_bias - 1.0)


def test_the_rate_falls_from_block_to_block_towards_the_pixels() -> None:
    made = network()
    settings = OptimiserSettings(name="adamw", learning_rate=1e-2, layer_decay=0.5, scale_with_batch=False)
    optimiser = make_optimiser(made, settings, batch=64)
    rates = {id(p): group["base_rate"] for group in optimiser.param_groups for p in group["params"]}
    assert set(rates) == {id(p) for p in made.parameters()}
    stages = stages_of(made.backbone, fine=True)
    last = max(stages.values())
    for name, parameter in made.backbone.named_parameters():
        assert rates[id(parameter)] == pytest.approx(1e-2 * 0.5 ** (last - stages[name]))
    assert all(rates[id(p)] == 1e-2 for p in made.projection.parameters())


def test_tokens_positions_and_the_parts_of_the_head_of_a_transformer_are_each_in_one_group() -> None:
    made = SSCDNetwork("test_vit", dims=8, pooling="attention", batchnorm=True)
    optimiser = make_optimiser(made, OptimiserSettings(weight_decay=0.1, layer_decay=0.7), batch=256)
    decay = {id(p): group["weight_decay"] for group in optimiser.param_groups for p in group["params"]}
    assert set(decay) == {id(p) for p in made.parameters()}
    spared = {"backbone.cls_token", "backbone.pos_embed"}
    for name, parameter in made.named_parameters():
        assert decay[id(parameter)] == (0.0 if parameter.ndim == 1 or name in spared else 0.1), name
    assert {"pooling.query", "batchnorm.weight"} <= {name for name, _ in made.named_parameters()}
