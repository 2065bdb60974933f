"""Pictures in folders, and a small model whose runs are counted; for the tests of the workflows."""

from __future__ import annotations

import io
import itertools
import os
from collections.abc import Container, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from copylens.catalog import Catalog
from copylens.errors import EngineError
from copylens.models import ModelPackage
from copylens.models.engines.onnxruntime_engine import OnnxRuntimeEngine
from copylens.records import Descriptors, Pixels
from copylens.workflows.describer import Describer
from small_models import SmallNetwork

FORMS = {
    ".png": "PNG",
    ".bmp": "BMP",
    ".jpg": "JPEG",
    ".webp": "WEBP",
    ".tif": "TIFF",
    ".gif": "GIF",
    ".avif": "AVIF",
}
LOSSLESS_WEBP: dict[str, Any] = {"lossless": True, "exact": True}

_ticks = itertools.count(1_700_000_000)


def scene(seed: int, height: int = 48, width: int = 64) -> Pixels:
    """A picture of soft blobs: unlike those of other seeds, and like its own edits."""
    draw = np.random.default_rng(seed)
    coarse = draw.integers(0, 256, (4, 5, 3), np.uint8)
    tint = draw.uniform(0.2, 1, 3)
    smooth = Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)
    return (np.asarray(smooth) * tint).astype(np.uint8)


def picture_bytes(pixels: Pixels | Image.Image, form: str, **options: Any) -> bytes:
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(np.ascontiguousarray(pixels))
    out = io.BytesIO()
    image.save(out, form, **options)
    return out.getvalue()


def put(path: Path, pixels: Pixels | Image.Image | bytes, **options: Any) -> str:
    """Write a picture (or plain bytes) in the format of the suffix, later than every file before."""
    path.parent.mkdir(parents=True, exist_ok=True)
    data = pixels if isinstance(pixels, bytes) else picture_bytes(pixels, FORMS[path.suffix], **options)
    path.write_bytes(data)
    touch(path)
    return str(path)


def touch(path: Path) -> None:
    """Give a time that no file had before; the clock of a file system is too coarse for tests."""
    os.utime(path, (next(_ticks),) * 2)


def many(folder: Path, count: int, *, start: int = 0) -> list[str]:
    """`count` different pictures."""
    return [put(folder / f"{n:03}.png", scene(n, 24, 20)) for n in range(start, start + count)]


class WatchedEngine(OnnxRuntimeEngine):
    """Counts what the network sees, and fails on demand.

    Attributes:
        batches: the size of each run.
        failing: numbers of the runs that fail; a failed run is not counted.
    """

    def __init__(self, package: ModelPackage) -> None:
        super().__init__(package, threads=1)
        self.batches: list[int] = []
        self.failing: Container[int] = ()

    @property
    def pictures(self) -> int:
        return sum(self.batches)

    def describe(self, batch: npt.NDArray[Any]) -> Descriptors:
        if len(self.batches) in self.failing:
            raise EngineError("the network broke")
        self.batches.append(len(batch))
        return super().describe(batch)


class SmallModel:
    """A small random model on a watched engine, and catalogs for it.

    Attributes:
        package: in a folder of its own.
        engine: what runs it.
        describer: both.
    """

    def __init__(self, folder: Path, *, dtype: str = "uint8", seed: int = 0) -> None:
        self.folder = folder
        self.package = SmallNetwork(seed=seed).package(folder / f"model-{dtype}-{seed}", dtype=dtype)
        self.engine = WatchedEngine(self.package)
        self.describer = Describer(self.package, self.engine)

    @contextmanager
    def catalog(self, name: str = "catalog.db") -> Iterator[Catalog]:
        with Catalog.open(
            self.folder / name,
            fingerprint=self.package.fingerprint,
            model_name=self.package.name,
            dims=self.package.dims,
        ) as opened:
            yield opened

    def take_pictures(self) -> int:
        """How many pictures the network saw since the last call."""
        count = self.engine.pictures
        self.engine.batches.clear()
        return count


class Steps:
    """A progress callback that remembers, and knows what a good progress is."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, int, int | None]] = []

    def __call__(self, stage: str, done: int, total: int | None) -> None:
        self.calls.append((stage, done, total))

    def of(self, stage: str) -> list[tuple[int, int | None]]:
        return [(done, total) for name, done, total in self.calls if name == stage]

    def check(self, stage: str, total: int) -> None:
        """The stage never goes back, keeps its total once it is known, and ends there."""
        steps = self.of(stage)
        assert steps, f"nothing was said of {stage}"
        done = [step for step, _ in steps]
        assert done == sorted(done)
        assert {known for _, known in steps} <= {None, total}
        assert steps[-1] == (total, total)
