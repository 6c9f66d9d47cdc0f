"""What the C library does with freed memory: keeps it for reuse, or gives it back."""

import ctypes
import sys

# settings of glibc's ``mallopt``
_TRIM_THRESHOLD = -1
_TOP_PAD = -2
_MMAP_MAX = -4
_ARENA_MAX = -8
_KEPT_BYTES = 2**31 - 1
"""Bytes of freed memory that glibc keeps at the end of its heap: the most that it can."""
_ASKED_BYTES = 64 * 2**20
"""Bytes by which each request to the system is larger than needed."""
LARGE_PIXELS = 8_000_000
"""Pixels of a picture from which on the memory that its restoration leaves behind matters."""


def keep_freed_memory() -> None:
    """Make the C library of this process keep freed memory; this works with glibc only."""
    # Else each large array is given back and its pages are cleared when it is asked for again: half
    # of the time of restoring, and a third of judging 24 megapixels, on two cores.
    settings = {
        _ARENA_MAX: 1,
        _MMAP_MAX: 0,
        _TRIM_THRESHOLD: _KEPT_BYTES,
        _TOP_PAD: _ASKED_BYTES,
    }
    for setting, value in settings.items():
        _glibc("mallopt", setting, value)


def return_freed_memory(pixels: int) -> None:
    """Give freed memory back to the system after a step with large pictures; with glibc only."""
    # Measuring 24 megapixels leaves 300 MiB of arrays, a whole audit 900, while the pictures that
    # are made next need larger pieces. What pictures of fewer ``pixels`` leave is not worth the
    # time.
    if pixels >= LARGE_PIXELS:
        _glibc("malloc_trim", 0)


def _glibc(name: str, *values: int) -> None:
    """Call a function of glibc, which musl and other systems do not have."""
    if sys.platform != "linux":
        return
    function = getattr(ctypes.CDLL(None), name, None)
    if function is not None:
        function(*values)
