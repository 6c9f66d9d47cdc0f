"""Equalise exposure and blur of a pair for measuring flow; the sharper member is blurred.

A blurred edge has neither the brightness nor the gradients that flow estimators compare."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from defocus.align.photometry.linear_light import LUMINANCE
from defocus.align.sampling.pyramid import (
    factor_for,
    grain_level,
    means_over,
    reduced,
    reduced_area,
    resized_to,
    smoothed,
)
from defocus.scene.aperture import disc_psf

Array = NDArray[np.float32]
Mask = NDArray[np.bool_]

DIAMETERS_PX = (
    *(0.0, 1.5, 2.25, 3.0, 4.0, 5.0, 6.25, 7.75, 9.5, 11.5),
    *(14.0, 17.0, 20.5, 25.0, 30.0, 36.0, 43.0),
)
"""Disc diameters that are tried, px, in steps of about a fifth. Values between them are
interpolated."""

OTHER_WAY = 6
"""Number of diameters that are tried on the blurry member too. Diffraction at the small aperture,
or a slightly misfocused sharp member, can make the sharp member the blurrier one in the focus
plane."""

STRIDE = 2
"""Pixels of the picture for each pixel of the blur map: a blur cannot change faster."""
NEAR_PX, FAR_PX = 3.0, 8.0
"""Widths (sigma) of the windows over which a blur is judged; the far one counts twice."""
NEAR_SHARE = 0.5
MAP_PX = 4.0
"""Width (sigma) over which the map is smoothed, px, weighted by how clear the blur is at each
pixel."""
ROUNDING = 2e-5
"""Squared difference that 8-bit rounding and noise cause between equal pictures, on the square-root
scale of :func:`_stabilised`."""
LEAST_CLEARNESS = 0.02


@dataclass(frozen=True)
class Equalised:
    """A pair in linear light ``(H, W)``, each member blurred where it was the sharper one."""

    blurry: (
        Array  # ``(H, W)`` float32, linear light; blurred where it was the sharper one
    )
    sharp: Array
    coc_px: (
        Array  # ``(H, W)`` by which the sharp one was sharper; negative: the blurry one
    )


def equalised(blurry: Array, sharp: Array, valid: Mask) -> Equalised:
    """Blur the sharper member like the blurrier; exposure is equal, positions differ by few px."""
    filled = np.where(valid, sharp, blurry)
    stacks = (
        [disc_blurred(blurry, d) for d in DIAMETERS_PX[: OTHER_WAY + 1]],
        [disc_blurred(filled, d) for d in DIAMETERS_PX],
    )
    step = relative_blur(*stacks, valid)
    other = blended(stacks[0], -step)
    matched = blended(stacks[1], step)
    matched = np.where(valid, matched, other)
    places = np.arange(len(DIAMETERS_PX))
    diameter = np.interp(np.abs(step), places, DIAMETERS_PX)
    coc_px = np.sign(step) * diameter
    return Equalised(other, matched, coc_px.astype(np.float32))


def relative_blur(
    blurry: Sequence[Array],
    sharp: Sequence[Array],
    valid: Mask,
) -> Array:
    """How much more the blurry picture is blurred: ``(H, W)`` index into :data:`DIAMETERS_PX`.

    It has the least log mean squared difference; below zero the sharp picture is the blurrier one.
    """
    return least_cost_place(blur_costs(blurry, sharp, valid), valid)


def least_cost_place(costs: Array, valid: Mask) -> Array:
    """Index of the least cost at full size, interpolated; below 0 the sharp one is blurrier."""
    weight = reduced_area(valid.astype(np.float32), STRIDE)
    least = np.clip(costs.argmin(axis=0), 1, len(costs) - 2)[None]
    below = np.take_along_axis(costs, least - 1, axis=0)[0]
    middle = np.take_along_axis(costs, least, axis=0)[0]
    above = np.take_along_axis(costs, least + 1, axis=0)[0]
    # the lowest point of the parabola through three costs
    bend = np.maximum(below - 2 * middle + above, 1e-9)
    step = np.clip((below - above) / (2 * bend), -1, 1)
    place = least[0] + step - OTHER_WAY
    clearness = (np.minimum(bend, 1.0) + LEAST_CLEARNESS) * (weight + 1e-3)
    width = MAP_PX / STRIDE
    place = smoothed(place * clearness, width) / smoothed(clearness, width)
    return resized_to(np.asarray(place, np.float32), valid.shape)


def blur_costs(blurry: Sequence[Array], sharp: Sequence[Array], valid: Mask) -> Array:
    """Costs ``(D, h, w)``, from the strongest blur of the blurry picture to the sharp one's."""
    weight = reduced_area(valid.astype(np.float32), STRIDE)
    first = _stabilised(blurry[0])
    second = _stabilised(sharp[0])
    counted = valid.astype(np.float32)
    first_noise = grain_level(first, counted) ** 2
    second_noise = grain_level(second, counted) ** 2
    toward_sharp = [
        _square(blurry[index], index, second, first_noise)
        for index in range(OTHER_WAY, 0, -1)
    ]
    toward_blurry = [
        _square(picture, index, first, second_noise)
        for index, picture in enumerate(sharp)
    ]
    means = means_over(toward_sharp + toward_blurry, weight, NEAR_PX / STRIDE)
    near = np.log(means + np.float32(ROUNDING))
    near -= near.min(axis=0)
    far = means_over(near, weight, FAR_PX / STRIDE)
    return np.asarray(NEAR_SHARE * near + far, np.float32)


