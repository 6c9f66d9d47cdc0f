"""Blur, of each pixel or of the whole picture, and deconvolution as a module like a network.

Published strengths: levels of a Gaussian blur as in github.com/codeslake/DMENet at d844e5a (facts).
"""

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats.mstats import mquantiles
from torch import Tensor, nn

from defocus.baselines.layers.named import SeveralOutputs
from defocus.baselines.operators.chain_cards import DEFAULT, Preset, Prior
from defocus.baselines.operators.domain import Array, Periodic, fade_to_blurry
from defocus.baselines.operators.krishnan_fergus import (
    krishnan_fergus,
    krishnan_fergus_levels,
)
from defocus.baselines.operators.varying import (
    LEAST_SIGMA_PX,
    deconvolve,
    fast_domain,
    gaussian_psf,
    sigma_of,
)
from defocus.blur.disc_diameter import disc_diameter_px
from defocus.errors import ImageError
from defocus.pictures.values import LUMINANCE, linear_to_srgb, srgb_to_linear
from defocus.scene.aperture import disc_psf


def edgetaper(picture: Array, psf: Array) -> Array:
    """The picture, and towards its edges the picture blurred as if it repeated itself."""
    # Its weight is 1 less the autocorrelation of the kernel's projections, at the distance from the
    # edge. Source: MATLAB's function of that name, as its documentation describes it.
    height, width = picture.shape
    domain = Periodic((height, width))
    spectrum = domain.forward(picture)
    spectrum *= domain.transfer(psf).astype(spectrum.dtype)
    blurred = domain.inverse(spectrum)
    rows = 1 - _correlation(psf.sum(axis=1), height)
    columns = 1 - _correlation(psf.sum(axis=0), width)
    weight = rows[:, None] * columns[None, :]
    weight = weight.astype(picture.dtype)
    mixed = weight * picture + (1 - weight) * blurred
    return np.asarray(np.clip(mixed, picture.min(), picture.max()))


def _correlation(profile: Array, count: int) -> NDArray[np.float64]:
    """The autocorrelation of a projection around both ends of an axis, at most 1."""
    spectrum = np.fft.fft(profile, count - 1)
    power = np.abs(spectrum) ** 2
    values = np.fft.ifft(power).real
    closed = np.append(values, values[0])
    return np.asarray(closed / values.max())


QUANTILES = 32


def quantised(sigma_px: NDArray[np.float64]) -> NDArray[np.float64]:
    """Each standard deviation replaced by the lower edge of its bin, between 32 quantiles."""
    # The quantiles are those of the values that occur, each counted once.
    occurring = np.unique(sigma_px)
    shares = np.arange(1, QUANTILES + 1) / (QUANTILES + 1)
    quantiles = mquantiles(occurring, shares, alphap=0.5, betap=0.5)
    ends = [occurring[:1], quantiles, occurring[-1:]]
    edges = np.unique(np.concatenate(ends))
    index = np.searchsorted(edges, sigma_px, side="right") - 1
    last = max(len(edges) - 2, 0)
    bins = np.clip(index, 0, last)
    return np.asarray(edges[bins])


SUPPORT = 8.49
"""Distance, in standard deviations, at which a Gaussian falls below the rounding of its largest
value."""
LARGEST_RADIUS_PX = 50
TAPERS = 4


def published_stage(
    picture: Array,
    sigma_px: NDArray[np.float64],
    prior: Prior,
) -> NDArray[np.float32]:
    """Deconvolve each pixel with the Gaussian of its level, of at most 33 levels."""
    levels = quantised(sigma_px)
    restored = np.array(picture, np.float32)
    for level in np.unique(levels):
        if level < LEAST_SIGMA_PX:
            continue
        radius = min(math.ceil(SUPPORT * level), LARGEST_RADIUS_PX)
        psf = gaussian_psf(float(level), radius)
        own = levels == level
        for channel in range(picture.shape[2]):
            whole = _whole(picture[:, :, channel], psf, prior)
            restored[own, channel] = whole[own]
    return np.clip(restored, 0, 1)


def _whole(channel: Array, psf: Array, prior: Prior) -> Array:
    radius = len(psf) // 2
    padded = np.pad(channel.astype(np.float32), radius, mode="edge")
    for _ in range(TAPERS):
        padded = edgetaper(padded, psf)
    height, width = padded.shape
    domain = Periodic((height, width))
    scene = krishnan_fergus(padded, psf, prior, domain)
    return scene[radius:-radius, radius:-radius]


LEVELS = 8

Restorer: TypeAlias = Callable[[Array, Array], NDArray[np.float32]]
"""Function from a picture ``(H, W, 3)`` and diameters ``(H, W)`` in px to the restored picture."""


