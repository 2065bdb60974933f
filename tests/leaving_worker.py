"""One of the processes that train a wrapped network and leave their group: its threads then.

COMMAND  python tests/leaving_worker.py RANK WORLD FOLDER
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from torch import distributed, nn

from worker_group import meeting

TASKS = Path("/proc/self/task")


def threads() -> list[str]:
    """Names of the threads of gloo in this process."""
    names = [(task / "comm").read_text().strip() for task in TASKS.iterdir()]
    return sorted(name for name in names if "gloo" in name)


def main(rank: int, world: int, folder: Path) -> None:
    with meeting(rank, world, folder):
        network = nn.parallel.DistributedDataParallel(nn.Linear(2, 2))
        network(torch.ones(1, 2)).sum().backward()
        distributed.all_gather([torch.empty(2), torch.empty(2)], torch.ones(2))
        inside = threads()
        del network
    torch.save({"inside": inside, "after": threads()}, folder / f"{rank}.pt")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
