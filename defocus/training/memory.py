"""Memory of a network besides its weights, and available memory."""

import os
import weakref
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

UNKNOWN_BYTES = 2**31
"""Free memory, in bytes, that is assumed where the system does not report it."""


class LiveBytes(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts the tensors made inside that still exist; ``peak`` is their largest sum, bytes."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.live = 0
        self.peak = 0
        self._known: dict[int, int] = {}

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """No: PyTorch would load its compiler for that, which takes longer than the counting."""
        return False

    def __torch_dispatch__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:  # noqa: ANN401 - whatever the operation gives
        results = func(*args, **(kwargs or {}))
        for leaf in tree_leaves(results):
            if isinstance(leaf, torch.Tensor):
                self._count(leaf.untyped_storage())
        return results

    def _count(self, storage: torch.UntypedStorage) -> None:
        key = storage._cdata
        if key in self._known:
            return
        self._known[key] = storage.nbytes()
        self.live += storage.nbytes()
        self.peak = max(self.peak, self.live)
        weakref.finalize(storage, self._forget, key)

    def _forget(self, key: int) -> None:
        self.live -= self._known.pop(key, 0)


@torch.no_grad()
def peak_bytes(network: nn.Module, *inputs: torch.Tensor, **needs: torch.Tensor) -> int:
    """Peak size in bytes of all tensors while a network restores a picture."""
    # Memory that libraries use inside one operation (such as transforms) is not included.
    with LiveBytes() as counter:
        network(*inputs, **needs)
    peak: int = counter.peak
    return peak


def available_bytes(device: torch.device) -> int:
    """Free memory of a device in bytes; for the CPU, the memory available without swapping."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    counters = Path("/proc/meminfo")
    if counters.exists():
        for line in counters.read_text(encoding="ascii").splitlines():
            name, _, amount = line.partition(":")
            if name == "MemAvailable":
                return int(amount.split()[0]) * 1024
    if not hasattr(os, "sysconf"):  # Windows
        return UNKNOWN_BYTES
    # macOS does not say what is free; half of what there is is a careful guess
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2
