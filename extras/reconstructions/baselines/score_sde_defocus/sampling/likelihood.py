"""Likelihood of the blurry picture given a noisy sharp one, with numbers in place of matrices.

Source: Song et al., Pseudoinverse-Guided Diffusion Models (ICLR 2023), eq. 7."""

from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from defocus.extras.reconstructions.baselines.score_sde_defocus.sampling.sampler import (
    Score,
)


class Blur(Protocol):
    """A linear operator A, no gain above 1."""

    def adjoint_of(
        self,
        sharp: Tensor,
        residual_to: Tensor,
    ) -> Tensor:
        """A^T (y - A x)."""
        ...


@dataclass(frozen=True)
class Conditioned:
    """The score of sharp pictures given the blurry one y = A x + noise.

    Exact where sharp pictures are Gaussian with variance v per pixel and A A^T = 1."""

    # With x0 = x + sigma² s the clean estimate, r² = sigma² v / (sigma² + v) its variance and n²
    # the noise's, the likelihood adds r² / sigma² A^T (y - A x0) / (r² + n²). Fields: A is
    # ``blur``, y ``blurry``, v ``variance``, n ``noise``.

    score: Score
    blur: Blur
    blurry: Tensor
    variance: float
    noise: float

    def __call__(self, noisy: Tensor, sigma: float) -> Tensor:
        """The score at a noise."""
        prior = self.score(noisy, sigma)
        share = self.variance / (sigma**2 + self.variance)
        trust = share / (share * sigma**2 + self.noise**2)
        clean = noisy + sigma**2 * prior
        return prior + trust * self.blur.adjoint_of(clean, self.blurry)
