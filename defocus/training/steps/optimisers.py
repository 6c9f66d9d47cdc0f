"""Optimisers of a training, and their step."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Generic

import torch
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from defocus.errors import TrainingError
from defocus.training.method import Adversary, Method
from defocus.training.objective import BatchT, Parts, Progress, TrainingObjective
from defocus.training.optimiser import Optimiser, make_optimiser


@dataclass(frozen=True)
class Optimisers:
    """Optimisers of a run: of network and objective, and of the adversary if there is one."""

    network: torch.optim.Optimizer
    adversary: torch.optim.Optimizer | None
    # network and objective as one module that averages gradients over processes; None for one
    joint: nn.Module | None = None

    def by_name(self) -> dict[str, torch.optim.Optimizer]:
        """All optimisers by their names in checkpoints."""
        optimisers = {"optimiser": self.network}
        return optimisers | (
            {"adversary_optimiser": self.adversary} if self.adversary else {}
        )


def make_optimisers(
    method: Method,
    network: nn.Module,
    objective: TrainingObjective[BatchT],
) -> Optimisers:
    """Make optimisers whose learning rate is set later; only the adversary's rate is fixed."""
    if (objective.adversary is None) != (method.adversary is None):
        raise TrainingError(
            "objective and recipe must both have an adversary, or neither"
        )
    against = _trained(objective.adversary) if objective.adversary is not None else []
    apart = set(map(id, against))
    trained = (*_trained(network), *_trained(objective))
    own = [parameter for parameter in trained if id(parameter) not in apart]
    adversary = None
    if method.adversary is not None:
        adversary = _make(method.optimiser, against, method.adversary.learning_rate)
    return Optimisers(_make(method.optimiser, own, 0.0), adversary)


def _trained(module: nn.Module) -> list[nn.Parameter]:
    return [parameter for parameter in module.parameters() if parameter.requires_grad]


def _make(
    settings: Optimiser,
    parameters: list[nn.Parameter],
    learning_rate: float,
) -> torch.optim.Optimizer:
    try:
        return make_optimiser(settings, parameters, learning_rate)
    except ValueError as error:  # such as one for matrices alone
        raise TrainingError(str(error)) from error


def optimiser_step(
    method: Method,
    optimisers: Optimisers,
    network: nn.Module,
    objective: TrainingObjective[BatchT],
    batch: BatchT,
    progress: Progress,
    learning_rate: float,
) -> "_Values":
    """Do one step of the network, then those of its adversary; return the loss and its parts."""
    # Nothing waits for the device: losses are tensors there, and may be not finite.
    joint = optimisers.joint
    for group in optimisers.network.param_groups:
        group["lr"] = learning_rate
    batches = batch.parts(method.training.accumulate)
    descent = _Descent(batches, method.training.precision)
    forward: Callable[[BatchT, Progress], _Loss] = joint or partial(objective, network)
    with fixed(objective.adversary):
        result = descent.go(
            optimisers.network,
            lambda part: forward(part, progress),
            joint,
            method.gradient_clip,
        )
    if result is None:
        raise ValueError(f"{type(objective).__name__} gave no loss")
    values: _Values = {"loss": result[0], **result[1]}
    if optimisers.adversary is not None and method.adversary is not None:
        values |= _adversary_steps(
            method.adversary,
            optimisers.adversary,
            descent,
            lambda part: objective.adversary_loss(network, part, progress),
        )
    return values


_Loss = tuple[torch.Tensor, Parts]
_Values = dict[str, torch.Tensor | float]


def _adversary_steps(
    settings: Adversary,
    optimiser: torch.optim.Optimizer,
    descent: "_Descent[BatchT]",
    loss_of: Callable[[BatchT], _Loss | None],
) -> "_Values":
    values: _Values = {}
    for _ in range(settings.steps):
        result = descent.go(optimiser, loss_of)
        if result is None:
            return values
        values = {"adversary": result[0], **result[1]}
    return values


@dataclass(frozen=True)
class _Descent(Generic[BatchT]):
    """One optimiser step over the parts of a batch, weighted by their number of crops."""

    batches: Sequence[BatchT]
    precision: str

    def go(
        self,
        optimiser: torch.optim.Optimizer,
        loss_of: Callable[[BatchT], _Loss | None],
        joint: nn.Module | None = None,
        clip: float | None = None,
    ) -> tuple[torch.Tensor, _Values] | None:
        """Compute gradients, then do the step; return None, without a step, if there is no loss."""
        optimiser.zero_grad(set_to_none=True)
        crops = sum(part.size for part in self.batches)
        totals = []
        parts: _Values = {}
        for number, batch in enumerate(self.batches, 1):
            share = batch.size / crops
            with _gathered(joint, last=number == len(self.batches)):
                given = self._descend(batch, loss_of, share)
            if given is None:
                return None
            totals.append(given[0].double() * share)
            for name, value in given[1].items():
                parts[name] = parts.get(name, 0.0) + share * value
        _clip_gradients(optimiser, clip)
        optimiser.step()
        return torch.stack(totals).sum(), parts

    def _descend(
        self,
        batch: BatchT,
        loss_of: Callable[[BatchT], _Loss | None],
        share: float,
    ) -> _Loss | None:
        """Add the gradients of a part of the batch, which counts by its share."""
        with autocast(batch.inputs.device, self.precision):
            given = loss_of(batch)
        if given is None:
            return None
        loss, named = given
        (loss * share).backward()  # type: ignore[no-untyped-call]
        return loss.detach(), {name: _detached(value) for name, value in named.items()}


def _detached(value: torch.Tensor | float) -> torch.Tensor | float:
    """A part of a loss, without its gradient history."""
    return value.detach().double() if isinstance(value, torch.Tensor) else value


def _clip_gradients(optimiser: torch.optim.Optimizer, most: float | None) -> None:
    """Shorten the gradient of all parameters together to a length, if there is one."""
    if most is None:
        return
    parameters = []
    for group in optimiser.param_groups:
        parameters += group["params"]
    nn.utils.clip_grad_norm_(parameters, most)


def _gathered(
    joint: nn.Module | None,
    *,
    last: bool,
) -> contextlib.AbstractContextManager[None]:
    """Let processes exchange their gradients only with the last part of a batch."""
    # The forward pass must be inside this context, because it prepares the exchange.
    if isinstance(joint, DistributedDataParallel) and not last:
        return joint.no_sync()
    return contextlib.nullcontext()


def autocast(device: torch.device, precision: str) -> torch.autocast:
    """The context in which a loss is computed."""
    # It changes nothing for ``float32``, or for ``auto`` on a device without bfloat16.
    wanted = precision == "bfloat16" or (precision == "auto" and has_bfloat16(device))
    return torch.autocast(device.type, torch.bfloat16, enabled=wanted)


def has_bfloat16(device: torch.device) -> bool:
    """Whether a device has instructions for bfloat16 products; without them bfloat16 is slower."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    flags = torch.cpu.get_capabilities() if device.type == "cpu" else {}
    return bool(flags.get("avx512_bf16") or flags.get("amx_bf16"))


@contextlib.contextmanager
def fixed(module: nn.Module | None) -> Iterator[None]:
    """Disable the gradients of a module's parameters inside the block."""
    trained = _trained(module) if module is not None else []
    for parameter in trained:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in trained:
            parameter.requires_grad_(True)
