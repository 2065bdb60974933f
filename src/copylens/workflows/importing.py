"""Other people's model files in, model packages out: any ONNX image model, and Meta's published SSCD files."""

from __future__ import annotations

import importlib.util
import math
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from copylens.errors import MissingExtraError, OutputError, UsageError
from copylens.models import (
    Calibration,
    KnownModel,
    ModelPackage,
    Provenance,
    download,
    find_known,
    import_onnx,
    models_directory,
    write_package,
)
from copylens.models.known import KNOWN_MODELS
from copylens.models.package import sha256_of_file
from copylens.records import InputSpec
from copylens.workflows.settings import Progress, silent

Triple = tuple[float, float, float]

META_SUFFIXES = (".pt", ".pth")
SSCD_SIDE = 320
"""Meta's own advice for batches: squashed to 320 x 320."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportSettings:
    """How a model file becomes a package.

    Attributes:
        name: of the package; None takes the file's.
        output: its directory; None takes one of that name in the user's models folder.
        threshold: score from which images are copies; None: not measured, and the card says so.
        layout: order of an ONNX model's input axes.
        input_size: (height, width); None where the file says it.
        mean, std: of pixels in [0, 1]; None is ImageNet's.
        normalised_inside: the ONNX model normalises pixels of 0..255 itself.
        descriptor: name of the ONNX output.
        licence: of the weights.
        overwrite: replace a package that is there.
    """

    name: str | None = None
    output: Path | None = None
    threshold: float | None = None
    layout: Literal["auto", "nchw", "nhwc"] = "auto"
    input_size: tuple[int, int] | None = None
    mean: Triple | None = None
    std: Triple | None = None
    normalised_inside: bool = False
    descriptor: str | None = None
    licence: str = "unknown"
    overwrite: bool = False


def parse_size(text: str | None) -> tuple[int, int] | None:
    """(height, width) from ``"224"`` or ``"224x320"``; raises UsageError."""
    if text is None:
        return None
    found = re.fullmatch(r"(\d+)(?:x(\d+))?", text.strip().lower())
    size = (int(found[1]), int(found[2] or found[1])) if found else (0, 0)
    if min(size) < 1:
        raise UsageError(
            f"--input-size {text!r}: write one number, or HEIGHTxWIDTH, for example 224 or 224x320."
        )
    return size


def parse_triple(option: str, text: str | None) -> Triple | None:
    """Three numbers from ``"0.5,0.5,0.5"``; raises UsageError that names the option."""
    if text is None:
        return None
    try:
        red, green, blue = (float(part) for part in text.split(","))
    except ValueError:
        red = green = blue = math.nan
    if not all(map(math.isfinite, (red, green, blue))):
        raise UsageError(f"{option} {text!r}: write three numbers, for example 0.5,0.5,0.5.")
    return red, green, blue


def import_model(file: Path, settings: ImportSettings) -> ModelPackage:
    """Turn a model file into a package.

    Args:
        file: an ``.onnx`` file, or one of Meta's ``.torchscript.pt`` and ``.torchvision.pt`` files. A TorchScript file
            is a program: import only what comes from a place you trust.
        settings: how.

    Raises:
        UsageError: no such file, a suffix that says nothing, or settings that cannot be meant for it.
        MissingExtraError: ONNX files need the ``import`` extra, Meta's the ``train`` extra.
        ModelError: the file cannot be turned into a descriptor model; says why.
    """
    if not file.is_file():
        raise UsageError(f"{file}: no such file.")
    if settings.std is not None and min(settings.std) <= 0:
        raise UsageError(f"--std {settings.std}: pixels are divided by it, so it must be positive.")
    name = settings.name or _name_of(file)
    output = settings.output or models_directory() / name
    if file.suffix.lower() == ".onnx":
        return _import_onnx(file, name, output, settings)
    if file.suffix.lower() in META_SUFFIXES:
        return _import_meta(file, name, output, settings)
    raise UsageError(f"{file}: the suffix must be .onnx, or .pt for Meta's SSCD files.")


def _name_of(file: Path) -> str:
    """The file's name as a package can be called."""
    return re.sub(r"[^A-Za-z0-9_-]+", "-", file.name.split(".")[0]).strip("-") or "model"


def pull_model(name: str, *, overwrite: bool = False, progress: Progress = silent) -> ModelPackage:
    """Download a published model and turn it into a package in the user's models folder.

    Raises:
        ModelError: the name is not known, or the download failed; says what to do by hand.
        OutputError: a package of that name is there, and `overwrite` is not set.
        MissingExtraError: PyTorch is not installed.
    """
    known = find_known(name)
    _need_torch()
    if (models_directory() / known.name).exists() and not overwrite:
        # Said before the download, not after it.
        raise OutputError(f"The model {known.name} is there already; replace it with --overwrite.")
    with tempfile.TemporaryDirectory(prefix="copylens-") as folder:
        file = download(known, folder, progress=lambda done, total: progress("download", done, total))
        return import_model(file, ImportSettings(name=known.name, overwrite=overwrite))


def _import_onnx(file: Path, name: str, output: Path, settings: ImportSettings) -> ModelPackage:
    return import_onnx(
        file,
        output,
        name=name,
        layout=settings.layout,
        input_size=settings.input_size,
        mean=settings.mean,
        std=settings.std,
        normalised_inside=settings.normalised_inside,
        output=settings.descriptor,
        threshold=settings.threshold,
        licence=settings.licence,
        overwrite=settings.overwrite,
    )


def _import_meta(file: Path, name: str, output: Path, settings: ImportSettings) -> ModelPackage:
    _need_torch()
    from copylens.networks.export import IMAGENET_MEAN, IMAGENET_STD, export_onnx
    from copylens.networks.meta_sscd import load_meta_sscd

    if settings.descriptor is not None or settings.normalised_inside or settings.layout != "auto":
        raise UsageError(f"{file}: --layout, --descriptor and --normalised-inside are for ONNX files.")
    known = KNOWN_MODELS.get(file.name.split(".")[0])
    side = known.input_size if known else SSCD_SIDE
    height, width = settings.input_size or (side, side)
    spec = InputSpec(height, width)
    graph, dims = export_onnx(
        load_meta_sscd(file),
        spec,
        half_weights=False,
        mean=settings.mean or IMAGENET_MEAN,
        deviation=settings.std or IMAGENET_STD,
    )
    return write_package(
        output,
        onnx_model=graph,
        name=name,
        version="1",
        dims=dims,
        input=spec,
        calibration=_calibration(settings.threshold, known),
        licence=settings.licence if settings.licence != "unknown" or known is None else known.licence,
        provenance=Provenance(
            weights=f"imported from {file.name}, SHA-256 {sha256_of_file(file)}",
            data=known.data if known else "",
            command=f"copylens models import {file.name} --name {name}",
            sources=known.sources if known else (),
        ),
        overwrite=settings.overwrite,
    )


def _calibration(threshold: float | None, known: KnownModel | None) -> Calibration:
    if threshold is not None:
        return Calibration(threshold=threshold, background="threshold given at import")
    if known is not None:
        return Calibration(threshold=known.threshold, background=known.threshold_note)
    return Calibration(threshold=0.75, background="threshold not measured for this model")


def _need_torch() -> None:
    if importlib.util.find_spec("torch") is None:
        raise MissingExtraError("Reading PyTorch files", "train")
