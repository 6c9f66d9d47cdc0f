"""What the trainings of the small networks share."""

import argparse
import math
from pathlib import Path

import torch


def options(description: str, weights: Path) -> argparse.ArgumentParser:
    """Options of a training: the photographs, and the file of the weights."""
    words = argparse.ArgumentParser(description=description)
    words.add_argument("photographs", type=Path)
    words.add_argument("--out", type=Path, default=weights)
    return words


def cosine_rate(
    largest: float,
    step: int,
    steps: int,
    warm_up: int = 1,
) -> float:
    """The learning rate of a step: it rises at first, and then falls along half a cosine."""
    rising = largest * min(1, (step + 1) / warm_up)
    angle = math.pi * step / steps
    return rising * 0.5 * (1 + math.cos(angle))


def pinball_loss(above: torch.Tensor, quantiles: torch.Tensor) -> torch.Tensor:
    """Loss that is least if the levels are quantiles; ``above`` is truth minus level.

    Source: Koenker and Bassett, Regression Quantiles (Econometrica 1978)."""
    losses = torch.maximum(quantiles * above, (quantiles - 1) * above)
    return losses.mean()


def update(optimiser: torch.optim.Optimizer, loss: torch.Tensor) -> None:
    """One step down the gradient of a loss."""
    optimiser.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    optimiser.step()
