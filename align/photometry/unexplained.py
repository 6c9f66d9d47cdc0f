"""What the blur of a pair does not explain: light that no blur of the sharp member gives.

Its cause is motion, dust, another focus or another colour space."""

from dataclasses import asdict, dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from defocus.align.photometry.equalise import (
    blended,
    colour_strength,
    disc_blurred,
    equalised,
)
from defocus.align.photometry.exposure import light_ratio
from defocus.align.photometry.gains import light_profile, tilt_of
from defocus.align.photometry.linear_light import LUMINANCE
from defocus.align.photometry.specks import Specks, dark_specks
from defocus.align.photometry.wide_blur import ALL_DIAMETERS_PX
from defocus.align.sampling.positions import inside, pixel_grid, sampled, transformed
from defocus.align.sampling.pyramid import (
    box_means,
    factor_for,
    grain_level,
    reduced,
    resized_to,
    scaling,
)
from defocus.align.sharp_member.compared import Compared
from defocus.align.sharp_member.fine import FineDetail, fine_detail
from defocus.align.sharp_member.numbers import SharpMember, cast_ev, sharp_member
from defocus.blur.gradients import NOISE_ENERGY, squared_gradient
from defocus.pictures.values import linear_to_srgb, srgb_to_linear

Array = NDArray[np.float32]
Mask = NDArray[np.bool_]

SIDE = 800
"""Longest side, px; larger pictures are reduced by a whole factor, so that the windows cover the
same share of every picture."""
WINDOW_PX, SPECK_PX = 21, 11
EXCEEDING_SHARE = 0.002
"""Share of the picture, about two windows, that exceeds the reported number."""
SATURATED = 0.95
LEAST_SHARE, LEAST_PLACES = 0.7, 500
"""Least share of a window that can be compared, and least number of pixels whose windows have
that."""
FLOOR, OF_NOISE = 0.01, 2.0
"""Light, as a share of white, that is added before a ratio is taken: this much, and at least this
multiple of the noise. Near black a ratio means nothing."""
REACH = 1.2
"""Radius, in radii of the blur, within which a saturated pixel or the frame's border spoils the
prediction."""
MAP_ERROR, MAP_PX = 1.3, 1.0
"""Factor and distance in px by which a diameter of the blur map may be wrong."""
PROFILE_ROUNDS = 2
"""Rounds of the fit of the light's profile. Near black the first fit is too weak."""
TEXTURE, DETAIL_PX, BLURRIER = 1e-3, 16, 0.8
"""Least squared gradient of codes for texture, side of a place in px, and the ratio of gradients
below which the sharp member is the blurrier one there."""
LEAKED = 0.3
"""Share of the strongest detail of the sharp member around a place. A place with less may have the
detail in its blurry member from the blur of that edge."""

MOST_STOPS = 0.27
MOST_TILT_EV = 0.2
MOST_BLURRIER_SHARE = 0.32
EXCHANGED_SHARE = 0.75
"""Share of blurrier places from which the members count as exchanged. Two exchanged pairs have 0.90
and 0.91."""
MOST_COLOUR_CHANGE = 0.12
"""Largest change of colours. docs/alignment.md says how these limits were found, and what they
cost."""
MONOCHROME = 3.0
"""Change of the colours from which on one member is as good as grey."""
SHOWN_STOPS = 0.5
"""Difference that is shown in full colour."""


@dataclass(frozen=True)
class Unexplained:
    """How much of a pair the blur does not explain, in stops of light."""

    stops: (
        float  # what 0.2 % of the picture exceeds in windows of 21 px, or dark specks
    )
    moved_stops: float
    tilt_ev: float  # by how much the light changes from the centre to a border, EV
    specks: int
    blurrier_share: float
    colour_strength: float | None = (
        None  # blurry over sharp; None if the scene is too grey
    )
    sharp_member: SharpMember | None = (
        None  # tests of the sharp member, each for one fault
    )

    @property
    def colour_change(self) -> float | None:
        """How much stronger the colours of one member are, as a share."""
        strength = self.colour_strength
        return None if strength is None else max(strength, 1 / strength) - 1

    def to_json(self) -> dict[str, Any]:
        """The numbers as a JSON object, with the causes in words."""
        member = None if self.sharp_member is None else self.sharp_member.to_json()
        return {**asdict(self), "sharp_member": member, "causes": list(causes(self))}


