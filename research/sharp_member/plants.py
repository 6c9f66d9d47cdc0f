"""Faults of a sharp member: what each does to its light, strong and weak."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from defocus.align.sampling.positions import pixel_grid
from defocus.scene.aperture import disc_psf
from defocus.scene.noise_reduction import NoiseReduction, denoised
from research.light import Floats, Random, along, centred_grid, mixed_by_place, single

Light = NDArray[np.float32]
Place = tuple[float, float]
"""How far something is moved to the right and down, px."""
BLUR_SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)
"""Blurs between which a growing one is mixed, as shares of the largest."""


@dataclass(frozen=True)
class Plant:
    """A fault that is planted."""

    name: str  # what is done, with its unit
    size: tuple[float, float]  # strong and weak
    # of the sharp member's linear light, by a size
    change: Callable[[Light, float, Random], Light]


def _moved(light: Light, size: float, draw: Random) -> Light:
    """An ellipse of the scene shows what lies beside it."""
    height, width = light.shape[:2]
    mask = _nothing(light)
    x, y = draw.uniform(0.3, 0.7, 2) * (width, height)
    centre = (round(x), round(y))
    axes = (round(0.09 * width), round(0.12 * height))
    cv2.ellipse(mask, centre, axes, 0, 0, 360, 1.0, -1, cv2.LINE_AA)
    angle = draw.uniform(0, math.tau)
    beside = _shifted(light, _towards(angle, size), cv2.INTER_LINEAR)
    return _mixed(light, beside, mask)


def _nothing(light: Light) -> Light:
    """A mask ``(H, W)`` that is 0 everywhere."""
    return np.zeros(light.shape[:2], np.float32)


def _towards(angle: float, length: float) -> Place:
    """The place in a direction, at a distance."""
    return length * math.cos(angle), length * math.sin(angle)


def _shifted(light: Light, place: Place, interpolation: int) -> Light:
    """Light that is moved to the right and down, mirrored at the borders."""
    across, down = place
    shift = np.array([[1, 0, across], [0, 1, down]])
    moved = cv2.warpAffine(
        light,
        shift,
        light.shape[1::-1],
        flags=interpolation,
        borderMode=cv2.BORDER_REFLECT,
    )
    return single(moved)


def _shaken(light: Light, size: float, draw: Random) -> Light:
    angle = draw.uniform(0, math.pi)
    half = size / 2
    count = max(2 * round(size), 2)
    distances = np.linspace(-half, half, count)
    places = [_towards(angle, distance) for distance in distances]
    return _exposed_along(light, places)


def _settling(light: Light, size: float, _: Random) -> Light:
    """A tripod swings up and down, and less and less."""
    times = np.linspace(0, 1, 24)
    oscillation = np.cos(14 * times)
    amplitude = size / 2 * np.exp(-2 * times)
    heights = amplitude * oscillation
    places = [(0.0, height) for height in heights.tolist()]
    return _exposed_along(light, places)


def _double(light: Light, size: float, draw: Random) -> Light:
    angle = draw.uniform(0, math.pi)
    start = (0.0, 0.0)
    end = _towards(angle, size)
    return _exposed_along(light, [start, start, start, end, end])


def _exposed_along(light: Light, places: list[Place]) -> Light:
    """The mean of what the camera sees at some places."""
    total = np.zeros_like(light)
    for place in places:
        total += _shifted(light, place, cv2.INTER_CUBIC)
    mean = total / len(places)
    return single(np.maximum(mean, 0))


def _half_blurred(light: Light, size: float, draw: Random) -> Light:
    """One half lies outside the depth of field: all of it by one disc."""
    mask = _ramp(light, draw, width=0.06)
    blurred = disc_blurred(light, size)
    return _mixed(light, blurred, mask)


def _focus_behind(light: Light, size: float, draw: Random) -> Light:
    """The blur grows from the middle to one side, up to the size."""
    ramp = _ramp(light, draw, width=0.5)
    rise = np.clip(2 * ramp - 1, 0, 1)
    steps = [disc_blurred(light, size * share) for share in BLUR_SHARES]
    last = len(steps) - 1
    return mixed_by_place(steps, rise * last)


def disc_blurred(light: Light, diameter: float) -> Light:
    """Light behind a disc, px; up to 1 px as it was."""
    if diameter <= 1:
        return light
    kernel = disc_psf(diameter).astype(np.float32)
    blurred = cv2.filter2D(
        light,
        -1,
        kernel,
        borderType=cv2.BORDER_REFLECT,
    )
    return single(blurred)


def _ramp(light: Light, draw: Random, width: float) -> Light:
    """0 on one side of a line through the middle, 1 on the other."""
    angle = draw.uniform(0, math.tau)
    y, x = centred_grid(light.shape)
    across = along(x, y, angle)
    share = across / (2 * width) + 0.5
    return single(np.clip(share, 0, 1))


def _dust(light: Light, size: float, draw: Random) -> Light:
    """Discs of 6 to 10 px that take a third of the light; the size is their number."""
    height, width = light.shape[:2]
    mask = _nothing(light)
    for _ in range(round(size)):
        x, y = draw.uniform(0.05, 0.95, 2) * (width, height)
        centre = (round(x), round(y))
        radius = int(draw.integers(3, 6))
        cv2.circle(
            mask,
            centre,
            radius,
            1.0,
            -1,
            cv2.LINE_AA,
        )
    return _veiled(light, mask, 0.35)


def _veiled(light: Light, mask: Light, share: float) -> Light:
    """Light of which something out of focus takes a share."""
    soft = single(cv2.GaussianBlur(mask, (0, 0), 1.0))
    left = 1 - share * soft[..., None]
    return single(light * left)


def _resting_dust(light: Light, size: float, _: Random) -> Light:
    """Dust at the same pixels of every picture: it is on the sensor."""
    return _dust(light, size, np.random.default_rng(0))


def _hair(light: Light, size: float, draw: Random) -> Light:
    """A curved line of 5 px; the size is the share of the light that it takes."""
    height, width = light.shape[:2]
    mask = _nothing(light)
    first, middle, last = draw.uniform(0.1, 0.9, (3, 2)) * (width, height)
    time = np.linspace(0, 1, 40)[:, None]
    rest = 1 - time
    begin = rest**2 * first
    end = time**2 * last
    # a Bézier curve of second degree
    curve = begin + 2 * time * rest * middle + end
    points = curve.round().astype(np.int32)
    cv2.polylines(
        mask,
        [points[:, None]],
        isClosed=False,
        color=1.0,
        thickness=5,
        lineType=cv2.LINE_AA,
    )
    return _veiled(light, mask, size)


def _strap(light: Light, size: float, draw: Random) -> Light:
    """Something dark and out of focus in a corner; the size is its reach over the width."""
    height, width = light.shape[:2]
    x, y = pixel_grid(height, width) / width
    if draw.random() < 0.5:
        x = x[:, ::-1]
    if draw.random() < 0.5:
        y = y[::-1]
    edge = (size - x - 1.3 * y) / (0.3 * size)
    cover = np.clip(edge + 0.5, 0, 1)[..., None]
    dimmed = light * (1 - 0.9 * cover)
    return single(dimmed + 0.005 * cover)


def _bands(light: Light, size: float, draw: Random) -> Light:
    periods = draw.uniform(2.5, 12)
    phases = np.linspace(0, math.tau * periods, light.shape[0])
    phases = phases + draw.uniform(0, math.tau)
    gain = 1 + size / 100 * np.sin(phases)
    return single(light * gain[:, None, None])


def _cloud(light: Light, size: float, draw: Random) -> Light:
    """A shadow with a soft edge on a part of the scene."""
    field = draw.normal(size=(4, 5)).astype(np.float32)
    shade = cv2.resize(field, light.shape[1::-1], interpolation=cv2.INTER_CUBIC)
    depth = shade - np.median(shade)
    cover = 1 / (1 + np.exp(-3 * depth))
    stops = -size * cover
    return single(light * 2.0 ** stops[..., None])


def _overexposed(light: Light, size: float, _: Random) -> Light:
    return single(light * np.float32(size))


def _smeared(light: Light, size: float, _draw: Random) -> Light:
    """Light after noise reduction; ``size`` is the largest noise, in hundredths of white."""
    codes = np.sqrt(np.clip(light, 0, 1)).astype(np.float32)
    for _ in range(2):
        codes = denoised(codes, NoiseReduction(size / 100, 3.0, 2.0))
    return single(codes * codes)


def _white_balance(light: Light, size: float, _: Random) -> Light:
    gains = np.array([1 + size, 1.0, 1 / (1 + size)], np.float32)
    return single(light * gains)


def _rolling(light: Light, size: float, draw: Random) -> Light:
    """Rows are moved left and right, as by a motor's vibration."""
    height, width = light.shape[:2]
    x, y = pixel_grid(height, width)
    turns = draw.uniform(1.5, 4)
    phase = math.tau * turns * y / height
    x += np.float32(size) * np.sin(phase, dtype=np.float32)
    return resampled(light, x, y)


def _distorted(light: Light, size: float, _: Random) -> Light:
    return distorted(light, size)


def distorted(light: NDArray[Floats], size: float) -> NDArray[Floats]:
    """Light magnified in the corners by ``size`` percent more than in the centre."""
    height, width = light.shape[:2]
    middle_x = (width - 1) / 2
    middle_y = (height - 1) / 2
    x, y = pixel_grid(height, width)
    x = x - middle_x
    y = y - middle_y
    diagonal_squared = width**2 + height**2
    squared = x * x + y * y
    scale = 1 + size / 100 * squared / diagonal_squared * 4
    across = single(x * scale + middle_x)
    down = single(y * scale + middle_y)
    return resampled(light, across, down)


def resampled(
    light: NDArray[Floats],
    x: Light,
    y: Light,
) -> NDArray[Floats]:
    """Light at positions, mirrored at the borders."""
    border = cv2.BORDER_REFLECT
    return np.asarray(
        cv2.remap(
            light,
            x,
            y,
            cv2.INTER_CUBIC,
            None,
            border,
        )
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
