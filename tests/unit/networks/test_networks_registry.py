"""A user's own module is found by its name, its module or its file; what is none is told in a sentence."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

from copylens.errors import UsageError
from copylens.networks import registry
from copylens.networks.backbones import create_backbone
from copylens.networks.registry import own_backbone, register_backbone, registered_backbones
from copylens.networks.sscd import SSCDNetwork
from copylens.networks.stages import stages_of


@pytest.fixture(autouse=True)
def _unregistered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_BUILDERS", {})


def convolution() -> nn.Module:
    return nn.Conv2d(3, 8, 3, stride=4, padding=1)


class Tokens(nn.Module):
    """Patches of 8 pixels as tokens, behind a class token and a register."""

    num_prefix_tokens = 2

    def __init__(self) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, 8, 8, stride=8)
        self.prefix = nn.Parameter(torch.randn(1, 2, 8))

    def forward_features(self, pixels: torch.Tensor) -> torch.Tensor:
        cells = self.patches(pixels).flatten(2).transpose(1, 2)
        return torch.cat([self.prefix.expand(len(cells), -1, -1), cells], dim=1)


def test_a_registered_name_builds_its_module() -> None:
    assert register_backbone("mine")(convolution) is convolution
    assert registered_backbones() == ["mine"]
    network = SSCDNetwork("mine", dims=4)
    assert isinstance(network.backbone, nn.Conv2d)
    assert network(torch.randn(2, 3, 20, 28)).shape == (2, 4)
    assert own_backbone("resnet18") is None


@pytest.mark.parametrize("name", ["", "mine:too"])
def test_a_name_has_no_colon(name: str) -> None:
    with pytest.raises(UsageError, match="cannot name a backbone"):
        register_backbone(name)


def test_a_name_is_taken_once() -> None:
    register_backbone("mine")(convolution)
    register_backbone("mine")(convolution)  # a module that is imported twice
    with pytest.raises(UsageError, match=r"'mine' is registered already, by .*test_networks_registry"):
        register_backbone("mine")(Tokens)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "net.py"
    path.write_text(
        "from torch import nn\n"
        "from copylens.networks.registry import register_backbone\n"
        "@register_backbone('of-file')\n"
        "def build():\n    return nn.Conv2d(3, 8, 3)\n"
        "def text():\n    return 'no module'\n"
        "number = 3\n",
        encoding="utf-8",
    )
    return path


def test_a_file_and_a_module_are_imported(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(2):
        assert isinstance(own_backbone(f"{file}:build"), nn.Conv2d)
    assert registered_backbones() == ["of-file"]
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "copylens_other_net.py").write_text(file.read_text().replace("of-file", "of-module"))
    assert isinstance(own_backbone("copylens_other_net:build"), nn.Conv2d)


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("no_such_module:build", "no_such_module cannot be imported: No module named"),
        ("{folder}/none.py:build", r"none\.py cannot be imported: .*no such file"),
        ("{folder}/broken.py:build", r"broken\.py cannot be imported: division by zero"),
        ("{folder}/net.py:nothing", "has no function 'nothing'"),
        ("{folder}/net.py:number", "has no function 'number'"),
        ("{folder}/net.py:text", r"returned str, not a torch\.nn\.Module"),
        (":build", "is not MODULE:FUNCTION"),
        ("net.py:", "is not MODULE:FUNCTION"),
    ],
)
def test_what_cannot_be_built_is_said(spec: str, words: str, file: Path) -> None:
    (file.parent / "broken.py").write_text("1 / 0\n")
    with pytest.raises(UsageError, match=words):
        create_backbone(spec.format(folder=file.parent))


def test_timm_s_weights_are_not_for_an_own_backbone() -> None:
    register_backbone("mine")(convolution)
    with pytest.raises(UsageError, match=r"network\.pretrained is for timm's backbones"):
        create_backbone("mine", pretrained=True)


def test_a_misspelled_name_is_told_the_registered_ones() -> None:
    register_backbone("minenet")(convolution)
    with pytest.raises(UsageError, match=r"timm has no 'minenett'; near are minenet\."):
        create_backbone("minenett")


def test_what_timm_cannot_build_as_a_backbone_is_said() -> None:
    with pytest.raises(UsageError, match="timm cannot build 'crossvit_tiny_240' here: Only token or avg"):
        create_backbone("crossvit_tiny_240")


def test_a_seed_stands_for_one_network_whatever_was_tried_before() -> None:
    torch.manual_seed(5)
    made = create_backbone("test_resnet")
    torch.manual_seed(5)
    from timm import create_model

    plain = create_model("test_resnet", num_classes=0, global_pool="")
    assert all(torch.equal(value, plain.state_dict()[name]) for name, value in made.state_dict().items())
    torch.manual_seed(5)
    SSCDNetwork("test_resnet", dims=4)
    after = torch.rand(3)
    torch.manual_seed(5)
    create_model("test_resnet", num_classes=0, global_pool="")
    nn.Linear(96, 4)
    assert torch.equal(torch.rand(3), after)


def test_own_tokens_need_no_more_than_the_number_of_their_prefix() -> None:
    network = SSCDNetwork(Tokens(), dims=4, pooling="cls+average")
    parts = network.forward_parts(torch.randn(2, 3, 24, 40))
    assert parts.local.shape == (2, 8, 3, 5)
    assert network.layout.multiple == (8, 8)
    torch.testing.assert_close(parts.pooled[:, :8], network.backbone.prefix[:, 0].expand(2, -1))  # type: ignore[index]
    with pytest.raises(UsageError, match="has no stages to count by"):
        stages_of(network.backbone)


@pytest.mark.parametrize(
    ("module", "words"),
    [
        (lambda: nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten()), r"yields \(2, \d+\) for"),
        (lambda: nn.Linear(7, 2), r"'Linear' takes no picture \(64x96: mat1 and mat2"),
        (lambda: nn.LSTM(96, 2), "takes no picture"),
    ],
)
def test_a_module_that_yields_something_else_is_refused(module: Callable[[], nn.Module], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        SSCDNetwork(module(), dims=4)


def test_an_own_backbone_that_cannot_checkpoint_says_so() -> None:
    with pytest.raises(UsageError, match=r"network\.checkpointing: Conv2d cannot do that"):
        SSCDNetwork(convolution(), dims=4, checkpointing=True)
