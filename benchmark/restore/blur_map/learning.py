"""Learn the map of blur: ``python -m defocus.benchmark.restore.blur_map.learning PHOTOGRAPHS``.

From the training stream of a folder of photographs, whose pairs have their circles of confusion,
and from plain patterns (gradients, waves, noise, flat colours), which are as sharp as they will
ever be. ``--minutes`` is the time of one processor core; the committed weights took 7.
"""

import argparse
import math
import time
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save
from torch import nn
from torch.nn import functional
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from defocus.benchmark.cost.freed_memory import keep_freed_memory
from defocus.benchmark.restore.blur_map.network import CELL_PX, BlurNetwork, as_level
from defocus.datasets.stream.patches import Renderer
from defocus.datasets.stream.photographs import find_photographs
from defocus.files import write_bytes

__all__ = ["LEARNED", "QUANTILES", "learn", "main", "pattern", "pinball"]

LEARNED = Path(__file__).with_name("learned.safetensors")
SIDE_PX, BATCH = 128, 12
PATTERN_SHARE = 0.06
RATE, WARM_UP = 2e-3, 100
QUANTILES = (0.5, 0.95)

Array = NDArray[np.float32]


def main() -> None:
    """Learn, and write the weights beside this file."""
    words = argparse.ArgumentParser(description="Learn the map of blur.")
    words.add_argument("photographs", type=Path)
    words.add_argument("--minutes", type=float, default=7.0)
    words.add_argument("--out", type=Path, default=LEARNED)
    given = words.parse_args()
    learn(Renderer(find_photographs(given.photographs), "train"), given.minutes, given.out)


def learn(renderer: Renderer, minutes: float, out: Path) -> None:
    """Learn, and write the moving average of the weights now and then and at the end.

    Args:
        renderer: Of the training branch.
        minutes: Processor time after which the rate has come down to zero.
        out: Where the weights go, as float16.
    """
    keep_freed_memory()
    torch.manual_seed(0)
    network = BlurNetwork().to(memory_format=torch.channels_last)
    average = AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(0.995))  # type: ignore[no-untyped-call]
    optimiser = torch.optim.AdamW(network.parameters(), lr=RATE, weight_decay=1e-3)
    begun, step, done = time.process_time(), 0, 0.0
    while done < 1:
        rate = RATE * min(1, (step + 1) / WARM_UP) * 0.5 * (1 + math.cos(math.pi * done))
        optimiser.param_groups[0]["lr"] = rate
        pictures, diameters = _batch(renderer, step)
        loss = pinball(network(pictures), diameters)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        average.update_parameters(network)
        step += 1
        done = (time.process_time() - begun) / (60 * minutes)
        if step % 100 == 0 or done >= 1:
            print(f"{step} {done:.0%} {loss.item():.4f}", flush=True)  # noqa: T201 - a script
            state = average.module.state_dict()
            write_bytes(
                out, save({name: value.half().contiguous() for name, value in state.items()})
            )


def pinball(levels: torch.Tensor, diameters: torch.Tensor) -> torch.Tensor:
    """Least where each level is its quantile.

    Args:
        levels: ``(N, 2, h, w)`` of the network.
        diameters: ``(N, 1, H, W)`` of the circle of confusion, px, >= 0.
    """
    above = as_level(functional.avg_pool2d(diameters, CELL_PX)) - levels
    quantiles = torch.tensor(QUANTILES).view(1, 2, 1, 1)
    return torch.maximum(quantiles * above, (quantiles - 1) * above).mean()


def _batch(renderer: Renderer, step: int) -> tuple[torch.Tensor, torch.Tensor]:
    pictures, diameters = [], []
    for number in range(step * BATCH, (step + 1) * BATCH):
        random = np.random.default_rng([number, 2])
        if random.random() < PATTERN_SHARE:
            picture, diameter = pattern(random, SIDE_PX), np.zeros((SIDE_PX, SIDE_PX), np.float32)
        else:
            pair = renderer.pair(number, SIDE_PX)
            picture, diameter = pair.blurry, np.abs(pair.diameters)
        if random.random() < 0.3:
            picture = picture[:, :, random.permutation(3)]
        pictures.append(np.ascontiguousarray(picture.transpose(2, 0, 1)))
        diameters.append(diameter[None])
    return torch.from_numpy(np.stack(pictures)), torch.from_numpy(np.stack(diameters))


def pattern(random: np.random.Generator, side: int) -> Array:
    """A plain pattern of two colours: a wave, a gradient, rings, noise or nothing at all.

    Returns:
        ``(side, side, 3)`` float32 in [0, 1], rounded to 8 bits.
    """
    y, x = np.mgrid[:side, :side].astype(np.float32)
    turn = random.uniform(0, math.pi)
    along = x * math.cos(turn) + y * math.sin(turn)
    period = math.exp(random.uniform(math.log(3), math.log(2 * side)))
    kind = int(random.integers(5))
    if kind == 0:
        share = 0.5 + 0.5 * np.sin(2 * math.pi * along / period)
    elif kind == 1:
        share = np.clip(along / along.max(), 0, 1)
    elif kind == 2:
        centre = random.uniform(0, side, 2)
        share = 0.5 + 0.5 * np.cos(2 * math.pi * np.hypot(x - centre[0], y - centre[1]) / period)
    elif kind == 3:
        share = random.random((side, side, 3)) * random.choice((0.1, 0.4, 1.0))
    else:
        share = np.zeros((side, side))
    colours = random.random((2, 3))
    shares = share if share.ndim == 3 else share[:, :, None]
    mixed = colours[0] + shares * (colours[1] - colours[0])
    return np.asarray(np.rint(255 * mixed) / 255, np.float32)


if __name__ == "__main__":
    main()
