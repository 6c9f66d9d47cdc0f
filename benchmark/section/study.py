"""What the documents of a study are made of."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from defocus.benchmark.leaderboard.classes import budget_notice, ranks_narrow_copies
from defocus.benchmark.leaderboard.tables import NARROW_NOTICE
from defocus.benchmark.reporting.board.notes import Notes, own_lines_notice
from defocus.benchmark.reporting.content import Content
from defocus.benchmark.reporting.dose.parts import dose_parts, line_names
from defocus.benchmark.reporting.dose.words import dose_result, study_title
from defocus.benchmark.reporting.figures.joint_training import (
    joint_training_parts,
    only_joint_training,
)
from defocus.benchmark.reporting.figures.picture_scores import PictureScores
from defocus.benchmark.reporting.figures.pictures import KeptPictures
from defocus.benchmark.reporting.summary import result, sentences
from defocus.reports.model import Folded, Page, Paragraph, Part
from defocus.reports.text import anchor

__all__ = ["TITLE", "Report", "Section"]


TITLE = "Defocus deblurring benchmark"


Section = tuple[str, tuple[Part, ...]]


@dataclass(frozen=True)
class Report:
    """What both documents are made of; ``doses`` is what a study by dose keeps."""

    content: Content
    pictures: list[PictureScores]
    kept: KeptPictures
    notes: Notes
    doses: dict[str, Any] | None

    def page(self, *sections: Section) -> Page:
        """The document; empty sections are left out."""
        return Page(
            study_title(self.doses) if self.doses else TITLE,
            self.notice(),
            tuple((heading, parts) for heading, parts in sections if parts),
            dose_result(self.doses) if self.doses else result(self.content, self.pictures),
            self.notes.texts,
        )

    def results(
        self, board: Callable[["Report", PictureScores], tuple[Part, ...]]
    ) -> list[Section]:
        """The leaderboards with the comparison of JDRL and the plain loss.

        A study by dose begins with its own result, which compares them already.
        """
        boards = [(self.heading("Leaderboard", one), board(self, one)) for one in self.pictures]
        if self.doses is None:
            return [*boards[:1], *self.joint_training(), *boards[1:]]
        names: Section = ("Names of the lines", (line_names(self.doses),))
        return [
            *dose_parts(self.content.out, self.doses),
            *self.aside("Leaderboards", [*boards, names]),
        ]

    def aside(self, heading: str, sections: Sequence[Section]) -> list[Section]:
        """The sections as they are; in a study by dose they are folded under one heading."""
        if self.doses is None:
            return list(sections)
        folded = (
            Folded(name, anchor("fold", heading, name), parts) for name, parts in sections if parts
        )
        return [(heading, tuple(folded))]

    def summary(self, by_cost: tuple[Part, ...]) -> list[Section]:
        """The numbers in sentences, and quality against cost."""
        said = tuple(Paragraph(text) for text in sentences(self.content))
        return self.aside("Summary and cost", [("Summary", said), ("Quality and cost", by_cost)])

    def shown(self, parts: Callable[[PictureScores, KeptPictures], list[Part]]) -> list[Section]:
        """The pictures of each dataset."""
        each = [
            (self.heading("Pictures", one), tuple(parts(one, self.kept))) for one in self.pictures
        ]
        return self.aside("Pictures", each)

    def notice(self) -> str:
        """What may not be concluded from the numbers; empty if all systems were trained in full."""
        if ranks_narrow_copies(self.content.tracks.values()):
            return NARROW_NOTICE
        budgets = {row.budget for row in self.content.rows}
        return own_lines_notice(budgets) if self.doses else budget_notice(budgets)

    def joint_training(self) -> list[Section]:
        """The comparison of JDRL with the plain loss, first where a study made it alone."""
        found = []
        made_for_it = {one.board.name for one in self.pictures if only_joint(one)}
        for one in sorted(self.pictures, key=lambda one: one.board.name not in made_for_it):
            parts = joint_training_parts(self.content, one.board, self.kept)
            found.append((self.heading("JDRL and the plain loss", one), tuple(parts)))
        return found

    def heading(self, words: str, scores: PictureScores) -> str:
        """A heading with the dataset's name where there are several."""
        return f"{words} of {scores.board.name}" if len(self.pictures) > 1 else words


def only_joint(scores: PictureScores) -> bool:
    """Whether a leaderboard has nothing but networks trained with and without JDRL."""
    return only_joint_training({s.first.system for s in scores.board.lines if not s.reference})
