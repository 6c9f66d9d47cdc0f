"""Pages of random text through a stream's lenses and cameras: what can be read again is counted.

No average of blurs makes letters legible, so a score of characters cannot be won by smoothing."""

import cv2
import numpy as np
from numpy.typing import NDArray

from defocus.datasets.pair import Dataset, Pair, Split
from defocus.datasets.stream.patches import CUT_PX, Renderer, StreamPair
from defocus.scene.camera import recorded
from defocus.scene.depth import Focus
from defocus.scene.kernel_bank import blurred, margin, snapped
from defocus.scene.occluders import StreamScene
from defocus.scene.shapes import draw_shapes, words

__all__ = ["CIRCLES_PX", "PAGES", "PAGE_REVISION", "draw_page", "pages_of"]

Array = NDArray[np.float32]

CIRCLES_PX = (2, 4, 6, 8, 12, 16)
"""Diameters of the circle of confusion; a lens has its nearest one."""

PAGES = 6
"""Pages of each in the dataset ``text:``; a stream validates with one more of each."""

PAGE_REVISION = 1
"""Raised by hand whenever a page looks different."""

PAGE_PX = (176, 352)
LINES, CHARACTERS = 3, 12
CAPITALS_PX = (15.0, 20.0)
FINENESS = 4
LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnpqrstuvwxyz23456789"
"""Without those that even a sharp picture does not tell apart (I, l, 1, O, 0, o)."""


def pages_of(dataset: Dataset, split: Split) -> tuple[Pair, ...]:
    """The pages of text among a stream's pairs of one split; none in other datasets."""
    if dataset.endless is None:
        return ()
    return tuple(pair for pair in dataset.split(split) if "text" in pair.metadata)


def draw_page(renderer: Renderer, circle: int, number: int) -> tuple[StreamPair, str]:
    """One page that is out of focus as a whole, and its text."""
    random = np.random.default_rng([PAGE_REVISION, circle, number])
    bank, index = renderer.bank, number  # few lenses are traced sooner than one for each page
    diameter = float(random.choice((-1, 1)) * circle)
    border = margin(bank, index, Focus(diameter, diameter))
    lines = ["".join(random.choice(list(LETTERS), CHARACTERS)) for _ in range(LINES)]
    around = border + CUT_PX // 2
    light = _printed(random, lines, around)
    optic = bank.optic(index)
    scene = snapped(optic, StreamScene(light, np.full(light.shape[:2], diameter, np.float32)))
    camera = renderer.camera(random)
    inside, cut = (np.s_[edge:-edge, edge:-edge] if edge else np.s_[:, :] for edge in (border, 6))
    pair = StreamPair(
        blurry=recorded(camera, blurred(bank, index, scene, border), random)[cut],
        sharp=recorded(camera, np.ascontiguousarray(light[inside]), None)[cut],
        diameters=np.ascontiguousarray(scene.diameters[inside][cut]),
        kind="constant",
        camera=camera,
        optic=index,
    )
    return pair, "\n".join(lines)


def _printed(random: np.random.Generator, lines: list[str], around: int) -> Array:
    """Linear light of a page: dark letters on pale paper, with a margin around the picture."""
    height, width = (side + 2 * around for side in PAGE_PX)
    capitals = random.uniform(*CAPITALS_PX)
    step = PAGE_PX[0] / (LINES + 1)
    shapes = [
        words(line, around + 20, around + step * number + capitals / 2, capitals)
        for number, line in enumerate(lines, 1)
    ]
    fine = draw_shapes(list(shapes), (0.0, 0.0), (width * FINENESS, height * FINENESS), FINENESS)
    paper = cv2.resize(fine, (width, height), interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    bright = random.uniform(0.55, 0.9) * random.uniform(0.9, 1.0, 3)
    ink = random.uniform(0.02, 0.1)
    return np.asarray(ink + paper * (bright - ink), np.float32)
