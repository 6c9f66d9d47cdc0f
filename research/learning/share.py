"""Learn the share to keep: ``python -m research.learning.share PHOTOGRAPHS``; seven minutes.

What is soft before the blur is the truth: nothing brings back what it never had."""

from collections.abc import Callable

import cv2
import numpy as np
import torch
from safetensors.torch import save
from torch.nn import functional

from defocus.baselines.registry import baseline
from defocus.baselines.systems import DEFAULT_SYSTEM
from defocus.baselines.weights.own import OWN
from defocus.baselines.weights.store import build_with, find_weights
from defocus.blur.learned_map import CELL_PX
from defocus.datasets.stream.patches import Renderer
from defocus.datasets.stream.photographs import find_photographs, read_photographs
from defocus.pictures.values import as_integer, as_linear, linear_to_srgb
from defocus.processes.freed_memory import keep_freed_memory
from defocus.progress import track
from defocus.restoration.guard.share import LEARNED, ShareNetwork, surroundings
from defocus.restoration.restorer import make_restorer
from defocus.scene.aperture import Aperture, aperture_psf
from defocus.scene.textures import draw_texture
from defocus.storage.files import write_bytes
from research.learning.blur_map import pattern
from research.learning.training import cosine_rate, options, update
from research.light import (
    Array,
    Pixels,
    Random,
    behind_kernel,
    encoded,
    from_jpeg,
    random_part,
    single,
)

SIDE_PX, MARGIN_PX, SAMPLES = 256, 12, 3000
STREAM_SHARE, PHOTOGRAPH_SHARE, SOFT_SHARE = 0.4, 0.32, 0.2
"""Shares of the stream, of photographs and of softened pictures; the rest are patterns."""
IN_FOCUS_SHARE, BLURS_PX, MOST_NOISE = 0.3, (1.2, 18.0), 0.02
LIKELY = 15.0
"""Weight of a pair of the stream or of a photograph, relative to a softened or drawn one."""
ENLARGEMENTS = (cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_LANCZOS4)
BLOCK_CELLS = 4
AS_GOOD_AS_RIGHT = 10**-4.7
"""Mean squared error, 47 dB, below which nobody sees a difference."""
STEPS, BATCH, RATE, JITTER = 1200, 256, 3e-3, 0.02

Sample = tuple[Array, Array, float]
"""A sample: ``(n, 54)`` of blocks of cells; ``(3, n)``, see :func:`_errors`; and its weight."""


def main() -> None:
    """Learn, and write the weights beside the module that reads them."""
    words = options("Learn which share of a restoration's change is kept.", LEARNED)
    given = words.parse_args()
    keep_freed_memory()
    system = baseline(DEFAULT_SYSTEM)
    network = build_with(system, find_weights(system, OWN))
    restorer = make_restorer(network, 0, torch.device("cpu"))

    def restore(blurry: Array) -> Array:
        restored, _ = restorer.restored(blurry)
        return np.clip(restored, 0, 1, out=restored)

    photographs = find_photographs(given.photographs)
    renderer = Renderer(photographs, "train")
    pictures = [one.pixels for one in read_photographs(photographs.of("train"))]
    numbers = track(range(SAMPLES), "rendering")
    samples = [_sample(renderer, pictures, restore, number) for number in numbers]
    learned = learn(samples)
    write_bytes(given.out, save(learned.state_dict()))


def learn(samples: list[Sample]) -> ShareNetwork:
    """A network for the least error of a picture in the mean, in dB."""
    blocks, block_errors, sample_weights = zip(*samples, strict=True)
    seen = torch.from_numpy(np.stack(blocks))
    errors = torch.from_numpy(np.stack(block_errors))
    weights = torch.tensor(sample_weights)
    mean = seen.mean(dim=(0, 1))
    deviation = seen.std(dim=(0, 1)) + 1e-3
    seen = (seen - mean) / deviation
    torch.manual_seed(0)
    network = ShareNetwork()
    optimiser = torch.optim.AdamW(network.parameters(), lr=RATE, weight_decay=1e-2)
    draw = torch.Generator().manual_seed(0)
    for step in track(range(STEPS), "learning"):
        optimiser.param_groups[0]["lr"] = cosine_rate(RATE, step, STEPS)
        update(optimiser, _loss(draw, seen, network, errors, weights))
    _fold_in(network.first, mean, deviation)
    return network


