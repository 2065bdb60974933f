"""Stages of a backbone: what freezing and layer-wise rates count by."""

import pytest
from torch import nn

from copylens.errors import UsageError
from copylens.networks.sscd import SSCDNetwork
from copylens.networks.stages import stages_of


def test_every_parameter_has_a_stage_and_they_rise_with_depth() -> None:
    backbone = SSCDNetwork("resnet18", 8).backbone
    stages = stages_of(backbone)
    assert set(stages) == {name for name, _ in backbone.named_parameters()}
    assert stages["conv1.weight"] == 0
    assert [stages[f"layer{number}.0.conv1.weight"] for number in (1, 2, 3, 4)] == [1, 2, 3, 4]


def test_fine_counts_every_block() -> None:
    backbone = SSCDNetwork("resnet18", 8).backbone
    stages = stages_of(backbone, fine=True)
    assert stages["layer2.0.conv1.weight"] < stages["layer2.1.conv1.weight"] < stages["layer3.0.conv1.weight"]


def test_a_module_without_stages_is_an_error() -> None:
    with pytest.raises(UsageError, match="frozen_stages"):
        stages_of(nn.Linear(2, 2))
