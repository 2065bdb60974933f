"""``copylens models combine``: several models in; one that describes with all of them out."""

from __future__ import annotations

from typing import Annotated

import typer

from copylens.cli.guard import guarded
from copylens.cli.model_options import OverwriteOption, PackageOutputOption, print_unmeasured, print_written
from copylens.cli.options import filled


def combine_command(
    names: Annotated[
        list[str],
        typer.Argument(metavar="NAME|DIR...", help="Two models or more, by name or directory."),
    ],
    new_name: Annotated[
        str, typer.Option("--name", metavar="NAME", help="The new package's name.", callback=filled)
    ],
    output: PackageOutputOption = None,
    overwrite: OverwriteOption = False,
) -> None:
    """Make one model of several: more accurate than each of them, at the cost of all.

    The score of two images is the mean of the models' scores.
    """
    with guarded():
        from copylens.workflows.combining import combine_models

        package = combine_models(names, name=new_name, output=output, overwrite=overwrite)
        print_written(package)
        print_unmeasured(package, "the mean of theirs")
