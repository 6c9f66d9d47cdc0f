"""Estimate a rig from one reference pair of a static, sharp scene at equal aperture."""

import cv2
import numpy as np
from numpy.typing import NDArray

from defocus.align.arrays import Doubles, Mask, Size
from defocus.align.photometry.gains import SATURATED
from defocus.align.photometry.linear_light import LUMINANCE
from defocus.align.registration.register import register
from defocus.align.registration.tile_shifts import tile_shifts
from defocus.align.rig import LensCalibration, Rig, matrix_rows
from defocus.align.sampling.resample import (
    Placement,
    ReleaseGrid,
    inside_frame,
    sharp_view,
    whole,
)
from defocus.align.uncertainty import huber_weights
from defocus.errors import AlignmentError
from defocus.pictures.values import Image, as_linear

Light = NDArray[np.float32]
WINDOW_PX = 15
STRIDE_PX = 5
DARK = 0.004
ROUNDS = 6
HUBER = 1.5
LEAST_WINDOWS = 30
TILE_GRID = (11, 13)
TILE_BAND = 0.12
PEAK_OVER_NOISE = 1.3
LEAST_TILES = 20
INLIER_PX = 0.5
LEAST_SIDE_PX = 64
ADVICE = "take one of a flat, textured scene, both cameras at the same small aperture"
LARGEST_CONDITION = 300.0
"""Largest condition number of the windows' colours. A grey scene has thousands."""


def estimate_rig(
    blurry: Image,
    sharp: Image,
    *,
    mirrored: bool,
    blurry_camera: LensCalibration | None = None,
    sharp_camera: LensCalibration | None = None,
) -> Rig:
    """Estimate homography and colour matrix between two cameras from one pair of pictures.

    The second lens is calibrated with the mirroring undone; the matrix includes intensity."""
    _require_large(blurry, sharp)
    size = _size(blurry)
    other = _size(sharp)
    start = _fitted(size, other)
    rig = Rig(
        blurry_size=size,
        sharp_size=other,
        mirrored=mirrored,
        homography=matrix_rows(start),
        sharp_camera=sharp_camera,
    )
    # the first camera's lens is left out of the rig and its picture straightened instead: so what
    # is registered is what a homography can describe
    first = _straightened(blurry, blurry_camera)
    fit = register(first @ LUMINANCE, sharp_view(sharp, 1, rig) @ LUMINANCE)
    if fit.matrix is None:
        raise AlignmentError(
            f"the reference pair cannot be registered: {fit.reason}; {ADVICE}"
        )
    rig = _refined(sharp, rig, start @ fit.matrix, first)
    view = sharp_view(sharp, 1, rig)
    grid = ReleaseGrid(whole(blurry.shape))
    placement = Placement(np.eye(3), rig=rig)
    inside = inside_frame(placement, grid, sharp.shape)
    colours = matrix_rows(colour_matrix(first, view, inside))
    return rig.model_copy(
        update={"colour_matrix": colours, "blurry_camera": blurry_camera}
    )


def _size(picture: Image) -> Size:
    """Width and height."""
    return picture.shape[1], picture.shape[0]


def _require_large(blurry: Image, sharp: Image) -> None:
    """Refuse reference pictures that are too small to compare."""
    for picture in (blurry, sharp):
        if min(picture.shape[:2]) < LEAST_SIDE_PX:
            raise AlignmentError(
                f"a reference picture is {picture.shape[1]}×{picture.shape[0]} px; each side needs "
                f"{LEAST_SIDE_PX} or more"
            )


def _refined(
    sharp: Image,
    rig: Rig,
    homography: Doubles,
    first: Light,
) -> Rig:
    """The rig after two rounds in which what is left of the homography is measured."""
    for _ in range(2):
        rig = rig.model_copy(update={"homography": matrix_rows(homography)})
        left = _homography_left(
            first @ LUMINANCE,
            sharp_view(sharp, 1, rig) @ LUMINANCE,
        )
        homography = homography @ left
    return rig.model_copy(update={"homography": matrix_rows(homography)})


