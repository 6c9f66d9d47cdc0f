"""Measure the misalignment of a pair and its uncertainty, and what a pair must be for it."""

import math
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from defocus.align.flow.calibration_mask import paper_mask
from defocus.align.flow.dense import LARGEST_SIDE, DenseFlow, dense_flow
from defocus.align.flow.estimator import FlowEstimator
from defocus.align.flow.refine import supported
from defocus.align.misalignment import Misalignment, Sigma, mean_displacement
from defocus.align.photometry.exposure import vignetting_ev
from defocus.align.photometry.gains import Photometry, photometry
from defocus.align.photometry.linear_light import LUMINANCE, reduced_twice
from defocus.align.photometry.unexplained import explained, unexplained
from defocus.align.registration.asymmetry import Asymmetry, asymmetry
from defocus.align.registration.register import Registration, Uncertainty, register
from defocus.align.registration.session import SessionLens, register_in_session, with_session
from defocus.align.registration.unknown_causes import cause
from defocus.align.rig import Rig
from defocus.align.sampling.positions import inside, pixel_grid, sampled
from defocus.align.sampling.pyramid import enlarged, factor_for, scaling
from defocus.align.sampling.resample import luminance_view, sharp_view
from defocus.align.uncertainty import Array, BlockDraws, blocks_of, sample_grid
from defocus.errors import AlignmentError
from defocus.freed_memory import return_freed_memory
from defocus.pictures.values import Image
from defocus.scene.geometry import Similarity

__all__ = ["RELIABLE_PX", "Field", "Measurement", "Misalignment", "measure"]

Mask = NDArray[np.bool_]
Array32 = NDArray[np.float32]


def check_members(blurry: Image, sharp: Image, rig: Rig | None) -> None:
    """Refuse members of another type, or of sizes that do not fit."""
    for picture in (blurry, sharp):
        if picture.dtype not in (np.uint8, np.uint16) or picture.ndim != 3:
            raise AlignmentError(
                f"a picture of {picture.dtype} and shape {picture.shape}; a pair needs "
                "(H, W, 3) of 8- or 16-bit integers"
            )
    if rig is None and blurry.shape != sharp.shape:
        raise AlignmentError(f"the pictures are {blurry.shape} and {sharp.shape}; a pair needs one")
    if rig is None:
        return
    for picture, size in ((blurry, rig.blurry_size), (sharp, rig.sharp_size)):
        if picture.shape[1::-1] != size:
            raise AlignmentError(
                f"a picture of {picture.shape[1]}x{picture.shape[0]} px, but the rig is for "
                f"{size[0]}x{size[1]}; give the rig file of these cameras"
            )


def check_defocus_map(coc_px: NDArray[np.float32], shape: tuple[int, int]) -> None:
    """Refuse a map of another type or size, or with values that are not finite."""
    if coc_px.shape != shape or coc_px.dtype.kind != "f":
        raise AlignmentError(
            f"a defocus map of {coc_px.dtype} and shape {coc_px.shape}; this pair needs float32 "
            f"of shape {shape}"
        )
    if not np.isfinite(coc_px).all():
        raise AlignmentError("the defocus map has values that are not finite; repair it")


REGISTRATION_SIDE = 4096
"""Larger pictures are reduced by a whole factor for the registration."""
RELIABLE_PX = 1.0
"""Largest remaining flow, px, at which the registered sharp picture is a reference for a pixel."""


