"""Which cells an ablation has, and which of them are compared; a cell is a recipe of the table's folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
NO_PAPER = "–"
"""In `Comparison.paper`: nobody has published the difference."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A recipe.

    Attributes:
        name: of the recipe's file.
        paper: µAP in percent that the paper has for this rung, trained on ImageNet (table 2); None: not in the paper.
        scratch: it takes no weights.
        after: the cell whose trained backbone this one starts from.
    """

    name: str
    paper: float | None = None
    scratch: bool = False
    after: str | None = None


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two cells that differ in one thing, and what the paper says of the difference.

    Attributes:
        title: what is added.
        before, after: names of cells.
        sign: +1 or -1, the paper's direction of µAP, or the hoped one where no paper has it.
        paper: the same in words.
    """

    title: str
    before: str
    after: str
    sign: int
    paper: str


@dataclass(frozen=True, slots=True)
class Table:
    """Cells and comparisons.

    Attributes:
        recipes: folder of the cells' recipes.
        cells: in the order of the table.
        comparisons: in the order of theirs.
    """

    recipes: Path
    cells: tuple[Cell, ...]
    comparisons: tuple[Comparison, ...]

    def recipe(self, cell: Cell) -> Path:
        """The file of a cell's recipe."""
        return self.recipes / f"{cell.name}.toml"


PAPER_CELLS = (
    Cell("simclr", 9.4),
    Cell("linear", 33.0),
    Cell("entropy-3", 38.0),
    Cell("entropy-10", 45.3),
    Cell("entropy-30", 50.4),
    Cell("advanced", 55.5),
    Cell("mixup", 56.8),
    Cell("linear-average"),
    Cell("entropy-10-average"),
    Cell("linear-128"),
    Cell("entropy-10-128"),
    Cell("entropy-30-128"),
)
"""The ladder from top to bottom, then pooling, then dimensions."""

PAPER_COMPARISONS = (
    Comparison("SimCLR → linear, 512-d, strong blur, low temperature", "simclr", "linear", 1, "+23.6"),
    Comparison("λ 0 → 3", "linear", "entropy-3", 1, "+5.0"),
    Comparison("λ 0 → 10", "linear", "entropy-10", 1, "+12.3"),
    Comparison("λ 0 → 30", "linear", "entropy-30", 1, "+17.4"),
    Comparison("advanced augmentations, λ = 10", "entropy-10", "advanced", 1, "+5.1 at λ = 30"),
    Comparison("mixup and CutMix, λ = 10", "advanced", "mixup", 1, "+1.3 at λ = 30"),
    Comparison("average → GeM, λ = 0", "linear-average", "linear", -1, "worse"),
    Comparison("average → GeM, λ = 10", "entropy-10-average", "entropy-10", 1, "better"),
    Comparison("128 → 512 dimensions, λ = 0", "linear-128", "linear", 1, "+1.5, two-layer head"),
    Comparison("128 → 512 dimensions, λ = 10", "entropy-10-128", "entropy-10", 1, "+9.8 normalised, λ = 30"),
    Comparison("128 → 512 dimensions, λ = 30", "entropy-30-128", "entropy-30", 1, "+9.8 normalised"),
)

BEYOND_CELLS = (
    Cell("sscd"),
    Cell("swav-alone"),
    Cell("swav-start", after="swav-alone"),
    Cell("swav-beside"),
    Cell("mining-clusters"),
    Cell("mining-neighbours"),
    Cell("patch"),
    Cell("distill"),
    Cell("resnet-scratch", scratch=True),
    Cell("vit-cls", scratch=True),
    Cell("vit-average", scratch=True),
    Cell("vit-gem", scratch=True),
    Cell("vit-signed-gem", scratch=True),
    Cell("vit-softplus-gem", scratch=True),
    Cell("vit-attention", scratch=True),
    Cell("vit-cls-gem", scratch=True),
)
"""SSCD and what is added to it, from ImageNet weights; then networks from scratch."""

BEYOND_COMPARISONS = (
    Comparison("SwAV instead of SSCD", "sscd", "swav-alone", 1, NO_PAPER),
    Comparison("SwAV first", "sscd", "swav-start", 1, NO_PAPER),
    Comparison("SwAV beside", "sscd", "swav-beside", 1, NO_PAPER),
    Comparison("batches from clusters", "sscd", "mining-clusters", 1, NO_PAPER),
    Comparison("batches of neighbours", "sscd", "mining-neighbours", 1, NO_PAPER),
    Comparison("cells by traced pixels", "sscd", "patch", 1, NO_PAPER),
    Comparison("scores of a trained model", "sscd", "distill", 1, NO_PAPER),
    Comparison("ViT: average → [CLS]", "vit-average", "vit-cls", 1, NO_PAPER),
    Comparison("ViT: average → clamped GeM", "vit-average", "vit-gem", 1, NO_PAPER),
    Comparison("ViT: average → signed GeM", "vit-average", "vit-signed-gem", 1, NO_PAPER),
    Comparison("ViT: average → softplus GeM", "vit-average", "vit-softplus-gem", 1, NO_PAPER),
    Comparison("ViT: average → attention", "vit-average", "vit-attention", 1, NO_PAPER),
    Comparison("ViT: [CLS] → [CLS] + GeM", "vit-cls", "vit-cls-gem", 1, NO_PAPER),
    Comparison("ResNet → ViT, clamped GeM", "resnet-scratch", "vit-gem", 1, NO_PAPER),
)

TABLES = {
    "paper": Table(HERE / "ablation_recipes", PAPER_CELLS, PAPER_COMPARISONS),
    "beyond": Table(HERE / "beyond_recipes", BEYOND_CELLS, BEYOND_COMPARISONS),
}
"""``paper`` is the ladder of SSCD's own table; ``beyond`` what the paper does not have."""
