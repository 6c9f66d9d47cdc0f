"""Packages of an extra, imported where they are used."""

import importlib
import re
from importlib import metadata
from types import ModuleType

from defocus.errors import DefocusError, InputError


def require(
    module: str,
    extra: str,
    least: str = "",
    error: type[DefocusError] = InputError,
) -> ModuleType:
    """Import a module of an extra; where it is missing or too old, say what to install."""
    remedy = f"pip install 'defocus[{extra}]'"
    try:
        imported = importlib.import_module(module)
    except ImportError as missing:
        raise error(f"needs {missing.name or module}; {remedy}") from missing
    if not least:
        return imported
    version = metadata.version(_package(module))
    if _numbers(version) < _numbers(least):
        raise error(f"needs {module} {least} or later, not {version}; {remedy}")
    return imported


def _numbers(version: str) -> list[int]:
    """The release of a version in four numbers, such as ``[1, 16, 0, 0]`` of ``1.16``."""
    release = re.sub(r"[^\d.].*", "", version, flags=re.DOTALL)
    numbers = [int(part) for part in release.split(".") if part]
    return numbers + [0] * (4 - len(numbers))


def _package(module: str) -> str:
    """The distribution that brings a module."""
    name = module.partition(".")[0]
    return metadata.packages_distributions().get(name, [name])[0]
