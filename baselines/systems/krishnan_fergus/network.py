"""Krishnan and Fergus's deconvolution of one disc."""

from defocus.baselines.operators.chain import OneDisc
from defocus.baselines.operators.chain_cards import Prior
from defocus.baselines.operators.domain import Array, Domain
from defocus.baselines.operators.krishnan_fergus import krishnan_fergus

PRIOR = Prior(2 / 3, 500.0)


def make() -> OneDisc:
    """The restorer."""
    return OneDisc(_deconvolve)


def _deconvolve(channel: Array, psf: Array, domain: Domain) -> Array:
    return krishnan_fergus(channel, psf, PRIOR, domain)
