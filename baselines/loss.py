"""Interface of a loss."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:  # a plug-in that names a loss need not import torch for it
    import torch

LossFunction: TypeAlias = "Callable[[torch.Tensor, torch.Tensor], torch.Tensor]"
"""Function from output and target, both ``(N, C, h, w)`` RGB in [0, 1], to a scalar tensor. It has
no trained parameters, and moves what it needs to the output's device itself."""


@dataclass(frozen=True)
class Loss:
    """A user's loss in a plug-in file: recipes name it in the terms of ``supervised``.

    Attributes:
        name: Lower-case words joined by ``-`` or ``_``, unique.
        make: Makes the loss, a function from output and target, both ``(N, C, h, w)`` RGB in
            [0, 1], to a scalar tensor; see :data:`LossFunction`. Its keyword arguments are the
            ``settings`` of a term. Where it raises an error, the system that is trained with it
            fails, and its row in the results says why.

    Examples:
        >>> import torch
        >>> import defocus
        >>> square = defocus.Loss("square", lambda: torch.nn.functional.mse_loss)
        >>> loss = square.make()
        >>> loss(torch.zeros(1, 3, 8, 8), torch.full((1, 3, 8, 8), 0.5))
        tensor(0.2500)
    """

    name: str
    make: "Callable[..., LossFunction]"
