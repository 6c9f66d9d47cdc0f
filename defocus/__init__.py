"""Toolkit for single image defocus deblurring, from the camera to the leaderboard.

What this module exports is kept from version to version; everything below it may move. Nothing is
imported before it is used, so that ``import defocus`` takes no time.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from defocus.extensions import Plugin
    from defocus.front.dataset import open_dataset as open_dataset
    from defocus.front.pairs import align_pair as align_pair
    from defocus.front.pairs import measure_pair as measure_pair
    from defocus.front.rendering import render as render
    from defocus.front.restoring import restore as restore
    from defocus.front.scores import score as score
    from defocus.front.studies import load_results as load_results
    from defocus.front.studies import run as run
    from defocus.front.systems import list_systems as list_systems
    from defocus.front.systems import load as load

__all__ = [
    "__version__",
    "align_pair",
    "list_systems",
    "load",
    "load_results",
    "measure_pair",
    "open_dataset",
    "plugin",
    "render",
    "restore",
    "run",
    "score",
]

__version__ = "0.1.0"

_MODULES = {
    "align_pair": "pairs",
    "list_systems": "systems",
    "load": "systems",
    "load_results": "studies",
    "measure_pair": "pairs",
    "open_dataset": "dataset",
    "render": "rendering",
    "restore": "restoring",
    "run": "studies",
    "score": "scores",
}
"""Where each function is, below ``defocus.front``."""


def plugin(path: "Path | str") -> "Plugin":
    """Run a Python file of your own, so that what it defines is known by name everywhere.

    Args:
        path: The file; see :func:`defocus.extensions.load_plugin`.

    Raises:
        RegistryError: The file is missing, fails, or defines nothing that this package knows.
    """
    from defocus.extensions import load_plugin

    return load_plugin(path)


if not TYPE_CHECKING:  # a type checker would take it that every name is there

    def __getattr__(name: str) -> object:
        if name not in _MODULES:
            raise AttributeError(f"module 'defocus' has no attribute {name!r}")
        found = getattr(importlib.import_module(f"defocus.front.{_MODULES[name]}"), name)
        globals()[name] = found
        return found


def __dir__() -> list[str]:
    return sorted(__all__)
