"""What a recipe may say, as frozen dataclasses; read strictly, and saved resolved with every run."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Literal, TypeAlias

from copylens.errors import UsageError
from copylens.networks.export import IMAGENET_MEAN, IMAGENET_STD
from copylens.networks.pooling import Pooling, pooling_fault
from copylens.networks.sscd import Head
from copylens.training.augment import AugmentSettings
from copylens.training.data import DataSettings
from copylens.training.mining.settings import MiningSettings
from copylens.training.mixing import MixingSettings, mixing_of
from copylens.training.terms.distill import DistillSettings
from copylens.training.terms.patch import PatchSettings
from copylens.training.terms.swav_settings import SwavSettings

Triple: TypeAlias = tuple[float, ...]
Precision: TypeAlias = Literal["float32", "bfloat16", "float16"]

PICTURES_PER_RATE = 256
"""Learning rates are stated for this many pictures a batch, as in SimCLR and SSCD."""


@dataclass(frozen=True, kw_only=True, slots=True)
class NetworkSettings:
    """Which network learns, and how it starts.

    Attributes:
        backbone: a timm name that yields a feature map or tokens; or of your own: a registered name,
            ``package.module:function`` or ``file.py:function``.
        dims: D.
        pooling: ``"gem"`` as SSCD, ``"average"`` as SimCLR; for features of both signs, as transformers',
            ``"signed-gem"``, ``"softplus-gem"``, ``"cls"``, ``"attention"``; several joined by ``+`` are concatenated.
        gem_power: p of the GeMs; a constant, learning it diverges.
        head: ``"linear"`` as SSCD, ``"mlp"`` as SimCLR.
        batchnorm: normalise what the head yields over the batch, before the L2 norm.
        checkpointing: keep fewer activations and compute them again: less memory, the same gradient, a third slower.
        levels: names of the backbone's modules, e.g. ``["blocks.3", "blocks.5"]``, whose maps are pooled beside the
            last one, by the deviation of each channel.
        weights: a file of backbone weights (.safetensors, .pt), or None.
        average_with: another such file; the backbone starts with the mean of both, as of one network before and after
            a further training (model soups, Wortsman et al. 2022, arXiv:2203.05482).
        pretrained: take timm's own weights, which timm downloads.
        zero_residuals: residual branches start at zero; ignored where weights are given.
        whiten_projection: start the linear head by PCA whitening of the features of some batches. A default start
            has all scores near 0.8, and a short training spends its first half on that.
        whiten_power: of the deviation that each axis is then divided by: 1 whitens, 0 is plain PCA.
        freeze_batchnorm: keep the normalisations at the statistics they came with.
        frozen_stages: so many of the backbone's first stages keep the weights they start with; the stem is the first.
            A step on a CPU takes half the time with four of EfficientNet-Lite0's nine.
        mean, deviation: of pixels in [0, 1], ``(x - mean) / deviation``.
    """

    backbone: str = "resnet50"
    dims: int = 512
    pooling: Pooling = "gem"
    gem_power: float = 3.0
    head: Head = "linear"
    batchnorm: bool = False
    checkpointing: bool = False
    levels: tuple[str, ...] = ()
    weights: str | None = None
    average_with: str | None = None
    pretrained: bool = False
    zero_residuals: bool = True
    whiten_projection: bool = False
    whiten_power: float = 1.0
    freeze_batchnorm: bool = False
    frozen_stages: int = 0
    mean: Triple = IMAGENET_MEAN
    deviation: Triple = IMAGENET_STD


@dataclass(frozen=True, kw_only=True, slots=True)
class LossSettings:
    """What is minimised; defaults are SSCD's.

    Attributes:
        kind: ``"sscd"``: InfoNCE + entropy_weight x KoLeo; ``"nt-xent"``: SimCLR's; ``"none"``: only the terms that
            the recipe adds, while SSCD's figures are still logged.
        temperature: τ.
        entropy_weight: λ of the differential-entropy term.
        memory: descriptors of former batches that serve as negatives; 0 is none.
        chunk: rows that go through the network at a time, by gradient caching; 0 is the whole batch.
    """

    kind: Literal["sscd", "nt-xent", "none"] = "sscd"
    temperature: float = 0.05
    entropy_weight: float = 30.0
    memory: int = 0
    chunk: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class OptimiserSettings:
    """How the weights move.

    Attributes:
        name: LARS as SSCD, or AdamW.
        learning_rate: of the backbone, for 256 pictures a batch where `scale_with_batch`, else as it is.
        head_learning_rate: of the projection; None is that of the backbone.
        layer_decay: factor of the rate from each of the backbone's blocks to the one before it; 1 is none. From
            0.65 to 0.75 is usual for transformers (Bao et al. 2022, BEiT).
        scale_with_batch: multiply the rates by batch / 256.
        weight_decay: of weights with more than one axis; others have none, nor LARS's adaptation.
        momentum, trust: of LARS.
        warmup_epochs: of linear rise; then a cosine falls to zero.
        clip: largest norm of the whole gradient; 0 is no limit.
        ema: decay of a moving average of the weights, which is then what is evaluated and exported; 0 is none.
    """

    name: Literal["lars", "adamw"] = "lars"
    learning_rate: float = 0.3
    head_learning_rate: float | None = None
    layer_decay: float = 1.0
    scale_with_batch: bool = True
    weight_decay: float = 1e-6
    momentum: float = 0.9
    trust: float = 0.001
    warmup_epochs: float = 5.0
    clip: float = 0.0
    ema: float = 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class LoopSettings:
    """How long, how large, how exact.

    Attributes:
        epochs: passes over the pictures.
        steps: stop after so many steps although the schedule was made for `epochs`; None runs to its end, 0 trains
            nothing: the network is exported with the head that it starts with.
        batch: pictures a step over all processes; every picture makes two views.
        size: of the views in pixels.
        sizes: of the views one after the other, each for an equal share of the schedule; the last is `size`. Empty:
            `size` throughout.
        seed: of everything that is drawn.
        precision: of the network; the loss is always float32.
        channels_last: order of the network's tensors; quicker on many devices.
        compile: use torch.compile.
        threads: of the CPU; None leaves them to PyTorch.
    """

    epochs: int = 100
    steps: int | None = None
    batch: int = 4096
    size: int = 224
    sizes: tuple[int, ...] = ()
    seed: int = 0
    precision: Precision = "float32"
    channels_last: bool = False
    compile: bool = False
    threads: int | None = None

    @property
    def size_plan(self) -> tuple[int, ...]:
        """Sizes of the views in their order; at least one."""
        return self.sizes or (self.size,)


@dataclass(frozen=True, kw_only=True, slots=True)
class WatchSettings:
    """What is looked at on the way.

    Attributes:
        log_every: steps between lines of the log.
        checkpoint_every: steps between checkpoints.
        validate_every: steps between validations on the exam; 0 only at the start and the end.
        tensorboard: write event files too.
    """

    log_every: int = 10
    checkpoint_every: int = 100
    validate_every: int = 0
    tensorboard: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class ExportSettings:
    """What becomes of the trained network.

    Attributes:
        size: input of the model package in pixels; SSCD describes at a larger size than it trains.
        any_size: the graph takes other sizes too, for programs of your own; CopyLens asks it at `size`. Only for
            networks of convolutions.
        false_matches: per million unrelated pairs, from which the threshold follows.
        held_out: pictures that take no part in the training, on which the threshold is found.
    """

    size: int = 288
    any_size: bool = False
    false_matches: float = 3.0
    held_out: int = 1000


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainSettings:
    """A whole recipe."""

    description: str = ""
    network: NetworkSettings = NetworkSettings()
    data: DataSettings = field(default_factory=DataSettings)
    augment: AugmentSettings = field(default_factory=AugmentSettings)
    mining: MiningSettings = field(default_factory=MiningSettings)
    mixing: MixingSettings = field(default_factory=MixingSettings)
    loss: LossSettings = LossSettings()
    distill: DistillSettings = field(default_factory=DistillSettings)
    patch: PatchSettings = field(default_factory=PatchSettings)
    swav: SwavSettings = field(default_factory=SwavSettings)
    optimiser: OptimiserSettings = OptimiserSettings()
    loop: LoopSettings = LoopSettings()
    watch: WatchSettings = WatchSettings()
    export: ExportSettings = ExportSettings()


def added_terms(settings: TrainSettings) -> list[str]:
    """Sections of the recipe whose term joins the loss: those with a weight above 0."""
    return [part.name for part in fields(settings) if getattr(getattr(settings, part.name), "weight", 0)]


Rule: TypeAlias = tuple[bool, str]
"""What must hold, and what is said where it does not."""


def check(settings: TrainSettings) -> None:
    """Find what cannot be trained before anything is read.

    Raises:
        UsageError: names the key and what it must be.
    """
    rules = [
        *_network_rules(settings.network),
        *_loss_rules(settings.loss),
        *_optimiser_rules(settings.optimiser),
        *_loop_rules(settings.loop),
        (settings.watch.log_every >= 1, "watch.log_every must be at least 1"),
        (settings.watch.checkpoint_every >= 1, "watch.checkpoint_every must be at least 1"),
        (settings.export.held_out >= 0, "export.held_out cannot be negative"),
        *_rules_together(settings),
    ]
    for holds, message in rules:
        if not holds:
            raise UsageError(f"{message}.")


def _network_rules(network: NetworkSettings) -> list[Rule]:
    return [
        (network.dims >= 2, f"network.dims is {network.dims}: give at least 2"),
        (network.gem_power > 0, f"network.gem_power is {network.gem_power:g}: it must be positive"),
        (pooling_fault(network.pooling) is None, f"network.pooling: {pooling_fault(network.pooling)}"),
        (len(network.mean) == len(network.deviation) == 3, "network.mean and .deviation need three numbers"),
        (min(network.deviation, default=0) > 0, "network.deviation must be positive"),
        (
            0 <= network.whiten_power <= 1,
            f"network.whiten_power is {network.whiten_power:g}: give a number from 0 to 1",
        ),
        (
            network.frozen_stages >= 0,
            f"network.frozen_stages is {network.frozen_stages}: it cannot be negative",
        ),
    ]


def _loss_rules(loss: LossSettings) -> list[Rule]:
    return [
        (loss.temperature > 0, f"loss.temperature is {loss.temperature:g}: it must be positive"),
        (loss.entropy_weight >= 0, f"loss.entropy_weight is {loss.entropy_weight:g}: it cannot be negative"),
        (loss.memory >= 0, f"loss.memory is {loss.memory}: it cannot be negative"),
        (loss.chunk >= 0, f"loss.chunk is {loss.chunk}: it cannot be negative"),
    ]


def _optimiser_rules(optimiser: OptimiserSettings) -> list[Rule]:
    return [
        (
            0 < optimiser.layer_decay <= 1,
            f"optimiser.layer_decay is {optimiser.layer_decay:g}: give above 0, at most 1",
        ),
        (optimiser.learning_rate > 0, "optimiser.learning_rate must be positive"),
        (0 <= optimiser.ema < 1, f"optimiser.ema is {optimiser.ema:g}: give a number from 0 to below 1"),
    ]


def _loop_rules(loop: LoopSettings) -> list[Rule]:
    return [
        (loop.batch >= 2, f"loop.batch is {loop.batch}: a batch of one has no negatives, give at least 2"),
        (
            min(loop.size_plan) >= 32,
            f"loop.size is {min(loop.size_plan)}: views need at least 32 pixels",
        ),
        (
            loop.size_plan[-1] == loop.size,
            f"loop.sizes ends with {loop.size_plan[-1]}, and loop.size is {loop.size}: let them be the same",
        ),
        (loop.epochs >= 1, f"loop.epochs is {loop.epochs}: give at least 1"),
        (loop.steps is None or loop.steps >= 0, f"loop.steps is {loop.steps}: it cannot be negative"),
    ]


def _rules_together(settings: TrainSettings) -> list[Rule]:
    """What one section asks of another."""
    loss, network, loop = settings.loss, settings.network, settings.loop
    terms = added_terms(settings)
    return [
        (
            not (network.levels and network.checkpointing),
            "network.levels and network.checkpointing do not go together: what is computed again is not kept",
        ),
        (
            loop.steps != 0 or network.whiten_projection,
            "loop.steps is 0: nothing would be learned; set network.whiten_projection, or give at least 1",
        ),
        (
            loss.kind != "nt-xent" or settings.mixing.probability == 0,
            "mixing.probability must be 0 with loss.kind nt-xent",
        ),
        (
            loss.kind != "nt-xent" or mixing_of(settings.augment, settings.mixing).probability == 0,
            f"augment.preset {settings.augment.preset} mixes pictures, which loss.kind nt-xent cannot take",
        ),
        (loss.kind != "nt-xent" or loss.memory == 0, "loss.memory must be 0 with loss.kind nt-xent"),
        (
            loss.kind != "none" or bool(terms),
            "loss.kind none leaves nothing to learn from; give a term a weight",
        ),
        (
            loss.chunk == 0 or not terms,
            f"loss.chunk must be 0 with {' and '.join(terms)}, which look at the whole batch at once",
        ),
        (
            network.average_with is None or network.weights is not None,
            "network.average_with needs network.weights, the other of the two",
        ),
        (
            not network.whiten_projection or network.head == "linear",
            "network.whiten_projection needs network.head linear",
        ),
        (
            network.whiten_power == 1 or network.whiten_projection,
            "network.whiten_power needs network.whiten_projection",
        ),
    ]
