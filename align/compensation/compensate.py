"""Warp the sharp picture of a pair onto the blurry one."""

import math
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import cv2
import numpy as np

from defocus.align.arrays import Doubles, Mask, Shape, Singles, Size
from defocus.align.measure import RELIABLE_PX, Field, Measurement, Misalignment
from defocus.align.photometry.gains import GainMatch
from defocus.align.photometry.unexplained import explained
from defocus.align.sampling.kernels import Kernel
from defocus.align.sampling.resample import (
    LocalFlow,
    Placement,
    Rectangle,
    ReleaseGrid,
    Resampling,
    coloured,
    inside_frame,
    largest_rectangle,
    resampled,
    whole,
)
from defocus.errors import AlignmentError
from defocus.pictures.values import Image

Model: TypeAlias = Literal["none", "global", "flow"]
MODELS: tuple[Model, ...] = ("none", "global", "flow")
Photometric: TypeAlias = Literal["match", "none"]

SATURATED_CODE = 0.975
"""Stored value, as a share of the largest, from which on a pixel counts as saturated."""
ROWS_AT_ONCE = 128
BLEND_PX = 12
"""Distance, in pixels of the reduced grid, over which the local flow fades in at the border of the
places where it is reliable."""


@dataclass(frozen=True)
class Release:
    """Settings for writing aligned pairs; ``flow`` adds local flow to the ``global`` model."""

    model: Model = "global"
    scale: float = (
        1.0  # size of the release relative to the blurry picture, 0 < scale <= 1
    )
    kernel: Kernel = "bicubic"
    photometric: Photometric = "match"


@dataclass(frozen=True)
class Compensation:
    """Everything that determines the pixels of a released pair."""

    placement: Placement
    grid: ReleaseGrid
    kernel: Kernel
    match: GainMatch | None  # gain and offset applied to the sharp member, or None


@dataclass(frozen=True)
class CompensatedPair:
    """The sharp picture, at its own depth, in the geometry of the blurry one, and its mask."""

    sharp: Image  # ``(H, W, 3)``, the sharp picture's own depth, on the blurry grid at full size
    # ``(H, W)``, True where it shows the scene and is reliable
    valid_mask: Mask
    misalignment: Misalignment


def compensate(
    blurry: Image,
    sharp: Image,
    measurement: Measurement,
    *,
    model: Model = "global",
    photometric: Photometric = "none",
) -> CompensatedPair:
    """Resample the sharp picture by the measurement, in linear light, once and at full size."""
    if measurement.rig is None and blurry.shape != sharp.shape:
        raise AlignmentError(
            f"the pictures are {blurry.shape} and {sharp.shape}; a pair needs one"
        )
    release = Release(model, photometric=photometric)
    plan = plan_compensation(measurement, sharp.shape, release)
    full_size = ReleaseGrid(whole(blurry.shape))
    plan = replace(plan, grid=full_size)
    return CompensatedPair(
        sharp=compensated_sharp(sharp, plan),
        valid_mask=valid_mask(sharp, measurement, plan),
        misalignment=measurement.misalignment,
    )


def plan_compensation(
    measurement: Measurement,
    sharp_size: Shape,
    release: Release,
    size: Size | None = None,
) -> Compensation:
    """Plan the compensation of a measured pair, cut to the middle ``size`` (width, height), px."""
    misalignment = measurement.misalignment
    field = measurement.field
    if misalignment.matrix is None or field is None:
        raise AlignmentError(
            f"the pair cannot be aligned, its misalignment is unknown: {misalignment.reason}"
        )
    matrix = np.eye(3) if release.model == "none" else misalignment.matrix
    local = _local_flow(field) if release.model == "flow" else None
    placement = Placement(matrix, local, measurement.rig)
    crop = _crop_of(measurement, sharp_size, release, size, placement)
    match = misalignment.photometry if release.photometric == "match" else None
    return Compensation(
        placement,
        ReleaseGrid(crop, release.scale),
        release.kernel,
        match,
    )


def _crop_of(
    measurement: Measurement,
    sharp_size: Shape,
    release: Release,
    size: Size | None,
    placement: Placement,
) -> Rectangle:
    """The area that both pictures show, at most the middle ``size`` (width, height), px."""
    full_size = ReleaseGrid(whole(measurement.shape))
    inside = inside_frame(placement, full_size, sharp_size)
    crop = largest_rectangle(inside)
    if crop is None:
        raise AlignmentError("the pictures do not overlap; use another pair")
    if size is not None:
        crop = crop.centred(*size)
    if release.scale * min(crop.width, crop.height) < 1 - 1e-9:
        raise AlignmentError(
            f"a scale of {release.scale:.3g} leaves no pixel of the common area of "
            f"{crop.width}×{crop.height} px; choose a larger one"
        )
    return crop