@dataclass(frozen=True)
class Field:
    """The flow of a pair on a grid reduced by ``factor``, in pixels of that grid."""

    flow: DenseFlow
    factor: int
    calibration: Mask  # ``(h, w)``, JDRL's calibration mask
    asymmetry: NDArray[np.float32]  # ``(2, h, w)`` displacement; zero if it is not significant
    unexplained: NDArray[np.float32] | None = None  # ``(h', w')`` stops, on its own grid

    @property
    def misplaced(self) -> NDArray[np.float32]:
        """``(2, h, w)`` residual flow without the part caused by the point spread, px."""
        return np.asarray(self.factor * (self.flow.residual - self.asymmetry))

    @property
    def local(self) -> NDArray[np.float32]:
        """Displacement that a compensation may add, px of the full picture; zero without need."""
        flow = self.flow
        shown = supported(flow.residual, flow.uncertainty_px, flow.coc_px, flow.reliable)
        return np.asarray(self.misplaced * shown, np.float32)

    def mean_displacement(self, frame: Uncertainty | None) -> tuple[float, float]:
        """Mean length over reliable pixels, px of the full picture, and its standard error."""
        flow, local = self.flow, self.local
        placed = self.factor * (flow.flow - flow.residual) + local
        errors = self.factor * flow.uncertainty_px * local.any(axis=0)
        return mean_displacement(placed, errors, flow.reliable, frame)

    @property
    def residual_px(self) -> NDArray[np.float32]:
        """``(h, w)`` length of the residual flow, px of the full picture."""
        return np.asarray(self.factor * np.hypot(*self.flow.residual))

    def full(self, mask: Mask, shape: tuple[int, ...]) -> Mask:
        """Enlarge a mask of the reduced grid to full size."""
        return enlarged(mask, self.factor, shape)


@dataclass(frozen=True)
class Measurement:
    """A misalignment, the flow behind it, and where it is confirmed in the blurry picture."""

    misalignment: Misalignment
    shape: tuple[int, int]
    field: Field | None = None  # the flow behind the numbers; None if unknown
    rig: Rig | None = None

    @property
    def reliable(self) -> Mask:
        """``(H, W)``, True where the registered sharp picture can serve as a reference.

        At most 1 px remains there, and a blur explains the light; all False if unknown."""
        if self.field is None:
            return np.zeros(self.shape, dtype=bool)
        placed = self.field.full(_reference(self.field), self.shape)
        return np.asarray(placed & explained(self.field.unexplained, self.shape))

    @property
    def registration(self) -> Registration | None:
        """The global transform and its errors; None if unknown, or not measured but given."""
        misalignment, sigma = self.misalignment, self.misalignment.sigma
        if sigma is None:
            return None
        sure = Uncertainty(sigma.shift_px, sigma.zoom, sigma.rotation_deg, sigma.corner_px)
        return Registration(
            misalignment.similarity,
            matrix=misalignment.matrix,
            model=misalignment.model,
            uncertainty=sure,
            asymmetry=misalignment.spread,
            limited=misalignment.rests_on_px is not None,
        )


