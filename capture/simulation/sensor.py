"""Simulated sensor: vignetting, dust, exposure, noise, clipping, and a 16-bit TIFF with EXIF."""

import math
import struct
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from defocus.pictures.tags import EXIF_DIRECTORY, DirectoryEntry
from defocus.pictures.tiff import packed_directory
from defocus.pictures.values import Image, as_integer, linear_to_srgb
from defocus.scene.aperture import disc_psf

Floats = NDArray[np.float64]

WIDEST_F_NUMBER = 1.4
PARTICLE_SHARE = 0.01
"""Diameter of a speck of dust over the width of the picture."""

DUST_HEIGHT_SHARE = 0.3
"""Distance of the speck from the pixels over the width of the picture: its shadow is blurred by
that over the f-number."""


def vignette(
    width: int,
    height: int,
    corner_ev: float,
    f_number: float,
) -> Floats:
    """``(H, W, 1)`` factor on the light, falling with squared radius by ``corner_ev`` at f/1.4."""
    radius = _radius(width, height)
    loss_ev = corner_ev * WIDEST_F_NUMBER / f_number * radius**2
    factor = np.asarray(2.0**-loss_ev)
    return factor[:, :, None]


def _radius(width: int, height: int) -> Floats:
    """``(H, W)``: distance from the centre in widths and heights, 1 in the corners."""
    y, x = np.mgrid[0:height, 0:width]
    across = (x - (width - 1) / 2) / width
    down = (y - (height - 1) / 2) / height
    return np.asarray(np.hypot(across, down) / np.sqrt(0.5))


def tint(warmth: float) -> Floats:
    """``(3,)`` factors on red, green and blue of a light that is warmer than the sensor expects."""
    return np.array([1.0 + warmth, 1.0, 1.0 / (1.0 + warmth)])


def dust_shadow(
    width: int,
    height: int,
    specks: int,
    f_number: float,
    seed: int,
) -> Floats:
    """``(H, W, 1)`` shadows of specks, smaller and darker at narrow apertures."""
    from scipy.signal import fftconvolve

    shadow = np.zeros((height, width))
    psf = disc_psf(PARTICLE_SHARE * width)
    blur = disc_psf(DUST_HEIGHT_SHARE * width / f_number)
    blurred = fftconvolve(psf / psf.max(), blur)
    spot = np.asarray(np.maximum(blurred, 0.0))
    random = np.random.default_rng([seed, 0xD057])
    shares = random.uniform(0.1, 0.9, (specks, 2))
    for x, y in shares * (width, height):
        _add(shadow, spot, round(x), round(y))
    light = np.clip(1.0 - shadow, 0.0, 1.0)
    return np.asarray(light[:, :, None])


def _add(
    shadow: Floats,
    spot: Floats,
    x: int,
    y: int,
) -> None:
    """Add ``spot`` centred at (x, y), clipped to the picture."""
    half = spot.shape[0] // 2
    spot_top = y - half
    spot_left = x - half
    top = max(spot_top, 0)
    left = max(spot_left, 0)
    part = shadow[top : y + half + 1, left : x + half + 1]
    rows, columns = part.shape
    hidden_rows = top - spot_top
    hidden_columns = left - spot_left
    seen = spot[hidden_rows:, hidden_columns:]
    part += seen[:rows, :columns]


REFERENCE_EXPOSURE = (4.0, 1 / 128, 100.0)
"""f-number, seconds and ISO at which a white surface just fills the sensor."""

FULL_WELL_ELECTRONS = 30_000.0
READ_NOISE_ELECTRONS = 5.0

STRIP = 64


@dataclass(frozen=True)
class ExifTags:
    """EXIF values of a shot: the engraved values, not the true ones."""

    f_number: float
    seconds: float
    iso: float
    focal_length_mm: float
    taken: str


def exposure_scale(
    f_number: float,
    seconds: float,
    iso: float,
    error_ev: float = 0.0,
) -> float:
    """Sensor signal per scene radiance: t · ISO / N², relative to :data:`REFERENCE_EXPOSURE`."""
    reference_n, reference_t, reference_iso = REFERENCE_EXPOSURE
    reference = reference_t * reference_iso / reference_n**2
    error = math.pow(2.0, error_ev)
    return seconds * iso / f_number**2 / reference * error


