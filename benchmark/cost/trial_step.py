"""Trial training step that measures time and memory."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import nn

from defocus.baselines.card import Card
from defocus.baselines.objective import Batch
from defocus.benchmark.cost.one_picture import NEED_CHANNELS
from defocus.training.memory import live_bytes
from defocus.training.objective import Progress, TrainingObjective
from defocus.training.steps.optimisers import autocast, fixed

__all__ = ["TrialStep", "random_batch", "try_step"]


@dataclass(frozen=True)
class TrialStep:
    """One forward and backward pass; ``peak_bytes`` leaves weights and gradients out."""

    seconds: float
    peak_bytes: int


def random_batch(card: Card, supervision: Sequence[str], size: int, crop_px: int) -> Batch:
    """A batch of noise with all inputs that a system and its objective need."""
    generator = torch.Generator().manual_seed(0)

    def noise(channels: int) -> torch.Tensor:
        return torch.rand(size, channels, crop_px, crop_px, generator=generator)

    return Batch(
        noise(6 if card.input == "dual" else 3),
        noise(3),
        {one: noise(NEED_CHANNELS[one]) for one in card.needs if card.input != "dual"},
        {one: noise(NEED_CHANNELS[one]) for one in supervision},
    )


def try_step(
    network: nn.Module,
    objective: TrainingObjective[Batch],
    batch: Batch,
    progress: Progress,
    precision: str,
) -> TrialStep:
    """Try one forward and backward pass without leaving gradients or changed statistics."""
    modules = (network, objective)
    before = [{name: t.clone() for name, t in m.state_dict().items()} for m in modules]
    device = batch.blurry.device
    started = time.perf_counter()
    try:
        with live_bytes() as counter, fixed(objective.adversary), autocast(device, precision):
            loss, _ = objective(network, batch, progress)
            loss.backward()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        return TrialStep(time.perf_counter() - started, counter.peak)
    finally:
        for module, state in zip(modules, before, strict=True):
            module.zero_grad(set_to_none=True)
            module.load_state_dict(state)
