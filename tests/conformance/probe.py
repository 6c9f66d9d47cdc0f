"""Conformance probes: compare a network with the official one without a checkpoint.

Weights and inputs are made by the rule in the fixtures' README; this is our implementation.
"""

import hashlib
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Generic, TypeAlias, TypeVar, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

M = TypeVar("M", bound=nn.Module)
Arrays: TypeAlias = dict[str, torch.Tensor]
"""The arrays that a fixture's ``output.npz`` may hold, by name."""


@dataclass(frozen=True)
class Given:
    """What a fixture gives a probe: tensors in the order of the forward call, and its meta."""

    inputs: Arrays
    meta: Mapping[str, Any]


@dataclass(frozen=True)
class Probe:
    """How to run one system on a fixture.

    ``run`` makes the arrays of ``output.npz`` of the module, inputs and ``meta.json``; ``build`` is
    None for operators; ``inputs`` is None for those stored in ``input.npz``.
    """

    run: Callable[[nn.Module | None, Arrays, Mapping[str, Any]], Arrays]
    build: Callable[[], nn.Module] | None
    inputs: Callable[[Mapping[str, Any]], Arrays] | None


@dataclass(frozen=True)
class _Network(Generic[M]):
    """How to run a network; the same for all configurations of a system. See `network_probe`."""

    run: "Callable[[M, Given], Arrays] | None"
    outputs: tuple[tuple[str, str], ...]
    bgr: bool
    signed: bool

    def __call__(
        self, module: nn.Module | None, inputs: Arrays, meta: Mapping[str, Any]
    ) -> Arrays:
        if module is None:
            raise TypeError("this probe needs a module")
        given = {name: self._ours(values) for name, values in inputs.items()}
        if self.run is not None:
            arrays = self.run(cast("M", module), Given(given, meta))
        elif self.outputs:
            outputs = cast("Any", module).outputs(*given.values())
            arrays = {array: outputs[name] for array, name in self.outputs}
        else:
            arrays = {"output": module(*given.values())}
        return arrays | {"output": self._official(arrays["output"])}

    def _ours(self, values: torch.Tensor) -> torch.Tensor:
        values = values.flip(1) if self.bgr else values
        return (values + 1) / 2 if self.signed else values

    def _official(self, values: torch.Tensor) -> torch.Tensor:
        values = values.flip(1) if self.bgr else values
        return 2 * values - 1 if self.signed else values


def network_probe(
    build: Callable[[], M],
    run: "Callable[[M, Given], Arrays] | None" = None,
    *,
    outputs: Mapping[str, str] = MappingProxyType({}),
    bgr: bool = False,
    signed: bool = False,
) -> Probe:
    """The probe of a network whose inputs are made by the rule.

    Without ``run`` the module's result is ``output``, or ``outputs`` names arrays of its method of
    that name. ``bgr`` and ``signed``: the official network's pictures are BGR, and in [-1, 1].
    """
    return Probe(
        _Network(run, tuple(outputs.items()), bgr, signed), build, network_inputs
    )


def operator_probe(
    run: "Callable[[Given], Arrays]",
    inputs: Callable[[Mapping[str, Any]], Arrays] | None = None,
) -> Probe:
    """The probe of functions without weights."""
    return Probe(lambda _, given, meta: run(Given(given, meta)), None, inputs)


def _entry_values(
    name: str, shape: tuple[int, ...], seed: int, gain: float
) -> NDArray[np.float64]:
    """Float64 values of one state-dict entry, determined by its name, its shape and the seed."""
    key = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "little") ^ seed
    normal = np.random.Generator(np.random.PCG64(key)).standard_normal(shape)
    if len(shape) >= 2:
        normal *= gain
        normal /= math.sqrt(math.prod(shape[1:]))
        return np.asarray(normal)
    if name.endswith("running_var"):
        return np.asarray(1.0 + 0.1 * np.abs(normal))
    if len(shape) == 1 and name.endswith("weight"):
        return np.asarray(1.0 + 0.1 * normal)
    return np.asarray(0.01 * normal)


