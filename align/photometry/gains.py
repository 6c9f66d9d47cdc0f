"""Photometric difference of a pair: gain and offset of each channel, and vignetting."""

from dataclasses import dataclass
from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from defocus.align.arrays import Doubles, Indices, Mask, Shape, Singles
from defocus.align.photometry.blur_matching import matched_blur
from defocus.align.photometry.exposure import cauchy_fit
from defocus.align.sampling.pyramid import factor_for, reduced
from defocus.align.uncertainty import (
    BlockDraws,
    blocks_of,
    drawn_equations,
    each_block,
    huber_weights,
)
from defocus.pictures.values import FloatImage

STRIDE = 8
PROFILE_ROUNDS = 8
SLACK = 2e-3
"""Stops that are added to the scatter, because a rendered pair may have none."""
PRIOR = 1e-4
"""Relative weight of a prior that keeps a term at zero if few places decide it."""


def light_profile(log_ratio: Singles, counted: Mask) -> Singles:
    """Change of a log2 ratio by exposure and vignetting: a cubic polynomial in squared radius."""
    x, y = _centred(log_ratio.shape)
    radius = (x * x + y * y) / np.float32(2)
    powers = [
        np.ones_like(radius),
        radius,
        radius**2,
        radius**3,
    ]
    return _fitted(np.stack(powers), log_ratio, counted)


def tilt_of(log_ratio: Singles, counted: Mask) -> tuple[float, Singles]:
    """Change of the light from the centre to a border, EV, and the plane that it follows."""
    x, y = _centred(log_ratio.shape)
    constant = np.ones_like(x)
    terms = np.stack([constant, x, y])
    plane = _fitted(terms, log_ratio, counted)
    corner = plane[0, 0]
    across = (plane[0, -1] - corner) / 2
    down = (plane[-1, 0] - corner) / 2
    tilt_ev = float(np.hypot(across, down))
    return tilt_ev, plane


def _centred(shape: Shape) -> tuple[Singles, Singles]:
    """Places of pixels in half widths and half heights from the centre."""
    height, width = shape
    rows = slice(-1, 1, complex(height))
    columns = slice(-1, 1, complex(width))
    places = np.mgrid[rows, columns]
    y, x = places.astype(np.float32)
    return x, y


