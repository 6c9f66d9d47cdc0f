"""Reads restored pages of the dataset ``text:`` by tesseract: the table of ``text.md``.

``python -m research.pages.text [--systems NAME…]``"""

import argparse
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

import defocus
from defocus.baselines.registry import baseline
from defocus.baselines.weights.own import find_own_weights
from defocus.extras.text.character_readers.tesseract import tesseract_version
from defocus.extras.text.metrics.legibility import characters_in
from defocus.extras.text.similarity import similarity
from defocus.front.dataset import Pair
from defocus.pictures.values import as_float
from research.markdown import row
from research.pages import DOCS

PAGE = DOCS / "text.md"
MARK = "<!-- made by research.pages.text: nothing below is written by hand -->"

Array = NDArray[np.float64]
Read = dict[str, list[float]]
"""Percent of the characters that are read on each page, by system."""


def main() -> None:
    """Read all pages, restored by each system, and write the table."""
    words = argparse.ArgumentParser(description="Read restored pages of text.")
    words.add_argument(
        "--systems",
        nargs="+",
        default=["wiener", "defocus-s", "defocus-m"],
    )
    systems = words.parse_args().systems
    ways = {name: restorer(name) for name in systems}
    read: dict[int, Read] = defaultdict(lambda: defaultdict(list))
    for pair in defocus.open_dataset("text:").split("test"):
        circle = int(pair.id.split("-")[1])
        for name, percent in percents_read(pair, ways):
            read[circle][name].append(percent)
    written, _, _ = PAGE.read_text(encoding="utf-8").partition(MARK)
    PAGE.write_text(f"{written}{MARK}\n\n{table(read)}", encoding="utf-8")


def percents_read(
    pair: Pair,
    ways: Mapping[str, Callable[[Array], Array]],
) -> Iterator[tuple[str, float]]:
    """How much is read of the blurry page, of each system's restoration and of the sharp page."""
    text = "".join(str(pair.metadata["text"]).split())
    blurry = as_float(pair.blurry, np.float64)
    yield "input", percent_read(blurry, text)
    for name, way in ways.items():
        restored = way(blurry)
        yield name, percent_read(restored, text)
    sharp = as_float(pair.sharp, np.float64)
    yield "perfect", percent_read(sharp, text)


def percent_read(page: Array, text: str) -> float:
    """How much of a text is read on a page, percent."""
    everywhere = np.ones(page.shape[:2], bool)
    return 100 * similarity(characters_in(page, everywhere), text)


def restorer(name: str) -> Callable[[Array], Array]:
    """A system with its own weights, without the guard: what it gives by itself."""
    weights = "own" if find_own_weights(baseline(name)) else None
    system = defocus.load(name, weights=weights)

    def restore(picture: Array) -> Array:
        restored = defocus.restore(
            picture.astype(np.float32),
            system=system,
            guard=False,
        )
        return restored.astype(np.float64)

    return restore


def table(read: dict[int, Read]) -> str:
    """Percent of characters by circle of confusion, a column for each system."""
    first = next(iter(read.values()))
    names = list(first)
    pages = len(first[names[0]])
    heads = [f"`{name}`" for name in names]
    lines = [
        f"Read by tesseract {tesseract_version()}; {pages} pages of each circle of confusion:\n",
        row("circle of confusion, px", *heads),
        "|---|" + "---:|" * len(names),
    ]
    for circle, texts in sorted(read.items()):
        cells = [f"{np.mean(texts[name]):.0f} %" for name in names]
        lines.append(row(str(circle), *cells))
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
