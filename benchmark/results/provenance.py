"""Provenance of a result: code, libraries, computer."""

import importlib.metadata
import os
import platform

from defocus import __version__
from defocus.commit import own_commit

__all__ = ["library_versions", "machine", "package_version"]

_LIBRARIES = ("torch", "numpy", "opencv-python-headless", "scikit-image", "scipy", "lpips", "h5py")


def package_version() -> str:
    """Version and commit, ``0.1.0+abc1234``, to show; it never decides what is repeated."""
    commit = own_commit()
    return f"{__version__}+{commit}" if commit else __version__


def library_versions() -> dict[str, str]:
    """Versions of Python, this package and the numerical libraries, without importing them."""
    versions = {"python": platform.python_version(), "defocus": package_version()}
    for name in _LIBRARIES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:  # another build of it, such as opencv
            versions[name] = "unknown"
    return versions


def machine() -> dict[str, str | int]:
    """Description of the machine, without its name: operating system, architecture, cores."""
    return {
        "system": platform.system(),
        "architecture": platform.machine(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 0,
    }
