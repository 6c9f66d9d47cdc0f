"""Charts and tables of docs/jdrl-numbers.md, from the documents in research/dose_study.

``python -m research.pages.jdrl nafnet=STUDY`` takes over a finished study first."""

import argparse
import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from io import BytesIO
from itertools import chain
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib import pyplot as plt

from defocus.baselines.registry import baseline
from defocus.extras.studies.ablation.lines import ablation_of, paper_psnr
from defocus.extras.studies.dose.claims import (
    FROM_PX,
    claims_of,
    labels_at_any_dose,
    labels_of,
    line_of,
    rival_claims_of,
    turned,
    verdict,
    without_number,
)
from defocus.extras.studies.dose.kept import DOSES
from defocus.extras.studies.dose.outputs.layout import strip_name
from defocus.extras.studies.dose_report.charts import (
    PART_NAMES,
    dose_chart,
    part_charts,
    trust_chart,
)
from defocus.extras.studies.dose_report.words import INPUT
from defocus.pictures.metadata import Metadata
from defocus.pictures.read import read_image
from defocus.pictures.write import encoded_picture
from defocus.reading import read_json
from defocus.reports.display import number_text
from defocus.reports.plot import draw_figures
from research.markdown import row, rule
from research.pages import DOCS, DOSE_STUDY

mpl.use("agg")
mpl.rcParams["svg.hashsalt"] = "defocus"
mpl.rcParams["svg.fonttype"] = "none"

PAGE = DOCS / "jdrl-numbers.md"
DOCUMENTS = DOSE_STUDY
SECTIONS = {
    "by-dose": ("dose",),
    "parts": ("parts",),
    "smaller": ("smaller",),
    "other-ways": ("other-ways",),
    "true-flow": ("true-flow",),
    "smaller-ways": ("smaller-ways",),
    "nafnet": ("nafnet", "nafnet-2-4px"),
    "restormer": ("restormer", "restormer-4px"),
    "unet": ("unet",),
}
"""Sections of the page, and the studies of each, which have other doses."""
ALIKE = (
    "objective",
    "network",
    "narrow",
    "dataset",
    "scenes",
    "training_pairs",
    "seeds",
    "plain",
    "whole",
    "truth",
)
"""Settings that all studies of a section have in common."""
CLAIMS_ONLY = ("smaller", "smaller-ways", "true-flow")
"""Sections with nearly the same lines as another one: only their claims are shown."""
SIDE_BY_SIDE = ("nafnet", "restormer", "unet")
"""Sections of the opening's table of networks."""
DOSE_CHART = "jdrl-dose.svg"
REGISTRATION = "registration"
"""Name of the results of ``research.pages.registration``."""
TRUST_CHART = "jdrl-trust.svg"
PART_CHART, PART_DOSES_PX = "jdrl-where.svg", (2.0, 8.0)
ROW_CHARTS = {"parts": "jdrl-parts.svg", "other-ways": "jdrl-other-ways.svg"}
CLAIM_DOSES_PX = (2.0, 8.0)
TABLE_4_STUDIES = ("parts", "other-ways")
TABLE_4 = {
    "1 plain loss": (
        "JDRL is better than the plain loss",
        "the plain loss learns the displacement",
    ),
    "2 without deformation": (
        "its deformation helps",
        "without it the output is drawn to where the sharp picture lies",
    ),
    "3 without mask": (
        "its mask helps",
        "it hides good pixels too; little depends on it",
    ),
    "4 without reblurring": (
        "its reblurring helps",
        "the reblurring network becomes the identity: its loss asks for the blurry picture",
    ),
    "5 free kernels": (
        "isotropic kernels are better than free ones",
        "both become the identity",
    ),
    "6 one kernel": (
        "weighted kernels are better than one",
        "one kernel without weights cannot become the identity",
    ),
}
"""Claim that each line of Table 4 tests, and the reason for the verdict."""
LEARNED = {
    "nafnet": "as with Defocus-S",
    "restormer": "as with Defocus-S",
    "unet": "one plain training and two with JDRL stay at their input",
}
COSTED = (
    "1 plain loss",
    "registered pairs",
    "4 without reblurring",
    "JDRL, thin-lens reblurring, measured",
    "JDRL",
)
"""Lines whose minutes are reported."""

