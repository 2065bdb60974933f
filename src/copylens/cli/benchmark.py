"""``copylens benchmark``: photographs in, an exam out; the table of its edits; what benchmarks can be evaluated."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias, cast

import typer

from copylens.cli.guard import USAGE, guarded, printable
from copylens.cli.options import CatalogOption, JsonOption, PathsArgument, QuietOption, filled
from copylens.cli.progress import watching

if TYPE_CHECKING:
    from copylens.evaluation.making import ExamSummary
    from copylens.evaluation.making_settings import ExamSettings

EXAMPLES = """\b
Examples:
  copylens benchmark make photos/ --output my-exam
  copylens benchmark make photos/ --preview edits.html
  copylens benchmark make photos/ --output crops --edits crop,straighten --kinds single
"""

RESUME = "Interrupted. Finished pictures are kept: run the same command again to go on."

SHOWN = 5
"""Near copies and skipped files that the summary names; ``--json`` has them all."""

benchmark_app = typer.Typer(
    help="Make exams, and list edits and benchmarks.", invoke_without_command=True, rich_markup_mode=None
)


@benchmark_app.callback()
def _root(context: typer.Context) -> None:
    """Make exams, and list edits and benchmarks."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
        raise typer.Exit(USAGE)


OutputOption: TypeAlias = Annotated[
    Path | None,
    typer.Option("--output", "-o", metavar="EXAM", help="A new folder, or one where it was begun."),
]
PreviewOption: TypeAlias = Annotated[
    Path | None,
    typer.Option("--preview", metavar="FILE", help="Write a sheet of all edits to look at, .html or .png."),
]
SeedOption: TypeAlias = Annotated[int, typer.Option("--seed", metavar="N", help="Chooses all that is drawn.")]
ReferencesOption: TypeAlias = Annotated[
    int | None,
    typer.Option(
        "--references",
        metavar="N",
        help="Pictures to search, distractors included; default: all that is left.",
    ),
]
DistractorsOption: TypeAlias = Annotated[
    int | None,
    typer.Option("--distractors", metavar="N", help="References that nobody edits; default: half."),
]
QueriesOption: TypeAlias = Annotated[
    int | None,
    typer.Option("--queries", metavar="N", help="Queries with a match; default: two of each original."),
]
UnmatchedOption: TypeAlias = Annotated[
    int | None,
    typer.Option(
        "--unmatched", metavar="N", help="Queries without a match; default: 15 % of the photographs."
    ),
]
BackgroundOption: TypeAlias = Annotated[
    int, typer.Option("--background", metavar="N", help="Unrelated photographs for score normalisation.")
]
KindsOption: TypeAlias = Annotated[
    str,
    typer.Option("--kinds", metavar="single,multi", help="One edit, or several in a row.", callback=filled),
]
StrengthsOption: TypeAlias = Annotated[
    str,
    typer.Option("--strengths", metavar="mild,medium,hard", help="Which strengths.", callback=filled),
]
EditsOption: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--edits",
        metavar="NAME,...",
        help="Only these; `copylens benchmark edits` lists them.",
        callback=filled,
    ),
]
WithoutOption: TypeAlias = Annotated[
    str | None,
    typer.Option("--without-edits", metavar="NAME,...", help="All but these.", callback=filled),
]
SizeOption: TypeAlias = Annotated[
    int, typer.Option("--size", metavar="PIXELS", help="Longest side of the references.")
]
QualityOption: TypeAlias = Annotated[
    int, typer.Option("--quality", metavar="N", help="Of JPEG files, where the edit says nothing else.")
]
DedupeOption: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--dedupe/--no-dedupe", help="Leave out near copies among the photographs, found by descriptor."
    ),
]
DedupeThresholdOption: TypeAlias = Annotated[
    float | None,
    typer.Option(
        "--dedupe-threshold",
        metavar="SCORE",
        help="Score, from -1 to 1, from which photographs are near copies; default: the model's.",
    ),
]
JobsOption: TypeAlias = Annotated[
    int | None, typer.Option("--jobs", metavar="N", help="Threads; default: one per processor.")
]


