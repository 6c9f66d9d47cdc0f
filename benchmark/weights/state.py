"""Conversion of a file's tensors to a system's state dict: names, shapes, values."""

import importlib
import importlib.util
from collections.abc import Callable, Mapping

import torch

from defocus.baselines.card import Baseline
from defocus.baselines.registry import home_package
from defocus.errors import WeightsError

__all__ = ["check_state", "differences", "state_for", "wanted_entries"]

SHOWN_DIFFERENCES = 5
OWN = "network."
"""What stands before a network's entries in checkpoints of our trainings."""

Entries = Mapping[str, tuple[tuple[int, ...], torch.dtype]]
"""Shape and type of each entry of a state dict by name."""


def wanted_entries(system: Baseline) -> Entries:
    """What the network of a system has; built without memory."""
    with torch.device("meta"):
        state = system.build().state_dict()
    return {name: (tuple(entry.shape), entry.dtype) for name, entry in state.items()}


def state_for(
    system: Baseline, tensors: Mapping[str, torch.Tensor], origin: str
) -> dict[str, torch.Tensor]:
    """The state dict that the tensors of a file hold for a system.

    Where the system's folder has a ``weights.py``, its ``convert`` is asked first, unless the file
    is a checkpoint of a training of ours. Then the names may stand below any prefix
    (``state_dict.module.`` and the like), the same for all.

    Args:
        system: Whose weights they are said to be.
        tensors: As :func:`~defocus.benchmark.weights.reading.read_tensors` gives them.
        origin: The file, for the message.

    Raises:
        WeightsError: They do not fit; the first differences are named.
    """
    wanted = wanted_entries(system)
    convert = None if _own(tensors, wanted) else _converter(system)
    if convert is not None:
        try:
            tensors = convert(tensors)
        except (LookupError, ValueError, RuntimeError, TypeError) as error:
            reason = f"{type(error).__name__}: {' '.join(str(error).split())}"
            raise WeightsError(
                f"{origin}: not the weights of {system.card.name}: its converter says {reason}"
            ) from error
    prefix = _prefix(tensors, wanted)
    state = {
        name.removeprefix(prefix): tensor
        for name, tensor in tensors.items()
        if name.startswith(prefix)
    }
    check_state(system.card.name, state, wanted, origin)
    return {name: state[name].to(dtype).contiguous() for name, (_, dtype) in wanted.items()}


def _own(tensors: Mapping[str, torch.Tensor], wanted: Entries) -> bool:
    """Whether a training of ours stored them: it has no names but the system's for its network."""
    names = {name.removeprefix(OWN) for name in tensors if name.startswith(OWN)}
    return names == set(wanted)


def _converter(
    system: Baseline,
) -> Callable[[Mapping[str, torch.Tensor]], Mapping[str, torch.Tensor]] | None:
    """``convert`` of the ``weights`` module beside the system's own, where there is one."""
    package = home_package(system)
    name = f"{package}.weights"
    spec = importlib.util.find_spec(name) if package.startswith("defocus.baselines.") else None
    if spec is None or spec.origin is None:  # a folder of that name holds shipped weights
        return None
    convert: Callable[[Mapping[str, torch.Tensor]], Mapping[str, torch.Tensor]]
    convert = importlib.import_module(name).convert
    return convert


def _prefix(tensors: Mapping[str, torch.Tensor], wanted: Entries) -> str:
    """What stands before the wanted names: the prefix below which most of them are.

    Of several that are equally good, running averages (``ema``) come last, then the shorter comes
    first.
    """
    if not wanted:
        return ""
    last = next(reversed(list(wanted)))
    first = next(iter(wanted))
    candidates = {""}
    for name in tensors:
        for ending in (first, last):
            if name.endswith(f".{ending}"):
                candidates.add(name.removesuffix(ending))
    return min(
        candidates,
        key=lambda prefix: (
            -sum(prefix + name in tensors for name in wanted),
            "ema" in prefix,
            len(prefix),
            prefix,
        ),
    )


def check_state(
    system: str, state: Mapping[str, torch.Tensor], wanted: Entries, origin: str
) -> None:
    """Refuse a state dict that is not of the system.

    Raises:
        WeightsError: Another number of entries, other names, shapes or kinds of numbers, or values
            that are not finite.
    """
    found = differences(state, wanted)
    if found:
        shown = "; ".join(found[:SHOWN_DIFFERENCES])
        more = len(found) - SHOWN_DIFFERENCES
        rest = f"; and {more} more" if more > 0 else ""
        raise WeightsError(f"{origin}: not the weights of {system}: {shown}{rest}")
    for name, tensor in state.items():
        if not bool(torch.isfinite(tensor).all()):
            raise WeightsError(
                f"{origin}: {name} has values that are not finite numbers; take another checkpoint"
            )


def differences(state: Mapping[str, torch.Tensor], wanted: Entries) -> list[str]:
    """What is wrong with a state dict, a line for each entry; empty where nothing is."""
    found = [f"{name} is missing" for name in wanted if name not in state]
    for name, tensor in state.items():
        if name not in wanted:
            found.append(f"{name} is unknown")
            continue
        shape, dtype = wanted[name]
        if tensor.layout != torch.strided or tensor.is_quantized or tensor.device.type != "cpu":
            found.append(f"{name} is no dense tensor in memory")
        elif tuple(tensor.shape) != shape:
            found.append(f"{name} has shape {tuple(tensor.shape)}, not {shape}")
        elif _kind(tensor.dtype) != _kind(dtype):
            found.append(f"{name} holds {tensor.dtype}, not {dtype}".replace("torch.", ""))
    return found


def _kind(dtype: torch.dtype) -> str:
    """Floating, complex or integer; the precision may differ."""
    if dtype.is_complex:
        return "complex"
    return "floating" if dtype.is_floating_point else "integer"