def _square(picture: Array, index: int, other: Array, noise: float) -> Array:
    """Squared difference under a blur, plus the noise that it removed; otherwise more blur wins."""
    difference = _stabilised(picture)
    difference -= other
    difference *= difference
    kernel = _kernel(DIAMETERS_PX[index])
    lost = noise * (1 - float((kernel**2).sum()))
    return reduced_area(difference, STRIDE) + np.float32(lost)


def _stabilised(linear: Array) -> Array:
    """Stabilise the variance, so that shot noise is about the same in light and dark areas."""
    light = np.maximum(linear, np.float32(0))
    light += np.float32(0.01)
    return np.sqrt(light, out=light)


def blended(stack: Sequence[Array], place: Array) -> Array:
    """The picture blurred by a fractional index into a stack; a negative index means no blur."""
    place = np.clip(place, 0, len(stack) - 1)
    result = np.zeros_like(stack[0])
    # one array for all: a new one costs more than what fills it
    share = np.empty_like(result)
    for index, picture in enumerate(stack):
        np.subtract(place, np.float32(index), out=share)
        np.abs(share, out=share)
        np.maximum(np.subtract(1, share, out=share), 0, out=share)
        result += np.multiply(share, picture, out=share)
    return result


def disc_blurred(picture: Array, diameter_px: float) -> Array:
    """A picture blurred by a disc; large ones on a reduced copy, up to 1 px not at all."""
    if diameter_px <= 1:
        return picture
    if diameter_px < 12:
        factor = 1
    elif diameter_px < 24:
        factor = 2
    else:
        factor = 4
    height, width = picture.shape
    below = -height % factor
    right = -width % factor
    whole = cv2.copyMakeBorder(picture, 0, below, 0, right, cv2.BORDER_REFLECT)
    # reducing and enlarging blur a little themselves: their second moments are taken off
    rest = diameter_px**2
    if factor > 1:
        rest -= 4 * factor**2
    small = cv2.filter2D(
        reduced_area(np.asarray(whole), factor),
        cv2.CV_32F,
        _kernel(float(np.sqrt(rest)) / factor),
        borderType=cv2.BORDER_REFLECT,
    )
    enlarged = resized_to(np.asarray(small), whole.shape)
    return enlarged[:height, :width]


@cache
def _kernel(diameter_px: float) -> Array:
    return disc_psf(diameter_px).astype(np.float32)


# The strength of colours: pictures whose colour space is not stated, or whose profile an editor
# dropped, are read as sRGB. Then all colours of one member are paler, or stronger, by one factor,
# which a blur does not do; a black and white member has none.


SIDE = 200
"""Longest side, px; larger pictures are reduced, because colours of a pair are compared over
surfaces, not at edges."""
LEAST_LIGHT, MOST_LIGHT = 0.02, 0.95
"""Light below which colours are noise, and above which a channel may be saturated."""
LEAST_PLACES, LEAST_SPREAD = 200, 0.08
"""Least number of places on surfaces, and least scatter of their colours. Grey pictures do not show
a strength of colours."""
MOST_CHANGE = 1.0
"""Largest change of light around a pixel on a surface, stops; where there is more, there is an
edge."""
COLOURFUL, SURFACE_PX = 2 * LEAST_SPREAD, 9
"""Scatter of colours from which one member counts as coloured although the other is grey, and side
of the windows, px, over which noise is averaged before that is judged."""
MOST_STRENGTH = 100.0
"""Largest strength that is reported: a grey member has no colours to divide by."""
BLUR_STEP_PX = 1.0
ROUNDS, SLACK = 10, 2e-3
OPPONENTS = ((1.0, -1.0, 0.0), (-0.5, -0.5, 1.0))
"""Differences of channels, divided by the luminance: red less green, and blue less the mean of
both."""


