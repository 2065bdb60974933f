"""The options that several commands share, each worded once."""

from __future__ import annotations

from typing import Annotated, TypeAlias

import typer

from copylens.workflows.settings import DeviceName, EngineName, Precision

PathsArgument: TypeAlias = Annotated[
    list[str], typer.Argument(metavar="PATH...", help="Folders or image files.")
]
ModelOption: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--model",
        metavar="NAME|DIR",
        envvar="COPYLENS_MODEL",
        help="Model package; `copylens models list` shows them.",
    ),
]
ThresholdOption: TypeAlias = Annotated[
    float | None,
    typer.Option(
        "--threshold", min=-1.0, max=1.0, help="Score from which images are copies; default: the model's."
    ),
]
CatalogOption: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--catalog",
        metavar="FILE",
        envvar="COPYLENS_CATALOG",
        help="Where descriptors are kept; default: in your cache folder.",
    ),
]
WorkersOption: TypeAlias = Annotated[
    int | None, typer.Option("--workers", min=1, help="Decoding threads; default: one per processor.")
]
DeviceOption: TypeAlias = Annotated[DeviceName, typer.Option("--device", help="Where the model runs.")]
EngineOption: TypeAlias = Annotated[EngineName, typer.Option("--engine", help="What runs the model.")]
PrecisionOption: TypeAlias = Annotated[
    Precision, typer.Option("--precision", help="Arithmetic of the model.")
]
ExtensionsOption: TypeAlias = Annotated[
    str | None, typer.Option("--extensions", metavar="jpg,png,...", help="Only files with these suffixes.")
]
ExcludeOption: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--exclude", metavar="GLOB", help="Leave out names or relative paths that match; may be repeated."
    ),
]
HiddenOption: TypeAlias = Annotated[bool, typer.Option("--hidden", help="Take hidden files and folders too.")]
JsonOption: TypeAlias = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")]
QuietOption: TypeAlias = Annotated[bool, typer.Option("--quiet", "-q", help="No progress, no summary.")]
