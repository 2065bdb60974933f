"""The builds of the models that ship: which commands run, what a second run leaves out, and what the card says."""

from __future__ import annotations

import tarfile
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import build_model
import pytest
import torch
from build_model import PLANS, Plan, build
from imagenet_lite import LITES, Lite
from safetensors.torch import load_file, save_file

from copylens.cli.main import main
from copylens.models import Provenance, load_package, update_card
from copylens.networks.torchvision_shim import import_timm
from copylens.training.backbone_file import BACKBONE
from copylens.training.recipes import load_recipe, to_toml
from copylens.workflows.combining import combine_models
from copylens.workflows.quantising import FEWEST, ROUNDING, QuantiseSettings, quantise_model
from copylens.workflows.subtracting import SubtractSettings, subtract_background
from generated_pictures import write_pictures
from small_models import SmallNetwork
from training_samples import tiny

TWO = Plan("copylens-two", LITES[0], ("lite0-cpu", "lite0-cpu-more"), megabytes=10, limits="No drawings.")


@dataclass
class Commands:
    """Stands in for the command: notes the words, and leaves what a training leaves."""

    ran: list[list[str]] = field(default_factory=list)
    fails_at: int | None = None
    hours: tuple[float | None, float | None] = (1.25, 0.5)

    def __call__(self, *words: str | Path) -> None:
        if len(self.ran) == self.fails_at:
            raise KeyboardInterrupt
        self.ran.append([str(word) for word in words])
        if words[0] == "train":
            output = Path(self.option("--output"))
            package = SmallNetwork(seed=len(self.ran)).package(output, name="trained")
            hours = dict(zip(TWO.recipes, self.hours, strict=True))
            recorded = Provenance(weights="", hardware="Fast", hours=hours.get(self.option("--recipe"), 4.0))
            update_card(package, provenance=recorded)
            run = output.with_name(f"{output.name}.run")
            run.mkdir()
            left = {"weight": torch.tensor(float(len(self.ran))), "counter": torch.tensor(len(self.ran))}
            save_file(left, run / BACKBONE)
        if words[:2] == ("models", "combine"):
            combine_models(words[2:4], name="combined", output=Path(self.option("--output")))
        if words[:2] == ("models", "subtract"):
            settings = SubtractSettings(
                name=self.option("--name"),
                output=Path(self.option("--output")),
                centres=int(self.option("--centres")),
                temperature=float(self.option("--temperature")),
            )
            subtract_background(words[2], words[3], settings, catalog=self.option("--catalog"))
        if words[:2] == ("models", "quantize"):
            made = QuantiseSettings(
                name=self.option("--name"), output=Path(self.option("--output")), pictures=FEWEST
            )
            quantise_model(words[2], words[3], made)

    def option(self, name: str, of: int = -1) -> str:
        words = self.ran[of]
        return words[words.index(name) + 1]

    @property
    def kinds(self) -> list[str]:
        return [words[0] if words[0] == "train" else words[1] for words in self.ran]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two shards of 24 pictures to learn from, and one of nine others."""
    folder = tmp_path_factory.mktemp("corpus")
    pictures = write_pictures(folder / "pictures", 57, size=(64, 48))
    for name, some in {
        "train-000": pictures[:24],
        "train-001": pictures[24:48],
        "background-000": pictures[48:],
    }.items():
        with tarfile.open(folder / f"{name}.tar", "w") as shard:
            for picture in some:
                shard.add(picture, picture.name)
    return folder


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> Commands:
    commands = Commands()
    monkeypatch.setattr(build_model, "copylens", commands)
    monkeypatch.setattr(build_model, "write_weights", lambda _, path: path.write_bytes(b"weights"))
    monkeypatch.setitem(PLANS, "two", TWO)
    return commands


@pytest.mark.parametrize("plan", PLANS.values(), ids=lambda plan: plan.name)
def test_every_training_of_a_plan_is_one_of_the_network_that_it_starts_from(plan: Plan) -> None:
    assert plan.recipes
    recipes = [load_recipe(recipe) for recipe in plan.recipes]
    assert {recipe.network.backbone for recipe in recipes} == {plan.start.backbone}
    # What is combined has to take the same pixels.
    assert {load_recipe(part.recipes[-1]).export.size for part in plan.parts} == {recipes[-1].export.size}
    assert len({(recipe.network.mean, recipe.network.deviation) for recipe in recipes}) == 1
    assert all(recipe.network.weights is None for recipe in recipes)


def test_the_sizes_are_those_that_were_promised() -> None:
    assert {plan.name: plan.megabytes for plan in PLANS.values()} == {
        "copylens-small": 10,
        "copylens-base": 60,
        "copylens-small-int8": 8,
        "copylens-base-int8": 20,
    }


def test_each_training_starts_where_the_one_before_it_ended(
    corpus: Path, commands: Commands, tmp_path: Path
) -> None:
    build("two", corpus, tmp_path / "EXAM", tmp_path / "model")
    assert commands.kinds == ["train", "train", "calibrate", "examine"]
    for number, recipe in enumerate(TWO.recipes):
        words = commands.ran[number]
        assert words[1:3] == [str(corpus / "train-000.tar"), str(corpus / "train-001.tar")]
        assert commands.option("--recipe", number) == recipe
        assert commands.option("--exam", number) == str(tmp_path / "EXAM")
        assert commands.option("--licence", number) == "Apache-2.0"
    first, last = tmp_path / "model.lite0-cpu", tmp_path / "model"
    assert commands.option("--weights", 0) == str(tmp_path / "lite0.safetensors")
    assert commands.option("--weights", 1) == str(
        first.with_name(f"{first.name}.run") / "backbone.safetensors"
    )
    assert (commands.option("--output", 0), commands.option("--output", 1)) == (str(first), str(last))
    assert commands.ran[2][:3] == ["models", "calibrate", str(last)]
    assert commands.ran[3] == [
        "models",
        "examine",
        str(last),
        str(tmp_path / "EXAM"),
        "--views=whole",
        "--views=fast",
        "--views=balanced",
        "--views=thorough",
        "--engine",
        "onnxruntime",
    ]


def test_a_training_that_starts_from_the_mean_gets_that_of_what_the_one_before_began_and_ended_with(
    corpus: Path, commands: Commands, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    means = ("lite0-gpu", "lite0-whitened")
    four = replace(TWO, recipes=(*TWO.recipes, *means), from_mean=means)
    monkeypatch.setitem(PLANS, "four", four)
    build("four", corpus, None, tmp_path / "model")
    assert commands.kinds == ["train"] * 4 + ["calibrate"]
    assert commands.option("--weights", 1) == str(tmp_path / "model.lite0-cpu.run" / "backbone.safetensors")
    # What the four trainings leave is 1, 2, 3 and 4.
    first, second = (load_file(commands.option("--weights", number)) for number in (2, 3))
    assert {name: float(value) for name, value in first.items()} == {"weight": 1.5, "counter": 1}
    assert {name: float(value) for name, value in second.items()} == {"weight": (1.5 + 3) / 2, "counter": 1}
    assert second["counter"].dtype == torch.int64
    weights = load_package(tmp_path / "model").provenance.weights
    words = "(from the mean of what the one before it began and ended with)"
    assert weights.endswith(f"lite0-cpu-more, then lite0-gpu {words}, then lite0-whitened {words}")


def test_the_card_says_where_the_model_came_from(corpus: Path, commands: Commands, tmp_path: Path) -> None:
    package = build("two", corpus, None, tmp_path / "model")
    assert package.card == load_package(tmp_path / "model").card
    assert (package.name, package.licence) == ("copylens-two", "Apache-2.0")
    said = package.provenance
    assert said.weights.startswith("EfficientNet-Lite0, ImageNet, by Google")
    assert said.weights.endswith("trained on by CopyLens with the recipes lite0-cpu, then lite0-cpu-more")
    # A tenth of 48 pictures is held out.
    assert "44 unlabelled pictures" in said.data
    assert "calibrated on 9 others" in said.data
    assert (
        said.command == "python scripts/build_model.py two --corpus CORPUS --exam EXAM --output copylens-two"
    )
    assert said.sources == LITES[0].sources
    assert (said.hardware, said.hours, package.limits) == ("Fast", 1.75, "No drawings.")
    assert all("--exam" not in words for words in commands.ran)
    assert commands.kinds == ["train", "train", "calibrate"]


@pytest.mark.parametrize("lost", [0, 1])
def test_hours_that_nobody_counted_are_not_made_up(
    lost: int, corpus: Path, commands: Commands, tmp_path: Path
) -> None:
    commands.hours = (None, 0.5) if lost == 0 else (1.25, None)
    assert build("two", corpus, None, tmp_path / "model").provenance.hours is None


def test_an_interrupted_build_goes_on_and_a_finished_one_trains_nothing(
    corpus: Path, commands: Commands, tmp_path: Path
) -> None:
    commands.fails_at = 1
    with pytest.raises(KeyboardInterrupt):
        build("two", corpus, None, tmp_path / "model")
    commands.fails_at = None
    build("two", corpus, None, tmp_path / "model")
    assert [commands.option("--recipe", n) for n in (0, 1)] == list(TWO.recipes)
    assert commands.kinds == ["train", "train", "calibrate"]
    build("two", corpus, None, tmp_path / "model")
    assert commands.kinds == ["train", "train", "calibrate", "calibrate"]


def test_a_model_that_was_trained_elsewhere_gets_its_name_and_card(
    corpus: Path, commands: Commands, tmp_path: Path
) -> None:
    before = SmallNetwork().package(tmp_path / "model", name="other")
    package = build("two", corpus, None, tmp_path / "model")
    assert commands.kinds == ["calibrate"]
    assert (package.name, package.fingerprint) == ("copylens-two", before.fingerprint)
    assert package.provenance.hours is None


def test_a_model_that_is_too_large_is_refused(
    corpus: Path, commands: Commands, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(PLANS, "two", Plan(TWO.name, TWO.start, TWO.recipes, megabytes=0))
    with pytest.raises(SystemExit, match=r"model has 0\.0 MB; copylens-two may have 0\."):
        build("two", corpus, None, tmp_path / "model")


def test_a_model_of_two_networks_is_trained_part_by_part_and_combined(
    corpus: Path, commands: Commands, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(PLANS, "both", Plan("copylens-both", LITES[2], ("lite2-cpu",), 60, beside=TWO))
    package = build("both", corpus, None, tmp_path / "model")
    assert commands.kinds == ["train", "train", "train", "combine", "calibrate"]
    assert [commands.option("--recipe", n) for n in range(3)] == ["lite2-cpu", *TWO.recipes]
    assert [commands.option("--weights", n) for n in (0, 1)] == [
        str(tmp_path / f"lite{n}.safetensors") for n in (2, 0)
    ]
    assert commands.ran[3][2:4] == [str(tmp_path / "model.lite2"), str(tmp_path / "model.lite0")]
    said = package.provenance
    assert (package.name, package.dims, said.hours) == ("copylens-both", 32, 4.0 + 1.75)
    assert said.weights.startswith("EfficientNet-Lite2, ImageNet, by Google")
    assert "with the recipe lite2-cpu; and EfficientNet-Lite0, ImageNet, by Google" in said.weights
    assert said.sources == tuple(dict.fromkeys((*LITES[2].sources, *LITES[0].sources)))
    build("both", corpus, None, tmp_path / "model")
    assert commands.kinds == ["train", "train", "train", "combine", "calibrate", "calibrate"]


def test_what_unrelated_pictures_share_is_taken_off_in_the_end(
    corpus: Path, commands: Commands, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(PLANS, "two", replace(TWO, centres=7))
    commands.fails_at = 2
    with pytest.raises(KeyboardInterrupt):
        build("two", corpus, None, tmp_path / "model")
    commands.fails_at = None
    package = build("two", corpus, None, tmp_path / "model")
    assert commands.kinds == ["train", "train", "subtract", "calibrate"]
    assert (commands.option("--output", 1), commands.option("--output", 2)) == (
        str(tmp_path / "model.whole"),
        str(tmp_path / "model"),
    )
    said = package.provenance.weights
    assert said.startswith("EfficientNet-Lite0, ImageNet, by Google")
    # Those that the trainings learned from and those that they held out.
    taken_off = (
        "; less 0.6 of the mean of 7 centres of the descriptors of 48 unrelated pictures, weighted by softmax at "
        "temperature 0.05"
    )
    assert said.count(taken_off) == 1
    assert package.provenance.hours == 1.75
    again = build("two", corpus, None, tmp_path / "model")
    assert commands.kinds == ["train", "train", "subtract", "calibrate", "calibrate"]
    assert (again.fingerprint, again.provenance.weights) == (package.fingerprint, said)
    whole = load_package(tmp_path / "model.whole")
    assert whole.fingerprint != package.fingerprint


def test_of_combined_networks_it_is_taken_off_once(
    corpus: Path, commands: Commands, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(PLANS, "two", replace(TWO, centres=7))
    both = Plan("copylens-both", LITES[2], ("lite2-cpu",), 60, centres=9, beside=TWO)
    monkeypatch.setitem(PLANS, "both", both)
    package = build("both", corpus, None, tmp_path / "model")
    assert commands.kinds == ["train", "train", "train", "combine", "subtract", "calibrate"]
    assert "; less 0.6 of the mean of 9 centres" in package.provenance.weights
    assert "of 7 centres" not in package.provenance.weights


@pytest.fixture
def int8(monkeypatch: pytest.MonkeyPatch) -> Plan:
    plan = replace(TWO, name="copylens-two-int8", exact="two")
    monkeypatch.setitem(PLANS, "two-int8", plan)
    return plan


def test_an_int8_model_is_made_of_the_float_one_which_is_built_first(
    corpus: Path, commands: Commands, int8: Plan, tmp_path: Path
) -> None:
    exam = tmp_path / "EXAM"
    package = build("two-int8", corpus, exam, tmp_path / "int8")
    assert commands.kinds == ["train", "train", "calibrate", "examine", "quantize", "calibrate", "examine"]
    assert commands.ran[4][2] == str(tmp_path / TWO.name)
    assert commands.ran[4][-4:] == ["--exam", str(exam), "--engine", "onnxruntime"]
    assert commands.ran[5][2] == str(tmp_path / "int8")
    assert (package.name, package.arithmetic) == (int8.name, "int8")
    exact = load_package(tmp_path / TWO.name)
    said = package.provenance
    assert said.weights.startswith(f"int8 twin of {TWO.name} 1 (fingerprint {exact.fingerprint})")
    assert said.weights.endswith(exact.provenance.weights)
    assert (said.data, said.hardware, said.hours) == (exact.provenance.data, "Fast", 1.75)
    assert said.command.startswith("python scripts/build_model.py two-int8 ")
    assert package.limits == f"No drawings. {ROUNDING}"


def test_an_int8_model_is_made_of_the_float_one_that_is_there_and_once(
    corpus: Path, commands: Commands, int8: Plan, tmp_path: Path
) -> None:
    exact = SmallNetwork(seed=5).package(tmp_path / TWO.name, name=TWO.name)
    first = build("two-int8", corpus, None, tmp_path / "int8")
    assert commands.kinds == ["quantize", "calibrate"]
    assert f"(fingerprint {exact.fingerprint})" in first.provenance.weights
    again = build("two-int8", corpus, None, tmp_path / "int8")
    assert commands.kinds == ["quantize", "calibrate", "calibrate"]
    assert again.card == first.card


@pytest.mark.parametrize("missing", ["train-*.tar", "background-*.tar"])
def test_a_folder_that_is_no_corpus_is_refused(
    missing: str, corpus: Path, commands: Commands, tmp_path: Path
) -> None:
    for shard in set(corpus.glob("*.tar")) - set(corpus.glob(missing)):
        (tmp_path / shard.name).write_bytes(shard.read_bytes())
    with pytest.raises(SystemExit, match=r"has no train-\*\.tar and background-000\.tar"):
        build("two", tmp_path, None, tmp_path / "model")
    assert commands.ran == []


@pytest.fixture
def run_here(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """The command in this process, since starting PyTorch takes longest; too few pictures to calibrate."""

    def run(*words: str | Path) -> None:
        if words[0] != "train":
            return
        monkeypatch.setattr("sys.argv", ["copylens", *map(str, words), "--quiet"])
        with pytest.raises(SystemExit) as stop:
            main()
        assert stop.value.code == 0

    return run


def test_two_trainings_that_are_run(
    corpus: Path, run_here: Callable[..., None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start, last = tmp_path / "lite0.safetensors", tmp_path / "model"
    for name in ("first", "second"):
        settings = tiny(
            "loop.steps=2", "watch.checkpoint_every=2", "loop.epochs=1", "optimiser.warmup_epochs=0.1"
        )
        (tmp_path / f"{name}.toml").write_text(to_toml(settings), encoding="utf-8")
    recipes = (str(tmp_path / "first.toml"), str(tmp_path / "second.toml"))

    def write_start(lite: Lite, path: Path) -> None:
        torch.manual_seed(7)
        network = import_timm().create_model("test_resnet", num_classes=0, global_pool="")
        save_file(network.state_dict(), path)

    monkeypatch.setattr(build_model, "copylens", run_here)
    monkeypatch.setattr(build_model, "write_weights", write_start)
    monkeypatch.setitem(PLANS, "two", Plan("copylens-two", LITES[0], recipes, megabytes=10))
    package = build("two", corpus, None, last)
    assert (package.name, package.dims) == ("copylens-two", 16)
    middle = tmp_path / "model.first.run" / "backbone.safetensors"
    assert load_recipe(last.with_name("model.run") / "recipe.toml").network.weights == str(middle)
    before, between, after = map(load_file, (start, middle, last.with_name("model.run") / middle.name))
    assert before.keys() == between.keys() == after.keys()
    for one, next_one in ((before, between), (between, after)):
        assert any(not torch.equal(one[name], next_one[name]) for name in one)
        # Two small steps move no weight far: it was from there that the training started.
        assert all(
            torch.allclose(one[name], next_one[name], atol=0.1) for name in one if name.endswith("weight")
        )
