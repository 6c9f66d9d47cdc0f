"""Deconvolution with a hyper-Laplacian prior of gradients, by half-quadratic splitting."""

from collections.abc import Iterable, Iterator
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from defocus.baselines.operators.chain_cards import Prior
from defocus.baselines.operators.domain import Array, Domain, Spectrum
from defocus.baselines.operators.row_kernels import shrink_by_table, shrink_three_halves

LARGEST = 2.0
"""Gradients of pictures in [0, 1] seldom exceed 1; beyond 2 the tables go on as straight lines."""
STEP = 1e-4
NEWTON_STEPS = 30
NEWTON_POWER = 1.5
TIE = 1e-12
"""Tolerance at the threshold, where both minima are equal. The minimum that is not 0 is taken
there."""


def shrink(values: Array, alpha: float, beta: float) -> NDArray[np.float64]:
    """The exact minimum w of values v, for 0 < alpha <= 1, by Newton's steps on |v|."""
    # Of |w|^alpha + beta/2 (w - v)². The steps go down the convex branch; below the threshold 0 is
    # the smaller minimum. Source: Krishnan, Fergus, NIPS 2009, section 3; the threshold from
    # equating both.
    magnitude = np.abs(np.asarray(values, np.float64))
    if alpha == 1:
        return np.sign(values) * np.maximum(magnitude - 1 / beta, 0.0)
    kept = magnitude >= _threshold(alpha, beta) * (1 - TIE)
    v = magnitude[kept]
    w = v.copy()
    for _ in range(NEWTON_STEPS):
        # Newton's step for alpha * w^(alpha - 1) + beta * (w - v) = 0
        slope = alpha * w ** (alpha - 1) + beta * (w - v)
        bend = alpha * (alpha - 1) * w ** (alpha - 2) + beta
        w = w - slope / bend
    minima = np.zeros_like(magnitude)
    minima[kept] = w
    return np.sign(values) * minima


def _threshold(alpha: float, beta: float) -> float:
    """Below this magnitude the minimum is at 0, for alpha < 1."""
    share = 2 * (1 - alpha)
    place = (share / beta) ** (1 / (2 - alpha))
    return float((2 - alpha) / share * place)


def shrink_gradients(gradients: tuple[Array, Array], alpha: float, beta: float) -> None:
    """Shrink ``(H, W)`` gradients, right and below, in place."""
    # An alpha up to 1 is exact to about 1e-8, by a table; 1.5 takes four Newton steps; 2 is exact.
    for gradient in gradients:
        if 0 < alpha <= 1:
            threshold, table = _tabulated(alpha, beta)
            shrink_by_table(gradient, table.astype(gradient.dtype), STEP, threshold)
        elif alpha == NEWTON_POWER:
            shrink_three_halves(gradient, beta)
        elif alpha == 2:
            gradient *= beta / (beta + 2)
        else:
            raise ValueError(f"power {alpha} of the gradients: give 0 to 1, 1.5 or 2")


@lru_cache(maxsize=64)
def _tabulated(alpha: float, beta: float) -> tuple[float, NDArray[np.float64]]:
    """The threshold, and results at threshold + k · step."""
    threshold = 1 / beta if alpha == 1 else _threshold(alpha, beta)
    count = int(LARGEST / STEP) + 1
    places = threshold + STEP * np.arange(count)
    return threshold, shrink(places, alpha, beta)


BETAS = tuple(float(8.0 ** (k / 2)) for k in range(6))
"""Weights that tie the auxiliary gradients to those of the picture, 1 to 181. There is one
iteration with each."""


def krishnan_fergus(
    blurry: Array,
    psf: Array,
    prior: Prior,
    domain: Domain,
) -> Array:
    """Minimise lambda/2 |Kx - y|² + sum |Dx|^alpha by half-quadratic splitting."""
    # Source: Krishnan, Fergus, Fast Image Deconvolution using Hyper-Laplacian Priors, NIPS 2009.
    return next(
        krishnan_fergus_levels(blurry, [domain.transfer(psf)], domain, prior=prior)
    )


def krishnan_fergus_levels(
    blurry: Array,
    transfers: Iterable[Spectrum],
    domain: Domain,
    *,
    prior: Prior,
) -> Iterator[Array]:
    """The deconvolution for several kernels, which share transform and first gradients."""
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


def _split(
    scene: Array,
    alpha: float,
    beta: float,
    domain: Domain,
) -> Spectrum:
    """The transform of Dᵀw for the gradients w that the prior prefers."""
    gradients = domain.gradient(scene)
    shrink_gradients(gradients, alpha, beta)
    return domain.forward(domain.adjoint(*gradients), spent=True)
