"""Makes the charts, tables and strips of docs/jdrl.md: ``python docs/jdrl.py STUDY…``.

STUDY is the folder of ``defocus-bench ablate jdrl --doses …``, one for each network; every number
comes from its ``dose.json``. ``--parts PAIRS STUDY`` makes the section about the parts of JDRL
instead, from a study whose lines start from weights that the package ships; PAIRS is the folder of
its pairs. ``--seeds STUDY`` makes the section of the central lines with more seeds.
"""

import argparse
import json
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import torch
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from PIL import Image

import defocus
from defocus.baselines.registry import baseline
from defocus.benchmark.experiments.dose.claims import (
    RULE,
    claims_of,
    labels_of,
    line_of,
    rival_claims_of,
)
from defocus.benchmark.experiments.dose.outputs.layout import strip_name
from defocus.benchmark.experiments.dose.pairs import at_dose
from defocus.datasets.api import open_dataset
from defocus.images import as_float, read_image

mpl.use("agg")
mpl.rcParams["svg.hashsalt"] = "defocus"
mpl.rcParams["svg.fonttype"] = "none"

PAGE = Path(__file__).with_name("jdrl.md")
BEGIN = "<!-- made by docs/jdrl.py: nothing until the next mark is written by hand -->"
END = "<!-- end of what docs/jdrl.py made -->"
PARTS_BEGIN = "<!-- made by docs/jdrl.py --parts: nothing until the next mark is by hand -->"
PARTS_END = "<!-- end of what docs/jdrl.py --parts made -->"
SEEDS_BEGIN = "<!-- made by docs/jdrl.py --seeds: nothing until the next mark is by hand -->"
SEEDS_END = "<!-- end of what docs/jdrl.py --seeds made -->"
STRIP_QUALITY = 88
PART_NAMES = {
    "psnr_edges": "edges",
    "psnr_flat": "flat parts",
    "psnr_in_focus": "in focus",
    "psnr_blurred": "blurred",
    "psnr_coc_0_2": "0–2 px",
    "psnr_coc_2_4": "2–4 px",
    "psnr_coc_4_8": "4–8 px",
    "psnr_coc_8_16": "8–16 px",
}
"""Parts of a picture, the last ones by circle of confusion."""

Document = Mapping[str, Any]


def main() -> None:
    """Read the study's document and write the charts and the middle of the page."""
    words = argparse.ArgumentParser(description="Make the charts and tables of docs/jdrl.md.")
    words.add_argument("studies", type=Path, nargs="+", help="folder of a study by dose")
    words.add_argument("--parts", type=Path, metavar="PAIRS", help="the parts of JDRL, instead")
    words.add_argument("--seeds", action="store_true", help="the lines with more seeds, instead")
    given = words.parse_args()
    if (given.parts or given.seeds) and len(given.studies) > 1:
        words.error("--parts and --seeds take one study")
    documents = [read_document(folder) for folder in given.studies]
    if given.parts:
        parts_page(given.studies[0], documents[0], given.parts)
    elif given.seeds:
        row_chart("jdrl-seeds.svg", documents[0])
        replace_between(SEEDS_BEGIN, SEEDS_END, rows_section(documents[0], "jdrl-seeds.svg"))
    else:
        doses_page(given.studies, documents)


def doses_page(studies: Sequence[Path], documents: Sequence[Document]) -> None:
    """Make the charts, strips and tables of the study by dose."""
    chart("jdrl-input.svg", "gain over the blurry input, dB", documents, draw_gains_over_input)
    chart("jdrl-gain.svg", "gain over the plain loss, dB", documents, draw_gains)
    chart("jdrl-edges.svg", "displacement of edges, px", documents, draw_edges, from_zero=True)
    chart("jdrl-tau.svg", "Kendall's tau against the truth", documents, draw_taus)
    for dose in (one["dose_px"] for one in documents[0]["doses"]):
        copy_strip(studies[0], dose)
    replace_between(BEGIN, END, sections(documents))


def parts_page(study: Path, document: Document, pairs: Path) -> None:
    """Make the chart, strips and tables of the study of the parts."""
    for one in document["doses"]:
        copy_strip(study, one["dose_px"], "parts-")
    row_chart("jdrl-parts.svg", document)
    replace_between(PARTS_BEGIN, PARTS_END, parts_section(document, pairs))


def read_document(folder: Path) -> dict[str, Any]:
    """A study's document, its doses in order."""
    document: dict[str, Any] = json.loads((folder / "dose.json").read_text("utf-8"))
    document["doses"].sort(key=lambda one: one["dose_px"])
    return document


