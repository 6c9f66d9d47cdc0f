"""Measure the misalignment of a pair and its uncertainty; refuse pairs that cannot be measured."""

import math
from dataclasses import dataclass, replace

import numpy as np
import torch

from defocus.align.arrays import Doubles, Mask, Shape, Singles, Size
from defocus.align.flow.calibration_mask import paper_mask
from defocus.align.flow.dense import LARGEST_SIDE, DenseFlow, dense_flow
from defocus.align.flow.errors import flow_errors
from defocus.align.flow.estimator import FlowEstimator
from defocus.align.flow.refine import supported
from defocus.align.members import check_defocus_map, check_members
from defocus.align.misalignment import Misalignment, Sigma, mean_displacement
from defocus.align.motion_limits import NO_LIMITS, MotionLimits
from defocus.align.photometry.exposure import vignetting_ev
from defocus.align.photometry.gains import Photometry, photometry
from defocus.align.photometry.linear_light import LUMINANCE, reduced_twice
from defocus.align.photometry.unexplained import Unexplained, explained, unexplained
from defocus.align.registration.asymmetry import Asymmetry, asymmetry
from defocus.align.registration.register import Registration, Uncertainty, register
from defocus.align.registration.session import (
    PairInSession,
    SessionLens,
    register_in_session,
    with_session,
)
from defocus.align.registration.unknown_causes import cause
from defocus.align.rig import Rig
from defocus.align.sampling.positions import inside, pixel_grid, sampled
from defocus.align.sampling.pyramid import enlarged, factor_for, rescaled, scaling
from defocus.align.sampling.resample import luminance_view, sharp_view
from defocus.align.sharp_member.fine import FINE_SIDE, FineDetail, fine_detail
from defocus.align.sharp_member.processing import processing
from defocus.pictures.values import Image
from defocus.processes.freed_memory import return_freed_memory
from defocus.scene.geometry import Similarity

__all__ = [
    "RELIABLE_PX",
    "Field",
    "Measurement",
    "Misalignment",
    "measure",
    "measure_under",
]


REGISTRATION_SIDE = 4096
"""Longest side, px, for the registration; larger pictures are reduced by a whole factor."""
RELIABLE_PX = 1.0
"""Largest remaining flow, px, at which the registered sharp picture is a reference for a pixel."""


@dataclass(frozen=True)
class Field:
    """The flow of a pair on a grid reduced by ``factor``, in pixels of that grid."""

    flow: DenseFlow
    factor: int
    calibration: Mask  # ``(h, w)``, JDRL's calibration mask
    # ``(2, h, w)`` displacement; zero if it is not significant
    asymmetry: Singles
    unexplained: Singles | None = None  # ``(h', w')`` stops, on its own grid

    @property
    def misplaced(self) -> Singles:
        """``(2, h, w)`` residual flow without the part caused by the point spread, px."""
        misplaced = self.flow.residual - self.asymmetry
        return self.factor * misplaced

    @property
    def local(self) -> Singles:
        """Displacement that a compensation may add, px of the full picture; zero if not needed."""
        flow = self.flow
        shown = supported(
            flow.residual,
            flow.uncertainty_px,
            flow.coc_px,
            flow.reliable,
        )
        return np.asarray(self.misplaced * shown, np.float32)

    def mean_displacement(self, frame: Uncertainty | None) -> tuple[float, float]:
        """Mean length over reliable pixels, px of the full picture, and its standard error."""
        flow = self.flow
        local = self.local
        placed = self.factor * (flow.flow - flow.residual) + local
        errors = self.factor * flow.uncertainty_px * local.any(axis=0)
        return mean_displacement(placed, errors, flow.reliable, frame)

    @property
    def residual_px(self) -> Singles:
        """``(h, w)`` length of the residual flow, px of the full picture."""
        length = np.hypot(*self.flow.residual)
        return np.asarray(self.factor * length)

    def full(self, mask: Mask, shape: Shape) -> Mask:
        """Enlarge a mask of the reduced grid to full size."""
        return enlarged(mask, self.factor, shape)


