"""Learn the blur of blocks: ``python -m research.learning.block_blur PHOTOGRAPHS --first 25``.

From crops of full-size photographs behind lenses, taken by random cameras of their own size."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from safetensors.torch import save
from torch import nn
from torch.nn import functional

from defocus.blur.block_blur import LEARNED, spectrum_shapes
from defocus.datasets.stream.photographs import find_photographs
from defocus.pictures.read import read_image
from defocus.pictures.values import as_linear, luma_of
from defocus.processes.freed_memory import keep_freed_memory
from defocus.progress import track
from defocus.scene.aperture import Aperture
from defocus.scene.camera import StreamCamera, recorded
from defocus.storage.files import write_bytes
from research.behind_lens import LensScene
from research.learning.training import options, pinball_loss, update
from research.light import Array, Random, random_part, single

SIDE_PX = 512
CROPS = 1500
"""Number of crops if all photographs are used. A share of the photographs gets the same share of
the crops."""
KEPT_OF, KEPT = 4, 1
"""One photograph in this many, and the number of the first of them, is not learned from: limits
were chosen by their frames."""
SCALES = (1.0, 1.0, 0.7, 0.5, 0.35)
"""Factors by which a crop is reduced: half of them are softer and noisier, half are sharper."""
BLURS = 5
"""Number of diameters with which each crop is blurred."""
SMALLEST_PX, LARGEST_PX = 0.7, 64.0
"""Range of the diameters that are drawn evenly by their logarithm, px."""
IN_FOCUS_SHARE = 0.15
"""Share of the diameters that are 0."""
STEPS_PX = (1.0, 2.0, 4.0)
"""Lengths, px, by one of which the second and third diameters are larger than the first."""

STEPS, BATCH, RATE, WIDTH = 1500, 64, 5e-3, 32
QUANTILES = (0.1, 0.5, 0.9)
ORDER_WEIGHT = 0.5
"""Weight of the loss of order against the loss of quantiles."""
ORDER_SLOPE, ORDER_WIDTH = 0.3, 0.05
"""Two blurs of a crop are in order if their levels differ by at least the first number times the
true difference. The loss is 0 if they exceed that by the second number, in levels."""


@dataclass(frozen=True)
class BlurredCrop:
    """One crop behind several blurs."""

    shapes: Array  # ``(BLURS, blocks, 13)``
    diameters_px: Array  # ``(BLURS,)``


def main() -> None:
    """Learn, and write the weights beside the module that reads them."""
    words = options("Learn the blur of blocks.", LEARNED)
    words.add_argument(
        "--first",
        type=int,
        help="Number of photographs, the first by their hash; the shipped weights learned from 25.",
    )
    given = words.parse_args()
    keep_freed_memory()
    files = find_photographs(given.photographs).of("train")
    crops = []
    for number, path in enumerate(track(files[: given.first], "rendering")):
        if number % KEPT_OF == KEPT:
            continue
        crops += crops_of(path, range(number, CROPS, len(files)))
    write_bytes(given.out, save(learn(crops)))


def crops_of(path: Path, numbers: Sequence[int]) -> list[BlurredCrop]:
    """The crops of a photograph with some numbers."""
    light = single(as_linear(read_image(path)))
    return [blurred_crop(light, number) for number in numbers]


def blurred_crop(light: Array, number: int) -> BlurredCrop:
    """A random crop behind random blurs of one lens, taken by one camera."""
    random = np.random.default_rng(number)
    scene = LensScene(_crop(light, random))
    aperture = _aperture(random)
    camera = native_camera(random)
    diameters = _diameters(random)
    shapes = []
    for diameter_px in diameters:
        light_seen = scene.blurred(diameter_px, aperture)
        taken = recorded(camera, light_seen, random)
        pixels = np.rint(255 * taken).astype(np.uint8)
        blocks = spectrum_shapes(luma_of(pixels))
        shapes.append(blocks.reshape(-1, blocks.shape[-1]))
    diameters_px = np.array(diameters, np.float32)
    return BlurredCrop(np.stack(shapes), diameters_px)


def native_camera(random: Random) -> StreamCamera:
    """A camera whose pictures have the size of its sensor."""
    shot = _log_uniform(random, 1e-6, 1e-2)
    sharpens = random.random() < 0.4
    compresses = random.random() < 0.6
    return StreamCamera(
        exposure=_log_uniform(random, 0.3, 1.2),
        mosaic=bool(random.random() < 0.5),
        edge_aware=bool(random.integers(2)),
        shot=shot,
        read=0.1 * shot,
        gamma=random.uniform(1.8, 2.4),
        contrast=random.uniform(0.0, 0.6) if random.random() < 0.4 else 0.0,
        sharpening=random.uniform(0.2, 1.0) if sharpens else 0.0,
        sharpening_px=random.uniform(0.5, 1.3),
        quality=int(random.integers(70, 99)) if compresses else 0,
        full_colour=bool(random.integers(2)),
    )


def _log_uniform(random: Random, least: float, most: float) -> float:
    """A number whose logarithm is drawn evenly."""
    exponent = random.uniform(math.log(least), math.log(most))
    return math.exp(exponent)


def _crop(light: Array, random: Random) -> Array:
    """A square of a photograph, of which the camera sees one of several reductions."""
    scale = float(random.choice(SCALES))
    side = min(math.ceil(SIDE_PX / scale), *light.shape[:2])
    part = random_part(random, light, side, side)
    reduced = cv2.resize(part, (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_AREA)
    return single(reduced)


def _aperture(random: Random) -> Aperture:
    """Half of the apertures are discs; others have blades, aberrations or both."""
    if random.random() < 0.5:
        return Aperture()
    blades = int(random.integers(5, 10)) if random.random() < 0.7 else 0
    spherical = random.uniform(-0.6, 0.6) if random.random() < 0.5 else 0.0
    turn_deg = random.uniform(0, 72)
    return Aperture(
        blades=blades,
        turn_deg=turn_deg,
        spherical=spherical,
    )


def _diameters(random: Random) -> list[float]:
    """A diameter, two that are a little larger, and others."""
    first = _diameter(random)
    diameters = [first]
    for _ in range(2):
        step_px = float(random.choice(STEPS_PX))
        diameters.append(first + step_px)
    others = [_diameter(random) for _ in range(BLURS - 3)]
    return [*diameters, *others]


def _diameter(random: Random) -> float:
    if random.random() < IN_FOCUS_SHARE:
        return 0.0
    return _log_uniform(random, SMALLEST_PX, LARGEST_PX)


class BlockNetwork(nn.Module):
    """From shapes of spectra to levels; :func:`defocus.blur.block_blur.as_levels` without torch."""

    mean: torch.Tensor
    deviation: torch.Tensor

    def __init__(self, mean: torch.Tensor, deviation: torch.Tensor) -> None:
        super().__init__()
        self.register_buffer("mean", mean)
        self.register_buffer("deviation", deviation)
        self.first = nn.Linear(len(mean), WIDTH)
        self.second = nn.Linear(WIDTH, WIDTH)
        self.ending = nn.Linear(WIDTH, len(QUANTILES))

    def forward(self, shapes: torch.Tensor) -> torch.Tensor:
        """The quantiles of log2(1 + diameter), ``(…, 3)``, from ``(…, 13)``."""
        normed = (shapes - self.mean) / self.deviation
        hidden = functional.silu(self.first(normed))
        hidden = functional.silu(self.second(hidden))
        median, below, above = self.ending(hidden).unbind(dim=-1)
        lowest = median - functional.softplus(below)
        highest = median + functional.softplus(above)
        return torch.stack([lowest, median, highest], dim=-1)


def learn(crops: Sequence[BlurredCrop]) -> dict[str, torch.Tensor]:
    """Weights of a network that gives quantiles of blurs and keeps those of a crop in order."""
    shapes = torch.from_numpy(np.stack([crop.shapes for crop in crops]))
    diameters_px = np.stack([crop.diameters_px for crop in crops])
    levels = torch.log2(1 + torch.from_numpy(diameters_px))
    torch.manual_seed(0)
    everything = shapes.flatten(0, 2)
    deviation = everything.std(dim=0) + 1e-3
    network = BlockNetwork(everything.mean(dim=0), deviation)
    _train(network, shapes, levels)
    return network.state_dict()


def _train(
    network: BlockNetwork,
    shapes: torch.Tensor,
    levels: torch.Tensor,
) -> None:
    """Learn for all steps."""
    optimiser = torch.optim.AdamW(network.parameters(), lr=RATE, weight_decay=1e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, STEPS)
    quantiles = torch.tensor(QUANTILES)
    for _ in track(range(STEPS), "learning"):
        chosen = torch.randint(len(shapes), (BATCH,))
        wanted = levels[chosen]
        of_blocks = network(shapes[chosen])
        above = wanted[:, :, None, None] - of_blocks
        medians = of_blocks[..., 1].mean(dim=-1)
        disorder = ORDER_WEIGHT * _disorder(medians, wanted)
        update(optimiser, pinball_loss(above, quantiles) + disorder)
        schedule.step()


def _disorder(medians: torch.Tensor, levels: torch.Tensor) -> torch.Tensor:
    """How much the medians of a crop, ``(N, BLURS)``, are not in the order of the levels."""
    differences = levels[:, :, None] - levels[:, None, :]
    larger = (differences > 0).float()
    steps = medians[:, :, None] - medians[:, None, :]
    missing = ORDER_SLOPE * differences - steps
    losses = ORDER_WIDTH * functional.softplus(missing / ORDER_WIDTH)
    counted = losses * larger
    return counted.sum() / larger.sum()


if __name__ == "__main__":
    main()
