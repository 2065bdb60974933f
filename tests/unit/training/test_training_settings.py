"""What cannot be trained is found before anything is read, one sentence for each rule; the edges are allowed."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from copylens.config import from_mapping, to_mapping
from copylens.errors import UsageError
from copylens.training.mixing import MixingSettings
from copylens.training.settings import PICTURES_PER_RATE, TrainSettings, check

RULES: list[tuple[str, str, Any, str]] = [
    ("loop", "batch", 1, "loop.batch is 1: a batch of one has no negatives, give at least 2"),
    ("loop", "size", 31, "loop.size is 31: views need at least 32 pixels"),
    ("loop", "epochs", 0, "loop.epochs is 0: give at least 1"),
    ("loop", "steps", -1, "loop.steps is -1: it cannot be negative"),
    (
        "loop",
        "steps",
        0,
        "loop.steps is 0: nothing would be learned; set network.whiten_projection, or give at least 1",
    ),
    ("network", "dims", 1, "network.dims is 1: give at least 2"),
    ("network", "mean", (0.5, 0.5), "network.mean and .deviation need three numbers"),
    ("network", "deviation", (0.5,) * 4, "network.mean and .deviation need three numbers"),
    ("network", "deviation", (0.2, 0.0, 0.2), "network.deviation must be positive"),
    ("loss", "temperature", 0.0, "loss.temperature is 0: it must be positive"),
    ("loss", "entropy_weight", -0.5, "loss.entropy_weight is -0.5: it cannot be negative"),
    ("loss", "memory", -1, "loss.memory is -1: it cannot be negative"),
    ("loss", "chunk", -1, "loss.chunk is -1: it cannot be negative"),
    ("optimiser", "learning_rate", 0.0, "optimiser.learning_rate must be positive"),
    ("optimiser", "ema", 1.0, "optimiser.ema is 1: give a number from 0 to below 1"),
    ("optimiser", "ema", -0.1, "optimiser.ema is -0.1: give a number from 0 to below 1"),
    ("watch", "log_every", 0, "watch.log_every must be at least 1"),
    ("watch", "checkpoint_every", 0, "watch.checkpoint_every must be at least 1"),
    ("export", "held_out", -1, "export.held_out cannot be negative"),
]
"""Table, key, a value just beyond what is allowed, the sentence."""

EDGES: list[tuple[str, str, Any]] = [
    ("loop", "batch", 2),
    ("loop", "size", 32),
    ("loop", "epochs", 1),
    ("loop", "steps", 1),
    ("network", "dims", 2),
    ("network", "deviation", (1e-3, 1.0, 1.0)),
    ("loss", "temperature", 1e-3),
    ("loss", "entropy_weight", 0.0),
    ("optimiser", "ema", 0.0),
    ("optimiser", "ema", 0.9999),
    ("watch", "log_every", 1),
    ("watch", "validate_every", 0),
    ("export", "held_out", 0),
]


def changed(table: str, **values: Any) -> TrainSettings:
    settings = TrainSettings()
    return dataclasses.replace(settings, **{table: dataclasses.replace(getattr(settings, table), **values)})


def test_the_defaults_can_be_trained() -> None:
    check(TrainSettings())


@pytest.mark.parametrize(("table", "key", "value", "sentence"), RULES)
def test_each_rule_has_its_sentence(table: str, key: str, value: Any, sentence: str) -> None:
    with pytest.raises(UsageError) as caught:
        check(changed(table, **{key: value}))
    assert str(caught.value) == f"{sentence}."


@pytest.mark.parametrize(("table", "key", "value"), EDGES)
def test_what_just_is_allowed_passes(table: str, key: str, value: Any) -> None:
    check(changed(table, **{key: value}))


def test_the_baseline_of_one_positive_takes_neither_mixing_nor_memory() -> None:
    plain = changed("loss", kind="nt-xent")
    check(plain)
    with pytest.raises(UsageError, match=r"^mixing\.probability must be 0 with loss\.kind nt-xent\.$"):
        check(dataclasses.replace(plain, mixing=MixingSettings(probability=0.05)))
    with pytest.raises(UsageError, match=r"^loss\.memory must be 0 with loss\.kind nt-xent\.$"):
        check(changed("loss", kind="nt-xent", memory=8))


def test_only_a_linear_head_is_whitened() -> None:
    check(changed("network", whiten_projection=True))
    check(changed("network", head="mlp"))
    with pytest.raises(UsageError, match=r"^network\.whiten_projection needs network\.head linear\.$"):
        check(changed("network", whiten_projection=True, head="mlp"))
    check(changed("network", whiten_projection=True, whiten_power=0.0))
    with pytest.raises(UsageError, match=r"^network\.whiten_power needs network\.whiten_projection\.$"):
        check(changed("network", whiten_power=0.6))


def test_a_run_of_no_steps_needs_a_head_that_is_whitened() -> None:
    whitened = changed("network", whiten_projection=True)
    check(dataclasses.replace(whitened, loop=dataclasses.replace(whitened.loop, steps=0)))


def test_levels_and_checkpointing_do_not_go_together() -> None:
    check(changed("network", levels=("layer1",)))
    with pytest.raises(UsageError, match=r"^network\.levels and network\.checkpointing do not go together"):
        check(changed("network", levels=("layer1",), checkpointing=True))


def test_settings_are_the_same_after_they_were_written_and_read() -> None:
    settings = changed(
        "network", mean=(0.1, 0.2, 0.3), weights="a.pt", levels=("a", "b"), whiten_projection=True
    )
    assert from_mapping(TrainSettings, to_mapping(settings), where="a recipe") == settings


def test_rates_are_stated_for_batches_of_256_as_in_the_papers() -> None:
    assert PICTURES_PER_RATE == 256
    assert TrainSettings().optimiser.scale_with_batch
