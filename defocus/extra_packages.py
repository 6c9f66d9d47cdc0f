"""Packages of an extra, imported where they are used."""

import importlib
from importlib import metadata
from types import ModuleType

from packaging.version import Version

from defocus.errors import DefocusError, InputError

__all__ = ["require"]


def require(
    module: str, extra: str, least: str = "", error: type[DefocusError] = InputError
) -> ModuleType:
    """Import a module of an extra; where it is missing or too old, say what to install."""
    remedy = f"pip install 'defocus[{extra}]'"
    try:
        imported = importlib.import_module(module)
    except ImportError as missing:
        raise error(f"needs {missing.name or module}; {remedy}") from missing
    if least and Version(version := metadata.version(_package(module))) < Version(least):
        raise error(f"needs {module} {least} or later, not {version}; {remedy}")
    return imported


def _package(module: str) -> str:
    """The distribution that brings a module."""
    name = module.partition(".")[0]
    return metadata.packages_distributions().get(name, [name])[0]