def replace_between(begin: str, end: str, lines: Iterator[str]) -> None:
    """Write the page with these lines between two marks.

    Raises:
        ValueError: the page lacks a mark.

    """
    text = PAGE.read_text(encoding="utf-8")
    if begin not in text or end not in text:
        msg = f"{PAGE.name} lacks the mark {begin!r} or {end!r}"
        raise ValueError(msg)
    before, _, rest = text.partition(begin)
    after = rest.partition(end)[2]
    made = "\n".join(lines)
    PAGE.write_text(f"{before}{begin}\n\n{made}\n{end}{after}", encoding="utf-8")


def parts_section(document: Document, pairs: Path) -> Iterator[str]:
    """The made section about the parts of JDRL, by lines."""
    gains = gains_before_training(document, pairs)
    error = statistics.stdev(gains) / len(gains) ** 0.5
    yield (
        "Before the training these weights gain "
        f"{statistics.fmean(gains):.2f} ± {error:.2f} dB over the blurry input (mean over the "
        "scenes and its standard error).\n"
    )
    yield from rows_section(document, "jdrl-parts.svg", "parts-")


def rows_section(document: Document, chart_name: str, kind: str | None = None) -> Iterator[str]:
    """A study with a row per line in its chart; with the strips of that kind, if any."""
    yield f"### {len(labels_of(document))} lines, {document['seeds']} seeds\n"
    yield from study_facts(document)
    yield f"![Gain over the blurry input of each line, by dose]({chart_name})\n"
    if kind is not None:
        yield from strips(document, kind)
    yield from gain_table(document)
    yield from part_table(document)
    yield from tau_table(document)
    yield from claim_table(document)
    yield from rival_table(document)


def gains_before_training(document: Document, pairs: Path) -> list[float]:
    """Gain of the shipped weights over the blurry input in each test scene, dB PSNR."""
    network = defocus.load(document["network"], weights="own").eval()
    dose = document["doses"][0]["dose_px"]
    return [
        gain_of(network, *(as_float(read_image(path)) for path in (one.blurry, one.truth)))
        for one in at_dose(open_dataset(f"manifest:{pairs}"), dose).split("test")
        if one.truth is not None
    ]


def gain_of(network: torch.nn.Module, blurry: np.ndarray, truth: np.ndarray) -> float:
    """What a network gains over a blurry picture, dB PSNR."""
    with torch.no_grad():
        output = network(torch.from_numpy(blurry).permute(2, 0, 1)[None])[0]
    restored = output.clamp(0, 1).permute(1, 2, 0).numpy()
    return float(10 * np.log10(np.mean((blurry - truth) ** 2) / np.mean((restored - truth) ** 2)))


def name_of(document: Document) -> str:
    """Name of a study's network, as people write it."""
    return baseline(document["network"] or "unet").card.display_name


def copy_strip(folder: Path, dose: float, kind: str = "") -> None:
    """Copy a study's strip as a smaller file."""
    file = PAGE.with_name(f"jdrl-{kind}{strip_name(dose)}").with_suffix(".webp")
    with Image.open(folder / strip_name(dose)) as picture:
        picture.save(file, quality=STRIP_QUALITY)


def chart(
    name: str,
    axis_label: str,
    documents: Sequence[Document],
    draw: Callable[[Axes, Document], None],
    *,
    from_zero: bool = False,
) -> None:
    """Draw one chart over the doses into an SVG file beside this one, with an axis per network."""
    count = len(documents)
    figure, axes = plt.subplots(
        1, count, figsize=(2.6 + 3.2 * count, 3.4), layout="constrained", sharey=True, squeeze=False
    )
    for axis, document in zip(axes[0], documents, strict=True):
        draw(axis, document)
        doses = [one["dose_px"] for one in document["doses"]]
        axis.set_xticks(range(len(doses)), [f"{dose:g}" for dose in doses])
        axis.set(xlabel="dose of misalignment, px", title=name_of(document))
    axes[0][0].set(ylabel=axis_label)
    if from_zero:  # once all have drawn: they share the axis
        axes[0][0].set_ylim(bottom=0)
    axes[0][-1].legend(fontsize="small", loc="center left", bbox_to_anchor=(1.0, 0.5))
    figure.savefig(Path(__file__).with_name(name), metadata={"Date": None})
    plt.close(figure)


