"""A network's passes as CUDA graphs: each is launched as a whole, not kernel by kernel."""

import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, cast

import torch
from torch import nn
from torch.utils import _pytree as pytree

from defocus.errors import TrainingError
from defocus.training.objective import BatchT, Progress, TrainingObjective
from defocus.training.steps.optimisers import autocast, fixed

TOLERANCE = 0.02
"""Largest difference of outputs and gradients, relative to their norm; bfloat16 rounds to 0.004."""

Pass = Callable[..., Any]
Inputs = tuple[tuple[torch.Tensor, ...], Mapping[str, torch.Tensor]]


def record(
    network: nn.Module,
    objective: TrainingObjective[BatchT],
    batch: BatchT,
    precision: str,
) -> None:
    """Let a network replay its passes while it trains on inputs of this batch's shapes.

    TrainingError if it cannot be recorded, or if a replay gives another result."""
    # What a network decides in Python, by a counter or a drawn number, it decides while it is
    # recorded, once for all: that is why a training must ask for it.
    plain = network.forward
    with (
        _unchanged(network, objective),
        fixed(objective.adversary),
        warnings.catch_warnings(),
    ):
        # of the recording
        warnings.filterwarnings("ignore", "The AccumulateGrad node's stream")
        given, named = _inputs(network, objective, batch, precision)
        passes = _Passes(network, plain, tuple(named))
        tensors = (*given, *named.values())
        with _fresh_casts(), autocast(batch.inputs.device, precision):
            replay = _recorded(passes, tensors)
            _require_equal(
                _outcome(network, plain, given, named),
                _outcome(network, replay, tensors, {}),
            )
    shapes = list(map(_shape, tensors))

    def forward(*args: torch.Tensor, **kwargs: torch.Tensor) -> Any:  # noqa: ANN401 - as the network's
        tensors = (*args, *kwargs.values())
        replayed = (
            network.training
            and torch.is_grad_enabled()
            and tuple(kwargs) == passes.names
        )
        if replayed and list(map(_shape, tensors)) == shapes:
            return replay(*tensors)
        return plain(*args, **kwargs)

    network.forward = forward


class _Passes(nn.Module):
    """The network with its inputs in a row, as the recording wants them."""

    def __init__(
        self,
        network: nn.Module,
        plain: Pass,
        names: tuple[str, ...],
    ) -> None:
        super().__init__()
        self.network = network
        self.plain = plain
        self.names = names

    def forward(self, *tensors: torch.Tensor) -> Any:  # noqa: ANN401 - as the network's
        first = len(tensors) - len(self.names)
        named = dict(zip(self.names, tensors[first:], strict=True))
        return self.plain(*tensors[:first], **named)


def _recorded(passes: _Passes, tensors: tuple[torch.Tensor, ...]) -> Pass:
    try:
        return cast(
            "Pass",
            torch.cuda.make_graphed_callables(passes, tensors, allow_unused_input=True),
        )
    except (RuntimeError, TypeError, ValueError) as error:
        words = str(error).strip() or type(error).__name__
        reason = words.splitlines()[0]
        raise _refusal(f"it does what cannot be recorded ({reason})") from error


def _inputs(
    network: nn.Module,
    objective: TrainingObjective[BatchT],
    batch: BatchT,
    precision: str,
) -> Inputs:
    """Inputs that the objective gives to the network, which it must call once."""
    calls = list[Inputs]()
    plain = network.forward

    def forward(*args: torch.Tensor, **kwargs: torch.Tensor) -> Any:  # noqa: ANN401 - as the network's
        calls.append((args, kwargs))
        return plain(*args, **kwargs)

    network.forward = forward
    try:
        with autocast(batch.inputs.device, precision):
            objective(network, batch, Progress(0, 0.0))
    finally:
        network.forward = plain
    if len(calls) != 1:
        raise _refusal(f"its objective calls it {len(calls)} times in a step")
    given, named = calls[0]
    inputs = (*given, *named.values())
    if not all(isinstance(one, torch.Tensor) for one in inputs):
        raise _refusal("it is given more than tensors")
    return given, named


def _outcome(
    network: nn.Module,
    passes: Pass,
    args: tuple[torch.Tensor, ...],
    kwargs: Mapping[str, torch.Tensor],
) -> list[torch.Tensor]:
    """Outputs, and the gradients of the sum of their squares."""
    torch.manual_seed(0)
    leaves = pytree.tree_leaves(passes(*args, **kwargs))
    outputs = [leaf for leaf in leaves if leaf.requires_grad]
    weights = [weight for weight in network.parameters() if weight.requires_grad]
    squares = [output.float().square().mean() for output in outputs]
    total = torch.stack(squares).sum()
    gradients = torch.autograd.grad(total, weights, allow_unused=True)
    tensors = [one for one in (*outputs, *gradients) if one is not None]
    return [tensor.detach().float().clone() for tensor in tensors]


def _require_equal(wanted: list[torch.Tensor], replayed: list[torch.Tensor]) -> None:
    norms = [tensor.norm() for tensor in wanted]
    differences = []
    for one, other in zip(wanted, replayed, strict=True):
        differences.append((one - other).norm())
    size = torch.stack(norms).norm()
    off = torch.stack(differences).norm()
    if not float(off) <= TOLERANCE * float(size):
        raise _refusal("a replay gives other numbers")


def _refusal(reason: str) -> TrainingError:
    return TrainingError(
        f"the network cannot be replayed: {reason}; set graphs = false under [training]"
    )


def _shape(tensor: torch.Tensor) -> tuple[torch.Size, torch.dtype]:
    return tensor.shape, tensor.dtype


@contextmanager
def _unchanged(*modules: nn.Module) -> Iterator[None]:
    """Leave running statistics and gradients as they were before the block."""
    buffers = [one for module in modules for one in module.buffers()]
    before = [one.clone() for one in buffers]
    try:
        yield
    finally:
        with torch.no_grad():
            for buffer, value in zip(buffers, before, strict=True):
                buffer.copy_(value)
        for module in modules:
            module.zero_grad(set_to_none=True)


@contextmanager
def _fresh_casts() -> Iterator[None]:
    """Let each pass cast weights itself: a cast that was kept would be one of old weights."""
    torch.set_autocast_cache_enabled(False)
    try:
        yield
    finally:
        torch.set_autocast_cache_enabled(True)