class MapDeconvolution(SeveralOutputs):
    """Estimate the circle of confusion at each pixel, then deconvolve; nothing is trained."""

    # ``estimate`` gives the deviation of a Gaussian blur, ``(H, W)`` in px, of a picture
    # ``(H, W, 3)``, sRGB in [0, 1].

    def __init__(
        self,
        estimate: Callable[[Array], NDArray[np.float64]],
        restore: Restorer,
    ) -> None:
        super().__init__()
        self._estimate = estimate
        self._restore = restore

    def outputs(self, blurry: Tensor) -> dict[str, Tensor]:
        """``restored`` and ``defocus_map``, ``(N, 1, H, W)`` diameters in px, without gradient."""
        pictures = as_pictures(blurry)
        maps = []
        restored = []
        for picture in pictures:
            diameter_px = np.asarray(self._estimate(picture) / sigma_of(1.0))
            restored.append(self._restore(picture, diameter_px))
            maps.append(diameter_px[:, :, None])
        return {
            "restored": as_tensor(restored, blurry),
            "defocus_map": as_tensor(maps, blurry),
        }


def restore_by_map(preset: Preset = DEFAULT) -> Restorer:
    """Krishnan and Fergus's deconvolution of a Gaussian blur, with a published strength."""
    # The default blends 8 levels of a mirrored picture; the others are the published stage.
    if preset == DEFAULT:
        return partial(_blended, preset)
    return partial(_published, preset)


def _blended(preset: Preset, picture: Array, diameter_px: Array) -> NDArray[np.float32]:
    method = partial(krishnan_fergus_levels, prior=preset.prior)
    restored = deconvolve(picture, diameter_px, method, shape="gaussian", count=LEVELS)
    clipped = np.clip(restored, 0, 1)
    return fade_to_blurry(clipped, picture, diameter_px)


def _published(
    preset: Preset,
    picture: Array,
    diameter_px: Array,
) -> NDArray[np.float32]:
    sigma = np.asarray(diameter_px, np.float64) * sigma_of(1.0)
    return published_stage(picture, sigma, preset.prior)


def as_pictures(blurry: Tensor) -> list[NDArray[np.float32]]:
    """Pictures ``(H, W, C)`` of a batch ``(N, C, H, W)``, which must be finite."""
    pictures = blurry.detach().float().cpu().numpy().transpose(0, 2, 3, 1)
    for index, picture in enumerate(pictures):
        if not np.isfinite(picture).all():
            y, x, _ = np.argwhere(~np.isfinite(picture))[0]
            raise ImageError(
                f"picture {index} of the batch is not finite at x {x}, y {y}; repair its file"
            )
    return [np.ascontiguousarray(picture) for picture in pictures]


def as_tensor(pictures: Sequence[Array], like: Tensor) -> Tensor:
    """A float32 batch ``(N, C, H, W)`` of pictures ``(H, W, C)``, on the device of another."""
    stacked = np.stack(pictures).astype(np.float32).transpose(0, 3, 1, 2)
    return torch.from_numpy(np.ascontiguousarray(stacked)).to(like.device)


class OneDisc(nn.Module):
    """Blur size from the picture itself, then one deconvolution; nothing is trained."""

    # ``deconvolution`` is of a channel ``(H, W)`` of linear light, a kernel and ``domain``.

    def __init__(self, deconvolution: Callable[..., Array]) -> None:
        super().__init__()
        self._deconvolution = deconvolution

    def forward(self, blurry: Tensor) -> Tensor:
        """The restored picture in [0, 1], without gradient; as it is if no blur is found."""
        restored = [self._restore(picture) for picture in as_pictures(blurry)]
        return as_tensor(restored, blurry)

    def _restore(self, picture: NDArray[np.float32]) -> NDArray[np.float32]:
        linear = np.asarray(srgb_to_linear(picture))
        diameter = disc_diameter_px(linear @ LUMINANCE)
        if diameter == 0:
            return picture
        height, width = picture.shape[:2]
        domain, padding = fast_domain(height, width)
        padded = np.pad(linear, (*padding, (0, 0)), mode="symmetric")
        channels = []
        for c in range(3):
            channel = np.ascontiguousarray(padded[:, :, c])
            psf = disc_psf(diameter)
            channels.append(self._deconvolution(channel, psf, domain=domain))
        encoded = linear_to_srgb(np.stack(channels, axis=2))
        restored = np.clip(encoded, 0, 1)[:height, :width]
        return fade_to_blurry(restored, picture, np.full((height, width), diameter))
