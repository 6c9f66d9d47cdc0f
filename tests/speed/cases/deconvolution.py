"""Wiener (one picture) and Richardson-Lucy (one channel), against scikit-image's functions.

Both solve the same problem: for Wiener the picture is periodic and the prior is flat;
Richardson-Lucy starts from 0.5 and assumes black beyond the edges, like scikit-image. The peer
works in double precision, its default, and channel by channel, as it must. Ours works in single
precision and makes Wiener's filter once for all channels.
"""

from collections.abc import Callable, Sequence
from functools import partial

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import fft

from defocus.baselines.operators.classical.deconvolution.domain import Array, Periodic
from defocus.baselines.operators.classical.deconvolution.richardson_lucy import richardson_lucy
from defocus.baselines.operators.classical.deconvolution.wiener import wiener
from defocus.optics.psf import disc_psf
from tests.speed.case import Case, CaseOutcome, ours_and_peer
from tests.speed.measuring import Work

__all__ = ["CASES", "difference", "ours", "peer"]

SIZE = (1120, 1680)
SMALL = (280, 420)
DIAMETER_PX = 15.0
NOISE_TO_SIGNAL = 0.01
ITERATIONS = 30
START = 0.5


def _channel(size: tuple[int, int]) -> NDArray[np.float64]:
    """A blurred scene with detail at several scales, in [0, 1]."""
    noise = np.random.default_rng(0).random(size)
    scene = sum(cv2.GaussianBlur(noise, (0, 0), sigma) * sigma for sigma in (1.0, 3.0, 9.0))
    scene = (scene - np.min(scene)) / np.ptp(scene)
    return np.asarray(cv2.filter2D(scene, cv2.CV_64F, disc_psf(DIAMETER_PX)))


def ours(method: str, size: tuple[int, int] = SIZE) -> Work:
    """The work of ``wiener``, which returns ``(3, H, W)``, or ``richardson-lucy``, ``(H, W)``."""
    channel, psf = _channel(size).astype(np.float32), disc_psf(DIAMETER_PX)
    if method == "wiener":
        picture = np.stack([channel] * 3)
        return partial(wiener, picture, psf, NOISE_TO_SIGNAL, Periodic(size))
    return partial(_richardson_lucy, channel, psf)


def _richardson_lucy(channel: NDArray[np.float32], psf: Array) -> Array:
    """Deconvolve in a black frame as wide as the kernel, with a size that transforms quickly."""
    height, width = channel.shape
    rows, columns = (fft.next_fast_len(side + psf.shape[0], real=True) for side in (height, width))
    seen, start = np.zeros((2, rows, columns), np.float32)
    seen[:height, :width] = channel
    start[:height, :width] = START
    found = richardson_lucy(seen, psf, ITERATIONS, Periodic((rows, columns)), start=start)
    return np.asarray(found[:height, :width])


def peer(method: str, size: tuple[int, int] = SIZE) -> Work:
    """The same by scikit-image, with the same shapes."""
    from skimage import restoration

    channel, psf = _channel(size), disc_psf(DIAMETER_PX)
    if method == "wiener":
        flat = np.ones((1, 1))
        one = partial(restoration.wiener, psf=psf, balance=NOISE_TO_SIGNAL, reg=flat, clip=False)
        return partial(_each, one, [channel] * 3)
    return partial(restoration.richardson_lucy, channel, psf, ITERATIONS, clip=False)


def _each(one: Callable[[Array], Array], channels: Sequence[Array]) -> list[Array]:
    return [one(channel) for channel in channels]


def difference(method: str, size: tuple[int, int] = SMALL) -> float:
    """Largest difference between both results, relative to the largest value."""
    first, second = np.asarray(ours(method, size)()), np.asarray(peer(method, size)())
    return float(np.abs(first - second).max() / np.abs(second).max())


def _measure(method: str) -> CaseOutcome:
    return ours_and_peer(partial(ours, method), partial(peer, method), partial(difference, method))


CASES = (
    Case("wiener", 3, 1e-4, partial(_measure, "wiener")),
    Case("richardson-lucy", 3, 1e-4, partial(_measure, "richardson-lucy")),
)
