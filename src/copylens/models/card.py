"""What `model.json` says of a model: plain values in, a checked `ModelCard` out, and its text.

The fingerprint follows from the graph's digest and the preprocessing; post-processing is inside the graph.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from copylens.config import from_mapping, to_mapping
from copylens.errors import ModelError
from copylens.records import InputSpec

FORMAT_VERSION = 1
"""The layout of `model.json` that this version writes and reads."""

Arithmetic: TypeAlias = Literal["float32", "int8"]

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


@dataclass(frozen=True, kw_only=True, slots=True)
class ViewCalibration:
    """The same where pictures are described by several views.

    Attributes:
        threshold: in [-1, 1]; a match is ``score >= threshold``, where the score is the larger of that of two wholes
            and that of the best view with a whole, less the penalty.
        penalty: of views' scores, in [0, 2].
        keys: which views, as the catalog names them; of others nothing was measured.
    """

    threshold: float
    penalty: float
    keys: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Calibration:
    """From which score on two images count as copies, and what that choice rests on.

    Attributes:
        threshold: in [-1, 1]; a match is ``score >= threshold``.
        false_matches_per_million_pairs: of unrelated images at this threshold; None when nobody measured it.
        background: which unrelated images it was measured on.
        views: by the name of a set of views; with each the same rate holds.
    """

    threshold: float
    false_matches_per_million_pairs: float | None = None
    background: str = ""
    views: dict[str, ViewCalibration] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Provenance:
    """Where the model came from.

    Attributes:
        weights: who made the weights, and through which conversions they came.
        data: what they were trained on, and what whitening and calibration were fitted on.
        command: the command that builds this package again.
        hardware: that the training ran on.
        hours: that it took; None when nobody counted.
        sources: addresses.
    """

    weights: str
    data: str = ""
    command: str = ""
    hardware: str = ""
    hours: float | None = None
    sources: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class ExamResult:
    """How well the model found copies in one exam; every figure is in [0, 1].

    Attributes:
        exam: its name.
        digest: of its pictures and its truth; figures of two digests cannot be compared.
        queries: how many pictures were asked about.
        references: how many pictures were searched.
        views: the set of views that described each picture.
        micro_average_precision: µAP over all queries.
        recall_at_precision_90: share of the copies found where 90 % of what is found is right.
        accuracy_at_1: share of the queries whose best candidate is right.
        recall_at_1: the same for the queries with one edit alone, by the edit's name.
    """

    exam: str
    digest: str
    queries: int
    references: int
    views: str
    micro_average_precision: float
    recall_at_precision_90: float
    accuracy_at_1: float
    recall_at_1: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Golden:
    """What the model says of one bundled picture, to notice an engine or machine that computes otherwise.

    Attributes:
        picture: file name in ``copylens/models/golden``.
        pixels_sha256: of the decoded ``(H, W, 3) uint8`` bytes.
        descriptor: D numbers, rounded to 6 decimals.
    """

    picture: str
    pixels_sha256: str
    descriptor: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class ModelCard:
    """What `model.json` holds.

    Attributes:
        format_version: layout of the file, `FORMAT_VERSION`.
        name: letters, digits, ``._-``; what ``--model`` takes.
        version: of the model, free text such as ``"1"``.
        dims: D, the length of a descriptor.
        input: what the graph wants as pixels.
        calibration: the threshold and what it rests on.
        licence: of the weights, an SPDX identifier where there is one.
        provenance: where the model came from.
        golden: descriptors of bundled pictures.
        fingerprint: 16 hex digits of weights and preprocessing, see `fingerprint_of`.
        onnx_sha256: 64 hex digits of the bytes of `model.onnx`.
        arithmetic: of the graph's convolutions. Engines round the steps of ``"int8"`` at different places, so their
            descriptors agree less.
        results: of exams.
        limits: what the model is not good at, in words.
    """

    format_version: int
    name: str
    version: str
    dims: int
    input: InputSpec
    calibration: Calibration
    licence: str
    provenance: Provenance
    golden: tuple[Golden, ...]
    fingerprint: str
    onnx_sha256: str
    arithmetic: Arithmetic = "float32"
    results: tuple[ExamResult, ...] = ()
    limits: str = ""


def fingerprint_of(onnx_sha256: str, input_spec: InputSpec) -> str:
    """16 hex digits that change with the weights, the graph or the preprocessing, and with nothing else."""
    preprocessing = json.dumps(to_mapping(input_spec), sort_keys=True)
    return hashlib.sha256(f"copylens model 1\n{onnx_sha256}\n{preprocessing}\n".encode()).hexdigest()[:16]


def parse_card(data: Mapping[str, Any], *, where: str) -> ModelCard:
    """Build a card from the values of a `model.json`, strictly.

    Args:
        data: the file's top-level object.
        where: the file, for messages.

    Raises:
        ConfigError: a key is unknown, missing or of the wrong type.
        ModelError: the card is of a newer format, or contradicts itself.
    """
    version = data.get("format_version")
    if isinstance(version, int) and version > FORMAT_VERSION:
        raise ModelError(
            f"{where} has format version {version}, this CopyLens reads up to {FORMAT_VERSION}; "
            "upgrade with: pip install --upgrade copylens"
        )
    card = from_mapping(ModelCard, data, where=where)
    check_card(card, where=where)
    return card


def check_card(card: ModelCard, *, where: str) -> None:
    """Find the contradictions that types alone do not show.

    Raises:
        ModelError: names `where` and the first contradiction.
    """
    spec, threshold = card.input, card.calibration.threshold
    rate = card.calibration.false_matches_per_million_pairs
    rules = [
        (card.format_version == FORMAT_VERSION, f"format_version must be {FORMAT_VERSION}"),
        (_NAME.fullmatch(card.name), f"name {card.name!r} must be letters, digits and ._- (at most 100)"),
        (card.dims > 0, f"dims must be positive, not {card.dims}"),
        (spec.height > 0 and spec.width > 0, f"input size {spec.height}x{spec.width} must be positive"),
        (-1.0 <= threshold <= 1.0, f"calibration.threshold must be in [-1, 1], not {threshold}"),
        (
            rate is None or 0 <= rate <= 1e6,
            f"false_matches_per_million_pairs must be in [0, 1e6], not {rate}",
        ),
        (re.fullmatch("[0-9a-f]{64}", card.onnx_sha256), "onnx_sha256 must be 64 hex digits"),
        (
            card.fingerprint == fingerprint_of(card.onnx_sha256, spec),
            f"fingerprint {card.fingerprint!r} does not follow from onnx_sha256 and input",
        ),
    ]
    rules += [
        (
            len(g.descriptor) == card.dims and all(map(math.isfinite, g.descriptor)),
            f"the golden descriptor of {g.picture} must be {card.dims} finite numbers",
        )
        for g in card.golden
    ]
    rules += [
        (
            -1.0 <= measured.threshold <= 1.0 and 0 <= measured.penalty <= 2,
            f"calibration.views.{name} must have a threshold in [-1, 1] and a penalty in [0, 2], not "
            f"{measured.threshold} and {measured.penalty}",
        )
        for name, measured in card.calibration.views.items()
    ]
    for holds, complaint in rules:
        if not holds:
            raise ModelError(f"{where}: {complaint}.")


def card_text(card: ModelCard) -> str:
    """Write a card as the text of `model.json`; descriptors are rounded to 6 decimals."""
    plain = to_mapping(card)
    for entry in plain["golden"]:
        entry["descriptor"] = [round(value, 6) for value in entry["descriptor"]]
    text = json.dumps(plain, indent=2, ensure_ascii=False, allow_nan=False)
    # A descriptor on one line, not D lines. JSON strings hold no raw line break, so only arrays match.
    text = re.sub(r"\[\n[\s\d.,eE+-]*\]", lambda match: " ".join(match[0].split()), text)
    return text + "\n"
