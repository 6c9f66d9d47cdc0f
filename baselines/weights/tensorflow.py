"""Conversion of TensorFlow variables to PyTorch state-dict entries."""

import re
from collections.abc import Iterable, Mapping, Sequence

import torch

__all__ = ["by_name", "in_order", "of_layer"]

ENDINGS = {
    "kernel": "weight",
    "gamma": "weight",
    "beta": "bias",
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
}


def by_name(tensors: Mapping[str, torch.Tensor], scopes: Iterable[str]) -> dict[str, torch.Tensor]:
    """Entries named like the variables, OIHW from HWIO: ``a/b/kernel:0`` becomes ``a.b.weight``."""
    # Prefixes before the outermost ``scopes`` are dropped, and so are variables in none of them.
    scope = re.compile("(?:^|[/.])(" + "|".join(re.escape(each) for each in scopes) + ")/")
    found: dict[str, torch.Tensor] = {}
    for variable, tensor in tensors.items():
        begin = scope.search(variable)
        if begin is not None:
            *path, end = variable[begin.start(1) :].partition(":")[0].split("/")
            found[".".join([*path, ENDINGS.get(end, end)])] = of_layer(tensor)
    return found


def in_order(
    tensors: Mapping[str, torch.Tensor], entries: Sequence[tuple[str, tuple[int, ...]]]
) -> dict[str, torch.Tensor]:
    """Entries of a file with an unnamed list of variables, in the graph's order."""
    if len(tensors) != len(entries):
        raise ValueError(f"{len(tensors)} variables without names, {len(entries)} are needed")
    found: dict[str, torch.Tensor] = {}
    for (variable, tensor), (name, shape) in zip(tensors.items(), entries, strict=True):
        found[name] = of_layer(tensor)
        if tuple(found[name].shape) != shape:
            raise ValueError(
                f"{variable} in the place of {name} has shape {tuple(tensor.shape)}, not {shape}"
            )
    return found


def of_layer(tensor: torch.Tensor) -> torch.Tensor:
    """Convert a variable for PyTorch's layers: convolution kernels from HWIO to OIHW."""
    return tensor.permute(3, 2, 0, 1).contiguous() if tensor.ndim == 4 else tensor
