"""Datasets of a stream: endless training pairs, held-out pairs and pages of text in the cache."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from functools import partial
from itertools import product
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from defocus.cache import derived_folder
from defocus.datasets.deriving.parts import cached_pairs
from defocus.datasets.pair import Dataset, Pair, Split, sorted_by_id
from defocus.datasets.rendering.pair import RenderedPair, pair_in, write_rendered
from defocus.datasets.stream.patches import (
    CUT_PX,
    HELD_OUT_REVISION,
    STREAM_REVISION,
    Renderer,
    StreamPair,
)
from defocus.datasets.stream.photographs import Photographs, find_photographs
from defocus.datasets.stream.training import TrainingStream
from defocus.pictures.values import as_integer
from defocus.progress import counted, say, track
from defocus.scene.camera import recorded
from defocus.scene.depth import Focus
from defocus.scene.kernel_bank import Optic, blurred, margin, snapped
from defocus.scene.lens_file import MeasuredLens
from defocus.scene.occluders import StreamScene
from defocus.scene.shapes import Shape, draw_shapes, words
from defocus.storage.files import sha256_json

# Pages of random text through a stream's lenses and cameras: what can be read again is counted. No
# average of blurs makes letters legible, so a score of characters cannot be won by smoothing.


Array = NDArray[np.float32]

CIRCLES_PX = (2, 4, 6, 8, 12, 16)
"""Diameters of the circle of confusion, px; each lens counts for the nearest one."""

PAGES = 6
"""Number of pages for each diameter in the dataset ``text:``; a stream validates with one more of
each."""

PAGE_REVISION = 1
"""Revision of the pages, raised by hand whenever a page looks different."""

PAGE_PX = (176, 352)
LINES, CHARACTERS = 3, 12
CAPITALS_PX = (15.0, 20.0)
FINENESS = 4
LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnpqrstuvwxyz23456789"
"""Letters of the pages, without those that even a sharp picture does not distinguish (I, l, 1, O,
0, o)."""


def draw_page(renderer: Renderer, circle: int, number: int) -> tuple[StreamPair, str]:
    """One page that is out of focus as a whole, and its text."""
    random = np.random.default_rng([PAGE_REVISION, circle, number])
    bank = renderer.bank  # few lenses are traced sooner than one for each page
    diameter = float(random.choice((-1, 1)) * circle)
    border = margin(bank, number, Focus(diameter, diameter))
    lines = ["".join(random.choice(list(LETTERS), CHARACTERS)) for _ in range(LINES)]
    light = _printed(random, lines, border + CUT_PX // 2)
    diameters = np.full(light.shape[:2], diameter, np.float32)
    scene = snapped(bank.optic(number), StreamScene(light, diameters))
    camera = renderer.camera(random)
    blurry = recorded(camera, blurred(bank, number, scene, border), random)
    sharp = recorded(camera, np.ascontiguousarray(_inside(light, border)), None)
    diameters = _inside(scene.diameters, border)
    pair = StreamPair(
        blurry=_inside(blurry, CUT_PX // 2),
        sharp=_inside(sharp, CUT_PX // 2),
        diameters=np.ascontiguousarray(_inside(diameters, CUT_PX // 2)),
        kind="constant",
        camera=camera,
        optic=number,
    )
    return pair, "\n".join(lines)


def _inside(picture: Array, edge: int) -> Array:
    return picture[edge:-edge, edge:-edge] if edge else picture


def _printed(random: np.random.Generator, lines: list[str], around: int) -> Array:
    """Linear light of a page: dark letters on pale paper, with a margin around the picture."""
    height, width = (side + 2 * around for side in PAGE_PX)
    letters = _letters(lines, around, random.uniform(*CAPITALS_PX))
    fine_size = (width * FINENESS, height * FINENESS)
    fine = draw_shapes(letters, (0.0, 0.0), fine_size, FINENESS)
    reduced = cv2.resize(fine, (width, height), interpolation=cv2.INTER_AREA)
    paper = reduced.astype(np.float32) / 255
    bright = random.uniform(0.55, 0.9) * random.uniform(0.9, 1.0, 3)
    ink = random.uniform(0.02, 0.1)
    return np.asarray(ink + paper * (bright - ink), np.float32)


def _letters(lines: list[str], around: int, capitals: float) -> list[Shape]:
    """The letters of lines at even distances; capitals have a height in px."""
    step = PAGE_PX[0] / (LINES + 1)
    shapes: list[Shape] = []
    for number, line in enumerate(lines, 1):
        baseline = around + step * number + capitals / 2
        shapes.append(words(line, around + 20, baseline, capitals))
    return shapes


HELD_OUT: dict[Split, tuple[int, int, int]] = {
    "validation": (0, 24, 256),
    "test": (1000, 40, 384),
}
"""Number of the first pair, number of pairs, and side of the pictures in px, by split."""


def stream_dataset(
    folder: Path | None, lens: MeasuredLens | None = None, light_field: float = 0.0
) -> Dataset:
    """Make the stream of a folder of photographs."""
    # Names and places of the files do not matter to its content hash. Its validation pairs end with
    # a page of text for each circle of confusion, which are none of ``text:``.
    photographs = replace(find_photographs(folder), lens=lens, light_field=light_field)
    name = f"stream:{'' if folder is None else folder.name}"
    title = name.removesuffix(":")
    content = identity(photographs)
    place = f"stream/{content[:16]}-text-{PAGE_REVISION}"
    if not photographs.files:
        say(
            f"{title}: no photographs there; its scenes are made of procedural textures alone"
        )
    root, pairs, _ = cached_pairs(
        place, title, partial(_write_pairs, title, photographs)
    )
    derived = derived_folder(content)
    return Dataset(
        name,
        root,
        pairs,
        content,
        derived,
        rendered=True,
        source="stream",
        endless=TrainingStream(photographs, training_identity(photographs)),
    )


def text_pages() -> Dataset:
    """Pages of text, rendered once and kept in the cache; a pair's metadata has its ``text``."""
    document = {"text": PAGE_REVISION, "stream": HELD_OUT_REVISION}
    content = hashlib.sha256(json.dumps(document).encode()).hexdigest()
    pages = {}
    for circle, number in product(CIRCLES_PX, range(PAGES)):
        pages[f"circle-{circle:02d}-{number}"] = (circle, number)
    renderer = Renderer(Photographs(), "held-out")
    root, pairs, _ = cached_pairs(
        f"text/{content[:16]}",
        "text:",
        lambda root: _write_pages(root, renderer, "test", pages),
    )
    derived = derived_folder(content)
    return Dataset("text:", root, pairs, content, derived, rendered=True, source="text")


