"""Recipes: those that come along, overrides, what is refused, and the TOML that a run saves."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from copylens.errors import ConfigError, UsageError
from copylens.training.recipes import load_recipe, recipe_folder, recipe_names, to_toml
from copylens.training.settings import TrainSettings


def test_the_published_recipes_are_there() -> None:
    assert {"sscd-resnet50", "simclr-resnet50", "one-gpu", "cpu-smoke"} <= set(recipe_names())


@pytest.mark.parametrize("name", recipe_names())
def test_every_recipe_loads_and_says_how_it_is_run(name: str) -> None:
    settings = load_recipe(name)
    assert settings.description
    header = (recipe_folder() / f"{name}.toml").read_text(encoding="utf-8")
    for word in ("COMMAND", "HARDWARE", "TIME"):
        assert f"# {word}" in header, word
    assert f"--recipe {name}" in header


def test_the_paper_s_settings_are_the_paper_s() -> None:
    # Pizzi et al. 2022, section 5.1 and appendix.
    settings = load_recipe("sscd-resnet50")
    assert (settings.network.dims, settings.network.pooling, settings.network.gem_power) == (512, "gem", 3.0)
    assert (settings.loss.temperature, settings.loss.entropy_weight) == (0.05, 30.0)
    assert (settings.loop.batch, settings.loop.epochs, settings.loop.size) == (4096, 100, 224)
    optimiser = settings.optimiser
    assert (optimiser.name, optimiser.momentum, optimiser.trust) == ("lars", 0.9, 0.001)
    assert (optimiser.learning_rate, optimiser.weight_decay, optimiser.warmup_epochs) == (0.3, 1e-6, 5.0)
    assert settings.mixing.probability == 0.05


def test_the_shipped_models_second_training_is_the_first_with_more_to_learn() -> None:
    first, more, base = (load_recipe(name) for name in ("lite0-cpu", "lite0-cpu-more", "lite2-cpu"))
    assert (more.network, more.loss, more.augment, more.data) == (
        first.network,
        first.loss,
        first.augment,
        first.data,
    )
    assert (first.patch.weight, first.mining.kind) == (0.0, "off")
    assert (more.patch.weight, more.mining.kind) == (1.0, "clusters")
    assert more.optimiser == dataclasses.replace(first.optimiser, learning_rate=2e-4)
    assert (more.loop.size, more.export) == (first.loop.size, first.export)
    assert (base.patch, base.loss, base.augment) == (more.patch, first.loss, first.augment)
    # Both networks of copylens-base take the same pixels.
    assert base.export.size == more.export.size


@pytest.mark.parametrize("number", [0, 2])
def test_the_shipped_models_third_training_pools_the_maps_that_are_whitened_in_the_end(number: int) -> None:
    levels, whitened = (load_recipe(f"lite{number}-{end}") for end in ("cpu-levels", "whitened"))
    assert levels.network.levels == whitened.network.levels == ("blocks.3", "blocks.5")
    assert levels.network.backbone == whitened.network.backbone
    more = load_recipe("lite0-cpu-more")
    assert (levels.patch, levels.mining, levels.loss) == (more.patch, more.mining, more.loss)
    assert whitened.loop.steps == 0


@pytest.mark.parametrize("number", [0, 2])
def test_the_shipped_models_training_on_a_gpu_has_every_stage_learn(number: int) -> None:
    framed, gpu = (load_recipe(f"lite{number}-{end}") for end in ("cpu-framed", "gpu"))
    assert gpu.network == dataclasses.replace(framed.network, frozen_stages=0)
    assert (gpu.patch, gpu.export) == (framed.patch, framed.export)
    assert (gpu.loop.size, gpu.loop.batch, gpu.data.canvas) == (framed.loop.size, 512, framed.data.canvas)
    assert gpu.loss == dataclasses.replace(framed.loss, memory=16384)


def test_the_shipped_models_second_training_on_a_gpu_is_the_first_in_another_order() -> None:
    first, more = load_recipe("lite0-gpu"), load_recipe("lite0-gpu-more")
    loop = dataclasses.replace(first.loop, seed=1, epochs=11)
    optimiser = dataclasses.replace(first.optimiser, learning_rate=4e-4)
    assert more == dataclasses.replace(first, loop=loop, optimiser=optimiser, description=more.description)


def test_the_small_models_seventh_training_has_marked_views() -> None:
    gpu, marked = load_recipe("lite0-gpu-more"), load_recipe("lite0-marked")
    assert marked.network == dataclasses.replace(gpu.network, frozen_stages=2)
    assert (marked.patch, marked.mixing, marked.export) == (gpu.patch, gpu.mixing, gpu.export)
    assert marked.augment.strength(0) == gpu.augment.strength(0)
    hard = marked.augment.strength(1).probability
    assert all(hard[name] > 0.0 for name in ("scribble", "stripes", "halftone", "smear"))
    assert hard["screenshot"] < gpu.augment.strength(1).probability["screenshot"]


@pytest.mark.parametrize("number", [0, 2])
def test_the_shipped_models_last_training_has_marked_views_and_every_stage(number: int) -> None:
    gpu, marked = (load_recipe(f"lite{number}-{end}") for end in ("gpu", "marked-gpu"))
    loop = dataclasses.replace(gpu.loop, epochs=40 if number == 0 else 35)
    optimiser = dataclasses.replace(gpu.optimiser, warmup_epochs=1.4)
    expected = dataclasses.replace(gpu, loop=loop, optimiser=optimiser, augment=marked.augment)
    assert marked == dataclasses.replace(expected, description=marked.description)
    by_hand, hard = (
        load_recipe(recipe).augment.strength(1).probability for recipe in ("lite0-marked", "lite0-marked-gpu")
    )
    raised = {name for name in hard if hard[name] > by_hand[name]}
    assert raised == {"scribble", "overlay"}
    assert all(hard[name] == by_hand[name] for name in hard if name not in raised)


@pytest.mark.parametrize("number", [0, 2])
def test_the_shipped_models_fourth_training_frames_half_of_the_hard_views(number: int) -> None:
    levels, framed = (load_recipe(f"lite{number}-{end}") for end in ("cpu-levels", "cpu-framed"))
    assert (framed.network, framed.loss, framed.patch, framed.mining, framed.export) == (
        levels.network,
        levels.loss,
        levels.patch,
        levels.mining,
        levels.export,
    )
    assert framed.augment.strength(0) == levels.augment.strength(0)
    unframed = 1.0
    for name in ("inset", "screenshot", "caption", "border"):
        unframed *= 1.0 - framed.augment.strength(1).probability[name]
    assert 0.4 < unframed < 0.6


def test_overrides_are_toml_and_bare_words_are_text() -> None:
    settings = load_recipe(
        "cpu-smoke",
        ["loss.entropy_weight=10", "network.backbone=resnet18", "watch.tensorboard = false", "loop.steps=3"],
    )
    assert settings.loss.entropy_weight == 10.0
    assert settings.network.backbone == "resnet18"
    assert settings.watch.tensorboard is False
    assert settings.loop.steps == 3


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("loss.entropy_wieght=1", "did you mean 'entropy_weight'"),
        ("los.entropy_weight=1", "did you mean 'loss'"),
        ("loss.entropy_weight=many", "expected float, got 'many'"),
        ("loss=1", "expected a table of settings"),
        ("description.x=1", "description is a value, not a table"),
        ("loss.temperature", "write table.key=value"),
        ("=3", "write table.key=value"),
        ("a..b=3", "write table.key=value"),
        ("[a]\n[b]\nc=3", "write table.key=value"),
        ("loop.batch=1", "a batch of one has no negatives"),
        ("loss.temperature=0", "it must be positive"),
        ("optimiser.name=sgd", "is not one of 'lars', 'adamw'"),
        ("optimiser.ema=1.0", "from 0 to below 1"),
        ("network.mean=[0.5, 0.5]", "need three numbers"),
        ("network.average_with=a.safetensors", "network.average_with needs network.weights"),
        ("network.whiten_power=1.5", "network.whiten_power is 1.5: give a number from 0 to 1"),
        ("network.pooling=mean", "network.pooling: 'mean' is not one of gem, average"),
        ("network.pooling=cls+cls", "names a pooling twice"),
        ("network.gem_power=0", "network.gem_power is 0: it must be positive"),
        ("loop.sizes=[16, 64]", "loop.size is 16: views need at least 32 pixels"),
        ("loop.sizes=[64, 96]", "loop.sizes ends with 96, and loop.size is 64"),
        ("loop.sizes=[64.5]", "sizes: expected int, got 64.5"),
    ],
)
def test_what_cannot_be_meant_is_said(override: str, words: str) -> None:
    with pytest.raises((ConfigError, UsageError), match=words):
        load_recipe("cpu-smoke", [override])


def test_unknown_names_and_files(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="did you mean cpu-smoke"):
        load_recipe("cpu-smok")
    with pytest.raises(UsageError, match="no such recipe file"):
        load_recipe(tmp_path / "none.toml")
    (tmp_path / "bad.toml").write_text("[loss\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="not a readable recipe"):
        load_recipe(tmp_path / "bad.toml")


def test_a_saved_recipe_is_read_to_the_same_settings(tmp_path: Path) -> None:
    for name in recipe_names():
        settings = dataclasses.replace(load_recipe(name), description='quotes " and \\ and é\x7f')
        path = tmp_path / f"{name}.toml"
        path.write_text(to_toml(settings), encoding="utf-8")
        assert load_recipe(path) == settings


def test_names_with_dots_are_quoted(tmp_path: Path) -> None:
    settings = load_recipe("cpu-smoke", ['augment.ranges."crop.scale"=[0.2, 0.9]'])
    assert settings.augment.ranges == {"crop.scale": (0.2, 0.9)}
    path = tmp_path / "saved.toml"
    path.write_text(to_toml(settings), encoding="utf-8")
    assert load_recipe(path) == settings


def test_the_defaults_are_a_recipe_too(tmp_path: Path) -> None:
    (tmp_path / "empty.toml").write_text("", encoding="utf-8")
    assert load_recipe(tmp_path / "empty.toml") == TrainSettings()


def test_a_baseline_of_one_positive_refuses_mixing() -> None:
    with pytest.raises(UsageError, match=r"mixing\.probability must be 0"):
        load_recipe("simclr-resnet50", ["mixing.probability=0.1"])
    with pytest.raises(UsageError, match=r"augment\.preset advanced_mixup mixes pictures"):
        load_recipe("simclr-resnet50", ["augment.preset=advanced_mixup"])
