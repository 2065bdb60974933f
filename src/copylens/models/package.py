"""A directory with `model.onnx` and `model.json` in, a `ModelPackage` out, and the other way round.

The graph's contract: one input ``pixels`` as the card's `InputSpec` says, uint8 ``(N, H, W, 3)`` or float32
``(N, 3, H, W)`` in [0, 1]; one output ``descriptor``, ``(N, D) float32``, L2-normalised; N is dynamic. Mean,
deviation, whitening and the L2 norm are inside the graph, so nothing has to be remembered beside it.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import secrets
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeAlias, runtime_checkable

from copylens.errors import ModelError, OutputError
from copylens.models.card import (
    FORMAT_VERSION,
    Arithmetic,
    Calibration,
    Golden,
    ModelCard,
    Provenance,
    card_text,
    check_card,
    fingerprint_of,
    parse_card,
)
from copylens.records import InputSpec

INPUT_NAME = "pixels"
OUTPUT_NAME = "descriptor"
ONNX_FILE = "model.onnx"
CARD_FILE = "model.json"

_IDENTITY_FIELDS = frozenset({"format_version", "dims", "input", "fingerprint", "onnx_sha256", "arithmetic"})


@dataclass(frozen=True, kw_only=True)
class ModelPackage(ModelCard):
    """A model card, and the directory it was read from."""

    directory: Path

    @property
    def onnx_path(self) -> Path:
        """The graph's file."""
        return self.directory / ONNX_FILE

    @property
    def card(self) -> ModelCard:
        """The card alone, as `model.json` holds it."""
        return ModelCard(**{f.name: getattr(self, f.name) for f in dataclasses.fields(ModelCard)})


@runtime_checkable
class SerializableModel(Protocol):
    """What `write_package` needs of an ``onnx.ModelProto``, so that the onnx package is optional."""

    def SerializeToString(self, *, deterministic: bool = ...) -> bytes:  # noqa: N802 (protobuf's name)
        """Return the model as the bytes of a file."""
        ...


OnnxModel: TypeAlias = "bytes | os.PathLike[str] | SerializableModel"
"""A graph: the bytes of an ONNX file, the path of one, or an ``onnx.ModelProto``."""


