"""Declared sizes of the package's own systems, so that listing them builds no network.

Those of an extra's systems are in its folder ``baselines``. ``python -m
defocus.baselines.declared_sizes`` counts all systems again and writes the files.
"""

import json
from functools import cache
from importlib.resources import files
from pathlib import Path

from defocus.baselines.card import Baseline
from defocus.baselines.registry import all_baselines, home_package
from defocus.files import write_json

FILE = "parameters.json"


def parameters(system: Baseline) -> int:
    """Number of parameters of a system: as declared, or counted for systems of others."""
    own = not system.source_hash and not system.is_narrow
    declared = _declared(_place(system)).get(system.card.name) if own else None
    if declared is not None:
        return declared
    from defocus.baselines import size

    return size.parameter_count(system)


def _place(system: Baseline) -> str:
    """The package that declares a system's size."""
    above = home_package(system).rpartition(".")[0]
    return above if above.startswith("defocus.extras.") else "defocus.baselines"


@cache
def _declared(place: str) -> dict[str, int]:
    file = files(place) / FILE
    sizes: dict[str, int] = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    return sizes


def _declare() -> None:
    from defocus.baselines.size import parameter_count

    counts: dict[str, dict[str, int]] = {}
    for name, system in all_baselines().items():
        if not system.source_hash:
            counts.setdefault(_place(system), {})[name] = parameter_count(system)
    for place, sizes in counts.items():
        write_json(Path(str(files(place))) / FILE, sizes)


if __name__ == "__main__":
    _declare()
