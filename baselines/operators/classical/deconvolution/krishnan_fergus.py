"""Deconvolution with a hyper-Laplacian prior of gradients."""

from collections.abc import Iterable, Iterator

import numpy as np

from defocus.baselines.operators.classical.deconvolution.domain import Array, Domain, Spectrum
from defocus.baselines.operators.classical.deconvolution.prior import Prior
from defocus.baselines.operators.classical.deconvolution.shrinkage import shrink_gradients

__all__ = ["BETAS", "krishnan_fergus", "krishnan_fergus_levels"]

BETAS = tuple(float(8.0 ** (k / 2)) for k in range(6))
"""Weights of the split, 1 to 181; one iteration with each."""


def krishnan_fergus(blurry: Array, psf: Array, prior: Prior, domain: Domain) -> Array:
    """Minimise lambda/2 |Kx - y|² + sum |Dx|^alpha by half-quadratic splitting."""
    # Source: Krishnan, Fergus, Fast Image Deconvolution using Hyper-Laplacian Priors, NIPS 2009.
    return next(krishnan_fergus_levels(blurry, [domain.transfer(psf)], domain, prior=prior))


def krishnan_fergus_levels(
    blurry: Array, transfers: Iterable[Spectrum], domain: Domain, *, prior: Prior
) -> Iterator[Array]:
    """The same for several kernels, which share the picture's transform and the first gradients."""
    data = domain.forward(blurry)
    first = _split(blurry, prior.alpha, BETAS[0], domain)
    roughness = domain.roughness().astype(blurry.dtype)
    for transfer in transfers:
        kernel = transfer.astype(data.dtype)
        power = np.square(np.abs(kernel))
        matched = np.conj(kernel) * data
        pull = first
        for number, beta in enumerate(BETAS):
            ratio = blurry.dtype.type(beta / prior.weight)
            spectrum = matched + ratio * pull
            spectrum /= power + ratio * roughness
            scene = domain.inverse(spectrum)
            if number + 1 < len(BETAS):
                pull = _split(scene, prior.alpha, BETAS[number + 1], domain)
        yield scene


def _split(scene: Array, alpha: float, beta: float, domain: Domain) -> Spectrum:
    """The transform of Dᵀw for the gradients w that the prior prefers."""
    gradients = domain.gradient(scene)
    shrink_gradients(gradients, alpha, beta)
    return domain.forward(domain.adjoint(*gradients), spent=True)
