"""Place the frames of a focus stack on one of them: neighbours in focus are registered in turn.

Those of too little texture are placed by correlation, and believed where their detail agrees."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from defocus.align.registration.register import register
from defocus.align.sampling.pyramid import factor_for, reduced, scaling
from defocus.align.sampling.resample import luminance_view
from defocus.datasets.opening import reading_of_files
from defocus.errors import AlignmentError
from defocus.pictures.read import read_image
from defocus.pictures.values import as_float, linear_to_srgb, srgb_to_linear
from defocus.processes.isolation import LeftOut, attempt
from defocus.progress import say, track

Array = NDArray[np.float32]
Matrix = NDArray[np.float64]

REGISTRATION_SIDE = 2048
"""Longest side of a frame, px, for the registration; larger frames are reduced by a whole
factor."""
TRIED = 3
"""Number of placed frames, the nearest in focus first, with which a frame is registered."""
CORRELATED_SIDE = 1024
"""Longest side of the pictures that are placed by correlation, px."""
SMOOTHED_PX = 9
LEAST_LIKENESS = 0.95
"""Least correlation of the strongest detail of two frames that correlation has placed. Neighbours
have 0.99, other scenes less than 0.3."""
STRONGEST = 0.2
SAME_LIGHT = 0.005
"""Difference of the mean light, as a share, below which frames are not adjusted."""


@dataclass(frozen=True)
class PlacedFrame:
    """A frame with its place."""

    path: Path  # the frame's file
    matrix: Matrix  # ``(3, 3)`` from positions of the reference frame to positions of this one
    gain: float  # factor on its linear light that gives it the reference's exposure
    white: int | None = None  # of 16 bits, the same for all frames of a stack


@dataclass(frozen=True)
class FrameView:
    """Facts about a frame by which it is placed."""

    path: Path  # the frame's file
    size: tuple[int, int]  # width and height of the picture
    luminance: Array  # luminance, reduced, in linear light
    factor: int  # by how much it is reduced
    white: int | None = None  # of 16 bits, the same for all frames of a stack


def place_frames(
    views: Sequence[FrameView],
    reference: int,
) -> tuple[list[PlacedFrame], dict[Path, str]]:
    """Register every frame of a stack, outwards from the reference frame.

    The placed frames in their order, and why others could not be placed."""
    frames = [one.path for one in views]
    shape = views[reference].luminance.shape
    factor = views[reference].factor
    matrices, left_out = _placed(views, reference, frames)
    if len(matrices) == 1:
        path, reason = next(iter(left_out.items()))
        raise AlignmentError(
            f"{path}: cannot be placed beside {frames[reference].name}: {reason}; use frames of "
            "one scene"
        )
    scale = scaling(factor)
    placed = []
    for number, matrix in sorted(matrices.items()):
        view = views[number]
        whole = np.linalg.inv(scale) @ matrix @ scale
        gain = _gain(views[reference].luminance, view.luminance, matrix, shape)
        placed.append(PlacedFrame(view.path, whole, gain, view.white))
    return placed, left_out


def _placed(
    views: Sequence[FrameView],
    reference: int,
    frames: Sequence[Path],
) -> tuple[dict[int, Matrix], dict[Path, str]]:
    """Matrix of each frame that can be placed, outwards from the reference; why others cannot."""
    matrices: dict[int, Matrix] = {reference: np.eye(3)}
    left_out: dict[Path, str] = {}
    outwards = sorted(range(len(frames)), key=lambda k: (abs(k - reference), k))
    for index in track(outwards[1:], "placing the frames"):
        near = sorted(matrices, key=lambda k: (abs(k - index), k))[:TRIED]
        neighbours = [(matrices[k], views[k].luminance) for k in near]
        placement, reason = _beside(neighbours, views[index].luminance)
        if placement is None:
            left_out[frames[index]] = reason
        else:
            matrices[index] = placement
    return matrices, left_out


def _of_other_sizes(views: Sequence[FrameView]) -> dict[Path, str]:
    """The frames that differ in size from most, and the reason that leaves them out."""
    if not views:
        return {}
    (size, _), *_ = Counter(one.size for one in views).most_common(1)
    most = f"{size[0]}x{size[1]}; a stack needs one size"
    odd = {}
    for one in views:
        if one.size != size:
            own = f"{one.size[0]}x{one.size[1]}"
            odd[one.path] = f"{one.path} is {own} but others are {most}"
    return odd


def frame_views(frames: Sequence[Path]) -> tuple[list[FrameView], dict[Path, str]]:
    """The frames of a stack that can be read and have the size of most; why the others do not."""
    reading = reading_of_files(frames)
    for remark in reading.remarks:
        say(f"{frames[0].parent}: {remark}")
    view = partial(_view, white=reading.white)
    views = []
    unread = {}
    for path in frames:
        one = attempt(path.name, partial(view, path))
        if isinstance(one, LeftOut):
            unread[path] = one.reason
        else:
            views.append(one)
    unread |= _of_other_sizes(views)
    return [one for one in views if one.path not in unread], unread


def _view(path: Path, white: int) -> FrameView:
    picture = read_image(path, white)
    factor = factor_for(picture.shape, REGISTRATION_SIDE)
    size = picture.shape[1], picture.shape[0]
    return FrameView(
        path,
        size,
        luminance_view(picture, factor),
        factor,
        white,
    )


def _beside(
    placed: Sequence[tuple[Matrix, Array]],
    view: Array,
) -> tuple[Matrix | None, str]:
    """The frame's place by the first of some placed frames that it can be registered with.

    If there is none, the reason comes from the nearest one."""
    reason = ""
    for matrix, other in placed:
        registration = register(other, view)
        if registration.matrix is not None:
            return np.asarray(registration.matrix @ matrix), ""
        reason = reason or registration.reason
    matrix, other = placed[0]
    beside = correlated(other, view)
    if beside is None:
        return None, reason
    return np.asarray(beside @ matrix), ""


def correlated(reference: Array, view: Array) -> Matrix | None:
    """``(3, 3)``: the affine transform of the largest correlation; None if detail does not agree.

    Source: Evangelidis and Psarakis, enhanced correlation coefficient maximization, TPAMI 2008."""
    factor = factor_for(reference.shape, CORRELATED_SIDE)
    first = reduced(reference, factor)
    second = reduced(view, factor)
    warp: Any = np.eye(2, 3, dtype=np.float32)
    until = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 200, 1e-6)
    none: Any = None  # no mask; OpenCV's type hints know only the other case
    try:
        for how in (cv2.MOTION_TRANSLATION, cv2.MOTION_AFFINE):
            _, warp = cv2.findTransformECC(
                first,
                second,
                warp,
                how,
                until,
                none,
                SMOOTHED_PX,
            )
    except cv2.error:  # it does not converge
        return None
    matrix = np.vstack([warp, [0.0, 0.0, 1.0]]).astype(np.float64)
    if _likeness(first, warped(second, matrix, first.shape)) < LEAST_LIKENESS:
        return None
    scale = scaling(factor)
    return np.asarray(np.linalg.inv(scale) @ matrix @ scale)


def _likeness(one: Array, other: Array) -> float:
    """Correlation of the detail of 3 to 12 px where the first picture has most of it."""
    bands = []
    for picture in (one, other):
        coarse = cv2.GaussianBlur(picture, (0, 0), 12.0)
        fine = cv2.GaussianBlur(picture, (0, 0), 3.0)
        bands.append(fine - coarse)
    sizes = np.abs(bands[0])
    strong = sizes >= np.quantile(sizes, 1 - STRONGEST)
    vectors = []
    for band in bands:
        values = band[strong]
        vectors.append(values - values.mean())
    first, second = vectors
    length = float(np.linalg.norm(first) * np.linalg.norm(second))
    return float(first @ second) / max(length, 1e-9)


def _gain(
    reference: Array,
    view: Array,
    matrix: Matrix,
    shape: tuple[int, ...],
) -> float:
    """Mean light of the reference over that of the frame, where both show the scene."""
    there = warped(view, matrix, shape)
    share = warped(np.ones_like(view), matrix, shape, cv2.BORDER_CONSTANT)
    seen = share > 0.999
    light = max(float(there[seen].mean()), 1e-6)
    ratio = float(reference[seen].mean() / light)
    return 1.0 if abs(ratio - 1.0) < SAME_LIGHT else ratio


def warped(
    picture: Array,
    matrix: Matrix,
    shape: tuple[int, ...],
    border: int = cv2.BORDER_REFLECT_101,
) -> Array:
    """A float32 picture on the grid of the reference frame, from which ``matrix`` leads to it."""
    if np.array_equal(matrix, np.eye(3)) and picture.shape[:2] == shape[:2]:
        return picture
    how = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    return np.asarray(
        cv2.warpPerspective(picture, matrix, shape[1::-1], flags=how, borderMode=border)
    )


def placed_frame(
    placed: PlacedFrame,
    shape: tuple[int, ...],
) -> tuple[Array, NDArray[np.bool_]]:
    """A frame on the reference's grid, encoded, 0..1, and where it shows the scene."""
    picture = as_float(read_image(placed.path, placed.white))
    if placed.gain != 1.0:
        picture = linear_to_srgb(
            np.clip(srgb_to_linear(picture) * placed.gain, 0.0, 1.0)
        )
    encoded = np.asarray(picture, np.float32)
    seen = warped(
        np.ones(shape[:2], np.float32),
        placed.matrix,
        shape,
        cv2.BORDER_CONSTANT,
    )
    return np.clip(warped(encoded, placed.matrix, shape), 0.0, 1.0), seen > 0.999