@dataclass(frozen=True)
class Measurement:
    """A misalignment, the flow behind it, and where it is confirmed in the blurry picture."""

    misalignment: Misalignment
    shape: Size
    field: Field | None = None  # the flow behind the numbers; None if unknown
    rig: Rig | None = None

    @property
    def reliable(self) -> Mask:
        """``(H, W)``, True where the registered sharp picture can serve as a reference.

        At most 1 px remains there, and a blur explains the light; all False if unknown."""
        if self.field is None:
            return np.zeros(self.shape, dtype=bool)
        placed = self.field.full(_reference(self.field), self.shape)
        return placed & explained(self.field.unexplained, self.shape)

    @property
    def registration(self) -> Registration | None:
        """The global transform and its errors; None if unknown, or not measured but given."""
        misalignment = self.misalignment
        sigma = self.misalignment.sigma
        if sigma is None:
            return None
        sure = Uncertainty(
            sigma.shift_px,
            sigma.zoom,
            sigma.rotation_deg,
            sigma.corner_px,
        )
        return Registration(
            misalignment.similarity,
            matrix=misalignment.matrix,
            model=misalignment.model,
            uncertainty=sure,
            asymmetry=misalignment.spread,
            limited=misalignment.rests_on_px is not None,
        )


@dataclass(frozen=True)
class _Members:
    """A pair as it is given to the measurement."""

    blurry: Image
    sharp: Image
    estimator: FlowEstimator
    rig: Rig | None = None
    defocus_map: Singles | None = None

    @property
    def shape(self) -> Size:
        """Height and width of the blurry picture."""
        return (self.blurry.shape[0], self.blurry.shape[1])

    def check(self) -> None:
        """Refuse members that cannot be measured, and return what their reader has freed."""
        check_members(self.blurry, self.sharp, self.rig)
        return_freed_memory(math.prod(self.shape))
        if self.defocus_map is not None:
            check_defocus_map(self.defocus_map, self.shape)

    def reduced(self, factor: int) -> tuple[Singles, Singles]:
        """Both members in linear light, as their flow is measured."""
        blurry = sharp_view(self.blurry, factor)
        return blurry, sharp_view(self.sharp, factor, self.rig)

    def fine_detail(self, matrix: Doubles, coc_px: Singles) -> FineDetail:
        """How the fine detail of both members differs, under a transform of the full pictures.

        ``coc_px`` is the map of blur as the flow measures it."""
        factor = factor_for(self.shape, FINE_SIDE)
        of_flow = factor_for(self.shape, LARGEST_SIDE)
        finer_px = np.float32(of_flow / factor) * coc_px
        blurry = luminance_view(self.blurry, factor)
        sharp = luminance_view(self.sharp, factor, self.rig)
        return fine_detail(blurry, sharp, rescaled(matrix, factor), finer_px)

    def unknown(self, reason: str) -> Measurement:
        """A measurement without numbers."""
        estimator = self.estimator
        misalignment = Misalignment(
            *("unknown", None, None, None, None, None, estimator.name),
            reason,
            estimator.weights_sha256,
        )
        return Measurement(misalignment, self.shape, None, self.rig)


def measure(
    blurry: Image,
    sharp: Image,
    estimator: FlowEstimator,
    *,
    rig: Rig | None = None,
    defocus_map: Singles | None = None,
    limits: MotionLimits = NO_LIMITS,
    session: PairInSession | None = None,
) -> Measurement:
    """Measure the misalignment of a pair: a global transform, then the residual flow.

    ``defocus_map`` is signed, px; a pair whose session knows its registration is not registered."""
    members = _Members(
        blurry,
        sharp,
        estimator,
        rig,
        defocus_map,
    )
    members.check()
    small = None
    if session is not None and session.own is not None:
        fit, shared = with_session(
            session.own,
            session.lens,
            members.shape,
            limits.at_most,
        )
    else:
        views, small = _views(blurry, sharp, rig)
        lens = None if session is None else session.lens
        fit, shared = _registered(*views, members.shape, limits, lens)
        del views
    measurement = _measured(members, fit, shared, limits, small)
    del small
    return_freed_memory(math.prod(members.shape))
    return measurement


def measure_under(
    blurry: Image,
    sharp: Image,
    estimator: FlowEstimator,
    transform: Similarity,
    *,
    defocus_map: Singles | None = None,
) -> Measurement:
    """Measure the residual flow of a pair under a known transform, which stays unchanged."""
    members = _Members(blurry, sharp, estimator, defocus_map=defocus_map)
    members.check()
    height, width = members.shape
    affine = transform.matrix(width, height)
    matrix = np.vstack([affine, [0.0, 0.0, 1.0]])
    measurement = _measured(
        members,
        Registration(transform, matrix=matrix, model="similarity"),
    )
    return_freed_memory(height * width)
    return measurement