@torch.no_grad()
def _fold_in(
    first: torch.nn.Linear, mean: torch.Tensor, deviation: torch.Tensor
) -> None:
    """Let the first layer take what it is given, without the scaling of the training."""
    first.weight.div_(deviation)
    first.bias.sub_(first.weight @ mean)


def _loss(
    draw: torch.Generator,
    seen: torch.Tensor,
    network: ShareNetwork,
    errors: torch.Tensor,
    weights: torch.Tensor,
) -> torch.Tensor:
    """Mean error of some pictures, in logarithms."""
    chosen = torch.randint(len(seen), (BATCH,), generator=draw)
    blocks = seen[chosen]
    noise = JITTER * torch.randn(blocks.shape, generator=draw)
    logit = network(blocks + noise)[..., 0]
    share = torch.sigmoid(logit)
    left = error_left(share, errors[chosen])
    error = torch.log10(left + AS_GOOD_AS_RIGHT)
    chosen_weights = weights[chosen]
    weighted = chosen_weights * error
    return weighted.sum() / chosen_weights.sum()


def error_left(share: torch.Tensor, errors: torch.Tensor) -> torch.Tensor:
    """``(N,)``: mean squared errors where a share ``(N, n)`` of the change is kept."""
    change, common, before = errors.unbind(dim=1)
    squares = change * share**2 - 2 * common * share + before
    mean = squares.mean(dim=1)
    return mean.clamp(min=0)


def _sample(
    renderer: Renderer,
    pictures: list[Pixels],
    restore: Callable[[Array], Array],
    number: int,
) -> Sample:
    blurry, sharp, weight = _pair(renderer, pictures, number)
    stored = np.rint(255 * blurry) / 255
    blurry = np.ascontiguousarray(stored, np.float32)
    restored = restore(blurry)
    area = np.float32(BLOCK_CELLS**2)
    cells = surroundings(blurry, restored)
    seen = _blocks(cells) / area
    errors = _errors(blurry, restored, sharp)
    return seen, _blocks(errors).T, weight


def _pair(
    renderer: Renderer,
    pictures: list[Pixels],
    number: int,
) -> tuple[Array, Array, float]:
    """A blurry picture, the sharp one, and its weight."""
    random = np.random.default_rng([number, 3])
    kind = random.random()
    if kind < STREAM_SHARE:
        pair = renderer.pair(number, SIDE_PX)
        blurry = pair.blurry
        sharp = pair.sharp
        weight = LIKELY
    elif kind < STREAM_SHARE + PHOTOGRAPH_SHARE + SOFT_SHARE:
        picture = pictures[int(random.integers(len(pictures)))]
        truth = _cut(random, picture)
        weight = LIKELY
        if kind >= STREAM_SHARE + PHOTOGRAPH_SHARE:
            truth = softened(random, truth)
            weight = 1.0
        inner = slice(MARGIN_PX, -MARGIN_PX)
        seen = _blurred(random, truth)[inner, inner]
        blurry = single(seen / 255)
        sharp = single(truth[inner, inner] / 255)
    else:
        blurry = sharp = _drawn(random)
        weight = 1.0
    return blurry, sharp, weight


def _errors(blurry: Array, restored: Array, sharp: Array) -> Array:
    """``(h, w, 3)``: squares of the change, its product with what is right, squares of that.

    Of each cell, in parts of a block, so that the sum over a block is its mean."""
    change = restored - blurry
    right = sharp - blurry
    products = [change * change, change * right, right * right]
    at_pixels = np.stack([product.mean(axis=2) for product in products])
    of_cells = functional.avg_pool2d(torch.from_numpy(at_pixels), CELL_PX)
    cells = of_cells.permute(1, 2, 0)
    return np.asarray(cells / BLOCK_CELLS**2, np.float32)