@benchmark_app.command("make", epilog=EXAMPLES)
def make_command(
    paths: PathsArgument,
    output: OutputOption = None,
    preview: PreviewOption = None,
    seed: SeedOption = 0,
    references: ReferencesOption = None,
    distractors: DistractorsOption = None,
    queries: QueriesOption = None,
    unmatched: UnmatchedOption = None,
    background: BackgroundOption = 0,
    kinds: KindsOption = "single,multi",
    strengths: StrengthsOption = "mild,medium,hard",
    edits: EditsOption = None,
    without_edits: WithoutOption = None,
    size: SizeOption = 640,
    quality: QualityOption = 90,
    dedupe: DedupeOption = True,
    dedupe_threshold: DedupeThresholdOption = None,
    catalog: CatalogOption = None,
    jobs: JobsOption = None,
    json_: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Make a copy-detection exam from photographs: references, edited queries, and the truth."""
    with guarded(interrupted=RESUME):
        from copylens.errors import UsageError
        from copylens.evaluation.making_settings import ExamSettings

        if output is None and preview is None:
            raise UsageError("Name the exam's folder with --output, or a sheet to look at with --preview.")
        settings = ExamSettings(
            seed=seed,
            references=references,
            distractors=distractors,
            queries=queries,
            unmatched=unmatched,
            background=background,
            kinds=cast("Any", _words(kinds)),
            strengths=cast("Any", _words(strengths)),
            edits=None if edits is None else _words(edits),
            without_edits=() if without_edits is None else _words(without_edits),
            size=size,
            quality=quality,
            dedupe=dedupe,
            dedupe_threshold=dedupe_threshold,
        )
        _make(paths, output, preview, settings, catalog, jobs, json_=json_, quiet=quiet)


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(",") if word.strip())


def _make(
    paths: list[str],
    output: Path | None,
    preview: Path | None,
    settings: ExamSettings,
    catalog: str | None,
    jobs: int | None,
    *,
    json_: bool,
    quiet: bool,
) -> None:
    from copylens.evaluation.making import count_jobs, make_exam
    from copylens.evaluation.making_preview import check_preview, write_preview

    threads = count_jobs(jobs)
    said: dict[str, Any] = {}
    summary: ExamSummary | None = None
    if preview is not None:
        check_preview(preview)
    with watching(quiet=quiet) as progress:
        if preview is not None:
            shown = write_preview(paths, preview, settings, jobs=threads, progress=progress)
            said["preview"] = {"file": str(preview), "edits": shown}
        if output is not None:
            summary = make_exam(paths, output, settings, catalog=catalog, jobs=jobs, progress=progress)
            said = {**summary.to_dict(), **said}
    if json_:
        typer.echo(json.dumps({"version": 1, **said}, indent=2))
    elif not quiet:
        if preview is not None:
            typer.echo(f"Written: {printable(str(preview))} ({shown} edits)")
        if summary is not None:
            _print_summary(summary)


def _print_summary(summary: ExamSummary) -> None:
    """What was made, what was left out and why, and what to do next."""
    counts, where = summary.counts, printable(summary.output)
    kept = f", {summary.kept:,} were there" if summary.kept else ""
    typer.echo(f"{where}: {summary.made:,} pictures made in {summary.seconds:.1f} s{kept}")
    typer.echo(
        f"  references  {counts.references:>7,}  of which nobody edited {counts.distractors:,}\n"
        f"  queries     {counts.queries + counts.unmatched:>7,}  of which without a match {counts.unmatched:,}"
    )
    if counts.background:
        typer.echo(f"  background  {counts.background:>7,}")
    typer.echo(f"  photographs {counts.photographs:>7,}  of {summary.photographs:,} that could be used")
    if summary.left_out:
        typer.echo(f"Left out as near copies of others: {len(summary.left_out):,}")
        for near in summary.left_out[:SHOWN]:
            typer.echo(f"  {printable(near.path)} ({near.score:.3f} with {printable(near.kept)})")
        _print_rest(len(summary.left_out))
    if summary.skipped:
        typer.echo(f"Skipped: {len(summary.skipped):,}")
        for item in summary.skipped[:SHOWN]:
            typer.echo(f"  {printable(item.path)}: {item.reason}")
        _print_rest(len(summary.skipped))
    typer.echo(f"Next: copylens evaluate exam {where}")


def _print_rest(count: int) -> None:
    if count > SHOWN:
        typer.echo(f"  ... and {count - SHOWN:,} more; --json lists them all")


@benchmark_app.command("edits")
def edits_command(json_: JsonOption = False) -> None:
    """List the edits, and what each strength means."""
    with guarded():
        from copylens.evaluation.edits import edit_rows, edit_table

        if json_:
            typer.echo(json.dumps({"version": 1, "edits": edit_rows()}, indent=2))
        else:
            typer.echo(edit_table())


@benchmark_app.command("list")
def list_command(json_: JsonOption = False) -> None:
    """List the benchmarks that can be evaluated, their folders, and where to get them."""
    with guarded():
        from copylens.evaluation.benchmarks import BENCHMARKS

        if json_:
            rows = [
                {
                    "name": info.name,
                    "title": info.title,
                    "splits": list(info.splits),
                    "layout": info.layout.splitlines(),
                    "address": info.address,
                    "sources": list(info.sources),
                    "protocol": info.protocol,
                    "rule": info.rule.text,
                }
                for info in BENCHMARKS.values()
            ]
            typer.echo(json.dumps({"version": 1, "benchmarks": rows}, indent=2))
            return
        typer.echo("\n\n".join(_benchmark_text(info) for info in BENCHMARKS.values()))


def _benchmark_text(info: Any) -> str:
    lines = [f"{info.name}: {info.title}"]
    if len(info.splits) > 1:
        lines.append(f"  splits: {', '.join(info.splits)}")
    lines += [f"  protocol: {info.protocol}, {info.rule.text}", f"  get it: {info.address}", "  folder:"]
    lines += [f"    {line}" for line in info.layout.splitlines()]
    return "\n".join(lines)
