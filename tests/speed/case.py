"""A speed case: our code and a plain way to the same result, both measured in one run."""

import atexit
import importlib
import json
import pkgutil
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike
from packaging.version import Version

from tests.speed import cases

Work: TypeAlias = Callable[[], object]

HISTORY = Path(__file__).parent / "history"


@dataclass(frozen=True)
class Case:
    """One comparison; ``CASES`` of :mod:`tests.speed.cases` and of an extra's ``speed.py``."""

    name: str  # of its group, and for -k
    ours: Callable[[], Work]  # makes the inputs and returns the work that is measured
    peer: Callable[[], Work] | None = None  # the plain way; None where there is none
    difference: Callable[[], float] | None = (
        None  # how far both are apart, for small inputs
    )
    tolerance: float = 0.0
    target: float | None = None  # of the ratio; it is shown, never asserted
    note: str = ""  # what the peer does otherwise


def all_cases() -> list[Case]:
    """The cases of all modules of :mod:`tests.speed.cases`, and those of the extras' tests."""
    names = [
        f"{cases.__name__}.{module.name}"
        for module in pkgutil.iter_modules(cases.__path__)
    ]
    extras = Path(__file__).parents[1] / "extras"
    names += [
        f"tests.extras.{file.parent.name}.speed" for file in extras.glob("*/speed.py")
    ]
    modules = map(importlib.import_module, sorted(names))
    return [case for module in modules for case in module.CASES]


def apart(ours: ArrayLike, peer: ArrayLike) -> float:
    """Largest difference of two results, relative to the largest value."""
    first, second = np.asarray(ours, np.float64), np.asarray(peer, np.float64)
    return float(np.abs(first - second).max() / np.abs(second).max())


def new_folder() -> Path:
    """An empty folder, which is there until the process ends."""
    folder = Path(tempfile.mkdtemp(prefix="defocus-speed-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def kept_ratios() -> tuple[str, dict[str, float]]:
    """The newest release that kept its ratios, and them by name."""
    file = max(HISTORY.glob("*.json"), key=lambda file: Version(file.stem))
    rows = json.loads(file.read_text(encoding="utf-8"))
    return file.stem, {row["name"]: row["ratio"] for row in rows}
