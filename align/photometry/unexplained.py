"""What the blur of a pair does not explain: light that no blur of the sharp member gives.

Its cause is motion, dust, another focus or another colour space."""

from dataclasses import asdict, dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from defocus.align.arrays import Bytes, Doubles, Mask, Singles, Size
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
    rescaled,
    resized_to,
)
from defocus.align.sharp_member.compared import Compared
from defocus.align.sharp_member.fine import FineDetail, fine_detail
from defocus.align.sharp_member.numbers import SharpMember, cast_ev, sharp_member
from defocus.align.sharp_member.processing import NOT_LOOKED_FOR, Processing
from defocus.blur.gradients import NOISE_ENERGY, squared_gradient
from defocus.pictures.values import linear_to_srgb, srgb_to_linear

SIDE = 800
"""Longest side, px; larger pictures are reduced by a whole factor, so that the windows cover the
same share of every picture."""
WINDOW_PX = 21
SPECK_PX = 11
EXCEEDING_SHARE = 0.002
"""Share of the picture, about two windows, that exceeds the reported number."""
SATURATED = 0.95
LEAST_SHARE = 0.7
"""Least share of a window that can be compared."""
LEAST_PLACES = 500
"""Least number of pixels whose windows can be compared."""
FLOOR = 0.01
"""Light, as a share of white, that is added before a ratio is taken: near black a ratio means
nothing."""
OF_NOISE = 2.0
"""Multiple of the noise that is added at least."""
REACH = 1.2
"""Radius, in radii of the blur, within which a saturated pixel or the frame's border spoils the
prediction."""
MAP_ERROR = 1.3
"""Factor by which a diameter of the blur map may be wrong."""
MAP_PX = 1.0
"""Distance in px by which a diameter of the blur map may be wrong too."""
PROFILE_ROUNDS = 2
"""Rounds of the fit of the light's profile. Near black the first fit is too weak."""
TEXTURE = 1e-3
"""Least squared gradient of codes for texture."""
DETAIL_PX = 16
"""Side of a place whose texture is compared, px."""
BLURRIER = 0.8
"""Ratio of gradients below which the sharp member is the blurrier one at a place."""
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
    blurry: Singles,
    sharp: Singles,
    matrix: Doubles,
    coc_px: Singles | None = None,
    fine: FineDetail | None = None,
    processing: Processing = NOT_LOOKED_FOR,
) -> tuple[Unexplained, Singles] | None:
    """Numbers, and a reduced map of stops, positive where the blurry one is lighter than predicted.

    None if hardly anything can be compared; ``coc_px`` None finds the diameters here, ``fine`` None
    compares the fine detail of these pictures, and ``processing`` is that of the sharp one's file.
    """
    pair = _Aligned.of(blurry, sharp, matrix)
    other = pair.filled
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
    detail = fine or fine_detail(
        blurry @ LUMINANCE,
        sharp @ LUMINANCE,
        matrix,
        np.float32(pair.factor) * signed_coc,
    )
    compared = pair.compared(
        other,
        signed_coc,
        comparison,
        window,
        specks,
        detail,
        processing,
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


def _light_ratio(first: Singles, second: Singles) -> np.float32:
    """The light of one picture over that of another."""
    total = max(second.sum(), np.float32(1e-6))
    ratio = first.sum() / total
    return np.float32(ratio)


@dataclass(frozen=True)
class _Aligned:
    """A reduced pair in linear light, the sharp member moved onto the blurry one."""

    factor: int
    # ``(3, 3)``, positions of the blurry member to the sharp one's
    start: Doubles
    blurry: Singles
    original: Singles  # the sharp member where it was
    sharp: Singles
    shown: Mask  # where the sharp member shows something
    light: Singles  # of the blurry member

    @classmethod
    def of(cls, blurry: Singles, sharp: Singles, matrix: Doubles) -> "_Aligned":
        factor = factor_for(blurry.shape, SIDE)
        first = reduced(blurry, factor)
        second = reduced(sharp, factor)
        start = rescaled(matrix, factor)
        grid = pixel_grid(*first.shape[:2])
        place = transformed(grid, start)
        moved = sampled(second, place, cubic=True)
        aligned = np.maximum(moved, np.float32(0))
        light = first @ LUMINANCE
        return cls(
            factor,
            start,
            first,
            second,
            aligned,
            inside(place),
            light,
        )

    @property
    def filled(self) -> Singles:
        """Luminance of the sharp member, of the blurry one where the sharp one shows nothing."""
        luminance = self.sharp @ LUMINANCE
        filled = np.where(self.shown, luminance, self.light)
        return filled.astype(np.float32)

    @property
    def spoilt(self) -> Mask:
        """Where a member is saturated, or the sharp one shows nothing."""
        brighter = np.maximum(self.blurry, self.sharp)
        saturated = brighter.max(axis=2) >= SATURATED
        return np.asarray(saturated | ~self.shown)

    def compared(
        self,
        other: Singles,
        signed_coc: Singles,
        comparison: "_Comparison",
        window: "_Windows",
        specks: Specks,
        fine: FineDetail,
        processing: Processing,
    ) -> Compared:
        """Inputs of the tests of the sharp member."""
        usable = comparison.usable > 0
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
            processing,
        )


