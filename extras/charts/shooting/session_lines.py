"""Lines of the test chart in a session's journal, and the charts that they make."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from defocus.capture.planning.shoot_record import Read
from defocus.capture.sessions.additions import LineKind
from defocus.capture.sessions.lines import (
    AddedReadLine,
    AddedShotLine,
    FileName,
    added_id,
)
from defocus.capture.sessions.state import SessionState, kept_in

WORD = "chart"
"""First word of the lines, and of the ids of charts: ``chart 0001``."""


class ChartShotLine(AddedShotLine):
    """The test chart was shot, and its files are stored."""

    chart: int = Field(ge=1, le=9999)
    sensor_pitch_um: float | None = Field(default=None, gt=0.0)
    picture: FileName

    @model_validator(mode="after")
    def _picture_is_among_the_files(self) -> Self:
        if self.picture not in {entry.name for entry in self.files}:
            raise ValueError("the chart's picture is missing from its files")
        return self


Pixels = Annotated[float, Field(ge=-1e6, le=1e6)]
Mtf50 = Annotated[float, Field(gt=0.0, le=1.0)]


class FoundChart(Read):
    """Values of a chart that are compared; None is an edge or a dot that was not measured."""

    layout: Literal["wall", "depths"]
    size_px: tuple[int, int]
    mtf50: tuple[Mtf50 | None, ...] = Field(max_length=1000)
    dots: tuple[tuple[Pixels, Pixels] | None, ...] = Field(max_length=1000)


class ChartReadLine(AddedReadLine):
    """A shot of the test chart was read; ``found`` is None, with the reason, where that failed."""

    chart: int = Field(ge=1, le=9999)
    found: FoundChart | None


LINES: Mapping[str, LineKind] = {
    "chart-shot": LineKind(ChartShotLine, "a shot of the test chart"),
    "chart-read": LineKind(ChartReadLine, "the reading of a test chart"),
}
"""The lines by their events."""


@dataclass(frozen=True)
class SessionChart:
    """A shot of the test chart, and what was read in it; None until then."""

    shot: ChartShotLine
    read: ChartReadLine | None = None

    @property
    def id(self) -> str:
        """The id, such as ``chart 0001``."""
        return self.shot.id


def session_charts(state: SessionState) -> list[SessionChart]:
    """The shots of the test chart in a session, in their order."""
    charts = []
    for added in state.added_by(WORD):
        if not isinstance(added.shot, ChartShotLine):
            continue
        read = added.read if isinstance(added.read, ChartReadLine) else None
        charts.append(SessionChart(added.shot, read))
    return charts


def chart_folder(root: Path, number: int) -> Path:
    """Folder of a shot of the test chart."""
    return kept_in(root, added_id(WORD, number))
