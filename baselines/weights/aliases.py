"""State-dict entries of parameters that several layers share."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

__all__ = ["separate_aliases"]


def separate_aliases(module: nn.Module) -> None:
    """Let a module's state dicts hold a copy for every further name of a shared parameter."""
    # Their names stay the official ones; safetensors refuses entries that share memory.
    module.register_state_dict_post_hook(_separated)  # type: ignore[no-untyped-call]


def _separated(
    module: nn.Module,  # noqa: ARG001 - PyTorch's signature of such a hook
    state: dict[str, torch.Tensor],
    prefix: str,
    local_metadata: Mapping[str, Any],  # noqa: ARG001 - as above
) -> None:
    seen: set[int] = set()
    for name in [name for name in state if name.startswith(prefix)]:
        place = state[name].data_ptr()
        if place in seen:
            state[name] = state[name].clone()
        seen.add(place)
