"""Layers by their names in official state dicts, and networks that give more than one picture."""

from collections import OrderedDict
from collections.abc import Callable

from torch import Tensor, nn


class Residual(nn.Sequential):
    """Layers whose result is added to their input."""

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - nn.Sequential's own name
        """From ``(N, C, H, W)`` to the same shape."""
        change: Tensor = super().forward(input)  # type: ignore[no-untyped-call]
        return input + change


def named(**layers: nn.Module) -> nn.Sequential:
    """Layers in a row, each with its official name."""
    return nn.Sequential(OrderedDict(layers))


def unit(*layers: nn.Module) -> nn.Sequential:
    """Layers in a row that are called ``main`` together."""
    return named(main=nn.Sequential(*layers))


def residual(**layers: nn.Module) -> Residual:
    """Layers by their names, with their input added to the result."""
    return Residual(OrderedDict(layers))


class SeveralOutputs(nn.Module):
    """A network whose method ``outputs`` gives the restored picture and others, by name."""

    outputs: Callable[..., dict[str, Tensor]]

    def forward(self, blurry: Tensor, **further: Tensor) -> Tensor:
        """The restored picture: ``outputs(blurry)["restored"]``."""
        return self.outputs(blurry, **further)["restored"]
