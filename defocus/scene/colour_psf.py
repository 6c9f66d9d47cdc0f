"""PSF of a real lens, one kernel per colour, by rays, or by waves where diffraction matters.

Light accumulates where rays from the pupil cross: caustics, bright rims and cores."""

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from defocus.errors import OpticsError
from defocus.scene.real_lens import BANDS_UM, Place, Pupil, RealLens

Array = NDArray[np.float64]

Waves = Sequence[tuple[float, float]]
"""Wavelengths of a band with their defocus, µm."""
Shifts = Sequence[tuple[float, float]]
"""Lateral colour of each band to the right and down, px."""

LOBES = 3
MARGIN = 2
ROUNDS = 2
"""Rounds of tilting. Clipping negative values shifts the centre slightly; a second round corrects
it."""
TINY = 1e-12


def framed(reach_px: float) -> int:
    """Size of a kernel that holds light up to ``reach_px`` from its centre, as pixels see it."""
    return 2 * (math.ceil(reach_px) + MARGIN) + 1


def sub_pixels(size: int, fineness: int) -> Array:
    """Places of the sub-pixels of a row of pixels, px from its middle."""
    return (np.arange(size * fineness) + 0.5) / fineness - size / 2


def kernels_of(
    light: Array,
    size: int,
    centre: Array | None = None,
) -> Array:
    """Kernels of light on sub-pixels.

    The result: ``(C, K, K)``, >= 0, each sums to 1; K <= size, odd: dark borders are taken off."""
    fineness = light.shape[-1] // size
    light = light / light.sum(axis=(1, 2), keepdims=True)
    if centre is None:
        places = sub_pixels(size, fineness)
        x = light.sum(axis=1) @ places
        y = light.sum(axis=2) @ places
        centre = np.stack([x, y], axis=1)
    gather = _gather(size, fineness)
    of_pixels = gather @ light @ gather.T
    kernels = _centred(_without_negatives(of_pixels), centre)
    lit_lines = kernels.any(axis=(0, 1)) | kernels.any(axis=(0, 2))
    lit = np.flatnonzero(lit_lines)
    border = int(min(lit[0], size - 1 - lit[-1]))
    inside = slice(border, size - border)
    return kernels[:, inside, inside]


@lru_cache(maxsize=64)
def _gather(size: int, fineness: int) -> Array:
    """Weight of each sub-pixel in each pixel, ``(size, size * fineness)``; columns sum to 1."""
    # Lanczos: sinc(x) sinc(x / a) for |x| < a
    fine = sub_pixels(size, fineness)
    pixels = np.arange(size)[:, None] - size // 2
    distance = pixels - fine[None, :]
    reached = np.abs(distance) < LOBES
    weight = np.sinc(distance) * np.sinc(distance / LOBES) * reached
    return np.asarray(weight / weight.sum(axis=0))


def _without_negatives(planes: Array) -> Array:
    """The nearest kernels (least squares) with values >= 0 and sum 1, ``(C, K, K)``.

    Source: J. Duchi et al., Efficient projections onto the l1-ball, ICML 2008, figure 1."""
    flat = planes.reshape(len(planes), -1)
    falling = -np.sort(-flat, axis=1)
    counts = np.arange(1, falling.shape[1] + 1)
    excess = (np.cumsum(falling, axis=1) - 1.0) / counts
    last = (falling > excess).sum(axis=1) - 1
    threshold = excess[np.arange(len(planes)), last, None, None]
    return np.asarray(np.maximum(planes - threshold, 0.0))


def _centred(kernels: Array, centre: Array) -> Array:
    """Kernels times planes 1 + a + b x + c y that give them their centroids, sum 1."""
    count, size = kernels.shape[:2]
    basis, pairs = _basis(size)
    flat = kernels.reshape(count, -1)
    wanted = np.column_stack([np.ones(count), centre])
    for _ in range(ROUNDS):
        moments = (flat @ pairs).reshape(count, 3, 3)
        moments += TINY * np.eye(3)
        missing = wanted - flat @ basis.T
        solved = np.linalg.solve(moments, missing[:, :, None])
        plane = solved[:, :, 0] @ basis
        flat = flat * np.maximum(1.0 + plane, 0.0)
    normalised = flat / flat.sum(axis=1, keepdims=True)
    return np.reshape(normalised, kernels.shape)


@lru_cache(maxsize=64)
def _basis(size: int) -> tuple[Array, Array]:
    """1, x and y at each pixel, ``(3, K * K)``, and all products of two, ``(K * K, 9)``."""
    steps = np.arange(size, dtype=np.float64) - size // 2
    y, x = np.meshgrid(steps, steps, indexing="ij")
    basis = np.stack([np.ones(x.size), x.ravel(), y.ravel()])
    products = np.einsum("in,jn->nij", basis, basis)
    return basis, products.reshape(-1, 9)


