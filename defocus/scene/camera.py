"""Camera pipeline: mosaic, noise, colours, tone curve, sharpening, JPEG (not in the sharp member).

Order and ranges: Brooks et al., CVPR 2019 (unprocessing); matrices: Adobe's DNG converter."""

import math
from dataclasses import dataclass, field
from functools import lru_cache

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from defocus.pictures.values import LUMA, LUMINANCE
from defocus.pictures.write import through_jpeg
from defocus.scene.noise_reduction import NoiseReduction, denoised

Array = NDArray[np.float32]

XYZ_TO_CAMERA = np.array(
    (
        (
            (1.0234, -0.2969, -0.2266),
            (-0.5625, 1.6328, -0.0469),
            (-0.0703, 0.2188, 0.6406),
        ),
        (
            (0.4913, -0.0541, -0.0202),
            (-0.6130, 1.3513, 0.2906),
            (-0.1564, 0.2151, 0.7183),
        ),
        (
            (0.8380, -0.2630, -0.0639),
            (-0.2887, 1.0725, 0.2496),
            (-0.0627, 0.1427, 0.5438),
        ),
        (
            (0.6596, -0.2079, -0.0562),
            (-0.4782, 1.3016, 0.1933),
            (-0.0970, 0.1581, 0.5181),
        ),
    )
)
SRGB_TO_XYZ = np.array(
    (
        (0.4124564, 0.3575761, 0.1804375),
        (0.2126729, 0.7151522, 0.0721750),
        (0.0193339, 0.1191920, 0.9503041),
    )
)
IDENTITY = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))

SHOT = (1e-5, 2e-3)
"""Range of the shot noise of one sensor pixel (variance of white light), drawn log-uniformly."""

NOISE_VALUES = 2**22
BLACK = 4096
"""Stored value of black in a mosaic. Noise in the dark goes below it."""
WHITE = 61440
"""Stored value of white in a mosaic, at which highlights end."""


@dataclass(frozen=True)
class StreamCamera:
    """A camera with its settings; the default values change only the tone."""

    exposure: float = 1.0  # gain of the light
    red: float = 1.0  # red, blue: white balance; green has 1
    blue: float = 1.0
    # matrix from linear sRGB to the camera's colours, with rows that add up to 1
    matrix: tuple[tuple[float, ...], ...] = field(default=IDENTITY)
    mosaic: bool = (
        False  # whether there is a colour filter mosaic at the picture's own resolution
    )
    # standard deviation of the blur in front of a mosaic (low-pass filter, pixel and lens), which
    # keeps false colours small; in both members
    filter_px: float = 0.0
    edge_aware: bool = (
        False  # whether the mosaic is interpolated along edges, else bilinearly
    )
    # shot, read: noise parameters: the variance of a raw value x in [0, 1] is ``shot * x + read``
    shot: float = 0.0
    read: float = 0.0
    gamma: float = 0.0  # exponent of the tone curve; 0 is the curve of sRGB
    contrast: float = 0.0  # share of an S-curve in the tone curve
    sharpening: float = 0.0  # amount of the unsharp mask
    sharpening_px: float = 1.0  # standard deviation of the unsharp mask, px
    quality: int = 0  # JPEG quality; 0 means no JPEG but 16 bits
    full_colour: bool = True  # whether the JPEG keeps colours at full resolution
    grey: bool = False  # whether the picture has no colours


