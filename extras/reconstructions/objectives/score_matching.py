"""Denoising score matching: a network learns sharp pictures at all noise levels."""

import torch
from torch import Tensor, nn

from defocus.baselines.objective import Batch, Objective, Parts, Progress
from defocus.extras.reconstructions.baselines.score_sde_defocus.network import ScoreSDE
from defocus.extras.reconstructions.baselines.score_sde_defocus.sampling.schedule import (
    LAST_TIME,
)


class ScoreMatching(Objective):
    """Half the squared length of sigma s(x + sigma z) + z, at times drawn evenly; sharp ones only.

    Source: Song et al., Score-Based Generative Modeling through SDEs (ICLR 2021), eq. 7."""

    def forward(
        self,
        network: nn.Module,
        batch: Batch,
        progress: Progress,
    ) -> tuple[Tensor, Parts]:
        """The loss; its part ``per_value`` is 0.5 for a score of 0, less for a better one."""
        del progress
        if not isinstance(network, ScoreSDE):
            raise TypeError(
                f"the objective trains a ScoreSDE, not {type(network).__name__}"
            )
        sharp = batch.target
        times = LAST_TIME + (1 - LAST_TIME) * torch.rand(len(sharp))
        sigma = sharp.new_tensor(
            [network.schedule.sigma(float(time)) for time in times]
        )
        wide = sigma[:, None, None, None]
        noise = torch.randn_like(sharp)
        score = network.score(sharp + wide * noise, sigma)
        loss = (wide * score + noise).square().sum() / (2 * len(sharp))
        return loss, {"per_value": loss.detach() / sharp[0].numel()}


def make() -> ScoreMatching:
    """The objective."""
    return ScoreMatching()
