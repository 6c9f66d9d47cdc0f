"""Richardson-Lucy deconvolution of one disc, accelerated."""

from defocus.baselines.operators.chain import OneDisc
from defocus.baselines.operators.deconvolution import richardson_lucy
from defocus.baselines.operators.domain import Array, Domain

ITERATIONS = 10
"""Accelerated; more of them sharpen the noise."""


def make() -> OneDisc:
    """The restorer."""
    return OneDisc(_deconvolve)


def _deconvolve(channel: Array, psf: Array, domain: Domain) -> Array:
    return richardson_lucy(channel, psf, ITERATIONS, domain, accelerated=True)
