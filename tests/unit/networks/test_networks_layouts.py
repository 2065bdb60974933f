"""Whatever a backbone yields comes to one grid; sizes that it does not take are resized; looking changes nothing."""

from __future__ import annotations

import copy

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional

from backbone_families import FAMILIES, family_member
from copylens.errors import UsageError
from copylens.networks.backbones import create_backbone
from copylens.networks.layouts import Layout, grid_of, layout_of
from copylens.networks.sscd import SSCDNetwork
from copylens.networks.torchvision_shim import import_timm


def pixels(height: int, width: int, count: int = 1) -> torch.Tensor:
    return torch.randn(count, 3, height, width, generator=torch.Generator().manual_seed(0))


@given(rows=st.integers(1, 60), columns=st.integers(1, 60), patch=st.integers(1, 32))
def test_a_grid_is_found_from_the_picture_s_shape(rows: int, columns: int, patch: int) -> None:
    assert grid_of(rows * columns, (rows * patch, columns * patch)) == (rows, columns)


@pytest.mark.parametrize("cells", [0, -1, 7])
def test_tokens_that_make_no_grid_are_refused(cells: int) -> None:
    with pytest.raises(UsageError, match=f"yields {cells} tokens for 64x96 pixels"):
        grid_of(cells, (64, 96))


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((64, 96), (64, 96)),
        ((70, 90), (64, 96)),
        ((72, 104), (80, 112)),
        ((3, 7), (16, 16)),
        ((230, 8), (224, 16)),
    ],
)
def test_sizes_go_to_the_nearest_multiple(size: tuple[int, int], expected: tuple[int, int]) -> None:
    assert Layout("tokens", 8, multiple=(16, 16)).size_for(*size) == expected
    assert Layout("NCHW", 8).size_for(*size) == size
    assert Layout("NCHW", 8, fixed=(160, 192)).size_for(*size) == (160, 192)


def test_a_picture_that_fits_is_not_touched_and_another_is_resized() -> None:
    layout = Layout("tokens", 8, multiple=(16, 16))
    whole = pixels(64, 96)
    assert layout.fitted(whole) is whole
    twin = functional.interpolate(pixels(70, 90), size=(64, 96), mode="bilinear", align_corners=False)
    assert torch.equal(layout.fitted(pixels(70, 90)), twin)


def test_features_are_parted_cell_by_cell() -> None:
    """Feature c of cell (i, j) is 100 i + 10 j + c, in each of the three layouts."""
    rows, columns, width = 2, 3, 4
    expected = torch.tensor(
        [[[[100.0 * i + 10 * j + c for j in range(columns)] for i in range(rows)] for c in range(width)]]
    )
    last = expected.permute(0, 2, 3, 1)
    tokens = torch.cat([torch.full((1, 2, width), -1.0), last.reshape(1, rows * columns, width)], dim=1)
    size = (32, 48)
    for layout, features in (
        (Layout("NCHW", width), expected),
        (Layout("NHWC", width), last),
        (Layout("tokens", width, prefix=2), tokens),
    ):
        local, prefix = layout.split(features, size)
        assert torch.equal(local, expected)
        assert (prefix is None) == (layout.prefix == 0)
    assert torch.equal(Layout("tokens", width, prefix=2).split(tokens, size)[1], tokens[:, :2])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("family", "expected"),
    [
        ("ResNet", Layout("NCHW", 96)),
        ("Swin", Layout("NHWC", 32, multiple=(4, 4))),
        ("ViT", Layout("tokens", 32, 1, True, (16, 16))),
        ("DINOv2 with registers", Layout("tokens", 32, 5, True, (14, 14))),
        ("DINOv3", Layout("tokens", 32, 5, True, (16, 16))),
        ("ViT on a ResNet", Layout("tokens", 32, 1, True, (32, 32))),
        ("CoAtNet, of one size", Layout("NCHW", 128, fixed=(160, 160))),
    ],
)
def test_layouts_of_the_families(family: str, expected: Layout) -> None:
    assert layout_of(family_member(family), family) == expected


def test_a_register_is_not_a_class_token() -> None:
    backbone = import_timm().create_model(
        "vit_wee_patch16_reg1_gap_256", num_classes=0, global_pool="", dynamic_img_size=True, depth=1
    )
    layout = layout_of(backbone, "x")
    assert (layout.prefix, layout.has_class) == (1, False)


@pytest.mark.parametrize("family", ["ResNet", "Swin", "MobileNetV4"])
def test_looking_changes_neither_the_network_nor_the_random_states(family: str) -> None:
    backbone = family_member(family)
    assert family in FAMILIES
    backbone.train()
    next(iter(backbone.children())).eval()
    modes = [module.training for module in backbone.modules()]
    state = copy.deepcopy(backbone.state_dict())
    before = torch.get_rng_state()
    layout_of(backbone, family)
    assert torch.equal(torch.get_rng_state(), before)
    assert [module.training for module in backbone.modules()] == modes
    assert all(torch.equal(value, state[name]) for name, value in backbone.state_dict().items())
    assert all(parameter.grad is None for parameter in backbone.parameters())


@pytest.mark.parametrize("size", [(32, 32), (64, 160), (224, 224), (288, 256)])
@torch.no_grad()
def test_positions_are_interpolated_to_the_exact_grid_of_any_picture(size: tuple[int, int]) -> None:
    """As in a network that was built for that size, with positions interpolated by hand."""
    backbone = family_member("ViT").eval()
    rows, columns = size[0] // 16, size[1] // 16
    fixed = import_timm().create_model(
        "vit_tiny_patch16_224",
        num_classes=0,
        global_pool="",
        img_size=size,
        embed_dim=32,
        depth=2,
        num_heads=2,
    )
    state = backbone.state_dict()
    grid = state["pos_embed"][:, 1:].reshape(1, 14, 14, 32).permute(0, 3, 1, 2)
    if (rows, columns) != (14, 14):
        grid = functional.interpolate(grid, size=(rows, columns), mode="bicubic", antialias=True)
    cells = grid.permute(0, 2, 3, 1).reshape(1, rows * columns, 32)
    state["pos_embed"] = torch.cat([state["pos_embed"][:, :1], cells], dim=1)
    fixed.load_state_dict(state)
    got = SSCDNetwork(backbone, 8).eval().maps(pixels(*size))
    assert got.shape == (1, 32, rows, columns)
    expected = fixed.eval().forward_features(pixels(*size))[:, 1:]
    torch.testing.assert_close(got.flatten(2).transpose(1, 2), expected)


@torch.no_grad()
def test_a_network_of_one_size_gets_every_picture_at_that_size() -> None:
    network = SSCDNetwork(family_member("CoAtNet, of one size"), 8).eval()
    picture = pixels(50, 70)
    resized = functional.interpolate(picture, size=(160, 160), mode="bilinear", align_corners=False)
    torch.testing.assert_close(network(picture), network(resized))


def test_names_build_transformers_that_take_any_size() -> None:
    made = SSCDNetwork(create_backbone("test_vit"), 8)
    for size in ((48, 80), (160, 160), (50, 81)):
        assert made(pixels(*size)).shape == (1, 8)


class Two(nn.Module):
    """Two feature maps at once."""

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return x, x


def test_more_than_one_map_is_refused() -> None:
    with pytest.raises(UsageError, match=r"takes no picture \(64x96: yields tuple, not a tensor"):
        layout_of(Two(), "two")
