"""Equalise exposure and blur of a pair for measuring flow; the sharper member is blurred.

A blurred edge has neither the brightness nor the gradients that flow estimators compare."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np

from defocus.align.arrays import Doubles, Indices, Mask, Singles
from defocus.align.photometry.linear_light import LUMINANCE
from defocus.align.sampling.pyramid import (
    extended,
    factor_for,
    grain_level,
    means_over,
    reduced,
    reduced_area,
    resized_to,
    smoothed,
)
from defocus.scene.aperture import disc_psf

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
NEAR_PX = 3.0
"""Width (sigma) of the near window over which a blur is judged."""
FAR_PX = 8.0
"""Width (sigma) of the far window, which counts twice."""
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

    blurry: Singles  # ``(H, W)`` float32, linear light; blurred where it was the sharper one
    sharp: Singles
    coc_px: Singles  # ``(H, W)`` by which the sharp one was sharper; negative: the blurry one


def equalised(blurry: Singles, sharp: Singles, valid: Mask) -> Equalised:
    """Blur the sharper member like the blurrier; exposure is equal, positions differ by few px."""
    filled = np.where(valid, sharp, blurry)
    few = DIAMETERS_PX[: OTHER_WAY + 1]
    blurry_stack = [disc_blurred(blurry, diameter) for diameter in few]
    sharp_stack = [disc_blurred(filled, diameter) for diameter in DIAMETERS_PX]
    step = relative_blur(blurry_stack, sharp_stack, valid)
    other = blended(blurry_stack, -step)
    matched = blended(sharp_stack, step)
    matched = np.where(valid, matched, other)
    places = np.arange(len(DIAMETERS_PX))
    diameter = np.interp(np.abs(step), places, DIAMETERS_PX)
    coc_px = np.sign(step) * diameter
    return Equalised(other, matched, coc_px.astype(np.float32))


def relative_blur(
    blurry: Sequence[Singles],
    sharp: Sequence[Singles],
    valid: Mask,
) -> Singles:
    """How much more the blurry picture is blurred: ``(H, W)`` index into :data:`DIAMETERS_PX`.

    It has the least log mean squared difference; below zero the sharp picture is the blurrier one.
    """
    return least_cost_place(blur_costs(blurry, sharp, valid), valid)


def least_cost_place(costs: Singles, valid: Mask) -> Singles:
    """Index of the least cost at full size, interpolated; below 0 the sharp one is blurrier."""
    weight = reduced_area(valid.astype(np.float32), STRIDE)
    last = len(costs) - 1
    least = np.clip(costs.argmin(axis=0), 1, last - 1)
    below = _costs_at(costs, least - 1)
    middle = _costs_at(costs, least)
    above = _costs_at(costs, least + 1)
    # the lowest point of the parabola through three costs
    bend = np.maximum(below - 2 * middle + above, 1e-9)
    step = np.clip((below - above) / (2 * bend), -1, 1)
    place = least + step - OTHER_WAY
    smooth = _weighted_mean(place, bend, weight)
    return resized_to(smooth, valid.shape)


def _costs_at(costs: Singles, index: Indices) -> Singles:
    """``(h, w)``: at each place the cost with this index."""
    taken = np.take_along_axis(costs, index[None], axis=0)
    return np.asarray(taken[0])


def _weighted_mean(place: Singles, bend: Singles, weight: Singles) -> Singles:
    """Mean of places around each, weighted by how clear the least cost is there."""
    clear = np.minimum(bend, 1.0) + LEAST_CLEARNESS
    clearness = clear * (weight + 1e-3)
    width = MAP_PX / STRIDE
    total = smoothed(place * clearness, width)
    mean = total / smoothed(clearness, width)
    return np.asarray(mean, np.float32)


def blur_costs(
    blurry: Sequence[Singles],
    sharp: Sequence[Singles],
    valid: Mask,
) -> Singles:
    """Costs ``(D, h, w)``, from the strongest blur of the blurry picture to the sharp one's."""
    counted = valid.astype(np.float32)
    weight = reduced_area(counted, STRIDE)
    first = _stabilised(blurry[0])
    second = _stabilised(sharp[0])
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
    costs = NEAR_SHARE * near + far
    return np.asarray(costs, np.float32)


def _square(
    picture: Singles,
    index: int,
    other: Singles,
    noise: float,
) -> Singles:
    """Squared difference under a blur, plus the noise that it removed; otherwise more blur wins."""
    difference = _stabilised(picture)
    difference -= other
    difference *= difference
    kernel = _kernel(DIAMETERS_PX[index])
    left = float((kernel**2).sum())
    lost = noise * (1 - left)
    return reduced_area(difference, STRIDE) + np.float32(lost)


