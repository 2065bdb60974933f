"""A model's name in, the report of every check of its package out."""

from __future__ import annotations

from copylens.images import prepare
from copylens.models import VerifyReport, verify_package
from copylens.workflows.describer import load_from_settings
from copylens.workflows.settings import DeviceName, EngineName, ModelSettings, PathLike, Precision


def verify_model(
    model: PathLike,
    *,
    device: DeviceName = "auto",
    engine: EngineName = "auto",
    precision: Precision = "float32",
) -> VerifyReport:
    """Check that a package is whole and that an engine reproduces its golden descriptors.

    Raises:
        ModelError: no such model, or its card is damaged.
        EngineError: the engine, device or precision is not to be had here.
    """
    describer = load_from_settings(
        ModelSettings(model=str(model), device=device, engine=engine, precision=precision), exchanged=True
    )
    return verify_package(describer.package, describer.engine.describe, prepare)
