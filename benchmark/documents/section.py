"""Interface of a section of a study's report; plug-ins bring theirs."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, TypeAlias

from defocus.errors import RegistryError
from defocus.reports.model import Curves, Part, Scatter, Tabs

if TYPE_CHECKING:
    from defocus.benchmark.documents.study_view import Lead, ReportStudy
    from defocus.benchmark.leaderboard.content import Content


def tabbed(label: str, named: Sequence[tuple[str, Part]]) -> tuple[Part, ...]:
    """A tab for each part; nothing without any."""
    if not named:
        return ()
    tabs = tuple((name, (part,)) for name, part in named)
    return (Tabs(label, tabs),)


Built: TypeAlias = "Sequence[Part] | Mapping[str, Sequence[Part]]"
Figures: TypeAlias = "Mapping[str, Sequence[Curves | Scatter]]"


@dataclass(frozen=True)
class Section:
    """A section of the report of a study.

    Attributes:
        name: Its heading.
        order: Where it is: smaller numbers first. Ours have the leaderboard at 10, the pictures
            at 100, the methods at 120.
        needs: Files that it is made from in the study's folder, or patterns such as
            ``strip-*``. Without the first one the section is left out; where one changes, the
            report is made again.
        build: Makes its parts from a :class:`ReportStudy`: none where it has nothing to show,
            parts by heading where it has several.
        aside: Heading under which it is folded in the report of a study with a lead; empty if it
            stays.
        lead: What the study asks, from its folder; None if that is a leaderboard.
        figures: Figures for a paper, by the name of their files.
        source_hash: SHA-256 hash of its plug-in file, set when the file is loaded.

    Raises:
        RegistryError: The heading is empty, ``order`` is not a number, ``build`` is not a
            function, or ``needs`` is not a tuple of names inside the study's folder.

    Examples:
        >>> import tempfile
        >>> from pathlib import Path
        >>> import defocus
        >>> def notes(study):
        ...     return [defocus.Paragraph((study.out / "notes.txt").read_text())]
        >>> section = defocus.Section("Notes", 85, ("notes.txt",), notes)
        >>> with tempfile.TemporaryDirectory() as empty:
        ...     section.has_needs(Path(empty))
        False
    """

    name: str
    order: float
    needs: tuple[str, ...]
    build: "Callable[[ReportStudy], Built]"
    aside: str = ""
    lead: "Callable[[Path], Lead | None] | None" = None
    figures: "Callable[[Content], Figures] | None" = None
    source_hash: str = ""

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name:
            raise RegistryError("a section has no name; give its heading")
        if not isinstance(self.order, int | float) or not callable(self.build):
            raise RegistryError(
                f"section {self.name!r}: order must be a number, and build a function"
            )
        if not isinstance(self.needs, tuple) or not all(map(_is_inside, self.needs)):
            raise RegistryError(
                f"section {self.name!r}: needs must be a tuple of names in the study's folder"
            )

    def files(self, out: Path) -> list[Path]:
        """The files of a study that it needs, as far as they are there."""
        files: list[Path] = []
        for pattern in self.needs:
            files += sorted(out.glob(pattern))
        return files

    def has_needs(self, out: Path) -> bool:
        """Whether the section can be made of a study."""
        return not self.needs or any(out.glob(self.needs[0]))


def _is_inside(name: object) -> bool:
    """Whether a name or pattern leads to nothing outside a folder."""
    if not isinstance(name, str) or not name:
        return False
    path = PurePosixPath(name)
    return not path.is_absolute() and ".." not in path.parts