def row_chart(name: str, document: Document) -> None:
    """Draw the gain over the blurry input with a row per line; many lines stay apart so."""
    labels = labels_of(document)
    figure, axis = plt.subplots(figsize=(6.4, 0.7 + 0.34 * len(labels)), layout="constrained")
    shades = mpl.colormaps["viridis_r"](np.linspace(0.15, 0.95, len(document["doses"])))
    for place, (one, shade) in enumerate(zip(document["doses"], shades, strict=True)):
        offset = (place - (len(document["doses"]) - 1) / 2) * 0.2
        found = [(row, line_of(one, label)) for row, label in enumerate(labels)]
        known = [(row + offset, line["over_input"]) for row, line in found if line is not None]
        values = np.array([[one["value"], one["low"], one["high"]] for _, one in known]).T
        axis.errorbar(
            values[0], [row for row, _ in known],
            xerr=np.maximum([values[0] - values[1], values[2] - values[0]], 0),
            fmt="o", color=shade, markersize=4, linewidth=1.2, capsize=2,
            label=f"{one['dose_px']:g} px",
        )  # fmt: skip
    axis.axvline(0, color="black", linewidth=0.8)
    axis.grid(visible=True, axis="x", linewidth=0.4)
    axis.set_yticks(range(len(labels)), labels)
    axis.invert_yaxis()
    axis.set(xlabel="gain over the blurry input, dB", title=name_of(document))
    axis.legend(title="dose", fontsize="small", loc="lower left")
    figure.savefig(Path(__file__).with_name(name), metadata={"Date": None})
    plt.close(figure)


def draw_gains(axis: Axes, document: Document) -> None:
    """Gain of each line over the plain loss, with its interval."""
    draw_lines(axis, document, lambda line: line["over_plain"]["psnr"])


def draw_gains_over_input(axis: Axes, document: Document) -> None:
    """Gain over the blurry input; the plain loss, far below it at large doses, is left out."""
    draw_lines(axis, document, lambda line: line["over_input"])


def draw_lines(axis: Axes, document: Document, estimate: Callable[[Document], Document]) -> None:
    """An estimate of each line but the plain loss, by dose."""
    others = [label for label in labels_of(document) if label != document["plain"]]
    for place, label in enumerate(others):
        lines = [line_of(one, label) for one in document["doses"]]
        found = [line and estimate(line) for line in lines]
        draw_estimates(axis, found, label, (place - len(others) / 2) * 0.06)
    axis.axhline(0, color="black", linewidth=0.8)


def draw_estimates(axis: Axes, found: Sequence[Document | None], label: str, offset: float) -> None:
    """Points with intervals; an estimate that is None is left out."""
    known = [(place, one) for place, one in enumerate(found) if one is not None]
    axis.errorbar(
        [place + offset for place, _ in known],
        [one["value"] for _, one in known],
        yerr=[
            [max(one["value"] - one["low"], 0) for _, one in known],
            [max(one["high"] - one["value"], 0) for _, one in known],
        ],
        fmt="o-", markersize=4, linewidth=1.2, capsize=2, label=label,
    )  # fmt: skip


def draw_edges(axis: Axes, document: Document) -> None:
    """Mean displacement of edges between each line's output and the truth."""
    for label in labels_of(document):
        lines = [line_of(one, label) for one in document["doses"]]
        known = [(place, line) for place, line in enumerate(lines) if line is not None]
        values = [line["means"]["edge_px"] for _, line in known]
        places = [place for place, _ in known]
        axis.plot(places, values, "o-", markersize=4, linewidth=1.2, label=label)


def draw_taus(axis: Axes, document: Document) -> None:
    """How far the ranking of each protocol agrees with the truth's."""
    protocols = list(document["doses"][0]["tau"])
    for place, protocol in enumerate(protocols):
        found = [one["tau"][protocol] for one in document["doses"]]
        draw_estimates(axis, found, protocol, (place - len(protocols) / 2) * 0.06)
    axis.set_ylim(-1.1, 1.1)
    axis.axhline(0, color="black", linewidth=0.8)


def sections(documents: Sequence[Document]) -> Iterator[str]:
    """The made part of the page, by lines."""
    yield "![Gain over the blurry input by dose](jdrl-input.svg)\n"
    yield "![Gain over the plain loss by dose](jdrl-gain.svg)\n"
    yield from strips(documents[0])
    yield "![Displacement of edges by dose](jdrl-edges.svg)\n"
    yield "![Agreement of the protocols with the truth by dose](jdrl-tau.svg)\n"
    for document in documents:
        yield f"### {name_of(document)}\n"
        yield from study_facts(document)
        yield from gain_table(document)
        yield from part_table(document)
        yield from tau_table(document)
        yield from claim_table(document)


def strips(document: Document, kind: str = "") -> Iterator[str]:
    """A strip of crops for each dose."""
    for one in document["doses"]:
        dose, gains = one["dose_px"], one["scene_gains"]
        yield (
            f"Dose {dose:g} px, {name_of(document)}, first seed: the test scene at which "
            f"*{gains['line']}* has its median gain over the plain loss (mean over seeds); the "
            "crop is where the input differs most from the truth. Below: the error, six times as "
            "bright"
            + (
                "; then the longest straight line that all these pictures show, of the scene at "
                "which the plain loss has its median bend of lines.\n"
                if "scene_lines" in one
                else ".\n"
            )
        )
        yield f"![Crops at a dose of {dose:g} px](jdrl-{kind}strip-{dose:g}px.webp)\n"