def _measured(
    members: _Members,
    fit: Registration,
    shared: SessionLens | None = None,
    limits: MotionLimits = NO_LIMITS,
    small: tuple[Singles, Singles] | None = None,
) -> Measurement:
    """The measurement after a registration; ``small`` are the reduced members, if they are made."""
    if fit.matrix is None:
        shown = cause(members.blurry, members.sharp)
        return members.unknown(f"{fit.reason}; {shown}" if shown else fit.reason)
    factor = factor_for(members.shape, LARGEST_SIDE)
    small = small or members.reduced(factor)
    start = rescaled(fit.matrix, factor)
    flow = dense_flow(*small, start, members.estimator)
    if not flow.reliable.any():
        return members.unknown("the residual flow is nowhere consistent")
    light = _light(*small, flow)
    if light is None:
        reason = "no area is free of black and saturated pixels in both pictures"
        return members.unknown(reason)
    fine = members.fine_detail(fit.matrix, flow.coc_px)
    of_file = processing(members.sharp)
    compared = unexplained(*small, start, flow.coc_px, fine, of_file)
    rests_on_px = limits.largest_px if fit.limited else None
    return _of_flow(
        members,
        fit,
        flow,
        light,
        compared,
        shared,
        rests_on_px,
    )


def _of_flow(
    members: _Members,
    fit: Registration,
    flow: DenseFlow,
    light: tuple[Photometry, float | None],
    compared: tuple[Unexplained, Singles] | None,
    shared: SessionLens | None,
    rests_on_px: float | None,
) -> Measurement:
    """The measurement from transform, flow and light."""
    factor = factor_for(members.shape, LARGEST_SIDE)
    coc = _coc_px(flow, factor, members.defocus_map)
    signed = members.defocus_map is not None
    spread = asymmetry(flow.residual, coc, flow.reliable, signed=signed)
    numbers, stops = compared or (None, None)
    field = _field(flow, factor, spread, coc, stops)
    misalignment = replace(
        _known(field, fit, light[0], members.estimator),
        vignetting_ev=light[1],
        asymmetry=spread,
        shared=shared,
        rests_on_px=rests_on_px,
        unexplained=numbers,
    )
    return Measurement(misalignment, members.shape, field, members.rig)


def _known(
    field: Field,
    fit: Registration,
    light: Photometry,
    estimator: FlowEstimator,
) -> Misalignment:
    """The misalignment by transform, flow and light."""
    flow = field.flow
    residual = field.residual_px[flow.reliable]
    length, length_sigma = field.mean_displacement(fit.uncertainty)
    return Misalignment(
        status="ok",
        similarity=fit.similarity,
        misalignment_px=length,
        residual_median_px=float(np.median(residual)),
        residual_p95_px=float(np.percentile(residual, 95)),
        reliable_share=float(_reference(field).mean()),
        gain_ev=light.gain_ev,
        photometry=light,
        estimator=estimator.name,
        weights_sha256=estimator.weights_sha256,
        model=fit.model,
        matrix=fit.matrix,
        # where both show the scene
        consistency_px=float(
            field.factor * np.median(flow.consistency_px[~flow.occluded])
        ),
        occluded_share=float(flow.occluded.mean()),
        calibration_share=float(field.calibration.mean()),
        sigma=None
        if fit.uncertainty is None
        else _sigma(field, fit.uncertainty, length_sigma),
        spread=fit.asymmetry,
        alone=fit.alone,
    )


def _light(
    blurry: Singles,
    sharp: Singles,
    flow: DenseFlow,
) -> tuple[Photometry, float | None] | None:
    """How the light of the members differs, and the vignetting; None where none can be compared."""
    place = pixel_grid(*flow.reliable.shape) + flow.flow
    visible = inside(place)
    seen = sampled(sharp, place)
    light = photometry(blurry, seen, visible, flow.reliable)
    if light is None:
        return None
    return light, vignetting_ev(blurry @ LUMINANCE, seen @ LUMINANCE, visible)


