"""Toolkit for single image defocus deblurring, from the camera to the leaderboard.

The names that this module exports are kept from version to version; everything below it may move.
Parts are imported when first used, so that ``import defocus`` is quick.
"""

import importlib
from types import FunctionType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from defocus.baselines.card import Baseline as Baseline
    from defocus.baselines.loss import Loss as Loss
    from defocus.baselines.objective import Objective as Objective
    from defocus.baselines.recipe import Recipe as Recipe
    from defocus.baselines.recipe import Schedule as Schedule
    from defocus.benchmark.documents.section import Section as Section
    from defocus.benchmark.metrics.metric import Metric as Metric
    from defocus.capture.camera import Camera as Camera
    from defocus.capture.camera import CameraDescription as CameraDescription
    from defocus.capture.camera import Setting as Setting
    from defocus.command_line.verbs import help_heading as help_heading
    from defocus.datasets.api import Reader as Reader
    from defocus.datasets.opening import opened as opened
    from defocus.datasets.pair import Dataset as Dataset
    from defocus.datasets.pair import Pair as Pair
    from defocus.front.dataset import open_dataset as open_dataset
    from defocus.front.edges import measure_mtf as measure_mtf
    from defocus.front.pairs import align_pair as align_pair
    from defocus.front.pairs import measure_pair as measure_pair
    from defocus.front.restoring import restore as restore
    from defocus.front.scene_pair import render as render
    from defocus.front.scores import score as score
    from defocus.front.studies import load_results as load_results
    from defocus.front.studies import run as run
    from defocus.front.systems import list_systems as list_systems
    from defocus.front.systems import load as load
    from defocus.plugins.extensions import Plugin
    from defocus.reports.model import Column as Column
    from defocus.reports.model import Paragraph as Paragraph
    from defocus.reports.model import Table as Table
    from defocus.training.optimiser import Optimiser as Optimiser

__all__ = [
    "Baseline",
    "Camera",
    "CameraDescription",
    "Column",
    "Dataset",
    "Loss",
    "Metric",
    "Objective",
    "Optimiser",
    "Pair",
    "Paragraph",
    "Reader",
    "Recipe",
    "Schedule",
    "Section",
    "Setting",
    "Table",
    "__version__",
    "align_pair",
    "help_heading",
    "list_systems",
    "load",
    "load_results",
    "measure_mtf",
    "measure_pair",
    "open_dataset",
    "opened",
    "plugin",
    "render",
    "restore",
    "run",
    "score",
]

__version__ = "0.1.0"

_MODULES = {
    "Baseline": "baselines.card",
    "Camera": "capture.camera",
    "CameraDescription": "capture.camera",
    "Column": "reports.model",
    "Dataset": "datasets.pair",
    "Loss": "baselines.loss",
    "Metric": "benchmark.metrics.metric",
    "Objective": "baselines.objective",
    "Optimiser": "training.optimiser",
    "Pair": "datasets.pair",
    "Paragraph": "reports.model",
    "Reader": "datasets.api",
    "Recipe": "baselines.recipe",
    "Schedule": "baselines.recipe",
    "Section": "benchmark.documents.section",
    "Setting": "capture.camera",
    "Table": "reports.model",
    "align_pair": "front.pairs",
    "help_heading": "command_line.verbs",
    "list_systems": "front.systems",
    "load": "front.systems",
    "load_results": "front.studies",
    "measure_mtf": "front.edges",
    "measure_pair": "front.pairs",
    "open_dataset": "front.dataset",
    "opened": "datasets.opening",
    "render": "front.scene_pair",
    "restore": "front.restoring",
    "run": "front.studies",
    "score": "front.scores",
}
"""Module, below ``defocus``, of each public name."""


def plugin(path: "Path | str") -> "Plugin":
    """Load your own Python file; what it defines can then be used by name everywhere.

    Args:
        path: A Python file. Loading it again changes nothing, unless it was edited.

    Returns:
        The loaded file: its ``path``, its ``module``, and the hash of its code, ``source_hash``.

    Raises:
        RegistryError: The file is missing, fails, or defines nothing that this package can use.

    Examples:
        >>> import tempfile
        >>> from pathlib import Path
        >>> import defocus
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     file = Path(folder) / "mine.py"
        ...     _ = file.write_text("import defocus; MINE = defocus.Loss('mine', list)")
        ...     loaded = defocus.plugin(file)
        >>> loaded.module.MINE.name
        'mine'
    """
    from defocus.plugins.extensions import load_plugin

    return load_plugin(path)


if not TYPE_CHECKING:  # a type checker would take it that every name is there

    def __getattr__(name: str) -> object:
        if name not in _MODULES:
            raise AttributeError(f"module 'defocus' has no attribute {name!r}")
        module = importlib.import_module(f"defocus.{_MODULES[name]}")
        value = getattr(module, name)
        if isinstance(value, FunctionType):
            from defocus.near_names import with_hint

            value = with_hint(value)
            setattr(module, name, value)  # where pickle looks for it
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted(__all__)
