"""The part of a large picture that is restored first, while the whole takes its time."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Self

import cv2
import numpy as np
from numpy.typing import NDArray

from defocus.blur.learned_map import estimate_blur_map
from defocus.pictures.values import OwnPicture, as_shown, as_stored

LOOK_PX = (576, 960)
"""Height and width of the part, px. It fills the view of a window of 1280 x 800 px, and two cores
restore it in some 1.4 s."""
LARGE_PIXELS = 3_000_000
"""Pixels from which a picture gets a first look; two cores restore smaller ones in some 5 s."""
SAMPLE_PX = 192
"""Side of the samples that show where to look, px."""
MOST_SAMPLES = 10
"""Number of samples whose blur is estimated, those with most details; each takes 0.03 s."""
MOST_PLACES = 12
"""Largest number of parts along a side among which one is chosen; more would take too long in a
very long picture."""
DETAIL_PX = 25
"""Side of the square whose mean is subtracted to leave only details, px: about the largest that a
network restores."""
SHARP_PX, BLURRED_PX = 1.0, 4.0
"""Diameters up to which a part counts as in focus, and from which it counts as blurred."""
IN_FOCUS_SHARE = 0.1
"""Weight of details in focus, where restoring changes little: they decide only in a picture without
blur."""

Array = NDArray[np.float32]


@dataclass(frozen=True)
class LookArea:
    """Place of the part in the picture as it is shown, px."""

    left: int
    top: int
    width: int
    height: int


def look_area(picture: OwnPicture) -> LookArea | None:
    """The part of a large picture with most details that are blurred; None of a small picture."""
    height, width = as_shown(picture.stored, picture.orientation).shape[:2]
    if height * width < LARGE_PIXELS:
        return None
    samples = [_Sample.taken(picture, area) for area in _areas(height, width)]
    samples.sort(key=lambda sample: sample.detail, reverse=True)
    best = max(samples[:MOST_SAMPLES], key=_expected_change)
    return best.area


@dataclass(frozen=True)
class _Sample:
    """The middle of a part."""

    area: LookArea
    colours: Array  # ``(h, w, 3)`` in [0, 1]
    detail: float  # mean of the absolute differences from what is around

    @classmethod
    def taken(cls, picture: OwnPicture, area: LookArea) -> Self:
        height = min(SAMPLE_PX, area.height)
        width = min(SAMPLE_PX, area.width)
        left = area.left + (area.width - width) // 2
        top = area.top + (area.height - height) // 2
        colours = part_of(picture, LookArea(left, top, width, height)).colours()
        around = cv2.blur(colours, (DETAIL_PX, DETAIL_PX))
        return cls(area, colours, float(np.abs(colours - around).mean()))


def _expected_change(sample: _Sample) -> float:
    """How much restoring will change a part: its details, where they are blurred."""
    blur_map = estimate_blur_map(sample.colours)
    share = (blur_map.diameter_px - SHARP_PX) / (BLURRED_PX - SHARP_PX)
    blurred = np.clip(share, IN_FOCUS_SHARE, 1) * blur_map.reliable
    return sample.detail * float(blurred.mean())


def _areas(height: int, width: int) -> Iterator[LookArea]:
    """Parts that cover a picture, evenly spaced."""
    part_height = min(LOOK_PX[0], height)
    part_width = min(LOOK_PX[1], width)
    rows = min(-(-height // part_height), MOST_PLACES)
    columns = min(-(-width // part_width), MOST_PLACES)
    for top in np.linspace(0, height - part_height, rows):
        for left in np.linspace(0, width - part_width, columns):
            yield LookArea(int(left), int(top), part_width, part_height)


def part_of(picture: OwnPicture, area: LookArea) -> OwnPicture:
    """The part as a picture of its own, stored as the whole is."""
    shown = as_shown(picture.stored, picture.orientation)
    rows = slice(area.top, area.top + area.height)
    columns = slice(area.left, area.left + area.width)
    part = as_stored(shown[rows, columns], picture.orientation)
    return replace(picture, stored=part.copy())