def _views(
    blurry: Image,
    sharp: Image,
    rig: Rig | None,
) -> tuple[tuple[Singles, Singles], tuple[Singles, Singles] | None]:
    """Both members as they are registered and, if that costs nothing, as their flow is measured."""
    factor = factor_for(blurry.shape, REGISTRATION_SIDE)
    further, rest = divmod(factor_for(blurry.shape, LARGEST_SIDE), factor)
    if rig is not None or rest:
        blurry_view = luminance_view(blurry, factor)
        sharp_view = luminance_view(sharp, factor, rig)
        return (blurry_view, sharp_view), None
    blurry_view, smaller_blurry = reduced_twice(blurry, factor, further)
    sharp_view, smaller_sharp = reduced_twice(sharp, factor, further)
    return (blurry_view, sharp_view), (smaller_blurry, smaller_sharp)


def _registered(
    blurry: Singles,
    sharp: Singles,
    shape: Size,
    limits: MotionLimits,
    shared: SessionLens | None,
) -> tuple[Registration, SessionLens | None]:
    """The global registration in pixels of the full pictures, and what a session adds to it."""
    height, width = shape
    factor = factor_for(shape, REGISTRATION_SIDE)
    at_most = limits.at_most
    reach = limits.largest_px / factor
    used = None
    if shared is None:
        fit = register(blurry, sharp, at_most=at_most, largest_px=reach, unit=factor)
    else:
        fit, used = register_in_session(
            blurry,
            sharp,
            shared,
            at_most=at_most,
            largest_px=reach,
            unit=factor,
        )
    return _at_full_size(factor, fit, used, width, height)


def _at_full_size(
    factor: int,
    fit: Registration,
    used: SessionLens | None,
    width: int,
    height: int,
) -> tuple[Registration, SessionLens | None]:
    """A registration in pixels of the full pictures, which are ``factor`` times as large."""
    if factor == 1 or fit.matrix is None or fit.uncertainty is None:
        return fit, used
    scale = scaling(factor)
    matrix = np.linalg.inv(scale) @ fit.matrix @ scale
    sure = fit.uncertainty
    spread = fit.asymmetry
    full = replace(
        fit,
        matrix=matrix,
        similarity=Similarity.closest(matrix, width, height),
        uncertainty=replace(
            sure,
            shift_px=factor * sure.shift_px,
            corner_px=factor * sure.corner_px,
        ),
        asymmetry=spread
        and replace(
            spread,
            corner_px=factor * spread.corner_px,
            coma_px=factor * spread.coma_px,
        ),
    )
    return full, used


def _coc_px(
    flow: DenseFlow,
    factor: int,
    defocus_map: Singles | None,
) -> Singles:
    """``(h, w)`` circles of confusion of the blurry member, px of the reduced grid."""
    if defocus_map is None:
        return np.maximum(flow.coc_px, np.float32(0.0))
    height, width = flow.reliable.shape
    step = factor // 2
    middle = defocus_map[step::factor, step::factor]
    return middle[:height, :width] / np.float32(factor)


def _field(
    flow: DenseFlow,
    factor: int,
    spread: Asymmetry | None,
    coc_px: Singles,
    stops: Singles | None,
) -> Field:
    total = torch.from_numpy(factor * flow.flow)[None]
    moved = np.zeros_like(flow.residual)
    if spread is not None and spread.significant:
        moved = spread.field(coc_px)
    mask = paper_mask(total)[0, 0].numpy() > 0
    return Field(
        flow,
        factor,
        mask,
        moved,
        stops,
    )


def _reference(field: Field) -> Mask:
    near = np.hypot(*field.misplaced) <= RELIABLE_PX
    return np.asarray(field.flow.reliable & near)


def _sigma(field: Field, uncertainty: Uncertainty, misalignment_px: float) -> Sigma:
    errors = flow_errors(field.flow, field.factor, field.residual_px, _reference(field))
    return Sigma(
        misalignment_px=misalignment_px,
        shift_px=uncertainty.shift_px,
        zoom=uncertainty.zoom,
        rotation_deg=uncertainty.rotation_deg,
        corner_px=uncertainty.corner_px,
        residual_median_px=errors.residual_median_px,
        residual_p95_px=errors.residual_p95_px,
        reliable_share=errors.reliable_share,
        occluded_share=errors.occluded_share,
        consistency_px=errors.consistency_px,
    )
