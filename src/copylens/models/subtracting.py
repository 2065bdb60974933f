"""A package's graph and centres of unrelated descriptors in, a graph that takes off what they share out.

Two unrelated pictures of one kind, say two faces before a white wall, are alike in what all such pictures have. Of a
descriptor z, with K centres c_k of the descriptors of unrelated pictures, is left

    z' = normalise(z - share * sum_k w_k c_k),   w = softmax_k(z . c_k / temperature)

Taking the mean of the nearest unrelated descriptors off each descriptor is known as negative embedding subtraction
(Yokoo 2021, arXiv:2112.04323, the winner of the descriptor track of the Image Similarity Challenge), where
it follows the network; here the softmax takes the place of the k nearest, so that it is a layer of the graph, and every
engine, catalog and index works with its descriptors as with any others.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from copylens.errors import ModelError, UsageError
from copylens.models.onnx_extra import import_onnx_library
from copylens.models.package import OUTPUT_NAME, ModelPackage
from copylens.records import Descriptors

_PREFIX = "background/"
_CENTRES = f"{_PREFIX}centres"


@dataclass(frozen=True, slots=True, kw_only=True)
class Subtraction:
    """How much is taken off; the defaults were chosen by the practice exam (docs/models.md).

    Attributes:
        share: of the weighted centre, above 0 and below 1, so that something is left of a descriptor that is a centre.
        temperature: of the softmax, above 0: the lower, the fewer centres count.
    """

    share: float = 0.6
    temperature: float = 0.03

    def __post_init__(self) -> None:
        if not 0 < self.share < 1:
            raise UsageError(f"--share must lie between 0 and 1, not {self.share:g}.")
        if not 0.001 <= self.temperature <= 10:
            raise UsageError(f"--temperature must lie between 0.001 and 10, not {self.temperature:g}.")


def subtract_graph(package: ModelPackage, centres: Descriptors, how: Subtraction | None = None) -> bytes:
    """Put the subtraction behind a package's graph.

    Args:
        package: the model; it is not changed.
        centres: ``(K, D) float32`` of length 1, stored as float16.
        how: None takes the defaults.

    Returns:
        The bytes of an ONNX file that keeps the contract of packages.

    Raises:
        MissingExtraError: the onnx package is not installed.
        UsageError: centres of another shape, or that are not finite.
        ModelError: the model subtracts already, or its graph cannot be read.
    """
    how = how or Subtraction()
    onnx = import_onnx_library("Subtracting the background")
    if centres.ndim != 2 or centres.shape[1] != package.dims or not len(centres):
        raise UsageError(f"Centres of {package.name} must be (K, {package.dims}), not {centres.shape}.")
    if not np.isfinite(centres).all():
        raise UsageError("Centres must be finite numbers.")
    try:
        model = onnx.load(str(package.onnx_path))
        if any(tensor.name == _CENTRES for tensor in model.graph.initializer):
            raise ModelError(
                f"{package.name} has its background subtracted already; take the model it came from."
            )
        _append(onnx, model.graph, centres, how)
        onnx.checker.check_model(model)
    except ModelError:
        raise
    except Exception as error:
        raise ModelError(
            f"Nothing can be put behind {package.onnx_path}: {type(error).__name__}: {error}"
        ) from error
    content: bytes = model.SerializeToString(deterministic=True)
    return content


def _append(onnx: Any, graph: Any, centres: Descriptors, how: Subtraction) -> None:
    """Let the graph's descriptor pass through the subtraction, in place."""
    make, whole = onnx.helper.make_node, f"{_PREFIX}whole"
    for node in graph.node:
        for names in (node.input, node.output):
            for place, name in enumerate(names):
                if name == OUTPUT_NAME:
                    names[place] = whole
    graph.initializer.append(onnx.numpy_helper.from_array(centres.astype(np.float16), _CENTRES))
    single, likeness, weights, left = (
        f"{_PREFIX}{name}" for name in ("float", "likeness", "weights", "left")
    )
    graph.node.extend(
        [
            make("Cast", [_CENTRES], [single], to=onnx.TensorProto.FLOAT),
            make("Gemm", [whole, single], [likeness], transB=1, alpha=1 / how.temperature),
            make("Softmax", [likeness], [weights], axis=1),
            make("Gemm", [weights, single, whole], [left], alpha=-how.share, beta=1.0),
            make("LpNormalization", [left], [OUTPUT_NAME], axis=-1, p=2),
        ]
    )
