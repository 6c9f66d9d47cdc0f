"""Large photographs in little memory: parts of their pyramid, from 1:1 to a size that fits whole.

At 1:1 a camera's picture is soft or noisy, sharpened or smoothed; reduced ones are sharp."""

import itertools
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from defocus.scene.pictures import Photograph

Bytes = NDArray[np.uint8]

WHOLE_PIXELS = 2**20
"""Most pixels of a photograph, or of a level of its pyramid, that stays in memory whole: 3 MB."""

PART_PX = 512
"""Side of a part, px. A training patch of 192 px with the reach of the largest blur fits in it."""

PARTS = 4
"""Number of parts kept for each level: 3 MB, the most that a whole level takes. A photograph of 8
megapixels then takes 8 MB, one of 60 megapixels 12 MB."""

AS_TAKEN_SHARE = 0.5
"""Share of crops at the original size, which no smaller photograph can give. The other levels share
the rest evenly."""

UNREDUCED = (1.0, 1.0)
"""Range of the scales of a crop that keeps the pixels of its level: 1 only."""


@dataclass(frozen=True)
class Pyramid:
    """Parts of one decoded photograph at each size."""

    # parts at 1:1, 1/2, 1/4 and so on, without the smallest size
    parts: tuple[tuple[Photograph, ...], ...]
    whole: Photograph  # the smallest size, at most :data:`WHOLE_PIXELS`
    pixels_hash: str  # hash of its size and pixels

    @classmethod
    def of(cls, pixels: Bytes, pixels_hash: str) -> "Pyramid":
        """The pyramid of a photograph; the hash decides where its parts are."""
        random = np.random.default_rng(int(pixels_hash, 16))
        levels = []
        while not fits_whole(pixels):
            level = Photograph.of(pixels, pixels_hash)
            levels.append(_parts(random, level))
            half = cv2.resize(
                pixels,
                None,
                fx=0.5,
                fy=0.5,
                interpolation=cv2.INTER_AREA,
            )
            pixels = np.asarray(half, np.uint8)
        whole = Photograph.of(pixels, pixels_hash)
        return cls(tuple(levels), whole, pixels_hash)

    @property
    def nbytes(self) -> int:
        """Memory of its pixels."""
        parts = itertools.chain(*self.parts)
        return sum(part.pixels.nbytes for part in (*parts, self.whole))

    def crop(
        self,
        random: Generator,
        height: int,
        width: int,
    ) -> NDArray[np.float32]:
        """A crop as of :meth:`Photograph.crop`, from a random level.

        Only the smallest level is reduced further.

        The result: ``(height, width, 3)`` float32 linear light in [0, 1]."""
        level = 0
        if random.random() >= AS_TAKEN_SHARE:
            level = int(random.integers(1, len(self.parts) + 1))
        if level == len(self.parts):
            return self.whole.crop(random, height, width)
        parts = self.parts[level]
        part = parts[int(random.integers(len(parts)))]
        return part.crop(random, height, width, UNREDUCED)


def fits_whole(pixels: Bytes) -> bool:
    """Whether pixels are few enough to stay in memory as they are."""
    height, width = pixels.shape[:2]
    return bool(height * width <= WHOLE_PIXELS)


def in_memory(pixels: Bytes, pixels_hash: str) -> Photograph | Pyramid:
    """A photograph as a training keeps it: whole, or the parts of a large one."""
    if fits_whole(pixels):
        return Photograph.of(pixels, pixels_hash)
    return Pyramid.of(pixels, pixels_hash)


def _parts(random: Generator, level: Photograph) -> tuple[Photograph, ...]:
    """Parts of one level, mostly where it has detail; they may overlap."""
    rows, columns = level.pixels.shape[:2]
    height = min(PART_PX, rows)
    width = min(PART_PX, columns)
    parts = []
    for _ in range(PARTS):
        top, left = level.place(random, (height, width))
        # a copy, as a view would keep the whole level in memory
        part = level.pixels[top : top + height, left : left + width].copy()
        parts.append(Photograph.of(part, level.pixels_hash))
    return tuple(parts)
