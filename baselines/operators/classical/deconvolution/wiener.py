"""Wiener deconvolution."""

from collections.abc import Iterable, Iterator

import numpy as np

from defocus.baselines.operators.classical.deconvolution.domain import (
    Array,
    Domain,
    Spectrum,
    in_precision,
)

__all__ = ["wiener", "wiener_gain", "wiener_levels"]


def wiener_gain(transfer: Spectrum, noise_to_signal: float) -> Spectrum:
    """conj(H) / (|H|² + K), which multiplies a transform; K is noise over scene power."""
    power = np.square(transfer.real)
    if np.iscomplexobj(transfer):
        power += np.square(transfer.imag)
    power += noise_to_signal
    gain = np.conj(transfer)
    gain *= np.reciprocal(power, out=power)  # a complex division takes twice as long
    return np.asarray(gain)


def wiener(blurry: Array, psf: Array, noise_to_signal: float, domain: Domain) -> Array:
    """The linear estimate of least mean squared error for white noise and a white scene."""
    # Flat areas are multiplied by 1 / (1 + K). Source: Wiener (1949); the usual frequency-domain
    # form.
    transfer = in_precision(domain.transfer(psf.astype(blurry.dtype)), blurry)
    gain = wiener_gain(transfer, noise_to_signal)
    estimate = np.empty_like(blurry)
    for channel in np.ndindex(blurry.shape[:-2]):  # one after the other stays in cache
        spectrum = domain.forward(blurry[channel])
        spectrum *= gain
        estimate[channel] = domain.inverse(spectrum)
    return estimate


def wiener_levels(
    blurry: Array, transfers: Iterable[Spectrum], domain: Domain, *, noise_to_signal: float
) -> Iterator[Array]:
    """The filter for several kernels, scaled so that flat areas keep their value."""
    data = domain.forward(blurry)
    for transfer in transfers:
        gain = wiener_gain(transfer, noise_to_signal) * (1 + noise_to_signal)
        yield domain.inverse(data * gain.astype(data.dtype))
