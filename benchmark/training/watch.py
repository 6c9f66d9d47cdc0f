"""Validation of deblurring networks, and the effect of choosing weights by it."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from torch import nn

from defocus.files import write_json
from defocus.progress import say
from defocus.training.record.folder import SELECTION
from defocus.training.record.validation_scores import Scores, Watching
from defocus.training.settings import Training

__all__ = ["TEXT", "Watch", "report_selection", "watching_of"]

TEXT = "validation_text"
"""Score of a stream's pages of text, percent of characters; it chooses no weights."""


@dataclass(frozen=True)
class Watch:
    """Validation scores of one kind, of a network and of its input; higher is better."""

    of_network: Callable[[nn.Module], float]
    of_input: Callable[[], float] | None = None


def watching_of(settings: Training, watches: Mapping[str, Watch], steps: int) -> Watching:
    """Validation at even intervals, and at the end."""
    # ``validation_gain`` is the score ``validation`` minus that of the input, and so on.
    times = settings.times if watches else 0
    due = frozenset(math.ceil(steps * k / times) for k in range(1, times + 1))
    inputs: dict[str, float] = {}

    def scores_of(network: nn.Module) -> Scores:
        scores = {split: watch.of_network(network) for split, watch in watches.items()}
        for split, watch in watches.items():
            if watch.of_input is not None:
                if split not in inputs:
                    inputs[split] = watch.of_input()
                scores[f"{split}_gain"] = scores[split] - inputs[split]
        return scores

    return Watching(scores_of, due, "validation", _gain)


def _gain(scores: Scores) -> str:
    """The gain of the validation score over the input, if known, and the text that is read."""
    if "validation_gain" not in scores:
        return ""
    score, gain = scores["validation"], scores["validation_gain"]
    told = f"validation {score:.2f} dB, {gain:+.2f} dB beside the input"
    if TEXT in scores:
        told += f"; text {scores[TEXT]:.0f} %, {scores[f'{TEXT}_gain']:+.0f} points"
    return told


def report_selection(rows: Sequence[Mapping[str, float]], run: str, folder: Path) -> None:
    """Report and write the bias of choosing weights by test pictures, in ``selection.json``."""
    # ``optimism_db`` is the test score of the best weights on test minus that of the best on
    # validation (without validation pairs: of the last).
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