def _blocks(cells: Array) -> Array:
    """``(n, k)``: sums over blocks of 4 x 4 of ``(h, w, k)``."""
    height, width, count = cells.shape
    blocks = cells.reshape(
        height // BLOCK_CELLS,
        BLOCK_CELLS,
        width // BLOCK_CELLS,
        -1,
        count,
    )
    sums = blocks.sum(axis=(1, 3))
    return single(sums.reshape(-1, count))


def _cut(random: Random, picture: Pixels) -> Pixels:
    """A part of a photograph, at its own size or reduced."""
    side = SIDE_PX + 2 * MARGIN_PX
    smallest = side / min(picture.shape[:2])
    if smallest < 1 and random.random() < 0.5:
        scale = random.uniform(max(0.3, smallest), 1.0)
        picture = _reduced(picture, scale, side)
    height, width = picture.shape[:2]
    below = (0, max(0, side - height))
    right = (0, max(0, side - width))
    wide = np.pad(picture, [below, right, (0, 0)], mode="reflect")
    part = random_part(random, wide, side, side)
    return np.ascontiguousarray(part)


def _reduced(picture: Pixels, scale: float, least_px: int) -> Pixels:
    """A smaller copy of a photograph, with no side below a number of pixels."""
    height, width = picture.shape[:2]
    across = max(least_px, round(scale * width))
    down = max(least_px, round(scale * height))
    small = cv2.resize(picture, (across, down), interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.uint8)


def softened(
    random: Random,
    picture: Pixels,
) -> Pixels:
    """A picture ``(H, W, 3)`` that is soft by itself: enlarged, smoothed or compressed."""
    height, width = picture.shape[:2]
    kind = int(random.integers(4))
    if kind < 2:
        scale = random.uniform(1.1, 2.6)
        rows = round(height / scale)
        columns = round(width / scale)
        part = picture[:rows, :columns]
        how = ENLARGEMENTS[int(random.integers(3))]
        soft = cv2.resize(part, (width, height), interpolation=how)
    elif kind == 2:
        soft = _smoothed(random, picture)
    else:
        quality = int(random.integers(15, 80))
        soft = from_jpeg(picture, quality)
    return np.asarray(soft, np.uint8)


def _smoothed(random: Random, picture: Pixels) -> cv2.typing.MatLike:
    """A picture after a filter that softens everything, or one that spares strong edges."""
    if random.random() < 0.5:
        return cv2.GaussianBlur(picture, (0, 0), random.uniform(0.4, 1.2))
    values = random.uniform(8, 35)
    places_px = random.uniform(1, 3)
    return cv2.bilateralFilter(picture, 5, values, places_px)


def _blurred(
    random: Random,
    picture: Pixels,
) -> Pixels:
    """A picture behind one kernel with noise, or as it is."""
    if random.random() < IN_FOCUS_SHARE:
        return picture
    smallest, largest = BLURS_PX
    diameter = smallest * (largest / smallest) ** random.random()
    blades = int(random.integers(5, 9))
    turn = random.uniform(0, 60)
    aperture = Aperture(blades=blades, turn_deg=turn)
    if random.random() >= 0.5:
        aperture = Aperture()
    psf = aperture_psf(diameter, aperture).astype(np.float32)
    light = behind_kernel(as_linear(picture), psf)
    deviation = MOST_NOISE * random.random() ** 3
    noise = deviation * random.standard_normal(light.shape)
    codes = as_integer(linear_to_srgb(light) + noise, 8)
    stored = np.asarray(codes, np.uint8)
    if random.random() >= 0.3:
        return stored
    quality = int(random.integers(60, 98))
    return from_jpeg(stored, quality)


def _drawn(random: Random) -> Array:
    """A plain pattern or a texture, the latter sharpened in one half of the cases."""
    if random.random() < 0.5:
        return pattern(random, SIDE_PX)
    picture = encoded(draw_texture(random, SIDE_PX, SIDE_PX))
    if random.random() < 0.5:
        soft = cv2.GaussianBlur(picture, (0, 0), random.uniform(0.7, 2.0))
        strength = random.uniform(0.5, 1.5)
        detail = picture - soft
        picture = np.clip(picture + strength * detail, 0, 1)
    return picture


if __name__ == "__main__":
    main()