def measure(
    blurry: Image,
    sharp: Image,
    estimator: FlowEstimator,
    *,
    rig: Rig | None = None,
    defocus_map: NDArray[np.float32] | None = None,
    transform: Similarity | None = None,
    at_most: str = "homography",
    largest_px: float = math.inf,
    shared: SessionLens | None = None,
    own: Registration | None = None,
) -> Measurement:
    """Measure the misalignment of a pair: a global transform, then the residual flow.

    A given ``transform`` stays unchanged; ``defocus_map`` is signed, px; ``own`` needs ``shared``.
    """
    check_members(blurry, sharp, rig)
    shape = (blurry.shape[0], blurry.shape[1])
    return_freed_memory(math.prod(shape))  # of what read the pictures
    if defocus_map is not None:
        check_defocus_map(defocus_map, shape)
    small: tuple[Array32, Array32] | None = None
    if transform:
        matrix = np.vstack([transform.matrix(shape[1], shape[0]), [0.0, 0.0, 1.0]])
        fit, shared = Registration(transform, matrix=matrix, model="similarity"), None
    elif own is not None and shared is not None:
        fit, shared = with_session(own, shared, shape, at_most)
    else:
        members, small = _views(blurry, sharp, rig)
        fit, shared = _registered(*members, shape, at_most, largest_px, shared)
        del members
    if fit.matrix is None or fit.similarity is None:
        shown = cause(blurry, sharp)
        reason = f"{fit.reason}; {shown}" if shown else fit.reason
        return _unknown(reason, estimator, shape, rig)
    factor = factor_for(shape, LARGEST_SIDE)
    small = small or (sharp_view(blurry, factor), sharp_view(sharp, factor, rig))
    scale = scaling(factor)
    start = scale @ fit.matrix @ np.linalg.inv(scale)
    flow = dense_flow(*small, start, estimator)
    if not flow.reliable.any():
        return _unknown("the residual flow is nowhere consistent", estimator, shape, rig)
    compared_light = _light(*small, flow)
    if compared_light is None:
        reason = "no area is free of black and saturated pixels in both pictures"
        return _unknown(reason, estimator, shape, rig)
    light, falloff_ev = compared_light
    coc = _coc_px(flow, factor, defocus_map)
    spread = asymmetry(flow.residual, coc, flow.reliable, signed=defocus_map is not None)
    compared = unexplained(*small, start, flow.coc_px)
    field = _field(flow, factor, spread, coc, None if compared is None else compared[1])
    residual = field.residual_px[flow.reliable]
    length, length_sigma = field.mean_displacement(fit.uncertainty)
    misalignment = Misalignment(
        status="ok",
        similarity=fit.similarity,
        misalignment_px=length,
        residual_median_px=float(np.median(residual)),
        residual_p95_px=float(np.percentile(residual, 95)),
        reliable_share=float(_reference(field).mean()),
        gain_ev=light.gain_ev,
        vignetting_ev=falloff_ev,
        estimator=estimator.name,
        weights_sha256=estimator.weights_sha256,
        model=fit.model,
        matrix=fit.matrix,
        photometry=light,
        asymmetry=spread,
        # where both show the scene
        consistency_px=float(factor * np.median(flow.consistency_px[~flow.occluded])),
        occluded_share=float(flow.occluded.mean()),
        calibration_share=float(field.calibration.mean()),
        sigma=None if fit.uncertainty is None else _sigma(field, fit.uncertainty, length_sigma),
        spread=fit.asymmetry,
        shared=shared,
        alone=fit.alone,
        rests_on_px=largest_px if fit.limited else None,
        unexplained=None if compared is None else compared[0],
    )
    del small
    return_freed_memory(math.prod(shape))
    return Measurement(misalignment, shape, field, rig)


def _light(
    blurry: Array32, sharp: Array32, flow: DenseFlow
) -> tuple[Photometry, float | None] | None:
    """How the light of the members differs, and the vignetting; None where none can be compared."""
    place = pixel_grid(*flow.reliable.shape) + flow.flow
    visible, seen = inside(place), sampled(sharp, place)
    light = photometry(blurry, seen, visible, flow.reliable)
    if light is None:
        return None
    return light, vignetting_ev(blurry @ LUMINANCE, seen @ LUMINANCE, visible)


def _views(
    blurry: Image, sharp: Image, rig: Rig | None
) -> tuple[tuple[Array32, Array32], tuple[Array32, Array32] | None]:
    """Both members as they are registered, and if that costs nothing as their flow is measured."""
    factor = factor_for(blurry.shape, REGISTRATION_SIDE)
    further, rest = divmod(factor_for(blurry.shape, LARGEST_SIDE), factor)
    if rig is not None or rest:
        return (luminance_view(blurry, factor), luminance_view(sharp, factor, rig)), None
    first, second = (reduced_twice(one, factor, further) for one in (blurry, sharp))
    return (first[0], second[0]), (first[1], second[1])


def _registered(
    blurry: Array32,
    sharp: Array32,
    shape: tuple[int, int],
    at_most: str,
    largest_px: float,
    shared: SessionLens | None,
) -> tuple[Registration, SessionLens | None]:
    """The global registration in pixels of the full pictures, and what a session adds to it."""
    height, width = shape
    factor = factor_for(shape, REGISTRATION_SIDE)
    reach, used = largest_px / factor, None
    if shared is None:
        fit = register(blurry, sharp, at_most=at_most, largest_px=reach, unit=factor)
    else:
        fit, used = register_in_session(
            blurry, sharp, shared, at_most=at_most, largest_px=reach, unit=factor
        )
    return _at_full_size(factor, fit, used, width, height)


