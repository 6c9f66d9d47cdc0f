"""What a system does to the chart, and the scores that a study keeps."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from defocus.errors import InputError
from defocus.files import write_json

__all__ = ["CHART", "ChartScore", "keep_chart", "read_kept_chart"]

CHART = "chart.json"
"""In the study's folder."""


@dataclass(frozen=True)
class ChartScore:
    """One system at one circle of confusion; medians over the chart's edges.

    Attributes:
        system: Name; ``input`` is the blurry picture itself.
        blur_px: Circle of confusion of the photograph.
        mtf50: Cycles per pixel.
        gain: MTF50 over that of the blurry picture.
        overshoot: Height above the bright side, over the step.
        shift_px: Displacement from the edge of the sharp picture, absolute.
        bend_px: Deviation from a straight line, root mean square, beyond that of the sharp picture.
        lost: Share of the texture that is missing, from 0.1 to 0.4 cycles per pixel.
        invented: Share of the texture's power that the sharp picture does not explain.
        characters: Share of the printed characters that tesseract reads; None where it is not
            installed.
    """

    system: str
    blur_px: float
    mtf50: float
    gain: float
    overshoot: float
    shift_px: float
    bend_px: float
    lost: float
    invented: float
    characters: float | None = None

    def to_json(self) -> dict[str, Any]:
        """The values by name."""
        return asdict(self)


def read_kept_chart(out: Path) -> list[ChartScore]:
    """The scores that a study keeps; empty without any.

    Raises:
        InputError: The file is damaged.
    """
    try:
        return TypeAdapter(list[ChartScore]).validate_json((out / CHART).read_bytes())
    except FileNotFoundError:
        return []
    except (OSError, ValidationError) as error:
        raise InputError(
            f"{out / CHART}: damaged; delete it, then use 'chart --out' again"
        ) from error


def keep_chart(out: Path, scores: Sequence[ChartScore]) -> None:
    """Add scores to those of a study; those of the same system and blur are replaced.

    Raises:
        InputError: The kept ones are damaged.
        StorageError: The folder cannot be written.
    """
    known = {(one.blur_px, one.system): one for one in (*read_kept_chart(out), *scores)}
    write_json(out / CHART, [known[key].to_json() for key in sorted(known)])
