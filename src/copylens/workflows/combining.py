"""Names of models in; one package that describes with all of them out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from copylens.errors import UsageError
from copylens.images import prepare
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
from copylens.models.combining import combine_graphs
from copylens.workflows.settings import PathLike


def combine_models(
    models: Sequence[PathLike], *, name: str, output: Path | None = None, overwrite: bool = False
) -> ModelPackage:
    """Write a package whose descriptors are those of several models, one after the other.

    The score of two pictures is the mean of the models' scores. The threshold starts as the mean of theirs; `models
    calibrate` measures it.

    Args:
        models: two or more names or package directories, which take the same pixels.
        name: of the new package.
        output: its directory; None takes one of that name in the user's models folder.
        overwrite: replace a package that is there.

    Raises:
        UsageError: fewer than two models, or one of them twice.
        MissingExtraError: the onnx package is not installed.
        ModelError: no such model, or models that take different pixels.
        OutputError: the package cannot be written.
    """
    packages = [load_package(find_model(str(model))) for model in models]
    if len(packages) < 2:
        raise UsageError("Combining takes two models or more.")
    if len({package.fingerprint for package in packages}) < len(packages):
        raise UsageError("The same model was named twice; it adds nothing to itself.")
    for package in packages:
        check_graph(package)
    first = packages[0]
    combined = write_package(
        output or models_directory() / name,
        onnx_model=combine_graphs(packages),
        name=name,
        version="1",
        dims=sum(package.dims for package in packages),
        input=first.input,
        calibration=_calibration(packages),
        licence=" AND ".join(dict.fromkeys(package.licence for package in packages)),
        provenance=_provenance(packages, name),
        arithmetic="int8" if any(package.arithmetic == "int8" for package in packages) else "float32",
        overwrite=overwrite,
    )
    engine = create_engine(combined, engine="onnxruntime", device="cpu")
    return update_card(
        record_golden(combined, engine.describe, prepare),
        limits=" ".join(dict.fromkeys(filter(None, (package.limits for package in packages)))),
    )


def _calibration(packages: Sequence[ModelPackage]) -> Calibration:
    thresholds = [package.calibration.threshold for package in packages]
    names = " and ".join(package.name for package in packages)
    return Calibration(
        threshold=sum(thresholds) / len(thresholds),
        background=f"the mean of the thresholds of {names}; not measured for them together",
    )


def _provenance(packages: Sequence[ModelPackage], name: str) -> Provenance:
    each = [package.provenance for package in packages]
    hours = [provenance.hours for provenance in each]
    return Provenance(
        weights="; ".join(
            f"{package.name} {package.version} (fingerprint {package.fingerprint}): {package.provenance.weights}"
            for package in packages
        ),
        data="; ".join(dict.fromkeys(filter(None, (provenance.data for provenance in each)))),
        command=f"copylens models combine {' '.join(package.name for package in packages)} --name {name}",
        hardware="; ".join(dict.fromkeys(filter(None, (provenance.hardware for provenance in each)))),
        hours=None if None in hours else sum(filter(None, hours)),
        sources=tuple(dict.fromkeys(source for provenance in each for source in provenance.sources)),
    )
