"""From the released checkpoints to our channel order."""

from collections.abc import Mapping

import torch

__all__ = ["convert"]

OFFICIAL = "G_state_dict."
"""Below it the released checkpoints keep the network; ours have no such name."""
FIRST, LAST = "encoder.block1.0.weight", ("out.0.weight", "out.0.bias")


def convert(tensors: Mapping[str, torch.Tensor]) -> Mapping[str, torch.Tensor]:
    """The same network for RGB: the released one is fed what OpenCV reads, BGR."""
    # The first convolution's inputs and the last one's outputs change their order, which is exact.
    # Other files are left as they are.
    return {
        name: _swapped(name, tensor) if name.startswith(OFFICIAL) else tensor
        for name, tensor in tensors.items()
    }


def _swapped(name: str, tensor: torch.Tensor) -> torch.Tensor:
    if name.endswith(FIRST):
        return tensor.flip(1)
    return tensor.flip(0) if name.endswith(LAST) else tensor
