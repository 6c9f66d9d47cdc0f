"""Effect of a system on the chart, and the scores that a study keeps."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from defocus.errors import InputError
from defocus.storage.files import write_json

CHART, UNFINISHED = "chart.json", "chart-unfinished.json"
"""Files in the study's folder: the finished restoration of the chart, and the unfinished one."""

T = TypeVar("T")


@dataclass(frozen=True)
class ChartScore:
    """One system at one circle of confusion; MTF50, gain and overshoot are medians over edges.

    An MTF50 beyond 1 cycle per pixel counts as 1."""

    system: str  # name; ``input`` is the blurry picture itself
    blur_px: (
        float  # circle of confusion; in a photograph that of the disc with its MTF50
    )
    mtf50: float  # cycles per pixel
    gain: float  # MTF50 over that of the blurry picture
    overshoot: float  # height above the bright side, over the step
    # displacement from the edge of the sharp picture, of a photograph from that of the photograph,
    # absolute; None where no edge is long enough
    shift_px: float | None
    # deviation from a straight line, root mean square, beyond that of the same picture
    bend_px: float | None
    # share of the texture that is missing, from 0.1 to 0.4 cycles per pixel; None where the leaves
    # cannot be measured
    lost: float | None
    # share of the texture's power that the print does not explain
    invented: float | None
    # share of the printed characters that tesseract reads; None where it is not installed, or the
    # chart has no text
    characters: float | None = None
    picture: str = ""  # file name of the photograph; empty for a simulated one
    # why the leaves were not measured; empty if they were, or are not on the chart
    reason: str = ""
    # whose weights the system has, as in the leaderboard: ``own`` for those that the package ships,
    # ``narrow`` for a narrow copy, ``trained``; empty for none, or unknown
    weights: str = ""
    # the same of the printed lines: median of their deviations from where the other picture has
    # them, once a straight line is taken off; None where blur hides them
    lines_px: float | None = None

    def to_json(self) -> dict[str, Any]:
        """The values by name."""
        return asdict(self)


def read_kept_chart(out: Path) -> list[ChartScore]:
    """The scores that a study keeps; empty without any."""
    scores = _read(out / CHART, list[ChartScore])
    return [] if scores is None else scores


def keep_chart(out: Path, scores: Sequence[ChartScore]) -> None:
    """Add scores to those of a study, instead of those that measured the same."""
    given = {(one.picture, one.system, one.weights) for one in scores if one.picture}
    again = {(one.picture, one.blur_px, one.system) for one in scores}
    by_key = {}
    for one in read_kept_chart(out):
        measured_again = (one.picture, one.system, one.weights) in given
        if not one.weights and (one.picture, one.blur_px, one.system) in again:
            measured_again = True
        if not measured_again:
            by_key[one.picture, one.blur_px, one.system, one.weights] = one
    for one in scores:
        by_key[one.picture, one.blur_px, one.system, one.weights] = one
    write_json(out / CHART, [by_key[key].to_json() for key in sorted(by_key)])


class Finished:
    """Scores of a restoration under way, so that an interrupted one goes on; None keeps none."""

    def __init__(self, out: Path | None) -> None:
        self._path = None if out is None else out / UNFINISHED
        earlier = (
            None
            if self._path is None
            else _read(self._path, dict[str, list[ChartScore]])
        )
        self._scores: dict[str, list[ChartScore]] = earlier or {}

    def __contains__(self, key: str) -> bool:
        return key in self._scores

    def __getitem__(self, key: str) -> list[ChartScore]:
        return self._scores[key]

    def add(self, key: str, scores: Sequence[ChartScore]) -> None:
        """Keep the scores of one system; ``key`` is the same only for equal weights and code."""
        self._scores[key] = list(scores)
        if self._path is not None:
            write_json(self._path, _as_json(self._scores))

    def end(self) -> None:
        """Remove these scores: the complete result is kept elsewhere now."""
        if self._path is not None:
            self._path.unlink(missing_ok=True)


def _as_json(scores: Mapping[str, Sequence[ChartScore]]) -> dict[str, Any]:
    by_key = {}
    for key, some in scores.items():
        by_key[key] = [one.to_json() for one in some]
    return by_key


def _read(path: Path, kind: type[T]) -> T | None:
    """The content of a file; None without it."""
    try:
        return TypeAdapter(kind).validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValidationError) as error:
        raise InputError(
            f"{path}: damaged; delete it, then use 'chart measure --out' again"
        ) from error