def _stabilised(linear: Singles) -> Singles:
    """Stabilise the variance, so that shot noise is about the same in light and dark areas."""
    light = np.maximum(linear, np.float32(0))
    light += np.float32(0.01)
    return np.sqrt(light, out=light)


def blended(stack: Sequence[Singles], place: Singles) -> Singles:
    """The picture blurred by a fractional index into a stack; a negative index means no blur."""
    place = np.clip(place, 0, len(stack) - 1)
    result = np.zeros_like(stack[0])
    # one array for all: a new one costs more than what fills it
    share = np.empty_like(result)
    for index, picture in enumerate(stack):
        np.subtract(place, np.float32(index), out=share)
        np.abs(share, out=share)
        np.subtract(1, share, out=share)
        np.maximum(share, 0, out=share)
        np.multiply(share, picture, out=share)
        result += share
    return result


def disc_blurred(picture: Singles, diameter_px: float) -> Singles:
    """A picture blurred by a disc; large ones on a reduced copy, up to 1 px not at all."""
    if diameter_px <= 1:
        return picture
    factor = _blur_reduction(diameter_px)
    height, width = picture.shape
    below = -height % factor
    right = -width % factor
    whole = extended(picture, below, right, cv2.BORDER_REFLECT)
    # reducing and enlarging blur a little themselves: their second moments are taken off
    rest = diameter_px**2
    if factor > 1:
        rest -= 4 * factor**2
    rest_px = float(np.sqrt(rest))
    small = reduced_area(whole, factor)
    blurred = cv2.filter2D(
        small,
        cv2.CV_32F,
        _kernel(rest_px / factor),
        borderType=cv2.BORDER_REFLECT,
    )
    enlarged = resized_to(np.asarray(blurred), whole.shape)
    return enlarged[:height, :width]


def _blur_reduction(diameter_px: float) -> int:
    """Factor of the reduced copy on which a picture is blurred by a disc."""
    if diameter_px < 12:
        return 1
    if diameter_px < 24:
        return 2
    return 4


@cache
def _kernel(diameter_px: float) -> Singles:
    return disc_psf(diameter_px).astype(np.float32)


# The strength of colours: pictures whose colour space is not stated, or whose profile an editor
# dropped, are read as sRGB. Then all colours of one member are paler, or stronger, by one factor,
# which a blur does not do; a black and white member has none.


SIDE = 200
"""Longest side, px; larger pictures are reduced, because colours of a pair are compared over
surfaces, not at edges."""
LEAST_LIGHT = 0.02
"""Light below which colours are noise."""
MOST_LIGHT = 0.95
"""Light above which a channel may be saturated."""
LEAST_PLACES = 200
"""Least number of places on surfaces."""
LEAST_SPREAD = 0.08
"""Least scatter of the colours of surfaces. Grey pictures do not show a strength of colours."""
MOST_CHANGE = 1.0
"""Largest change of light around a pixel on a surface, stops; where there is more, there is an
edge."""
COLOURFUL = 2 * LEAST_SPREAD
"""Scatter of colours from which one member counts as coloured although the other is grey."""
SURFACE_PX = 9
"""Side of the windows, px, over which noise is averaged before that is judged."""
MOST_STRENGTH = 100.0
"""Largest strength that is reported: a grey member has no colours to divide by."""
BLUR_STEP_PX = 1.0
ROUNDS = 10
SLACK = 2e-3
OPPONENTS = ((1.0, -1.0, 0.0), (-0.5, -0.5, 1.0))
"""Differences of channels, divided by the luminance: red less green, and blue less the mean of
both."""


def colour_strength(
    blurry: Singles,
    sharp: Singles,
    coc_px: Singles,
    shown: Mask,
) -> float | None:
    """Strength of the blurry member's colours over that of the sharp one's; None if unknown.

    Both err, so the factor is between the slopes of each on the other: the one nearer to 1."""
    factor = factor_for(blurry.shape, SIDE)
    first = reduced(blurry, factor)
    second = reduced(sharp, factor)
    size = first.shape[:2]
    coc = resized_to(coc_px, size) / np.float32(factor)
    second = _blurred(second, coc)
    seen = _well_lit(shown, first, second)
    surfaces = seen & _even(first) & _even(second)
    if surfaces.sum() < LEAST_PLACES:
        return None
    return _colour_ratio(second, seen, first)


