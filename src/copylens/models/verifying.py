"""A model package and what runs it in, a `VerifyReport` out: is it whole, does it compute as it should."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from copylens.config import to_mapping
from copylens.errors import CopyLensError, ModelError
from copylens.models.card import Golden, fingerprint_of
from copylens.models.engines.base import PixelBatch, batch_layout
from copylens.models.golden_pictures import (
    Describe,
    Prepare,
    golden_pictures,
    pixels_sha256,
    read_golden_picture,
)
from copylens.models.package import INPUT_NAME, OUTPUT_NAME, ModelPackage, sha256_of_file
from copylens.records import InputSpec

COSINE = 0.999
"""What a golden descriptor and the one computed here must share, and one image alone and in a batch."""

INT8_COSINE = 0.97
"""The same of an int8 model: where an engine rounds is its own affair, and the roundings of fifty layers add up. On a
processor without VNNI the golden descriptors of the models that ship come out at 0.981 or more.
"""

_NORM_TOLERANCE = 1e-3


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at.

    Attributes:
        name: what, e.g. ``"golden cat.png"``.
        passed: whether it is as it should be.
        detail: one line for people.
    """

    name: str
    passed: bool
    detail: str


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """Every check of a package, in order.

    Attributes:
        model: its name.
        fingerprint: as its card says.
        checks: none is left out when an earlier one fails.
    """

    model: str
    fingerprint: str
    checks: tuple[Check, ...]

    @property
    def passed(self) -> bool:
        """Whether every check passed."""
        return all(check.passed for check in self.checks)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON, with ``passed``."""
        return {**to_mapping(self), "passed": self.passed}


@dataclass(frozen=True, slots=True)
class GraphContract:
    """Names, types and shapes of what enters and leaves a graph; a dynamic axis is a name or None."""

    inputs: tuple[tuple[str, str, tuple[int | str | None, ...]], ...]
    outputs: tuple[tuple[str, str, tuple[int | str | None, ...]], ...]


def verify_package(package: ModelPackage, run: Describe, prepare: Prepare) -> VerifyReport:
    """Check a package from its bytes to what it says of the bundled pictures.

    Args:
        package: the model.
        run: `Engine.describe` of an engine that has it loaded.
        prepare: how pictures are resized for the network.

    Returns:
        One check each for the graph's digest, fingerprint, contract, norms and batches, and every golden
        descriptor; a run that raises a `CopyLensError` is a failed check, not an error.
    """
    checks = [
        _check_digest(package),
        _check_fingerprint(package),
        _guarded("contract", lambda: _contract(package)),
        _guarded("batches", lambda: _batches(package, run, prepare)),
        *_golden(package, run, prepare),
    ]
    return VerifyReport(package.name, package.fingerprint, tuple(checks))


def read_contract(package: ModelPackage) -> GraphContract:
    """Read what enters and leaves the package's graph.

    Raises:
        ModelError: ONNX Runtime cannot load it.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 3
    try:
        session = onnxruntime.InferenceSession(
            str(package.onnx_path), options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:
        raise ModelError(f"ONNX Runtime cannot load {package.onnx_path}: {error}") from error
    ends = [
        tuple((end.name, str(end.type), tuple(end.shape)) for end in side)
        for side in (session.get_inputs(), session.get_outputs())
    ]
    return GraphContract(ends[0], ends[1])


def contract_breaches(contract: GraphContract, *, input_spec: InputSpec, dims: int) -> list[str]:
    """Say where a graph breaks the contract of a package with this input and D; empty where nowhere."""
    shape, dtype = batch_layout(input_spec)
    wanted = [
        (contract.inputs, INPUT_NAME, "tensor(uint8)" if dtype == np.uint8 else "tensor(float)", shape),
        (contract.outputs, OUTPUT_NAME, "tensor(float)", (dims,)),
    ]
    breaches = []
    for ends, name, kind, rest in wanted:
        if len(ends) != 1 or ends[0][0] != name:
            breaches.append(f"expected the one end {name!r}, got {', '.join(repr(e[0]) for e in ends)}")
            continue
        _, actual_kind, actual = ends[0]
        if actual_kind != kind:
            breaches.append(f"{name} is {actual_kind}, not {kind}")
        if len(actual) != len(rest) + 1 or isinstance(actual[0], int):
            breaches.append(
                f"{name} has shape {actual}, not (N, {', '.join(map(str, rest))}) with a dynamic N"
            )
        elif any(isinstance(a, int) and a != r for a, r in zip(actual[1:], rest, strict=True)):
            breaches.append(f"{name} has shape {actual}, not (N, {', '.join(map(str, rest))})")
    return breaches


def least_cosine(package: ModelPackage) -> float:
    """What descriptors of one picture must share on different engines and machines."""
    return COSINE if package.arithmetic == "float32" else INT8_COSINE


def _guarded(name: str, check: Callable[[], Check]) -> Check:
    try:
        return check()
    except CopyLensError as error:
        return Check(name, False, str(error))


def _check_digest(package: ModelPackage) -> Check:
    try:
        same = sha256_of_file(package.onnx_path) == package.onnx_sha256
    except OSError as error:
        return Check("digest", False, f"{package.onnx_path} cannot be read: {error}")
    return Check(
        "digest", same, "model.onnx is the file the card names" if same else "model.onnx was changed"
    )


def _check_fingerprint(package: ModelPackage) -> Check:
    same = fingerprint_of(package.onnx_sha256, package.input) == package.fingerprint
    return Check("fingerprint", same, package.fingerprint if same else "does not follow from graph and input")


def _contract(package: ModelPackage) -> Check:
    breaches = contract_breaches(read_contract(package), input_spec=package.input, dims=package.dims)
    return Check("contract", not breaches, "; ".join(breaches) or f"pixels in, (N, {package.dims}) out")


def _batches(package: ModelPackage, run: Describe, prepare: Prepare) -> Check:
    """Rows have length 1, and an image's row is the same alone and in a batch."""
    batch: PixelBatch = np.stack([prepare(p, package.input) for p in golden_pictures().values()])
    together = run(batch)
    alone = np.concatenate([run(batch[i : i + 1]) for i in range(len(batch))])
    norms = np.linalg.norm(together, axis=1)
    if np.abs(norms - 1).max() > _NORM_TOLERANCE:
        return Check(
            "batches", False, f"descriptors have lengths {norms.min():.4f} to {norms.max():.4f}, not 1"
        )
    worst = float((together * alone).sum(axis=1).min())
    return Check(
        "batches",
        worst >= least_cosine(package),
        f"an image alone and in a batch: cosine at least {worst:.6f}",
    )


def _golden(package: ModelPackage, run: Describe, prepare: Prepare) -> Iterator[Check]:
    if not package.golden:
        yield Check("golden", True, "the package has no golden descriptors")
    for golden in package.golden:
        compare = functools.partial(_one_golden, golden, package, run, prepare)
        yield _guarded(f"golden {golden.picture}", compare)


def _one_golden(golden: Golden, package: ModelPackage, run: Describe, prepare: Prepare) -> Check:
    name = f"golden {golden.picture}"
    pixels = read_golden_picture(golden.picture)
    if pixels_sha256(pixels) != golden.pixels_sha256:
        return Check(name, False, "the picture here is not the one the package was recorded with")
    expected = np.asarray(golden.descriptor, np.float32)
    cosine = float(run(prepare(pixels, package.input)[None])[0] @ (expected / np.linalg.norm(expected)))
    return Check(name, cosine >= least_cosine(package), f"cosine {cosine:.6f}")
