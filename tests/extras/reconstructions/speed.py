"""The selective scan of 4096 steps, against the recurrence step by step.

``tests/extras/reconstructions/test_selective_scan.py`` compares their results."""

from collections.abc import Callable
from functools import partial

import torch

from defocus.extras.reconstructions.selective_scan.scan import selective_scan
from tests.extras.reconstructions.recurrence import recurrence, sequences
from tests.speed.case import Case, Work

LENGTH = 4096


def _prepared(scan: Callable[..., tuple[torch.Tensor, ...]], length: int) -> Work:
    return torch.no_grad()(partial(scan, *(each.float() for each in sequences(length))))


CASES = (
    Case(
        "selective-scan",
        partial(_prepared, selective_scan, LENGTH),
        partial(_prepared, recurrence, LENGTH),
    ),
)
