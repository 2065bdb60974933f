"""Model files of others become packages: ONNX, Meta's own files, and those that are downloaded."""

from __future__ import annotations

import dataclasses
import hashlib
import importlib.util
import io
import tempfile
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch

from copylens.errors import MissingExtraError, ModelError, OutputError, UsageError
from copylens.images import prepare
from copylens.models import KNOWN_MODELS, ModelPackage, models_directory
from copylens.workflows import importing as module
from copylens.workflows.describer import load_model
from copylens.workflows.importing import ImportSettings, import_model, parse_size, parse_triple, pull_model
from meta_sscd_files import SIDE, write_torchscript
from small_models import SmallNetwork
from workflow_samples import Steps, scene

PICTURES = [scene(number, 70, 90) for number in range(3)]
IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
KNOWN = KNOWN_MODELS["sscd_disc_mixup"]


def described(package: ModelPackage) -> Any:
    return load_model(package.directory, engine="onnxruntime").describe(PICTURES)


def by_module(network: torch.nn.Module, package: ModelPackage, mean: Any, std: Any) -> Any:
    """What the network says of the same pictures, normalised by hand."""
    batch = np.stack([prepare(pixels, package.input) for pixels in PICTURES]).astype(np.float32) / 255
    batch = (batch - np.float32(mean)) / np.float32(std)
    with torch.no_grad():
        rows: Any = network(torch.from_numpy(batch.transpose(0, 3, 1, 2).copy())).numpy()
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


# --- words of a command line


@pytest.mark.parametrize(
    ("text", "size"),
    [(None, None), ("224", (224, 224)), ("224x320", (224, 320)), (" 8X9 ", (8, 9)), ("1", (1, 1))],
)
def test_sizes_are_read(text: str | None, size: tuple[int, int] | None) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize(
    "text", ["", "0", "224x0", "-5", "2.5", "224x", "x224", "224x224x3", "224,224", "big"]
)
def test_sizes_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match=r"--input-size .* for example 224 or 224x320"):
        parse_size(text)


@pytest.mark.parametrize(
    ("text", "triple"),
    [
        (None, None),
        ("0.5,0.5,0.5", (0.5, 0.5, 0.5)),
        (" 1, -2 ,3e-1", (1.0, -2.0, 0.3)),
        ("0,0,0", (0, 0, 0)),
    ],
)
def test_triples_are_read(text: str | None, triple: tuple[float, float, float] | None) -> None:
    assert parse_triple("--mean", text) == triple


@pytest.mark.parametrize("text", ["", "0.5", "1,2", "1,2,3,4", "a,b,c", "1;2;3", "nan,1,1", "1,inf,1"])
def test_triples_that_are_none_name_their_option(text: str) -> None:
    with pytest.raises(UsageError, match=r"--std .* three numbers"):
        parse_triple("--std", text)


# --- ONNX files


@pytest.fixture
def onnx_file(tmp_path: Path) -> Path:
    onnx.save(SmallNetwork().model(), str(tmp_path / "their.model.onnx"))
    return tmp_path / "their.model.onnx"


def test_an_onnx_file_becomes_a_package_in_the_models_folder(onnx_file: Path) -> None:
    package = import_model(onnx_file, ImportSettings())
    assert (package.name, package.directory) == ("their", models_directory() / "their")
    assert package.calibration.threshold == 0.75
    assert "not measured" in package.calibration.background
    expected = SmallNetwork().twin(np.stack([prepare(pixels, package.input) for pixels in PICTURES]))
    np.testing.assert_allclose(described(package), expected, atol=2e-5)
    assert load_model("their").package == package


def test_normalisation_from_outside_is_used(tmp_path: Path) -> None:
    path = tmp_path / "float.ONNX"
    onnx.save(SmallNetwork().model("float32"), str(path))
    package = import_model(path, ImportSettings(mean=(0, 0, 0), std=(1, 1, 1)))
    expected = SmallNetwork().twin(np.stack([prepare(pixels, package.input) for pixels in PICTURES]))
    np.testing.assert_allclose(described(package), expected, atol=2e-5)


