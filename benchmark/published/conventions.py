"""Conventions that papers score by, and the errors of a pair of pictures under each."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from defocus.benchmark.metrics.ssim import WINDOW_PX, contrast_and_ssim, seen, ssim_map
from defocus.benchmark.scoring.profiles import (
    Profile,
    as_reference,
    as_restored,
    crop_of,
    prepared,
    resized,
)
from defocus.errors import ImageError
from defocus.pictures.values import Image

Array = NDArray[np.float64]

Conventions = dict[str, Any]
"""Fields of a profile that a convention sets."""

_PLAIN = Profile(name="", reproduces="")

_READ_BY_SCRIPTS = replace(_PLAIN, sharp_depth="high-byte", restored_depth="high-byte")

_DEPTHS = (
    _READ_BY_SCRIPTS,
    _PLAIN,
    replace(_PLAIN, sharp_depth="high-byte"),
    replace(_PLAIN, sharp_depth="nearest-byte", rounded=True),
    replace(_PLAIN, sharp_depth="high-byte", rounded=True),
)
"""How blurry and sharp files of 16 bits are read; the most usual way first."""

_SIZES: tuple[Conventions, ...] = (
    {"size": 1.0},
    {"size": 0.5, "resampling": "area"},
    {"size": 0.5, "resampling": "cubic"},
    {"size": 0.25, "resampling": "area"},
    {"size": 0.25, "resampling": "cubic"},
)
"""Sizes at which papers score; whole first."""

_CROPS: tuple[Conventions, ...] = (
    {"crop_multiple": 1},
    {"crop_multiple": 16},
    {"crop_multiple": 32},
    {"crop_multiple": 8},
    {"crop_multiple": 64},
    {"crop_multiple": 8, "crop_from": "centre"},
    {"crop_multiple": 16, "crop_from": "centre"},
    {"crop_multiple": 32, "crop_from": "centre"},
    {"crop_multiple": 64, "crop_from": "centre"},
)
"""Crops for networks with fixed strides; no crop first."""

_SIMILARITIES: tuple[Conventions, ...] = (
    {"ssim_window": "uniform-7"},
    {"ssim_window": "gaussian-11"},
    {"ssim_window": "gaussian-11", "ssim_of_luma": True, "ssim_clipped": True},
    {"ssim_window": "uniform-7", "ssim_of_luma": True},
)
"""Windows and channels of SSIM: as scikit-image, as MATLAB for each colour and for luma."""


def _readings() -> Iterator[Profile]:
    for size, depth, crop in product(_SIZES, _DEPTHS, _CROPS):
        yield replace(depth, **size, **crop)


READINGS = tuple(_readings())
"""Conventions that decide which pixels are compared, the most usual first."""

USUAL = range(2 * len(_CROPS))
"""Readings that are tried first: whole size, and both members by the upper byte or at own depth."""

UNUSUAL = range(USUAL.stop, len(READINGS))
"""The others. They take some three times as long: 11 s instead of 4 s for a pair of DPDD."""

SQUARES, ABSOLUTES, FIRST_SIMILARITY = 0, 1, 2
ERRORS = FIRST_SIMILARITY + len(_SIMILARITIES)
"""Number of errors of a pair under one reading: mean square, mean absolute error, and each SSIM."""


@dataclass(frozen=True)
class Hypothesis:
    """One way to compute a printed row: its profile, and where its errors are kept."""

    profile: Profile
    reading: int
    similarity: int


_MEANS: tuple[Literal["pictures", "errors"], ...] = ("pictures", "errors")


def _hypotheses() -> Iterator[Hypothesis]:
    for mean, (number, reading), (place, similarity) in product(
        _MEANS,
        enumerate(READINGS),
        enumerate(_SIMILARITIES),
    ):
        profile = replace(reading, mean=mean, **similarity)
        yield Hypothesis(profile, number, FIRST_SIMILARITY + place)


HYPOTHESES = tuple(_hypotheses())


def errors_of(blurry: Image, sharp: Image, readings: range) -> Array:
    """``(readings, ERRORS)`` of a pair; NaN where nothing of the pictures is left."""
    if blurry.shape != sharp.shape:
        raise ImageError(
            f"sizes differ: blurry {blurry.shape[:2]}, sharp {sharp.shape[:2]} px"
        )
    errors = np.full((len(readings), ERRORS), np.nan)
    eight_bits = blurry.dtype == sharp.dtype == np.uint8
    maps = np.empty(0)
    last = None
    for place, number in enumerate(readings):
        reading = READINGS[number]
        pictures = _what_differs(reading, eight_bits=eight_bits)
        if pictures != last:  # crops of the same pictures follow each other
            maps = _maps(blurry, sharp, reading)
            last = pictures
        errors[place] = _means_within(maps, reading)
    return errors


def _what_differs(reading: Profile, *, eight_bits: bool) -> tuple[object, ...]:
    """Facts that decide the pictures of a reading before the crop; 8 bits have one depth."""
    size = (reading.size, reading.resampling)
    if eight_bits:
        return (*size, reading.rounded and reading.size != 1)
    return (*size, reading.sharp_depth, reading.restored_depth, reading.rounded)


def _maps(blurry: Image, sharp: Image, reading: Profile) -> Array:
    """``(ERRORS, H, W)``: squares, absolutes and SSIM of each pixel; NaN outside whole windows."""
    second = resized(as_reference(sharp, reading), reading)
    first = resized(as_restored(blurry, reading), reading)
    first = prepared(first, second.shape, reading)
    difference = first - second
    maps = np.full((ERRORS, *second.shape[:2]), np.nan)
    maps[SQUARES] = np.square(difference).mean(axis=2)
    maps[ABSOLUTES] = np.abs(difference).mean(axis=2)
    for number, similarity in enumerate(_SIMILARITIES, start=FIRST_SIMILARITY):
        profile = replace(reading, **similarity)
        maps[number] = _similarity(first, second, profile)
    return maps


def _similarity(first: Array, second: Array, profile: Profile) -> Array:
    """SSIM ``(H, W)``, the mean over the channels, as the metric of that profile has it."""
    window = profile.ssim_window
    if profile.ssim_of_luma:
        lumas = seen(first, profile), seen(second, profile)
        _, similarity = contrast_and_ssim(*lumas, window, profile)
    else:
        similarity = ssim_map(first, second, window)
    return np.asarray(similarity.mean(axis=2))


def _means_within(maps: Array, reading: Profile) -> Array:
    """The mean of each map inside the crop of a reading; of SSIM, where a whole window fits."""
    _, full_height, full_width = maps.shape
    rows, columns = crop_of(full_height, full_width, reading)
    part = maps[:, rows, columns]
    height, width = part.shape[1:]
    means = np.full(ERRORS, np.nan)
    if not part.size:
        return means
    errors = part[:FIRST_SIMILARITY]
    means[:FIRST_SIMILARITY] = errors.mean(axis=(1, 2))
    for number, similarity in enumerate(_SIMILARITIES, start=FIRST_SIMILARITY):
        reach = WINDOW_PX[similarity["ssim_window"]] // 2
        inner = part[number, reach : height - reach, reach : width - reach]
        if inner.size:
            means[number] = inner.mean()
    return means
