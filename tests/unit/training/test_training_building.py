"""Networks as they start: which branches are zero, given weights, the whitened head, what is no network for this."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from copylens.errors import ModelError, UsageError
from copylens.networks.pooling import AveragePooling, ClassToken, Concatenated, GeM, SignedGeM
from copylens.networks.sscd import SSCDNetwork
from copylens.networks.stages import stages_of
from copylens.postprocess import PCAWhitening
from copylens.training.building import (
    build_network,
    freeze_batchnorm,
    pooled_features,
    whiten_projection,
)
from copylens.training.settings import NetworkSettings

DIMS = 16


def settings(**changes: object) -> NetworkSettings:
    return NetworkSettings(**{"backbone": "test_resnet", "dims": DIMS, **changes})  # type: ignore[arg-type]


def last_scales(network: nn.Module) -> list[torch.Tensor]:
    """The scales of the last normalisation of every residual block, found by timm's names of its blocks."""
    blocks = [module for module in network.modules() if type(module).__name__ in {"BasicBlock", "Bottleneck"}]
    return [block.get_parameter("bn3.weight" if hasattr(block, "bn3") else "bn2.weight") for block in blocks]


def batches(count: int = 3, *, side: int = 32) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(2)
    return [torch.randn(24, 3, side, side, generator=generator) for _ in range(count)]


def test_residual_branches_start_at_zero_unless_that_is_refused() -> None:
    torch.manual_seed(0)
    zero, other = build_network(settings()), build_network(settings(zero_residuals=False))
    assert len(last_scales(zero)) == len(last_scales(other)) > 0
    assert all((scale == 0).all() for scale in last_scales(zero))
    assert all((scale != 0).all() for scale in last_scales(other))


def test_given_weights_come_as_they_are_and_are_not_set_to_zero(tmp_path: Path) -> None:
    torch.manual_seed(1)
    given = build_network(settings(zero_residuals=False)).backbone.state_dict()
    path = tmp_path / "backbone.pt"
    torch.save(given, path)
    torch.manual_seed(2)
    loaded = build_network(settings(weights=str(path))).backbone.state_dict()
    assert loaded.keys() == given.keys()
    assert all(torch.equal(loaded[name], value) for name, value in given.items())


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "backbone.pt"
    torch.save({"stem.weight": torch.zeros(3)}, path)
    with pytest.raises(ModelError, match="does not fit the backbone"):
        build_network(settings(weights=str(path)))
    with pytest.raises(ModelError, match="no such file of weights"):
        build_network(settings(weights=str(tmp_path / "none.pt")))


def test_the_start_may_be_the_mean_of_two_files(tmp_path: Path) -> None:
    files = [tmp_path / "one.pt", tmp_path / "two.pt"]
    for seed, path in enumerate(files):
        torch.manual_seed(seed)
        backbone = build_network(settings(zero_residuals=False)).backbone
        for module in backbone.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.running_mean.normal_()  # type: ignore[union-attr]
                module.num_batches_tracked.fill_(seed)  # type: ignore[union-attr]
        torch.save(backbone.state_dict(), path)
    one, two = (torch.load(path) for path in files)
    start = build_network(settings(weights=str(files[0]), average_with=str(files[1]))).backbone.state_dict()
    for name, value in start.items():
        wanted = (one[name] + two[name]) / 2 if value.is_floating_point() else one[name]
        torch.testing.assert_close(value, wanted, msg=name)
    assert any(not torch.equal(value, one[name]) for name, value in start.items())
    alone = build_network(settings(weights=str(files[0]), average_with=str(files[0]))).backbone.state_dict()
    assert all(torch.equal(alone[name], value) for name, value in one.items())


def test_the_start_follows_from_the_global_random_state() -> None:
    def drawn(seed: int) -> dict[str, torch.Tensor]:
        torch.manual_seed(seed)
        return build_network(settings()).state_dict()

    first, again, other = drawn(3), drawn(3), drawn(4)
    assert all(torch.equal(again[name], value) for name, value in first.items())
    assert not torch.equal(other["projection.weight"], first["projection.weight"])


def test_pooling_and_head_are_those_of_the_settings() -> None:
    network = build_network(settings(gem_power=2.5))
    assert isinstance(network.pooling, GeM)
    assert network.pooling.p == 2.5
    assert isinstance(network.projection, nn.Linear)
    simclr = build_network(settings(pooling="average", head="mlp"))
    assert isinstance(simclr.pooling, AveragePooling)
    assert [type(part) for part in simclr.projection.children()] == [nn.Linear, nn.ReLU, nn.Linear]
    for made in (network, simclr):
        rows = made.eval()(batches(1)[0])
        assert rows.shape == (24, DIMS)
        assert torch.allclose(rows.norm(dim=1), torch.ones(24), atol=1e-5)


def test_an_unknown_backbone_names_near_ones() -> None:
    with pytest.raises(UsageError, match=r"network\.backbone: timm has no 'resnet5000'\.$"):
        build_network(settings(backbone="resnet5000"))
    with pytest.raises(UsageError, match=r"timm has no 'resnet50_none'; near are \S*resnet50\S*,"):
        build_network(settings(backbone="resnet50_none"))


def test_a_transformer_is_built_with_the_settings_of_its_pooling_and_head() -> None:
    made = build_network(
        settings(
            backbone="test_vit", pooling="cls+signed-gem", batchnorm=True, checkpointing=True, gem_power=2.0
        )
    )
    assert isinstance(made.pooling, Concatenated)
    assert [type(part) for part in made.pooling.members] == [ClassToken, SignedGeM]
    assert isinstance(made.batchnorm, nn.BatchNorm1d)
    assert vars(made.backbone)["grad_checkpointing"]
    rows = made(batches(1)[0])
    assert rows.shape == (24, DIMS)


