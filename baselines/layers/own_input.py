"""Copies of tensors for networks of other people, which may change them in place."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_map_only


def with_own_input(network: object) -> nn.Module:
    """The same network, which from now on is given copies; TypeError if it is not a network."""
    if not isinstance(network, nn.Module):
        raise TypeError(
            f"it gives {type(network).__name__} instead of a torch.nn.Module"
        )
    if _copied not in network._forward_pre_hooks.values():
        network.register_forward_pre_hook(_copied, with_kwargs=True)
    return network


def _copied(_: nn.Module, given: tuple[Any, ...], named: dict[str, Any]) -> Any:  # noqa: ANN401
    return tree_map_only(Tensor, torch.clone, (given, named))
