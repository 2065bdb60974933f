"""``copylens models subtract``: a model and unrelated images in; one that is misled less by what those share out."""

from __future__ import annotations

from typing import Annotated

import typer

from copylens.cli.guard import guarded
from copylens.cli.model_options import (
    OverwriteOption,
    PackageArgument,
    PackageOutputOption,
    new_name,
    print_unmeasured,
    print_written,
)
from copylens.cli.options import CatalogOption, PathsArgument, QuietOption, WorkersOption
from copylens.cli.progress import watching


def subtract_command(
    name: PackageArgument,
    paths: PathsArgument,
    output: PackageOutputOption = None,
    named: Annotated[str | None, new_name("-subtracted")] = None,
    centres: Annotated[
        int, typer.Option("--centres", metavar="K", help="Groups that the images are parted into.")
    ] = 1250,
    share: Annotated[
        float, typer.Option("--share", metavar="0..1", help="How much of the likeness is taken off.")
    ] = 0.6,
    temperature: Annotated[
        float,
        typer.Option("--temperature", metavar="T", help="The lower, the fewer groups count for an image."),
    ] = 0.03,
    catalog: CatalogOption = None,
    overwrite: OverwriteOption = False,
    workers: WorkersOption = None,
    quiet: QuietOption = False,
) -> None:
    """Make a model that takes off each descriptor what unrelated images like it share: fewer false matches.

    Give thousands of images of all kinds, but not those in which you look for copies: what a centre was made of would
    lose what it shares with its own copies. Give others again to `copylens models calibrate` afterwards.
    """
    with guarded():
        from copylens.workflows.settings import FileSettings
        from copylens.workflows.subtracting import SubtractSettings, subtract_background

        settings = SubtractSettings(
            name=named,
            output=output,
            centres=centres,
            share=share,
            temperature=temperature,
            overwrite=overwrite,
        )
        with watching(quiet=quiet) as progress:
            package = subtract_background(
                name, paths, settings, catalog=catalog, files=FileSettings(workers=workers), progress=progress
            )
        print_written(package)
        print_unmeasured(package, "that of the model it came from")
