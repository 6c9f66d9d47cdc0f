"""Local features of a picture: where it has detail, and what it looks like around there.

A descriptor stays where the picture is mirrored or turned by 90°; the turn is stored separately."""

import contextlib
import zipfile
from dataclasses import dataclass, fields
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from defocus.cache import cache_folder
from defocus.pictures.read import read_image
from defocus.pictures.values import upper_bits
from defocus.processes.freed_memory import return_freed_memory
from defocus.storage.files import atomic_path, make_folder

Indices = NDArray[np.intp]

FEATURES_REVISION = 2
"""Revision of what is computed here. Raise it where numbers change: kept features are not read."""

REDUCED_ABOVE_PX = 200_000
"""Pictures with more pixels are halved first, which takes a quarter of the time. The smallest part
that is looked for, 128 px, then has 64 px a side and about 20 features."""

LEVEL_STEP = 2**0.5
"""Factor between the sizes of two levels of the pyramid. Levels of two pictures then differ in
scale by 19 % at most, which the descriptors bear."""

SMALLEST_LEVEL_PX = 40
"""Shorter side of the smallest level: two windows of a descriptor."""

FINE_SIGMA_PX = 1.2
"""Blur of a level before it is sampled: the samples are 2 px apart."""
COARSE_SIGMA_PX = 1.5
"""Standard deviation, px, of the further blur of a level; the result is subtracted from the level,
so that details of 3 to 5 px answer most."""

APART_PX = 3
"""Least distance, px, of two features of a level: about one feature in 50 px² in rich textures."""

LEAST_RESPONSE = 1.0
"""Least difference of the two blurs, in grey levels of 255. Below it there are noise, skies and
walls."""

SAMPLES = 10
"""Number of samples of a descriptor along each axis, 2 px apart: a window of 20 px."""

FREQUENCIES = 7
"""Number of lowest frequencies of the window that are kept along each axis; all but the mean make
48."""

MOST_FEATURES = 100_000
"""Largest number of features of one picture; a picture of 24 megapixels has about this many."""

DESCRIPTOR_SCALE = 127.0
"""Steps of the 8-bit integers as which a descriptor, a vector of length 1, is stored."""

Floats = NDArray[np.float32]
Codes = NDArray[np.uint8]


@dataclass(frozen=True)
class LocalFeatures:
    """Features of one picture, one per row."""

    shape: NDArray[np.int32]  # height and width of the picture, px
    places: Floats  # (N, 2) x and y in the picture, px
    scales: Floats  # (N,) pixels of the picture for one of the feature's level
    strengths: Floats  # (N,) answer of the detector, grey levels
    turns: Codes  # (N,) how the window was turned, see ``turned``
    descriptors: NDArray[np.int8]  # (N, 48) after that turn

    def __len__(self) -> int:
        """Number of features."""
        return len(self.places)

    def unit_descriptors(self) -> Floats:
        """The descriptors as vectors of length 1."""
        return self.descriptors.astype(np.float32) / np.float32(DESCRIPTOR_SCALE)

    def chosen(self, rows: Indices) -> "LocalFeatures":
        """Some of the features."""
        return LocalFeatures(
            self.shape,
            self.places[rows],
            self.scales[rows],
            self.strengths[rows],
            self.turns[rows],
            self.descriptors[rows],
        )


def features_of_file(
    path: Path, sha256: str, white: float | None = None
) -> LocalFeatures:
    """The features of a picture file with a white, kept by its hash in the cache folder."""
    name = f"{sha256}-{white or 'own'}-{FEATURES_REVISION}.npz"
    place = cache_folder() / "features" / sha256[:2] / name
    damaged = OSError, ValueError, KeyError, zipfile.BadZipFile
    names = [field.name for field in fields(LocalFeatures)]
    with contextlib.suppress(*damaged), place.open("rb") as file, np.load(file) as kept:
        return LocalFeatures(*[kept[name] for name in names])
    grey = grey_picture(path, white)
    return_freed_memory(grey.size)
    features = local_features(grey)
    return_freed_memory(grey.size)
    make_folder(place.parent)
    with atomic_path(place) as temporary, temporary.open("wb") as target:
        np.savez(target, **vars(features))
    return features


def grey_picture(path: Path, white: float | None = None) -> Codes:
    """A picture file as ``(H, W)`` grey levels of 8 bits; ``white`` as for ``read_image``."""
    picture = upper_bits(read_image(path, white))
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    return np.asarray(grey, np.uint8)


