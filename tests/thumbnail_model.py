"""A model package that needs no training: a descriptor is the picture at 16 x 16 pixels, centred and normed.

It tells random pictures apart, forgives a new size or compression, and starts in a fraction of the time of a network.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from copylens.models import Calibration, ModelPackage, Provenance, write_package
from copylens.records import InputSpec
from small_models import make_model

SIDE = 16
DIMS = 3 * SIDE * SIDE + 1
THRESHOLD = 0.9
"""Copies lie above 0.97, unrelated pictures below 0.5; plain ones of any colour are alike."""


def thumbnail_graph() -> Any:
    """Pixels, less their mean, beside a constant that keeps the length of a plain picture from being zero."""
    nodes = [
        helper.make_node("Cast", ["pixels"], ["values"], to=TensorProto.FLOAT),
        helper.make_node("Flatten", ["values"], ["flat"]),
        helper.make_node("ReduceMean", ["flat", "axis"], ["mean"], keepdims=1),
        helper.make_node("Sub", ["flat", "mean"], ["centred"]),
        helper.make_node("Mul", ["mean", "zero"], ["nothing"]),
        helper.make_node("Add", ["nothing", "one"], ["constant"]),
        helper.make_node("Concat", ["centred", "constant"], ["joined"], axis=1),
        helper.make_node("LpNormalization", ["joined"], ["descriptor"], axis=-1, p=2),
    ]
    constants = {"axis": np.array([1], np.int64), "zero": np.float32(0), "one": np.float32(1)}
    return make_model(
        nodes,
        [("pixels", TensorProto.UINT8, ["N", SIDE, SIDE, 3])],
        [("descriptor", ["N", DIMS])],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )


def write_thumbnail_model(directory: Path, *, name: str = "thumbnail") -> ModelPackage:
    """Write the package."""
    return write_package(
        directory,
        onnx_model=thumbnail_graph(),
        name=name,
        version="1",
        dims=DIMS,
        input=InputSpec(height=SIDE, width=SIDE),
        calibration=Calibration(threshold=THRESHOLD),
        licence="Apache-2.0",
        provenance=Provenance(weights="none"),
    )
