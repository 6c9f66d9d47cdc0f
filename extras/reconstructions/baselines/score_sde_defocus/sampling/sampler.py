"""The reverse-time diffusion by predictor and corrector; yang-song/score_sde_pytorch at cb1f359.

Source: Song et al., Score-Based Generative Modeling through SDEs (ICLR 2021), algorithms 2, 4."""

from collections.abc import Callable, Sequence
from typing import TypeAlias

import torch
from torch import Tensor

from defocus.extras.reconstructions.baselines.score_sde_defocus.sampling.schedule import (
    Step,
)

Score: TypeAlias = Callable[[Tensor, float], Tensor]
"""Function from noisy pictures and their noise to the gradient of the logarithm of their
density."""
PutBack: TypeAlias = Callable[[Step], float]
"""Function from a step to the standard deviation of the noise that is added after its
prediction."""


def reverse_diffusion(step: Step) -> float:
    """Noise to put back: as much as the step took, which is right where steps are small.

    A step that should leave a third of the noise leaves 0.94 of it."""
    return float((step.sigma**2 - step.after**2) ** 0.5)


def ancestral(step: Step) -> float:
    """Noise to put back so that the picture has the noise level after the step, of any length.

    That holds where the clean estimate is right, less its own spread."""
    return reverse_diffusion(step) * step.after / step.sigma


def predictor_corrector(
    score: Score,
    noisy: Tensor,
    steps: Sequence[Step],
    draw: Callable[[], Tensor],
    ratio: float,
    put_back: PutBack,
) -> Tensor:
    """Go down the noise levels; each step a Langevin correction, then a prediction.

    ``draw`` gives standard normal noise like ``noisy``, twice per step; the last noise stays out.
    """
    cleaned = noisy
    for step in steps:
        noisy = _corrected(score(noisy, step.level), noisy, draw(), ratio)
        power = step.sigma**2 - step.after**2
        cleaned = noisy + power * score(noisy, step.level)
        noisy = cleaned + put_back(step) * draw()
    return cleaned


def _corrected(
    slope: Tensor,
    noisy: Tensor,
    noise: Tensor,
    ratio: float,
) -> Tensor:
    """One Langevin step; how long it is depends on lengths averaged over the batch."""
    length = 2 * (ratio * _length(noise) / _length(slope)) ** 2
    return noisy + length * slope + (2 * length).sqrt() * noise


def _length(batch: Tensor) -> Tensor:
    length: Tensor = torch.linalg.vector_norm(batch.flatten(1), dim=1).mean()
    return length