def trimmed(kernels: Array, lost: float) -> NDArray[np.float32]:
    """``(C, K, K)`` kernels without dark borders, with at most that share of the light, sum 1."""
    while kernels.shape[-1] > 3:
        inner = kernels[:, 1:-1, 1:-1]
        if float(inner.sum(axis=(1, 2)).min()) < 1 - lost:
            break
        kernels = inner
    light = kernels.sum(axis=(1, 2), keepdims=True)
    return np.asarray(kernels / light, np.float32)


FINENESS = 5
RAYS_PER_PX = 12
LEAST_SIDE = 64
MOST_SIDE = 384
PLASTIC = 1.32471795724474602596
"""The plastic number, whose cube is itself plus 1: it spaces samples evenly in two dimensions."""
TAIL = 3.0
"""Distance from the centre, in RMS distances, beyond which rays are left out; their faint veil
would need huge kernels."""


def across_pupil(count: int) -> Array:
    """Places of samples in a row across the pupil, in radii from its middle."""
    return (np.arange(count) + 0.5) * 2.0 / count - 1.0


@lru_cache(maxsize=64)
def pupil_grid(side: int) -> tuple[Array, Array]:
    """Evenly distributed points x and y, ``(R,)``, of the unit disc without a pattern (moiré)."""
    # Source: the additive recurrence R2 of M. Roberts, The unreasonable effectiveness of
    # quasirandom sequences, 2018; half as far from an exact disc as a jittered grid.
    count = np.arange(1, side * side + 1)
    x = 2.0 * np.mod(0.5 + count / PLASTIC, 1.0) - 1.0
    y = 2.0 * np.mod(0.5 + count / PLASTIC**2, 1.0) - 1.0
    inside = x * x + y * y <= 1.0
    return x[inside], y[inside]


