"""Tables of one study by dose: gains, parts of the picture, claims, trust in scores."""

from collections.abc import Iterator
from itertools import chain

from defocus.extras.studies.dose.claims import (
    claims_of,
    labels_of,
    line_of,
    rival_claims_of,
)
from defocus.extras.studies.dose_report.charts import PART_NAMES
from defocus.extras.studies.dose_report.words import INPUT
from research.jdrl_page.cells import (
    Document,
    added,
    by_seed,
    cells_of,
    controls,
    dose_heads,
    interval,
    interval_cells,
    mean_px,
    px_text,
)
from research.markdown import row, rule


def study_facts(document: Document) -> Iterator[str]:
    """Size of the study, and whether its control learned to deblur."""
    pairs = document["training_pairs"]
    said = f"{scenes_text(document)}, {pairs} training pairs per dose, seeds: {document['seeds']}"
    rows = controls(document)
    if not rows:
        yield f"{said}.\n"
        return
    gains = []
    for control, doses in rows:
        at_doses = f" ({px_text(doses)})" if len(rows) > 1 else ""
        gains.append(f"{interval(control['over_input'])} dB{at_doses}")
    enough = all(control["over_input"]["value"] >= 1.0 for control, _ in rows)
    reached = "reached" if enough else "not reached"
    yield (
        f"{said}, {rows[0][0]['steps']} steps per training. The control on true pairs gains "
        f"{' and '.join(gains)} over the blurry input; the study aims at 1.0 dB, which is "
        f"{reached} by the mean.\n"
    )


def scenes_text(document: Document) -> str:
    """Number of test scenes and of the photographs behind them, which older studies lack."""
    said = f"{document['scenes']} test scenes"
    if not document.get("origins"):
        return said
    doses = [one["dose_px"] for one in document["doses"] if one.get("origins")]
    said += f" of {document['origins']} photographs and textures"
    if len(doses) < len(document["doses"]):
        said += f" (known at {px_text(doses)} alone)"
    return said


def protocols_of(document: Document) -> list[str]:
    """All protocols that have a tau, each once."""
    by_dose = [one["tau"] for one in document["doses"]]
    return list(dict.fromkeys(chain.from_iterable(by_dose)))


def gain_table(document: Document) -> Iterator[str]:
    """PSNR against the truth, gains and shares of the gap, for each dose."""
    for one in document["doses"]:
        yield f"Dose {one['dose_px']:g} px:\n"
        # older ones lack them
        seeds = any("seeds_over_input" in line for line in one["lines"])
        heads = [
            "line",
            "PSNR, truth",
            "over the input",
            *["each seed"] * seeds,
            "over plain",
        ]
        moved = any("moved_px" in line for line in one["lines"])  # so do they this
        heads += [
            "share of the gap",
            "edges, px",
            *["moved, px"] * moved,
            "lines, px",
        ]
        heads += [*["bent, px"] * seeds, "minutes"]
        yield row(*heads)
        yield rule(len(heads) - 1)
        for line in one["lines"]:
            yield row(*_gain_cells(line, seeds=seeds, moved=moved))
        yield ""


def _gain_cells(line: Document, *, seeds: bool, moved: bool) -> Iterator[str]:
    """The cells of a line in the table of gains."""
    yield line["label"]
    yield f"{line['means']['truth/psnr']:.2f}"
    yield interval(line["over_input"])
    if seeds:
        yield by_seed(line)
    yield interval(line["over_plain"]["psnr"])
    yield "" if line["share"] is None else interval(line["share"])
    yield mean_px(line, "edge_px")
    if moved:
        yield added(line, "moved_px")
    yield mean_px(line, "line_px")
    if seeds:
        yield added(line, "bent_px")
    yield f"{line['seconds'] / 60:.1f}" if line["steps"] else ""


