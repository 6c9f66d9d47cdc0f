"""Richardson-Lucy deconvolution of one disc, accelerated."""

from defocus.baselines.operators.classical.chains.one_disc import OneDisc
from defocus.baselines.operators.classical.deconvolution.domain import Array, Domain
from defocus.baselines.operators.classical.deconvolution.richardson_lucy import richardson_lucy

__all__ = ["ITERATIONS", "make"]

ITERATIONS = 10
"""Accelerated; more of them sharpen the noise."""


def make() -> OneDisc:
    """The restorer."""
    return OneDisc(_deconvolve)


def _deconvolve(channel: Array, psf: Array, domain: Domain) -> Array:
    return richardson_lucy(channel, psf, ITERATIONS, domain, accelerated=True)