def filled_entries(
    entries: Sequence[tuple[str, Sequence[int]]], seed: int, gain: float = 1.0
) -> Arrays:
    """Float32 values of entries by name, by the fixtures' rule, for a network without a module."""
    values = {
        name: _entry_values(name, tuple(shape), seed, gain) for name, shape in entries
    }
    return {name: torch.from_numpy(each).float() for name, each in values.items()}


def fill_weights(module: nn.Module, seed: int, gain: float = 1.0) -> None:
    """Overwrite every floating entry of a module's state dict by the fixtures' rule, in place."""
    state = module.state_dict()
    for name, old in state.items():
        shape = tuple(old.shape)
        if old.is_complex():
            real, imaginary = _entry_values(name, (2, *shape), seed, gain)
            values = torch.from_numpy(np.asarray(real + 1j * imaginary))
        elif old.is_floating_point():
            values = torch.from_numpy(_entry_values(name, shape, seed, gain))
        else:
            continue
        state[name] = values.to(old.dtype).reshape(old.shape)
    module.load_state_dict(state, strict=True)


_OVERRIDES: dict[str, Callable[[torch.Tensor, Mapping[str, Any]], torch.Tensor]] = {
    "set": lambda part, rule: part.fill_(rule["value"]),
    "add": lambda part, rule: part.add_(rule["value"]),
    "multiply": lambda part, rule: part.mul_(rule["value"]),
    "affine": lambda part, rule: part.mul_(rule["scale"]).add_(rule["offset"]),
}


@torch.no_grad()
def override_weights(module: nn.Module, overrides: list[dict[str, Any]]) -> None:
    """Apply the ``overrides`` of a fixture after :func:`fill_weights`, in place."""
    override_entries(module.state_dict(), overrides)


def override_entries(
    state: Mapping[str, torch.Tensor], overrides: list[dict[str, Any]]
) -> None:
    """Apply the ``overrides`` of a fixture to entries, in place."""
    for rule in overrides:
        for name in rule["entries"]:
            part = (
                state[name][slice(*rule["slice"])] if "slice" in rule else state[name]
            )
            _OVERRIDES[rule["op"]](part, rule)


def drawn(distribution: str, seed: int, shape: Sequence[int]) -> torch.Tensor:
    """Values in [0, 1) (``uniform``, ``random``) or of the standard normal distribution."""
    generator = np.random.Generator(np.random.PCG64(seed))
    uniform = distribution in {"uniform", "random"}
    draw = generator.random if uniform else generator.standard_normal
    return torch.from_numpy(draw(tuple(shape)).astype(np.float32))


def network_inputs(meta: Mapping[str, Any]) -> Arrays:
    """The inputs of a network fixture by name, in the order of the forward call."""
    inputs: dict[str, torch.Tensor] = {}
    for index, rule in enumerate(meta["network_inputs"]):
        name = rule.get("name", f"input{index}")
        if "constant" in rule:
            inputs[name] = torch.full(
                rule["shape"], rule["constant"], dtype=torch.float32
            )
        elif "derived" in rule:
            source = list(inputs.values())[rule["of"]]
            inputs[name] = nn.functional.avg_pool2d(source, 2)
        else:
            values = drawn(rule["distribution"], rule["seed"], rule["shape"])
            inputs[name] = values * rule["scale"] + rule["offset"]
    return inputs


def operator_inputs(meta: Mapping[str, Any]) -> Arrays:
    """The inputs of an operator fixture: its ``inputs`` made by its ``input_rule``.

    ``generator`` reads ``numpy PCG64(SEED).random`` or ``… .standard_normal``; the values are cast
    to float32, then scaled, then offset (one number per channel).
    """
    inputs: dict[str, torch.Tensor] = {}
    for name, rule in meta["inputs"].items():
        seed, distribution = rule["generator"].split("PCG64(")[1].split(").")
        values = drawn(distribution, int(seed), rule["shape"])
        offset = torch.tensor(rule.get("offset", 0.0), dtype=torch.float32)
        if offset.ndim == 1:
            offset = offset[:, None, None]
        inputs[name] = values * rule.get("scale", 1.0) + offset
    return inputs