def colour_matrix(
    first: Light,
    second: Light,
    inside: Mask,
) -> Doubles:
    """Estimate the ``(3, 3)`` matrix from linear RGB of the second picture to the first.

    It is a robust fit (Huber) of window means, with errors proportional to the light."""
    target, source = _window_colours(first, second, inside)
    enough = len(source) >= LEAST_WINDOWS
    if not enough or np.linalg.cond(source / source.mean()) > LARGEST_CONDITION:
        raise AlignmentError(
            "the reference pair has too few colours for a colour matrix; take one with a chart"
        )
    precision = 1.0 / (target.mean(axis=1) + DARK)
    weights = precision.copy()
    for _ in range(ROUNDS):
        root = weights[:, None]
        solution = np.linalg.lstsq(source * root, target * root, rcond=None)
        matrix = solution[0]
        left = np.linalg.norm(target - source @ matrix, axis=1)
        residual = precision * left
        scale = max(1.4826 * float(np.median(residual)), 1e-9)
        weights = precision * np.sqrt(huber_weights(residual, HUBER * scale))
    return np.asarray(matrix.T)


def _window_colours(
    first: Light,
    second: Light,
    inside: Mask,
) -> tuple[Doubles, Doubles]:
    """``(n, 3)``, twice: mean colours of windows that both pictures show well exposed."""
    window = (WINDOW_PX, WINDOW_PX)
    bad = first.max(axis=2) >= SATURATED
    bad |= second.max(axis=2) >= SATURATED
    bad |= ~inside
    first_means = cv2.blur(first, window)
    second_means = cv2.blur(second, window)
    good = cv2.blur(bad.astype(np.float32), window) <= 0.001
    good &= first_means.mean(axis=2) > DARK
    good &= second_means.mean(axis=2) > DARK
    chosen = good[::STRIDE_PX, ::STRIDE_PX]
    target = first_means[::STRIDE_PX, ::STRIDE_PX][chosen]
    source = second_means[::STRIDE_PX, ::STRIDE_PX][chosen]
    return target.astype(np.float64), source.astype(np.float64)


def _homography_left(first: Light, second: Light) -> Doubles:
    """The remaining homography between registered pictures, fitted to their tiles.

    A rig serves many pairs, and cameras behind a beam splitter do differ by a homography."""
    wanted = max(48, max(first.shape) // 8)
    side = min(wanted, 256, *first.shape)
    shifts = tile_shifts(first, second, (side, side), TILE_GRID, TILE_BAND)
    good = shifts.peaks >= PEAK_OVER_NOISE * shifts.noise_peak
    ends = shifts.centres + shifts.shifts
    fitted = None
    if good.sum() >= LEAST_TILES:
        fitted, _ = cv2.findHomography(
            shifts.centres[good],
            ends[good],
            cv2.RANSAC,
            INLIER_PX,
        )
    if fitted is None:
        raise AlignmentError(
            f"only {int(good.sum())} of {good.size} tiles of the reference pair match well enough "
            f"for a homography; {ADVICE}"
        )
    return np.asarray(fitted, np.float64)


def _fitted(size: Size, other: Size) -> Doubles:
    """The transform that centres a picture of one size on another, scaled by width."""
    zoom = other[0] / size[0]
    start = np.diag([zoom, zoom, 1.0])
    start[:2, 2] = [
        (o - 1) / 2 - zoom * (s - 1) / 2 for s, o in zip(size, other, strict=True)
    ]
    return start


def _straightened(picture: Image, camera: LensCalibration | None) -> Light:
    """Linear light with lens distortion removed."""
    if camera is None:
        return as_linear(picture)
    size = (picture.shape[1], picture.shape[0])
    lens = Rig(blurry_size=size, sharp_size=size, sharp_camera=camera)
    return sharp_view(picture, 1, lens)
