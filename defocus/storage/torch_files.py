"""Files of tensors from strangers: what unreadable ones raise, and whether a state dict fits."""

import pickle
import struct
import zipfile
import zlib
from collections.abc import Mapping

import torch

from defocus.errors import WeightsError

UNREADABLE = (
    pickle.UnpicklingError,
    RuntimeError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    EOFError,
    OverflowError,
    MemoryError,
    AssertionError,
    struct.error,
    zipfile.BadZipFile,
    zlib.error,
)
"""Errors that torch's reader of pickles raises for damaged or unsafe files."""

SHOWN_DIFFERENCES = 5

Entries = Mapping[str, tuple[tuple[int, ...], torch.dtype]]
"""Shape and type of each entry of a state dict by name."""


def entries_of(state: Mapping[str, torch.Tensor]) -> Entries:
    """Shape and type of each tensor."""
    return {name: (tuple(entry.shape), entry.dtype) for name, entry in state.items()}


def check_state(
    system: str,
    state: Mapping[str, torch.Tensor],
    wanted: Entries,
    origin: str,
) -> None:
    """Refuse a state dict that does not belong to the system or is not finite."""
    problems = differences(state, wanted)
    if problems:
        shown = "; ".join(problems[:SHOWN_DIFFERENCES])
        more = len(problems) - SHOWN_DIFFERENCES
        rest = f"; and {more} more" if more > 0 else ""
        raise WeightsError(f"{origin}: not the weights of {system}: {shown}{rest}")
    for name, tensor in state.items():
        if not bool(torch.isfinite(tensor).all()):
            raise WeightsError(
                f"{origin}: {name} has values that are not finite numbers; take another checkpoint"
            )


def differences(state: Mapping[str, torch.Tensor], wanted: Entries) -> list[str]:
    """Errors of a state dict, one line per entry; empty if there are none."""
    problems = [f"{name} is missing" for name in wanted if name not in state]
    for name, tensor in state.items():
        if name not in wanted:
            problems.append(f"{name} is unknown")
            continue
        shape, dtype = wanted[name]
        compound = tensor.is_quantized or tensor.is_nested
        dense = tensor.layout == torch.strided and not compound
        if not dense or tensor.device.type != "cpu":
            problems.append(f"{name} is not a dense tensor in memory")
        elif tuple(tensor.shape) != shape:
            problems.append(f"{name} has shape {tuple(tensor.shape)}, not {shape}")
        elif _kind(tensor.dtype) != _kind(dtype):
            problems.append(
                f"{name} holds {tensor.dtype}, not {dtype}".replace("torch.", "")
            )
    return problems


def _kind(dtype: torch.dtype) -> str:
    """Kind of numbers: floating, complex or integer; the precision may differ, to 16 bits."""
    if dtype.is_complex:
        return "complex"
    if dtype.is_floating_point:
        return "floating" if dtype.itemsize > 1 else "eight bits"
    return "integer"