def causes(rest: Unexplained) -> tuple[str, ...]:
    """What may be the matter with a pair, in words; empty if the blur explains it."""
    words = []
    if rest.tilt_ev > MOST_TILT_EV:
        words.append(
            f"light changed across the picture, by {rest.tilt_ev:.2f} EV to either side"
        )
    if rest.specks:
        words.append(
            f"dust or a mark: {rest.specks} dark specks in the sharp member alone"
        )
    if rest.moved_stops > MOST_STOPS:
        words.append(
            f"something moved: {rest.moved_stops:.2f} stops that no blur explains"
        )
    if rest.blurrier_share > MOST_BLURRIER_SHARE:
        share = f"{100 * rest.blurrier_share:.0f} %"
        why = "the sharp member is focused elsewhere"
        if rest.blurrier_share > EXCHANGED_SHARE:
            why = f"the two are exchanged, or {why}"
        words.append(f"{why}: it is the blurrier one in {share} of what has texture")
    change = rest.colour_change
    strength = rest.colour_strength
    if change is not None and strength is not None and change > MOST_COLOUR_CHANGE:
        words.append(_colours_differ(strength, change))
    return tuple(words)


def _colours_differ(strength: float, change: float) -> str:
    stronger, other = ("blurry", "sharp") if strength > 1 else ("sharp", "blurry")
    if change > MONOCHROME:
        return (
            f"the {other} member has hardly any colours, the {stronger} one has: was it saved in "
            "black and white?"
        )
    return (
        f"the colours of the {stronger} member are {100 * change:.0f} % stronger: was the "
        f"colour profile of the {other} one lost, or its picture style another one?"
    )


def unexplained(
    blurry: Array,
    sharp: Array,
    matrix: NDArray[np.float64],
    coc_px: Array | None = None,
    fine: FineDetail | None = None,
) -> tuple[Unexplained, Array] | None:
    """Numbers, and a reduced map of stops, positive where the blurry one is lighter than predicted.

    None if hardly anything can be compared; ``coc_px`` None finds the diameters here, and ``fine``
    None compares the fine detail of these pictures."""
    pair = _Aligned.of(blurry, sharp, matrix)
    luminance = pair.sharp @ LUMINANCE
    other = np.where(pair.shown, luminance, pair.light).astype(np.float32)
    signed_coc = _coc_on(coc_px, other, pair)
    coc = np.maximum(signed_coc, np.float32(0))
    usable = _untouched(pair.spoilt, coc)
    if usable.any():  # what is added to both near black weighs alike then
        other *= _light_ratio(pair.light[usable], other[usable])
    comparison = _Comparison.of(pair.light, other, coc, usable)
    window = comparison.windows(WINDOW_PX)
    if window is None:
        return None
    whole = comparison.beyond(window)
    tilt, plane = tilt_of(window.log_ratio, window.counted)
    specks = _specks_of(tilt, comparison, other)
    detail = fine or fine_detail(blurry @ LUMINANCE, sharp @ LUMINANCE, matrix)
    compared = pair.compared(
        other, signed_coc, usable, comparison, window, specks, detail
    )
    numbers = Unexplained(
        stops=max(_exceeded(whole), specks.stops),
        moved_stops=_moved_stops(whole, plane),
        tilt_ev=tilt,
        specks=specks.count,
        blurrier_share=_blurrier_share(pair.light, other, pair.shown),
        colour_strength=colour_strength(pair.blurry, pair.sharp, coc, pair.shown),
        sharp_member=sharp_member(compared),
    )
    return numbers, whole


