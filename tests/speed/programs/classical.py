"""Classical deconvolution at full size: ``python -m tests.speed.programs.classical``.

One RGB picture of 1680 × 1120 px, a disc of 15 px, one thread, against scikit-image's
Richardson-Lucy of the same 30 iterations, channel by channel, float32.
"""

from functools import partial

import click
import cv2
import numpy as np
from numpy.typing import NDArray

from defocus.baselines.operators.classical.deconvolution.domain import Array, Mirrored
from defocus.baselines.operators.classical.deconvolution.krishnan_fergus import krishnan_fergus
from defocus.baselines.operators.classical.deconvolution.prior import Prior
from defocus.baselines.operators.classical.deconvolution.richardson_lucy import richardson_lucy
from defocus.baselines.operators.classical.deconvolution.wiener import wiener, wiener_levels
from defocus.baselines.operators.classical.varying.levels import deconvolve
from defocus.optics.psf import disc_psf
from tests.speed.measuring import Way, Work, compared, table

__all__ = ["WAYS", "main", "work"]

SIZE = (1120, 1680)
DIAMETER_PX = 15.0
ITERATIONS = 30
WAYS = ("scikit-image-rl-30", "richardson-lucy-30", "wiener", "krishnan-fergus", "varying-8")


def _picture(size: tuple[int, int]) -> NDArray[np.float32]:
    """Smooth noise, ``(3, H, W)``."""
    draw = np.random.default_rng(0).random((*size, 3), np.float32)
    smooth = np.asarray(cv2.GaussianBlur(draw, (0, 0), 3.0), np.float32)
    return np.ascontiguousarray(smooth.transpose(2, 0, 1))


def work(way: str, size: tuple[int, int] = SIZE) -> Work:
    """The work of one of :data:`WAYS`; it returns the restored channels."""
    channels, psf, domain = _picture(size), disc_psf(DIAMETER_PX), Mirrored(size)
    if way == "varying-8":
        ramp = np.tile(np.linspace(1, DIAMETER_PX, size[1], dtype=np.float32), (size[0], 1))
        method = partial(wiener_levels, noise_to_signal=0.01)
        picture = np.ascontiguousarray(channels.transpose(1, 2, 0))
        return partial(deconvolve, picture, ramp, method, shape="disc", count=8)
    one = {
        "scikit-image-rl-30": partial(_theirs, psf=psf),
        "richardson-lucy-30": partial(
            richardson_lucy, psf=psf, iterations=ITERATIONS, domain=domain
        ),
        "wiener": partial(wiener, psf=psf, noise_to_signal=0.01, domain=domain),
        "krishnan-fergus": partial(
            krishnan_fergus, psf=psf, prior=Prior(2 / 3, 2000.0), domain=domain
        ),
    }[way]
    return partial(_each, one, channels)


def _each(one: partial[Array], channels: NDArray[np.float32]) -> list[Array]:
    return [one(channel) for channel in channels]


def _theirs(channel: Array, psf: NDArray[np.float64]) -> Array:
    from skimage.restoration import richardson_lucy as peer

    given = channel, psf.astype(np.float32)
    return np.asarray(peer(*given, num_iter=ITERATIONS))  # type: ignore[no-untyped-call]


def main() -> None:
    """Measure and print a table."""
    click.echo(f"{SIZE[1]}x{SIZE[0]} RGB, disc of {DIAMETER_PX:g} px, one thread")
    for line in table(compared([Way(way, partial(work, way)) for way in WAYS])).splitlines():
        click.echo(line)


if __name__ == "__main__":
    main()
