"""A rendered page in, how well words and shapes stand out from what is behind them out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Page

_MEASURE = """({ words, shapes }) => {
  const parse = (text) => text.match(/[0-9.]+/g).map(Number);
  const light = ([r, g, b]) => {
    const linear = (v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
    return 0.2126 * linear(r / 255) + 0.7152 * linear(g / 255) + 0.0722 * linear(b / 255);
  };
  const ground = (node) => {
    for (let at = node; at; at = at.parentElement) {
      const colour = parse(getComputedStyle(at).backgroundColor);
      if (colour.length === 3) return colour;
    }
    throw new Error("no background");
  };
  const found = [{}, {}];
  const note = (into, name, selector, part) => {
    for (const node of document.querySelectorAll(selector)) {
      const pair = [light(parse(getComputedStyle(node)[part])), light(ground(node))];
      const ratio = (Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05);
      into[name] = Math.min(into[name] ?? 99, ratio);
    }
  };
  for (const name of words) note(found[0], name, name, "color");
  note(found[0], "svg text", "svg text", "fill");
  for (const [name, part] of Object.entries(shapes)) note(found[1], name, name, part);
  return found;
}"""


def contrasts(
    page: Page, words: Sequence[str], shapes: Mapping[str, str]
) -> tuple[dict[str, float], dict[str, float]]:
    """Measure the worst contrast of each, as WCAG 2 defines it: 1 for none, 21 for black on white.

    Args:
        page: rendered.
        words: selectors of texts; those in drawings come as ``"svg text"``.
        shapes: selector and the property that has the colour, ``"fill"`` or ``"stroke"``.

    Returns:
        Of words and of shapes, by selector; what is not on the page is left out.
    """
    measured: list[dict[str, float]] = page.evaluate(_MEASURE, {"words": list(words), "shapes": dict(shapes)})
    return measured[0], measured[1]
