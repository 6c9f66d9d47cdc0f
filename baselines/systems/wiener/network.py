"""Wiener's filter of one disc."""

from defocus.baselines.operators.chain import OneDisc
from defocus.baselines.operators.deconvolution import wiener_levels
from defocus.baselines.operators.domain import Array, Domain

NOISE_TO_SIGNAL = 0.03
"""Ratio of noise to signal. It gains 0.8 to 3.3 dB on single discs of 3 to 15 px, 8 bit, up to
2/255 of noise; 0.003 gains more without noise, but loses up to 6 dB with it, and more where the
scene has several depths."""


def make() -> OneDisc:
    """The restorer."""
    return OneDisc(deconvolve)


def deconvolve(channel: Array, psf: Array, domain: Domain) -> Array:
    """The scene of a channel blurred by a kernel, with this system's ratio of noise to signal."""
    transfers = [domain.transfer(psf)]
    return next(
        wiener_levels(channel, transfers, domain, noise_to_signal=NOISE_TO_SIGNAL)
    )
