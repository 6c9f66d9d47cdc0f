"""The device to compute on; whether it is a GPU, mostly without the seconds that torch takes."""

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from defocus.training.parallel import ranks

if TYPE_CHECKING:
    import torch

    from defocus.training.method import Training

DRIVERS = (
    "/proc/driver/nvidia",
    "/dev/nvhost-gpu",
    "/dev/dxg",
    "/dev/kfd",
)
"""Files that Linux has where a GPU can be used: NVIDIA, NVIDIA's small boards, WSL, and AMD."""


def best_device() -> "torch.device":
    """The first CUDA device (each of several processes has its own), else the CPU."""
    import torch

    if torch.cuda.is_available():
        return torch.device("cuda", ranks().local)
    return torch.device("cpu")


def has_gpu() -> bool:
    """Whether trainings would run on a GPU; torch is asked only where there may be one."""
    has_driver = any(Path(driver).exists() for driver in DRIVERS)
    if sys.platform.startswith("linux") and not has_driver:
        return False
    import torch

    return torch.cuda.is_available()


@contextlib.contextmanager
def in_one_thread(wanted: bool) -> Iterator[None]:
    """Let torch compute in one thread, also in threads that begin in the block, if wanted."""
    # Several threads add up in another order, and what is small gains little by them.
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1 if wanted else before)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextlib.contextmanager
def gpu_choices(settings: "Training") -> Iterator[None]:
    """Let a GPU compute float32, and choose algorithms, as the settings of a training say."""
    import torch

    cudnn = torch.backends.cudnn
    products = torch.backends.cuda.matmul
    before = cudnn.benchmark, cudnn.allow_tf32, products.allow_tf32
    cudnn.benchmark = settings.cudnn == "fastest"
    cudnn.allow_tf32 = settings.tf32 != "none"
    products.allow_tf32 = settings.tf32 == "all"
    try:
        yield
    finally:
        cudnn.benchmark, cudnn.allow_tf32, products.allow_tf32 = before


VISIBLE = "CUDA_VISIBLE_DEVICES"


def visible_gpus() -> tuple[str, ...]:
    """The usable GPUs, as ``CUDA_VISIBLE_DEVICES`` names them."""
    named = os.environ.get(VISIBLE)
    if named is not None:
        return tuple(one.strip() for one in named.split(",") if one.strip())
    if not has_gpu():
        return ()
    import torch

    return tuple(map(str, range(torch.cuda.device_count())))