def test_every_setting_reaches_the_importer(onnx_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    def record(*args: Any, **options: Any) -> None:
        asked.append((args, options))

    monkeypatch.setattr(module, "import_onnx", record)
    values: dict[str, Any] = {
        "name": "mine",
        "threshold": 0.5,
        "layout": "nhwc",
        "input_size": (24, 20),
        "mean": (0.1, 0.2, 0.3),
        "std": (0.4, 0.5, 0.6),
        "normalised_inside": True,
        "licence": "MIT",
        "overwrite": True,
    }
    import_model(onnx_file, ImportSettings(output=Path("there"), descriptor="feature", **values))
    assert asked == [((onnx_file, Path("there")), {**values, "output": "feature"})]


def test_a_package_is_replaced_only_when_asked(onnx_file: Path, tmp_path: Path) -> None:
    settings = ImportSettings(output=tmp_path / "there", licence="MIT", threshold=0.25)
    first = import_model(onnx_file, settings)
    assert (first.licence, first.calibration.threshold) == ("MIT", 0.25)
    with pytest.raises(OutputError, match="already exists"):
        import_model(onnx_file, settings)
    again = import_model(onnx_file, dataclasses.replace(settings, overwrite=True, licence="BSD-3-Clause"))
    assert again.licence == "BSD-3-Clause"


@pytest.mark.parametrize("name", ["none.onnx", "folder.onnx", "weights.bin", "no-suffix", "weights.pt.zip"])
def test_what_is_no_model_file_is_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    if name == "folder.onnx":
        path.mkdir()
    elif name != "none.onnx":
        path.write_bytes(b"weights")
    says = "no such file" if path.suffix == ".onnx" else r"must be \.onnx, or \.pt"
    with pytest.raises(UsageError, match=says):
        import_model(path, ImportSettings())


@pytest.mark.parametrize("name", ["junk.onnx", "junk.pt", "junk.torchscript.pt", "junk.pth"])
def test_a_damaged_file_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"junk" * 100)
    with pytest.raises(ModelError, match="junk"):
        import_model(tmp_path / name, ImportSettings())
    assert not (models_directory() / "junk").exists()


@pytest.mark.parametrize("name", ["a.onnx", "a.pt"])
@pytest.mark.parametrize("std", [(0.0, 1.0, 1.0), (1.0, -1.0, 1.0)])
def test_pixels_cannot_be_divided_by_nothing(
    tmp_path: Path, name: str, std: tuple[float, float, float]
) -> None:
    (tmp_path / name).write_bytes(b"any")
    with pytest.raises(UsageError, match=r"--std .* must be positive"):
        import_model(tmp_path / name, ImportSettings(std=std))


# --- Meta's files


@pytest.mark.parametrize("normalisation", [IMAGENET, ((0.5, 0.4, 0.3), (0.2, 0.5, 1.0))])
def test_a_torchscript_file_becomes_a_package(tmp_path: Path, normalisation: Any) -> None:
    network = write_torchscript(tmp_path / "mine.torchscript.pt")
    mean, std = normalisation
    given = {} if normalisation is IMAGENET else {"mean": mean, "std": std}
    package = import_model(
        tmp_path / "mine.torchscript.pt", ImportSettings(input_size=(SIDE, SIDE + 8), **given)
    )
    assert (package.name, package.dims, package.directory) == ("mine", 16, models_directory() / "mine")
    assert (package.input.height, package.input.width, package.input.dtype) == (SIDE, SIDE + 8, "uint8")
    assert (package.calibration.threshold, package.licence) == (0.75, "unknown")
    assert "not measured" in package.calibration.background
    np.testing.assert_allclose(described(package), by_module(network, package, mean, std), atol=1e-4)
    digest = hashlib.sha256((tmp_path / "mine.torchscript.pt").read_bytes()).hexdigest()
    assert package.provenance.weights == f"imported from mine.torchscript.pt, SHA-256 {digest}"


@pytest.mark.parametrize("name", ["mine.torchvision.pt", "mine.pth", "mine.PT"])
def test_every_suffix_of_pytorch_is_taken(tmp_path: Path, name: str) -> None:
    """The content decides what the file is; that both kinds are read is tested with the networks."""
    network = write_torchscript(tmp_path / name, dims=5)
    package = import_model(tmp_path / name, ImportSettings(input_size=(SIDE, SIDE)))
    assert (package.name, package.dims) == ("mine", 5)
    np.testing.assert_allclose(described(package), by_module(network, package, *IMAGENET), atol=1e-4)


def test_a_published_name_brings_what_is_known_of_it(tmp_path: Path) -> None:
    path = tmp_path / KNOWN.file_name
    write_torchscript(path)
    package = import_model(path, ImportSettings(name="mine", output=tmp_path / "a"))
    assert (package.input.height, package.input.width) == (320, 320)
    assert package.calibration.threshold == KNOWN.threshold
    assert package.calibration.background == KNOWN.threshold_note
    assert package.licence == "MIT"
    assert (package.provenance.data, package.provenance.sources) == (KNOWN.data, KNOWN.sources)
    settings = ImportSettings(output=tmp_path / "b", threshold=0.5, licence="Other", input_size=(SIDE, SIDE))
    package = import_model(path, settings)
    assert package.name == KNOWN.name
    assert (package.calibration.threshold, package.licence) == (0.5, "Other")
    assert "given at import" in package.calibration.background
    assert package.input.height == SIDE


