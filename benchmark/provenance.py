"""What a result must say of how it came about: code, libraries, machine."""

import functools
import hashlib
import importlib.metadata
import importlib.util
import os
import platform
from collections.abc import Iterable
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path

from defocus import __version__
from defocus.benchmark.module_code import keep_read, read_code
from defocus.commit import own_commit

__all__ = ["code_version", "library_versions", "machine", "package_version", "trained_by"]

_LIBRARIES = ("torch", "numpy", "opencv-python-headless", "scikit-image", "scipy", "lpips", "h5py")

_DECIDE_NOTHING = frozenset(
    {
        "defocus.commandline",
        "defocus.errors",
        "defocus.files",
        "defocus.progress",
        "defocus.benchmark.freed_memory",
        "defocus.benchmark.module_code",
        "defocus.benchmark.plan",
        "defocus.benchmark.provenance",
        "defocus.benchmark.results",
        "defocus.benchmark.probe",
        "defocus.benchmark.run_folder",
        "defocus.benchmark.stopping",
        "defocus.benchmark.tracking",
        "defocus.benchmark.score_matrix",
    }
)
"""Modules whose change cannot change a number: a reworded message must not repeat a training."""


def code_version(modules: Iterable[str], *, without: Iterable[str] = ()) -> str:
    """Hash of the code that these modules consist of and reach by imports inside their packages.

    Comments, blank lines and docstrings do not count. An import written inside a function counts
    like any other. Modules are read, not imported.

    Args:
        modules: Import names; one that cannot be found is skipped with its name hashed.
        without: Import names that are not followed: what is reached and yet decides nothing.

    Returns:
        16 hexadecimal digits.
    """
    waiting = sorted(set(modules))
    skipped = _DECIDE_NOTHING.union(without)
    packages = {name.split(".")[0] for name in waiting}
    reached: dict[str, str] = {}
    while waiting:
        name = waiting.pop()
        if name in reached or name in skipped:
            continue
        reached[name], imports = _read_module(name)
        waiting += [found for found in imports if found.split(".")[0] in packages]
    keep_read()
    lines = "".join(f"{name} {digest}\n" for name, digest in sorted(reached.items()))
    return hashlib.sha256(lines.encode()).hexdigest()[:16]


@functools.cache
def _read_module(name: str) -> tuple[str, tuple[str, ...]]:
    """Hash of one module's code, and the names it imports."""
    path = _source_of(name)
    if path is None:
        return "", ()
    return read_code(path.read_bytes())


def _source_of(name: str) -> Path | None:
    """The file of a module, None where the name is none of a module."""
    spec = _spec(name)
    if spec is None or spec.origin is None or not spec.origin.endswith(".py"):
        return None
    return Path(spec.origin)


@functools.cache
def _spec(name: str) -> ModuleSpec | None:
    """Where a module lies; ``importlib.util.find_spec`` would import its parents."""
    parent, _, _ = name.rpartition(".")
    if not parent:
        return None if name == "__main__" else importlib.util.find_spec(name)
    package = _spec(parent)
    if package is None or package.submodule_search_locations is None:
        return None
    return PathFinder.find_spec(name, package.submodule_search_locations)


def package_version() -> str:
    """The version of this code and its commit, as ``0.1.0+abc1234``; without a known commit 0.1.0.

    Shown beside results and never compared to decide what is done again.
    """
    commit = own_commit()
    return f"{__version__}+{commit}" if commit else __version__


def trained_by(earlier: str = "") -> str:
    """The versions that a training went through, this one last, as ``0.1.0+abc1234, 0.2.0``.

    Args:
        earlier: Those that it went through before.
    """
    now = package_version()
    if not earlier or earlier.rpartition(", ")[2] == now:
        return earlier or now
    return f"{earlier}, {now}"


def library_versions() -> dict[str, str]:
    """Versions of Python, of this package and of the libraries that compute; no import of them."""
    versions = {"python": platform.python_version(), "defocus": package_version()}
    for name in _LIBRARIES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:  # another build of it, such as opencv
            versions[name] = "unknown"
    return versions


def machine() -> dict[str, str | int]:
    """The machine without its name: operating system, architecture, cores."""
    return {
        "system": platform.system(),
        "architecture": platform.machine(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 0,
    }