def _light_ratio(first: Array, second: Array) -> np.float32:
    """The light of one picture over that of another."""
    total = max(second.sum(), np.float32(1e-6))
    return np.float32(first.sum() / total)


@dataclass(frozen=True)
class _Aligned:
    """A reduced pair in linear light, the sharp member moved onto the blurry one."""

    factor: int
    # ``(3, 3)``, positions of the blurry member to the sharp one's
    start: NDArray[np.float64]
    blurry: Array
    original: Array  # the sharp member where it was
    sharp: Array
    shown: Mask  # where the sharp member shows something
    light: Array  # of the blurry member

    @classmethod
    def of(cls, blurry: Array, sharp: Array, matrix: NDArray[np.float64]) -> "_Aligned":
        factor = factor_for(blurry.shape, SIDE)
        scale = scaling(factor)
        first = reduced(blurry, factor)
        second = reduced(sharp, factor)
        start = scale @ matrix @ np.linalg.inv(scale)
        place = transformed(pixel_grid(*first.shape[:2]), start)
        aligned = np.maximum(sampled(second, place, cubic=True), np.float32(0))
        light = first @ LUMINANCE
        return cls(factor, start, first, second, aligned, inside(place), light)

    @property
    def spoilt(self) -> Mask:
        """Where a member is saturated, or the sharp one shows nothing."""
        brightest = np.maximum(self.blurry, self.sharp).max(axis=2)
        return np.asarray((brightest >= SATURATED) | ~self.shown)

    def compared(
        self,
        other: Array,
        signed_coc: Array,
        usable: Mask,
        comparison: "_Comparison",
        window: "_Windows",
        specks: Specks,
        fine: FineDetail,
    ) -> Compared:
        """Inputs of the tests of the sharp member."""
        return Compared(
            self.light,
            other,
            self.original @ LUMINANCE,
            self.start,
            comparison.linear,
            comparison.stops(window),
            usable,
            ~self.spoilt,
            signed_coc,
            *cast_ev(self.blurry, self.sharp, usable),
            specks.dark_stops,
            fine,
        )


def _coc_on(coc_px: Array | None, other: Array, pair: _Aligned) -> Array:
    """Circles of confusion on the reduced grid, px of it; estimated here if none are given."""
    if coc_px is None:
        matched = other * light_ratio(pair.light, other, pair.shown)
        coc = equalised(pair.light, matched, pair.shown).coc_px
    else:
        coc = resized_to(coc_px, other.shape) / np.float32(pair.factor)
    return coc


def _specks_of(tilt: float, comparison: "_Comparison", other: Array) -> Specks:
    """Dark specks of the sharp member; none are looked for where the light is tilted."""
    small = comparison.windows(SPECK_PX) if tilt < MOST_TILT_EV else None
    specks = Specks(0, 0.0)
    if small is not None:
        specks = dark_specks(comparison.beyond(small, near_map=True), other)
    return specks


def _moved_stops(whole: Array, plane: Array) -> float:
    """Stops that a tilted plane of light does not explain."""
    beyond_plane = np.maximum(np.abs(whole) - np.abs(plane), 0)
    even = np.sign(whole) * beyond_plane
    same_sign = np.sign(whole) == np.sign(plane)
    return _exceeded(np.where(same_sign, even, whole))


def _exceeded(stops: Array) -> float:
    return float(np.quantile(np.abs(stops), 1 - EXCEEDING_SHARE))


def _untouched(spoilt: Mask, coc: Array) -> Mask:
    """Pixels to which no blur carries light that is saturated or from outside the frame."""
    clean = np.pad((~spoilt).astype(np.uint8), 1)
    distance = cv2.distanceTransform(clean, cv2.DIST_L2, 3)
    distance = distance[1:-1, 1:-1]
    widest = cv2.dilate(coc, np.ones((9, 9), np.uint8))
    return distance > REACH * widest / 2 + 3