def draw_camera(random: Generator) -> StreamCamera:
    """Draw a camera, mostly with a reduced picture, so that pixels are sharp and noise is low."""
    matrix = _drawn_matrix(random)
    mosaic = random.random() < 0.1
    shot, read = draw_noise(random)
    # what is reduced to so many times less pixels each way has so much less noise
    averaged = 1.0 if mosaic else random.uniform(1.5, 4.0) ** 2
    sharpening = random.uniform(0.0, 0.8) if random.random() < 0.3 else 0.0
    quality = _drawn_quality(random)
    return StreamCamera(
        exposure=math.exp(random.uniform(math.log(0.6), math.log(1.3))),
        red=random.uniform(1.9, 2.4),
        blue=random.uniform(1.5, 1.9),
        matrix=matrix,
        mosaic=mosaic,
        filter_px=random.uniform(0.4, 0.7),
        edge_aware=bool(random.integers(2)),
        shot=shot / averaged,
        read=read / averaged,
        gamma=0.0 if random.random() < 0.5 else random.uniform(1.6, 2.4),
        contrast=random.uniform(0.0, 0.6) if random.random() < 0.4 else 0.0,
        sharpening=sharpening,
        sharpening_px=random.uniform(0.5, 1.2),
        quality=quality,
        full_colour=bool(random.integers(2)),
        grey=random.random() < 0.05,
    )


def _drawn_matrix(random: Generator) -> tuple[tuple[float, ...], ...]:
    """From linear sRGB to the colours of a sensor between the known ones; white stays white."""
    weights = random.uniform(0, 1, 4)
    from_xyz = np.tensordot(weights / weights.sum(), XYZ_TO_CAMERA, axes=1)
    to_camera = from_xyz @ SRGB_TO_XYZ
    to_camera /= to_camera.sum(axis=1, keepdims=True)
    return tuple(map(tuple, to_camera.tolist()))


def _drawn_quality(random: Generator) -> int:
    """The quality of a JPEG, of 100; 0 for pictures that are not compressed."""
    kind = random.random()
    if kind < 0.35:
        return int(random.integers(85, 99))
    if kind < 0.45:
        return int(random.integers(60, 85))
    return 0


def draw_noise(
    random: Generator,
    shots: tuple[float, float] = SHOT,
) -> tuple[float, float]:
    """Draw shot noise within limits, and the read noise of a sensor that has it."""
    least, most = shots
    shot = math.exp(random.uniform(math.log(least), math.log(most)))
    log_read = 2.18 * math.log(shot) + 1.20 + random.normal(0, 0.26)
    return shot, math.exp(log_read)


def recorded(
    camera: StreamCamera,
    light: Array,
    random: Generator | None,
    reduction: NoiseReduction | None = None,
) -> Array:
    """Take a picture of some light: ``(H, W, 3)`` float32, stored values in [0, 1]."""
    matrix = np.array(camera.matrix)
    unbalance = np.diag((1 / camera.red, 1.0, 1 / camera.blue))
    to_raw = camera.exposure * unbalance @ matrix
    raw = _sensed(camera, _mixed(light, to_raw), random)
    # each colour ends where balanced white does, as converters do it: no coloured highlights
    balance = np.diag((camera.red, 1.0, camera.blue))
    balanced = np.minimum(_mixed(raw, balance), np.float32(1))
    back = np.linalg.inv(matrix)
    if camera.grey:
        back = np.tile(np.array(LUMINANCE) @ back, (3, 1))
    stored = _toned(camera, _mixed(balanced, back))
    # of both members, as sharpening: no network has to undo a camera
    if reduction is not None:
        stored = denoised(stored, reduction)
    stored = _sharpened(camera, stored)
    if random is None:
        return stored
    return _compressed(camera, stored)


def _mixed(colours: Array, matrix: NDArray[np.float64]) -> Array:
    """Multiply each pixel's colours by a 3-column matrix."""
    return np.asarray(cv2.transform(colours, matrix.astype(np.float32)), np.float32)


def _sensed(
    camera: StreamCamera,
    raw: Array,
    random: Generator | None,
) -> Array:
    """Raw values with noise, demosaiced if there is a mosaic."""
    if not camera.mosaic:
        return _noisy(camera, np.minimum(raw, np.float32(1)), random)
    flat = np.minimum(_mosaiced(raw, camera.filter_px), np.float32(1))
    flat = _noisy(camera, flat, random)
    span = np.float32(WHITE - BLACK)
    rounding = np.float32(BLACK + 0.5)
    values = np.clip(flat * span + rounding, 0, WHITE)
    code = cv2.COLOR_BayerRGGB2RGB_EA if camera.edge_aware else cv2.COLOR_BayerRGGB2RGB
    filled = cv2.demosaicing(values.astype(np.uint16), code)
    above_black = filled.astype(np.float32) - np.float32(BLACK)
    return np.asarray(above_black / span, np.float32)


