"""Validation during training, and the effect of choosing weights by it."""

import csv
import io
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

from torch import nn

from defocus.baselines.recipes.training import Training
from defocus.files import write_json, write_text
from defocus.progress import say

__all__ = ["BEST", "SELECTION", "VALIDATION", "Watch", "Watching", "report_selection"]


@dataclass(frozen=True)
class Watch:
    """Validation scores of one split; higher is better.

    Attributes:
        of_network: Function from a network in evaluation mode to its finite mean score.
        of_input: Function that returns the mean score of the blurry input pictures; None if not
            needed.
    """

    of_network: Callable[[nn.Module], float]
    of_input: Callable[[], float] | None = None


VALIDATION = "validation.csv"
BEST = "best.safetensors"
SELECTION = "selection.json"


@dataclass
class Watching:
    """State of the validation during a training.

    Attributes:
        settings: Validation settings of the recipe.
        watches: Validations by split: ``validation``, and ``test`` under ``select = "official"``.
        rows: Scores so far, by ``step``; ``validation_gain`` is the validation score minus that of
            the input.
        inputs: Scores of the blurry pictures by split, once computed.
    """

    settings: Training
    watches: Mapping[str, Watch]
    rows: list[dict[str, float]] = field(default_factory=list)
    inputs: dict[str, float] = field(default_factory=dict)

    def due(self, step: int, steps: int) -> bool:
        """Whether to validate after ``step``: at even intervals, and at the end."""
        times = self.settings.times if self.watches else 0
        return any(step == math.ceil(steps * k / times) for k in range(1, times + 1))

    def look(self, network: nn.Module, step: int) -> bool:
        """Compute the scores.

        Returns:
            Whether the validation score is the best so far.
        """
        network.eval()
        scores = {split: watch.of_network(network) for split, watch in self.watches.items()}
        network.train()
        known = [row["validation"] for row in self.rows if "validation" in row]
        self.rows.append({"step": step, **scores, **self._gains(scores)})
        return "validation" in scores and all(scores["validation"] > other for other in known)

    def _gains(self, scores: Mapping[str, float]) -> dict[str, float]:
        """Difference of each score to the input's, if known."""
        gains = {}
        for split, watch in self.watches.items():
            if watch.of_input is None:
                continue
            if split not in self.inputs:
                self.inputs[split] = watch.of_input()
            gains[f"{split}_gain"] = scores[split] - self.inputs[split]
        return gains

    def say_gain(self, where: str) -> None:
        """Print the gain of the last validation score over the input, if known."""
        scores = self.rows[-1]
        if "validation_gain" in scores:
            score, gain = scores["validation"], scores["validation_gain"]
            say(f"{where}, validation {score:.2f} dB, {gain:+.2f} dB beside the input")

    @property
    def best_step(self) -> int:
        """The step of the best validation score, the first of equal ones."""
        return int(max(self.rows, key=lambda row: row["validation"])["step"])

    def read(self, folder: Path, last_step: int) -> None:
        """Read the scores of an earlier process, up to the step of its checkpoint."""
        path = folder / VALIDATION
        self.rows = []
        if path.is_file():
            with path.open(newline="", encoding="utf-8") as handle:
                read = [
                    {k: float(v) for k, v in row.items() if v} for row in csv.DictReader(handle)
                ]
            self.rows = [row for row in read if row["step"] <= last_step]

    def write(self, folder: Path) -> None:
        """Write the scores."""
        if not self.rows:
            return
        text = io.StringIO()
        columns = list(dict.fromkeys(chain(["step", *self.watches], *self.rows)))
        writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows({**row, "step": int(row["step"])} for row in self.rows)
        write_text(folder / VALIDATION, text.getvalue())


def report_selection(rows: Sequence[Mapping[str, float]], run: str, folder: Path) -> None:
    """Report and write the bias of choosing weights by test pictures.

    ``selection.json`` has the test score of the ``last`` weights, of those that are
    ``best_on_validation`` (null without validation pairs), of those that are ``best_on_test``, and
    ``optimism_db``: the difference of the last of these to the second, else to the first.
    """
    if not rows or "test" not in rows[-1]:
        return
    last = rows[-1]["test"]
    validated = [row for row in rows if "validation" in row]
    chosen = max(validated, key=lambda row: row["validation"])["test"] if validated else None
    best = max(row["test"] for row in rows)
    optimism = best - (last if chosen is None else chosen)
    document = {
        "last": last,
        "best_on_validation": chosen,
        "best_on_test": best,
        "optimism_db": optimism,
    }
    write_json(folder / SELECTION, document)
    told = "no validation pairs" if chosen is None else f"best on validation {chosen:.2f} dB"
    say(
        f"{run}: PSNR of the test pictures: last {last:.2f} dB, {told}, best on test "
        f"{best:.2f} dB; choosing on the test pictures flatters by {optimism:.2f} dB"
    )