def local_features(grey: Codes) -> LocalFeatures:
    """The features of a ``(H, W)`` picture of 8 bits, the strongest where there are too many."""
    parts = [_level_features(level, grey.shape) for level in _levels(grey)]
    columns: list[Any] = _none()
    if parts:
        columns = [np.concatenate(column) for column in zip(*parts, strict=True)]
    shape = np.array(grey.shape, np.int32)
    features = LocalFeatures(shape, *columns)
    if len(features) <= MOST_FEATURES:
        return features
    strongest = np.argsort(-features.strengths)
    return features.chosen(strongest[:MOST_FEATURES])


def _none() -> list[Floats]:
    """The columns of a picture that is too small for any level."""
    size = FREQUENCIES**2 - 1
    empty = np.zeros(0, np.float32)
    return [
        np.zeros((0, 2), np.float32),
        empty,
        empty,
        empty.astype(np.uint8),
        np.zeros((0, size), np.int8),
    ]


def _levels(grey: Codes) -> list[Codes]:
    """The pyramid of a picture, each level made of the one that is twice as large."""
    factor = 2.0 if grey.size > REDUCED_ABOVE_PX else 1.0
    levels: list[Codes] = []
    source = grey
    while True:
        height, width = (round(side / factor) for side in grey.shape)
        if min(height, width) < SMALLEST_LEVEL_PX:
            return levels
        level = source
        if (height, width) != source.shape:
            reduced = cv2.resize(source, (width, height), interpolation=cv2.INTER_AREA)
            level = np.asarray(reduced)
        levels.append(level)
        source = levels[-2] if len(levels) > 1 else level
        factor *= LEVEL_STEP


def _level_features(
    level: Codes, shape: tuple[int, ...]
) -> tuple[Floats, Floats, Floats, Codes, NDArray[np.int8]]:
    """Places, scales, strengths, turns and descriptors of one level, in the picture's pixels."""
    fine, response, rows, columns = _feature_places(level)
    turns, descriptors = _described(fine, rows, columns)
    factor = shape[1] / level.shape[1]
    in_level = np.stack([columns, rows], axis=1)
    places = in_level * factor + (factor - 1) / 2
    scales = np.full(len(rows), factor, np.float32)
    strengths = response[rows, columns].astype(np.float32)
    return places.astype(np.float32), scales, strengths, turns, descriptors


def _feature_places(
    level: Codes,
) -> tuple[Floats, Floats, Indices, Indices]:
    """Smoothed codes, strength everywhere, and the places where it is largest."""
    smooth = cv2.GaussianBlur(level.astype(np.float32), (0, 0), FINE_SIGMA_PX)
    fine = np.asarray(smooth, np.float32)
    coarse = cv2.GaussianBlur(fine, (0, 0), COARSE_SIGMA_PX)
    response = np.abs(fine - coarse)
    side = 2 * APART_PX + 1
    around = np.ones((side, side), np.uint8)
    largest = cv2.dilate(response, around)
    margin = SAMPLES
    inside = slice(margin, -margin)
    is_feature = (response >= largest) & (response > LEAST_RESPONSE)
    rows, columns = np.nonzero(is_feature[inside, inside])
    return fine, response, rows + margin, columns + margin


def _described(
    fine: Floats, rows: Indices, columns: Indices
) -> tuple[Codes, NDArray[np.int8]]:
    """Turn and descriptor of the window around each place."""
    spectrum = _spectra(fine, rows, columns)
    across = spectrum[:, 0, 1]
    down = spectrum[:, 1, 0]
    steeper = np.abs(down) > np.abs(across)
    bits = (across < 0) + 2 * (down < 0) + 4 * steeper
    turns = bits.astype(np.uint8)
    upright = _without_mean(turned(spectrum, turns))
    steps = np.rint(upright * DESCRIPTOR_SCALE)
    return turns, np.clip(steps, -127, 127).astype(np.int8)


def _without_mean(spectrum: Floats) -> Floats:
    """The numbers of spectra ``(N, 7, 7)`` as rows ``(N, 48)``, without those of the mean."""
    return spectrum.reshape(-1, FREQUENCIES**2)[:, 1:]


