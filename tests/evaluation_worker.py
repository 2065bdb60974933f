"""A process that evaluates an exam and is killed, as by ``kill -9``, when a stage has come so far.

Words: the exam, the model's directory, the run folder, the stage, the count.
"""

from __future__ import annotations

import os
import signal
import sys

from copylens.evaluation.benchmarks import open_exam
from copylens.evaluation.running import evaluate
from copylens.evaluation.systems import EvaluationSettings, ModelSystem
from copylens.workflows.settings import ModelSettings


def main() -> None:
    """Evaluate until the stage has come so far; then be gone."""
    exam, model, folder, stage, count = sys.argv[1:]

    def killing(at: str, done: int, total: int | None) -> None:
        if at == stage and done >= int(count):
            os.kill(os.getpid(), signal.SIGKILL)

    evaluate(
        open_exam(exam),
        [ModelSystem(settings=ModelSettings(model=model))],
        EvaluationSettings(folder=folder, samples=20),
        progress=killing,
    )


if __name__ == "__main__":
    main()