def _fitted(terms: Singles, values: Singles, counted: Mask) -> Singles:
    """A robust fit (Cauchy weights) of terms ``(N, H, W)`` to the values that count."""
    count = len(terms)
    rows = columns = slice(STRIDE // 2, None, STRIDE)
    chosen = counted[rows, columns]
    if chosen.sum() <= count:
        return np.zeros_like(values)
    sample = terms[:, rows, columns][:, chosen]
    sample = sample.T.astype(np.float64)
    wanted = values[rows, columns][chosen]
    wanted = wanted.astype(np.float64)
    besides_constant = np.diag([0.0, *np.ones(count - 1)])
    prior = PRIOR * len(wanted) * besides_constant
    prior += 1e-9 * np.eye(count)
    fit = cauchy_fit(sample, wanted, prior, SLACK, PROFILE_ROUNDS)
    coefficients = fit.astype(np.float32)
    return np.tensordot(coefficients, terms, axes=1)


SATURATED = 0.95
DARK = 0.004
WINDOWS_PX = (31, 15, 7)
"""Sides of the windows, px. A smaller one is used where every larger one has saturated pixels."""
STRIDE_PX = 8
LARGEST_SIDE = 400
"""Longest side, px; larger pictures are reduced by a whole factor, because window means need no
detail."""
LEAST_RELIABLE = 0.25
"""Share of a window's pixels that must be reliable."""
OFFSET_PRIOR = 0.01
"""Stray light that a lens may add, as a share of white. It decides where the contrast is too low to
decide."""
NOISE_LEVEL = 0.02
"""Light at which a window's error turns from a share of its light into a constant."""
STEEPNESS = 10.0
"""Weight of the spread of light in a window against its light, in the expected error. On rendered
pairs with 15 px of blur it lowers the error of the gain from 0.4 to 0.04 %."""
SHARED_ERROR = (5e-4, 1e-4)
"""Errors of gain and offset that all blocks have in common: rounding, and noise that is clipped at
black."""
SMALLEST_ERROR = 1e-6
EMPTY = 1e-4
"""Mean light below which a channel is empty: a third of the lowest code of 8 bits."""
ROUNDS = 6
HUBER = 1.5
CLEARLY_LESS = 0.7
"""Largest ratio of the errors without and with the vignetting term at which the term is left
out."""

Triple: TypeAlias = tuple[float, float, float]
Sigmas: TypeAlias = tuple[float | None, float | None, float | None]


@dataclass(frozen=True)
class GainMatch:
    """Model of the blurry member's linear light: gain · sharp + offset (shares of white)."""

    gain: Triple
    offset: Triple  # offset of each channel, in shares of white

    def applied(self, light: Singles) -> Singles:
        """Convert sharp light ``(…, 3)`` to the exposure of the blurry member, clipped at black."""
        gain = np.array(self.gain, np.float32)
        offset = np.array(self.offset, np.float32)
        applied = light * gain + offset
        return np.asarray(np.maximum(applied, np.float32(0.0)))


@dataclass(frozen=True)
class Photometry(GainMatch):
    """A match with its standard errors (1 σ); ``gain_ev`` is the median of all channels."""

    gain_ev: float
    gain_sigma: Sigmas  # ``(3,)``; None for a channel without light, whose gain is 1
    offset_sigma: Sigmas  # ``(3,)``; None for a channel without light: its offset is 0
    gain_ev_sigma: float


def photometry(
    blurry: Singles,
    sharp: Singles,
    inside: Mask,
    reliable: Mask,
) -> Photometry | None:
    """Compare the light of a pair by window means, which a blur keeps; None if nothing compares.

    Robust fit (Huber) without saturated pixels, empty channels and vignetting; offset held near 0.
    """
    windows = _compared_windows(blurry, sharp, inside, reliable)
    if windows is None:
        return None
    red, green, blue = _channels(windows)
    gain_ev, gain_ev_sigma = _exposure_ev(windows)
    return Photometry(
        gain=(red.gain, green.gain, blue.gain),
        offset=(red.offset, green.offset, blue.offset),
        gain_ev=gain_ev,
        gain_sigma=(red.gain_sigma, green.gain_sigma, blue.gain_sigma),
        offset_sigma=(red.offset_sigma, green.offset_sigma, blue.offset_sigma),
        gain_ev_sigma=gain_ev_sigma,
    )


def _channels(windows: "_Windows") -> list["_Channel"]:
    """Gain and offset of red, green and blue; a channel without light has none."""
    s = windows.sharp
    d = windows.steepness
    level = _without_vignetting(windows)
    channels = [_EMPTY_CHANNEL] * 3
    for c in np.flatnonzero(windows.lit):
        sharp = s[:, c]
        blurry = level[:, c]
        steepness = d[:, c]
        channels[c] = _channel(sharp, blurry, steepness, windows.blocks)
    return channels


@dataclass(frozen=True)
class _Windows:
    """Mean light of N windows of both members, of equal blur."""

    blurry: Doubles  # ``(N, 3)``
    sharp: Doubles  # ``(N, 3)``
    steepness: (
        Doubles  # ``(N, 3)``, by how much the windows around it differ from a window
    )
    lit: Mask  # ``(3,)``, the channels that have light
    profile: Doubles  # ``(N,)``, the vignetting of the blurry member
    blocks: Indices  # ``(N,)``, the part of the picture that a window is in


def _compared_windows(
    blurry: Singles,
    sharp: Singles,
    inside: Mask,
    reliable: Mask,
) -> _Windows | None:
    """The windows in which both members are bright and reliable; None without any light."""
    saturated = _saturated(blurry) | _saturated(sharp)
    bad = saturated | ~inside
    factor = factor_for(blurry.shape, LARGEST_SIDE)
    window, good = _usable_windows(bad, reliable, factor)
    small_blurry = reduced(blurry, factor)
    small_sharp = reduced(sharp, factor)
    planes = _window_means(small_blurry, small_sharp, window)
    return _windows_of(planes, good)


def _windows_of(
    planes: tuple[Singles, Singles, Singles], good: Mask
) -> _Windows | None:
    """The good windows of three maps: of both members, and of the steepness of the sharp one."""
    at = np.nonzero(_at_strides(good))
    means = np.stack([_at_strides(plane)[at] for plane in planes])
    bright, lit = _light(means[0], means[1])
    if not lit.any():
        return None
    b, s, d = means[:, bright].astype(np.float64)
    rows = STRIDE_PX * at[0][bright]
    columns = STRIDE_PX * at[1][bright]
    profile = _profile(planes[0], planes[1], good)
    own_profile = profile[rows, columns]
    blocks = blocks_of(rows, columns, good.shape)
    return _Windows(
        b,
        s,
        d,
        lit,
        own_profile,
        blocks,
    )


def _at_strides(plane: NDArray[Any]) -> NDArray[Any]:
    """Every eighth row and column: windows that overlap less."""
    return plane[::STRIDE_PX, ::STRIDE_PX]


def _window_means(
    blurry: Singles,
    sharp: Singles,
    window: int,
) -> tuple[Singles, Singles, Singles]:
    """Mean light of the windows of both members at equal blur, and how steeply it changes."""
    first = _means(blurry, window)
    second = _means(_equally_blurred(blurry, sharp), window)
    # a window amid others that differ from it is the more in error, whatever moves light there
    around = _means(second, 3 * window)
    steepness = np.abs(around - second)
    return first, second, steepness


def _usable_windows(bad: Mask, reliable: Mask, factor: int) -> tuple[int, Mask]:
    """The largest side of windows that leaves some to compare, and which windows these are."""
    spoilt = reduced(bad.astype(np.float32), factor)
    believed = reduced(reliable.astype(np.float32), factor)
    for window in WINDOWS_PX:
        clean = _means(spoilt, window) <= 0.001
        reliable_enough = _means(believed, window) >= LEAST_RELIABLE
        good = clean & reliable_enough
        if _at_strides(good).any():
            break
    return window, good


def _exposure_ev(windows: _Windows) -> tuple[float, float]:
    """Median ratio of the light of windows in EV, and its standard error."""
    lit = windows.lit
    blurry = windows.blurry[:, lit].mean(axis=1)
    sharp = windows.sharp[:, lit].mean(axis=1)
    seen = np.maximum(blurry, EMPTY)
    shown = np.maximum(sharp, EMPTY)
    ratio = np.log2(seen / shown)
    draws = BlockDraws.of(windows.blocks)
    medians = [float(np.median(ratio[drawn])) for drawn in draws]
    sigma = draws.sigma(medians)
    return float(np.median(ratio)), float(sigma)


def _profile(
    first: Singles,
    second: Singles,
    good: Mask,
) -> Doubles:
    """``(H, W)``, the vignetting of windows of the blurry member, 1 in the mean of what counts."""
    first_light = np.maximum(first.mean(axis=2), EMPTY)
    second_light = np.maximum(second.mean(axis=2), EMPTY)
    darker = np.minimum(first_light, second_light)
    counted = good & (darker > DARK)
    log_ratio = np.log2(first_light / second_light)
    stops = light_profile(log_ratio, counted)
    profile = 2.0 ** stops.astype(np.float64)
    if counted.any():
        profile /= profile[counted].mean()
    return profile


def _without_vignetting(windows: _Windows) -> Doubles:
    """The blurry light without vignetting, if gain and offset explain it clearly better."""
    vignetted = windows.blurry
    even = vignetted / windows.profile[:, None]
    plain = 0.0
    flat = 0.0
    for channel in np.flatnonzero(windows.lit):
        sharp = windows.sharp[:, channel]
        errors = windows.steepness[:, channel]
        plain += _misfit(sharp, vignetted[:, channel], errors)
        flat += _misfit(sharp, even[:, channel], errors)
    return even if flat < CLEARLY_LESS * plain else vignetted


def _misfit(s: Doubles, b: Doubles, d: Doubles) -> float:
    """Median error of the fit of a channel, relative to its light."""
    gain, offset = _robust_fit(s, b, d).gain_offset
    left = np.abs(b - gain * s - offset)
    relative = left / _expected_error(b, d)
    return float(np.median(relative))


def _expected_error(b: Doubles, d: Doubles) -> Doubles:
    """What the error of a window is proportional to: its light, and its spread of light."""
    return b + NOISE_LEVEL + STEEPNESS * d


def _light(
    first: Singles,
    second: Singles,
) -> tuple[Mask, Mask]:
    """Which windows ``(N, 3)`` are bright in both members, and which channels have light there."""
    bright = np.ones(len(first), bool)
    lit = _lit(first, second)
    if lit.any():
        first_light = first[:, lit].mean(axis=1)
        second_light = second[:, lit].mean(axis=1)
        bright = np.minimum(first_light, second_light) > DARK
    lit_where_bright = _lit(first[bright], second[bright])
    return bright, lit & lit_where_bright


def _lit(first: Singles, second: Singles) -> Mask:
    """``(3,)``, the channels that have light in windows of both members."""
    if not len(first):
        return np.zeros(3, bool)
    darker = np.minimum(first, second)
    return np.asarray(darker.mean(axis=0) > EMPTY)


def _saturated(picture: Singles) -> Mask:
    red, green, blue = cv2.split(picture)  # ten times quicker than max over an axis
    brightest = cv2.max(cv2.max(red, green), blue)
    return brightest >= SATURATED


def _means(picture: FloatImage, window: int) -> Singles:
    means = cv2.blur(picture, (window, window))
    return np.asarray(means, np.float32)


def _equally_blurred(
    blurry: Singles,
    sharp: Singles,
) -> FloatImage:
    """The sharp picture with the blur of the other, so that equal light leaves each window."""
    sharp_light = max(float(sharp.mean()), 1e-6)
    gain = np.float32(blurry.mean() / sharp_light)
    matched = matched_blur(blurry, sharp * gain)
    least_gain = np.float32(1e-6)
    return matched / max(gain, least_gain)


@dataclass(frozen=True)
class _Channel:
    """Gain and offset of one channel, with standard errors where it has light."""

    gain: float
    offset: float
    gain_sigma: float | None
    offset_sigma: float | None


_EMPTY_CHANNEL = _Channel(1.0, 0.0, None, None)


def _channel(
    s: Doubles,
    b: Doubles,
    d: Doubles,
    blocks: Indices,
) -> _Channel:
    """The fit of a channel with its errors."""
    fit = _robust_fit(s, b, d)
    centre = float(s.mean())
    shifted = s - centre
    equations = []
    for block in each_block(blocks):
        normal = _normal(shifted[block], b[block], fit.weights[block])
        equations.append(normal)
    draws, sums = drawn_equations(equations)
    own = draws.sigma([_solution(*drawn, fit.prior, centre) for drawn in sums])
    gain, offset = fit.gain_offset
    gain_sigma, offset_sigma = np.hypot(own, SHARED_ERROR)
    return _Channel(
        float(gain),
        float(offset),
        float(gain_sigma),
        float(offset_sigma),
    )


@dataclass(frozen=True)
class _Fit:
    """Gain and offset, the squared weights of the samples, and the prior's on the offset."""

    gain_offset: Doubles
    weights: Doubles
    prior: float


def _robust_fit(s: Doubles, b: Doubles, d: Doubles) -> _Fit:
    """Gain and offset of b = gain · s + offset, each error in proportion to b and to d."""
    precision = 1.0 / _expected_error(b, d)
    weights = precision**2
    prior = (0.05 / OFFSET_PRIOR) ** 2
    centre = float(s.mean())
    from_centre = s - centre
    for _ in range(ROUNDS):
        normal, right = _normal(from_centre, b, weights)
        parameters = _solution(normal, right, prior, centre)
        gain, offset = parameters
        left = b - gain * s - offset
        residual = np.abs(precision * left)
        median = float(np.median(residual))
        scale = max(1.4826 * median, SMALLEST_ERROR)
        used = _Fit(parameters, weights, prior)
        weights = precision**2 * huber_weights(residual, HUBER * scale)
        prior = (scale / OFFSET_PRIOR) ** 2
    return used


def _normal(s: Doubles, b: Doubles, weights: Doubles) -> tuple[Doubles, Doubles]:
    """Normal equations of b = gain · s + offset."""
    rows = np.stack([s, np.ones_like(s)])
    weighted = rows * weights
    return weighted @ rows.T, weighted @ b


def _solution(
    normal: Doubles,
    right: Doubles,
    prior: float,
    centre: float,
) -> Doubles:
    """Gain and offset from normal equations about a centre, with the prior on the offset.

    About the centre the two hardly depend on each other, so a constant picture has a solution."""
    slope = np.array([-centre, 1.0])  # the offset, of gain and the value at the centre
    regularised = normal + prior * np.outer(slope, slope)
    gain, middle = np.linalg.solve(regularised, right)
    offset = middle - gain * centre
    return np.array([gain, offset])