def colour_strength(
    blurry: Array,
    sharp: Array,
    coc_px: Array,
    shown: Mask,
) -> float | None:
    """Strength of the blurry member's colours over that of the sharp one's; None if unknown.

    Both err, so the factor is between the slopes of each on the other: the one nearer to 1."""
    factor = factor_for(blurry.shape, SIDE)
    first = reduced(blurry, factor)
    second = reduced(sharp, factor)
    height, width = first.shape[:2]
    coc = resized_to(coc_px, (height, width)) / np.float32(factor)
    second = _blurred(second, coc)
    seen = _well_lit(shown, height, width, first, second)
    surfaces = seen & _even(first) & _even(second)
    if surfaces.sum() < LEAST_PLACES:
        return None
    return _colour_ratio(second, seen, first)


def _even(light: Array) -> Mask:
    """Where light hardly changes: beside a lamp at night, colours show errors of the blur map."""
    stops = np.log2(np.maximum(light @ LUMINANCE, LEAST_LIGHT))
    around = np.ones((3, 3), np.uint8)
    change = cv2.dilate(stops, around) - cv2.erode(stops, around)
    return np.asarray(change < MOST_CHANGE)


def _well_lit(
    shown: Mask,
    height: int,
    width: int,
    first: Array,
    second: Array,
) -> Mask:
    """Places that both members show, not too bright and not too dark."""
    enlarged = resized_to(shown.astype(np.float32), (height, width))
    whole = (enlarged > 0.999).astype(np.uint8)
    seen = cv2.erode(whole, np.ones((3, 3), np.uint8)) > 0
    seen &= np.maximum(first, second).max(axis=2) < MOST_LIGHT
    darker = np.minimum(first @ LUMINANCE, second @ LUMINANCE)
    seen &= darker > LEAST_LIGHT
    return seen


def _colour_ratio(second: Array, seen: Mask, first: Array) -> float | None:
    """Strength of the colours at the places that are seen, see :func:`colour_strength`."""
    x = second[seen].astype(np.float64)
    y = first[seen].astype(np.float64)
    second_sum = np.maximum(x.sum(axis=0), 1e-9)
    gain = y.sum(axis=0) / second_sum
    second_colours = _colours(x * gain)
    first_colours = _colours(y)
    if min(_spread(second_colours), _spread(first_colours)) < LEAST_SPREAD:
        sharp_surfaces = _surfaces(second)[seen] * gain
        return _beside_grey(sharp_surfaces, _surfaces(first)[seen])
    return _nearest_slope(second_colours, first_colours)


def _surfaces(light: Array) -> NDArray[np.float64]:
    return np.asarray(cv2.blur(light, (SURFACE_PX, SURFACE_PX)), np.float64)


def _beside_grey(x: NDArray[np.float64], y: NDArray[np.float64]) -> float | None:
    """Strength where one member is grey; None if both are, or may be."""
    sharp = _spread(_colours(x))
    blurry = _spread(_colours(y))
    if max(sharp, blurry) < COLOURFUL:
        return None
    if min(sharp, blurry) >= LEAST_SPREAD:
        return None
    strength = blurry / max(sharp, 1e-6)
    return float(np.clip(strength, 1 / MOST_STRENGTH, MOST_STRENGTH))


def _spread(colours: NDArray[np.float64]) -> float:
    return float(np.sqrt((colours**2).sum(axis=1).mean()))


def _blurred(light: Array, coc: Array) -> Array:
    """Light under the nearest of evenly spaced blurs."""
    result = light.copy()
    steps = np.rint(coc / BLUR_STEP_PX)
    for step in np.unique(steps[steps > 0]):
        layers = []
        for channel in range(3):
            plane = np.ascontiguousarray(light[..., channel])
            layers.append(disc_blurred(plane, float(step * BLUR_STEP_PX)))
        here = (steps == step)[..., None]
        result = np.where(here, np.stack(layers, axis=-1), result)
    return np.asarray(result, np.float32)


def _colours(light: NDArray[np.float64]) -> NDArray[np.float64]:
    """``(N, 2)`` opponent colours over luminance, about their median."""
    luminance = light @ LUMINANCE
    colours = (light @ np.transpose(OPPONENTS)) / luminance[:, None]
    return np.asarray(colours - np.median(colours, axis=0))


def _nearest_slope(x: NDArray[np.float64], y: NDArray[np.float64]) -> float:
    weight = np.ones((len(x), 1))
    for _ in range(ROUNDS):
        across = float((weight * x * y).sum())
        slope = across / float((weight * x * x).sum())
        squares = (y - slope * x) ** 2
        left = np.sqrt(squares.sum(axis=1, keepdims=True))
        spread = 1.48 * float(np.median(left)) + SLACK
        weight = 1 / (1 + (left / (2 * spread)) ** 2)
    steep = np.inf
    if across > 0:
        steep = float((weight * y * y).sum()) / across
    least = min(slope, steep)
    most = max(slope, steep)
    return float(np.clip(1.0, least, most))
