"""Wiener deconvolution."""

from collections.abc import Iterable, Iterator

import numpy as np

from defocus.baselines.classical.domain import Array, Domain, Spectrum

__all__ = ["wiener", "wiener_gain", "wiener_levels"]


def wiener_gain(transfer: Spectrum, noise_to_signal: float) -> Spectrum:
    """conj(H) / (|H|² + K): what the filter multiplies a transform by.

    Args:
        transfer: H.
        noise_to_signal: K, > 0: power of the noise over that of the scene.
    """
    return np.asarray(np.conj(transfer) / (np.abs(transfer) ** 2 + noise_to_signal))


def wiener(blurry: Array, psf: Array, noise_to_signal: float, domain: Domain) -> Array:
    """The linear estimate of least mean squared error for white noise and a white scene.

    Args:
        blurry: ``(H, W)``.
        psf: Odd-sized, sum 1.
        noise_to_signal: K, > 0.
        domain: Of the picture.

    Returns:
        Same shape; flat areas are multiplied by 1 / (1 + K).

    Source: Wiener (1949); the usual frequency-domain form.
    """
    gain = wiener_gain(domain.transfer(psf), noise_to_signal)
    spectrum = domain.forward(blurry)
    spectrum *= gain.astype(spectrum.dtype)
    return domain.inverse(spectrum)


def wiener_levels(
    blurry: Array, transfers: Iterable[Spectrum], domain: Domain, *, noise_to_signal: float
) -> Iterator[Array]:
    """The filter for several kernels, scaled so that flat areas keep their value.

    Args:
        blurry: ``(H, W)``.
        transfers: Of the kernels.
        domain: Of the picture.
        noise_to_signal: K, > 0.

    Yields:
        The picture deconvolved with each kernel.
    """
    data = domain.forward(blurry)
    for transfer in transfers:
        gain = wiener_gain(transfer, noise_to_signal) * (1 + noise_to_signal)
        yield domain.inverse(data * gain.astype(data.dtype))
