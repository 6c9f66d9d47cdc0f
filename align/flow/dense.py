"""Dense flow between the two pictures of a pair, and where it is reliable."""

from dataclasses import dataclass

import numpy as np
import torch

from defocus.align.arrays import Doubles, Mask, Shape, Singles
from defocus.align.flow.estimator import FlowEstimator, check_frames
from defocus.align.flow.refine import Refined, expected_error, refined, reliable_mask
from defocus.align.photometry.equalise import Equalised, equalised
from defocus.align.photometry.exposure import light_ratio
from defocus.align.photometry.linear_light import LUMINANCE
from defocus.align.photometry.wide_blur import known_blur, with_wide_blur
from defocus.align.sampling.positions import (
    composed,
    inside,
    pixel_grid,
    sampled,
    transformed,
)
from defocus.align.sampling.pyramid import factor_for, interpolated, reduced, rescaled
from defocus.errors import AlignmentError
from defocus.pictures.values import linear_to_srgb, srgb_to_linear

LARGEST_SIDE = 1536
"""Longest side, px, for the residual flow; larger pictures are reduced by a whole factor."""
ROUNDS = 2
SETTLED_PX = 0.5
"""Rounds end when nearly no pixel moves by more than this: the linearisation holds there."""
CONSISTENT_PX = 0.5
"""Largest distance, px, between the start of the way there and the end of the way back. A place
with more is hidden in one member."""


@dataclass(frozen=True)
class DenseFlow:
    """Flow from the blurry to the sharp member, in pixels of the full pictures."""

    flow: Singles  # ``(2, H, W)`` float32, with the transform: sharp(x + flow(x)) shows blurry(x)
    residual: Singles  # ``(2, H, W)`` float32, the flow minus the global transform
    reliable: Mask  # ``(H, W)``, where the flow is reliable
    occluded: (
        Mask  # ``(H, W)``, hidden behind an edge, or outside the sharp picture's frame
    )
    uncertainty_px: Singles  # ``(H, W)`` float32, the expected error
    coc_px: Singles  # ``(H, W)`` float32; negative where the sharp picture is the blurrier one
    consistency_px: Singles  # ``(H, W)`` float32, forward-backward error at x
    blur_known: Mask  # ``(H, W)``, where ``coc_px`` is right; also where a wide blur hides the flow


def dense_flow(
    blurry: Singles,
    sharp: Singles,
    start: Doubles,
    estimator: FlowEstimator,
    *,
    equalise: bool = True,
) -> DenseFlow:
    """Measure the residual flow after the transform ``start``, ``(3, 3)`` from blurry to sharp.

    Pictures are ``(H, W, 3)`` float32, linear light in 0..1, as photographed (any exposure)."""
    if blurry.shape != sharp.shape or start.shape != (3, 3):
        raise AlignmentError(
            f"the pictures are {blurry.shape} and {sharp.shape} and the transform {start.shape}; "
            "a pair needs one size and a 3 × 3 transform"
        )
    for name, picture in (("blurry", blurry), ("sharp", sharp)):
        if not np.isfinite(picture).all():
            raise AlignmentError(f"the {name} picture has values that are not finite")
    factor = factor_for(blurry.shape, LARGEST_SIDE)
    matrix = rescaled(start, factor)
    first = reduced(blurry, factor) @ LUMINANCE
    second = reduced(sharp, factor) @ LUMINANCE
    coarse = _iterated(first, second, matrix, estimator, equalise)
    return _full(coarse, factor, blurry.shape[:2])


