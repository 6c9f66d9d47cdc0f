"""Deblurring by sampling sharp pictures that explain the blurry one."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from defocus.baselines.layers.padding import pad_to_multiple
from defocus.baselines.operators.chain import as_pictures
from defocus.baselines.systems.ebdb.network import estimate_sigma_px
from defocus.extras.reconstructions.baselines.score_sde_defocus.sampling.blur import (
    gaussian_blur,
)
from defocus.extras.reconstructions.baselines.score_sde_defocus.sampling.likelihood import (
    Conditioned,
)
from defocus.extras.reconstructions.baselines.score_sde_defocus.sampling.sampler import (
    ancestral,
    predictor_corrector,
)
from defocus.extras.reconstructions.baselines.score_sde_defocus.sampling.schedule import (
    Exploding,
)
from defocus.extras.reconstructions.baselines.score_sde_defocus.score_network.ncsnpp import (
    NCSNpp,
)

SEED = 0
VARIANCE = 0.0625
"""Variance of a picture's pixels about their mean, values in [0, 1]; for the likelihood alone."""
RATIO = 0.075
"""Ratio of signal to noise in the sampler's corrections."""
NOISE = 0.02
"""Standard deviation of the noise that is assumed in a blurry picture, values in [0, 1]."""


class ScoreSDE(nn.Module):
    """Starts from the blurry picture with noise and goes down the reverse-time diffusion.

    The blur is EBDB's map. Noise has a fixed seed: the same picture gives the same result."""

    # ``steps``: of the sampler, two passes of the network each. ``start``: time at which it starts,
    # of [0, 1].

    def __init__(
        self,
        *,
        width: int = 16,
        multipliers: Sequence[int] = (1, 2, 2, 2),
        blocks: int = 1,
        attending: Sequence[int] = (),
        steps: int = 4,
        start: float = 0.5,
    ) -> None:
        super().__init__()
        self.schedule = Exploding()
        self.steps = steps
        self.start = start
        self.multiple = 2 ** (len(multipliers) - 1)
        self.score = NCSNpp(
            width,
            multipliers,
            blocks,
            attending,
            self.schedule,
        )

    @torch.no_grad()
    def forward(self, blurry: Tensor) -> Tensor:
        """Restore finite ``(N, 3, H, W)`` RGB in [0, 1], to [0, 1], without gradient."""
        height, width = blurry.shape[-2:]
        padded = pad_to_multiple(blurry, self.multiple)
        restored = torch.cat(list(map(self._sampled, torch.split(padded, 1))))
        return restored.clamp(0, 1)[..., :height, :width]

    def _sampled(self, blurry: Tensor) -> Tensor:
        """One picture, ``(1, 3, H, W)``."""
        generator = torch.Generator().manual_seed(SEED)

        def draw() -> Tensor:
            return torch.randn(blurry.shape, generator=generator).to(blurry)

        (picture,) = as_pictures(blurry)
        blur = gaussian_blur(estimate_sigma_px(np.asarray(picture)), blurry)
        score = Conditioned(
            self._score_at,
            blur,
            blurry,
            VARIANCE,
            NOISE,
        )
        steps = self.schedule.steps(self.steps, self.start)
        noisy = blurry + steps[0].sigma * draw()
        return predictor_corrector(score, noisy, steps, draw, RATIO, ancestral)

    def _score_at(self, noisy: Tensor, sigma: float) -> Tensor:
        score: Tensor = self.score(noisy, noisy.new_full((len(noisy),), sigma))
        return score
