"""Learn the map of blur: ``python -m research.learning.blur_map PHOTOGRAPHS``; seven minutes.

From pairs of the stream, and from plain patterns, which are as sharp as they will ever be."""

import math
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save
from torch import nn
from torch.nn import functional
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from defocus.align.sampling.positions import pixel_grid
from defocus.blur.learned_map import CELL_PX, LEARNED, BlurNetwork, as_level, details
from defocus.datasets.stream.patches import Renderer
from defocus.datasets.stream.photographs import find_photographs
from defocus.processes.freed_memory import keep_freed_memory
from defocus.progress import track
from defocus.storage.files import write_bytes
from research.learning.training import cosine_rate, options, pinball_loss
from research.light import Array, Random, along, single

SIDE_PX, PAIRS, BATCH = 256, 900, 8
PATTERN_SHARE = 0.06
STEPS, RATE, WARM_UP = 5000, 2e-3, 100
QUANTILES = (0.5, 0.95)


def main() -> None:
    """Learn, and write the weights beside the module that reads them."""
    given = options("Learn the map of blur.", LEARNED).parse_args()
    keep_freed_memory()
    torch.manual_seed(0)
    renderer = Renderer(find_photographs(given.photographs), "train")
    features = []
    diameters = []
    for number in track(range(PAIRS), "rendering"):
        details_of_cells, diameters_px = _sample(renderer, number)
        features.append(details_of_cells)
        diameters.append(diameters_px)
    network = learn(features, diameters)
    halves = {}
    for name, values in network.state_dict().items():
        halves[name] = values.half().contiguous()
    write_bytes(given.out, save(halves))


def learn(
    features: Sequence[torch.Tensor],
    diameters: Sequence[torch.Tensor],
) -> nn.Module:
    """A network with the moving average of what it learned.

    ``features``: ``(13, h, h)`` details each; ``diameters``: ``(1, h, h)`` of the cells, px."""
    network = BlurNetwork()
    average = AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(0.998))  # type: ignore[no-untyped-call]
    optimiser = torch.optim.AdamW(network.parameters(), lr=RATE, weight_decay=1e-3)
    draw = torch.Generator().manual_seed(0)
    for step in track(range(STEPS), "learning"):
        optimiser.param_groups[0]["lr"] = cosine_rate(RATE, step, STEPS, WARM_UP)
        batch, truth = _drawn(features, diameters, draw)
        loss = pinball(network(batch), truth)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        average.update_parameters(network)
    learned: nn.Module = average.module
    return learned


def _drawn(
    features: Sequence[torch.Tensor],
    diameters: Sequence[torch.Tensor],
    draw: torch.Generator,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Details of some crops and their diameters, all turned alike."""
    chosen = torch.randint(len(features), (BATCH,), generator=draw).tolist()
    turns, mirror = torch.randint(4, (2,), generator=draw).tolist()
    mirrored = mirror > 1
    chosen_features = torch.stack([features[index] for index in chosen])
    chosen_diameters = torch.stack([diameters[index] for index in chosen])
    batch = _turned(chosen_features, turns, mirrored)
    truth = _turned(chosen_diameters, turns, mirrored)
    return batch, truth


def _turned(
    cells: torch.Tensor,
    turns: int,
    mirrored: bool,
) -> torch.Tensor:
    turned = torch.rot90(cells, turns, (2, 3))
    return turned.flip(3) if mirrored else turned


def pinball(levels: torch.Tensor, diameters: torch.Tensor) -> torch.Tensor:
    """Pinball loss, least if levels ``(N, 2, h, w)`` are quantiles of ``(N, 1, h, w)`` px."""
    above = as_level(diameters) - levels
    quantiles = torch.tensor(QUANTILES)
    return pinball_loss(above, quantiles[:, None, None])


def _sample(renderer: Renderer, number: int) -> tuple[torch.Tensor, torch.Tensor]:
    """The details and the circle of confusion of a picture's cells."""
    random = np.random.default_rng([number, 2])
    if random.random() < PATTERN_SHARE:
        picture = pattern(random, SIDE_PX)
        diameter = np.zeros((SIDE_PX, SIDE_PX), np.float32)
    else:
        pair = renderer.pair(number, SIDE_PX)
        picture = pair.blurry
        diameter = np.abs(pair.diameters)
    channels_first = np.ascontiguousarray(picture.transpose(2, 0, 1))
    batch = torch.from_numpy(channels_first)[None]
    at_pixels = torch.from_numpy(diameter)[None]
    return details(batch)[0], functional.avg_pool2d(at_pixels, CELL_PX)


def pattern(random: Random, side: int) -> Array:
    """A plain pattern of two colours, ``(side, side, 3)`` float32 in [0, 1], rounded to 8 bits."""
    x, y = pixel_grid(side, side)
    distance = along(x, y, random.uniform(0, math.pi))
    longest = math.log(2 * side)
    period = math.exp(random.uniform(math.log(3), longest))
    share = _share(random, side, distance, period, x, y)
    first, second = random.random((2, 3))
    if share.ndim == 2:
        share = share[:, :, None]
    mixed = first + share * (second - first)
    codes = np.rint(255 * mixed)
    return single(codes / 255)


def _share(
    random: Random,
    side: int,
    distance: Array,
    period: float,
    x: Array,
    y: Array,
) -> NDArray[np.floating]:
    """How much of the second colour each pixel has."""
    kind = int(random.integers(5))
    if kind == 0:
        phase = math.tau * distance / period
        share = 0.5 + 0.5 * np.sin(phase)
    elif kind == 1:
        share = np.clip(distance / distance.max(), 0, 1)
    elif kind == 2:
        centre = random.uniform(0, side, 2)
        centre_x, centre_y = centre
        radius = np.hypot(x - centre_x, y - centre_y)
        phase = math.tau * radius / period
        share = 0.5 + 0.5 * np.cos(phase)
    elif kind == 3:
        noise = random.random((side, side, 3))
        share = noise * random.choice((0.1, 0.4, 1.0))
    else:
        share = np.zeros((side, side))
    return np.asarray(share)


if __name__ == "__main__":
    main()
