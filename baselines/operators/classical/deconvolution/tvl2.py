"""Deconvolution with total variation, by an augmented Lagrangian."""

from collections.abc import Iterable, Iterator

import numpy as np

from defocus.baselines.operators.classical.deconvolution.domain import Array, Domain, Spectrum
from defocus.baselines.operators.classical.row_kernels import split_isotropic

__all__ = ["tvl2", "tvl2_levels"]

BETA = 10.0
MULTIPLIER_STEP = 1.618


def tvl2(blurry: Array, psf: Array, weight: float, iterations: int, domain: Domain) -> Array:
    """Minimise sum |grad x| + mu/2 |Kx - y|², isotropic; y is about [0, 1]."""
    # mu is about 0.05 over the variance of the noise. Source: Tao, Yang, He, SIAM J. Imaging
    # Sciences 2 (2009); penalty 10, multiplier step 1.618.
    transfers = [domain.transfer(psf)]
    return next(tvl2_levels(blurry, transfers, domain, weight=weight, iterations=iterations))


def tvl2_levels(
    blurry: Array, transfers: Iterable[Spectrum], domain: Domain, *, weight: float, iterations: int
) -> Iterator[Array]:
    """The same for several kernels, which share the picture's transform."""
    data = domain.forward(blurry)
    ratio = blurry.dtype.type(BETA / weight)
    roughness = ratio * domain.roughness().astype(blurry.dtype)
    for transfer in transfers:
        kernel = transfer.astype(data.dtype)
        matched = np.conj(kernel) * data
        divisor = np.square(np.abs(kernel)) + roughness
        scene = blurry
        split = domain.gradient(scene)
        multipliers = np.zeros_like(blurry), np.zeros_like(blurry)
        for _ in range(iterations):
            gradient = domain.gradient(scene)
            split_isotropic(gradient, split, multipliers, BETA, MULTIPLIER_STEP)
            spectrum = domain.forward(domain.adjoint(*gradient), spent=True)
            spectrum *= ratio
            spectrum += matched
            spectrum /= divisor
            scene = domain.inverse(spectrum)
        yield scene