def study_facts(document: Document) -> Iterator[str]:
    """Size of the study, and whether its control learned to deblur."""
    first = document["doses"][0]
    (control,) = (line for line in first["lines"] if line["label"] == document["truth"])
    over = control["over_input"]
    enough = "reached" if over["value"] >= 1.0 else "not reached"
    scenes, pairs = document["scenes"], document["training_pairs"]
    yield (
        f"{scenes} test scenes, {pairs} training pairs per dose, seeds: {document['seeds']}, "
        f"{control['steps']} steps per training. The control on true pairs gains "
        f"{interval(over)} dB over the blurry input; the study aims at 1.0 dB, which is {enough} "
        "by the mean.\n"
    )


def gain_table(document: Document) -> Iterator[str]:
    """PSNR against the truth, gains and shares of the gap, for each dose."""
    for one in document["doses"]:
        yield f"Dose {one['dose_px']:g} px:\n"
        yield (
            "| line | PSNR, truth | over the input | over plain | share of the gap | edges, px "
            "| lines, px | minutes |"
        )
        yield "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
        for line in one["lines"]:
            share = "" if line["share"] is None else interval(line["share"])
            yield row(
                line["label"],
                f"{line['means']['truth/psnr']:.2f}",
                interval(line["over_input"]),
                interval(line["over_plain"]["psnr"]),
                share,
                f"{line['means']['edge_px']:.2f}",
                f"{line['means']['line_px']:.2f}" if "line_px" in line["means"] else "",
                f"{line['seconds'] / 60:.1f}" if line["steps"] else "",
            )
        yield ""


def part_table(document: Document) -> Iterator[str]:
    """Gain over the plain loss by part of the picture, at the largest dose."""
    one = document["doses"][-1]
    known = [name for name in PART_NAMES if name in one["lines"][0]["over_plain"]]
    yield f"Gain over the plain loss by part of the picture, dose {one['dose_px']:g} px, dB:\n"
    yield "| line | " + " | ".join(PART_NAMES[name] for name in known) + " |"
    yield "| --- |" + " ---: |" * len(known)
    for line in one["lines"]:
        if line["label"] != document["plain"]:
            cells = (line["over_plain"].get(name) for name in known)
            yield row(line["label"], *("" if cell is None else interval(cell) for cell in cells))
    yield ""


def tau_table(document: Document) -> Iterator[str]:
    """Kendall's tau of each protocol by dose."""
    yield row("protocol", *(f"{one['dose_px']:g} px" for one in document["doses"]))
    yield "| --- |" + " ---: |" * len(document["doses"])
    for protocol in document["doses"][0]["tau"]:
        found = (one["tau"][protocol] for one in document["doses"])
        yield row(protocol, *("" if tau is None else interval(tau) for tau in found))
    yield ""


def claim_table(document: Document) -> Iterator[str]:
    """What the study says of each part of the objective."""
    yield f"{RULE}\n"
    others = [one for one in claims_of(document) if one.line not in document["rivals"]]
    for words, claims in (
        (f"{document['whole']} is better than:", others),
        (f"better than {document['whole']}:", rival_claims_of(document)),
    ):
        yield f"| {words} | difference, dB | verdict |"
        yield "| --- | --- | --- |"
        for claim in claims:
            found = "; ".join(f"{dose:g} px: {interval(one)}" for dose, one in claim.doses)
            yield row(claim.line, found, claim.verdict)
        yield ""


def rival_table(document: Document) -> Iterator[str]:
    """What the first rival gains over each other line."""
    rival = document["doses"][0]["scene_gains"]["line"]
    yield row(f"{rival} minus:", *(f"{one['dose_px']:g} px" for one in document["doses"]))
    yield "| --- |" + " ---: |" * len(document["doses"])
    for label in labels_of(document):
        found = [line_of(one, label) for one in document["doses"]]
        if label != rival:
            yield row(label, *("" if one is None else interval(one["rival_over"]) for one in found))
    yield ""


def interval(estimate: Document) -> str:
    """A value with its interval."""
    value, low, high = (
        f"{round(estimate[name], 2) + 0.0:.2f}" for name in ("value", "low", "high")
    )
    return f"{value} [{low}, {high}]".replace("-", "−")


def row(*cells: str) -> str:
    """A row of a Markdown table."""
    return "| " + " | ".join(cells) + " |"


if __name__ == "__main__":
    main()
