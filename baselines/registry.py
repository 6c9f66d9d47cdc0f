"""The systems by name: folders of this package, and entry points ``defocus.baselines``."""

from defocus.baselines.card import Baseline
from defocus.errors import RegistryError

__all__ = ["all_baselines", "baseline"]


def all_baselines() -> dict[str, Baseline]:
    """Every registered system by name, sorted; imports no torch."""
    return {}


def baseline(name: str) -> Baseline:
    """The system of that name.

    Raises:
        RegistryError: Nobody registered that name; the message has the nearest ones.
    """
    raise RegistryError(name)
