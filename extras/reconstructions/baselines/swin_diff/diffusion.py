"""Diffusion that generates the prior, with the names of zhengchen1999/HI-Diff at b3bfd16.

Source: Chen et al., HI-Diff (NeurIPS 2023), eq. 7 to 10."""

import math

import torch
from torch import Tensor, nn

from defocus.extras.reconstructions.baselines.swin_diff.encoder import PRIOR
from defocus.extras.reconstructions.baselines.swin_diff.mixer import TOKENS, Mixer

TIMES = 8
FIRST_BETA, LAST_BETA = 0.1, 0.99
FIRST_TIME_SCALE = 1e-3
SLOPE = 0.2
MIXING = 2


class Denoiser(nn.Module):
    """Predicts the noise in a noisy prior, by the condition that the blurry picture gives."""

    # ``width``: channels inside. ``prior``: channels of a prior's token.

    def __init__(self, width: int = 512, blocks: int = 2, prior: int = PRIOR) -> None:
        super().__init__()
        self.time_mlp = nn.Parameter(torch.full((1,), FIRST_TIME_SCALE))
        self.first_layer = nn.Sequential(
            nn.Linear(3 * prior, width),
            nn.LeakyReLU(SLOPE),
        )
        self.blocks = nn.ModuleList(
            nn.Sequential(Mixer(width, MIXING), nn.GELU()) for _ in range(blocks)
        )
        self.final_layer = nn.Sequential(nn.Linear(width, prior), nn.GELU())

    def forward(
        self,
        noisy: Tensor,
        time: int,
        condition: Tensor,
    ) -> Tensor:
        """From a noisy prior and its condition, ``(N, 16, prior)`` each, to the noise in it."""
        time_token = (time * self.time_mlp).expand_as(noisy)
        tokens = self.first_layer(torch.cat([noisy, time_token, condition], dim=-1))
        for block in self.blocks:
            tokens = block(tokens)
        noise: Tensor = self.final_layer(tokens)
        return noise


def diffused_prior(
    denoiser: nn.Module,
    condition: Tensor,
    start: Tensor,
) -> Tensor:
    """All eight steps back, the posterior's mean at each and no new noise; differentiable.

    ``condition`` is ``(N, 16, prior)``; ``start`` noise, or a prior with much of it, likewise."""
    betas = torch.linspace(FIRST_BETA, LAST_BETA, TIMES, dtype=torch.float64)
    kept = torch.cumprod(1 - betas, dim=0)
    prior = start
    for time in reversed(range(TIMES)):
        share = float(kept[time])
        before = float(kept[time - 1]) if time else 1.0
        noise = denoiser(prior, time, condition)
        without_noise = prior - math.sqrt(1 - share) * noise
        clean = (without_noise / math.sqrt(share)).clamp(-1, 1)
        beta = float(betas[time])
        of_clean = beta * math.sqrt(before) / (1 - share)
        of_noisy = (1 - before) * math.sqrt(1 - beta) / (1 - share)
        prior = of_clean * clean + of_noisy * prior
    return prior


def noised_prior(prior: Tensor, noise: Tensor) -> Tensor:
    """A prior at the last time; as in the released code, scaled by the kept share, not its root."""
    betas = torch.linspace(FIRST_BETA, LAST_BETA, TIMES, dtype=torch.float64)
    kept = float((1 - betas).prod())
    return kept * prior + math.sqrt(1 - kept**2) * noise


def first_noise(
    like: Tensor,
    generator: torch.Generator | None,
    prior: int = PRIOR,
) -> Tensor:
    """Noise for one prior, the same for every picture of a batch where a generator is given."""
    if generator is None:
        return torch.randn(len(like), TOKENS, prior, device=like.device)
    return (
        torch.randn(1, TOKENS, prior, generator=generator)
        .to(like)
        .expand(len(like), -1, -1)
    )
