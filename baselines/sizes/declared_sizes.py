"""Declared sizes of the package's own systems, so that listing them builds no network.

``python -m defocus.baselines.sizes.declared_sizes`` counts all systems anew and writes the file.
"""

import json
from functools import cache
from importlib.resources import files
from pathlib import Path

from defocus.baselines.card import Baseline
from defocus.files import write_json

__all__ = ["FILE", "parameters"]

FILE = "parameters.json"


def parameters(system: Baseline) -> int:
    """Number of parameters of a system: as declared, or counted for systems of others."""
    own = not system.source_hash and not system.is_narrow
    known = _declared().get(system.card.name) if own else None
    if known is not None:
        return known
    from defocus.baselines.sizes import size

    return size.parameter_count(system)


@cache
def _declared() -> dict[str, int]:
    text = (files("defocus.baselines.sizes") / FILE).read_text(encoding="utf-8")
    found: dict[str, int] = json.loads(text)
    return found


def _declare() -> None:
    from defocus.baselines.registry import all_baselines
    from defocus.baselines.sizes.size import parameter_count

    counts = {
        name: parameter_count(system)
        for name, system in all_baselines().items()
        if not system.source_hash
    }
    write_json(Path(__file__).with_name(FILE), counts)


if __name__ == "__main__":
    _declare()
