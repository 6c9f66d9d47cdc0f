"""Ablation of an objective: systems that differ from it by one part each.

An objective of this package declares its ablation as ``ABLATION`` in a module ``ablation_lines``
of its folder.
"""

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import defocus.baselines.objectives
from defocus.errors import RegistryError

if TYPE_CHECKING:
    from defocus.baselines.recipes.members import TargetName

__all__ = ["Ablation", "AblationLine", "ablation_of"]

MODULE = "ablation_lines"


@dataclass(frozen=True)
class AblationLine:
    """One line of the table.

    Attributes:
        label: What stands in its first column.
        system: Name of the system that is trained.
        published: Its id in the published numbers, empty if the paper has no such line.
        settings: Settings of the objective that differ from the system's; the training has the
            pairs that the objective needs with them.
        variant: What follows the system's name in its own; empty for its settings.
        target: Target of the training; None for what its objective needs, or the system's.
    """

    label: str
    system: str
    published: str = ""
    settings: Mapping[str, object] = field(default_factory=dict, hash=False)
    variant: str = ""
    target: "TargetName | None" = None


@dataclass(frozen=True)
class Ablation:
    """The lines of an ablation.

    Attributes:
        name: Of what is taken apart, as people write it.
        lines: Of the paper; the first has the plain loss, the last has all parts.
        extra: Ours beside them.
        rivals: Other ways to train on misaligned pairs.
        controls: The plain loss on aligned pairs, then on true ones, which need rendered pairs.
        dataset, protocol: Under which the paper's numbers stand.
        narrow_settings: Of the objective beside a small network.
        candidates: Further ways to train on misaligned pairs; some need rendered pairs.
    """

    name: str
    lines: tuple[AblationLine, ...]
    extra: tuple[AblationLine, ...]
    controls: tuple[AblationLine, ...]
    dataset: str
    protocol: str
    narrow_settings: Mapping[str, object] = field(default_factory=dict)
    rivals: tuple[AblationLine, ...] = ()
    candidates: tuple[AblationLine, ...] = ()

    def all_lines(self, *, rendered: bool) -> tuple[AblationLine, ...]:
        """The lines that a dataset has targets for."""
        controls = self.controls if rendered else self.controls[:1]
        return (*self.lines, *self.extra, *self.rivals, *controls)

    def every_line(self) -> tuple[AblationLine, ...]:
        """All lines, candidates included, which rendered pairs with doses have targets for."""
        return (*self.all_lines(rendered=True), *self.candidates)

    def central_lines(self) -> tuple[AblationLine, ...]:
        """Plain loss, whole objective, blurry input, its rivals, and controls."""
        blurry = tuple(line for line in self.extra if line.system == "input")
        return (self.lines[0], self.lines[-1], *blurry, *self.rivals, *self.controls)


def ablation_of(objective: str) -> Ablation:
    """The ablation that an objective declares.

    Raises:
        RegistryError: It declares none; the message has those that do.
    """
    places = [Path(place) for place in defocus.baselines.objectives.__path__]
    known = sorted(at.parent.name for place in places for at in place.glob(f"*/{MODULE}.py"))
    if objective not in known:
        raise RegistryError(f"no ablation of {objective!r}; there is one of {', '.join(known)}")
    package = defocus.baselines.objectives.__name__
    found: Ablation = importlib.import_module(f"{package}.{objective}.{MODULE}").ABLATION
    return found
