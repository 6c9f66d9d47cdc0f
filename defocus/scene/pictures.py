"""Sharp pictures as textures, in linear light: those of scikit-image, and a user's photographs."""

import math
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from defocus.errors import RegistryError
from defocus.near_names import meant
from defocus.pictures.values import srgb_to_linear

Floats = NDArray[np.float64]

PICTURES = (
    "astronaut",
    "brick",
    "camera",
    "chelsea",
    "coffee",
    "coins",
    "grass",
    "gravel",
    "hubble_deep_field",
    "immunohistochemistry",
    "page",
    "retina",
    "rocket",
)
"""Names that :func:`texture` accepts; scikit-image ships these, nothing is downloaded."""


Branch = Literal["train", "held-out"]
"""Two halves of a stream, which share no photograph, lens or depth shape."""

LINEAR_OF_BYTE = srgb_to_linear(np.arange(256, dtype=np.float32) / np.float32(255))

CELL_PX = 16
"""Side of the cells for which sharpness is known, px."""
SCALES = (0.35, 1.0)
"""Range of factors by which photographs are reduced so that they are sharp; small ones are reduced
less."""
SHARPER_SHARE = 0.65
"""Share of crops that take the sharper of two places. The other crops bring soft content, which is
needed too."""


@cache
def picture_of(name: str) -> NDArray[np.uint8]:
    """``(H, W, 3)`` sRGB of a picture of scikit-image."""
    from skimage import data  # slow to import, and only rendering needs it

    pixels = np.asarray(getattr(data, name)())
    if pixels.ndim == 2:
        pixels = np.repeat(pixels[:, :, None], 3, axis=2)
    return np.ascontiguousarray(pixels[:, :, :3])


@cache
def _linear(name: str) -> Floats:
    # of all that eight bits hold: a table
    values = srgb_to_linear(np.arange(256) / 255.0)
    return np.asarray(cv2.LUT(picture_of(name), values))


def texture(
    name: str,
    width: int,
    height: int,
    region: tuple[float, float, float, float] = (0.0, 0.0, 1.0, 1.0),
) -> Floats:
    """The largest centred crop with that aspect ratio, resized by area or cubic.

    The result: ``(height, width, 3)`` float64, linear light, >= 0."""
    if name not in PICTURES:
        raise RegistryError(f"no picture '{name}'; {meant(name, PICTURES)}")
    return covering(part(_linear(name), region), width, height)


def covering(
    picture: Floats,
    width: int,
    height: int,
) -> Floats:
    """The largest centred part of a picture with that aspect ratio, resized by area or cubic.

    The result: ``(height, width, 3)`` float64, >= 0."""
    rows, columns = picture.shape[:2]
    scale = min(columns / width, rows / height)
    crop_w = int(scale * width)
    crop_h = int(scale * height)
    left = (columns - crop_w) // 2
    top = (rows - crop_h) // 2
    crop = picture[top : top + crop_h, left : left + crop_w]
    method = cv2.INTER_AREA if scale >= 1 else cv2.INTER_CUBIC
    resized = np.asarray(cv2.resize(crop, (width, height), interpolation=method))
    return np.maximum(resized, 0.0, out=resized)


def part(picture: Floats, region: tuple[float, float, float, float]) -> Floats:
    """A part of a picture."""
    rows, columns = picture.shape[:2]
    left, top, right, bottom = region
    return picture[
        round(top * rows) : round(bottom * rows),
        round(left * columns) : round(right * columns),
    ]


def _extended(picture: NDArray[Any], rows: int, columns: int) -> NDArray[Any]:
    """A picture that is mirrored below and on the right where it is too small."""
    height, width = picture.shape[:2]
    below = max(rows - height, 0)
    right = max(columns - width, 0)
    return cv2.copyMakeBorder(
        picture,
        0,
        below,
        0,
        right,
        cv2.BORDER_REFLECT_101,
    )


