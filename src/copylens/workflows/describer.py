"""A model package joined with an engine and the pictures' room: pictures in, descriptors out."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence, Sized
from contextlib import contextmanager
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image

from copylens.errors import ImageError, UsageError
from copylens.images import decode, decode_box, prepare, read_file, upright_rgb
from copylens.models import ModelPackage, check_graph, create_engine, find_model, load_package
from copylens.models.engines.base import Engine
from copylens.records import Descriptors, InputSpec, ModelIdentity, Pixels
from copylens.workflows.settings import (
    DeviceName,
    EngineName,
    ModelSettings,
    PathLike,
    Precision,
    Progress,
    silent,
)

Picture: TypeAlias = "PathLike | Pixels | Image.Image"
"""A file, an array ``(H, W, 3) uint8`` or a Pillow image."""

BATCH = 16
"""Pictures per network run: measured flat from 8 upwards on a CPU, and small enough to report progress often."""


class Describer:
    """One model on one engine; make it with `load_model`.

    Attributes:
        package: the model package it runs.
        engine: what executes it.
    """

    def __init__(self, package: ModelPackage, engine: Engine) -> None:
        self.package = package
        self.engine = engine

    @property
    def identity(self) -> ModelIdentity:
        """Name and fingerprint, as catalogs and results carry them."""
        return ModelIdentity(self.package.name, self.package.fingerprint)

    @property
    def dims(self) -> int:
        """D, the length of a descriptor."""
        return self.package.dims

    @property
    def input(self) -> InputSpec:
        """What the network wants as pixels."""
        return self.package.input

    @property
    def threshold(self) -> float:
        """The score from which two images count as copies, as the package's calibration says."""
        return self.package.calibration.threshold

    def describe(self, images: Iterable[Picture], *, progress: Progress = silent) -> Descriptors:
        """Describe pictures, in the order given.

        Args:
            images: files, ``(H, W, 3) uint8`` arrays or Pillow images, mixed as you like. Pillow images are turned
                upright, and their alpha lies on white, as in files.
            progress: called as ``progress("describe", done, total)``; total is None for an iterator.

        Returns:
            ``(N, D) float32``, rows L2-normalised; ``(0, D)`` for no pictures.

        Raises:
            ImageError: a picture cannot be read; the message names it. (A scan lists such files instead.)
            UsageError: something else than pictures, or an array of another shape or type.
        """
        if isinstance(images, (str, bytes, os.PathLike, Image.Image)):
            raise UsageError(
                "describe takes a list of images; put a single one into a list: describe([image])."
            )
        total = len(images) if isinstance(images, Sized) else None
        rows: list[Descriptors] = []
        batch: list[npt.NDArray[np.generic]] = []
        done = 0
        for position, picture in enumerate(images):
            batch.append(prepare(self._pixels(picture, position), self.input))
            if len(batch) == BATCH:
                rows.append(self.describe_prepared(batch))
                done += len(batch)
                batch.clear()
                progress("describe", done, total)
        if batch:
            rows.append(self.describe_prepared(batch))
            progress("describe", done + len(batch), total)
        return np.concatenate(rows) if rows else np.empty((0, self.dims), np.float32)

    def describe_prepared(self, batch: Sequence[npt.NDArray[np.generic]]) -> Descriptors:
        """Describe inputs that `images.prepare` has made for this model: ``(N, D) float32``."""
        return self.engine.describe(np.stack(batch))

    def _pixels(self, picture: Picture, position: int) -> Pixels:
        box = decode_box(self.input)
        if isinstance(picture, np.ndarray):
            if picture.ndim != 3 or picture.shape[2] != 3 or picture.dtype != np.uint8 or not picture.size:
                raise UsageError(
                    f"images[{position}]: an array must be (H, W, 3) uint8 and not empty, "
                    f"got shape {picture.shape} of {picture.dtype}."
                )
            return upright_rgb(Image.fromarray(picture), box=box)
        if isinstance(picture, Image.Image):
            with naming(f"images[{position}]"):
                return upright_rgb(picture, box=box)
        if not isinstance(picture, (str, os.PathLike)):
            raise UsageError(
                f"images[{position}]: an image is a path, a NumPy array or a Pillow image, "
                f"not {type(picture).__name__}."
            )
        path = os.fspath(picture)
        with naming(path):
            return decode(read_file(path), box=box).pixels


@contextmanager
def naming(name: str) -> Iterator[None]:
    """Put the picture's name before the reason of an `ImageError`."""
    try:
        yield
    except ImageError as error:
        raise ImageError(error.code, f"{name}: {error.reason}") from error


def load_model(
    model: PathLike | None = None,
    *,
    device: DeviceName = "auto",
    engine: EngineName = "auto",
    precision: Precision = "float32",
    threads: int | None = None,
) -> Describer:
    """Load a model package and the engine to run it.

    Args:
        model: a name that ``copylens models list`` shows, a package directory, or None for the bundled default.
        device: where the network runs.
        engine: which runtime executes it; ``"auto"`` takes the fastest that is installed.
        precision: of the arithmetic; float32 gives the same descriptors on every engine (cosine >= 0.999).
        threads: of the runtime; None leaves it to the engine.

    Raises:
        ModelError: no such model, or the package is damaged.
        EngineError: the engine, device or precision is not to be had here.
    """
    return load_from_settings(
        ModelSettings(
            model=None if model is None else str(model),
            device=device,
            engine=engine,
            precision=precision,
            threads=threads,
        )
    )


def load_from_settings(settings: ModelSettings, *, exchanged: bool = False) -> Describer:
    """`load_model` for settings that travel as one value.

    Args:
        settings: which model, and on what.
        exchanged: load the graph also where it is not the one that the card names; for `verify_model`, which tells.
    """
    package = load_package(find_model(settings.model))
    if not exchanged:
        check_graph(package)
    return Describer(
        package,
        create_engine(
            package,
            engine=settings.engine,
            device=settings.device,
            precision=settings.precision,
            threads=settings.threads,
        ),
    )
