"""Faults of a sharp member: what each does to its light, strong and weak."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from defocus.scene.aperture import disc_psf
from defocus.scene.noise_reduction import NoiseReduction, denoised
from research.light import single

Light = NDArray[np.float32]
Draw = np.random.Generator


@dataclass(frozen=True)
class Plant:
    """A fault that is planted."""

    name: str  # what is done, with its unit
    size: tuple[float, float]  # strong and weak
    change: Callable[[Light, float, Draw], Light]  # of the sharp member's linear light


def _moved(light: Light, size: float, draw: Draw) -> Light:
    """An ellipse of the scene shows what lies beside it."""
    height, width = light.shape[:2]
    mask: Light = np.zeros((height, width), np.float32)
    centre = draw.uniform(0.3, 0.7, 2) * (width, height)
    axes = (round(0.09 * width), round(0.12 * height))
    place = (round(centre[0]), round(centre[1]))
    cv2.ellipse(mask, place, axes, 0, 0, 360, 1.0, -1, cv2.LINE_AA)
    angle = draw.uniform(0, 2 * math.pi)
    across = size * math.cos(angle)
    down = size * math.sin(angle)
    shift = np.array([[1, 0, across], [0, 1, down]])
    beside = cv2.warpAffine(
        light,
        shift,
        (width, height),
        borderMode=cv2.BORDER_REFLECT,
    )
    return _mixed(light, np.asarray(beside), mask)


def _shaken(light: Light, size: float, draw: Draw) -> Light:
    angle = draw.uniform(0, math.pi)
    half = size / 2
    steps = np.linspace(-half, half, max(2 * round(size), 2))
    return _exposed_along(
        light,
        [(s * math.cos(angle), s * math.sin(angle)) for s in steps],
    )


def _settling(light: Light, size: float, _: Draw) -> Light:
    """A tripod swings up and down, and less and less."""
    times = np.linspace(0, 1, 24)
    oscillation = np.cos(14 * times)
    places = size / 2 * np.exp(-2 * times) * oscillation
    return _exposed_along(light, [(0.0, float(place)) for place in places])


def _double(light: Light, size: float, draw: Draw) -> Light:
    angle = draw.uniform(0, math.pi)
    start = (0.0, 0.0)
    there = (size * math.cos(angle), size * math.sin(angle))
    return _exposed_along(light, [start, start, start, there, there])


def _exposed_along(light: Light, places: list[tuple[float, float]]) -> Light:
    height, width = light.shape[:2]
    total = np.zeros_like(light)
    for x, y in places:
        moved = cv2.warpAffine(
            light,
            np.array([[1, 0, x], [0, 1, y]]),
            (width, height),
            flags=cv2.INTER_CUBIC,
            borderMode=cv2.BORDER_REFLECT,
        )
        total += single(moved)
    mean = total / len(places)
    return single(np.maximum(mean, 0))


def _half_blurred(light: Light, size: float, draw: Draw) -> Light:
    """One half lies outside the depth of field: all of it by one disc."""
    return _blurred_where(light, size, _ramp(light, draw, width=0.06))


def _focus_behind(light: Light, size: float, draw: Draw) -> Light:
    """The blur grows from the middle to one side, up to the size."""
    ramp = _ramp(light, draw, width=0.5)
    rise = np.clip(2 * ramp - 1, 0, 1)
    shares = (0.0, 0.25, 0.5, 0.75, 1.0)
    steps = [disc_blurred(light, size * share) for share in shares]
    place = rise * (len(steps) - 1)
    total = np.zeros_like(light)
    for index, one in enumerate(steps):
        weight = np.maximum(1 - np.abs(place - index), 0)
        total += weight[..., None] * one
    return total


def _blurred_where(light: Light, size: float, mask: Light) -> Light:
    return _mixed(light, disc_blurred(light, size), mask)


def disc_blurred(light: Light, diameter: float) -> Light:
    """Light behind a disc, px; up to 1 px as it was."""
    if diameter <= 1:
        return light
    kernel = disc_psf(diameter).astype(np.float32)
    return single(cv2.filter2D(light, -1, kernel, borderType=cv2.BORDER_REFLECT))


def _ramp(light: Light, draw: Draw, width: float) -> Light:
    """0 on one side of a line through the middle, 1 on the other."""
    angle = draw.uniform(0, 2 * math.pi)
    rows = slice(-1, 1, complex(light.shape[0]))
    columns = slice(-1, 1, complex(light.shape[1]))
    y, x = np.ogrid[rows, columns]
    across = math.cos(angle) * x + math.sin(angle) * y
    share = across / (2 * width) + 0.5
    return single(np.clip(share, 0, 1))


def _dust(light: Light, size: float, draw: Draw) -> Light:
    """Discs of 6 to 10 px that take a third of the light; the size is their number."""
    height, width = light.shape[:2]
    veil: Light = np.zeros((height, width), np.float32)
    for _ in range(round(size)):
        x, y = draw.uniform(0.05, 0.95, 2) * (width, height)
        cv2.circle(
            veil,
            (round(x), round(y)),
            int(draw.integers(3, 6)),
            1.0,
            -1,
            cv2.LINE_AA,
        )
    blurred = cv2.GaussianBlur(veil, (0, 0), 1.0)
    veil = single(blurred)[..., None]
    return single(light * (1 - 0.35 * veil))


def _resting_dust(light: Light, size: float, _: Draw) -> Light:
    """Dust at the same pixels of every picture: it is on the sensor."""
    return _dust(light, size, np.random.default_rng(0))


def _hair(light: Light, size: float, draw: Draw) -> Light:
    """A curved line of 5 px; the size is the share of the light that it takes."""
    height, width = light.shape[:2]
    veil: Light = np.zeros((height, width), np.float32)
    knots = draw.uniform(0.1, 0.9, (3, 2)) * (width, height)
    along = np.linspace(0, 1, 40)[:, None]
    curve = (
        (1 - along) ** 2 * knots[0]
        + 2 * along * (1 - along) * knots[1]
        + along**2 * knots[2]
    )
    points = curve.round().astype(np.int32)[:, None]
    cv2.polylines(
        veil,
        [points],
        isClosed=False,
        color=1.0,
        thickness=5,
        lineType=cv2.LINE_AA,
    )
    blurred = cv2.GaussianBlur(veil, (0, 0), 1.0)
    veil = single(blurred)[..., None]
    return single(light * (1 - np.float32(size) * veil))


def _strap(light: Light, size: float, draw: Draw) -> Light:
    """Something dark and out of focus in a corner; the size is its reach over the width."""
    height, width = light.shape[:2]
    y, x = np.mgrid[:height, :width].astype(np.float32) / width
    if draw.random() < 0.5:
        x = x[:, ::-1]
    if draw.random() < 0.5:
        y = y[::-1]
    edge = (size - x - 1.3 * y) / (0.3 * size)
    cover = np.clip(edge + 0.5, 0, 1)
    return single(light * (1 - 0.9 * cover[..., None]) + 0.005 * cover[..., None])


def _bands(light: Light, size: float, draw: Draw) -> Light:
    periods = draw.uniform(2.5, 12)
    along = np.linspace(0, 2 * math.pi * periods, light.shape[0]) + draw.uniform(
        0,
        2 * math.pi,
    )
    return single(light * (1 + size / 100 * np.sin(along))[:, None, None])


def _cloud(light: Light, size: float, draw: Draw) -> Light:
    """A shadow with a soft edge on a part of the scene."""
    field = draw.normal(size=(4, 5)).astype(np.float32)
    shade = cv2.resize(field, light.shape[1::-1], interpolation=cv2.INTER_CUBIC)
    depth = shade - np.median(shade)
    cover = 1 / (1 + np.exp(-3 * depth))
    darker = 2.0 ** (-size * cover[..., None])
    return single(light * darker)


def _overexposed(light: Light, size: float, _: Draw) -> Light:
    return single(light * np.float32(size))


def _smeared(light: Light, size: float, _draw: Draw) -> Light:
    """Light after noise reduction; ``size`` is the largest noise, in hundredths of white."""
    codes = np.sqrt(np.clip(light, 0, 1)).astype(np.float32)
    for _ in range(2):
        codes = denoised(codes, NoiseReduction(size / 100, 3.0, 2.0))
    return single(codes * codes)


def _white_balance(light: Light, size: float, _: Draw) -> Light:
    return single(light * np.array([1 + size, 1.0, 1 / (1 + size)], np.float32))


def _rolling(light: Light, size: float, draw: Draw) -> Light:
    """Rows are moved left and right, as by a motor's vibration."""
    height, width = light.shape[:2]
    y, x = np.mgrid[:height, :width].astype(np.float32)
    turns = draw.uniform(1.5, 4)
    phase = 2 * math.pi * turns * y / height
    x += np.float32(size) * np.sin(phase, dtype=np.float32)
    return np.asarray(
        cv2.remap(light, x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)
    )


