"""A model's name or directory in, the directory of its package out.

Looked through in this order; the first package of a name is the one that is used:

1. a directory, where the name is the path of one (not where nobody gave a name);
2. the user's models folder, ``COPYLENS_MODELS_DIR`` or ``models`` in the user's data folder;
3. entry points of the group ``copylens.models`` of other installed distributions: the entry point's name is
   the model's, its value a module with the package beside its ``__init__.py`` or a function ``path()``;
4. the packages that come with CopyLens.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from importlib.resources import files
from pathlib import Path
from typing import Literal, TypeAlias

import platformdirs

from copylens.errors import CopyLensError, ModelError
from copylens.models.package import CARD_FILE, load_package

DEFAULT_MODEL = "copylens-small"
"""The bundled model that is used where nobody names one."""

ENTRY_POINT_GROUP = "copylens.models"

Origin: TypeAlias = Literal["user", "entry point", "bundled"]


@dataclass(frozen=True, slots=True)
class ListedModel:
    """A model package that is installed.

    Attributes:
        name: what ``--model`` takes.
        version: as its card says; ``""`` for a damaged package.
        dims: D; 0 for a damaged package.
        directory: of the package.
        origin: where it was found.
        problem: why it cannot be used; ``""`` when it can.
    """

    name: str
    version: str
    dims: int
    directory: Path
    origin: Origin
    problem: str = ""


def models_directory() -> Path:
    """Say where the user's own packages lie; the folder need not exist yet."""
    chosen = os.environ.get("COPYLENS_MODELS_DIR")
    return (
        Path(chosen) if chosen else Path(platformdirs.user_data_dir("copylens", appauthor=False)) / "models"
    )


def bundled_directory() -> Path:
    """Say where the packages lie that come with CopyLens."""
    return Path(str(files("copylens.models"))) / "bundled"


def find_model(name: str | os.PathLike[str] | None = None) -> Path:
    """Find a model package.

    Args:
        name: a model's name or a package's directory; None is `DEFAULT_MODEL`.

    Raises:
        ModelError: there is none; the message names the nearest and the known.
    """
    wanted = os.fspath(name) if name is not None else DEFAULT_MODEL
    if name is not None and (Path(wanted) / CARD_FILE).is_file():
        return Path(wanted)
    for model in _installed(only=wanted):
        if model.name == wanted:
            if model.problem:
                raise ModelError(f"The model {wanted!r} cannot be used: {model.problem}")
            return model.directory
    if os.sep in wanted or Path(wanted).is_dir():
        raise ModelError(f"{wanted} is not a model package: it has no {CARD_FILE}.")
    raise ModelError(_unknown(wanted))


def list_models() -> list[ListedModel]:
    """List every installed package in the order of the search; of equal names the first is used."""
    return list(_installed())


def _installed(only: str | None = None) -> Iterator[ListedModel]:
    """Walk through the places; `only` spares the import of other entry points' modules."""
    yield from _packages_in(models_directory(), "user")
    for point in sorted(entry_points(group=ENTRY_POINT_GROUP), key=lambda point: point.name):
        if only in (None, point.name):
            yield _from_entry_point(point)
    yield from _packages_in(bundled_directory(), "bundled")


def _packages_in(folder: Path, origin: Origin) -> Iterator[ListedModel]:
    if folder.is_dir():
        for directory in sorted(folder.iterdir()):
            if not directory.name.startswith(".") and (directory / CARD_FILE).is_file():
                yield _listed(directory.name, directory, origin)


def _from_entry_point(point: EntryPoint) -> ListedModel:
    try:
        module = point.load()
        directory = Path(module.path()) if hasattr(module, "path") else Path(module.__file__).parent
    except Exception as error:  # noqa: BLE001 - another distribution's code can raise anything; listed as a problem
        return ListedModel(
            point.name, "", 0, Path(), "entry point", f"{point.value} cannot be imported: {error!r}"
        )
    return _listed(point.name, directory, "entry point")


def _listed(name: str, directory: Path, origin: Origin) -> ListedModel:
    try:
        package = load_package(directory)
    except CopyLensError as error:
        return ListedModel(name, "", 0, directory, origin, str(error))
    return ListedModel(package.name, package.version, package.dims, directory, origin)


def _unknown(wanted: str) -> str:
    known = sorted({model.name for model in _installed()})
    close = difflib.get_close_matches(wanted, known, n=1)
    nearest = f"; did you mean {close[0]!r}?" if close else "."
    listing = ", ".join(known) if known else "none"
    return f"There is no model {wanted!r}{nearest} Installed models: {listing}."
