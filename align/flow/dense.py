"""Dense flow between the two pictures of a pair, and where it is reliable."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

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
from defocus.align.sampling.pyramid import factor_for, interpolated, reduced, scaling
from defocus.errors import AlignmentError
from defocus.pictures.values import linear_to_srgb, srgb_to_linear

Array = NDArray[np.float32]
Mask = NDArray[np.bool_]

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

    flow: Array  # ``(2, H, W)`` float32, with the transform: sharp(x + flow(x)) shows blurry(x)
    residual: Array  # ``(2, H, W)`` float32, the flow minus the global transform
    reliable: Mask  # ``(H, W)``, where the flow is reliable
    occluded: (
        Mask  # ``(H, W)``, hidden behind an edge, or outside the sharp picture's frame
    )
    uncertainty_px: Array  # ``(H, W)`` float32, the expected error
    coc_px: Array  # ``(H, W)`` float32; negative where the sharp picture is the blurrier one
    consistency_px: Array  # ``(H, W)`` float32, forward-backward error at x
    blur_known: Mask  # ``(H, W)``, where ``coc_px`` is right; also where a wide blur hides the flow


def dense_flow(
    blurry: Array,
    sharp: Array,
    start: NDArray[np.float64],
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
    scale = scaling(factor)
    matrix = scale @ start @ np.linalg.inv(scale)
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

    def _improved(self, blurry: Array, sharp: Array, flow: Array) -> Array:
        grid = pixel_grid(*blurry.shape)
        for _ in range(ROUNDS):
            pair = equalised(*_one_light(blurry, sharp, grid + flow))
            step = (
                self._estimator(_frame(pair.blurry), _frame(pair.sharp))[0]
                .cpu()
                .numpy()
            )
            flow = composed(flow, step, grid)
        return flow


@dataclass(frozen=True)
class _Round:
    """Result of one round: the sharp member on the blurry grid, and the remaining step."""

    pair: Equalised
    sharp: Array  # the sharp member as it is, on the blurry grid and in its light
    valid: Mask
    step: Refined


def _iterated(
    blurry: Array,
    sharp: Array,
    matrix: NDArray[np.float64],
    estimator: FlowEstimator,
    equalise: bool,
) -> DenseFlow:
    """Repeat: warp the sharp member, equalise the blur, and measure the remaining flow."""
    grid = pixel_grid(*blurry.shape)
    residual, last = _settled(blurry, sharp, matrix, estimator, equalise, grid)
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
    blurry: Array,
    sharp: Array,
    matrix: NDArray[np.float64],
    estimator: FlowEstimator,
    equalise: bool,
    grid: Array,
) -> tuple[Array, _Round]:
    """The residual flow after some rounds, and the last of them."""
    residual = np.zeros_like(grid)
    for _ in range(ROUNDS):
        last = _round(blurry, sharp, matrix, residual, estimator, equalise)
        residual = composed(residual, last.step.flow, grid)
        if (
            float(np.percentile(np.hypot(*last.step.flow[:, last.valid]), 95))
            <= SETTLED_PX
        ):
            break
    return residual, last


def _round(
    blurry: Array,
    sharp: Array,
    matrix: NDArray[np.float64],
    residual: Array,
    estimator: FlowEstimator,
    equalise: bool,
) -> _Round:
    place = transformed(pixel_grid(*blurry.shape) + residual, matrix)
    _, warped, valid = _one_light(blurry, sharp, place)
    pair = equalised(blurry, warped, valid)
    if not equalise:
        shown = np.where(valid, warped, blurry)
        pair = Equalised(blurry, shown, pair.coc_px)
    step, first, second = _step_between(pair.blurry, pair.sharp, estimator)
    known = refined(first, second, step, -residual, valid)
    return _Round(pair, warped, valid, known)


def _step_between(
    first: Array,
    second: Array,
    estimator: FlowEstimator,
) -> tuple[Array, Array, Array]:
    """The flow that the estimator finds, and the two grey pictures that it compared."""
    frames = _frame(first), _frame(second)
    step = estimator(*frames)[0].cpu().numpy()
    first_grey = frames[0][0, 0].numpy()
    second_grey = frames[1][0, 0].numpy()
    return step, first_grey, second_grey


def _one_light(blurry: Array, sharp: Array, place: Array) -> tuple[Array, Array, Mask]:
    """The blurry member, the sharp one on its grid with matched exposure, and the covered area."""
    valid = inside(place)
    warped = np.maximum(sampled(sharp, place, cubic=True), np.float32(0))
    return blurry, warped * light_ratio(blurry, warped, valid), valid


def _consistency(one_way: _Round, estimator: FlowEstimator, grid: Array) -> Array:
    """Forward-backward error of each position."""
    pair = one_way.pair
    step, first, second = _step_between(pair.sharp, pair.blurry, estimator)
    still = np.zeros_like(grid)
    back = refined(first, second, step, still, one_way.valid).flow
    x, y = composed(back, one_way.step.flow, grid)
    return np.asarray(np.hypot(x, y))


def _full(dense: DenseFlow, factor: int, shape: tuple[int, ...]) -> DenseFlow:
    """Convert a result to pixels of the full picture."""
    if factor == 1:
        return dense
    return DenseFlow(
        flow=np.stack([interpolated(c, factor, shape) for c in factor * dense.flow]),
        residual=np.stack(
            [interpolated(c, factor, shape) for c in factor * dense.residual]
        ),
        reliable=interpolated(dense.reliable.astype(np.float32), factor, shape) > 0.5,
        occluded=interpolated(dense.occluded.astype(np.float32), factor, shape) > 0.5,
        uncertainty_px=interpolated(factor * dense.uncertainty_px, factor, shape),
        coc_px=interpolated(factor * dense.coc_px, factor, shape),
        consistency_px=interpolated(factor * dense.consistency_px, factor, shape),
        blur_known=interpolated(dense.blur_known.astype(np.float32), factor, shape)
        > 0.5,
    )


def _frame(linear: Array) -> torch.Tensor:
    """``(H, W)`` to ``(1, 3, H, W)``, sRGB-encoded and all channels alike, for estimators."""
    encoded = linear_to_srgb(np.clip(linear, 0.0, 1.0)).astype(np.float32)
    three_channels = torch.from_numpy(encoded)[None, None]
    return three_channels.expand(-1, 3, -1, -1)


def _luminance(frame: torch.Tensor) -> Array:
    """``(3, H, W)``, sRGB-encoded, to ``(H, W)`` linear light."""
    in_range = frame.detach().float().cpu().clamp(0.0, 1.0)
    encoded = in_range.numpy().transpose(1, 2, 0)
    return np.asarray(srgb_to_linear(encoded) @ LUMINANCE, np.float32)
