"""Training of PWC-Net by the loop of all trainings."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import torch
from torch import nn

from defocus import __version__
from defocus.errors import TrainingError, WeightsError
from defocus.training.feeding import Feeder
from defocus.training.loop import Job, Trained
from defocus.training.loop import train as train_job
from defocus.training.record.curves import Scores, Watching
from defocus.training.record.folder import CHECKPOINT, training_of
from research.alignment_truth.rendered.textures import Textures
from research.flow_training.initial import initial_network
from research.flow_training.loss import FlowObjective
from research.flow_training.pairs import FlowBatch, flow_batch
from research.flow_training.plan import TrainingPlan
from research.flow_training.validation import class_errors, described, estimated


def train(
    plan: TrainingPlan,
    textures: Textures,
    pairs: tuple[FlowBatch, ...],
    folder: Path,
    device: torch.device,
    *,
    workers: int,
    start: dict[str, torch.Tensor] | None = None,
) -> Trained:
    """Train until the plan's last step, from the checkpoint in ``folder`` if there is one.

    With 0 workers this process renders; a stop signal ends it with its state saved."""
    if training_of(folder) not in ("", plan.id):
        raise WeightsError(
            f"{folder / CHECKPOINT}: of a training with other settings, pictures or seed; choose "
            "another folder with --out"
        )

    def scores_of(network: nn.Module) -> Scores:
        errors = class_errors(estimated(network, pairs, device), pairs)
        return {name: value for name, value in errors.items() if value is not None}

    def batches(first: int, feeder: Feeder) -> Iterator[FlowBatch]:
        make = partial(
            flow_batch,
            plan,
            textures,
            feeder.mine,
        )
        return feeder.ahead(make, range(first, plan.settings.steps))

    method = plan.settings.method(on_gpu=device.type == "cuda")
    training = method.training.model_copy(update={"workers": workers})
    job: Job[FlowBatch] = Job(
        id=plan.id,
        seed=plan.seed,
        method=method.model_copy(update={"training": training}),
        learning_rate=plan.settings.learning_rate,
        steps=plan.settings.steps,
        make_network=partial(initial_network, plan, start),
        make_objective=FlowObjective,
        batches=batches,
        code=__version__,
        watching=Watching(
            scores_of,
            plan.settings.validated_steps,
            described=described,
        ),
    )
    try:
        return train_job(job, folder, device)
    except TrainingError as error:
        raise TrainingError(f"{error}, and choose another folder with --out") from error
