"""Wiener (one picture) and Richardson-Lucy (one channel), against scikit-image's functions.

For Wiener the picture is periodic and the prior flat; Richardson-Lucy starts from 0.5, black beyond
the edges. The peer works in double precision, its default, and channel by channel, as it must."""

from functools import partial

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import fft

from defocus.baselines.operators.deconvolution import richardson_lucy, wiener_levels
from defocus.baselines.operators.domain import Array, Periodic, in_precision
from defocus.scene.aperture import disc_psf
from tests.speed.case import Case, Work, apart

SIZE, SMALL = (1120, 1680), (96, 120)
PSF = disc_psf(15.0)
NOISE_TO_SIGNAL = 0.01
ITERATIONS = 30
START = 0.5


def _channel(size: tuple[int, int]) -> NDArray[np.float64]:
    """A blurred scene with detail at several scales, in [0, 1]."""
    noise = np.random.default_rng(0).random(size)
    scene = sum(
        cv2.GaussianBlur(noise, (0, 0), sigma) * sigma for sigma in (1.0, 3.0, 9.0)
    )
    scene = (scene - np.min(scene)) / np.ptp(scene)
    return np.asarray(cv2.filter2D(scene, cv2.CV_64F, PSF))


def _wiener(size: tuple[int, int]) -> Work:
    picture, domain = np.stack([_channel(size).astype(np.float32)] * 3), Periodic(size)
    kernel = PSF.astype(np.float32)

    def restore() -> Array:
        transfers = [in_precision(domain.transfer(kernel), picture)]
        restored = next(
            wiener_levels(picture, transfers, domain, noise_to_signal=NOISE_TO_SIGNAL)
        )
        restored /= 1 + NOISE_TO_SIGNAL  # theirs leaves flat areas that much darker
        return restored

    return restore


def _their_wiener(size: tuple[int, int]) -> Work:
    from skimage import restoration

    channel, flat = _channel(size), np.ones((1, 1))
    one = partial(
        restoration.wiener, channel, PSF, NOISE_TO_SIGNAL, reg=flat, clip=False
    )
    return lambda: [one() for _ in range(3)]


def _richardson_lucy(size: tuple[int, int]) -> Work:
    return partial(_framed, _channel(size).astype(np.float32))


def _framed(channel: NDArray[np.float32]) -> Array:
    """Deconvolve in a black frame as wide as the kernel, with a size that transforms quickly."""
    height, width = channel.shape
    rows, columns = (
        fft.next_fast_len(side + PSF.shape[0], real=True) for side in (height, width)
    )
    seen, start = np.zeros((2, rows, columns), np.float32)
    seen[:height, :width] = channel
    start[:height, :width] = START
    restored = richardson_lucy(
        seen, PSF, ITERATIONS, Periodic((rows, columns)), start=start
    )
    return np.asarray(restored[:height, :width])


def _their_richardson_lucy(size: tuple[int, int]) -> Work:
    from skimage import restoration

    return partial(
        restoration.richardson_lucy, _channel(size), PSF, ITERATIONS, clip=False
    )


CASES = tuple(
    Case(
        name,
        partial(ours, SIZE),
        partial(peer, SIZE),
        lambda ours=ours, peer=peer: apart(ours(SMALL)(), peer(SMALL)()),  # type: ignore[misc]
        1e-4,
        target=3,
    )
    for name, ours, peer in (
        ("wiener", _wiener, _their_wiener),
        ("richardson-lucy", _richardson_lucy, _their_richardson_lucy),
    )
)
