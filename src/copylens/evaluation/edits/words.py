"""A generator in, made-up captions, sentences and names out: what people write on pictures, in plain English."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

_OPENERS = (
    "when", "me after", "nobody:", "that moment", "every time", "my weekend:", "how it feels", "mondays:",
    "still waiting for", "not again", "pov:", "this is fine", "tell me more about", "what I ordered",
)  # fmt: skip
_MIDDLES = (
    "the coffee runs out", "you find the last biscuit", "grandma sends a photo", "the train is on time",
    "somebody says free lunch", "it rains on your day off", "the cat wins again", "the meeting could be a letter",
    "you hear the ice cream van", "the alarm rings twice", "the holiday starts", "the printer works at once",
)  # fmt: skip
_CLOSERS = (
    "and it is only Tuesday", "who else?", "no regrets", "asking for a friend", "send help", "best day ever",
    "you know it is true", "still counts", "challenge accepted", "I can explain",
)  # fmt: skip
_SHORT = (
    "wow", "so true", "look at this", "best place", "love it", "good morning", "happy birthday", "see you there",
    "for sale", "sold", "new!", "sunday mood", "missing you", "who is this?", "50 % off", "throwback", "hello",
    "do not share", "summer 2019", "thank you all", "save the date", "miss this view", "just arrived",
)  # fmt: skip
_SUBJECTS = (
    "The town council", "A neighbour", "Our club", "The weather service", "A visitor", "The museum", "My brother",
    "The whole family", "An old friend", "The school", "A photographer", "The harbour office",
)  # fmt: skip
_VERBS = (
    "found", "shared", "opened", "painted", "lost", "planned", "announced", "discussed", "measured", "kept",
    "repaired", "photographed",
)  # fmt: skip
_OBJECTS = (
    "a new footpath by the river", "the oldest picture of the house", "three tickets for Saturday",
    "a very small garden", "the results of last year", "something nobody expected", "a recipe for plum cake",
    "the view from the tower", "a boat without an owner", "the road behind the station", "a map of the old town",
)  # fmt: skip
_NAMES = (
    "mira", "jonas", "lea", "sam", "noor", "ida", "pavel", "tomas", "rosa", "finn", "aylin", "otto", "june",
    "leon", "nina", "hugo", "elif", "max", "zoe", "karl",
)  # fmt: skip
_SITES = (
    "photos", "travel", "daily", "pictures", "wild", "north", "studio", "gallery", "lens", "roam", "postcard", "views",
)  # fmt: skip


def _pick(rng: np.random.Generator, words: Sequence[str]) -> str:
    return words[int(rng.integers(len(words)))]


def short(rng: np.random.Generator) -> str:
    """One to three words."""
    return _pick(rng, _SHORT)


def opener(rng: np.random.Generator) -> str:
    """The first half of a caption."""
    return f"{_pick(rng, _OPENERS)} {_pick(rng, _MIDDLES)}"


def closer(rng: np.random.Generator) -> str:
    """The second half of a caption."""
    return _pick(rng, _CLOSERS)


def sentence(rng: np.random.Generator) -> str:
    """A plain sentence."""
    return f"{_pick(rng, _SUBJECTS)} {_pick(rng, _VERBS)} {_pick(rng, _OBJECTS)}."


def paragraph(rng: np.random.Generator, sentences: int) -> str:
    """Several sentences."""
    return " ".join(sentence(rng) for _ in range(sentences))


def headline(rng: np.random.Generator) -> str:
    """A sentence without its full stop."""
    return sentence(rng).rstrip(".")


def handle(rng: np.random.Generator) -> str:
    """A name as networks show it, e.g. ``mira_views7``."""
    return f"{_pick(rng, _NAMES)}_{_pick(rng, _SITES)}{rng.integers(1, 99)}"


def name(rng: np.random.Generator) -> str:
    """A first name."""
    return _pick(rng, _NAMES).capitalize()


def site(rng: np.random.Generator) -> str:
    """An address under the reserved example domains, so that nobody's is used."""
    return f"{_pick(rng, _SITES)}-{_pick(rng, _SITES)}.example"


def clock(rng: np.random.Generator) -> str:
    """A time of day."""
    return f"{rng.integers(6, 24)}:{rng.integers(60):02d}"
