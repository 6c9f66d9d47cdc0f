"""Whether this computer has a GPU to train on, mostly without the seconds that torch takes."""

import sys
from pathlib import Path

__all__ = ["has_gpu"]

DRIVERS = ("/proc/driver/nvidia", "/dev/nvhost-gpu", "/dev/dxg", "/dev/kfd")
"""What Linux has where a GPU can be used: of NVIDIA, its small boards, Windows below, and AMD."""


def has_gpu() -> bool:
    """Whether trainings would run on a GPU; torch is asked only where there may be one."""
    if sys.platform.startswith("linux") and not any(Path(one).exists() for one in DRIVERS):
        return False
    import torch

    return torch.cuda.is_available()