def _distorted(light: Light, size: float, _: Draw) -> Light:
    """Light magnified in the corners by ``size`` percent more than in the centre."""
    height, width = light.shape[:2]
    y, x = np.mgrid[:height, :width].astype(np.float32)
    x = x - (width - 1) / 2
    y = y - (height - 1) / 2
    scale = 1 + size / 100 * (x * x + y * y) / (width**2 + height**2) * 4
    across = single(x * scale + (width - 1) / 2)
    down = single(y * scale + (height - 1) / 2)
    return np.asarray(
        cv2.remap(light, across, down, cv2.INTER_CUBIC, None, cv2.BORDER_REFLECT)
    )


def _mixed(first: Light, second: Light, share: Light) -> Light:
    part = share[..., None]
    mixed = (1 - part) * first + part * second
    return single(mixed)


PLANTS: tuple[Plant, ...] = (
    Plant("an object moved, px", (18, 6), _moved),
    Plant("shaken, px", (12, 4), _shaken),
    Plant("tripod still swinging, px", (12, 4), _settling),
    Plant("double image, px", (8, 3), _double),
    Plant("a half out of focus, px", (6, 2.75), _half_blurred),
    Plant("focused behind, px at one side", (8, 4), _focus_behind),
    Plant("noise reduction, hundredths of a code", (12, 6), _smeared),
    Plant("dust, specks", (10, 5), _dust),
    Plant("hair over the lens, share", (0.6, 0.3), _hair),
    Plant("strap in a corner, of the width", (0.3, 0.12), _strap),
    Plant("bands of lamps, ± %", (25, 8), _bands),
    Plant("cloud, EV", (0.8, 0.3), _cloud),
    Plant("overexposed, times", (4, 1.6), _overexposed),
    Plant("white balance, share", (0.4, 0.1), _white_balance),
    Plant("rolling shutter, px", (4, 1.5), _rolling),
    Plant(
        "lens profile of the sharp member alone, % in the corners",
        (2, 0.6),
        _distorted,
    ),
)
RESTING_DUST = Plant("dust on the sensor, specks", (10, 5), _resting_dust)
"""A fault that all pictures of a session have."""