def _local_flow(field: Field) -> LocalFlow:
    """The residual flow where it is reliable and explains more than the transform; it fades out."""
    believed = field.flow.reliable.astype(np.uint8)
    side = 2 * BLEND_PX + 1
    inner = cv2.erode(believed, np.ones((side, side), np.uint8))
    weight = cv2.blur(inner.astype(np.float32), (side, side))
    faded = field.local * weight
    return LocalFlow(np.ascontiguousarray(faded, np.float32), field.factor)


def compensated_sharp(sharp: Image, plan: Compensation) -> Image:
    """The sharp picture on the grid of the release, at its own bit depth."""
    rig = plan.placement.rig
    match = plan.match

    def finish(light: Singles) -> Singles:
        if rig is not None:
            light = coloured(light, rig)
        if match is not None:
            light = match.applied(light)
        return light

    how = Resampling(plan.placement, plan.grid, plan.kernel)
    return resampled(sharp, how, finish)


def released_blurry(blurry: Image, plan: Compensation) -> Image:
    """The blurry picture on the grid of the release: cropped, and reduced if needed."""
    if plan.grid.scale == 1.0:
        return plan.grid.crop.of(blurry)
    in_place = Placement(np.eye(3))
    how = Resampling(in_place, plan.grid, plan.kernel)
    return resampled(blurry, how)


def valid_mask(sharp: Image, measurement: Measurement, plan: Compensation) -> Mask:
    """``(h, w)`` of the release: True where the sharp picture shows the scene and is reliable.

    At most 1 px may remain; saturated pixels of a sharp picture that is darkened are excluded."""
    field = measurement.field
    if field is None:
        return np.zeros(plan.grid.shape, dtype=bool)
    left_x, left_y = _left(measurement, plan)
    left_px = np.hypot(left_x, left_y)
    believed = field.flow.reliable & (left_px <= RELIABLE_PX)
    full = field.full(believed, measurement.shape)
    same_light = explained(field.unexplained, measurement.shape)
    mask = _on_grid(full & same_light, plan.grid)
    mask &= inside_frame(plan.placement, plan.grid, sharp.shape)
    if plan.match is not None and min(plan.match.gain) < 1:
        mask &= ~_saturated(sharp, plan)
    return mask


def _left(measurement: Measurement, plan: Compensation) -> Doubles:
    """``(2, h, w)`` on the reduced grid: the uncompensated flow, px of the full picture."""
    field = measurement.field
    matrix = measurement.misalignment.matrix
    assert field is not None  # noqa: S101 - for the type checker: the caller has looked
    assert matrix is not None  # noqa: S101 - likewise
    height, width = field.flow.reliable.shape
    column_centres = np.arange(width, dtype=np.float64) + 0.5
    row_centres = np.arange(height, dtype=np.float64) + 0.5
    columns = field.factor * column_centres - 0.5
    rows = field.factor * row_centres - 0.5
    by_measurement = Placement(matrix)
    by_plan = Placement(plan.placement.matrix)
    wanted = np.stack(by_measurement(columns, rows))
    used = np.stack(by_plan(columns, rows))
    left = wanted - used + field.misplaced
    local = plan.placement.local
    if local is None:
        return left
    return left - local.field


def _on_grid(mask: Mask, grid: ReleaseGrid) -> Mask:
    """Reduce a mask of the blurry picture; a released pixel is True if all pixels under it are."""
    if grid.scale < 1.0:
        reach = math.ceil(0.5 / grid.scale)
        side = 2 * reach + 1
        neighbours = np.ones((side, side), np.uint8)
        mask = cv2.erode(mask.astype(np.uint8), neighbours) > 0
    rows = np.rint(grid.rows()).astype(int)
    columns = np.rint(grid.columns()).astype(int)
    on_grid = mask[rows[:, None], columns[None, :]]
    return np.asarray(on_grid)


def _saturated(sharp: Image, plan: Compensation) -> Mask:
    """Saturated pixels of the sharp picture and their neighbours, ``(h, w)`` of the release."""
    height, width = sharp.shape[:2]
    full = _full_pixels(sharp)
    columns = plan.grid.columns()
    rows = plan.grid.rows()
    saturated = np.empty(plan.grid.shape, np.uint8)
    for top in range(0, len(rows), ROWS_AT_ONCE):
        strip = slice(top, top + ROWS_AT_ONCE)
        x, y = plan.placement(columns, rows[strip])
        column = np.rint(np.clip(x, 0, width - 1))
        row = np.rint(np.clip(y, 0, height - 1))
        nearest = row.astype(int), column.astype(int)
        saturated[strip] = full[nearest]
    neighbours = np.ones((5, 5), np.uint8)
    return cv2.dilate(saturated, neighbours) > 0


def _full_pixels(sharp: Image) -> Mask:
    """Pixels whose brightest channel is saturated."""
    red = sharp[:, :, 0]
    green = sharp[:, :, 1]
    blue = sharp[:, :, 2]
    # ten times quicker than max over an axis
    brightest = np.maximum(np.maximum(red, green), blue)
    white = np.iinfo(sharp.dtype).max
    return brightest >= math.ceil(SATURATED_CODE * white)