def part_tables(document: Document) -> Iterator[str]:
    """Gain by part of the picture for each dose: over the plain loss, and over the input."""
    for one in document["doses"]:
        dose = f"dose {one['dose_px']:g} px, dB:\n"
        plain = part_table(one, "over_plain", document["plain"])
        if plain:
            yield f"Gain over the plain loss, {dose}"
            yield from plain
        # older ones lack the input
        over_input = part_table(one, "parts_over_input", blurry_input(one))
        if over_input:
            yield f"Gain over the blurry input, {dose}"
            yield from over_input


def part_table(
    one: Document,
    key: str,
    reference: str | None,
) -> list[str]:
    """Gains of a dose's lines but the reference, a column for each known part, if any."""
    named: set[str] = set()
    for line in one["lines"]:
        named |= set(line.get(key, ()))
    parts = [name for name in PART_NAMES if name in named]
    if not parts:
        return []
    heads = [PART_NAMES[name] for name in parts]
    lines = [row("line", *heads), rule(len(parts))]
    if "part_scenes" in one:
        scenes = [str(one["part_scenes"][name]) for name in parts]
        lines.append(row("scenes", *scenes))
    for line in one["lines"]:
        if line["label"] != reference:
            gains = map(line[key].get, parts)
            lines.append(row(line["label"], *interval_cells(gains)))
    return [*lines, ""]


def blurry_input(one: Document) -> str | None:
    """Label of the blurry input at a dose."""
    for line in one["lines"]:
        if line["system"] == INPUT:
            return str(line["label"])
    return None


def tau_table(document: Document) -> Iterator[str]:
    """Kendall's tau of each protocol by dose."""
    yield from dose_heads("protocol", document["doses"])
    for protocol in protocols_of(document):
        taus = [one["tau"].get(protocol) for one in document["doses"]]
        yield row(protocol, *interval_cells(taus))
    yield ""
    fewer = []
    for one in document["doses"]:
        for protocol, tau in one["tau"].items():
            if tau and tau.get("scenes", document["scenes"]) < document["scenes"]:
                dose = f"{one['dose_px']:g} px"
                fewer.append(f"{protocol} {tau['scenes']} at {dose}")
    if fewer:
        yield f"Scenes that a protocol can score, where not all: {', '.join(fewer)}.\n"


def reblur_table(document: Document) -> Iterator[str]:
    """Preference of the trained reblurring: its loss of the truth, and of the blurry picture."""
    cells_by_label = {}
    for label in labels_of(document):
        cells = [reblur_cell(line_of(one, label)) for one in document["doses"]]
        if any(cells):
            cells_by_label[label] = cells
    if not cells_by_label:
        return
    yield from dose_heads(
        "reblurring loss of: the truth / the blurry picture",
        document["doses"],
    )
    for label, cells in cells_by_label.items():
        yield row(label, *cells)
    yield ""


def reblur_cell(line: Document | None) -> str:
    """The reblurring losses of a line, of the truth and of the blurry picture, if it has them."""
    losses = line.get("reblur") if line else None
    return f"{losses['truth']:.4f} / {losses['blurry']:.4f}" if losses else ""


def claim_table(document: Document) -> Iterator[str]:
    """The study's verdict on each part of the objective; empty without a dose that decides."""
    if not any(claim.doses for claim in claims_of(document)):
        return
    others = [one for one in claims_of(document) if one.line not in document["rivals"]]
    for words, claims in (
        (f"{document['whole']} is better than:", others),
        (f"better than {document['whole']}:", rival_claims_of(document)),
    ):
        if not claims:
            continue
        yield f"| {words} | difference, dB | verdict |"
        yield "| --- | --- | --- |"
        for claim in claims:
            gains = []
            for dose, gain in claim.doses:
                shown = interval(gain)
                gains.append(f"{dose:g} px: {shown}")
            yield row(claim.line, "; ".join(gains), claim.verdict)
        yield ""


def rival_table(document: Document) -> Iterator[str]:
    """Gain of the first rival over each other line."""
    doses = document["doses"]
    rival = doses[0]["scene_gains"]["line"]
    yield from dose_heads(f"{rival} minus:", doses)
    for label in labels_of(document):
        if label != rival:
            yield row(label, *cells_of(doses, label, "rival_over"))
    yield ""