@dataclass(frozen=True)
class _Windows:
    """Window means of the blurry member over those of the prediction by the blur map."""

    side: int
    blurry: Array
    predicted: Array
    log_ratio: Array
    counted: Mask


@dataclass(frozen=True)
class _Comparison:
    """The blurry member and the sharp one under every blur."""

    light: Array
    stack: tuple[Array, ...]
    linear: Array
    encoded: Array
    coc: Array
    usable: Array
    floor: np.float32

    @classmethod
    def of(cls, light: Array, other: Array, coc: Array, usable: Mask) -> "_Comparison":
        largest = MAP_ERROR * float(coc.max()) + MAP_PX
        count = int(np.searchsorted(ALL_DIAMETERS_PX, largest)) + 1
        diameters = ALL_DIAMETERS_PX[:count]
        stack = tuple(disc_blurred(other, one) for one in diameters)
        codes = np.asarray(linear_to_srgb(other), np.float32)
        by_codes = tuple(disc_blurred(codes, one) for one in diameters)
        places = np.interp(coc, diameters, np.arange(len(stack)))
        index = places.astype(np.float32)
        counted = usable.astype(np.float32)
        noise = max(grain_level(light, counted), grain_level(other, counted))
        predicted_codes = blended(by_codes, index)
        return cls(
            light,
            stack,
            blended(stack, index),
            np.asarray(srgb_to_linear(predicted_codes), np.float32),
            coc,
            counted,
            np.float32(max(FLOOR, OF_NOISE * noise)),
        )

    def windows(self, side: int) -> _Windows | None:
        """Means over windows of a side, with the light profile matched; None if too few count."""
        share = box_means(self.usable, side)
        counted = share > LEAST_SHARE
        if counted.sum() < LEAST_PLACES:
            return None
        mean = self._mean(self.light, side)
        predicted = self._mean(self.linear, side)
        for _ in range(PROFILE_ROUNDS):
            ratio = self._log_ratio(mean, predicted)
            predicted = predicted * np.exp2(light_profile(ratio, counted))
        ratio = self._log_ratio(mean, predicted)
        stops = np.where(counted, ratio, 0).astype(np.float32)
        return _Windows(side, mean, predicted, stops, counted)

    def _log_ratio(self, light: Array, predicted: Array) -> Array:
        """Stops by which light is above what is predicted."""
        ratio = (light + self.floor) / (predicted + self.floor)
        return np.log2(ratio)

    def beyond(self, windows: _Windows, *, near_map: bool = False) -> Array:
        """Stops by which window means are beyond all predictions, or those near the blur map."""
        side = windows.side
        mean = self._mean(self.linear, side)
        gain = windows.predicted / np.maximum(mean, np.float32(1e-6))
        low, high = self._blurred_range(windows, near_map, side, gain)
        tone = self._tone(windows, gain, side)
        predicted = windows.predicted + self.floor
        darkest = np.minimum(low + self.floor, tone * predicted)
        lightest = np.maximum(high + self.floor, predicted / tone)
        light = windows.blurry + self.floor
        above = np.maximum(np.log2(light / lightest), 0)
        below = np.minimum(np.log2(light / darkest), 0)
        return np.where(windows.counted, above + below, 0).astype(np.float32)

    def _blurred_range(
        self,
        windows: _Windows,
        near_map: bool,
        side: int,
        gain: NDArray[np.floating[Any]],
    ) -> tuple[Array, Array]:
        """Least and most light of each window over all blurs, or over those near the blur map."""
        low = windows.predicted.copy()
        high = windows.predicted.copy()
        least, most = self._range(side) if near_map else (None, None)
        for index, blurred in enumerate(self.stack):
            mean = gain * self._mean(blurred, side)
            if least is not None and most is not None:
                tried = np.floor(least) <= index
                tried &= index <= np.ceil(most)
                mean = np.where(tried, mean, windows.predicted)
            np.minimum(low, mean, out=low)
            np.maximum(high, mean, out=high)
        return low, high

    def _tone(
        self,
        windows: _Windows,
        gain: NDArray[np.floating[Any]],
        side: int,
    ) -> Array:
        """Least change of light by a tone curve, as a factor, from means of encoded values."""
        codes = (gain * self._mean(self.encoded, side) + self.floor) / (
            windows.predicted + self.floor
        )
        return np.clip(codes, np.float32(0.1), np.float32(1))

    def stops(self, windows: _Windows) -> Array:
        """Log2 of blurry over predicted light at each pixel, the light profile taken off."""
        mean = self._mean(self.linear, windows.side)
        gain = windows.predicted / np.maximum(mean, 1e-6)
        blurry = np.maximum(self.light, 0)
        predicted = np.maximum(self.linear * gain, 0)
        ratio = self._log_ratio(blurry, predicted)
        return np.asarray(ratio * self.usable, np.float32)

    def _range(self, side: int) -> tuple[Array, Array]:
        """Indices of the diameters that the map around each place has, and its errors."""
        size = 2 * side - 1
        around = np.ones((size, size), np.uint8)
        smallest = np.asarray(cv2.erode(self.coc, around), np.float32)
        largest = np.asarray(cv2.dilate(self.coc, around), np.float32)
        least = smallest / MAP_ERROR
        most = largest * MAP_ERROR + MAP_PX
        return self._index(least), self._index(most)

    def _index(self, diameter_px: Array) -> Array:
        places = np.arange(len(self.stack))
        tried = ALL_DIAMETERS_PX[: len(places)]
        return np.asarray(np.interp(diameter_px, tried, places), np.float32)

    def _mean(self, values: Array, side: int) -> Array:
        share = np.maximum(box_means(self.usable, side), np.float32(1e-3))
        total = box_means(values * self.usable, side)
        return np.asarray(total / share, np.float32)


