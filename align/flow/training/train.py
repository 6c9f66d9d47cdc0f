"""Training loop that can be killed at any moment and continues from its checkpoint."""

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import nn

from defocus.align.flow.pwcnet.network import FLOW_SCALE, PWCNet
from defocus.align.flow.training.initial import initial_network
from defocus.align.flow.training.loss import averaged_down, end_point_error, multi_scale_loss
from defocus.align.flow.training.pairs import FlowBatch, batches
from defocus.align.flow.training.plan import TrainingPlan
from defocus.align.flow.training.state import FlowProgress, read_state, write_state
from defocus.align.flow.training.validation import Row, Validation, described, write_rows
from defocus.align.truth.rendered.textures import Textures
from defocus.errors import TrainingError
from defocus.files import make_folder
from defocus.progress import say

__all__ = ["STATE", "train"]

STATE = "state.safetensors"
CURVE = "validation.csv"

STATE_SECONDS = 120.0
SAID_EVERY = 50
RUNNING = 0.02
"""Weight of the newest step in the running mean of the end-point error."""


@dataclass
class _Loop:
    """What changes from step to step, and what the steps need."""

    plan: TrainingPlan
    network: PWCNet
    optimiser: torch.optim.AdamW
    device: torch.device
    folder: Path
    progress: FlowProgress

    def save(self) -> None:
        write_state(self.folder / STATE, self.progress, self.network, self.optimiser)
        write_rows(self.folder / CURVE, self.progress.rows)


def train(
    plan: TrainingPlan,
    textures: Textures,
    validation: Validation,
    folder: Path,
    device: torch.device,
    *,
    workers: int,
    start: dict[str, torch.Tensor] | None = None,
) -> tuple[PWCNet, FlowProgress]:
    """Train until the plan's last step, from the state in ``folder`` where there is one.

    Args:
        plan: What to train.
        textures: Textures of the split ``train``.
        validation: What the network is tried on now and then.
        folder: Gets the state, every two minutes, and ``validation.csv``.
        device: Where the network is.
        workers: Processes that render pairs; with 0 this one does. They do not change the result.
        start: First weights; random ones where None.

    Returns:
        The network, and how the training went.

    Raises:
        TrainingError: The loss is not finite.
        WeightsError: The folder's state is damaged or of another plan.
        StorageError: The disk is full or the folder is not writable.
    """
    network = initial_network(plan, start).to(device)
    if device.type == "cuda":  # on a CPU, training in this layout was measured to be slower
        network = network.to(memory_format=torch.channels_last)
    optimiser = torch.optim.AdamW(
        network.parameters(),
        lr=plan.settings.learning_rate,
        weight_decay=plan.settings.weight_decay,
    )
    progress = read_state(make_folder(folder) / STATE, plan.identity(), network, optimiser)
    loop = _Loop(plan, network, optimiser, device, folder, progress)
    remaining = batches(plan, textures, first_step=progress.step, workers=workers)
    _run(loop, remaining, validation)
    return network, loop.progress


def _run(loop: _Loop, remaining: Iterator[FlowBatch], validation: Validation) -> None:
    settings = loop.plan.settings
    saved = begun = time.monotonic()
    earlier, first = loop.progress.seconds, loop.progress.step
    for batch in remaining:
        _count_step(loop, _step(loop, batch), earlier + time.monotonic() - begun)
        step = loop.progress.step
        validates = step % settings.validate_every == 0 or step == settings.steps
        if validates:
            _validate(loop, validation)
        elif step % SAID_EVERY == 0:
            _say(loop, (time.monotonic() - begun) / (step - first))
        if validates or time.monotonic() - saved > STATE_SECONDS:
            loop.save()
            saved = time.monotonic()


def _count_step(loop: _Loop, error: float, seconds: float) -> None:
    running = loop.progress.running_epe_px
    running = error if running is None else running + RUNNING * (error - running)
    loop.progress = replace(
        loop.progress, step=loop.progress.step + 1, seconds=seconds, running_epe_px=running
    )


def _validate(loop: _Loop, validation: Validation) -> None:
    errors = validation.errors(loop.network, loop.device)
    trained = {"step": loop.progress.step, "train_epe_px": loop.progress.running_epe_px}
    row: Row = {**trained, **errors}
    loop.progress = replace(loop.progress, rows=(*loop.progress.rows, row))
    say(described(row))


def _step(loop: _Loop, batch: FlowBatch) -> float:
    """One step of the optimiser; the mean end-point error of the batch, px."""
    for group in loop.optimiser.param_groups:
        group["lr"] = loop.plan.learning_rate(loop.progress.step)
    batch = batch.to(loop.device)
    with _precision(loop):
        flows = loop.network.flows(batch.blurry, batch.sharp)
    loss = multi_scale_loss(flows, batch.flow)
    if not bool(torch.isfinite(loss)):
        raise TrainingError(
            f"step {loop.progress.step}: the loss is not a finite number; lower learning_rate in "
            "the settings and start in another folder"
        )
    loop.optimiser.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    nn.utils.clip_grad_norm_(loop.network.parameters(), loop.plan.settings.gradient_norm)
    loop.optimiser.step()
    found = flows.refined.detach().float() * FLOW_SCALE
    return float(end_point_error(found, averaged_down(batch.flow, found)).mean())


def _precision(loop: _Loop) -> AbstractContextManager[None]:
    return torch.autocast(loop.device.type, torch.bfloat16, enabled=loop.plan.settings.bfloat16)


def _say(loop: _Loop, seconds_per_step: float) -> None:
    progress, steps = loop.progress, loop.plan.settings.steps
    minutes = (steps - progress.step) * seconds_per_step / 60
    say(
        f"step {progress.step} of {steps}: end-point error {progress.running_epe_px:.3f} px, "
        f"{seconds_per_step:.2f} s per step, {minutes:.0f} minutes left"
    )
