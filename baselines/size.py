"""Size of a system."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from defocus.baselines.card import Baseline
from defocus.progress import say

_DRAWS = {
    Tensor.normal_,
    Tensor.uniform_,
    nn.init.kaiming_normal_,
    nn.init.kaiming_uniform_,
    nn.init.normal_,
    nn.init.uniform_,
}


class _WithoutDraws(TorchFunctionMode):
    """Skips random initial values where only the shapes of weights are needed."""

    # On tensors without memory PyTorch loads its compiler for them, which takes seconds. On real
    # memory values that are cut off at a bound would be drawn for ever.

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:  # noqa: ANN401 - whatever the function gives
        kwargs = kwargs or {}
        if func in _DRAWS:
            return args[0] if args else kwargs["tensor"]
        return func(*args, **kwargs)


@contextmanager
def shapes_alone() -> Iterator[None]:
    """Networks that are built inside have shapes, and neither memory nor initial values."""
    with torch.device("meta"), _WithoutDraws():
        yield


def parameter_count(system: Baseline) -> int:
    """Number of parameters of a system's network."""
    # Counted on PyTorch's ``meta`` device, which has shapes and no memory. A system that reads
    # values while it is built is reported on stderr and built normally.
    try:
        with shapes_alone():
            return _parameters(system.build())
    except RuntimeError as error:  # NotImplementedError, "no data", is one of them
        reason = str(error).partition("\n")[0]
        say(f"{system.card.name}: built in full to count its parameters ({reason})")
    return _parameters(system.build())


def _parameters(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())
