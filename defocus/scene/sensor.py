"""Exposure and noise of a sensor, and its dual-pixel views: full ± half their difference."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from scipy.special import ndtri

from defocus.scene.aperture import ROUND, Aperture, DualPixel
from defocus.scene.layers import Layer, render
from defocus.scene.thin_lens import Lens
from defocus.settings import StrictNumbers

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Sensor(StrictNumbers):
    """Properties that determine the noise of a sensor."""

    # number of electrons of a pixel that is just white
    full_well_e: Annotated[float, Field(gt=0)] = 15000.0
    # standard deviation of the read noise, in electrons
    read_noise_e: Annotated[float, Field(ge=0)] = 4.0


def seed_of(*names: str) -> int:
    """A 64-bit seed that depends only on names: the start of their SHA-256 hash."""
    digest = hashlib.sha256("\0".join(names).encode()).digest()
    return int.from_bytes(digest[:8], "big")


def normal_numbers(shape: tuple[int, ...], seed: int) -> Array:
    """Standard normal numbers that are the same on every machine, except the last bits."""
    # From the raw stream of PCG64, whose values numpy promises never to change.
    count = int(np.prod(shape))
    raw = np.random.PCG64(seed).random_raw(count)
    leading_bits = (raw >> np.uint64(11)).astype(np.float64)
    uniform = (leading_bits + 0.5) * 2.0**-53
    normal: Array = np.reshape(ndtri(uniform), shape)
    return normal


def exposed(
    linear: Array,
    sensor: Sensor,
    seed: int,
    gain_ev: float = 0.0,
) -> Array:
    """Simulate a sensor: exposure, photon and read noise, clipped at black and white."""
    # photon noise is Gaussian with the Poisson variance: good above some tens of electrons
    light = np.maximum(linear, 0.0) * 2.0**gain_ev
    normal = normal_numbers(light.shape, seed)
    noise = noise_deviation(light, sensor) * normal
    return np.asarray(np.clip(light + noise, 0.0, 1.0), dtype=np.float64)


def noise_deviation(light: Array, sensor: Sensor) -> Array:
    """Standard deviation of the noise of linear light >= 0, 1 = white; same shape."""
    # photons: x / full well; readout: (read noise / full well)²
    of_photons = light / sensor.full_well_e
    read_noise = sensor.read_noise_e / sensor.full_well_e
    return np.sqrt(of_photons + read_noise**2)


def view_difference(
    layers: Sequence[Layer],
    lens: Lens,
    dual_pixel: DualPixel,
    aperture: Aperture = ROUND,
) -> Array:
    """Half of the left view minus the right one: ``(H, W, 3)`` float64, linear light."""
    left = render(layers, lens, aperture, half=(dual_pixel, "left"))
    right = render(layers, lens, aperture, half=(dual_pixel, "right"))
    return (left - right) / 2.0


def recorded_views(
    full: Array,
    difference: Array,
    sensor: Sensor,
    seed: int,
) -> tuple[Array, Array]:
    """Record the views that belong to a full view, with their own noise."""
    # Two halves with independent noise have a mean and a half difference with equal, independent
    # noise; that of the mean is already in ``full``. The difference is limited so that neither view
    # leaves [0, 1] and their mean stays ``full``.
    noise = noise_deviation(full, sensor) * normal_numbers(full.shape, seed)
    room = np.minimum(full, 1.0 - full)
    half = np.clip(difference + noise, -room, room)
    return full + half, full - half
