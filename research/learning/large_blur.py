"""Learn to weigh the maps of all scales: ``python -m research.learning.large_blur PHOTOGRAPHS``.

The photographs are of the size that cameras have; half an hour on one core. The shipped weights
were learned from 1,500 pictures of a first form of this script, with the same kinds of blur."""

import math
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
from safetensors.torch import save
from scipy import fft

from defocus.align.sampling.positions import pixel_grid
from defocus.blur.large_blur import (
    CELLS,
    LEARNED,
    SCALES,
    LargeBlurNetwork,
    surroundings,
)
from defocus.blur.learned_map import CELL_PX, estimates, reduced
from defocus.datasets.stream.photographs import find_photographs, read_photographs
from defocus.pictures.values import as_float, as_integer, as_linear, linear_to_srgb
from defocus.processes.freed_memory import keep_freed_memory
from defocus.progress import track
from defocus.scene.aperture import Aperture, aperture_psf
from defocus.scene.pictures import Photograph
from defocus.storage.files import write_bytes
from research.learning.blur_map import QUANTILES, pattern
from research.learning.training import cosine_rate, options, pinball_loss, update
from research.light import Array, Random, along, from_jpeg, random_part, single

SIDE_PX, SAMPLES = 1024, 1200
"""Side of a picture, px, and how many are drawn."""
PATTERN_SHARE, SHARP_SHARE = 0.07, 0.18
"""Shares of the pictures that are plain patterns, which are always sharp, and that are photographs
without blur."""
UNIFORM, RAMP = 0.6, 0.75
"""Shares of the blurred crops: up to the first number they have one diameter, up to the second a
ramp, and the rest a background behind two objects."""
LEVELS_OF_SIZE = (1, 1, 1, 2, 2, 4)
"""Factors by which a photograph is reduced first, one of them by chance: many are soft at 1:1."""
LARGEST_PX = 256.0
"""Largest diameter, px: it exceeds the 128 px that the network is asked for, so that 128 px is not
at the end of its range."""
BLADES = (0, 0, 0, 5, 6, 7, 8, 9)
RAMP_STEPS = 9
NOISES = (0.0, 0.002, 0.004, 0.008, 0.015)
"""Standard deviations of the noise, as shares of white."""
JPEG_SHARE, QUALITIES = 0.4, (80, 99)
STEPS, BATCH, RATE, WARM_UP = 6000, 2048, 2e-3, 100

Sample = tuple[Array, Array]
"""``(h, w, 32)`` of :func:`surroundings`, and ``(h, w)`` levels, log2(1 + d), of the truth."""


def main() -> None:
    """Learn, and write the weights beside the module that reads them."""
    words = options("Learn to weigh the maps of all scales.", LEARNED)
    words.add_argument("--samples", type=int, default=SAMPLES)
    given = words.parse_args()
    keep_freed_memory()
    files = find_photographs(given.photographs).of("train")
    numbers = track(range(given.samples), "rendering")
    samples = [_sample(files, number) for number in numbers]
    network = learn(samples)
    state = {}
    for name, values in network.state_dict().items():
        state[name] = values.contiguous()
    write_bytes(given.out, save(state))


def learn(samples: Sequence[Sample]) -> LargeBlurNetwork:
    """A network that gives median and 95 % quantile of the level in each square."""
    torch.manual_seed(0)
    rows = []
    levels = []
    for measures, level in samples:
        rows.append(measures.reshape(-1, measures.shape[2]))
        levels.append(level.ravel())
    seen = torch.from_numpy(np.concatenate(rows))
    truth = torch.from_numpy(np.concatenate(levels))
    network = LargeBlurNetwork()
    quantiles = torch.tensor(QUANTILES)
    optimiser = torch.optim.AdamW(network.parameters(), lr=RATE, weight_decay=1e-3)
    for step in track(range(STEPS), "learning"):
        optimiser.param_groups[0]["lr"] = cosine_rate(RATE, step, STEPS, WARM_UP)
        chosen = torch.randint(len(seen), (BATCH,))
        predicted = network(seen[chosen])
        above = truth[chosen][:, None] - predicted
        update(optimiser, pinball_loss(above, quantiles))
    return network


def _sample(files: Sequence[Path], number: int) -> Sample:
    random = np.random.default_rng([number, 3])
    if random.random() < PATTERN_SHARE:
        picture = pattern(random, SIDE_PX)
        diameters = np.zeros(picture.shape[:2], np.float32)
    else:
        file = files[int(random.integers(len(files)))]
        (photograph,) = read_photographs([file])
        light, diameters = blurred_crop(random, photograph)
        picture = recorded(random, light)
    copies = {1: picture, **reduced(picture, SCALES[1:])}
    scales = {factor: estimates(copy) for factor, copy in copies.items()}
    return surroundings(scales), _true_levels(diameters)


