"""Checkpoint of a training: one safetensors file, written atomically.

``network.*`` is the state dict, ``optimiser.*`` Adam's state by parameter number. The metadata is
one JSON text: what is trained, the step, and the validation so far. There is no state of random
generators: every random choice is a function of the seed and the step.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import nn

from defocus.errors import WeightsError
from defocus.files import write_bytes

__all__ = ["FlowProgress", "read_state", "write_state"]

METADATA = "defocus_flow_training"


@dataclass(frozen=True)
class FlowProgress:
    """How far a training is.

    Attributes:
        training: Hash of all that decides the result; see :mod:`defocus.align.flow.training.plan`.
        step: Steps done.
        seconds: Time that they took, earlier processes included.
        running_epe_px: Running mean of the training's end-point error.
        rows: Rows of ``validation.csv``.
    """

    training: str
    step: int = 0
    seconds: float = 0.0
    running_epe_px: float | None = None
    rows: tuple[dict[str, float | None], ...] = ()


def write_state(
    path: Path, progress: FlowProgress, network: nn.Module, optimiser: torch.optim.Optimizer
) -> None:
    """Write the state.

    Raises:
        StorageError: The disk is full or the folder is not writable.
    """
    tensors = {f"network.{name}": value for name, value in network.state_dict().items()}
    for index, state in optimiser.state_dict()["state"].items():
        tensors |= {f"optimiser.{index}.{name}": value for name, value in state.items()}
    on_cpu = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
    write_bytes(path, save(on_cpu, {METADATA: json.dumps(asdict(progress))}))


def read_state(
    path: Path, training: str, network: nn.Module, optimiser: torch.optim.Optimizer
) -> FlowProgress:
    """Put a stored state into a network and its optimiser.

    Args:
        path: The file; where there is none, the training is at its beginning.
        training: Hash that the state must carry.
        network: The network of the training.
        optimiser: Adam over its parameters.

    Raises:
        WeightsError: The file is damaged, or the state is of another training.
    """
    if not path.exists():
        return FlowProgress(training)
    try:
        with safe_open(path, framework="pt") as opened:
            facts = json.loads((opened.metadata() or {})[METADATA])
            tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118 - the handle cannot be iterated
        progress = FlowProgress(**facts | {"rows": tuple(facts["rows"])})
    except (SafetensorError, LookupError, TypeError, ValueError, OSError) as error:
        reason = " ".join(str(error).split())
        raise WeightsError(
            f"{path}: damaged state of a training ({reason}); delete it to start over"
        ) from error
    if progress.training != training:
        raise WeightsError(
            f"{path}: state of a training with other settings, pictures or seed; choose another "
            "folder with --out"
        )
    _restore(tensors, network, optimiser)
    return progress


def _restore(
    tensors: dict[str, torch.Tensor], network: nn.Module, optimiser: torch.optim.Optimizer
) -> None:
    parts: dict[str, dict[str, torch.Tensor]] = {"network": {}, "optimiser": {}}
    for name, value in tensors.items():
        part, inner = name.split(".", 1)
        parts[part][inner] = value
    network.load_state_dict(parts["network"])
    state: dict[int, dict[str, torch.Tensor]] = {}
    for name, value in parts["optimiser"].items():
        index, key = name.split(".", 1)
        state.setdefault(int(index), {})[key] = value
    optimiser.load_state_dict(optimiser.state_dict() | {"state": state})
