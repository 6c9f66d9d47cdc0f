"""Learn the map of blur: ``python -m research.learning.blur_map PHOTOGRAPHS``; seven minutes.

From pairs of the stream, and from plain patterns, which are as sharp as they will ever be."""

import argparse
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save
from torch import nn
from torch.nn import functional
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from defocus.blur.learned_map import CELL_PX, LEARNED, BlurNetwork, as_level, details
from defocus.datasets.stream.patches import Renderer
from defocus.datasets.stream.photographs import find_photographs
from defocus.processes.freed_memory import keep_freed_memory
from defocus.progress import track
from defocus.storage.files import write_bytes

SIDE_PX, PAIRS, BATCH = 256, 900, 8
PATTERN_SHARE = 0.06
STEPS, RATE, WARM_UP = 5000, 2e-3, 100
QUANTILES = (0.5, 0.95)

Array = NDArray[np.float32]


def main() -> None:
    """Learn, and write the weights beside the module that reads them."""
    words = argparse.ArgumentParser(description="Learn the map of blur.")
    words.add_argument("photographs", type=Path)
    words.add_argument("--out", type=Path, default=LEARNED)
    given = words.parse_args()
    keep_freed_memory()
    torch.manual_seed(0)
    renderer = Renderer(find_photographs(given.photographs), "train")
    samples = [_sample(renderer, number) for number in track(range(PAIRS), "rendering")]
    features = [one for one, _ in samples]
    network = learn(features, [other for _, other in samples])
    state = network.state_dict()
    write_bytes(
        given.out,
        save({name: one.half().contiguous() for name, one in state.items()}),
    )


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
        rate = (
            RATE
            * min(1, (step + 1) / WARM_UP)
            * 0.5
            * (1 + math.cos(math.pi * step / STEPS))
        )
        optimiser.param_groups[0]["lr"] = rate
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
    turns, mirrored = torch.randint(4, (2,), generator=draw).tolist()
    chosen_features = torch.stack([features[index] for index in chosen])
    chosen_diameters = torch.stack([diameters[index] for index in chosen])
    batch = _turned(chosen_features, turns, mirrored > 1)
    truth = _turned(chosen_diameters, turns, mirrored > 1)
    return batch, truth


def _turned(cells: torch.Tensor, turns: int, mirrored: bool) -> torch.Tensor:
    turned = torch.rot90(cells, turns, (2, 3))
    return turned.flip(3) if mirrored else turned


def pinball(levels: torch.Tensor, diameters: torch.Tensor) -> torch.Tensor:
    """Pinball loss, least if levels ``(N, 2, h, w)`` are quantiles of ``(N, 1, h, w)`` px."""
    above = as_level(diameters) - levels
    quantiles = torch.tensor(QUANTILES).view(1, 2, 1, 1)
    loss = torch.maximum(quantiles * above, (quantiles - 1) * above)
    return loss.mean()


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
    tensor = torch.from_numpy(channels_first)[None]
    return details(tensor)[0], functional.avg_pool2d(
        torch.from_numpy(diameter)[None],
        CELL_PX,
    )


def pattern(random: np.random.Generator, side: int) -> Array:
    """A plain pattern of two colours, ``(side, side, 3)`` float32 in [0, 1], rounded to 8 bits."""
    y, x = np.mgrid[:side, :side].astype(np.float32)
    turn = random.uniform(0, math.pi)
    along = x * math.cos(turn) + y * math.sin(turn)
    period = math.exp(random.uniform(math.log(3), math.log(2 * side)))
    share = _share(random, side, along, period, x, y)
    colours = random.random((2, 3))
    shares = share if share.ndim == 3 else share[:, :, None]
    mixed = colours[0] + shares * (colours[1] - colours[0])
    return np.asarray(np.rint(255 * mixed) / 255, np.float32)


def _share(
    random: np.random.Generator,
    side: int,
    along: Array,
    period: float,
    x: Array,
    y: Array,
) -> NDArray[np.floating]:
    """How much of the second colour each pixel has."""
    kind = int(random.integers(5))
    if kind == 0:
        phase = 2 * math.pi * along / period
        share = 0.5 + 0.5 * np.sin(phase)
    elif kind == 1:
        share = np.clip(along / along.max(), 0, 1)
    elif kind == 2:
        centre = random.uniform(0, side, 2)
        share = 0.5 + 0.5 * np.cos(
            2 * math.pi * np.hypot(x - centre[0], y - centre[1]) / period
        )
    elif kind == 3:
        noise = random.random((side, side, 3))
        share = noise * random.choice((0.1, 0.4, 1.0))
    else:
        share = np.zeros((side, side))
    return np.asarray(share)


if __name__ == "__main__":
    main()
