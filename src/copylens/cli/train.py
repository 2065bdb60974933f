"""``copylens train``: pictures and a recipe in; a run folder, and in the end a model package, out."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from copylens.cli.guard import guarded, printable
from copylens.cli.options import JsonOption, QuietOption
from copylens.cli.progress import watching

if TYPE_CHECKING:
    from copylens.training.running import Trained
    from copylens.training.settings import TrainSettings

LISTED = 10
"""Skipped files that are named."""

RESUME = "Interrupted. The checkpoint is of the last whole step: run the same command again to go on."

EXAMPLES = """\b
Examples:
  copylens train photos/ --output my-model && copylens scan photos/ --model my-model
  copylens train photos/ --recipe one-gpu --exam EXAM --output my-model
  copylens train photos/ --set loss.entropy_weight=10 --set loop.epochs=20 --output my-model
  copylens train photos/ --backbone convnext_atto --weights convnext.safetensors --output my-model
  copylens train photos/ --recipe one-gpu --preview sheet.png
  torchrun --nproc-per-node 8 -m copylens train photos/ --recipe sscd-resnet50 --output my-model
"""

PicturesArgument = Annotated[
    list[str],
    typer.Argument(
        metavar="PICTURES...",
        help="Folders of images, lists of paths (.txt), shards (.tar, train-*.tar), tables (.parquet).",
    ),
]
OutputOption = Annotated[
    Path | None, typer.Option("--output", "-o", metavar="DIR", help="Where the model package goes.")
]
RecipeOption = Annotated[
    str, typer.Option("--recipe", metavar="NAME|FILE", help="A recipe's name, or a .toml file of your own.")
]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Change one setting of the recipe; may be repeated."),
]
BackboneOption = Annotated[
    str | None,
    typer.Option(
        "--backbone",
        metavar="NAME",
        help="Which backbone learns: a name of timm's, or your own as MODULE:FUNCTION or FILE.py:FUNCTION; short for "
        "--set network.backbone.",
    ),
]
WeightsOption = Annotated[
    str | None,
    typer.Option(
        "--weights",
        metavar="FILE",
        help="The backbone starts with these weights (.safetensors or PyTorch); short for --set network.weights.",
    ),
]
RunOption = Annotated[
    Path | None,
    typer.Option(
        "--run-folder", metavar="DIR", help="Where log and checkpoints go; default: DIR.run of --output."
    ),
]
ExamOption = Annotated[
    Path | None,
    typer.Option("--exam", metavar="EXAM", help="Validate on it; see `copylens benchmark make`."),
]
PreviewOption = Annotated[
    Path | None,
    typer.Option(
        "--preview", metavar="FILE.png", help="Only draw what the augmentations do, and train nothing."
    ),
]
TrainDeviceOption = Annotated[
    Literal["auto", "cpu", "cuda"], typer.Option("--device", help="Where the network learns.")
]


def train_command(
    pictures: PicturesArgument,
    output: OutputOption = None,
    recipe: RecipeOption = "cpu-smoke",
    changes: SetOption = None,
    backbone: BackboneOption = None,
    weights: WeightsOption = None,
    exam: ExamOption = None,
    run: RunOption = None,
    preview: PreviewOption = None,
    name: Annotated[
        str | None, typer.Option("--name", help="Of the model; default: that of --output.")
    ] = None,
    licence: Annotated[str, typer.Option("--licence", help="Licence of the weights.")] = "unknown",
    device: TrainDeviceOption = "auto",
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace a model package at --output.")
    ] = False,
    json_: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Train a descriptor on unlabelled pictures, as SSCD does."""
    with guarded(interrupted=RESUME):
        from copylens.errors import UsageError

        _need_torch()
        from copylens.training.recipes import load_recipe

        settings = load_recipe(recipe, [*(changes or ()), *_network_changes(backbone, weights)])
        if preview is not None:
            _preview(pictures, settings, preview)
            return
        if output is None:
            raise UsageError("Say where the model goes: --output DIR (or --preview FILE.png to look only).")
        trained = _train(
            pictures, settings, output, run, exam, name, licence, device, overwrite, quiet=quiet or json_
        )
        if trained is not None and json_:
            typer.echo(json.dumps(_document(trained, run or _default_run(output)), indent=2))
        elif trained is not None and not quiet:
            _print(trained, output, run or _default_run(output))