def sensor_noise(
    signal: Floats,
    strength: float,
    iso: float,
    random: np.random.Generator,
) -> Floats:
    """Add shot noise (normal, with Poisson variance) and read noise; 1 = full well at that ISO.

    A full well at ISO 200 has half the electrons of one at ISO 100."""
    if strength == 0:
        return signal
    electrons = FULL_WELL_ELECTRONS * 100.0 / iso
    shot_variance = np.maximum(signal, 0.0) / electrons
    read_variance = (READ_NOISE_ELECTRONS / electrons) ** 2
    deviation = strength * np.sqrt(shot_variance + read_variance)
    noise = random.standard_normal(signal.shape)
    noisy: Floats = signal + deviation * noise
    return noisy


def recorded(
    signal: Floats,
    add_noise: Callable[[Floats], Floats] | None = None,
    bits: int = 16,
) -> Image:
    """Add noise, clip at full well, apply the sRGB curve, round; strips of rows spare memory."""
    result = np.empty(signal.shape, np.uint8 if bits == 8 else np.uint16)
    for top in range(0, len(signal), STRIP):
        rows = slice(top, top + STRIP)
        strip = signal[rows]
        if add_noise is not None:
            strip = add_noise(strip)
        clipped = np.minimum(strip, 1.0)
        result[rows] = as_integer(linear_to_srgb(clipped), bits)
    return result


def encode_tiff(pixels: Image, tags: ExifTags | None) -> bytes:
    """Encode ``(H, W, 3)`` uint16 as uncompressed TIFF with an EXIF directory, like cameras.

    tifffile refuses EXIF directories, and OpenCV's reader complains of EXIF tags in the first one.
    """
    header = struct.pack("<2sHI", b"II", 42, 8)
    entries = [] if tags is None else _exif_entries(tags)
    size = len(_picture_directory(pixels, 0, 0))
    exif_at = len(header) + size
    exif = packed_directory(entries, exif_at, "<")
    pixels_at = exif_at + len(exif)
    picture = _picture_directory(pixels, exif_at, pixels_at)
    content = pixels.astype("<u2").tobytes()
    return header + picture + exif + content


def _picture_directory(pixels: Image, exif_at: int, pixels_at: int) -> bytes:
    height, width = pixels.shape[:2]
    entries = [
        _long(256, width),
        _long(257, height),
        _short(258, 16, 16, 16),
        _short(259, 1),  # no compression
        _short(262, 2),  # RGB
        _text(271, "defocus"),
        _text(272, "Simulated camera"),
        _long(273, pixels_at),
        _short(277, 3),
        _long(278, height),
        _long(279, pixels.size * 2),
        _long(EXIF_DIRECTORY, exif_at),
    ]
    return packed_directory(entries, 8, "<")


def _exif_entries(tags: ExifTags) -> list[DirectoryEntry]:
    return [
        _rational(33434, tags.seconds),
        _rational(33437, tags.f_number),
        _short(34855, round(tags.iso)),
        _text(36867, tags.taken),
        _rational(37386, tags.focal_length_mm),
    ]


def _text(tag: int, value: str) -> DirectoryEntry:
    encoded = value.encode() + b"\0"
    return DirectoryEntry(tag, 2, len(encoded), encoded)


def _short(tag: int, *values: int) -> DirectoryEntry:
    packed = struct.pack(f"<{len(values)}H", *values)
    return DirectoryEntry(tag, 3, len(values), packed)


def _long(tag: int, value: int) -> DirectoryEntry:
    return DirectoryEntry(tag, 4, 1, struct.pack("<I", value))


def _rational(tag: int, value: float) -> DirectoryEntry:
    fraction = Fraction(value).limit_denominator(10_000)
    packed = struct.pack("<II", fraction.numerator, fraction.denominator)
    return DirectoryEntry(tag, 5, 1, packed)