def _coc_on(coc_px: Singles | None, other: Singles, pair: _Aligned) -> Singles:
    """Circles of confusion on the reduced grid, px of it; estimated here if none are given."""
    if coc_px is not None:
        return resized_to(coc_px, other.shape) / np.float32(pair.factor)
    ratio = light_ratio(pair.light, other, pair.shown)
    matched = other * ratio
    return equalised(pair.light, matched, pair.shown).coc_px


def _specks_of(tilt: float, comparison: "_Comparison", other: Singles) -> Specks:
    """Dark specks of the sharp member; none are looked for where the light is tilted."""
    small = comparison.windows(SPECK_PX) if tilt < MOST_TILT_EV else None
    if small is None:
        return Specks(0, 0.0)
    stops = comparison.beyond(small, near_map=True)
    return dark_specks(stops, other)


def _moved_stops(whole: Singles, plane: Singles) -> float:
    """Stops that a tilted plane of light does not explain."""
    beyond_plane = np.maximum(np.abs(whole) - np.abs(plane), 0)
    sign = np.sign(whole)
    same_sign = sign == np.sign(plane)
    left = np.where(same_sign, sign * beyond_plane, whole)
    return _exceeded(left)


def _exceeded(stops: Singles) -> float:
    return float(np.quantile(np.abs(stops), 1 - EXCEEDING_SHARE))


def _untouched(spoilt: Mask, coc: Singles) -> Mask:
    """Pixels to which no blur carries light that is saturated or from outside the frame."""
    clean = np.pad((~spoilt).astype(np.uint8), 1)
    distance = cv2.distanceTransform(clean, cv2.DIST_L2, 3)
    distance = distance[1:-1, 1:-1]
    around = np.ones((9, 9), np.uint8)
    widest = cv2.dilate(coc, around)
    reach_px = REACH * widest / 2 + 3
    return distance > reach_px


@dataclass(frozen=True)
class _Windows:
    """Window means of the blurry member over those of the prediction by the blur map."""

    side: int
    blurry: Singles
    predicted: Singles
    log_ratio: Singles
    counted: Mask