def _network_changes(backbone: str | None, weights: str | None) -> list[str]:
    """Write the options as changes of the recipe; as TOML strings, whatever is in them."""
    given = {"network.backbone": backbone, "network.weights": weights}
    return [f"{key}={json.dumps(value)}" for key, value in given.items() if value is not None]


def _need_torch() -> None:
    import importlib.util

    from copylens.errors import MissingExtraError

    if any(importlib.util.find_spec(module) is None for module in ("torch", "timm", "onnx", "tensorboard")):
        raise MissingExtraError("Training", "train")


def _train(
    pictures: list[str],
    settings: TrainSettings,
    output: Path,
    run: Path | None,
    exam: Path | None,
    name: str | None,
    licence: str,
    device: str,
    overwrite: bool,
    *,
    quiet: bool,
) -> Trained | None:
    from copylens.training.running import TrainTask, train

    task = TrainTask(
        pictures=pictures,
        output=output,
        run=run or _default_run(output),
        exam=exam,
        device=device,
        name=name,
        licence=licence,
        overwrite=overwrite,
        command=shlex.join(["copylens", *sys.argv[1:]]),
    )
    with watching(quiet=quiet) as progress:

        def report(kind: str, step: int, values: Mapping[str, Any]) -> None:
            if not quiet and sys.stderr.isatty():
                typer.echo(_line(kind, step, values), err=True)

        return train(task, settings, report=report, progress=progress)


def _default_run(output: Path) -> Path:
    return output.with_name(f"{output.name}.run")


def _line(kind: str, step: int, values: Mapping[str, Any]) -> str:
    if kind == "warning":
        return f"step {step:,}: {values['text']}"
    if kind == "validation":
        return (
            f"step {step:,}: exam µAP {values['micro_average_precision']:.3f}, accuracy at 1 "
            f"{values['accuracy_at_1']:.3f}"
        )
    if kind == "mining":
        return f"step {step:,}: {_mined(values)}"
    return (
        f"step {step:,}: loss {values['loss']:.3f} (InfoNCE {values['info_nce']:.3f}, KoLeo {values['koleo']:.3f}), "
        f"scores: positive {values['positive']:.3f}, negative {values['negative']:.3f}, nearest negative "
        f"{values['nearest_negative']:.3f}; {values['images_per_second']:.0f} images/s"
    )


def _mined(values: Mapping[str, Any]) -> str:
    if "problem" in values:
        return str(values["problem"])
    score = {name: values[name] or 0.0 for name in ("random", "mined")}
    return (
        f"nearest negatives of a batch {score['mined']:.3f}, at random {score['random']:.3f}; {values['copies']:,} "
        f"pairs of copies kept apart ({values['seconds']:.0f} s)"
    )


def _preview(pictures: list[str], settings: TrainSettings, file: Path) -> None:
    from copylens.training.previewing import preview

    for written in preview(pictures, settings, file):
        typer.echo(f"Written: {printable(str(written))}")


def _document(trained: Trained, run: Path) -> dict[str, object]:
    package = trained.package
    return {
        "version": 1,
        "model": {"name": package.name, "fingerprint": package.fingerprint},
        "output": str(package.directory),
        "run": str(run),
        "page": str(trained.page),
        "threshold": package.calibration.threshold,
        "left_out": trained.left_out,
        "skipped": [{"path": s.path, "code": s.code, "reason": s.reason} for s in trained.skipped],
    }


def _print(trained: Trained, output: Path, run: Path) -> None:
    package = trained.package
    if trained.left_out:
        typer.echo(f"{trained.left_out:,} near-duplicates took no part.")
    if trained.skipped:
        typer.echo(f"{len(trained.skipped):,} files skipped:")
        for item in trained.skipped[:LISTED]:
            typer.echo(f"  {printable(item.path)}: {item.reason}")
        if len(trained.skipped) > LISTED:
            typer.echo(f"  and {len(trained.skipped) - LISTED:,} more (see --json)")
    typer.echo(
        f"{package.name}: {package.dims}-d, threshold {package.calibration.threshold:.4f}, in {printable(str(output))}"
    )
    typer.echo(f"The log and the checkpoint are in {printable(str(run))}")
    typer.echo(f"Page: {printable(str(trained.page))}")
    typer.echo(f"Use it with: copylens scan PATH --model {printable(str(output))}")
