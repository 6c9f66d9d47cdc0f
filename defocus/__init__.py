"""Toolkit for single image defocus deblurring, from the camera to the leaderboard."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from defocus.extensions import Plugin

__all__ = ["__version__", "plugin"]

__version__ = "0.1.0"


def plugin(path: "Path | str") -> "Plugin":
    """Run a Python file of your own, so that what it defines is known by name everywhere.

    Args:
        path: The file; see :func:`defocus.extensions.load_plugin`.

    Raises:
        RegistryError: The file is missing, fails, or defines nothing that this package knows.
    """
    from defocus.extensions import load_plugin

    return load_plugin(path)
