"""Checkpoint of a training: weights and, during training, optimiser state; damage is detected.

One safetensors file: ``network.*``, ``objective.*``, ``average.*``, ``optimiser.*``, and a hash."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import torch
from safetensors import SafetensorError, safe_open
from torch import nn

from defocus.errors import WeightsError
from defocus.reading import parse_json, require_file
from defocus.storage.tensor_files import reading_tensors, save_tensors
from defocus.training.record.folder import METADATA


@dataclass(frozen=True)
class Checkpoint:
    """Content of a checkpoint file, on the CPU; finished when ``step`` equals ``steps``."""

    run: str
    step: int
    steps: int
    tensors: Mapping[str, torch.Tensor]
    code: str

    def part(self, prefix: str) -> dict[str, torch.Tensor]:
        """The tensors whose names begin with ``prefix.``, with the prefix removed."""
        start = prefix + "."
        return {
            name.removeprefix(start): tensor
            for name, tensor in self.tensors.items()
            if name.startswith(start)
        }


def trained_by(earlier: str, now: str) -> str:
    """The versions that a training went through, as ``0.1.0+abc1234, 0.2.0``."""
    return earlier if earlier.rpartition(", ")[2] == now else f"{earlier}, {now}"


def snapshot(
    modules: Mapping[str, nn.Module],
    optimisers: Mapping[str, torch.optim.Optimizer],
) -> dict[str, torch.Tensor]:
    """The tensors of a training by their names in a checkpoint, without shared memory."""
    tensors: dict[str, torch.Tensor] = {}
    for prefix, module in modules.items():
        for name, tensor in module.state_dict().items():
            tensors[f"{prefix}.{name}"] = tensor
    for prefix, optimiser in optimisers.items():
        for index, state in optimiser.state_dict()["state"].items():
            for key, value in state.items():
                tensors[f"{prefix}.{index}.{key}"] = value
    return {
        name: t.detach().to("cpu", memory_format=torch.contiguous_format, copy=True)
        for name, t in tensors.items()
    }


def restore(
    checkpoint: Checkpoint,
    modules: Mapping[str, nn.Module],
    optimisers: Mapping[str, torch.optim.Optimizer] = MappingProxyType({}),
) -> None:
    """Load a checkpoint into the modules from which :func:`snapshot` took it."""
    try:
        for prefix, module in modules.items():
            module.load_state_dict(checkpoint.part(prefix), strict=True)
    except RuntimeError as error:
        reason = " ".join(str(error).split())
        raise WeightsError(f"checkpoint of {checkpoint.run}: {reason}") from error
    for prefix, optimiser in optimisers.items():
        state: dict[int, dict[str, torch.Tensor]] = {}
        for name, tensor in checkpoint.part(prefix).items():
            index, key = name.split(".", 1)
            state.setdefault(int(index), {})[key] = tensor
        optimiser.load_state_dict(optimiser.state_dict() | {"state": state})
        _as_parameters_lie(optimiser)


def _as_parameters_lie(optimiser: torch.optim.Optimizer) -> None:
    """Give the state the same memory layout as the parameters, as fused steps require."""
    for parameter, state in optimiser.state.items():
        for key, value in state.items():
            if isinstance(value, torch.Tensor) and value.shape == parameter.shape:
                state[key] = (
                    torch.empty_like(parameter, dtype=value.dtype).copy_(value).detach()
                )


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint atomically."""
    facts = {
        "run": checkpoint.run,
        "step": checkpoint.step,
        "steps": checkpoint.steps,
        "code": checkpoint.code,
        "sha256": _content_hash(checkpoint),
    }
    # One entry: the library writes several in an order that changes from process to process.
    metadata = {METADATA: json.dumps(facts)}
    save_tensors(checkpoint.tensors, path, metadata)


def load_checkpoint(path: Path, run: str) -> Checkpoint:
    """Read a checkpoint of a training and check that it is undamaged."""
    try:
        require_file(path)
        with reading_tensors(path), safe_open(path, framework="pt") as handle:
            facts = parse_json((handle.metadata() or {})[METADATA])
            tensors = {name: handle.get_tensor(name) for name in handle.keys()}  # noqa: SIM118 - the handle cannot be iterated
        step = int(facts["step"])
        steps = int(facts["steps"])
        stored = Checkpoint(
            facts["run"],
            step,
            steps,
            tensors,
            str(facts["code"]),
        )
        sha256 = facts["sha256"]
    except (
        SafetensorError,
        LookupError,
        TypeError,
        ValueError,
        OSError,
    ) as error:
        reason = " ".join(str(error).split())
        raise WeightsError(f"{path}: damaged checkpoint ({reason})") from error
    if _content_hash(stored) != sha256:
        raise WeightsError(f"{path}: damaged checkpoint (its hash does not match)")
    if stored.run != run:
        raise WeightsError(f"{path}: checkpoint of {stored.run}, not of {run}")
    return stored


def _content_hash(checkpoint: Checkpoint) -> str:
    facts = [
        checkpoint.run,
        checkpoint.step,
        checkpoint.steps,
        checkpoint.code,
    ]
    digest = hashlib.sha256(json.dumps(facts).encode())
    for name, tensor in sorted(checkpoint.tensors.items()):
        digest.update(
            json.dumps([name, str(tensor.dtype), list(tensor.shape)]).encode()
        )
        digest.update(tensor.contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()
