"""ImageNet classifiers whose features some losses compare, looked for where torch keeps them.

Without its file a loss is zero and says so on stderr; under :func:`all_required` it is an error."""

import contextlib
import functools
from collections.abc import Iterator
from contextvars import ContextVar
from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor, nn

from defocus.baselines.loss import LossFunction
from defocus.baselines.weights.backbone_files import BackboneFile
from defocus.errors import WeightsError
from defocus.progress import say
from defocus.storage.files import sha256_file

M = TypeVar("M", bound=nn.Module)


def features_of(file: BackboneFile) -> dict[str, Tensor] | None:
    """The convolutions' weights by torchvision's names (``0.weight`` …); None without the file."""
    if not file.path.is_file():
        return None
    return _read(file, file.path)


@functools.cache
def _read(file: BackboneFile, path: Path) -> dict[str, Tensor]:
    digest = sha256_file(path)
    if not digest.startswith(file.sha256_prefix):
        raise WeightsError(
            f"{path}: SHA-256 begins with {digest[:8]} instead of {file.sha256_prefix}; "
            f"fetch it again from {file.url}"
        )
    stored = torch.load(path, map_location="cpu", weights_only=True)
    start = "features."
    return {
        name.removeprefix(start): stored[name]
        for name in stored
        if name.startswith(start)
    }


_REQUIRED: ContextVar[bool] = ContextVar("_REQUIRED", default=False)


@contextlib.contextmanager
def all_required() -> Iterator[None]:
    """While objectives are made in it, a missing backbone is an error."""
    token = _REQUIRED.set(True)
    try:
        yield
    finally:
        _REQUIRED.reset(token)


def left_out(loss: str, file: BackboneFile) -> LossFunction:
    """A loss of zero in place of one whose backbone is missing; reported once per process."""
    if _REQUIRED.get():
        raise WeightsError(
            f"the {loss} loss needs {file.path}, which is missing; fetch it from {file.url}, or "
            "train with another budget than paper, which leaves the loss out"
        )
    _say_missing(loss, file)
    return _zero


@functools.cache
def _say_missing(loss: str, file: BackboneFile) -> None:
    say(
        f"the {loss} loss is left out: {file.path} is missing; "
        f"fetch it from {file.url} for a training as published"
    )


def _zero(output: Tensor, target: Tensor) -> Tensor:  # noqa: ARG001 - as a loss
    return output.new_zeros(())


def frozen(module: M) -> M:
    """The module in evaluation mode, without gradients."""
    return module.eval().requires_grad_(False)