def _mosaiced(raw: Array, filter_px: float) -> Array:
    """The one value that each pixel of a Bayer sensor (RGGB) has, behind a low-pass filter."""
    if filter_px:
        raw = np.asarray(cv2.GaussianBlur(raw, (0, 0), filter_px), np.float32)
    flat = raw[:, :, 1].copy()
    flat[0::2, 0::2] = raw[0::2, 0::2, 0]
    flat[1::2, 1::2] = raw[1::2, 1::2, 2]
    return flat


def _noisy(
    camera: StreamCamera,
    raw: Array,
    random: Generator | None,
) -> Array:
    if random is None or not (camera.shot or camera.read):
        return raw
    variance = np.float32(camera.shot) * np.maximum(raw, 0) + np.float32(camera.read)
    noise = np.sqrt(variance) * _noise(random, raw.shape)
    return np.asarray(np.minimum(raw + noise, 1), np.float32)


def _noise(random: Generator, shape: tuple[int, ...]) -> Array:
    """Normal values: a random part of a table, or new ones where the table is too small."""
    size = math.prod(shape)
    if size >= NOISE_VALUES:
        return random.standard_normal(shape, np.float32)
    begin = int(random.integers(NOISE_VALUES - size))
    part = _normal_values()[begin : begin + size]
    return part.reshape(shape)


@lru_cache(maxsize=1)
def _normal_values() -> Array:
    """Table of normal values from which pictures take a part, because drawing them is slow."""
    random = Generator(np.random.PCG64(0))
    return random.standard_normal(NOISE_VALUES, np.float32)


def _toned(camera: StreamCamera, linear: Array) -> Array:
    """Apply the tone curve; values in [0, 1]."""
    clipped = np.clip(linear, 0, 1)
    if camera.gamma:
        stored = cv2.pow(clipped, 1 / camera.gamma)
    else:
        # sRGB (IEC 61966-2-1)
        low = np.float32(12.92) * clipped
        power = cv2.pow(clipped, 1 / 2.4)
        high = np.float32(1.055) * power - np.float32(0.055)
        stored = np.where(clipped <= np.float32(0.0031308), low, high)
    if camera.contrast:
        # an S-curve: 3 x² - 2 x³
        bent = stored * stored * (np.float32(3) - np.float32(2) * stored)
        stored = stored + np.float32(camera.contrast) * (bent - stored)
    return np.asarray(stored, np.float32)


def _sharpened(camera: StreamCamera, stored: Array) -> Array:
    """Apply an unsharp mask to the luma."""
    if not camera.sharpening:
        return stored
    luma = _mixed(stored, np.array((LUMA,)))
    smooth = np.asarray(cv2.GaussianBlur(luma, (0, 0), camera.sharpening_px))
    detail = np.float32(camera.sharpening) * (luma - smooth)
    of_colours = cv2.merge([detail] * 3)
    sharper = stored + np.asarray(of_colours, np.float32)
    return np.asarray(np.clip(sharper, 0, 1), np.float32)


def _compressed(camera: StreamCamera, stored: Array) -> Array:
    """Compress as JPEG, or round to 16 bits."""
    if not camera.quality:
        levels = np.float32(65535)
        rounded = np.rint(stored * levels) / levels
        return np.asarray(rounded, np.float32)
    pixels = np.rint(stored * np.float32(255)).astype(np.uint8)
    decoded = through_jpeg(pixels, camera.quality, full_colour=camera.full_colour)
    return decoded.astype(np.float32) / np.float32(255)