def _spectra(fine: Floats, rows: Indices, columns: Indices) -> Floats:
    """Normalised cosine spectrum of the window around each place."""
    offsets = 2 * np.arange(SAMPLES) - (SAMPLES - 1)
    down = rows[:, None, None] + offsets[None, :, None]
    across = columns[:, None, None] + offsets[None, None]
    window = fine[down, across]
    fade = np.exp(-0.5 * (offsets / 8.0) ** 2).astype(np.float32)
    window = window - window.mean((1, 2), keepdims=True)
    window = window * fade[:, None] * fade
    basis = _cosines()
    spectrum = np.einsum(
        "ki,nij,lj->nkl",
        basis,
        window,
        basis,
        optimize=True,
    )
    spectrum[:, 0, 0] = 0.0
    energy = (spectrum**2).sum(axis=(1, 2))
    length = np.maximum(np.sqrt(energy), 1e-6)
    spectrum /= length[:, None, None]
    return np.asarray(spectrum)


def _cosines() -> Floats:
    """Rows of the orthonormal discrete cosine transform, lowest frequency first."""
    order = np.arange(FREQUENCIES)[:, None]
    place = np.arange(SAMPLES) + 0.5
    angles = np.pi * order * place / SAMPLES
    rows = np.cos(angles) * np.sqrt(2 / SAMPLES)
    rows[0] /= np.sqrt(2)
    return np.asarray(rows, np.float32)


def turned(spectrum: Floats, turns: Codes) -> Floats:
    """Spectra ``(N, 7, 7)`` of windows that are mirrored by bits 1 and 2, then transposed by 4."""
    # odd frequencies change their sign in a mirrored window
    unchanged = np.ones(FREQUENCIES, np.float32)
    flipped = unchanged.copy()
    flipped[1::2] = -1.0
    across = np.where((turns & 1)[:, None] > 0, flipped, unchanged)
    down = np.where((turns & 2)[:, None] > 0, flipped, unchanged)
    mirrored = spectrum * down[:, :, None] * across[:, None, :]
    is_transposed = (turns & 4)[:, None, None] > 0
    transposed = mirrored.transpose(0, 2, 1)
    spectra = np.where(is_transposed, transposed, mirrored)
    return np.asarray(spectra, np.float32)


@cache
def turn_matrices() -> NDArray[np.float64]:
    """For each of the 8 turns the matrix ``(2, 2)`` that does the same to places."""
    matrices = []
    for transpose, down, across in product((0, 1), (1.0, -1.0), (1.0, -1.0)):
        flips = np.diag([across, down])
        matrices.append(flips[::-1] if transpose else flips)
    return np.array(matrices)


def turn_of(matrix: NDArray[np.float64]) -> int:
    """The number of the turn with this matrix."""
    is_same = (turn_matrices() == matrix).all((1, 2))
    return int(np.flatnonzero(is_same)[0])


UNSURE = 0.12
"""Limit of doubt about a descriptor's turn. Where the number that decides the turn is smaller than
this share of the descriptor's length, noise can change it, and both turns are looked for."""


def with_unsure_turns(
    features: LocalFeatures,
) -> tuple[Indices, Codes, Floats]:
    """Rows, turns and descriptors of features, again for each turn that they could have too."""
    upright = features.unit_descriptors()
    shape = (-1, FREQUENCIES, FREQUENCIES)
    spectrum = np.pad(upright, ((0, 0), (1, 0))).reshape(shape)
    parts = []
    for further in range(8):
        chosen = _could_have(spectrum, further)
        once_more = np.full(len(chosen), further, np.uint8)
        again = turned(spectrum[chosen], once_more)
        composed = _TURNED_AGAIN[features.turns[chosen], further]
        parts.append((chosen, composed, _without_mean(again)))
    rows, turns, descriptors = zip(*parts, strict=True)
    return np.concatenate(rows), np.concatenate(turns), np.concatenate(descriptors)


def _could_have(spectrum: Floats, further: int) -> Indices:
    """Features that could have this turn too."""
    across = spectrum[:, 0, 1]
    down = spectrum[:, 1, 0]
    is_unsure = (across < UNSURE, down < UNSURE, across - down < UNSURE)
    wanted = np.ones(len(spectrum), np.bool_)
    for bit in range(3):
        if further >> bit & 1:
            wanted &= is_unsure[bit]
    return np.flatnonzero(wanted)


def _composed() -> Codes:
    """The turn that equals one turn after another, by the numbers of both."""
    matrices = turn_matrices()
    table = np.zeros((8, 8), np.uint8)
    for first, second in product(range(8), repeat=2):
        table[first, second] = turn_of(matrices[second] @ matrices[first])
    return table


_TURNED_AGAIN = _composed()
