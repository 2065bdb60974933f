"""A model package and unrelated pictures in; a package whose descriptors lack what such pictures share out."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from copylens.errors import UsageError
from copylens.images import prepare
from copylens.models import (
    Calibration,
    ModelPackage,
    Provenance,
    create_engine,
    models_directory,
    record_golden,
    update_card,
    write_package,
)
from copylens.models.subtracting import Subtraction, subtract_graph
from copylens.postprocess.clusters import cluster_rows
from copylens.records import Descriptors
from copylens.workflows.background import described_background
from copylens.workflows.describer import Describer, load_from_settings
from copylens.workflows.settings import FileSettings, ModelSettings, PathLike, Progress, silent

CENTRES = 1250
"""Groups of pictures by default: what more brought is in docs/models.md."""

FEWEST = 20
"""Fewer pictures do not show what unrelated ones share."""

ITERATIONS = 15
"""Of k-means; its centres move little after ten."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SubtractSettings:
    """How the package is made.

    Attributes:
        name: of the new package; None takes the model's with ``-subtracted`` behind.
        output: its directory; None takes one of that name in the user's models folder.
        centres: groups that the pictures are parted into; fewer pictures are all taken as they are.
        share: of the centres' weighted mean that is taken off.
        temperature: of their weights.
        overwrite: replace a package that is there.
    """

    name: str | None = None
    output: Path | None = None
    centres: int = CENTRES
    share: float = Subtraction().share
    temperature: float = Subtraction().temperature
    overwrite: bool = False


def subtract_background(
    model: PathLike,
    paths: PathLike | Sequence[PathLike],
    settings: SubtractSettings | None = None,
    *,
    catalog: PathLike | None = None,
    files: FileSettings | None = None,
    progress: Progress = silent,
) -> ModelPackage:
    """Write a package whose descriptors lack what they share with unrelated pictures that are like them.

    Args:
        model: a model name or package directory.
        paths: folders or image files; unreadable ones are left out. Not those in which copies are looked for, since a
            picture that is a centre loses what it shares with its own copies; nor those that thresholds are measured
            on.
        settings: None takes the defaults.
        catalog: keeps the descriptors, so that an interrupted run goes on; None keeps them in memory.
        files: which files of folders count.
        progress: called as ``progress(stage, done, total)``.

    Returns:
        The package. Its threshold is the model's, not measured again, and its card says so.

    Raises:
        UsageError: a path that does not exist, too few pictures, or a setting that makes no sense.
        MissingExtraError: the onnx package is not installed.
        ModelError, CatalogError, OutputError: the model, the catalog or the package cannot be used or written.
    """
    settings = settings or SubtractSettings()
    how = Subtraction(share=settings.share, temperature=settings.temperature)
    if settings.centres < 1:
        raise UsageError(f"--centres must be at least 1, not {settings.centres}.")
    describer = load_from_settings(ModelSettings(model=str(model)))
    rows = _descriptors(describer, paths, catalog, files or FileSettings(), progress)
    centres = rows
    if settings.centres < len(rows):
        centres = cluster_rows(rows, settings.centres, seed=0, iterations=ITERATIONS).centres
    return _written(describer.package, len(rows), centres, how, settings)


def _descriptors(
    describer: Describer,
    paths: PathLike | Sequence[PathLike],
    catalog: PathLike | None,
    files: FileSettings,
    progress: Progress,
) -> Descriptors:
    """One row for every different picture, ``(N, D) float32``."""
    background = described_background(describer, paths, catalog=catalog, files=files, progress=progress)
    with background as (store, contents):
        if len(contents) < FEWEST:
            raise UsageError(
                f"{len(contents)} readable pictures are too few to show what unrelated ones share; give at least "
                f"{FEWEST}, better thousands."
            )
        return store.descriptors(contents)


def _written(
    source: ModelPackage, pictures: int, centres: Descriptors, how: Subtraction, settings: SubtractSettings
) -> ModelPackage:
    name = settings.name or f"{source.name}-subtracted"
    package = write_package(
        settings.output or models_directory() / name,
        onnx_model=subtract_graph(source, centres, how),
        name=name,
        version=source.version,
        dims=source.dims,
        input=source.input,
        calibration=_calibration(source),
        licence=source.licence,
        provenance=_provenance(source, name, pictures, len(centres), how),
        arithmetic=source.arithmetic,
        overwrite=settings.overwrite,
    )
    engine = create_engine(package, engine="onnxruntime", device="cpu")
    return update_card(record_golden(package, engine.describe, prepare), limits=source.limits)


def _calibration(source: ModelPackage) -> Calibration:
    """The threshold of the model without its promise, and no penalties: scores are others now."""
    said = f"the threshold of {source.name}, not measured again after the subtraction"
    measured = source.calibration.background
    return Calibration(
        threshold=source.calibration.threshold, background=f"{said} ({measured})" if measured else said
    )


def _provenance(source: ModelPackage, name: str, pictures: int, centres: int, how: Subtraction) -> Provenance:
    made = (
        f"less {how.share:g} of the mean of {centres} centres of the descriptors of {pictures} unrelated pictures, "
        f"weighted by softmax at temperature {how.temperature:g}"
    )
    return dataclasses.replace(
        source.provenance,
        weights=f"{source.provenance.weights}; {made}",
        command=f"copylens models subtract {source.name} PICTURES --name {name} --centres {centres} "
        f"--share {how.share:g} --temperature {how.temperature:g}",
    )