def _blurrier_share(light: Array, other: Array, shown: Mask) -> float:
    """Share of the places with texture where the sharp member has clearly less detail."""
    around = np.ones((2 * DETAIL_PX + 1,) * 2, np.uint8)
    inner = cv2.erode(shown.astype(np.uint8), around) > 0
    blurry = _detail(light, inner)
    sharp = _detail(other, inner)
    near = cv2.dilate(sharp, around)
    textured = inner & (np.maximum(blurry, sharp) > TEXTURE)
    textured &= blurry >= LEAKED * near
    if not textured.any():
        return 0.0
    blurrier = sharp < BLURRIER * blurry
    return float(blurrier[textured].mean())


def _detail(light: Array, inner: Mask) -> Array:
    """Mean squared gradient of codes around each place, without that of noise."""
    codes = np.asarray(linear_to_srgb(light), np.float32)
    noise = grain_level(codes, inner.astype(np.float32))
    energy = box_means(squared_gradient(codes), DETAIL_PX)
    above_noise = energy - NOISE_ENERGY * noise**2
    return np.asarray(np.maximum(above_noise, 0), np.float32)


def explained(stops: Array | None, shape: tuple[int, int]) -> Mask:
    """``(H, W)`` of a picture: where a blur explains its light; everywhere without a map."""
    if stops is None:
        return np.ones(shape, dtype=bool)
    good = (np.abs(stops) <= MOST_STOPS).astype(np.uint8)
    full = cv2.resize(good, shape[::-1], interpolation=cv2.INTER_NEAREST)
    return full > 0


def unexplained_picture(stops: Array) -> NDArray[np.uint8]:
    """``(h, w, 3)`` RGB: red where the blurry member is lighter than any blur makes it."""
    levels = np.clip(stops / SHOWN_STOPS, -1, 1)
    white = 255 * (1 - np.abs(levels))
    red = np.where(levels >= 0, 255, white)
    blue = np.where(levels <= 0, 255, white)
    colours = np.stack([red, white, blue], axis=-1)
    return colours.astype(np.uint8)