class EqualisedFlow:
    """A flow estimator that equalises exposure and blur of the frames and estimates again."""

    def __init__(self, estimator: FlowEstimator) -> None:
        self.name = f"{estimator.name}-equalised"
        self.weights_sha256 = estimator.weights_sha256
        self._estimator = estimator

    @torch.no_grad()
    def __call__(self, first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
        """Flow from ``first`` to ``second``; see ``FlowEstimator``."""
        check_frames(first, second)
        flows = self._estimator(first, second).cpu().numpy()
        improved = [
            self._improved(_luminance(a), _luminance(b), flow)
            for a, b, flow in zip(first, second, flows, strict=True)
        ]
        return torch.from_numpy(np.stack(improved)).to(first.device)

    def _improved(self, blurry: Singles, sharp: Singles, flow: Singles) -> Singles:
        grid = pixel_grid(*blurry.shape)
        for _ in range(ROUNDS):
            pair = equalised(*_one_light(blurry, sharp, grid + flow))
            step, _, _ = _step_between(pair.blurry, pair.sharp, self._estimator)
            flow = composed(flow, step, grid)
        return flow


@dataclass(frozen=True)
class _Round:
    """Result of one round: the sharp member on the blurry grid, and the remaining step."""

    pair: Equalised
    sharp: Singles  # the sharp member as it is, on the blurry grid and in its light
    valid: Mask
    step: Refined


def _iterated(
    blurry: Singles,
    sharp: Singles,
    matrix: Doubles,
    estimator: FlowEstimator,
    equalise: bool,
) -> DenseFlow:
    """Repeat: warp the sharp member, equalise the blur, and measure the remaining flow."""
    grid = pixel_grid(*blurry.shape)
    residual, last = _settled(
        blurry,
        sharp,
        matrix,
        estimator,
        equalise,
        grid,
    )
    place = transformed(grid + residual, matrix)
    left = place - transformed(grid, matrix)
    consistency = _consistency(last, estimator, grid)
    occluded = ~inside(place) | (consistency > CONSISTENT_PX)
    standard_error = last.step.standard_error
    blur = with_wide_blur(blurry, last.sharp, last.valid, last.pair.coc_px)
    expected = expected_error(standard_error, consistency, left, blur.coc_px)
    reliable = reliable_mask(expected, standard_error, occluded)
    return DenseFlow(
        flow=place - grid,
        residual=left,
        reliable=reliable,
        occluded=occluded,
        uncertainty_px=expected,
        coc_px=blur.coc_px,
        consistency_px=consistency,
        blur_known=known_blur(blur, reliable),
    )


def _settled(
    blurry: Singles,
    sharp: Singles,
    matrix: Doubles,
    estimator: FlowEstimator,
    equalise: bool,
    grid: Singles,
) -> tuple[Singles, _Round]:
    """The residual flow after some rounds, and the last of them."""
    residual = np.zeros_like(grid)
    for _ in range(ROUNDS):
        last = _round(
            blurry,
            sharp,
            matrix,
            residual,
            estimator,
            equalise,
        )
        step = last.step.flow
        residual = composed(residual, step, grid)
        lengths = np.hypot(*step[:, last.valid])
        if float(np.percentile(lengths, 95)) <= SETTLED_PX:
            break
    return residual, last


def _round(
    blurry: Singles,
    sharp: Singles,
    matrix: Doubles,
    residual: Singles,
    estimator: FlowEstimator,
    equalise: bool,
) -> _Round:
    grid = pixel_grid(*blurry.shape)
    place = transformed(grid + residual, matrix)
    _, warped, valid = _one_light(blurry, sharp, place)
    pair = equalised(blurry, warped, valid)
    if not equalise:
        shown = np.where(valid, warped, blurry)
        pair = Equalised(blurry, shown, pair.coc_px)
    step, first, second = _step_between(pair.blurry, pair.sharp, estimator)
    known = refined(first, second, step, -residual, valid)
    return _Round(pair, warped, valid, known)


def _step_between(
    first: Singles,
    second: Singles,
    estimator: FlowEstimator,
) -> tuple[Singles, Singles, Singles]:
    """The flow that the estimator finds, and the two grey pictures that it compared."""
    frames = _frame(first), _frame(second)
    step = estimator(*frames)[0].cpu().numpy()
    first_grey = frames[0][0, 0].numpy()
    second_grey = frames[1][0, 0].numpy()
    return step, first_grey, second_grey


def _one_light(
    blurry: Singles, sharp: Singles, place: Singles
) -> tuple[Singles, Singles, Mask]:
    """The blurry member, the sharp one on its grid with matched exposure, and the covered area."""
    valid = inside(place)
    moved = sampled(sharp, place, cubic=True)
    warped = np.maximum(moved, np.float32(0))
    ratio = light_ratio(blurry, warped, valid)
    return blurry, warped * ratio, valid


def _consistency(one_way: _Round, estimator: FlowEstimator, grid: Singles) -> Singles:
    """Forward-backward error of each position."""
    pair = one_way.pair
    step, first, second = _step_between(pair.sharp, pair.blurry, estimator)
    still = np.zeros_like(grid)
    back = refined(first, second, step, still, one_way.valid).flow
    x, y = composed(back, one_way.step.flow, grid)
    return np.asarray(np.hypot(x, y))


def _full(dense: DenseFlow, factor: int, shape: Shape) -> DenseFlow:
    """Convert a result to pixels of the full picture."""
    if factor == 1:
        return dense

    def enlarged(values: Singles) -> Singles:
        return interpolated(values, factor, shape)

    def full_flow(flow: Singles) -> Singles:
        return np.stack([enlarged(component) for component in factor * flow])

    def full_mask(mask: Mask) -> Mask:
        return enlarged(mask.astype(np.float32)) > 0.5

    return DenseFlow(
        flow=full_flow(dense.flow),
        residual=full_flow(dense.residual),
        reliable=full_mask(dense.reliable),
        occluded=full_mask(dense.occluded),
        uncertainty_px=enlarged(factor * dense.uncertainty_px),
        coc_px=enlarged(factor * dense.coc_px),
        consistency_px=enlarged(factor * dense.consistency_px),
        blur_known=full_mask(dense.blur_known),
    )


def _frame(linear: Singles) -> torch.Tensor:
    """``(H, W)`` to ``(1, 3, H, W)``, sRGB-encoded and all channels alike, for estimators."""
    in_range = np.clip(linear, 0.0, 1.0)
    encoded = linear_to_srgb(in_range).astype(np.float32)
    three_channels = torch.from_numpy(encoded)[None, None]
    return three_channels.expand(-1, 3, -1, -1)


def _luminance(frame: torch.Tensor) -> Singles:
    """``(3, H, W)``, sRGB-encoded, to ``(H, W)`` linear light."""
    in_range = frame.detach().float().cpu().clamp(0.0, 1.0)
    encoded = in_range.numpy().transpose(1, 2, 0)
    luminance = srgb_to_linear(encoded) @ LUMINANCE
    return np.asarray(luminance, np.float32)
