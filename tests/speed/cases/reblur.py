"""The reblurring operator, forward and backward, against the literal form of its definition.

``tests/baselines/test_reblurring.py`` compares their results."""

from functools import partial
from typing import Any

import torch

from defocus.baselines.operators.reblurring.operator import Path, isotropic_reblur
from defocus.baselines.operators.reblurring.rings import seed_count
from tests.speed.case import Case, Work
from tests.speed.peers.reblur import literal_reblur

SIDE = 512
LEVELS = 8


def _inputs(side: int) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    shapes = [(1, channels, side, side) for channels in (3, seed_count(LEVELS), LEVELS)]
    image, seeds, levels = (torch.rand(shape, generator=generator) for shape in shapes)
    return [
        one.requires_grad_()
        for one in (image, 4 * seeds - 2, torch.softmax(levels, dim=1))
    ]


def _gradients(operator: Any, given: list[torch.Tensor]) -> tuple[torch.Tensor, ...]:
    blurred = operator(*given)
    grown = torch.linspace(-1, 1, blurred.numel()).view_as(blurred)
    return torch.autograd.grad(blurred, given, grown)


def _ours(path: Path) -> Work:
    return partial(_gradients, partial(isotropic_reblur, path=path), _inputs(SIDE))


def _peer() -> Work:
    return partial(_gradients, literal_reblur, _inputs(SIDE))


PATHS: dict[Path, float] = {"torch": 20, "compiled": 100}
"""Those that a CPU has, and their targets."""

CASES = tuple(
    Case(f"reblur-{path}", partial(_ours, path), _peer, target=target)
    for path, target in PATHS.items()
)
