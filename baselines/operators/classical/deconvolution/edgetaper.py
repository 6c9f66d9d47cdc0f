"""Edge tapering, so that a picture can be treated as periodic."""

import numpy as np
from numpy.typing import NDArray

from defocus.baselines.operators.classical.deconvolution.domain import Array, Periodic

__all__ = ["edgetaper"]


def edgetaper(picture: Array, psf: Array) -> Array:
    """The picture, and towards its edges the picture blurred as if it repeated itself."""
    # Its weight is 1 less the autocorrelation of the kernel's projections, at the distance from the
    # edge. Source: MATLAB's function of that name, as its documentation describes it.
    domain = Periodic((picture.shape[0], picture.shape[1]))
    spectrum = domain.forward(picture)
    spectrum *= domain.transfer(psf).astype(spectrum.dtype)
    blurred = domain.inverse(spectrum)
    rows = 1 - _correlation(psf.sum(axis=1), picture.shape[0])
    columns = 1 - _correlation(psf.sum(axis=0), picture.shape[1])
    weight = (rows[:, None] * columns[None, :]).astype(picture.dtype)
    mixed = weight * picture + (1 - weight) * blurred
    return np.asarray(np.clip(mixed, picture.min(), picture.max()))


def _correlation(profile: Array, count: int) -> NDArray[np.float64]:
    """The autocorrelation of a projection around both ends of an axis, at most 1."""
    power = np.abs(np.fft.fft(profile, count - 1)) ** 2
    values = np.fft.ifft(power).real
    return np.asarray(np.append(values, values[0]) / values.max())
