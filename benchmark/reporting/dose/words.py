"""The result of a study by dose in some sentences."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from defocus.benchmark.experiments.dose.claims import labels_of, line_of, turned
from defocus.reports.text import number_text

__all__ = ["INPUT", "Document", "begun", "dose_result", "spoken", "study_words"]

Document = Mapping[str, Any]
"""What :func:`~defocus.benchmark.experiments.dose.kept.read_doses` gives."""

INPUT = "input"
"""System of the line that is the blurry input itself."""


def dose_result(document: Document) -> str:
    """What is best at which dose, and what the whole objective and its rival gain, in lines."""
    return "\n".join([_best(document), *_differences(document)])


def study_words(document: Document) -> str:
    """What was compared how."""
    return (
        f"PSNR against the truth; bars are 95 % intervals of a bootstrap over seeds and scenes. "
        f"{document['scenes']} test scenes, {document['training_pairs']} training pairs per dose, "
        f"seeds: {document['seeds']}, network: {_network(document)}."
    )


def _network(document: Document) -> str:
    name = document["network"] or "U-Net"
    return f"narrow copy of {name}" if document["narrow"] else str(name)


def spoken(label: str) -> str:
    """A line's label in a sentence: without its number in the paper's table."""
    return re.sub(r"^\d+ (?=\S)", "", label)


def begun(sentence: str) -> str:
    """A sentence that begins with a line's label, with a capital letter."""
    return sentence[:1].upper() + sentence[1:]


def _gain_words(estimate: Mapping[str, float]) -> str:
    """A gain with its interval."""
    low, high = (number_text(estimate[name], 2) for name in ("low", "high"))
    return f"{_signed(estimate['value'])} dB ({low} to {high})"


def _first_rival(document: Document) -> str | None:
    """The first rival of the whole objective that was trained; None without one."""
    known = set(labels_of(document))
    return next((label for label in document["rivals"] if label in known), None)


def _best(document: Document) -> str:
    """The way to train with the largest mean gain at each dose, and the control on true pairs.

    A control is no way to train: it has better data than the others, or is told a truth.
    """
    controls = {document["truth"], *document["controls"]}
    found: list[str] = []
    for one in document["doses"]:
        ways = [
            line
            for line in one["lines"]
            if line["label"] not in controls and line["system"] != INPUT
        ]
        best = max(ways, key=lambda line: float(line["over_input"]["value"]))
        gain = _gain_words(best["over_input"])
        found.append(f"{spoken(best['label'])} at {one['dose_px']:g} px, {gain}")
    control = line_of(document["doses"][-1], document["truth"])
    most = f" Trained on true pairs: {_gain_words(control['over_input'])}." if control else ""
    return (
        "Largest gain over the blurry input by dose of misalignment, against the truth: "
        f"{'; '.join(found)}.{most}"
    )


def _differences(document: Document) -> Iterator[str]:
    """The whole objective over the plain loss, and its first rival over it, by dose."""
    whole, plain, rival = document["whole"], document["plain"], _first_rival(document)
    yield begun(f"{spoken(whole)} over {spoken(plain)}: {_by_dose(document, plain, over=False)}.")
    if rival is not None:
        yield begun(
            f"{spoken(rival)} over {spoken(whole)}: {_by_dose(document, rival, over=True)}."
        )


def _by_dose(document: Document, label: str, *, over: bool) -> str:
    """What the whole objective gains over a line at each dose, or the line over it."""
    lines = [(one["dose_px"], line_of(one, label)) for one in document["doses"]]
    gains = [(dose, line["whole_over"]) for dose, line in lines if line is not None]
    return ", ".join(
        f"{_gain_words(turned(gain) if over else gain)} at {dose:g} px" for dose, gain in gains
    )


def _signed(number: float) -> str:
    text = number_text(number, 2)
    return text if text.startswith("−") else f"+{text}"
