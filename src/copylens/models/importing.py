"""Any ONNX image model in, a model package out that runs like every other."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from copylens.errors import ModelError, UsageError
from copylens.models.card import Calibration, Provenance
from copylens.models.inspecting import inspect_ends
from copylens.models.onnx_extra import import_onnx_library
from copylens.models.package import INPUT_NAME, ModelPackage, sha256_of_file, write_package
from copylens.models.quantising import is_quantised
from copylens.models.wrapping import ModelEnds, Normalisation, free_reshapes, with_inner_output, wrap
from copylens.records import Descriptors, InputSpec

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)

UNMEASURED_THRESHOLD = 0.75
"""Where nobody gives one; the card says that it was not measured."""

Triple: TypeAlias = tuple[float, float, float]

_UINT8 = 2
"""ONNX's number of the type."""


def import_onnx(
    path: str | os.PathLike[str],
    output_dir: str | os.PathLike[str],
    *,
    name: str,
    version: str = "1",
    layout: Literal["auto", "nchw", "nhwc"] = "auto",
    input_size: int | tuple[int, int] | None = None,
    mean: Triple | None = None,
    std: Triple | None = None,
    scale: float | None = None,
    normalised_inside: bool = False,
    output: str | None = None,
    l2: bool = True,
    threshold: float | None = None,
    licence: str = "unknown",
    overwrite: bool = False,
) -> ModelPackage:
    """Wrap an ONNX image model to the packages' contract, run it on noise, and write the package.

    The package takes ``(N, H, W, 3) uint8``; the model itself gets ``(value * scale - mean) / std``.

    Args:
        path: the file; weights kept in files beside it come along.
        output_dir: where the package goes.
        name: of the package.
        version: free text.
        layout: order of the model's input axes; ``"auto"`` looks for the three colours.
        input_size: side, or (height, width); needed where the model leaves it open.
        mean, std: per channel, after `scale`; by default ImageNet's.
        scale: multiplies values 0..255; by default 1/255.
        normalised_inside: the model normalises values 0..255 itself; models that take uint8 always do.
        output: name of the descriptor's output.
        l2: norm the output; False for a model that does so itself.
        threshold: in [-1, 1]; None takes `UNMEASURED_THRESHOLD` and says so in the card.
        licence: of the weights.
        overwrite: replace a package that is there.

    Raises:
        MissingExtraError: the onnx package is not installed.
        UsageError: normalisation is given for a model that normalises itself.
        ModelError: the file cannot be read, its ends are unclear, or it does not run on every batch size.
        OutputError: the package cannot be written.
    """
    path = Path(path)
    model = _load(path)
    size = (input_size, input_size) if isinstance(input_size, int) else input_size
    ends = inspect_ends(model, where=path.name, layout=layout, input_size=size, output=output)
    inside = normalised_inside or ends.input_type == _UINT8
    normalisation = _normalisation(mean, std, scale, inside=inside, where=path.name)
    content, dims = _wrap_and_try(model, ends, normalisation, l2=l2, where=path.name)
    return write_package(
        output_dir,
        onnx_model=content,
        name=name,
        version=version,
        dims=dims,
        input=InputSpec(height=ends.height, width=ends.width),
        calibration=_calibration(threshold),
        licence=licence,
        provenance=Provenance(
            weights=f"imported from {path.name}, SHA-256 {sha256_of_file(path)}",
            command=f"copylens models import {path.name} --name {name}",
        ),
        arithmetic="int8" if is_quantised(model.graph) else "float32",
        overwrite=overwrite,
    )


def _load(path: Path) -> Any:
    onnx = import_onnx_library("Importing an ONNX model")
    try:
        return onnx.load(str(path))
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error}.") from error
    except Exception as error:
        raise ModelError(f"{path} is not an ONNX file, or weights beside it are missing: {error}") from error


def _normalisation(
    mean: Triple | None, std: Triple | None, scale: float | None, *, inside: bool, where: str
) -> Normalisation | None:
    if inside:
        if (mean, std, scale) != (None, None, None):
            raise UsageError(f"{where} normalises pixels itself; leave mean, std and scale away.")
        return None
    if std is not None and min(std) <= 0:
        raise UsageError(f"std must be positive, not {std}.")
    return Normalisation(
        scale=1 / 255 if scale is None else scale,
        mean=IMAGENET_MEAN if mean is None else mean,
        std=IMAGENET_STD if std is None else std,
    )


def _calibration(threshold: float | None) -> Calibration:
    if threshold is not None:
        return Calibration(threshold=threshold, background="threshold given at import")
    return Calibration(threshold=UNMEASURED_THRESHOLD, background="threshold not measured for this model")


def _wrap_and_try(
    model: Any, ends: ModelEnds, normalisation: Normalisation | None, *, l2: bool, where: str
) -> tuple[bytes, int]:
    """Wrap, and let the graph prove that any batch size gives the same rows; returns its bytes and D."""
    wrapped = wrap(model, ends, normalisation=normalisation, l2=l2)
    descriptor, inner = _run(_bytes(with_inner_output(wrapped, ends), where), _noise(ends, 1), where)
    _check_output(descriptor, inner.shape, where)
    try:
        _check_batches(_bytes(wrapped, where), ends, where)
    except ModelError:
        if ends.batch is None or not free_reshapes(wrapped, ends.batch):
            raise
        _check_batches(_bytes(wrapped, where), ends, where)
    return _bytes(wrapped, where), descriptor.shape[1]


def _bytes(wrapped: Any, where: str) -> bytes:
    try:
        content: bytes = wrapped.SerializeToString(deterministic=True)
    except ValueError as error:
        raise ModelError(f"{where} is too large for a package: one ONNX file holds at most 2 GB.") from error
    return content


def _check_output(rows: Descriptors, inner_shape: tuple[int, ...], where: str) -> None:
    if len(inner_shape) < 2 or any(size != 1 for size in inner_shape[2:]):
        raise ModelError(
            f"{where}: the output has shape {inner_shape}, a descriptor has (N, D) or (N, D, 1, 1); "
            "name another output (--descriptor) or export the model with pooling."
        )
    if not np.isfinite(rows).all():
        raise ModelError(
            f"{where}: the model computes values that are not finite; check mean, std and scale."
        )
    norm = float(np.linalg.norm(rows))
    if abs(norm - 1) > 1e-3:
        raise ModelError(
            f"{where}: the descriptor has length {norm:.4g}, not 1; import it with its norm (l2)."
        )


def _check_batches(content: bytes, ends: ModelEnds, where: str) -> None:
    pair = _noise(ends, 2)
    try:
        together = _run(content, pair, where)[0]
        alone = np.concatenate([_run(content, pair[i : i + 1], where)[0] for i in range(2)])
    except ModelError as error:
        raise ModelError(
            f"{where} runs on batches of {ends.batch or 1} only; export it again with a dynamic batch axis "
            f"({error})"
        ) from error
    if together.shape != alone.shape or not np.allclose(together, alone, atol=1e-3):
        raise ModelError(
            f"{where} describes an image differently alone and beside another; export it again with a "
            "dynamic batch axis and in inference mode."
        )


def _noise(ends: ModelEnds, count: int) -> npt.NDArray[np.uint8]:
    generator = np.random.default_rng(0)
    return generator.integers(0, 256, (count, ends.height, ends.width, 3), np.uint8)


def _run(content: bytes, pixels: npt.NDArray[np.uint8], where: str) -> list[Descriptors]:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    try:
        session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        result: list[Descriptors] = session.run(None, {INPUT_NAME: pixels})
    except Exception as error:
        raise ModelError(f"{where} does not run: {error}") from error
    return result
