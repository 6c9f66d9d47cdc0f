"""Wiener deconvolution with a symmetric kernel, as if the picture were mirrored at its edges.

The mirrored picture is periodic without a seam, and its Fourier transform is real: it is the
discrete cosine transform, which needs a quarter of the values.
"""

import numpy as np
from numpy.typing import NDArray
from scipy import fft

__all__ = ["wiener"]


def wiener(
    picture: NDArray[np.float32], psf: NDArray[np.float64], noise_to_signal: float
) -> NDArray[np.float32]:
    """The linear estimate of least mean squared error for white noise and a white scene.

    X = B · H (1 + K) / (H² + K): Wiener's filter, scaled so that flat areas keep their value.

    Args:
        picture: ``(H, W, C)``, linear light.
        psf: ``(k, k)``, k odd, sum 1, symmetric in x and in y.
        noise_to_signal: K, > 0: power of the noise over that of the scene.

    Returns:
        Same shape; may leave [0, 1].

    Source: Wiener (1949); the usual frequency-domain form.
    """
    height, width = picture.shape[:2]
    transfer = _cosines(height, len(psf)).T @ psf @ _cosines(width, len(psf))
    gain = transfer * (1.0 + noise_to_signal) / (transfer**2 + noise_to_signal)
    spectrum = fft.dctn(picture, axes=(0, 1))
    spectrum *= gain.astype(np.float32)[:, :, None]
    restored: NDArray[np.float32] = fft.idctn(spectrum, axes=(0, 1), overwrite_x=True)
    return restored


def _cosines(size: int, taps: int) -> NDArray[np.float64]:
    """``(taps, size)``: what a shift by each tap does to each frequency of the mirrored picture."""
    offsets = np.arange(taps) - taps // 2
    return np.asarray(np.cos(np.pi * offsets[:, None] * np.arange(size)[None, :] / size))