def identity(photographs: Photographs) -> str:
    """SHA-256 hash of everything that determines the held-out pairs of a stream, in hexadecimal."""
    return _identity(photographs, HELD_OUT_REVISION)


def training_identity(photographs: Photographs) -> str:
    """Identity of the training patches, so that these change without the pairs of a test."""
    return _identity(photographs, STREAM_REVISION)


def _identity(photographs: Photographs, revision: int) -> str:
    document: dict[str, object] = {
        "revision": revision,
        "photographs": [sha256 for _, sha256 in photographs.files],
    }
    if photographs.lens is not None:
        document["lens"] = asdict(photographs.lens)
    if photographs.light_field:
        document["light_field"] = photographs.light_field
    return sha256_json(document)


def _write_pairs(name: str, photographs: Photographs, root: Path) -> tuple[Pair, ...]:
    """Write the held-out pairs of both splits."""
    source = "procedural textures"
    if photographs.files:
        source = counted(len(photographs.of("held-out")), "held-out photograph")
    say(f"{name}: its validation and test pairs are rendered from {source}, once")
    renderer = Renderer(photographs, "held-out")
    wanted = []
    for split, (first, count, side) in HELD_OUT.items():
        for place in range(count):
            pair_name = f"{split}-{place:02d}"
            wanted.append((pair_name, split, first + place, side))
    pairs = []
    for pair_name, split, number, side in track(wanted, f"rendering {name}"):
        rendered = renderer.pair(number, side)
        pairs.append(_write_pair(root, pair_name, renderer, split, rendered))
    pages = {f"validation-text-{circle:02d}": (circle, PAGES) for circle in CIRCLES_PX}
    pairs += _write_pages(root, renderer, "validation", pages)
    return tuple(sorted_by_id(pairs))


def _write_pages(
    root: Path, renderer: Renderer, split: Split, pages: Mapping[str, tuple[int, int]]
) -> tuple[Pair, ...]:
    """Write pages by name; each has its circle of confusion and its number."""
    pairs = []
    for name, (circle, number) in track(pages.items(), "rendering pages of text"):
        pair, text = draw_page(renderer, circle, number)
        pairs.append(_write_pair(root, name, renderer, split, pair, text=text))
    return tuple(pairs)


def _write_pair(
    root: Path,
    name: str,
    renderer: Renderer,
    split: Split,
    pair: StreamPair,
    **further: object,
) -> Pair:
    folder = root / "pairs" / name
    metadata = {**how_rendered(renderer.bank.optic(pair.optic), pair), **further}
    write_rendered(folder, _as_rendered(pair, metadata))
    return pair_in(folder, name, split, metadata)


def _as_rendered(pair: StreamPair, metadata: dict[str, object]) -> RenderedPair:
    """A pair of a stream with 16 bits; it has no misalignment."""
    sharp = as_integer(pair.sharp, 16)
    return RenderedPair(
        blurry=as_integer(pair.blurry, 16),
        sharp=sharp,
        truth=sharp,
        flow=np.zeros((2, *pair.diameters.shape), np.float32),
        defocus_map=pair.diameters,
        views=None,
        metadata=metadata,
    )


def how_rendered(optic: Optic, pair: StreamPair) -> dict[str, object]:
    """Metadata of a pair: lens, place in its field, camera, circle of confusion."""
    return {
        "lens": asdict(optic.lens),
        "field": list(optic.field),
        "camera": asdict(pair.camera),
        "depth": pair.kind,
        "circle_of_confusion_px": {
            "min": float(pair.diameters.min()),
            "max": float(pair.diameters.max()),
        },
    }
