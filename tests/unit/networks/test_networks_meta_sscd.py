"""Meta's files become the network that made them; files that do not fit are refused with what does not fit."""

from __future__ import annotations

import os
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
from torch import nn

from copylens.errors import ModelError
from copylens.networks.export import IMAGENET_MEAN, IMAGENET_STD, export_onnx
from copylens.networks.meta_sscd import load_meta_sscd, network_from_state
from copylens.records import InputSpec
from meta_sscd_files import COMPILED, SIDE, Compiled, torchvision_model, write_torchscript

Array = np.ndarray[Any, np.dtype[Any]]


def pixels(count: int = 3) -> torch.Tensor:
    """``(N, H, W, 3) uint8``."""
    draw = torch.Generator().manual_seed(4)
    return torch.randint(0, 256, (count, SIDE, SIDE, 3), dtype=torch.uint8, generator=draw)


def normalised(batch: torch.Tensor) -> torch.Tensor:
    values = batch.permute(0, 3, 1, 2).float() / 255
    mean, deviation = (torch.tensor(v).reshape(1, 3, 1, 1) for v in (IMAGENET_MEAN, IMAGENET_STD))
    return (values - mean) / deviation


def run(graph: bytes, batch: torch.Tensor) -> Array:
    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    rows: Array = session.run(None, {"pixels": batch.numpy()})[0]
    return rows


@pytest.fixture(scope="module", params=[("resnet50", 512), ("resnext101_32x4d", 1024)], ids=lambda p: p[0])
def published(request: pytest.FixtureRequest) -> nn.Module:
    architecture, dims = request.param
    return torchvision_model(architecture, dims)


@pytest.fixture(scope="module")
def state() -> Mapping[str, torch.Tensor]:
    model = torchvision_model("resnet50", 8)
    return dict(model.state_dict())


@torch.no_grad()
def test_a_torchvision_file_gives_its_network(published: nn.Module, tmp_path: Path) -> None:
    path = tmp_path / "sscd_disc_mixup.torchvision.pt"
    torch.save(published.state_dict(), path)
    network = load_meta_sscd(path)
    assert not network.training
    x = normalised(pixels())
    torch.testing.assert_close(network(x), published(x), rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_a_torchvision_file_exports_whole(published: nn.Module) -> None:
    network = network_from_state(published.state_dict(), where="file")
    graph, dims = export_onnx(network, InputSpec(SIDE, SIDE), half_weights=False)
    expected = published(normalised(pixels()))
    assert dims == expected.shape[1]
    np.testing.assert_allclose(run(graph, pixels()), expected.numpy(), atol=1e-4)


@pytest.mark.parametrize("compiled", COMPILED)
@torch.no_grad()
def test_a_torchscript_file_of_classy_vision_blocks_exports_whole(tmp_path: Path, compiled: Compiled) -> None:
    path = tmp_path / "sscd_disc_mixup.torchscript.pt"
    model = write_torchscript(path, compiled, dims=16)
    graph, dims = export_onnx(load_meta_sscd(path), InputSpec(SIDE, SIDE), half_weights=False)
    assert dims == 16
    # Other batch sizes than the exporter saw.
    for count in (1, 5):
        expected = model(normalised(pixels(count)))
        np.testing.assert_allclose(run(graph, pixels(count)), expected.numpy(), atol=1e-5)


@torch.no_grad()
def test_a_torchscript_file_in_torchvision_structure_does_too(tmp_path: Path) -> None:
    model = torchvision_model("resnet50", 8)
    path = tmp_path / "model.torchscript.pt"
    script: Any = torch.jit.script
    with pytest.warns(DeprecationWarning, match="torch.jit.script"):
        script(model).save(str(path))
    graph, _ = export_onnx(load_meta_sscd(path), InputSpec(SIDE, SIDE), half_weights=False)
    expected = model(normalised(pixels()))
    np.testing.assert_allclose(run(graph, pixels()), expected.numpy(), atol=1e-5)


def test_the_content_decides_and_not_the_name(tmp_path: Path, state: Mapping[str, torch.Tensor]) -> None:
    program, weights = tmp_path / "a.torchvision.pt", tmp_path / "b.torchscript.pt"
    write_torchscript(program)
    torch.save(dict(state), weights)
    assert isinstance(load_meta_sscd(program), torch.jit.ScriptModule)
    assert not isinstance(load_meta_sscd(weights), torch.jit.ScriptModule)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"backbone.layer2.1.conv2.weight": None}, r"missing: layer2\.1\.conv2\.weight"),
        ({"backbone.bn1.running_var": None}, r"missing: bn1\.running_var"),
        ({"backbone.fc.bias": None}, r"missing: backbone\.fc\.bias"),
        ({"backbone.layer5.weight": torch.zeros(1)}, r"missing: none; unknown: layer5\.weight"),
        ({"embeddings.weight": torch.zeros(1)}, r"unknown: embeddings\.weight"),
        ({"backbone.conv1.weight": torch.zeros(64, 3, 3, 3)}, r"size mismatch for conv1\.weight"),
        ({"backbone.fc.bias": torch.zeros(9)}, "size mismatch for bias"),
        ({"backbone.fc.weight": torch.zeros(8, 512)}, "size mismatch for weight"),
    ],
)
def test_tensors_that_do_not_fit_are_named(
    state: Mapping[str, torch.Tensor], change: dict[str, torch.Tensor | None], complaint: str
) -> None:
    changed = {k: v for k, v in {**state, **change}.items() if v is not None}
    with pytest.raises(ModelError, match=rf"(?s)^file does not fit its backbone: .*{complaint}"):
        network_from_state(changed, where="file")


