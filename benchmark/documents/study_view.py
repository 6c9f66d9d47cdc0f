"""A study as the sections of its report see it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from defocus.benchmark.documents.board.notes import Notes, own_lines_notice
from defocus.benchmark.documents.figures.picture_pages import KeptPictures
from defocus.benchmark.documents.figures.picture_scores import (
    PictureScores,
    read_picture_scores,
)
from defocus.benchmark.leaderboard.classes import notice_on, ranks_narrow_copies
from defocus.benchmark.leaderboard.content import Content, display_name, read_content
from defocus.benchmark.leaderboard.lines import read_boards
from defocus.benchmark.leaderboard.rows import Row
from defocus.benchmark.results.store import Results
from defocus.reports.model import Part


@dataclass(frozen=True)
class Lead:
    """What a study asks beside a leaderboard; its report begins with the answer.

    Attributes:
        title: Title of the report.
        result: The answer in some sentences.
        intervals: How the intervals of the answer are made.
    """

    title: str
    result: str
    intervals: str


@dataclass(frozen=True)
class ReportStudy:
    """A study, for one of its documents.

    Attributes:
        content: Its store, rows and cards.
        pictures: Scores by picture of each leaderboard.
        kept: The restored pictures that it has kept.
        notes: The notes of the document.
        lead: What the study asks beside a leaderboard; None if nothing.
        printed: Whether the document is for print, and not for browsers.
    """

    content: Content
    pictures: Sequence[PictureScores]
    kept: KeptPictures
    notes: Notes
    lead: Lead | None
    printed: bool

    @property
    def out(self) -> Path:
        """Folder of the study."""
        return self.content.out

    @property
    def rows(self) -> Sequence[Row]:
        """The rows of its leaderboard."""
        return self.content.rows

    def display_name(self, system: str) -> str:
        """A system's name as written in text."""
        return display_name(self.content, system)

    def notice(self) -> str:
        """What may not be concluded from the numbers; empty if all systems were trained in full."""
        budgets, tracks = (
            {row.budget for row in self.rows},
            self.content.tracks.values(),
        )
        if self.lead and not ranks_narrow_copies(tracks):
            return own_lines_notice(budgets)
        return notice_on(budgets, tracks)

    def by_dataset(
        self,
        words: str,
        parts: Callable[[PictureScores], Sequence[Part]],
        among: Sequence[PictureScores] | None = None,
    ) -> Mapping[str, Sequence[Part]]:
        """Parts of each leaderboard, by a heading with the dataset's name where there are several.

        Args:
            words: Begin of the heading.
            parts: The parts of one.
            among: The leaderboards; by default all.
        """
        by_heading = {}
        for scores in self.pictures if among is None else among:
            several = len(self.pictures) != 1
            heading = f"{words} of {scores.board.name}" if several else words
            by_heading[heading] = parts(scores)
        return by_heading


def read_study(
    out: Path,
    results: Results,
    rows: Sequence[Row],
    lead: Lead | None,
    *,
    printed: bool,
) -> ReportStudy:
    """Read what a document shows; see :class:`ReportStudy`."""
    content = read_content(out, results, rows)
    pictures = [read_picture_scores(content, board) for board in read_boards(content)]
    notes = Notes(own_lines=lead is not None)
    return ReportStudy(content, pictures, KeptPictures(out), notes, lead, printed)