@dataclass(frozen=True)
class Photograph:
    """One decoded photograph."""

    pixels: NDArray[np.uint8]  # ``(H, W, 3)`` uint8, sRGB
    # ``(h, w)`` float32, mean gradient of cells of :data:`CELL_PX`
    detail: NDArray[np.float32]
    pixels_hash: str  # hash of its size and pixels

    @classmethod
    def of(cls, pixels: NDArray[np.uint8], pixels_hash: str) -> "Photograph":
        """The photograph with those pixels.

        Its detail is that at half size, to suppress noise and JPEG blocks."""
        grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
        half = cv2.resize(
            grey,
            None,
            fx=0.5,
            fy=0.5,
            interpolation=cv2.INTER_AREA,
        )
        across = cv2.Sobel(half, cv2.CV_32F, 1, 0)
        down = cv2.Sobel(half, cv2.CV_32F, 0, 1)
        height, width = pixels.shape[:2]
        cells = (math.ceil(width / CELL_PX), math.ceil(height / CELL_PX))
        strength = np.sqrt(np.abs(across) + np.abs(down))
        detail = cv2.resize(strength, cells, interpolation=cv2.INTER_AREA)
        return cls(pixels, np.asarray(detail, np.float32), pixels_hash)

    def crop(
        self,
        random: Generator,
        height: int,
        width: int,
        scales: tuple[float, float] = SCALES,
    ) -> NDArray[np.float32]:
        """A random part at a random scale and orientation, extended by reflection if too small.

        The result: ``(height, width, 3)`` float32 linear light in [0, 1]."""
        turned = bool(random.integers(2))
        rows, columns = (width, height) if turned else (height, width)
        linear = self._scaled_part(random, rows, columns, scales)
        down = random.choice((-1, 1))
        across = random.choice((-1, 1))
        flipped = linear[::down, ::across]
        if turned:
            flipped = flipped.swapaxes(0, 1)
        return np.ascontiguousarray(flipped)

    def _scaled_part(
        self,
        random: Generator,
        rows: int,
        columns: int,
        scales: tuple[float, float],
    ) -> NDArray[np.float32]:
        """A part as linear light of this size, upright."""
        high, wide = self.pixels.shape[:2]
        largest = min(high / rows, wide / columns)
        least, most = scales
        scale = random.uniform(min(max(least, 1 / largest), most), most)
        height = min(round(rows / scale), high)
        width = min(round(columns / scale), wide)
        top, left = self.place(random, (height, width))
        cut = self.pixels[top : top + height, left : left + width]
        linear = cv2.LUT(cut, LINEAR_OF_BYTE)
        if largest < 1:
            linear = _extended(linear, rows, columns)
        return _reduced(linear, rows, columns)

    def place(
        self,
        random: Generator,
        window: tuple[int, int],
    ) -> tuple[int, int]:
        """Random position of a window; mostly the sharper of two."""
        height, width = window
        rows = self.pixels.shape[0] - height + 1
        columns = self.pixels.shape[1] - width + 1
        places = []
        for _ in range(2):
            top = int(random.integers(rows))
            left = int(random.integers(columns))
            places.append((top, left))
        if random.random() >= SHARPER_SHARE:
            return places[0]
        return max(places, key=lambda place: self._detail(place, window))

    def _detail(self, place: tuple[int, int], window: tuple[int, int]) -> float:
        top, left = place
        height, width = window
        rows = _cells(top, height)
        columns = _cells(left, width)
        return float(self.detail[rows, columns].mean())


def _reduced(linear: NDArray[Any], rows: int, columns: int) -> NDArray[np.float32]:
    """Linear light of this size, by area."""
    if linear.shape[:2] != (rows, columns):
        linear = cv2.resize(linear, (columns, rows), interpolation=cv2.INTER_AREA)
    return np.asarray(linear, np.float32)


def _cells(begin: int, length: int) -> slice:
    """The cells of a range of pixels; at least one."""
    first = begin // CELL_PX
    end = (begin + length) // CELL_PX
    return slice(first, max(end, first + 1))