def test_the_head_s_normalisation_is_not_frozen_with_the_backbone_s() -> None:
    network = build_network(settings(batchnorm=True)).train()
    freeze_batchnorm(network, everywhere=True)
    assert network.batchnorm.training
    assert not any(m.training for m in network.backbone.modules() if isinstance(m, nn.BatchNorm2d))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"pooling": "cls"}, "network.pooling cls needs a class token"),
        ({"pooling": "gem+mean"}, "network.pooling: 'mean' is not one of gem, average"),
        ({"pooling": "gem+gem"}, "names a pooling twice"),
        (
            {"backbone": "dla46_c", "checkpointing": True},
            "network.checkpointing: dla46_c cannot do that",
        ),
    ],
)
def test_what_a_backbone_cannot_do_is_said(changes: dict[str, object], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        build_network(settings(**changes))


def test_frozen_normalisations_keep_their_statistics_and_still_learn() -> None:
    network = build_network(settings(zero_residuals=False)).train()
    freeze_batchnorm(network, everywhere=True)
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    before = [norm.running_mean.clone() for norm in norms if norm.running_mean is not None]
    network(batches(1)[0]).square()[:, 0].sum().backward()
    after = [norm.running_mean for norm in norms if norm.running_mean is not None]
    assert len(before) == len(norms) > 0
    assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))
    assert all(norm.weight.grad is not None and norm.weight.grad.any() for norm in norms)
    assert network.training
    network.train()
    network(batches(1)[0])
    assert not any(torch.equal(a, b) for a, b in zip(before, after, strict=True))


def test_frozen_stages_keep_weights_and_statistics_and_the_rest_learns() -> None:
    network = build_network(settings(frozen_stages=2, zero_residuals=False)).train()
    freeze_batchnorm(network, everywhere=False)
    stages = stages_of(network.backbone)
    network(batches(1)[0]).square()[:, 0].sum().backward()
    for name, parameter in network.backbone.named_parameters():
        assert (parameter.grad is None) == (stages[name] < 2), name
    for name, module in network.backbone.named_modules():
        if isinstance(module, nn.BatchNorm2d):
            assert module.training == (stages[f"{name}.weight"] >= 2), name


def test_a_backbone_cannot_be_frozen_whole() -> None:
    with pytest.raises(UsageError, match=r"network\.frozen_stages is 99: the backbone has \d+"):
        build_network(settings(frozen_stages=99))


@pytest.fixture(scope="module")
def whitened() -> tuple[SSCDNetwork, np.ndarray]:
    """A network whose head was whitened on the features of some batches, and those features."""
    torch.manual_seed(5)
    network = build_network(settings(zero_residuals=False)).train()
    rows = pooled_features(network, batches())
    whiten_projection(network, rows)
    return network, rows


def test_features_are_pooled_with_stored_statistics(whitened: tuple[SSCDNetwork, np.ndarray]) -> None:
    network, rows = whitened
    assert network.training
    assert rows.dtype == np.float32
    one_by_one = pooled_features(network, [image[None] for batch in batches() for image in batch])
    assert rows == pytest.approx(one_by_one, abs=1e-4)


def test_whitened_rows_are_white(whitened: tuple[SSCDNetwork, np.ndarray]) -> None:
    network, rows = whitened
    with torch.no_grad():
        projected = network.projection(torch.from_numpy(rows)).double().numpy()
    assert projected.mean(axis=0) == pytest.approx(np.zeros(DIMS), abs=1e-3)
    # White, and of length 1 on average, as L2-normalised rows are.
    covariance = np.cov(projected.T, bias=True)
    assert covariance * DIMS == pytest.approx(np.eye(DIMS), abs=1e-2)
    assert np.square(projected).sum(axis=1).mean() == pytest.approx(1.0, abs=1e-2)


def test_the_whitened_head_is_the_whitening_of_postprocess(whitened: tuple[SSCDNetwork, np.ndarray]) -> None:
    network, rows = whitened
    network.eval()
    with torch.no_grad():
        descriptors = torch.cat([network(batch) for batch in batches()]).numpy()
    network.train()
    assert descriptors == pytest.approx(PCAWhitening(DIMS).fit(rows).transform(rows), abs=2e-3)


@pytest.mark.parametrize("power", [0.0, 0.6, 1.0])
def test_a_head_that_is_whitened_in_part_has_rows_of_length_one_too(power: float) -> None:
    network = build_network(settings())
    rows = pooled_features(network, batches())
    whiten_projection(network, rows, power=power)
    with torch.no_grad():
        projected = network.projection(torch.from_numpy(rows)).double().numpy()
    assert np.square(projected).sum(axis=1).mean() == pytest.approx(1.0, abs=1e-2)
    twin = PCAWhitening(DIMS, power).fit(rows).transform(rows)
    lengths = np.linalg.norm(projected, axis=1, keepdims=True)
    assert projected / lengths == pytest.approx(twin, abs=2e-3)


def test_whitening_needs_a_linear_head_and_enough_rows() -> None:
    rows = np.random.default_rng(0).normal(size=(9, 64)).astype(np.float32)
    with pytest.raises(UsageError, match=r"needs network\.head linear"):
        whiten_projection(build_network(settings(head="mlp")), rows)
    with pytest.raises(UsageError, match="16 dimensions cannot be learned from 9 rows"):
        whiten_projection(build_network(settings()), rows)
