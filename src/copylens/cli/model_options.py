"""The words that commands which write model packages share, of options and of what they print, each worded once."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer

from copylens.cli.guard import printable
from copylens.cli.options import filled

if TYPE_CHECKING:
    from copylens.models import ModelPackage

PackageArgument: TypeAlias = Annotated[
    str, typer.Argument(metavar="NAME|DIR", help="A model's name, or its directory.", callback=filled)
]
PackageOutputOption: TypeAlias = Annotated[
    Path | None, typer.Option("--output", "-o", metavar="DIR", help="Where; default: your models folder.")
]
OverwriteOption: TypeAlias = Annotated[
    bool, typer.Option("--overwrite", help="Replace a package of that name.")
]


def new_name(suffix: str) -> Any:
    """The option that names what is made of a model: its name with `suffix` behind, unless another is given."""
    said = f"The new package's name; default: the model's with {suffix} behind."
    return typer.Option("--name", metavar="NAME", help=said, callback=filled)


def print_written(package: ModelPackage) -> None:
    """Say what a package is and where it lies."""
    where = printable(str(package.directory))
    typer.echo(f"{package.name}: {package.dims} dimensions, fingerprint {package.fingerprint}, in {where}")


def print_unmeasured(package: ModelPackage, of: str) -> None:
    """Say whose threshold it has, and how its own is measured."""
    where = printable(str(package.directory))
    typer.echo(
        f"Its threshold, {package.calibration.threshold:.4f}, is {of}; measure it with: copylens models calibrate "
        f"{where} PATH"
    )