def sha256_of_file(path: Path) -> str:
    """64 hex digits of a file's bytes, read in blocks."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def load_package(directory: str | os.PathLike[str]) -> ModelPackage:
    """Read a model package's card; the graph is not opened, so this takes a millisecond.

    Args:
        directory: holds `model.onnx` and `model.json`.

    Raises:
        ModelError: a file is missing or unreadable, or the card contradicts itself.
        ConfigError: a key of `model.json` is unknown, missing or of the wrong type.
    """
    directory = Path(directory)
    path = directory / CARD_FILE
    if not path.is_file():
        raise ModelError(f"{directory} is not a model package: it has no {CARD_FILE}.")
    if not (directory / ONNX_FILE).is_file():
        raise ModelError(f"{directory} is not a whole model package: {ONNX_FILE} is missing.")
    return _package(parse_card(_read_json(path), where=str(path)), directory)


def check_graph(package: ModelPackage) -> None:
    """Make sure that `model.onnx` is the file of the card: its fingerprint stands for descriptors in catalogs.

    Reads the file, at about a gigabyte a second.

    Raises:
        ModelError: it is another file, or cannot be read.
    """
    try:
        digest = sha256_of_file(package.onnx_path)
    except OSError as error:
        raise ModelError(f"{package.onnx_path} cannot be read: {error.strerror or error}.") from error
    if digest != package.onnx_sha256:
        raise ModelError(
            f"{package.onnx_path} is not the file that its {CARD_FILE} names: it is damaged or was exchanged, and "
            "its descriptors would pass for another model's; import the model again."
        )


def write_package(
    directory: str | os.PathLike[str],
    *,
    onnx_model: OnnxModel,
    name: str,
    version: str,
    dims: int,
    input: InputSpec,  # noqa: A002 (the card's own name for it)
    calibration: Calibration,
    licence: str,
    provenance: Provenance,
    golden: Iterable[Golden] = (),
    arithmetic: Arithmetic = "float32",
    overwrite: bool = False,
) -> ModelPackage:
    """Write a model package; the directory appears whole or not at all.

    Args:
        directory: where; must not exist, or be empty, unless `overwrite`.
        onnx_model: a graph that keeps the contract at the top of this file, all weights inside the one file.
        name: letters, digits, ``._-``.
        version: free text.
        dims: D.
        input: what the graph wants as pixels.
        calibration: the threshold and what it rests on.
        licence: of the weights, an SPDX identifier where there is one.
        provenance: where the model came from.
        golden: descriptors of bundled pictures; `golden.record_golden` adds them later.
        arithmetic: of the graph.
        overwrite: replace a model package that is there; any other directory is refused all the same.

    Raises:
        ModelError: the values contradict each other, or the graph cannot be read.
        OutputError: the directory is taken or cannot be written.
    """
    directory = Path(directory)
    content = _onnx_bytes(onnx_model)
    digest = hashlib.sha256(content).hexdigest()
    card = ModelCard(
        format_version=FORMAT_VERSION,
        name=name,
        version=version,
        dims=dims,
        input=input,
        calibration=calibration,
        licence=licence,
        provenance=provenance,
        golden=tuple(golden),
        fingerprint=fingerprint_of(digest, input),
        onnx_sha256=digest,
        arithmetic=arithmetic,
    )
    check_card(card, where="The new model's card")
    _check_free(directory, overwrite=overwrite)
    try:
        _write_whole(directory, content, card)
    except OSError as error:
        raise OutputError(f"The model package {directory} cannot be written: {error}.") from error
    return _package(card, directory)


def update_card(package: ModelPackage, **changes: Any) -> ModelPackage:
    """Write `model.json` again with other values, e.g. ``calibration=`` or ``golden=``; the graph stays.

    Raises:
        ModelError: a change would make another model of it (see `fingerprint_of`); write a new package.
        OutputError: the file cannot be written.
    """
    if forbidden := _IDENTITY_FIELDS & changes.keys():
        raise ModelError(f"{', '.join(sorted(forbidden))} cannot change in a model package; write a new one.")
    card = dataclasses.replace(package.card, **changes)
    check_card(card, where="The changed model card")
    temporary = package.directory / f".{CARD_FILE}.{secrets.token_hex(4)}"
    try:
        temporary.write_text(card_text(card), encoding="utf-8")
        temporary.replace(package.directory / CARD_FILE)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise OutputError(f"{package.directory / CARD_FILE} cannot be written: {error}.") from error
    return _package(card, package.directory)


def _package(card: ModelCard, directory: Path) -> ModelPackage:
    values = {f.name: getattr(card, f.name) for f in dataclasses.fields(ModelCard)}
    return ModelPackage(**values, directory=directory)


def _read_json(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error}.") from error
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ModelError(f"{path} is not JSON ({error}); the package is damaged, import it again.") from error
    if not isinstance(data, dict):
        raise ModelError(f"{path} does not hold a JSON object; the package is damaged, import it again.")
    return data


def _onnx_bytes(model: OnnxModel) -> bytes:
    if isinstance(model, bytes):
        return model
    if isinstance(model, SerializableModel):
        return model.SerializeToString(deterministic=True)
    try:
        return Path(model).read_bytes()
    except OSError as error:
        raise ModelError(f"The ONNX file {model} cannot be read: {error}.") from error


def _check_free(directory: Path, *, overwrite: bool) -> None:
    if not directory.exists() or (directory.is_dir() and not any(directory.iterdir())):
        return
    if not overwrite:
        raise OutputError(
            f"{directory} already exists; choose another place, or say that it may be overwritten (--overwrite)."
        )
    if not (directory / CARD_FILE).is_file():
        raise OutputError(
            f"{directory} is not a model package, so it is not overwritten; choose another place."
        )


def _write_whole(directory: Path, content: bytes, card: ModelCard) -> None:
    directory.parent.mkdir(parents=True, exist_ok=True)
    aside = directory.parent / f".{directory.name}.{secrets.token_hex(4)}"
    fresh, old = aside.with_name(f"{aside.name}.new"), aside.with_name(f"{aside.name}.old")
    try:
        fresh.mkdir()
        (fresh / ONNX_FILE).write_bytes(content)
        (fresh / CARD_FILE).write_text(card_text(card), encoding="utf-8")
        if directory.exists():
            directory.rename(old)
        fresh.rename(directory)
    except OSError:
        if old.exists() and not directory.exists():
            old.rename(directory)
        raise
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
        if directory.exists():
            shutil.rmtree(old, ignore_errors=True)
