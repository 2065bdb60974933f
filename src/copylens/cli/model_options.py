"""The words that commands which write model packages share, each worded once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from copylens.cli.options import filled

PackageArgument: TypeAlias = Annotated[
    str, typer.Argument(metavar="NAME|DIR", help="A model's name, or its directory.", callback=filled)
]
PackageOutputOption: TypeAlias = Annotated[
    Path | None, typer.Option("--output", "-o", metavar="DIR", help="Where; default: your models folder.")
]
OverwriteOption: TypeAlias = Annotated[
    bool, typer.Option("--overwrite", help="Replace a package of that name.")
]