def test_many_missing_tensors_are_counted(state: Mapping[str, torch.Tensor]) -> None:
    changed = {k: v for k, v in state.items() if not k.startswith("backbone.layer4.")}
    with pytest.raises(ModelError, match=r"missing: (layer4\S+, ){4}layer4\S+ and \d+ more; unknown: none"):
        network_from_state(changed, where="file")


@pytest.mark.parametrize("missing", ["backbone.fc.weight", "backbone.layer1.0.conv2.weight"])
def test_other_weights_are_no_sscd(state: Mapping[str, torch.Tensor], missing: str) -> None:
    changed = {k: v for k, v in state.items() if k != missing}
    with pytest.raises(ModelError, match=r"^file does not hold SSCD's weights.*\.torchscript\.pt file"):
        network_from_state(changed, where="file")


@pytest.mark.parametrize("architecture", ["wide", "shallow"])
def test_other_backbones_are_named_by_what_they_are(
    state: Mapping[str, torch.Tensor], architecture: str
) -> None:
    changed = dict(state)
    if architecture == "wide":
        changed["backbone.layer1.0.conv2.weight"] = torch.zeros(128, 128, 3, 3)
        complaint = "6 blocks in stage 3 and 128 channels in groups of 128"
    else:
        del changed["backbone.layer3.5.conv1.weight"]
        complaint = "5 blocks in stage 3 and 64 channels in groups of 64"
    with pytest.raises(ModelError, match=f"^file: a backbone with {complaint}"):
        network_from_state(changed, where="file")


class Bomb:
    """Unpickling it would make a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return os.mkdir, (str(self.folder),)


@pytest.mark.parametrize("writer", ["torch", "pickle"])
def test_a_weights_file_runs_no_code(tmp_path: Path, writer: str) -> None:
    path, trace = tmp_path / "evil.torchvision.pt", tmp_path / "it-ran"
    content = {"backbone.fc.weight": Bomb(trace)}
    if writer == "torch":
        torch.save(content, path)
    else:
        path.write_bytes(pickle.dumps(content))
    with pytest.raises(ModelError, match=r"evil\.torchvision\.pt is not a readable PyTorch file"):
        load_meta_sscd(path)
    assert not trace.exists()


@pytest.mark.parametrize("content", [b"", b"hello", b"PK\x03\x04 cut off", b"\x80\x02."])
def test_junk_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "junk.pt"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=r"junk\.pt is not a readable PyTorch file"):
        load_meta_sscd(path)


@pytest.mark.parametrize("part", [0.3, 0.99])
def test_a_file_that_was_cut_off_is_refused(
    tmp_path: Path, state: Mapping[str, torch.Tensor], part: float
) -> None:
    for name, write in (("w.pt", lambda p: torch.save(dict(state), p)), ("p.pt", write_torchscript)):
        path = tmp_path / name
        write(path)
        whole = path.read_bytes()
        path.write_bytes(whole[: int(len(whole) * part)])
        with pytest.raises(ModelError, match=rf"{name} is not a readable PyTorch file"):
            load_meta_sscd(path)


def test_a_damaged_program_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "p.pt"
    write_torchscript(path)
    whole = bytearray(path.read_bytes())
    start = whole.index(b"code/")
    whole[start + 40 : start + 400] = b"?" * 360
    path.write_bytes(bytes(whole))
    with pytest.raises(ModelError, match=r"p\.pt is not a readable TorchScript file"):
        load_meta_sscd(path)


def test_something_else_than_weights_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "list.pt"
    for content in ([torch.zeros(2)], {"epoch": 3}, torch.zeros(2)):
        torch.save(content, path)
        with pytest.raises(ModelError, match=r"list\.pt does not hold a state dictionary"):
            load_meta_sscd(path)
