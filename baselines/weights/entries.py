"""Entries of state dicts: from TensorFlow variables, and of parameters that layers share."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from torch import Tensor, nn


def separate_aliases(module: nn.Module) -> None:
    """Let a module's state dicts hold a copy for every further name of a shared parameter."""
    # Their names stay the official ones; safetensors refuses entries that share memory.
    module.register_state_dict_post_hook(_separated)  # type: ignore[no-untyped-call]


def _separated(
    module: nn.Module,  # noqa: ARG001 - PyTorch's signature of such a hook
    state: dict[str, Tensor],
    prefix: str,
    local_metadata: Mapping[str, Any],  # noqa: ARG001 - as above
) -> None:
    seen: set[int] = set()
    for name in [name for name in state if name.startswith(prefix)]:
        place = state[name].data_ptr()
        if place in seen:
            state[name] = state[name].clone()
        seen.add(place)


ENDINGS = {
    "kernel": "weight",
    "gamma": "weight",
    "beta": "bias",
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
}


def by_name(
    tensors: Mapping[str, Tensor],
    scopes: Iterable[str],
) -> dict[str, Tensor]:
    """Entries named like the variables, OIHW from HWIO: ``a/b/kernel:0`` becomes ``a.b.weight``."""
    # Prefixes before the outermost ``scopes`` are dropped, and so are variables in none of them.
    scope = re.compile(
        "(?:^|[/.])(" + "|".join(re.escape(each) for each in scopes) + ")/"
    )
    state: dict[str, Tensor] = {}
    for variable, tensor in tensors.items():
        begin = scope.search(variable)
        if begin is not None:
            *path, end = variable[begin.start(1) :].partition(":")[0].split("/")
            state[".".join([*path, ENDINGS.get(end, end)])] = of_layer(tensor)
    return state


def in_order(
    tensors: Mapping[str, Tensor],
    entries: Sequence[tuple[str, tuple[int, ...]]],
) -> dict[str, Tensor]:
    """Entries of a file with an unnamed list of variables, in the graph's order."""
    if len(tensors) != len(entries):
        raise ValueError(
            f"{len(tensors)} variables without names, {len(entries)} are needed"
        )
    state: dict[str, Tensor] = {}
    for (variable, tensor), (name, shape) in zip(tensors.items(), entries, strict=True):
        state[name] = of_layer(tensor)
        if tuple(state[name].shape) != shape:
            raise ValueError(
                f"{variable} in the place of {name} has shape {tuple(tensor.shape)}, not {shape}"
            )
    return state


def of_layer(tensor: Tensor) -> Tensor:
    """Convert a variable for PyTorch's layers: convolution kernels from HWIO to OIHW."""
    return tensor.permute(3, 2, 0, 1).contiguous() if tensor.ndim == 4 else tensor