def ray_psfs(
    pupil: Pupil,
    defocus_um: Sequence[float],
    lateral_px: Shifts,
    radius_px: float,
) -> Array:
    """Make kernels by tracing rays: ``(C, K, K)``, K odd, each sums to 1."""
    wanted = -(-radius_px * RAYS_PER_PX // 16) * 16
    side = int(np.clip(wanted, LEAST_SIDE, MOST_SIDE))
    x, y = pupil_grid(side)
    open_ = pupil.depth(x, y) >= 0.0
    right, down = landings(
        pupil,
        (x[open_], y[open_]),
        defocus_um,
        lateral_px,
    )
    size = framed(_reach(right, down))
    return kernels_of(*_counted(right, down, size))


def _counted(
    right: Array,
    down: Array,
    size: int,
) -> tuple[Array, int, Array]:
    """Number of rays on each sub-pixel, the size, and the mean place of the counted rays."""
    fine = size * FINENESS
    column = _sub_pixel(right, size)
    row = _sub_pixel(down, size)
    colours = np.arange(len(right))[:, None]
    inside = (column >= 0) & (column < fine) & (row >= 0) & (row < fine)
    index = (colours * fine + row) * fine + column
    counts = np.bincount(index[inside], minlength=len(right) * fine * fine)
    light = counts.reshape(-1, fine, fine).astype(np.float64)
    # where all rays fall on one sub-pixel it is off by up to half of its width
    total_right = (right * inside).sum(axis=1)
    total_down = (down * inside).sum(axis=1)
    centre = np.stack([total_right, total_down], axis=1)
    centre /= inside.sum(axis=1, keepdims=True)
    return light, size, centre


def _sub_pixel(places: Array, size: int) -> NDArray[np.intp]:
    """Number of the sub-pixel at places along one axis, px from the middle of a kernel."""
    from_border = places + size / 2
    return np.floor(from_border * FINENESS).astype(np.intp)


def landings(
    pupil: Pupil,
    rays: tuple[Array, Array],
    defocus_um: Sequence[float],
    lateral_px: Shifts,
) -> tuple[Array, Array]:
    """Landing points of rays: 2 N dW/dx from the chief ray, W in µm and x in radii of the pupil.

    The result: x and y, each ``(C, R)``, px."""
    x, y = rays
    slope_x, slope_y = pupil.slopes(x, y)
    scale = 2.0 * pupil.lens.f_number / pupil.lens.pixel_pitch_um
    focus = 2.0 * np.asarray(defocus_um)[:, None]
    offset = np.asarray(lateral_px)
    right = scale * (slope_x + focus * x) + offset[:, :1]
    down = scale * (slope_y + focus * y) + offset[:, 1:]
    return right, down


def _reach(right: Array, down: Array) -> float:
    """Half-width of the square that holds the rays except a thin tail, px."""
    distance = np.maximum(np.abs(right), np.abs(down))
    mean_squares = np.square(distance).mean(axis=1)
    spread = float(np.sqrt(mean_squares.max()))
    return min(float(distance.max()), TAIL * spread)


RINGS = 8.0
"""Width of a kernel beyond its last ray, in units of λN. It keeps all but 2.5 % of an Airy
pattern."""


def wave_psfs(
    pupil: Pupil,
    bands: Sequence[Waves],
    lateral_px: Shifts,
    radius_px: float,
    samples: int,
) -> Array:
    """Make kernels by wave optics: ``(C, K, K)``, K odd, each sums to 1."""
    size, places = wave_frame(pupil.lens, radius_px)
    return kernels_of(
        wave_light(pupil, bands, lateral_px, places, samples),
        size,
    )


def wave_frame(lens: RealLens, radius_px: float) -> tuple[int, Array]:
    """Side of the square that holds the light, px, odd, and the places of its sub-pixels.

    These are ``(side * F,)`` distances from the chief ray of green, px, F odd."""
    unit = lens.f_number / lens.pixel_pitch_um  # px per µm of the wavelength
    longest = max(map(max, BANDS_UM))
    size = framed(radius_px + RINGS * longest * unit)
    # of the spectrum, up to 1 / (λN), what is folded must stay clear of what pixels pass
    fineness = 2 * math.ceil(0.5 / (SHORTEST * unit)) + 1
    return size, sub_pixels(size, fineness)


def wave_light(
    pupil: Pupil,
    bands: Sequence[Waves],
    lateral_px: Shifts,
    places: Array,
    samples: int,
) -> Array:
    """Intensity on a grid of places: |FT{A exp(2πi W)}|² by products with two matrices.

    The result: ``(C, P, P)``, in arbitrary units."""
    unit = pupil.lens.f_number / pupil.lens.pixel_pitch_um
    steps = across_pupil(samples)
    x = steps[None, :]
    y = steps[:, None]
    opening = pupil.depth(x, y) * samples / 2 + 0.5
    amplitude = np.clip(opening, 0.0, 1.0).astype(np.float32)
    bend = pupil.wavefront(x, y)
    square = x * x + y * y
    light = np.zeros((len(bands), len(places), len(places)))
    for colour, band in enumerate(bands):
        shift_right, shift_down = lateral_px[colour]
        right = np.outer(places - shift_right, steps)
        down = np.outer(places - shift_down, steps)
        for wave, defocus_um in band:
            error_um = bend + defocus_um * square
            field = amplitude * _turned((2.0 / wave) * error_um)
            frequency = -1.0 / (wave * unit)
            light[colour] += _intensity(field, frequency * right, frequency * down)
    return light


def _intensity(
    field: NDArray[np.complex64],
    right: Array,
    down: Array,
) -> NDArray[np.float32]:
    """Intensity of a pupil's field at places, by the half turns of each place and sample."""
    reached = _turned(down) @ field @ _turned(right).T
    intensity: NDArray[np.float32] = np.square(reached.real) + np.square(reached.imag)
    return intensity


def _turned(half_turns: Array) -> NDArray[np.complex64]:
    """Phasors of an angle, single precision."""
    angle = (np.pi * half_turns).astype(np.float32)
    phasor = np.empty(angle.shape, np.complex64)
    phasor.real = np.cos(angle)
    phasor.imag = np.sin(angle)
    return phasor


RED, GREEN, BLUE = (band[1] for band in BANDS_UM)
SHORTEST = min(map(min, BANDS_UM))
RAYS_FROM_WAVES = 8.0
"""Defocus, in waves (or aberrations that equal it), from which diffraction changes the MTF by at
most 0.02, so that rays are enough."""
LEAST_AIRY = 0.1
"""Smallest λN, in pixels, at which diffraction is visible."""
MOST_SAMPLES = 144
"""Most samples across the pupil. Where flare would need more, rays are traced instead."""
PROBE_SIDE = 24
HEIGHTS = (0.0, 0.35, 0.7, 1.0)


def colour_psfs(
    lens: RealLens,
    diameter_px: float,
    field: Place,
) -> Array:
    """The PSF in red, green and blue for sampled pictures: ``(3, K, K)``, each sum 1."""
    # Rays are used where they suffice, waves elsewhere. Vignetting changes the shape, never the
    # sum. K is odd, the chief ray of green at ``K // 2``; the signed diameter is that of green on
    # the axis, px; ``field`` is relative to the picture's centre, 1 = distance of the corner.
    _require_possible(diameter_px, field)
    pupil = Pupil(lens, field)
    defocus = colour_defocus(pupil, diameter_px)
    lateral = colour_shifts(pupil)
    middle = [band[1] for band in defocus]
    most, usual = greatest_slopes(pupil, middle)
    # px per µm of the wavelength, or half a slope
    unit = lens.f_number / lens.pixel_pitch_um
    samples = wave_samples(lens, most, usual)
    if samples is None:
        return ray_psfs(pupil, middle, lateral, 2.0 * unit * usual)
    bands = [
        list(zip(waves, w020, strict=True))
        for waves, w020 in zip(BANDS_UM, defocus, strict=True)
    ]
    farthest = max(math.hypot(*shift) for shift in lateral)
    radius_px = 2.0 * unit * most + farthest
    return wave_psfs(
        pupil,
        bands,
        lateral,
        radius_px,
        samples,
    )


def _require_possible(diameter_px: float, field: Place) -> None:
    if not math.isfinite(diameter_px) or not math.hypot(*field) <= 1.0 + 1e-9:
        raise OpticsError(
            f"no kernel for a diameter of {diameter_px} px at {field}: give a finite "
            "diameter and a place in the picture (1 = corner)"
        )


def wave_samples(
    lens: RealLens,
    most: float,
    usual: float,
) -> int | None:
    """Samples across the pupil that waves need, None where rays are used instead."""
    by_rays = usual >= 2.0 * RAYS_FROM_WAVES * GREEN
    airy_px = GREEN * lens.f_number / lens.pixel_pitch_um
    if by_rays or airy_px < LEAST_AIRY:
        return None
    samples = 16 * math.ceil((6.0 * most / SHORTEST + 32.0) / 16)
    if samples > MOST_SAMPLES:
        return None
    return samples


def light_reach_px(lens: RealLens) -> float:
    """How far light of a point in focus lands from its place, anywhere in the picture, px."""
    unit = lens.f_number / lens.pixel_pitch_um
    reaches = []
    for height in HEIGHTS:
        pupil = Pupil(lens, (height, 0.0))
        middle = [band[1] for band in colour_defocus(pupil, 0.0)]
        most, _ = greatest_slopes(pupil, middle)
        farthest = max(math.hypot(*shift) for shift in colour_shifts(pupil))
        reaches.append((2.0 * most + RINGS * RED) * unit + farthest)
    return max(reaches)


def colour_defocus(pupil: Pupil, diameter_px: float) -> list[list[float]]:
    """W020 of a circle of confusion at each wavelength of red, green and blue, µm."""
    return [[_defocus(pupil, diameter_px, wave) for wave in band] for band in BANDS_UM]


def colour_shifts(pupil: Pupil) -> list[tuple[float, float]]:
    """Places where the chief rays of red, green and blue land, relative to green, (x, y), px."""
    across, down = pupil.field
    red, blue = pupil.lens.lateral_colour_um
    shifts = []
    for shift_um in (red, 0.0, blue):
        in_corner = shift_um / pupil.lens.pixel_pitch_um
        shifts.append((in_corner * across, in_corner * down))
    return shifts


def _defocus(
    pupil: Pupil,
    diameter_px: float,
    wave_um: float,
) -> float:
    """W020 at one wavelength, µm: that of the scene and the axial colour's."""
    # Between the three leading wavelengths the focus goes along a parabola. A focus that lies
    # farther behind the lens makes the circle of confusion more like that in front of the focus
    # plane: D changes by -Δz / (N p).
    lens = pupil.lens
    red, blue = lens.axial_colour_um
    to_red = (wave_um - GREEN) * (wave_um - BLUE) / ((RED - GREEN) * (RED - BLUE))
    to_blue = (wave_um - GREEN) * (wave_um - RED) / ((BLUE - GREEN) * (BLUE - RED))
    focus_um = red * to_red + blue * to_blue
    return pupil.defocus(diameter_px) - focus_um / (8.0 * lens.f_number**2)


def greatest_slopes(pupil: Pupil, defocus_um: list[float]) -> tuple[float, float]:
    """The wavefront's greatest slope over the colours, and green's usual one, µm per radius.

    The usual one is at the rim of a pupil with only defocus, 2 W020, of slopes of the same RMS."""
    x, y = pupil_grid(PROBE_SIDE)
    open_ = pupil.depth(x, y) >= 0.0
    if not open_.any():
        raise OpticsError(
            f"the rims leave nothing of the pupil open at {pupil.field}: shift less"
        )
    x = x[open_]
    y = y[open_]
    slope_x, slope_y = pupil.slopes(x, y)
    squares = []
    for w020 in defocus_um:
        right = slope_x + 2.0 * w020 * x
        down = slope_y + 2.0 * w020 * y
        squares.append(np.square(right) + np.square(down))
    greatest = max(float(square.max()) for square in squares)
    of_green = 2.0 * float(squares[1].mean())
    return math.sqrt(greatest), math.sqrt(of_green)
