"""Batches of pairs, rendered during training."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import cv2
import numpy as np
import torch

from defocus.align.sampling.positions import pixel_grid
from defocus.pictures.values import linear_to_srgb, srgb_to_linear
from defocus.scene.aperture import disc_psf
from defocus.training.objective import TrainingBatch
from defocus.training.parallel import Ranks, places_of
from research.alignment_truth.rendered.pair import Ranges, TruthPair, render_pair
from research.alignment_truth.rendered.textures import Textures
from research.flow_training.plan import FlowStage, TrainingPlan
from research.light import Array, single

MOST_IN_BATCH = 64

EQUALISING_ERROR = (0.7, 1.2)
"""Range of the factor by which an estimated blur is off; too little is more frequent than too
much."""

SLICE_PX = 3.0
"""Blurred pictures are interpolated between diameters this far apart."""

VALIDATION_SEED = 20_000_000
"""Seed of the validation pairs: they are the same for every training, whatever its seed."""


@dataclass(frozen=True)
class FlowBatch(TrainingBatch):
    """Rendered pairs."""

    # ``(N, 3, H, W)`` float32, blue, green, red, sRGB-encoded, [0, 1]
    blurry: torch.Tensor
    sharp: torch.Tensor  # same shape
    flow: torch.Tensor  # ``(N, 2, H, W)`` float32, px, from blurry to sharp
    coc_px: torch.Tensor  # ``(N, H, W)`` float32, diameter
    # ``(N, H, W)`` bool, visible in both members and off occluding edges
    plain: torch.Tensor

    @property
    def inputs(self) -> torch.Tensor:
        """The blurry members."""
        return self.blurry

    def each(self, change: Callable[[torch.Tensor], torch.Tensor]) -> "FlowBatch":
        """The batch with a function applied to every tensor."""
        return FlowBatch(**{name: change(value) for name, value in vars(self).items()})


def flow_batch(
    plan: TrainingPlan,
    textures: Textures,
    mine: Ranks,
    step: int,
) -> FlowBatch:
    """The batch of a step, by the seed and the step alone, or a process's part of it."""
    stage = plan.stage(step)
    first = step * MOST_IN_BATCH
    numbers = range(first, first + stage.batch)
    shared = numbers[places_of(stage.batch, mine)]
    return _stacked([_pair(textures, stage, plan.seed, number) for number in shared])


def validation_batches(plan: TrainingPlan, textures: Textures) -> tuple[FlowBatch, ...]:
    """Pairs of the last stage, one per batch, of the textures ``choose``."""
    stage = plan.settings.stages[-1]
    batches = []
    for index in range(plan.settings.validation_pairs):
        pair = _pair(textures, stage, VALIDATION_SEED, index)
        batches.append(_stacked([pair]))
    return tuple(batches)


def ranges_of(stage: FlowStage) -> Ranges:
    """Ranges of a stage's pairs with unequal sharpness."""
    reach = stage.flow_px / (stage.crop_px / 2)  # of zoom and rotation, at the border
    return Ranges(
        coc_px=(0.0, stage.coc_px),
        shift_px=stage.flow_px,
        zoom=(1 - reach, 1 + reach),
        rotation_deg=math.degrees(reach),
        parallax_px=stage.parallax_px,
        exposure_ev=0.3 if stage.photometric else 0.0,
        vignetting_ev=-math.log2(0.6) if stage.photometric else 0.0,
        noise=0.01,
    )


def _pair(
    textures: Textures,
    stage: FlowStage,
    seed: int,
    index: int,
) -> TruthPair:
    """A pair of a stage, determined by the arguments."""
    rng = np.random.default_rng([seed, index])
    kind = rng.random()
    ranges = ranges_of(stage)
    if kind < stage.sharp_share:
        ranges = replace(ranges, coc_px=(0.0, 0.0))
    pair = render_pair(
        textures,
        ranges,
        stage.crop_px,
        stage.crop_px,
        seed,
        index,
    )
    if kind < 1 - stage.equalised_share:
        return pair
    error = rng.uniform(*EQUALISING_ERROR)
    return replace(
        pair,
        sharp=equally_blurred(pair.sharp, pair.flow, error * pair.coc_px),
    )


def equally_blurred(
    sharp: Array,
    flow: Array,
    coc_px: Array,
) -> Array:
    """The sharp member with the blur of the other, as after equalisation: ``(H, W, 3)`` sRGB.

    ``flow`` is ``(2, H, W)``, from blurry to sharp, ``coc_px`` ``(H, W)``, of the blurry member."""
    height, width = coc_px.shape
    x, y = pixel_grid(height, width)
    # flows are smooth: the flow at the sharp position is nearly that of the blurry one
    diameters: Array = single(
        cv2.remap(
            coc_px,
            x - flow[0],
            y - flow[1],
            cv2.INTER_LINEAR,
            None,
            cv2.BORDER_REPLICATE,
        )
    )
    blurred = _disc_blurred(srgb_to_linear(sharp), diameters)
    return single(linear_to_srgb(np.clip(blurred, 0, 1)))


def _disc_blurred(
    linear: Array,
    diameters: Array,
) -> Array:
    """A picture blurred by discs with a diameter per pixel, interpolated between a few."""
    largest = float(diameters.max())
    gaps = math.ceil(largest / SLICE_PX)
    per_gap = gaps / max(largest, 1e-6)
    blurred = np.zeros_like(linear)
    for node in np.linspace(0, largest, gaps + 1).tolist():
        distance = np.abs(diameters - node) * per_gap
        share = np.maximum(1 - distance, 0)[:, :, None]
        kernel = np.ones((1, 1))
        if node > 1:
            kernel = disc_psf(node)
        blurred += share * cv2.filter2D(
            linear,
            cv2.CV_32F,
            kernel,
            borderType=cv2.BORDER_REFLECT,
        )
    return blurred


def _stacked(pairs: list[TruthPair]) -> FlowBatch:
    flows = np.stack([pair.flow for pair in pairs])
    diameters = np.stack([pair.coc_px for pair in pairs])
    plain = np.stack([pair.inside & ~pair.edge for pair in pairs])
    return FlowBatch(
        blurry=_pictures([pair.blurry for pair in pairs]),
        sharp=_pictures([pair.sharp for pair in pairs]),
        flow=torch.from_numpy(flows),
        coc_px=torch.from_numpy(diameters),
        plain=torch.from_numpy(plain),
    )


def _pictures(pictures: list[Array]) -> torch.Tensor:
    stacked = np.stack(pictures)[..., ::-1]
    stacked = stacked.transpose(0, 3, 1, 2)
    return torch.from_numpy(np.ascontiguousarray(stacked))