def _true_levels(diameters: Array) -> Array:
    """The mean level in each square of 32 px."""
    side = CELLS * CELL_PX
    height, width = diameters.shape
    rows = -(-height // side)
    columns = -(-width // side)
    below = rows * side - height
    right = columns * side - width
    levels = np.log2(1 + diameters)
    padded = np.pad(levels, ((0, below), (0, right)), mode="edge")
    blocks = padded.reshape(rows, side, columns, side)
    means = blocks.mean(axis=(1, 3))
    return single(means)


def blurred_crop(
    random: Random,
    photograph: Photograph,
) -> tuple[Array, Array]:
    """A part of a photograph in linear light, blurred, and its diameters ``(H, W)``, px."""
    light = _crop(random, photograph)
    aperture = Aperture(
        blades=int(random.choice(BLADES)),
        turn_deg=random.uniform(0, 90),
    )
    flat = np.ones(light.shape[:2], np.float32)
    if random.random() < SHARP_SHARE:
        return light, 0 * flat
    kind = random.random()
    if kind < UNIFORM:
        diameter = _diameter(random)
        return convolved(light, diameter, aperture), diameter * flat
    if kind < RAMP:
        begin_px = _diameter_or_none(random, 0.5)
        turn = random.uniform(0, math.tau)
        ends_px = (begin_px, _diameter(random))
        return ramp(light, aperture, ends_px, turn)
    return _layers(random, light, aperture)


def _crop(random: Random, photograph: Photograph) -> Array:
    """A square of a photograph at 1:1 or reduced, in linear light."""
    factor = int(random.choice(LEVELS_OF_SIZE))
    whole = photograph.pixels
    height, width = whole.shape[:2]
    while factor > 1 and min(height, width) < 0.8 * SIDE_PX * factor:
        factor //= 2
    size = (width // factor, height // factor)
    smaller = cv2.resize(whole, size, interpolation=cv2.INTER_AREA)
    pixels = np.asarray(smaller, np.uint8)
    return as_linear(random_part(random, pixels, SIDE_PX, SIDE_PX))


def _diameter(random: Random) -> float:
    exponent = random.uniform(0, math.log(LARGEST_PX))
    return float(np.exp(exponent))


def _diameter_or_none(random: Random, in_focus: float) -> float:
    """A diameter, or 0 in a share of the cases."""
    if random.random() < in_focus:
        return 0.0
    return _diameter(random)


def convolved(
    light: Array,
    diameter_px: float,
    aperture: Aperture,
) -> Array:
    """Some light ``(H, W, C)`` behind one kernel; mirrored at its borders."""
    kernel = single(aperture_psf(diameter_px, aperture))
    border = kernel.shape[0] // 2
    if border == 0:
        return light
    sides = (border, border)
    wide = np.pad(light, (sides, sides, (0, 0)), mode="symmetric")
    size = [fft.next_fast_len(length, real=True) for length in wide.shape[:2]]
    transfer = fft.rfft2(kernel, size)
    height, width, channels = light.shape
    rows = slice(2 * border, 2 * border + height)
    columns = slice(2 * border, 2 * border + width)
    blurred = np.empty_like(light)
    for channel in range(channels):
        spectrum = fft.rfft2(wide[:, :, channel], size) * transfer
        light_behind = fft.irfft2(spectrum, size)
        blurred[:, :, channel] = light_behind[rows, columns]
    return blurred


def ramp(
    light: Array,
    aperture: Aperture,
    ends_px: tuple[float, float],
    turn: float,
) -> tuple[Array, Array]:
    """A plane that is tilted: the diameter goes from one end to the other in a direction."""
    x, y = pixel_grid(*light.shape[:2])
    distance = along(x, y, turn)
    share = (distance - distance.min()) / np.ptp(distance)
    begin_px, end_px = ends_px
    diameters = begin_px + (end_px - begin_px) * share
    diameters = single(diameters)
    mixed = _mixed(light, aperture, diameters)
    return mixed, diameters


def _mixed(light: Array, aperture: Aperture, diameters: Array) -> Array:
    """Light behind kernels of fixed diameters, mixed at each pixel by its own diameter."""
    largest = max(2.1, float(diameters.max()))
    steps = [0.0, *np.geomspace(2, largest, RAMP_STEPS).tolist()]
    place = np.interp(diameters, steps, np.arange(len(steps)))
    mixed = np.zeros_like(light)
    for number, step in enumerate(steps):
        distance = np.abs(place - number)
        weight = np.clip(1 - distance, 0, 1).astype(np.float32)
        if weight.any():
            through = convolved(light, step, aperture)
            mixed += weight[:, :, None] * through
    return mixed


def _layers(
    random: Random,
    light: Array,
    aperture: Aperture,
) -> tuple[Array, Array]:
    """A background and two objects before it, each with its diameter and a soft outline."""
    height, width = light.shape[:2]
    shift = int(random.integers(width))
    other = np.roll(light[:, ::-1], shift, axis=1)
    behind = _diameter_or_none(random, 0.3)
    seen = convolved(light, behind, aperture)
    diameters = np.full((height, width), behind, np.float32)
    for _ in range(2):
        diameter = _diameter_or_none(random, 0.4)
        opaque = _outline(random, width, height)
        cover = convolved(opaque, diameter, aperture)
        covered = convolved(other * opaque, diameter, aperture)
        seen = seen * (1 - cover) + covered
        diameters[opaque[:, :, 0] > 0] = diameter
    return single(seen), diameters


def _outline(random: Random, width: int, height: int) -> Array:
    """A drawn outline, ``(H, W, 1)``, 1 inside."""
    waves = random.standard_normal((6, 6)).astype(np.float32)
    wide = cv2.resize(waves, (width, height), interpolation=cv2.INTER_CUBIC)
    threshold = random.uniform(0.5, 1)
    outline = (wide > threshold).astype(np.float32)
    return outline[:, :, None]


def recorded(random: Random, light: Array) -> Array:
    """Stored values of some light, with noise, of 8 bits, some through JPEG."""
    stored = linear_to_srgb(np.clip(light, 0, 1))
    deviation = float(random.choice(NOISES))
    noise = deviation * random.standard_normal(stored.shape)
    codes = as_integer(stored + noise, 8)
    pixels = np.asarray(codes, np.uint8)
    if random.random() < JPEG_SHARE:
        quality = int(random.integers(*QUALITIES))
        pixels = from_jpeg(pixels, quality)
    return np.ascontiguousarray(as_float(pixels), np.float32)


if __name__ == "__main__":
    main()
