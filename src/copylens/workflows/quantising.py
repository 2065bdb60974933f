"""A float model package and pictures of the user's in; its int8 twin, a package of its own, out."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from copylens.errors import UsageError
from copylens.images import Loaded, load, prepare
from copylens.models import (
    Calibration,
    ModelPackage,
    Provenance,
    check_graph,
    create_engine,
    find_model,
    load_package,
    models_directory,
    record_golden,
    update_card,
    write_package,
)
from copylens.models.engines.base import Engine
from copylens.models.quantising import Quantisation, RangeMethod, quantise_graph
from copylens.records import FoundFile
from copylens.workflows.describer import BATCH
from copylens.workflows.finding import find
from copylens.workflows.settings import FileSettings, PathLike, Progress, path_list, silent

PICTURES = 256
"""Measured on: more did not change µAP (docs/models.md)."""

FEWEST = 8
"""Fewer pictures do not show what values a network meets."""

ROUNDING = (
    "Engines and processors round int8 at different places; compare descriptors that the same of them made."
)
"""Said of every int8 model among its limits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QuantiseSettings:
    """How an int8 package is made.

    Attributes:
        name: of the new package; None takes the model's with ``-int8`` behind.
        output: its directory; None takes one of that name in the user's models folder.
        pictures: how many are measured on at most, evenly spread over what is found.
        method: how the ranges of activations are found.
        narrow: weights of 7 bits, for processors that have no VNNI.
        overwrite: replace a package that is there.
    """

    name: str | None = None
    output: Path | None = None
    pictures: int = PICTURES
    method: RangeMethod = "minmax"
    narrow: bool = False
    overwrite: bool = False


@dataclass(frozen=True, slots=True)
class Quantised:
    """What came of it.

    Attributes:
        source: the float package.
        package: the int8 one.
        pictures: how many the ranges were measured on.
        cosine: between the descriptors of both of these pictures, on average.
        lowest: the lowest of those.
        sizes: of the two graphs in bytes, float and int8.
    """

    source: ModelPackage
    package: ModelPackage
    pictures: int
    cosine: float
    lowest: float
    sizes: tuple[int, int]


def quantise_model(
    model: PathLike,
    paths: PathLike | Sequence[PathLike],
    settings: QuantiseSettings | None = None,
    *,
    files: FileSettings | None = None,
    progress: Progress = silent,
) -> Quantised:
    """Write an int8 twin of a model package, with ranges measured on pictures prepared as the package prepares them.

    Args:
        model: a model name or package directory, of a float model.
        paths: folders or image files like those that will be described; unreadable ones are left out.
        settings: None takes the defaults.
        files: which files of folders count.
        progress: called as ``progress(stage, done, total)``.

    Returns:
        The package and how much its descriptors differ. Its thresholds are the float model's, and its card says so.

    Raises:
        UsageError: a path that does not exist, or too few pictures.
        MissingExtraError: the onnx package is not installed.
        ModelError: no such model, one that is quantised already, or one without convolutions.
        OutputError: the package cannot be written.
    """
    settings = settings or QuantiseSettings()
    how = Quantisation(method=settings.method, narrow=settings.narrow)
    if settings.pictures < FEWEST:
        raise UsageError(f"--pictures must be at least {FEWEST}, not {settings.pictures}.")
    source = load_package(find_model(str(model)))
    check_graph(source)
    pixels = _pixels(source, path_list(paths), files or FileSettings(), settings.pictures, progress)
    batches = [pixels[start : start + BATCH] for start in range(0, len(pixels), BATCH)]
    progress("quantise", 0, 1)
    graph = quantise_graph(source, batches, how)
    progress("quantise", 1, 1)
    name = settings.name or f"{source.name}-int8"
    package = write_package(
        settings.output or models_directory() / name,
        onnx_model=graph,
        name=name,
        version=source.version,
        dims=source.dims,
        input=source.input,
        calibration=_calibration(source),
        licence=source.licence,
        provenance=_provenance(source, name, len(pixels), how),
        arithmetic="int8",
        overwrite=settings.overwrite,
    )
    exact, engine = (create_engine(each, engine="onnxruntime", device="cpu") for each in (source, package))
    limits = " ".join(filter(None, (source.limits, ROUNDING)))
    package = update_card(record_golden(package, engine.describe, prepare), limits=limits)
    cosines = _cosines(exact, engine, batches)
    sizes = source.onnx_path.stat().st_size, package.onnx_path.stat().st_size
    return Quantised(source, package, len(pixels), float(cosines.mean()), float(cosines.min()), sizes)


def _pixels(
    source: ModelPackage, paths: list[str], files: FileSettings, most: int, progress: Progress
) -> npt.NDArray[Any]:
    """Prepared pictures, ``(N, ...)`` as the package takes them."""
    found = find(paths, files, progress=progress).files
    chosen = _spread(sorted(found, key=lambda file: file.path), most)
    rows = []
    stream = load(chosen, source.input, workers=files.workers or 1, known=lambda _: False)
    for done, item in enumerate(stream, start=1):
        if isinstance(item, Loaded) and item.pixels is not None:
            rows.append(item.pixels)
        progress("read", done, len(chosen))
    if len(rows) < FEWEST:
        raise UsageError(
            f"{len(rows)} readable pictures are too few to measure the ranges of a network's values on; give at least "
            f"{FEWEST}, better {PICTURES}."
        )
    return np.stack(rows)


def _spread(files: list[FoundFile], most: int) -> list[FoundFile]:
    """At most so many of them, evenly spread, so that no folder is left out for its name."""
    if len(files) <= most:
        return files
    return [files[place * len(files) // most] for place in range(most)]


def _calibration(source: ModelPackage) -> Calibration:
    """The float model's thresholds, without its promise: descriptors have changed a little."""
    said = f"thresholds of {source.name} in float32, not measured again for int8"
    measured = source.calibration.background
    return dataclasses.replace(
        source.calibration,
        false_matches_per_million_pairs=None,
        background=f"{said} ({measured})" if measured else said,
    )


def _provenance(source: ModelPackage, name: str, pictures: int, how: Quantisation) -> Provenance:
    made = (
        f"int8 twin of {source.name} {source.version} (fingerprint {source.fingerprint}): activations uint8, weights "
        f"{'of 7 bits' if how.narrow else 'int8'} by channel; the first {how.spared} convolutions and all after the "
        f"last in float32; ranges ({how.method}) measured on {pictures} pictures"
    )
    return dataclasses.replace(
        source.provenance,
        weights=f"{made}; of the float model: {source.provenance.weights}",
        command=f"copylens models quantize {source.name} PICTURES --name {name} --pictures {pictures} "
        f"--method {how.method}{' --narrow' if how.narrow else ''}",
    )


def _cosines(exact: Engine, other: Engine, batches: Sequence[npt.NDArray[Any]]) -> npt.NDArray[np.float32]:
    pairs = [(exact.describe(batch), other.describe(batch)) for batch in batches]
    return np.concatenate([(a * b).sum(axis=1) for a, b in pairs])
