"""NCSN++ for 256 px with the official state-dict names (score_sde_pytorch at cb1f359, ncsnpp.py).

Source: Song et al., Score-Based Generative Modeling through SDEs (ICLR 2021), appendix H."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from defocus.extras.reconstructions.baselines.score_sde_defocus.sampling.schedule import (
    Exploding,
)
from defocus.extras.reconstructions.baselines.score_sde_defocus.score_network.blocks import (
    NOTHING,
    Attention,
    Combination,
    Residual,
    Waves,
    convolution,
    dense,
    group_norm,
)
from defocus.extras.reconstructions.baselines.score_sde_defocus.score_network.resampling import (
    doubled,
    halved,
)


class NCSNpp(nn.Module):
    """The score of noisy pictures: gradient of the logarithm of their density.

    The levels that attend are fixed: official ones attend at a width, so other sizes would not fit.
    """

    # ``multipliers``: of the channels per level, finest first. ``blocks``: residual ones per level
    # of the encoder; the decoder has one more. The middle always attends. ``noise``: the official
    # state dict carries its levels.

    def __init__(
        self,
        width: int = 128,
        multipliers: Sequence[int] = (1, 1, 2, 2, 2, 2, 2),
        blocks: int = 2,
        attending: Sequence[int] = (4,),
        noise: Exploding | None = None,
    ) -> None:
        super().__init__()
        self.levels = len(multipliers)
        self.blocks = blocks
        self.attending = tuple(attending)
        levels = (noise or Exploding()).levels()
        self.register_buffer("sigmas", torch.tensor(levels[::-1], dtype=torch.float64))
        widths = [width * each for each in multipliers]
        modules: list[nn.Module] = [Waves(width), dense(2 * width, 4 * width)]
        modules += [dense(4 * width, 4 * width), convolution(3, width)]
        skips = self._add_encoder(modules, widths)
        self._add_decoder(modules, widths, skips)
        self.all_modules = nn.ModuleList(modules)

    def _add_encoder(self, modules: list[nn.Module], widths: list[int]) -> list[int]:
        """Append the encoder and the middle; gives the channels of the skips."""
        conditions = 4 * widths[0]
        channels = widths[0]
        skips = [channels]
        for level, width in enumerate(widths):
            for _ in range(self.blocks):
                modules.append(Residual(channels, width, conditions))
                channels = width
                if level in self.attending:
                    modules.append(Attention(channels))
                skips.append(channels)
            if level < self.levels - 1:
                modules.append(Residual(channels, channels, conditions, "halve"))
                modules.append(Combination(channels))
                skips.append(channels)
        modules += [Residual(channels, channels, conditions), Attention(channels)]
        modules.append(Residual(channels, channels, conditions))
        return skips

    def _add_decoder(
        self,
        modules: list[nn.Module],
        widths: list[int],
        skips: list[int],
    ) -> None:
        conditions = 4 * widths[0]
        channels = widths[-1]
        for level, width in reversed(list(enumerate(widths))):
            for _ in range(self.blocks + 1):
                modules.append(Residual(channels + skips.pop(), width, conditions))
                channels = width
            if level in self.attending:
                modules.append(Attention(channels))
            modules += [
                group_norm(channels),
                convolution(channels, 3, variance=NOTHING),
            ]
            if level:
                modules.append(Residual(channels, channels, conditions, "double"))

    def forward(self, noisy: Tensor, sigma: Tensor) -> Tensor:
        """The score of ``(N, 3, H, W)``, sides divisible by 2^(levels - 1), and noise ``(N,)``."""
        modules = iter(self.all_modules)
        condition = next(modules)(sigma.log())
        condition = next(modules)(condition)
        condition = next(modules)(functional.silu(condition))
        skips = self._encoded(modules, 2 * noisy - 1, condition)
        features = next(modules)(skips[-1], condition)
        attend = next(modules)
        last = next(modules)
        return self._decoded(
            modules,
            last(attend(features), condition),
            skips,
            condition,
        ) / _wide(sigma)

    def _encoded(
        self,
        modules: Iterator[nn.Module],
        picture: Tensor,
        condition: Tensor,
    ) -> list[Tensor]:
        skips = [next(modules)(picture)]
        for level in range(self.levels):
            for _ in range(self.blocks):
                features = next(modules)(skips[-1], condition)
                if level in self.attending:
                    features = next(modules)(features)
                skips.append(features)
            if level < self.levels - 1:
                picture = halved(picture)
                features = next(modules)(skips[-1], condition)
                skips.append(next(modules)(picture, features))
        return skips

    def _decoded(
        self,
        modules: Iterator[nn.Module],
        features: Tensor,
        skips: list[Tensor],
        condition: Tensor,
    ) -> Tensor:
        """The sum of the pictures that the levels give."""
        picture = torch.zeros(())
        for level in reversed(range(self.levels)):
            for _ in range(self.blocks + 1):
                features = next(modules)(
                    torch.cat([features, skips.pop()], dim=1),
                    condition,
                )
            if level in self.attending:
                features = next(modules)(features)
            norm = next(modules)
            show = next(modules)
            shown = show(functional.silu(norm(features)))
            picture = shown if level == self.levels - 1 else doubled(picture) + shown
            if level:
                features = next(modules)(features, condition)
        return picture


def _wide(sigma: Tensor) -> Tensor:
    return sigma[:, None, None, None]