@dataclass(frozen=True)
class _Comparison:
    """The blurry member and the sharp one under every blur."""

    light: Singles
    stack: tuple[Singles, ...]
    linear: Singles
    encoded: Singles
    coc: Singles
    usable: Singles
    floor: np.float32

    @classmethod
    def of(
        cls,
        light: Singles,
        other: Singles,
        coc: Singles,
        usable: Mask,
    ) -> "_Comparison":
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
        return _Windows(
            side,
            mean,
            predicted,
            stops,
            counted,
        )

    def _log_ratio(self, light: Singles, predicted: Singles) -> Singles:
        """Stops by which light is above what is predicted."""
        ratio = (light + self.floor) / (predicted + self.floor)
        return np.log2(ratio)

    def beyond(self, windows: _Windows, *, near_map: bool = False) -> Singles:
        """Stops by which window means are beyond all predictions, or those near the blur map."""
        side = windows.side
        floor = self.floor
        mean = self._mean(self.linear, side)
        gain = windows.predicted / np.maximum(mean, np.float32(1e-6))
        low, high = self._blurred_range(windows, near_map, side, gain)
        tone = self._tone(windows, gain, side)
        predicted = windows.predicted + floor
        darkest = np.minimum(low + floor, tone * predicted)
        lightest = np.maximum(high + floor, predicted / tone)
        light = windows.blurry + floor
        above = np.maximum(np.log2(light / lightest), 0)
        below = np.minimum(np.log2(light / darkest), 0)
        stops = np.where(windows.counted, above + below, 0)
        return stops.astype(np.float32)

    def _blurred_range(
        self,
        windows: _Windows,
        near_map: bool,
        side: int,
        gain: NDArray[np.floating[Any]],
    ) -> tuple[Singles, Singles]:
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
    ) -> Singles:
        """Least change of light by a tone curve, as a factor, from means of encoded values."""
        predicted = windows.predicted + self.floor
        by_codes = gain * self._mean(self.encoded, side) + self.floor
        factor = by_codes / predicted
        return np.clip(factor, np.float32(0.1), np.float32(1))

    def stops(self, windows: _Windows) -> Singles:
        """Log2 of blurry over predicted light at each pixel, the light profile taken off."""
        mean = self._mean(self.linear, windows.side)
        gain = windows.predicted / np.maximum(mean, 1e-6)
        blurry = np.maximum(self.light, 0)
        predicted = np.maximum(self.linear * gain, 0)
        ratio = self._log_ratio(blurry, predicted)
        return np.asarray(ratio * self.usable, np.float32)

    def _range(self, side: int) -> tuple[Singles, Singles]:
        """Indices of the diameters that the map around each place has, and its errors."""
        size = 2 * side - 1
        around = np.ones((size, size), np.uint8)
        smallest = cv2.erode(self.coc, around)
        largest = cv2.dilate(self.coc, around)
        least = np.asarray(smallest, np.float32) / MAP_ERROR
        most = np.asarray(largest, np.float32) * MAP_ERROR
        return self._index(least), self._index(most + MAP_PX)

    def _index(self, diameter_px: Singles) -> Singles:
        places = np.arange(len(self.stack))
        tried = ALL_DIAMETERS_PX[: len(places)]
        index = np.interp(diameter_px, tried, places)
        return np.asarray(index, np.float32)

    def _mean(self, values: Singles, side: int) -> Singles:
        share = box_means(self.usable, side)
        share = np.maximum(share, np.float32(1e-3))
        total = box_means(values * self.usable, side)
        return np.asarray(total / share, np.float32)


def _blurrier_share(light: Singles, other: Singles, shown: Mask) -> float:
    """Share of the places with texture where the sharp member has clearly less detail."""
    side = 2 * DETAIL_PX + 1
    around = np.ones((side, side), np.uint8)
    inner = cv2.erode(shown.astype(np.uint8), around) > 0
    blurry = _detail(light, inner)
    sharp = _detail(other, inner)
    near = cv2.dilate(sharp, around)
    more = np.maximum(blurry, sharp)
    textured = inner & (more > TEXTURE)
    textured &= blurry >= LEAKED * near
    if not textured.any():
        return 0.0
    blurrier = sharp < BLURRIER * blurry
    return float(blurrier[textured].mean())


def _detail(light: Singles, inner: Mask) -> Singles:
    """Mean squared gradient of codes around each place, without that of noise."""
    codes = np.asarray(linear_to_srgb(light), np.float32)
    noise = grain_level(codes, inner.astype(np.float32))
    energy = box_means(squared_gradient(codes), DETAIL_PX)
    noise_energy = NOISE_ENERGY * noise**2
    above_noise = np.maximum(energy - noise_energy, 0)
    return np.asarray(above_noise, np.float32)


def explained(stops: Singles | None, shape: Size) -> Mask:
    """``(H, W)`` of a picture: where a blur explains its light; everywhere without a map."""
    if stops is None:
        return np.ones(shape, dtype=bool)
    good = (np.abs(stops) <= MOST_STOPS).astype(np.uint8)
    full = cv2.resize(good, shape[::-1], interpolation=cv2.INTER_NEAREST)
    return full > 0


def unexplained_picture(stops: Singles) -> Bytes:
    """``(h, w, 3)`` RGB: red where the blurry member is lighter than any blur makes it."""
    levels = np.clip(stops / SHOWN_STOPS, -1, 1)
    paleness = 1 - np.abs(levels)
    white = 255 * paleness
    red = np.where(levels >= 0, 255, white)
    blue = np.where(levels <= 0, 255, white)
    colours = np.stack([red, white, blue], axis=-1)
    return colours.astype(np.uint8)
