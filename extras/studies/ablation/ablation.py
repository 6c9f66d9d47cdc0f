"""Ablation of an objective: systems that differ from it by one part each."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from defocus.baselines.recipe import TargetName


@dataclass(frozen=True)
class AblationLine:
    """One line of the table: a system, and settings of its objective that differ."""

    # ``published`` is its id in the published numbers; ``variant`` follows the system's name in its
    # name; ``target`` is None for what its objective needs, or the system's.

    label: str
    system: str
    published: str = ""
    settings: Mapping[str, object] = field(default_factory=dict, hash=False)
    variant: str = ""
    target: "TargetName | None" = None


@dataclass(frozen=True)
class Ablation:
    """The lines of an ablation, the plain loss first and all parts last."""

    # ``extra`` are ours, ``rivals`` and ``candidates`` other ways to train on misaligned pairs,
    # ``controls`` the plain loss on aligned, then on true pairs.

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
