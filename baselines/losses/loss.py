"""What a loss is."""

from collections.abc import Callable
from typing import TypeAlias

import torch

__all__ = ["Loss"]

Loss: TypeAlias = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
"""From output and target, ``(N, C, h, w)`` RGB in [0, 1] both, to a scalar tensor; it has nothing
that is trained, and what it needs it moves to the output's device by itself."""
