"""What a caller may choose, as frozen dataclasses shared by scan, describe and compare."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from copylens.errors import UsageError

PathLike: TypeAlias = str | os.PathLike[str]

Progress: TypeAlias = Callable[[str, int, int | None], None]
"""Called as ``progress(stage, done, total)``; stages are in `STAGES`, `total` is None while it is unknown."""

STAGES: dict[str, str] = {
    "find": "Finding files",
    "read": "Reading pictures",
    "quantise": "Quantising",
    "describe": "Describing",
    "match": "Comparing",
    "score": "Computing figures",
    "verify": "Checking exact copies",
    "thumbnails": "Making thumbnails",
    "make": "Making pictures",
    "train": "Training",
    "download": "Downloading",
}

DEFAULT_KEEP = "resolution,bytes,format,oldest"
"""Most pixels first; of equal size the least compressed, then the better format, then the oldest file."""

EngineName: TypeAlias = Literal["auto", "onnxruntime", "openvino", "torch"]
DeviceName: TypeAlias = Literal["auto", "cpu", "cuda"]
Precision: TypeAlias = Literal["float32", "bfloat16", "float16"]

ViewsName: TypeAlias = Literal["whole", "fast", "balanced", "thorough"]
"""How many views describe a picture: the whole alone; a picture found inside it, too; or parts and turns as well."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSettings:
    """Which model runs, and on what.

    Attributes:
        model: a known name, a package directory, or None for the bundled default.
        device: where the network runs.
        engine: which runtime executes it; ``"auto"`` takes the fastest that is installed.
        precision: of the arithmetic; ``"float32"`` gives the same descriptors on every engine.
        threads: of the runtime; None leaves it to the engine.
    """

    model: str | None = None
    device: DeviceName = "auto"
    engine: EngineName = "auto"
    precision: Precision = "float32"
    threads: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FileSettings:
    """Which files count.

    Attributes:
        extensions: suffixes without a dot, lower case; None takes every image format CopyLens decodes.
        exclude: glob patterns of names or relative paths to leave out.
        hidden: take files and folders whose name starts with a dot too.
        workers: decoding threads; None takes one per processor.
    """

    extensions: tuple[str, ...] | None = None
    exclude: tuple[str, ...] = ()
    hidden: bool = False
    workers: int | None = None

    @classmethod
    def parse(
        cls,
        *,
        extensions: str | Sequence[str] | None,
        exclude: str | Sequence[str] | None,
        hidden: bool,
        workers: int | None,
    ) -> FileSettings:
        """Settings from what a person writes: ``extensions="jpg, .PNG"`` or a list of them; raises UsageError."""
        from copylens.images import parse_extensions

        if extensions is not None and not isinstance(extensions, str):
            extensions = ",".join(extensions)
        return cls(
            extensions=None if extensions is None else tuple(sorted(parse_extensions(extensions))),
            exclude=(exclude,) if isinstance(exclude, str) else tuple(exclude or ()),
            hidden=hidden,
            workers=workers,
        )

    def __post_init__(self) -> None:
        if self.workers is not None and self.workers < 1:
            raise UsageError(f"--workers must be at least 1, got {self.workers}.")


def path_list(paths: PathLike | Sequence[PathLike]) -> list[str]:
    """One path or several, as the strings that every room uses; raises UsageError for none."""
    many = [paths] if isinstance(paths, (str, os.PathLike)) else list(paths)
    if not many:
        raise UsageError("No path given; name at least one folder or image file.")
    return [os.fspath(path) for path in many]


def check_threshold(threshold: float) -> float:
    """Return the threshold when a score can reach it; raises UsageError."""
    if not -1 <= threshold <= 1:
        raise UsageError(f"A threshold of {threshold} is no score; give a number from -1 to 1.")
    return threshold


def silent(stage: str, done: int, total: int | None) -> None:
    """The default progress: nothing."""


def default_catalog(fingerprint: str) -> Path:
    """Where the descriptors of one model are kept when no catalog is named.

    The user's cache folder holds one file per model fingerprint, so two models never meet; the environment variable
    ``COPYLENS_CACHE_DIR`` moves the folder.
    """
    folder = os.environ.get("COPYLENS_CACHE_DIR")
    if not folder:
        import platformdirs

        folder = platformdirs.user_cache_dir("copylens", appauthor=False)
    return Path(folder) / f"catalog-{fingerprint}.db"
