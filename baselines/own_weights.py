"""Weights that the package ships: ``weights/NAME.safetensors`` in the folder of a system."""

from importlib.resources import files
from pathlib import Path

from defocus.baselines.card import Baseline
from defocus.baselines.registry import home_package
from defocus.errors import WeightsError

__all__ = ["OWN", "find_own_weights", "own_weights"]

OWN = "own"
"""What a person writes in place of a label or a file."""


def find_own_weights(system: Baseline) -> Path | None:
    """The weights file that the package ships for a system; None where it ships none."""
    package = home_package(system)
    if not package.startswith("defocus.baselines."):
        return None
    path = Path(str(files(package))) / "weights" / f"{system.card.name}.safetensors"
    return path if path.is_file() else None


def own_weights(system: Baseline) -> Path:
    """The same, where it is needed.

    Raises:
        WeightsError: The package ships none.
    """
    path = find_own_weights(system)
    if path is None:
        raise WeightsError(
            f"the package ships no weights of {system.card.name}; give a label of "
            "'defocus-bench weights list' or a file"
        )
    return path
