"""Conversion of a file's tensors to a system's state dict: names, shapes, values."""

import importlib
import importlib.util
from collections.abc import Callable, Mapping

import torch

from defocus.baselines.card import Baseline
from defocus.baselines.registry import home_package
from defocus.baselines.sizes.size import shapes_alone
from defocus.errors import WeightsError

__all__ = ["check_state", "differences", "state_for", "wanted_entries"]

SHOWN_DIFFERENCES = 5
OWN = "network."
"""What stands before a network's entries in checkpoints of our trainings."""

Entries = Mapping[str, tuple[tuple[int, ...], torch.dtype]]
"""Shape and type of each entry of a state dict by name."""


def wanted_entries(system: Baseline) -> Entries:
    """State-dict entries of a system's network, which is built without memory."""
    with shapes_alone():
        state = system.build().state_dict()
    return {name: (tuple(entry.shape), entry.dtype) for name, entry in state.items()}


def state_for(
    system: Baseline, tensors: Mapping[str, torch.Tensor], origin: str
) -> dict[str, torch.Tensor]:
    """Make a system's state dict from the tensors of a file.

    If the system's folder has a ``weights.py``, its ``convert`` is called first, unless the file is
    one of our own checkpoints. Then the names may have any common prefix, such as
    ``state_dict.module.``.

    Args:
        system: The system that the weights should belong to.
        tensors: Result of :func:`~defocus.benchmark.weights.reading.read_tensors`.
        origin: The file, for the message.

    Raises:
        WeightsError: The tensors do not fit; the message lists the first differences.
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
    """Whether the file is one of our own checkpoints, which use exactly the system's names."""
    names = {name.removeprefix(OWN) for name in tensors if name.startswith(OWN)}
    return names == set(wanted)


def _converter(
    system: Baseline,
) -> Callable[[Mapping[str, torch.Tensor]], Mapping[str, torch.Tensor]] | None:
    """Function ``convert`` of the ``weights`` module in the system's folder, if there is one."""
    package = home_package(system)
    name = f"{package}.weights"
    spec = importlib.util.find_spec(name) if package.startswith("defocus.baselines.") else None
    if spec is None or spec.origin is None:  # a folder of that name holds shipped weights
        return None
    convert: Callable[[Mapping[str, torch.Tensor]], Mapping[str, torch.Tensor]]
    convert = importlib.import_module(name).convert
    return convert


def _prefix(tensors: Mapping[str, torch.Tensor], wanted: Entries) -> str:
    """The prefix of the wanted names: the one under which most of them are found.

    If several are equally good, running averages (``ema``) come last, and shorter prefixes first.
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
    """Refuse a state dict that does not belong to the system.

    Raises:
        WeightsError: Number of entries, names, shapes or kinds of numbers differ, or values are not
            finite.
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
    """Errors of a state dict, one line per entry; empty if there are none."""
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
    """Kind of numbers: floating, complex or integer; the precision may differ."""
    if dtype.is_complex:
        return "complex"
    return "floating" if dtype.is_floating_point else "integer"
