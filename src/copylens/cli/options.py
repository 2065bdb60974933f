"""The options that several commands share, each worded once."""

from __future__ import annotations

from typing import Annotated, TypeAlias, TypeVar, get_args

import typer

from copylens.workflows.settings import DeviceName, EngineName, Precision, ViewsName

T = TypeVar("T")


def filled(value: T) -> T:
    """Refuse an empty text, which is a forgotten or unset shell variable more often than a name."""
    if value == "" or (isinstance(value, (list, tuple)) and "" in value):
        raise typer.BadParameter("it is empty.")
    return value


def score(value: float | None) -> float | None:
    """Refuse what no score can be."""
    if value is not None and not -1 <= value <= 1:
        raise typer.BadParameter(f"a score lies between -1 and 1, and {value:g} does not.")
    return value


PathsArgument: TypeAlias = Annotated[
    list[str], typer.Argument(metavar="PATH", help="Folders or image files.", callback=filled)
]
ModelOption: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--model",
        metavar="NAME|DIR",
        envvar="COPYLENS_MODEL",
        help="Model package; `copylens models list` shows them.",
        callback=filled,
    ),
]
ThresholdOption: TypeAlias = Annotated[
    float | None,
    typer.Option(
        "--threshold",
        metavar="SCORE",
        help="Score, from -1 to 1, from which images are copies; default: the model's.",
        callback=score,
    ),
]
ViewsOption: TypeAlias = Annotated[
    ViewsName,
    typer.Option(
        "--views",
        metavar="|".join(get_args(ViewsName)),
        help="How many views describe an image: the whole alone, an image found inside it too, or fixed parts as well.",
    ),
]
CatalogOption: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--catalog",
        metavar="FILE",
        envvar="COPYLENS_CATALOG",
        help="Where descriptors are kept; default: in your cache folder.",
        callback=filled,
    ),
]
WorkersOption: TypeAlias = Annotated[
    int | None, typer.Option("--workers", metavar="N", help="Decoding threads; default: one per processor.")
]
DeviceOption: TypeAlias = Annotated[
    DeviceName,
    typer.Option("--device", metavar="|".join(get_args(DeviceName)), help="Where the model runs."),
]
EngineOption: TypeAlias = Annotated[
    EngineName,
    typer.Option(
        "--engine",
        metavar="|".join(get_args(EngineName)),
        help="What runs the model; auto takes the fastest that is installed.",
    ),
]
PrecisionOption: TypeAlias = Annotated[
    Precision,
    typer.Option("--precision", metavar="|".join(get_args(Precision)), help="Arithmetic of the model."),
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
