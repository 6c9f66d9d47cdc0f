"""Swin-Diff's two stages: a prior from the sharp picture, then a diffusion that generates it."""

import torch
from torch import Tensor, nn
from torch.nn.functional import l1_loss

from defocus.baselines.objective import Batch, Objective, Parts, Progress, detached
from defocus.extras.reconstructions.baselines.swin_diff.diffusion import (
    first_noise,
    noised_prior,
)
from defocus.extras.reconstructions.baselines.swin_diff.encoder import LatentEncoder
from defocus.extras.reconstructions.baselines.swin_diff.network import SwinDiff


class SwinDiffObjective(Objective):
    """Absolute differences of the picture; in the second stage of the prior, too.

    Source: Chen et al., HI-Diff (NeurIPS 2023), section 3.3; zhengchen1999/HI-Diff at b3bfd16."""

    # In the warm-up, the first stage, an encoder of sharp and blurry picture learns along with the
    # transformer. Then it stays fixed and gives the target of the diffusion, which learns with its
    # own encoder and the transformer, through all of its steps.

    def __init__(self) -> None:
        super().__init__()
        self.encoder = LatentEncoder(pictures=2)

    def forward(
        self,
        network: nn.Module,
        batch: Batch,
        progress: Progress,
    ) -> tuple[Tensor, Parts]:
        """The loss; in the second stage its parts are ``picture`` and ``prior``."""
        if not isinstance(network, SwinDiff):
            raise TypeError(
                f"the objective trains a SwinDiff, not {type(network).__name__}"
            )
        if progress.in_warmup:
            prior = self.encoder(batch.target, batch.blurry)
            return l1_loss(network.transformer(batch.blurry, prior), batch.target), {}
        with torch.no_grad():
            wanted = self.encoder(batch.target, batch.blurry)
        start = noised_prior(wanted, first_noise(batch.blurry, None))
        estimate = network.prior(batch.blurry, start)
        of_picture = l1_loss(network.transformer(batch.blurry, estimate), batch.target)
        of_prior = l1_loss(estimate, wanted)
        parts = {"picture": of_picture, "prior": of_prior}
        return of_picture + of_prior, detached(parts)


def make() -> SwinDiffObjective:
    """The objective."""
    return SwinDiffObjective()