Document = Mapping[str, Any]


def main(*taken: str) -> None:
    """Write the charts, and the page's sections; first take over studies, ``NAME=FOLDER``."""
    for name, _, study in (one.partition("=") for one in taken):
        take_over(name, Path(study))
    documents = {name: read_documents(studies) for name, studies in SECTIONS.items()}
    for name, drawn in charts(documents).items():
        PAGE.with_name(name).write_bytes(drawn)
    PAGE.write_text(
        made_page(PAGE.read_text(encoding="utf-8"), documents),
        encoding="utf-8",
    )


def take_over(name: str, study: Path) -> None:
    """Copy the document of a finished study, and its strips as WebP beside the page."""
    place = next((one for one, studies in SECTIONS.items() if name in studies), None)
    if place is None:
        names = ", ".join(chain.from_iterable(SECTIONS.values()))
        raise ValueError(f"no section has a study {name!r}; known are {names}")
    files = {one: document_file(one) for one in SECTIONS[place]} | {name: study / DOSES}
    documents = {one: read_document(file) for one, file in files.items()}
    joined(documents)
    document_file(name).write_bytes((study / DOSES).read_bytes())
    if place in CLAIMS_ONLY:
        return
    for one in documents[name]["doses"]:
        strip = read_image(study / strip_name(one["dose_px"]))
        written = encoded_picture(strip, Metadata(), "WebP")
        strip_file(place, one).write_bytes(written)


def strip_file(name: str, one: Document) -> Path:
    """File of the page's strip of a dose."""
    return PAGE.with_name(f"jdrl-{name}-strip-{one['dose_px']:g}px.webp")


def stamped(drawn: bytes, *shown: object) -> bytes:
    """A chart as SVG with a hash of what it shows, by which an old chart is recognised."""
    stamp = hashlib.sha256(repr(shown).encode()).hexdigest()
    return drawn.rstrip() + f"\n<!-- {stamp} -->\n".encode()


def charts(documents: Mapping[str, Document]) -> dict[str, bytes]:
    """The charts of the page, as SVG files by name."""
    shown = documents["by-dose"]
    by_part = part_charts(shown)
    beside = [by_part[dose] for dose in PART_DOSES_PX]
    files = {}
    for name, chart in (
        (DOSE_CHART, dose_chart(shown)),
        (TRUST_CHART, trust_chart(shown)),
    ):
        files[name] = stamped(draw_figures([chart], "svg"), chart)
    files[PART_CHART] = stamped(draw_figures(beside, "svg"), *beside)
    for study, name in ROW_CHARTS.items():
        document = documents[study]
        files[name] = stamped(row_chart(document), document)
    return files


def made_page(text: str, documents: Mapping[str, Document]) -> str:
    """The page with all its made sections."""
    for name, document in documents.items():
        text = with_section(text, name, section(name, document))
    opening = {
        "doses": dose_table(documents["by-dose"]),
        "claims": paper_claims(documents),
        "networks": network_table(
            [documents[name] for name in ("by-dose", *SIDE_BY_SIDE)]
        ),
        "network-gains": network_gains([documents[name] for name in SIDE_BY_SIDE]),
        "cost": cost_table(documents),
        "registration": registration_table(read_json(document_file(REGISTRATION))),
    }
    for name, lines in opening.items():
        text = with_section(text, name, lines)
    return text


def read_documents(studies: Sequence[str]) -> dict[str, Any]:
    """The document of a section, with the doses of all its studies; see :func:`joined`."""
    return joined({name: read_document(document_file(name)) for name in studies})


def document_file(name: str) -> Path:
    """File of the document of a study."""
    return DOCUMENTS / f"{name}.json"


def read_document(file: Path) -> dict[str, Any]:
    """A study's document, its doses in order."""
    document: dict[str, Any] = read_json(file)
    document["doses"].sort(key=lambda one: one["dose_px"])
    document.setdefault("narrow", False)  # older documents do not say
    for one in document["doses"]:
        one["origins"] = document.get("origins")
    return document


