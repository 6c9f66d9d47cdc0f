"""The systems by name: folders of this package, and entry points ``defocus.baselines``.

A folder with a ``baseline.py`` that has ``BASELINES: tuple[Baseline, ...]`` is found without an
edit elsewhere. A third party's entry point names a :class:`Baseline`, a tuple of them, or a module
that has ``BASELINES``.
"""

import difflib
import importlib
import importlib.util
import pkgutil
import re
from collections.abc import Iterable, Iterator
from functools import partial
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import defocus.baselines
import defocus.baselines.losses
import defocus.baselines.objectives
from defocus.baselines.card import Baseline
from defocus.errors import RegistryError

if TYPE_CHECKING:  # a list of cards needs no torch
    from defocus.baselines.losses.loss import Loss
    from defocus.baselines.objectives.objective import Objective

__all__ = [
    "ENTRY_POINTS",
    "all_baselines",
    "baseline",
    "home_package",
    "loss",
    "losses",
    "objective",
    "objectives",
    "readme",
]

ENTRY_POINTS = "defocus.baselines"
"""Entry-point group in which other distributions name their systems."""

_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


def all_baselines() -> dict[str, Baseline]:
    """Every registered system by name, sorted; imports no torch.

    Raises:
        RegistryError: A name registered twice, a name that is not lower-case kebab, a variant of a
            system that does not exist, or an entry point that cannot be loaded (it is named).
    """
    found: dict[str, Baseline] = {}
    origins: dict[str, str] = {}
    for origin, system in (*_own_systems(), *_entry_point_systems()):
        name = system.card.name
        if not _NAME.fullmatch(name):
            raise RegistryError(
                f"{origin}: baseline name {name!r} is not lower-case words joined by '-'; rename it"
            )
        if name in found:
            raise RegistryError(
                f"baseline {name!r} is registered by {origins[name]} and by {origin}; rename one"
            )
        found[name], origins[name] = system, origin
    for name, system in found.items():
        of = system.card.variant_of
        if of is not None and of not in found:
            raise RegistryError(
                f"{origins[name]}: baseline {name!r} is a variant of {of!r}, which is not "
                f"registered{_nearest(of, found)}"
            )
    return dict(sorted(found.items()))


def baseline(name: str) -> Baseline:
    """The system of that name.

    Raises:
        RegistryError: Nobody registered that name; the message has the nearest ones.
    """
    systems = all_baselines()
    if name not in systems:
        raise RegistryError(
            f"no baseline {name!r}{_nearest(name, systems, listed_by='defocus-bench list')}"
        )
    return systems[name]


def home_package(system: Baseline) -> str:
    """Import name of the package that a system is built in; empty for a module of its own."""
    build = system.build.func if isinstance(system.build, partial) else system.build
    return str(build.__module__).rpartition(".")[0]


def readme(system: Baseline) -> str:
    """The README of the system's folder, Markdown; where there is none, what the card says.

    A system without a folder of its name, such as a variant, has that of where it is built.
    """
    own = f"defocus.baselines.{system.card.name.replace('-', '_')}"
    for package in (own, home_package(system)):
        spec = (
            importlib.util.find_spec(package) if package.startswith("defocus.baselines.") else None
        )
        for folder in (spec.submodule_search_locations or ()) if spec else ():
            path = Path(folder) / "README.md"
            if path.is_file():
                return path.read_text(encoding="utf-8")
    card = system.card
    return f"# {card.display_name}\n\n{card.source}\n\n{card.follows}\n\nLicence: {card.licence}\n"


def objectives() -> tuple[str, ...]:
    """Names of the training objectives, sorted: modules of ``defocus.baselines.objectives``."""
    return _modules_of(defocus.baselines.objectives, without="objective")


def objective(name: str, **settings: object) -> "Objective":
    """A new training objective.

    Args:
        name: One of :func:`objectives`.
        settings: Keyword arguments of the objective's ``make``.

    Raises:
        RegistryError: No objective of that name; the message has the nearest ones.
    """
    if name not in objectives():
        raise RegistryError(f"no objective {name!r}{_nearest(name, objectives())}")
    module = importlib.import_module(f"defocus.baselines.objectives.{name}")
    made: Objective = module.make(**settings)
    return made


def losses() -> tuple[str, ...]:
    """Names of the losses, sorted: modules of ``defocus.baselines.losses``."""
    return _modules_of(defocus.baselines.losses, without="loss")


def loss(name: str, **settings: object) -> "Loss":
    """A loss between an output and the target.

    Args:
        name: One of :func:`losses`.
        settings: Keyword arguments of the loss's ``make``.

    Raises:
        RegistryError: No loss of that name; the message has the nearest ones.
    """
    if name not in losses():
        raise RegistryError(f"no loss {name!r}{_nearest(name, losses())}")
    made: Loss = importlib.import_module(f"defocus.baselines.losses.{name}").make(**settings)
    return made


def _modules_of(package: ModuleType, *, without: str) -> tuple[str, ...]:
    names = (module.name for module in pkgutil.iter_modules(package.__path__))
    return tuple(sorted(name for name in names if name != without))


def _nearest(name: str, known: Iterable[str], listed_by: str = "") -> str:
    """The end of a message: names like it, else all, or the command that lists too many."""
    near = difflib.get_close_matches(name.lower(), list(known), n=3, cutoff=0.4)
    if near:
        return f"; did you mean {' or '.join(near)}?"
    if listed_by:
        return f"; '{listed_by}' shows all"
    return f"; known are {', '.join(sorted(known))}"


def _own_systems() -> Iterator[tuple[str, Baseline]]:
    for module in pkgutil.iter_modules(defocus.baselines.__path__):
        has_file = any(
            (Path(folder) / module.name / "baseline.py").is_file()
            for folder in defocus.baselines.__path__
        )
        if module.ispkg and has_file:
            path = f"defocus.baselines.{module.name}.baseline"
            yield from _systems_of(importlib.import_module(path), path)


def _entry_point_systems() -> Iterator[tuple[str, Baseline]]:
    for point in entry_points(group=ENTRY_POINTS):
        origin = f"entry point {point.name!r} ({_distribution(point)}: {point.value})"
        try:
            loaded = point.load()
        except Exception as error:
            raise RegistryError(
                f"{origin} cannot be loaded: {type(error).__name__}: {error}; "
                "mend or uninstall that distribution"
            ) from error
        yield from _systems_of(loaded, origin)


def _distribution(point: EntryPoint) -> str:
    return point.dist.name if point.dist is not None else "unknown distribution"


def _systems_of(loaded: object, origin: str) -> Iterator[tuple[str, Baseline]]:
    if isinstance(loaded, ModuleType):
        loaded = getattr(loaded, "BASELINES", None)
    systems = (loaded,) if isinstance(loaded, Baseline) else loaded
    if not isinstance(systems, tuple) or not all(isinstance(s, Baseline) for s in systems):
        raise RegistryError(
            f"{origin} gives {type(loaded).__name__}; it must be a Baseline, a tuple of them, or a "
            "module with BASELINES"
        )
    for system in systems:
        yield origin, system
