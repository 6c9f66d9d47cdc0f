"""What a training records by step: ``train.csv``, and validation scores in ``validation.csv``."""

import csv
import io
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import TypeAlias

from torch import nn

from defocus.storage.files import write_text
from defocus.training.record.curve_files import read_scores
from defocus.training.record.folder import VALIDATION


class Clock:
    """Measures the seconds of a training, including those of earlier processes."""

    def __init__(self, rows: list[dict[str, str]]) -> None:
        last = rows[-1] if rows else {}
        seconds = float(last.get("seconds", 0.0))
        cpu_seconds = float(last.get("cpu_seconds", 0.0))
        self._started = time.monotonic() - seconds
        self._cpu_started = time.process_time() - cpu_seconds

    @property
    def seconds(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self._started

    def columns(self, cpu_elsewhere: float = 0.0) -> dict[str, str]:
        """The columns ``seconds`` since the start and ``cpu_seconds`` of all threads."""
        cpu_seconds = time.process_time() - self._cpu_started + cpu_elsewhere
        return {"seconds": f"{self.seconds:.3f}", "cpu_seconds": f"{cpu_seconds:.3f}"}


CURVE = (
    "step",
    "epoch",
    "seconds",
    "learning_rate",
    "loss",
)


def curve_text(
    rows: Sequence[Mapping[str, object]],
    first: Sequence[str] = CURVE,
) -> str:
    """The curve as CSV with the fixed columns first; missing loss parts are empty."""
    columns = list(dict.fromkeys(chain(first, *rows)))
    text = io.StringIO()
    writer = csv.DictWriter(
        text,
        columns,
        restval="",
        lineterminator="\n",
    )
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


Scores: TypeAlias = Mapping[str, float]


def _no_scores(network: nn.Module) -> Scores:
    del network
    return {}


def _nothing(scores: Scores) -> str:
    del scores
    return ""


@dataclass
class Watching:
    """State of the validation during a training, due after some steps."""

    # ``chosen_by`` is the score, higher is better, that chooses weights where that is asked for;
    # ``described`` makes the line that is printed of the newest scores.

    scores_of: Callable[[nn.Module], Scores] = _no_scores
    due: frozenset[int] = frozenset()
    chosen_by: str = ""
    described: Callable[[Scores], str] = _nothing
    rows: list[dict[str, float]] = field(default_factory=list)

    def look(self, network: nn.Module, step: int) -> bool:
        """Compute the scores; return whether the deciding one is the best so far."""
        network.eval()
        scores = self.scores_of(network)
        network.train()
        earlier = [row[self.chosen_by] for row in self.rows if self.chosen_by in row]
        self.rows.append({"step": step, **scores})
        if self.chosen_by not in scores:
            return False
        score = scores[self.chosen_by]
        return all(score > other for other in earlier)

    @property
    def best_step(self) -> int:
        """The step of the best score, the first of equal ones."""
        best = max(self.rows, key=lambda row: row[self.chosen_by])
        return int(best["step"])

    def read(self, folder: Path, last_step: int) -> None:
        """Read the scores of an earlier process, up to the step of its checkpoint."""
        self.rows = read_scores(folder / VALIDATION, last_step)

    def write(self, folder: Path) -> None:
        """Write the scores."""
        rows = [{**row, "step": int(row["step"])} for row in self.rows]
        if rows:
            write_text(folder / VALIDATION, curve_text(rows, ("step",)))
