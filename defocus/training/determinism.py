"""What makes the steps of a training repeatable."""

import contextlib
import hashlib
import os
from collections.abc import Iterator

import torch

from defocus.training.settings import Training

__all__ = ["reproducible", "seed_torch"]


@contextlib.contextmanager
def reproducible(settings: Training) -> Iterator[None]:
    """Refuse non-deterministic operations if the settings require it."""
    before = torch.are_deterministic_algorithms_enabled()
    # without it cuBLAS gives other sums each time; it is read when the first matrix is multiplied
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(settings.deterministic or before)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before)


def seed_torch(seed: int, purpose: str) -> None:
    """Seed torch from a hash, so that neighbouring steps and seeds share no random numbers."""
    digest = hashlib.sha256(f"{seed} {purpose}".encode()).digest()
    torch.manual_seed(int.from_bytes(digest[:8], "little") >> 1)