def joined(documents: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    """The studies of a section as one document, with all their doses in order.

    ValueError where they differ in more than doses, share one, or one has a line of its own."""
    (first, whole), *others = documents.items()
    for name, other in others:
        together = {
            **whole,
            "doses": sorted(
                [*whole["doses"], *other["doses"]],
                key=lambda one: one["dose_px"],
            ),
            "rivals": list(dict.fromkeys([*whole["rivals"], *other["rivals"]])),
            "origins": whole.get("origins") or other.get("origins"),
        }
        twice = [
            one["dose_px"] for one in other["doses"] if dose_of(whole, one["dose_px"])
        ]
        left = sorted(labels_at_any_dose(together) - set(labels_of(together)))
        if wrong := unlike(whole, other) or twice or left:
            raise ValueError(f"{name}.json does not go with {first}.json: {wrong}")
        whole = together
    return whole


def unlike(first: Document, other: Document) -> list[str]:
    """Forbidden differences between two studies of one section."""
    differences = [key for key in ALIKE if other[key] != first[key]]
    if trained_steps(other) != trained_steps(first):
        differences.append("steps")
    if other["rivals"][:1] != first["rivals"][:1]:
        differences.append("rivals")
    counts = {one["origins"] for one in (first, other) if one.get("origins")}
    return differences + ["origins"] * (len(counts) > 1)


def trained_steps(document: Document) -> set[int]:
    """The steps of a study's trainings."""
    steps = {line["steps"] for line in every_line(document)}
    return {number for number in steps if number}


def every_line(document: Document) -> Iterator[Document]:
    """The lines of all doses of a study."""
    for dose in document["doses"]:
        yield from dose["lines"]


def with_section(text: str, name: str, lines: Iterator[str]) -> str:
    """The page with these lines between the two marks of a section."""
    begin = f"<!-- made by research.pages.jdrl: {name} -->"
    end = f"<!-- end: {name} -->"
    if begin not in text or end not in text:
        raise ValueError(f"{PAGE.name} lacks the mark {begin!r} or {end!r}")
    before, _, rest = text.partition(begin)
    section = "\n".join(lines)
    return f"{before}{begin}\n\n{section}\n{end}{rest.partition(end)[2]}"


def section(name: str, document: Document) -> Iterator[str]:
    """The made section of one study, by lines; what is long is folded."""
    yield from study_facts(document)
    if name in ROW_CHARTS:
        yield f"![Gain over the blurry input of each line, by dose]({ROW_CHARTS[name]})\n"
    yield from claim_table(document)
    if name in CLAIMS_ONLY:
        return
    yield from tau_table(document)
    yield from reblur_table(document)
    yield from folded(
        "Gains, share of the gap, edges, lines and minutes",
        gain_table(document),
    )
    yield from folded("By part of the picture", part_tables(document))
    yield from folded(
        "What the first rival gains over each line",
        rival_table(document),
    )
    yield from strips(name, document)


def dose_table(document: Document) -> Iterator[str]:
    """Worth of the whole objective by dose, and that of its rivals."""
    doses = document["doses"]
    whole = document["whole"]
    plain = document["plain"]
    first = doses[0]["scene_gains"]["line"]
    yield from dose_heads("gain, dB", doses)
    yield row(
        f"{whole}, instead of the plain loss",
        *cells_of(doses, plain, "whole_over"),
    )
    for label in filter(document["rivals"].__contains__, labels_of(document)):
        yield row(
            f"{label}, instead of {whole}",
            *cells_of(doses, label, "whole_over", turned),
        )
    yield row(
        f"{first}, instead of true pairs",
        *cells_of(doses, document["truth"], "rival_over"),
    )
    yield ""


def dose_heads(first: str, doses: Sequence[Document], *further: str) -> Iterator[str]:
    """Heads of a table with a column per dose, and the line below them."""
    sizes = [f"{one['dose_px']:g} px" for one in doses]
    yield row(first, *sizes, *further)
    yield rule(len(doses) + len(further))


def cells_of(
    doses: Sequence[Document | None],
    label: str,
    key: str,
    seen: Callable[[Document], Document] = dict,
    unit: str = "",
) -> Iterator[str]:
    """A line's differences by dose, as they are or turned; empty where it was not trained."""
    for one in doses:
        line = None if one is None else line_of(one, label)
        yield "" if line is None else interval(seen(line[key])) + unit


def paper_claims(documents: Mapping[str, Document]) -> Iterator[str]:
    """The paper's claims one by one: its number, ours, the verdict, and why."""
    heads = ("the paper's claim", "paper", *(f"{px:g} px" for px in CLAIM_DOSES_PX))
    yield row(*heads, "verdict", "why")
    yield rule(len(heads) - 1) + " --- | --- |"
    for label, (claim, why) in TABLE_4.items():
        studies = [documents[name] for name in TABLE_4_STUDIES]
        with_it = [one for one in studies if label in labels_of(one)]
        for document in with_it[:1]:
            yield claim_row(claim, printed_gain(document, label), document, label, why)
    plain = documents["by-dose"]["plain"]
    for name in SIDE_BY_SIDE:
        document = documents[name]
        claim = (
            f"it is better than the plain loss with any network: {name_of(document)}"
        )
        yield claim_row(claim, "", document, plain, LEARNED[name])
    yield from measured_claims(documents["by-dose"])
    yield ""


def printed_gain(document: Document, label: str) -> str:
    """Gain, dB, of the whole objective over a row of the paper's table."""
    jdrl = ablation_of("jdrl")
    printed = {line.label: paper_psnr(jdrl, line) for line in jdrl.lines}
    return f"{printed[document['whole']] - printed[label]:.2f} dB"


def claim_row(
    claim: str,
    printed: str,
    document: Document,
    label: str,
    why: str,
) -> str:
    """A claim that the whole objective is better than a line, dB."""
    (said,) = (one.verdict for one in claims_of(document) if one.line == label)
    cells = cells_of(claim_doses(document), label, "whole_over", unit=" dB")
    return row(claim, printed, *cells, said, why)


def claim_doses(document: Document) -> list[Document | None]:
    """A study's results at each dose of the table of claims."""
    return [dose_of(document, px) for px in CLAIM_DOSES_PX]


def measured_claims(document: Document) -> Iterator[str]:
    """Claims that no difference of PSNR tests: straight lines, and the protocol."""
    doses = [one for one in document["doses"] if one["dose_px"] >= FROM_PX]
    by_plain = bends_of(doses, document["plain"])
    by_whole = bends_of(doses, document["whole"])
    bends = any(one["low"] > 0 for one in by_plain)
    kept = bends and all(one["low"] <= 0 for one in by_whole)
    yield row(
        "straight lines stay straight (bend that it adds)",
        "pictures",
        *cells_of(claim_doses(document), document["whole"], "bent_px", unit=" px"),
        "confirmed" if kept else "not decided",
        f"the plain loss adds {interval(by_plain[-1])} px at {doses[-1]['dose_px']:g} px",
    )
    yield protocol_row(document, doses)


def bends_of(doses: list[Document], label: str) -> list[Document]:
    """By how much a line of the table bends straight lines, at each dose that has the line."""
    lines = [line_of(one, label) for one in doses]
    return [line["bent_px"] for line in lines if line is not None]


def protocol_row(document: Document, doses: list[Document]) -> str:
    """The claim about the protocol ``deformed-gt``."""
    cells, others = [], []
    for one in claim_doses(document):
        if one is None or not one["tau"]:
            cells.append("")
            continue
        tau = one["tau"]
        cells.append(interval(tau["deformed-gt"]))
        others.append(f"{tau['input-aligned']['value']:.2f}")
    return row(
        "a deformed target scores fairly (tau of `deformed-gt`)",
        "",
        *cells,
        verdict([one["tau"]["deformed-gt"] for one in doses]),
        f"it follows the output; `input-aligned` has {', '.join(others)}",
    )


def dose_of(document: Document, dose_px: float) -> Document | None:
    """A study's results at a dose; None if it has not been trained with it."""
    for dose in document["doses"]:
        if dose["dose_px"] == dose_px:
            return dose
    return None


def cost_table(documents: Mapping[str, Document]) -> Iterator[str]:
    """Minutes of a training with each network, and hours of all trainings of the page."""
    yield row("minutes of a training", "steps", *map(without_number, COSTED))
    yield rule(1 + len(COSTED))
    for name in ("by-dose", *SIDE_BY_SIDE):
        document = documents[name]
        one = document["doses"][-1]
        lines = [line_of(one, label) for label in COSTED]
        steps = next(line["steps"] for line in lines if line is not None)
        cells = (
            "" if line is None else f"{line['seconds'] / 60:.1f}" for line in lines
        )
        yield row(name_of(document), str(steps), *cells)
    hours = sum(map(trained_hours, documents.values()))
    yield f"\nAll trainings of this page together took {hours:.0f} hours of one core.\n"


def registration_table(document: Document) -> Iterator[str]:
    """Which pairs registration leaves out, and what displacement remains in the others."""
    for one in document["doses"]:
        yield row(
            f"{one['dose_px']:g} px",
            "pairs",
            "left out",
            "mean displacement, px",
            "registered",
            "by flow",
            "moved by flow",
        )
        yield rule(6)
        for kind in one["kinds"]:
            cells = [kind["kind"], str(kind["pairs"]), str(kind["left_out"])]
            for name in ("before_px", "after_px", "by_flow_px"):
                length = kind[name]
                cells.append("" if length is None else f"{length:.2f}")
            yield row(*cells, str(kind["moved_by_flow"]))
        yield ""


def trained_hours(document: Document) -> float:
    """Hours that the trainings of a section took; a control is trained once, for all its doses."""
    once = [control["seconds"] for control, _ in controls(document)]
    trained = [line for line in every_line(document) if line["steps"]]
    others = [one["seconds"] for one in trained if one["label"] != document["truth"]]
    seconds = sum(once) + sum(others)
    return float(document["seeds"] * seconds / 3600)


def network_table(documents: Sequence[Document]) -> Iterator[str]:
    """Gain of the first rival over the whole objective with each network, by dose."""
    rival = documents[0]["rivals"][0]
    whole = documents[0]["whole"]
    dose_by_px = {}
    for document in documents:
        dose_by_px |= {one["dose_px"]: one for one in document["doses"]}
    shown = [one for px, one in sorted(dose_by_px.items()) if px >= FROM_PX]
    yield from dose_heads(f"gain of {rival} over {whole}, dB", shown)
    for document in documents:
        doses = [dose_of(document, one["dose_px"]) for one in shown]
        cells = cells_of(doses, rival, "whole_over", turned)
        name = f"{name_of(document)}, {document['seeds']} seeds"
        yield row(name, *(cell or "not trained" for cell in cells))
    yield ""


def network_gains(documents: Sequence[Document]) -> Iterator[str]:
    """Gain over the input of each line at the largest dose, a column per network."""
    dose = max(one["dose_px"] for one in documents[0]["doses"])
    columns = []
    networks = []
    for document in documents:
        networks.append(baseline(document["network"]).card.display_name)
        for one in document["doses"]:
            if one["dose_px"] == dose:
                lines = [line for line in one["lines"] if line["system"] != INPUT]
                columns.append({line["label"]: line for line in lines})
    yield row(f"gain over the blurry input, {dose:g} px, dB", *networks)
    yield rule(len(documents))
    labels = dict.fromkeys(chain.from_iterable(columns))
    for label in sorted(labels, key=lambda label: least_gain(columns, label)):
        lines = [column.get(label) for column in columns]
        cells = ("" if line is None else interval(line["over_input"]) for line in lines)
        yield row(without_number(label), *cells)
    yield ""


def least_gain(columns: Sequence[Mapping[str, Document]], label: str) -> float:
    """Least gain of a line over the input with any network."""
    return min(
        float(one[label]["over_input"]["value"]) for one in columns if label in one
    )


def strips(name: str, document: Document) -> Iterator[str]:
    """The strips of crops of a study, those beside the page."""
    shown = [one for one in document["doses"] if strip_file(name, one).is_file()]
    if not shown:
        return
    line = shown[0]["scene_gains"]["line"]
    plain = without_number(document["plain"])
    scales = ", ".join(
        f"{one['strip']['error_scale']} ({one['dose_px']:g} px)" for one in shown
    )
    yield (
        f"First seed: the test scene at which *{line}* has its median gain over the {plain}, where "
        "the input differs most from the truth; below each its error against the truth, times "
        f"{scales}; then the longest straight line that all show, between the ticks, of the test "
        f"scene at which the {plain} bends lines beyond the blurry input by the median.\n"
    )
    for one in shown:
        labels = ", ".join(one["strip"]["labels"])
        yield (
            f"![Crops at a dose of {one['dose_px']:g} px: {labels}; below the error, and a "
            f"straight line]({strip_file(name, one).name})\n"
        )


def folded(title: str, lines: Iterator[str]) -> Iterator[str]:
    """Lines that open on a click."""
    yield f'<details markdown="1">\n<summary>{title}</summary>\n'
    yield from lines
    yield "</details>\n"


def name_of(document: Document) -> str:
    """Name of a study's network, as people write it."""
    name = baseline(document["network"] or "unet").card.display_name
    return f"{name}, narrow copy" if document["narrow"] else name


def row_chart(document: Document) -> bytes:
    """The gain over the blurry input with a row per line; many lines stay apart so."""
    labels = labels_of(document)
    doses = document["doses"]
    figure, axis = plt.subplots(
        figsize=(6.4, 0.7 + 0.34 * len(labels)),
        layout="constrained",
    )
    shades = mpl.colormaps["viridis_r"](np.linspace(0.15, 0.95, len(doses)))
    for place, (dose, shade) in enumerate(zip(doses, shades, strict=True)):
        offset = (place - (len(doses) - 1) / 2) * 0.2
        draw_dose(axis, dose, labels, offset, shade)
    axis.axvline(0, color="black", linewidth=0.8)
    axis.grid(visible=True, axis="x", linewidth=0.4)
    axis.set_yticks(range(len(labels)), labels)
    axis.invert_yaxis()
    axis.set(xlabel="gain over the blurry input, dB", title=name_of(document))
    axis.legend(title="dose", fontsize="small", loc="lower left")
    drawn = BytesIO()
    figure.savefig(drawn, format="svg", metadata={"Date": None})
    plt.close(figure)
    return drawn.getvalue()


def draw_dose(axis, dose, labels, offset, shade) -> None:  # type: ignore[no-untyped-def] # noqa: ANN001 - of matplotlib
    """The gains at one dose and their intervals, a little beside the row of each line."""
    places = []
    gains = []
    for number, label in enumerate(labels):
        line = line_of(dose, label)
        if line is not None:
            places.append(number + offset)
            gains.append(line["over_input"])
    values = np.array([gain["value"] for gain in gains])
    below = values - [gain["low"] for gain in gains]
    above = [gain["high"] for gain in gains] - values
    axis.errorbar(
        values,
        places,
        xerr=np.maximum([below, above], 0),
        fmt="o",
        color=shade,
        markersize=4,
        linewidth=1.2,
        capsize=2,
        label=f"{dose['dose_px']:g} px",
    )


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
    alone = f" (known at {px_text(doses)} alone)" * (
        len(doses) < len(document["doses"])
    )
    return f"{said} of {document['origins']} photographs and textures{alone}"


def controls(document: Document) -> list[tuple[Document, list[float]]]:
    """Each control on true pairs with its doses: a study trains it once, for all of them."""
    by_length: dict[float, tuple[Document, list[float]]] = {}
    for one in document["doses"]:
        control = line_of(one, document["truth"])
        if control is not None:
            gain = control["over_input"]["value"]
            by_length.setdefault(gain, (control, []))[1].append(one["dose_px"])
    return list(by_length.values())


def px_text(doses: Sequence[float]) -> str:
    """Doses as people write them: ``2, 4 px``."""
    return ", ".join(f"{px:g}" for px in doses) + " px"


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
        heads += ["share of the gap", "edges, px", *["moved, px"] * moved, "lines, px"]
        heads += [*["bent, px"] * seeds, "minutes"]
        yield row(*heads)
        yield rule(len(heads) - 1)
        for line in one["lines"]:
            share = "" if line["share"] is None else interval(line["share"])
            yield row(
                line["label"],
                f"{line['means']['truth/psnr']:.2f}",
                interval(line["over_input"]),
                *([by_seed(line)] if seeds else []),
                interval(line["over_plain"]["psnr"]),
                share,
                mean_px(line, "edge_px"),
                *([added(line, "moved_px")] if moved else []),
                mean_px(line, "line_px"),
                *([added(line, "bent_px")] if seeds else []),
                f"{line['seconds'] / 60:.1f}" if line["steps"] else "",
            )
        yield ""


def by_seed(line: Document) -> str:
    """Gain of each training over the input."""
    return ", ".join(map(signed_text, line["seeds_over_input"]))


def mean_px(line: Document, name: str) -> str:
    """Mean displacement of edges, or bend of lines; empty where none was seen."""
    if name not in line["means"]:
        return ""
    return f"{line['means'][name]:.2f}"


def added(line: Document, name: str) -> str:
    """Displacement of edges, or bend of lines, that the trainings add to the input's."""
    if line[name] is None or not line["steps"]:
        return ""
    return interval(line[name])


def part_tables(document: Document) -> Iterator[str]:
    """Gain by part of the picture for each dose: over the plain loss, and over the input."""
    for one in document["doses"]:
        for key, over, reference in (
            ("over_plain", "the plain loss", document["plain"]),
            ("parts_over_input", "the blurry input", blurry_input(one)),
        ):
            named = {name for line in one["lines"] for name in line.get(key, ())}
            # older ones lack the input
            if parts := [name for name in PART_NAMES if name in named]:
                yield f"Gain over {over}, dose {one['dose_px']:g} px, dB:\n"
                yield from part_table(one, key, parts, reference)


def part_table(
    one: Document,
    key: str,
    parts: Sequence[str],
    reference: str | None,
) -> Iterator[str]:
    """Gains of a dose's lines but the reference, a column for each known part."""
    yield row("line", *(PART_NAMES[name] for name in parts))
    yield rule(len(parts))
    if "part_scenes" in one:
        yield row("scenes", *(str(one["part_scenes"][name]) for name in parts))
    for line in one["lines"]:
        if line["label"] != reference:
            yield row(line["label"], *interval_cells(map(line[key].get, parts)))
    yield ""


def interval_cells(values: Iterable[Document | None]) -> Iterator[str]:
    """A cell for each value with its interval; empty where there is none."""
    for value in values:
        yield "" if value is None else interval(value)


def blurry_input(one: Document) -> str | None:
    """Label of the blurry input at a dose."""
    return next(
        (line["label"] for line in one["lines"] if line["system"] == INPUT),
        None,
    )


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
            gains = "; ".join(
                f"{dose:g} px: {interval(one)}" for dose, one in claim.doses
            )
            yield row(claim.line, gains, claim.verdict)
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


def interval(estimate: Document) -> str:
    """A value with its interval; a number near 0 has a third decimal, which shows its side."""
    middle = signed_text(estimate["value"])
    low = signed_text(estimate["low"])
    high = signed_text(estimate["high"])
    return f"{middle} [{low}, {high}]"


def signed_text(number: float) -> str:
    """Two decimals, or three where two would be 0 but the number is not."""
    tiny = abs(number) < 0.0005
    decimals = 2 if abs(number) >= 0.005 or tiny else 3
    return number_text(number, decimals)


if __name__ == "__main__":
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("studies", nargs="*", metavar="NAME=STUDY")
    main(*words.parse_args().studies)
