"""Weights fit to the last name or not at all, whatever stands before the names and around the dictionary."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from copylens.errors import ModelError
from copylens.networks.sscd import SSCDNetwork
from copylens.networks.torchvision_shim import import_timm
from copylens.networks.weight_files import load_backbone

SMALL = {"embed_dim": 32, "depth": 2, "num_heads": 2}


def backbone(name: str, classes: int = 0) -> nn.Module:
    torch.manual_seed(3)
    made: nn.Module = import_timm().create_model(name, num_classes=classes, global_pool="")
    return made


def vit(name: str = "vit_tiny_patch16_224", *, seed: int = 0, **options: object) -> nn.Module:
    """A small transformer whose tensors are all drawn, also those that start at zero."""
    torch.manual_seed(seed)
    made: nn.Module = import_timm().create_model(
        name, num_classes=0, global_pool="", dynamic_img_size=True, **SMALL, **options
    )
    for parameter in made.parameters():
        nn.init.normal_(parameter, std=0.1)
    return made


def saved(state: dict[str, object], path: Path) -> Path:
    torch.save(state, path)
    return path


def same(a: nn.Module, b: nn.Module) -> bool:
    other = b.state_dict()
    return all(torch.equal(value, other[name]) for name, value in a.state_dict().items())


@pytest.mark.parametrize("suffix", [".safetensors", ".pt"])
def test_weights_come_back_and_a_classifier_stays_out(suffix: str, tmp_path: Path) -> None:
    whole = backbone("resnet18", classes=7)
    path = tmp_path / f"weights{suffix}"
    state = {name: value.clone() for name, value in whole.state_dict().items()}
    save_file(state, path) if suffix == ".safetensors" else torch.save(state, path)
    torch.manual_seed(9)
    fresh: nn.Module = import_timm().create_model("resnet18", num_classes=0, global_pool="")
    load_backbone(fresh, path)
    for name, value in fresh.state_dict().items():
        torch.testing.assert_close(value, state[name], rtol=0, atol=0)


def test_what_does_not_fit_is_named(tmp_path: Path) -> None:
    network = backbone("resnet18")
    state = network.state_dict()
    path = tmp_path / "w.pt"
    torch.save(
        {name: value for name, value in state.items() if name != "conv1.weight"} | {"odd": torch.ones(1)},
        path,
    )
    with pytest.raises(ModelError, match=r"missing conv1\.weight; unknown odd"):
        load_backbone(network, path)
    torch.save(state | {"conv1.weight": torch.ones(2, 3, 7, 7)}, path)
    with pytest.raises(ModelError, match=r"conv1\.weight has shape \(2, 3, 7, 7\), not \(64, 3, 7, 7\)"):
        load_backbone(network, path)


def test_files_that_are_no_weights(tmp_path: Path) -> None:
    network = backbone("resnet18")
    with pytest.raises(ModelError, match="no such file"):
        load_backbone(network, tmp_path / "none.pt")
    for name in ("bad.pt", "bad.safetensors"):
        (tmp_path / name).write_bytes(b"not weights at all")
        with pytest.raises(ModelError, match="not a readable file of weights"):
            load_backbone(network, tmp_path / name)
    torch.save([1, 2], tmp_path / "list.pt")
    with pytest.raises(ModelError, match="does not hold a state dictionary"):
        load_backbone(network, tmp_path / "list.pt")


@pytest.mark.parametrize("prefix", ["module.", "model.", "backbone.", "module.encoder.", "teacher.backbone."])
@pytest.mark.parametrize("entry", [None, "state_dict", "model", "teacher", "network"])
def test_what_stands_around_the_weights_is_taken_off(prefix: str, entry: str | None, tmp_path: Path) -> None:
    whole, fresh = vit(seed=1), vit(seed=2)
    state: dict[str, object] = {f"{prefix}{name}": value for name, value in whole.state_dict().items()}
    load_backbone(fresh, saved({entry: state, "epoch": 3} if entry else state, tmp_path / "w.pt"))
    assert same(fresh, whole)


def test_the_weights_of_a_whole_network_of_ours_give_its_backbone(tmp_path: Path) -> None:
    torch.manual_seed(4)
    network, fresh = SSCDNetwork(vit(seed=1), 8, pooling="attention", batchnorm=True), vit(seed=2)
    load_backbone(fresh, saved({"network": network.state_dict(), "step": 7}, tmp_path / "checkpoint.pt"))
    assert same(fresh, network.backbone)


def test_names_beside_a_wrapper_are_not_passed_over(tmp_path: Path) -> None:
    state = {f"module.{name}": value for name, value in vit().state_dict().items()} | {"odd": torch.ones(2)}
    with pytest.raises(ModelError, match=r"missing nothing; unknown odd"):
        load_backbone(vit(), saved(state, tmp_path / "w.pt"))


@pytest.mark.parametrize("size", [96, (64, 160)])
def test_positions_of_another_grid_are_interpolated_and_the_class_token_s_kept(
    size: int | tuple[int, int], tmp_path: Path
) -> None:
    whole, fresh = vit(seed=1), vit(seed=2, img_size=size)
    load_backbone(fresh, saved(whole.state_dict(), tmp_path / "w.pt"))
    given, got = whole.state_dict()["pos_embed"], fresh.state_dict()["pos_embed"]
    rows, columns = (6, 6) if size == 96 else (4, 10)
    grid = given[:, 1:].reshape(1, 14, 14, 32).permute(0, 3, 1, 2)
    twin = nn.functional.interpolate(grid, size=(rows, columns), mode="bicubic", antialias=True)
    torch.testing.assert_close(got[:, :1], given[:, :1], rtol=0, atol=0)
    torch.testing.assert_close(got[:, 1:], twin.permute(0, 2, 3, 1).reshape(1, rows * columns, 32))
    assert torch.equal(
        fresh.state_dict()["blocks.0.norm1.weight"], whole.state_dict()["blocks.0.norm1.weight"]
    )


def test_positions_that_make_no_square_are_refused(tmp_path: Path) -> None:
    state = vit().state_dict() | {"pos_embed": torch.zeros(1, 9, 32)}
    with pytest.raises(ModelError, match=r"pos_embed has shape \(1, 9, 32\), not \(1, 197, 32\)"):
        load_backbone(vit(), saved(state, tmp_path / "w.pt"))


def test_dinov2_s_published_names_are_timm_s_to_convert(tmp_path: Path) -> None:
    """Registers under another name, positions of the class token with the others', a mask token besides."""
    whole = vit("vit_small_patch14_reg4_dinov2", seed=1)
    own = whole.state_dict()
    published = {name: value for name, value in own.items() if name not in ("reg_token", "pos_embed")}
    published |= {
        "register_tokens": own["reg_token"],
        "pos_embed": torch.cat([torch.zeros(1, 1, 32), own["pos_embed"]], dim=1),
        "mask_token": torch.zeros(1, 32),
    }
    fresh = vit("vit_small_patch14_reg4_dinov2", seed=2)
    load_backbone(fresh, saved(published, tmp_path / "w.pth"))
    assert torch.equal(fresh.state_dict()["reg_token"], own["reg_token"])
    assert torch.equal(fresh.state_dict()["pos_embed"], own["pos_embed"])
    torch.testing.assert_close(
        fresh.state_dict()["cls_token"], own["cls_token"] + published["pos_embed"][:, :1], rtol=0, atol=0
    )


def test_another_family_s_file_says_what_is_missing(tmp_path: Path) -> None:
    path = saved(backbone("resnet18").state_dict(), tmp_path / "w.pt")
    with pytest.raises(ModelError, match=r"missing blocks\.0\.attn.* and \d+ more; unknown bn1\.bias"):
        load_backbone(vit(), path)
    with pytest.raises(ModelError, match="does not hold a state dictionary"):
        load_backbone(vit(), saved({"model": {}}, tmp_path / "empty.pt"))
