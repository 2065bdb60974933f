"""The catalog's child process: work on the command line in, one line for each committed step out.

``write FILE ORDER...`` records the mixed batches of these numbers, less what the catalog knows already;
``rewrite FILE ORDER...`` records them whatever it knows; ``open NUMBER`` takes a file name from each line of its
input, opens it, records its own batch and closes it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

from catalog_samples import files_of, mixed_batch, open_sample

WIDE = 256
"""Dimensions in `write` and `rewrite`: batches of 40 kB, so that the log is folded in now and then."""


def say(word: object) -> None:
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


def write(path: str, *order: str) -> None:
    batches = [(number, mixed_batch(int(number), WIDE)) for number in order]
    say("ready")
    with open_sample(path, dims=WIDE) as catalog:
        for number, batch in batches:
            if catalog.partition(files_of(batch)).unread:
                catalog.record(batch)
            say(number)


def rewrite(path: str, *order: str) -> None:
    batches = [(number, mixed_batch(int(number), WIDE)) for number in order]
    say("ready")
    sys.stdin.readline()
    with open_sample(path, dims=WIDE) as catalog:
        for number, batch in batches:
            catalog.record(batch)
            say(number)


def open_many(own: str) -> None:
    batch = mixed_batch(int(own))
    say("ready")
    for line in sys.stdin:
        with open_sample(line.rstrip("\n")) as catalog:
            catalog.record(batch)
        say("done")


MODES: dict[str, Callable[..., None]] = {"write": write, "rewrite": rewrite, "open": open_many}


def main(words: Sequence[str]) -> None:
    MODES[words[0]](*words[1:])


if __name__ == "__main__":
    main(sys.argv[1:])
