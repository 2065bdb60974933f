"""Packages that take the same pixels in, one ONNX graph whose descriptor is theirs one after the other out.

Each descriptor has length 1; n of them in a row, divided by the square root of n, have length 1 again. So the score of
two pictures is the mean of the models' scores. Networks err differently, and their mean errs less than each of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from copylens.errors import ModelError
from copylens.models.onnx_extra import import_onnx_library
from copylens.models.package import INPUT_NAME, OUTPUT_NAME, ModelPackage


def combine_graphs(packages: Sequence[ModelPackage]) -> bytes:
    """Put the graphs of n packages side by side.

    Args:
        packages: two or more, whose `input` is the same.

    Returns:
        The bytes of an ONNX file that keeps the contract of packages: ``pixels`` in, ``descriptor``,
        ``(N, D_1 + ... + D_n) float32``, out.

    Raises:
        MissingExtraError: the onnx package is not installed.
        ModelError: fewer than two packages, inputs that differ, or graphs that do not go together.
    """
    onnx = import_onnx_library("Combining models")
    _check(packages)
    models = [onnx.load(str(package.onnx_path)) for package in packages]
    try:
        content: bytes = _joined(onnx, models).SerializeToString(deterministic=True)
    except Exception as error:
        names = " and ".join(package.name for package in packages)
        raise ModelError(f"{names} cannot be combined: {type(error).__name__}: {error}") from error
    return content


def _check(packages: Sequence[ModelPackage]) -> None:
    if len(packages) < 2:
        raise ModelError("Combining takes two models or more.")
    first = packages[0]
    for other in packages[1:]:
        if other.input != first.input:
            raise ModelError(
                f"{first.name} and {other.name} take different pixels ({_said_of(first)}; {_said_of(other)}); combine "
                "models that were exported for the same input."
            )


def _said_of(package: ModelPackage) -> str:
    spec = package.input
    return f"{spec.height} x {spec.width} {spec.dtype}, {spec.resize}, {spec.interpolation}"


def _joined(onnx: Any, models: Sequence[Any]) -> Any:
    """One ``onnx.ModelProto`` of several; none of them is changed."""
    helper = onnx.helper
    versions = [{each.domain: each.version for each in model.opset_import} for model in models]
    newest = max(version.get("", 0) for version in versions)
    joined = [
        onnx.compose.add_prefix(
            model if version.get("", 0) == newest else onnx.version_converter.convert_version(model, newest),
            f"{place}/",
        )
        for place, (model, version) in enumerate(zip(models, versions, strict=True))
    ]
    nodes, constants = [], [onnx.numpy_helper.from_array(np.float32(len(models) ** -0.5), "share")]
    for place, model in enumerate(joined):
        nodes.append(helper.make_node("Identity", [INPUT_NAME], [f"{place}/{INPUT_NAME}"]))
        nodes.extend(model.graph.node)
        constants.extend(model.graph.initializer)
    ends = [f"{place}/{OUTPUT_NAME}" for place in range(len(models))]
    nodes.append(helper.make_node("Concat", ends, ["side-by-side"], axis=1))
    nodes.append(helper.make_node("Mul", ["side-by-side", "share"], [OUTPUT_NAME]))
    output = helper.make_tensor_value_info(OUTPUT_NAME, onnx.TensorProto.FLOAT, ["N", None])
    graph = helper.make_graph(nodes, "combined", list(models[0].graph.input), [output], constants)
    domains = {domain: version for each in versions for domain, version in each.items()} | {"": newest}
    model = helper.make_model(
        graph,
        opset_imports=[helper.make_opsetid(domain, version) for domain, version in sorted(domains.items())],
        ir_version=max(each.ir_version for each in models),
        functions=[function for each in joined for function in each.functions],
    )
    onnx.checker.check_model(model)
    return model