def _at_full_size(
    factor: int, fit: Registration, used: SessionLens | None, width: int, height: int
) -> tuple[Registration, SessionLens | None]:
    """A registration in pixels of the full pictures, which are ``factor`` times as large."""
    if factor == 1 or fit.matrix is None or fit.uncertainty is None:
        return fit, used
    scale = scaling(factor)
    matrix = np.linalg.inv(scale) @ fit.matrix @ scale
    sure, spread = fit.uncertainty, fit.asymmetry
    full = replace(
        fit,
        matrix=matrix,
        similarity=Similarity.closest(matrix, width, height),
        uncertainty=replace(
            sure, shift_px=factor * sure.shift_px, corner_px=factor * sure.corner_px
        ),
        asymmetry=spread
        and replace(spread, corner_px=factor * spread.corner_px, coma_px=factor * spread.coma_px),
    )
    return full, used


def _coc_px(
    flow: DenseFlow, factor: int, defocus_map: NDArray[np.float32] | None
) -> NDArray[np.float32]:
    """``(h, w)`` circles of confusion of the blurry member, px of the reduced grid."""
    if defocus_map is None:
        return np.maximum(flow.coc_px, np.float32(0.0))
    height, width = flow.reliable.shape
    step = factor // 2
    return defocus_map[step::factor, step::factor][:height, :width] / np.float32(factor)


def _field(
    flow: DenseFlow,
    factor: int,
    spread: Asymmetry | None,
    coc_px: NDArray[np.float32],
    stops: NDArray[np.float32] | None,
) -> Field:
    total = torch.from_numpy(factor * flow.flow)[None]
    moved = np.zeros_like(flow.residual)
    if spread is not None and spread.significant:
        moved = spread.field(coc_px)
    return Field(flow, factor, paper_mask(total)[0, 0].numpy() > 0, moved, stops)


def _reference(field: Field) -> Mask:
    return np.asarray(field.flow.reliable & (np.hypot(*field.misplaced) <= RELIABLE_PX))


def _sigma(field: Field, uncertainty: Uncertainty, misalignment_px: float) -> Sigma:
    """Standard errors of the flow's statistics by a block bootstrap, plus the flow's own error.

    The longest residuals are where the flow errs most, so their quantile has that of its errors."""
    shape = field.flow.reliable.shape
    index = sample_grid(shape)
    rows, columns = (np.arange(n)[i] for n, i in zip(shape, index, strict=True))
    y, x = (part.ravel() for part in np.meshgrid(rows, columns, indexing="ij"))
    blocks = blocks_of(y, x, shape)
    reliable, occluded = (m[index].ravel() for m in (field.flow.reliable, field.flow.occluded))
    residual, back = field.residual_px[index].ravel(), field.flow.consistency_px[index].ravel()
    reference = _reference(field)[index].ravel()

    def statistics(drawn: NDArray[np.int_]) -> Array:
        lengths = residual[drawn][reliable[drawn]]
        seen = back[drawn][~occluded[drawn]]
        if lengths.size == 0 or seen.size == 0:
            return np.full(5, np.nan)
        quantiles = np.percentile(lengths, (50, 95))
        shares = reference[drawn].mean(), occluded[drawn].mean()
        return np.array([*quantiles, *shares, field.factor * np.median(seen)])

    draws = BlockDraws.of(blocks)
    values = draws.sigma([statistics(drawn) for drawn in draws])
    errors = field.factor * field.flow.uncertainty_px[field.flow.reliable]
    own = np.percentile(errors, (50, 95))
    return Sigma(
        misalignment_px=misalignment_px,
        shift_px=uncertainty.shift_px,
        zoom=uncertainty.zoom,
        rotation_deg=uncertainty.rotation_deg,
        corner_px=uncertainty.corner_px,
        residual_median_px=float(np.hypot(values[0], own[0])),
        residual_p95_px=float(np.hypot(values[1], own[1])),
        reliable_share=float(values[2]),
        occluded_share=float(values[3]),
        consistency_px=float(values[4]),
    )


def _unknown(
    reason: str, estimator: FlowEstimator, shape: tuple[int, int], rig: Rig | None
) -> Measurement:
    misalignment = Misalignment(
        "unknown", None, None, None, None, None, estimator.name, reason, estimator.weights_sha256
    )
    return Measurement(misalignment, shape, None, rig)
