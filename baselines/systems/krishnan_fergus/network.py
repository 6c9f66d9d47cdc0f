"""Krishnan and Fergus's deconvolution of one disc."""

from functools import partial

from defocus.baselines.operators.chain import OneDisc
from defocus.baselines.operators.chain_cards import Prior
from defocus.baselines.operators.krishnan_fergus import krishnan_fergus


def make() -> OneDisc:
    """The restorer."""
    return OneDisc(partial(krishnan_fergus, prior=Prior(2 / 3, 500.0)))