def _even(light: Singles) -> Mask:
    """Where light hardly changes: beside a lamp at night, colours show errors of the blur map."""
    luminance = np.maximum(light @ LUMINANCE, LEAST_LIGHT)
    stops = np.log2(luminance)
    around = np.ones((3, 3), np.uint8)
    brightest = cv2.dilate(stops, around)
    change = brightest - cv2.erode(stops, around)
    return np.asarray(change < MOST_CHANGE)


def _well_lit(shown: Mask, first: Singles, second: Singles) -> Mask:
    """Places that both members show, not too bright and not too dark."""
    enlarged = resized_to(shown.astype(np.float32), first.shape[:2])
    whole = (enlarged > 0.999).astype(np.uint8)
    around = np.ones((3, 3), np.uint8)
    seen = cv2.erode(whole, around) > 0
    brighter = np.maximum(first, second)
    seen &= brighter.max(axis=2) < MOST_LIGHT
    darker = np.minimum(first @ LUMINANCE, second @ LUMINANCE)
    seen &= darker > LEAST_LIGHT
    return seen


def _colour_ratio(second: Singles, seen: Mask, first: Singles) -> float | None:
    """Strength of the colours at the places that are seen, see :func:`colour_strength`."""
    x = second[seen].astype(np.float64)
    y = first[seen].astype(np.float64)
    second_sum = np.maximum(x.sum(axis=0), 1e-9)
    gain = y.sum(axis=0) / second_sum
    second_colours = _colours(x * gain)
    first_colours = _colours(y)
    scatter = min(_spread(second_colours), _spread(first_colours))
    if scatter < LEAST_SPREAD:
        sharp_surfaces = _surfaces(second)[seen] * gain
        blurry_surfaces = _surfaces(first)[seen]
        return _beside_grey(sharp_surfaces, blurry_surfaces)
    return _nearest_slope(second_colours, first_colours)


def _surfaces(light: Singles) -> Doubles:
    means = cv2.blur(light, (SURFACE_PX, SURFACE_PX))
    return np.asarray(means, np.float64)


def _beside_grey(x: Doubles, y: Doubles) -> float | None:
    """Strength where one member is grey; None if both are, or may be."""
    sharp = _spread(_colours(x))
    blurry = _spread(_colours(y))
    if max(sharp, blurry) < COLOURFUL:
        return None
    if min(sharp, blurry) >= LEAST_SPREAD:
        return None
    strength = blurry / max(sharp, 1e-6)
    return float(np.clip(strength, 1 / MOST_STRENGTH, MOST_STRENGTH))


def _spread(colours: Doubles) -> float:
    squares = (colours**2).sum(axis=1)
    return float(np.sqrt(squares.mean()))


def _blurred(light: Singles, coc: Singles) -> Singles:
    """Light under the nearest of evenly spaced blurs."""
    result = light.copy()
    steps = np.rint(coc / BLUR_STEP_PX)
    for step in np.unique(steps[steps > 0]):
        diameter_px = float(step * BLUR_STEP_PX)
        layers = []
        for channel in range(3):
            plane = np.ascontiguousarray(light[..., channel])
            layers.append(disc_blurred(plane, diameter_px))
        blurred = np.stack(layers, axis=-1)
        here = (steps == step)[..., None]
        result = np.where(here, blurred, result)
    return np.asarray(result, np.float32)


def _colours(light: Doubles) -> Doubles:
    """``(N, 2)`` opponent colours over luminance, about their median."""
    luminance = light @ LUMINANCE
    opponents = light @ np.transpose(OPPONENTS)
    colours = opponents / luminance[:, None]
    return np.asarray(colours - np.median(colours, axis=0))


def _nearest_slope(x: Doubles, y: Doubles) -> float:
    """The slope nearest to 1 between that of y on x and that of x on y, fitted robustly."""
    weight = np.ones((len(x), 1))
    for _ in range(ROUNDS):
        across = float((weight * x * y).sum())
        power = float((weight * x * x).sum())
        slope = across / power
        squares = (y - slope * x) ** 2
        left = np.sqrt(squares.sum(axis=1, keepdims=True))
        median = float(np.median(left))
        spread = 1.48 * median + SLACK
        weight = 1 / (1 + (left / (2 * spread)) ** 2)
    steep = np.inf
    if across > 0:
        power = float((weight * y * y).sum())
        steep = power / across
    least = min(slope, steep)
    most = max(slope, steep)
    return float(np.clip(1.0, least, most))
