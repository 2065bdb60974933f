"""A command that Ctrl-C ends while threads are in the midst of ONNX Runtime and another process waits.

COMMAND  python tests/hurried_worker.py
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time

import numpy as np
import typer

from copylens.cli.guard import guarded, leave, run
from copylens.models import InsetNetwork

app = typer.Typer()


def look(network: InsetNetwork, begun: threading.Event) -> None:
    pixels = np.zeros((16, 160, 160, 3), np.uint8)
    while True:
        network.look(pixels)
        begun.set()


@app.command()
def hurry() -> None:
    network, begun = InsetNetwork(), threading.Event()
    for _ in range(3):
        threading.Thread(target=look, args=(network, begun), daemon=True).start()
    child = multiprocessing.get_context("spawn").Process(target=time.sleep, args=(60,), daemon=True)
    child.start()
    typer.echo(child.pid)
    begun.wait()
    with guarded():
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(60)


if __name__ == "__main__":
    leave(run(app))