@pytest.mark.parametrize(
    "setting", [{"layout": "nhwc"}, {"descriptor": "feature"}, {"normalised_inside": True}]
)
def test_settings_of_onnx_files_mean_nothing_for_metas(tmp_path: Path, setting: dict[str, Any]) -> None:
    (tmp_path / "a.pt").write_bytes(b"any")
    with pytest.raises(UsageError, match="are for ONNX files"):
        import_model(tmp_path / "a.pt", ImportSettings(**setting))


def test_without_pytorch_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *rest: None if name == "torch" else real(name, *rest)
    )
    monkeypatch.setattr(urllib.request, "urlopen", None)
    (tmp_path / "a.pt").write_bytes(b"any")
    with pytest.raises(MissingExtraError, match=r"pip install 'copylens\[train\]'"):
        import_model(tmp_path / "a.pt", ImportSettings())
    with pytest.raises(MissingExtraError, match=r"pip install 'copylens\[train\]'"):
        pull_model(KNOWN.name)


# --- downloads


class Response(io.BytesIO):
    """What `urlopen` gives, of as many bytes as it promises."""

    def __init__(self, content: bytes, promised: int) -> None:
        super().__init__(content)
        self.headers = {"Content-Length": str(promised)}


@pytest.fixture
def published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The network: it has one file, and the addresses that are asked for are listed."""
    write_torchscript(tmp_path / "published.pt")
    content = (tmp_path / "published.pt").read_bytes()
    asked: list[str] = []

    def urlopen(url: str, *, timeout: float) -> Response:
        assert timeout > 0
        asked.append(url)
        return Response(content, len(content))

    monkeypatch.setattr(urllib.request, "urlopen", urlopen)
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    return asked


def test_a_pulled_model_can_be_used_by_its_name(published: list[str], tmp_path: Path) -> None:
    steps = Steps()
    package = pull_model(KNOWN.name, progress=steps)
    size = (tmp_path / "published.pt").stat().st_size
    steps.check("download", size)
    assert published == [KNOWN.url]
    assert (package.name, package.directory) == (KNOWN.name, models_directory() / KNOWN.name)
    assert (package.licence, package.calibration.threshold) == ("MIT", 0.75)
    assert KNOWN.file_name in package.provenance.weights
    assert load_model(KNOWN.name).package == package
    assert list((tmp_path / "temporary").iterdir()) == []


def test_a_model_that_is_there_is_not_downloaded_again(published: list[str]) -> None:
    first = pull_model(KNOWN.name)
    with pytest.raises(OutputError, match="there already; replace it with --overwrite"):
        pull_model(KNOWN.name)
    assert len(published) == 1
    assert pull_model(KNOWN.name, overwrite=True).fingerprint == first.fingerprint
    assert len(published) == 2


def test_a_model_that_appears_during_the_download_is_not_replaced(
    published: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    real = urllib.request.urlopen

    def slow(url: str, *, timeout: float) -> Any:
        SmallNetwork().package(models_directory() / KNOWN.name, name=KNOWN.name)
        return real(url, timeout=timeout)

    monkeypatch.setattr(urllib.request, "urlopen", slow)
    with pytest.raises(OutputError, match="already exists"):
        pull_model(KNOWN.name)
    assert load_model(KNOWN.name).package.licence == "Apache-2.0"


def test_without_a_network_it_says_what_to_do_by_hand(
    published: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreachable(url: str, *, timeout: float) -> Response:
        raise urllib.error.URLError("no route to host")

    monkeypatch.setattr(urllib.request, "urlopen", unreachable)
    with pytest.raises(ModelError, match=r"cannot be reached .*no route") as caught:
        pull_model(KNOWN.name)
    assert KNOWN.url in str(caught.value)
    assert "copylens models import" in str(caught.value)
    assert not models_directory().exists()
    assert list((tmp_path / "temporary").iterdir()) == []


def test_a_download_that_breaks_off_leaves_nothing(
    published: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut(url: str, *, timeout: float) -> Response:
        return Response(b"half", 8)

    monkeypatch.setattr(urllib.request, "urlopen", cut)
    with pytest.raises(ModelError, match="broke off after 4 of 8 bytes"):
        pull_model(KNOWN.name)
    assert not models_directory().exists()
    assert list((tmp_path / "temporary").iterdir()) == []


def test_a_name_that_nobody_published_is_refused(published: list[str]) -> None:
    with pytest.raises(ModelError, match="did you mean 'sscd_disc_mixup'"):
        pull_model("sscd_disc_mixu")
    assert published == []
