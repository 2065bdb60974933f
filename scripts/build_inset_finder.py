"""Train the network that finds a picture inside a picture, and write what the package brings: finder.onnx, finder.json.

    python scripts/build_inset_finder.py --corpus CORPUS --output src/copylens/models/insets

A killed run goes on from its checkpoint in the folder ``--run``, by default OUTPUT with ``.run`` behind its name.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from pathlib import Path

from copylens.networks.inset_detector import export_inset_detector
from copylens.records import INSET_FINDER
from copylens.reports.atomic import whole_file
from copylens.training.data.opening import open_pictures
from copylens.training.insets.loop import InsetSettings, InsetTrainer
from copylens.training.watching import read_log
from copylens.workflows.settings import silent

LIKELY = 0.5
"""From this probability on a picture is said to hold another; chosen on the practice exam, docs/models.md."""


def main(arguments: list[str] | None = None) -> None:
    """Read the command line, train, and write the two files."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--corpus", required=True, nargs="+", help="pictures, as for copylens train")
    parser.add_argument("--output", required=True, type=Path, help="folder of finder.onnx and finder.json")
    parser.add_argument("--run", type=Path, help="folder of checkpoint and log")
    parser.add_argument("--data", default="", help="what the pictures are, for the card")
    parser.add_argument("--hardware", default="", help="what trained, for the card")
    parser.add_argument("--steps", type=int, default=InsetSettings().steps)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args(arguments)
    run = given.run or given.output.with_name(given.output.name + ".run")
    settings = InsetSettings(steps=given.steps, seed=given.seed)
    trainer = InsetTrainer(open_pictures(given.corpus), settings, run)
    graph = export_inset_detector(trainer.train(progress=silent))
    last = {name: value for name, value in [*read_log(run)][-1].items() if name != "kind"}
    card = {
        "name": INSET_FINDER,
        "likely": LIKELY,
        "sha256": hashlib.sha256(graph).hexdigest(),
        "licence": "Apache-2.0",
        "command": f"scripts/build_inset_finder.py --steps {settings.steps} --seed {settings.seed}",
        "data": given.data,
        "hardware": given.hardware,
        "hours": round(trainer.seconds / 3600, 2),
        "training": last,
    }
    given.output.mkdir(parents=True, exist_ok=True)
    for name, content in (("finder.onnx", graph), ("finder.json", _text(card))):
        with whole_file(given.output / name) as partial:
            partial.write_bytes(content)
    print(f"{given.output / 'finder.onnx'}: {len(graph):,} bytes; {last}")


def _text(card: dict[str, object]) -> bytes:
    return (json.dumps(card, indent=2, ensure_ascii=False) + "\n").encode()


if __name__ == "__main__":
    main()
