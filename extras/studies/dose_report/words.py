"""The result of a study by dose in some sentences."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from defocus.baselines.registry import known_baselines
from defocus.extras.studies.dose.claims import (
    labels_of,
    line_by_dose,
    line_of,
    lines_of,
    turned,
    without_number,
)
from defocus.progress import counted
from defocus.reports.display import number_text

Document = Mapping[str, Any]
"""Document that :func:`~defocus.extras.studies.dose.kept.read_doses` reads."""

CONTROL = "control: "
"""Prefix of the name of a line that is there for comparison and is no part of the ablation."""

INPUT = "input"
"""System of the line that is the blurry input itself."""


def dose_result(document: Document) -> str:
    """The best line at each dose, the gains of the whole objective and its rival, and counts."""
    said = [
        _best(document),
        _control(document),
        *_differences(document),
        _drawn(document),
    ]
    return "\n".join(filter(None, said))


def study_title(document: Document) -> str:
    """The question of the study, and its network.

    A study of the central lines asks what the whole objective is worth, not what its parts are."""
    labels = {document["plain"], document["whole"], document["truth"]}
    labels |= {*document["rivals"], *document["controls"]}
    parts = any(_is_part(line, labels) for line in lines_of(document))
    asked = f"each part of {document['whole']}" if parts else document["whole"]
    return f"What {asked} is worth: {_network(document)}"


def _is_part(line: Mapping[str, Any], labels: Collection[str]) -> bool:
    """Whether a line leaves out a part of the objective; no whole one, control or input."""
    if line["label"] in labels or line["label"].startswith(CONTROL):
        return False
    return bool(line["system"] != INPUT)


def interval_words(document: Document) -> str:
    """How the study's own intervals are made."""
    origins = document["origins"]
    scenes = "test scenes"
    if origins is not None:
        behind = (
            f"the photographs and textures behind the test scenes ({origins} in all)"
        )
        scenes = f"from {behind}, then from the scenes of each,"
    return (
        "Intervals of the study by dose are 95 % and come from a hierarchical bootstrap: a "
        f"resample draws {scenes} and, independently, seeds, all with replacement; all lines "
        f"share the draws, so that differences are paired. {_drawn(document)}"
    )


def study_words(document: Document) -> str:
    """What was compared, and how."""
    return (
        f"PSNR against the truth; bars are 95 % intervals of a bootstrap over seeds and scenes. "
        f"{document['scenes']} test scenes, {document['training_pairs']} training pairs per dose, "
        f"seeds: {document['seeds']}, network: {_network(document)}."
    )


def _network(document: Document) -> str:
    """Name of the network as people write it; if it is not installed, that of its system."""
    system = document["network"] or "unet"
    by_name = known_baselines([system])
    name = by_name[system].card.display_name if system in by_name else system
    return f"{name}, narrow copy" if document["narrow"] else str(name)


def _drawn(document: Document) -> str:
    """Over how many scenes and seeds the numbers are means, and what one seed cannot show."""
    scenes = document["scenes"]
    seeds = document["seeds"]
    said = f"Means over {counted(scenes, 'test scene')} and {counted(seeds, 'seed')}"
    alone = ", which know nothing of the spread between trainings" if seeds == 1 else ""
    return f"{said}, with 95 % intervals{alone}."


def _gain_words(estimate: Mapping[str, float]) -> str:
    """A gain with its interval."""
    low = number_text(estimate["low"], 2)
    high = number_text(estimate["high"], 2)
    return f"{_signed(estimate['value'])} dB ({low} to {high})"


def _first_rival(document: Document) -> str | None:
    """The first rival of the whole objective that was trained; None without one."""
    labels = set(labels_of(document))
    return next((label for label in document["rivals"] if label in labels), None)


def _best(document: Document) -> str:
    """The way to train with the largest mean gain at each dose, and the control on true pairs.

    A line that is given a truth is not a way to train. Pre-aligned pairs are one,
    though a control by name."""
    controls = {document["truth"], *document["controls"]}
    parts: list[str] = []
    for one in document["doses"]:
        restored = [line for line in one["lines"] if line["system"] != INPUT]
        ways = [line for line in restored if line["label"] not in controls]
        best = max(ways, key=lambda line: float(line["over_input"]["value"]))
        over = best["over_input"]
        least_bad = "none gains: " if over["value"] <= 0 else ""
        name = without_number(best["label"]).removeprefix(CONTROL)
        said = f"{name} at {one['dose_px']:g} px, {_gain_words(over)}"
        parts.append(least_bad + said)
    return (
        "Largest gain over the blurry input by dose of misalignment, against the truth: "
        f"{'; '.join(parts)}."
    )


def _control(document: Document) -> str:
    """The gain by true pairs, and whether the network has learned to deblur from them."""
    control = line_of(document["doses"][-1], document["truth"])
    if control is None:
        return ""
    over = control["over_input"]
    learned = (
        " The network has not learned to deblur: train it longer before you compare ways to train."
        if over["low"] <= 0
        else ""
    )
    return f"Trained on true pairs: {_gain_words(over)}.{learned}"


def _differences(document: Document) -> Iterator[str]:
    """The whole objective over the plain loss, and its first rival over it, by dose."""
    whole = document["whole"]
    plain = document["plain"]
    rival = _first_rival(document)
    yield f"{whole} over {without_number(plain)}: {_by_dose(document, plain, over=False)}."
    if rival is not None:
        said = f"{without_number(rival)} over {whole}: {_by_dose(document, rival, over=True)}."
        yield said[0].upper() + said[1:]


def _by_dose(document: Document, label: str, *, over: bool) -> str:
    """Gain at each dose of the whole objective over the row ``label``; ``over`` turns it round."""
    said = []
    for dose, line in line_by_dose(document, label):
        gain = line["whole_over"]
        shown = turned(gain) if over else gain
        said.append(f"{_gain_words(shown)} at {dose:g} px")
    return ", ".join(said)


def _signed(number: float) -> str:
    text = number_text(number, 2)
    return text if text.startswith("−") else f"+{text}"
