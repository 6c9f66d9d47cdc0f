"""Memory that the C library keeps after it was freed, given back to the system."""

import ctypes
import sys

__all__ = ["return_freed_memory"]


def return_freed_memory() -> None:
    """Give freed memory back to the system; this works with glibc only.

    glibc keeps arrays of up to 32 MiB for reuse. Of 24 megapixels measuring leaves 300 MiB of them,
    while the pictures that are made next need larger pieces.
    """
    if sys.platform != "linux":
        return
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:  # musl has none
        trim(0)
