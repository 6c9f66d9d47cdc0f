"""Charts and tables of docs/jdrl-numbers.md, from the documents in research/dose_study.

``python -m research.pages.jdrl nafnet=STUDY`` takes over a finished study first."""

import argparse
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from io import BytesIO
from itertools import chain
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib import pyplot as plt

from defocus.extras.studies.dose.claims import (
    labels_at_any_dose,
    labels_of,
    line_of,
    without_number,
)
from defocus.extras.studies.dose.kept import DOSES
from defocus.extras.studies.dose.outputs.layout import strip_name
from defocus.extras.studies.dose_report.charts import (
    dose_chart,
    part_charts,
    trust_chart,
)
from defocus.pictures.metadata import Metadata
from defocus.pictures.read import read_image
from defocus.pictures.write import encoded_picture
from defocus.reading import read_json
from defocus.reports.plot import draw_figures
from research.jdrl_page.cells import Document, dose_of, every_line, name_of
from research.jdrl_page.opening import (
    SIDE_BY_SIDE,
    cost_table,
    dose_table,
    network_gains,
    network_table,
    paper_claims,
    registration_table,
)
from research.jdrl_page.study import (
    claim_table,
    gain_table,
    part_tables,
    reblur_table,
    rival_table,
    study_facts,
    tau_table,
)
from research.markdown import put_between
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
DOSE_CHART = "jdrl-dose.svg"
REGISTRATION = "registration"
"""Name of the results of ``research.pages.registration``."""
TRUST_CHART = "jdrl-trust.svg"
PART_CHART, PART_DOSES_PX = "jdrl-where.svg", (2.0, 8.0)
ROW_CHARTS = {"parts": "jdrl-parts.svg", "other-ways": "jdrl-other-ways.svg"}


def main(*taken: str) -> None:
    """Write the charts, and the page's sections; first take over studies, ``NAME=FOLDER``."""
    for name, _, study in (one.partition("=") for one in taken):
        take_over(name, Path(study))
    documents = {name: read_documents(studies) for name, studies in SECTIONS.items()}
    for name, drawn in charts(documents).items():
        PAGE.with_name(name).write_bytes(drawn)
    page = made_page(PAGE.read_text(encoding="utf-8"), documents)
    PAGE.write_text(page, encoding="utf-8")


def take_over(name: str, study: Path) -> None:
    """Copy the document of a finished study, and its strips as WebP beside the page."""
    place = section_of(name)
    files = {other: document_file(other) for other in SECTIONS[place]}
    files[name] = study / DOSES
    documents = {other: read_document(file) for other, file in files.items()}
    joined(documents)
    document_file(name).write_bytes((study / DOSES).read_bytes())
    if place in CLAIMS_ONLY:
        return
    for dose in documents[name]["doses"]:
        strip = read_image(study / strip_name(dose["dose_px"]))
        written = encoded_picture(strip, Metadata(), "WebP")
        strip_file(place, dose).write_bytes(written)


def section_of(study: str) -> str:
    """The section of the page that shows a study; ValueError if none does."""
    for section_name, studies in SECTIONS.items():
        if study in studies:
            return section_name
    names = ", ".join(chain.from_iterable(SECTIONS.values()))
    raise ValueError(f"no section has a study {study!r}; known are {names}")


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
    whole = {DOSE_CHART: dose_chart(shown), TRUST_CHART: trust_chart(shown)}
    for name, chart in whole.items():
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
    by_dose = documents["by-dose"]
    others = [documents[name] for name in SIDE_BY_SIDE]
    opening = {
        "doses": dose_table(by_dose),
        "claims": paper_claims(documents),
        "networks": network_table([by_dose, *others]),
        "network-gains": network_gains(others),
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
        doses = [*whole["doses"], *other["doses"]]
        rivals = [*whole["rivals"], *other["rivals"]]
        together = {
            **whole,
            "doses": sorted(doses, key=lambda dose: dose["dose_px"]),
            "rivals": list(dict.fromkeys(rivals)),
            "origins": whole.get("origins") or other.get("origins"),
        }
        doses_px = [dose["dose_px"] for dose in other["doses"]]
        twice = [dose_px for dose_px in doses_px if dose_of(whole, dose_px)]
        left = sorted(labels_at_any_dose(together) - set(labels_of(together)))
        wrong = unlike(whole, other) or twice or left
        if wrong:
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
    origins = {study.get("origins") for study in (first, other)}
    known = [count for count in origins if count]
    if len(known) > 1:
        differences.append("origins")
    return differences


def trained_steps(document: Document) -> set[int]:
    """The steps of a study's trainings."""
    steps = {line["steps"] for line in every_line(document)}
    return set(filter(None, steps))


def with_section(text: str, name: str, lines: Iterator[str]) -> str:
    """The page with these lines between the two marks of a section."""
    begin = f"<!-- made by research.pages.jdrl: {name} -->"
    end = f"<!-- end: {name} -->"
    if begin not in text or end not in text:
        raise ValueError(f"{PAGE.name} lacks the mark {begin!r} or {end!r}")
    return put_between(text, begin, end, "\n".join(lines))


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


def strips(name: str, document: Document) -> Iterator[str]:
    """The strips of crops of a study, those beside the page."""
    shown = [one for one in document["doses"] if strip_file(name, one).is_file()]
    if not shown:
        return
    line = shown[0]["scene_gains"]["line"]
    plain = without_number(document["plain"])
    by_dose = []
    for one in shown:
        scale = one["strip"]["error_scale"]
        by_dose.append(f"{scale} ({one['dose_px']:g} px)")
    scales = ", ".join(by_dose)
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


def row_chart(document: Document) -> bytes:
    """The gain over the blurry input with a row per line; many lines stay apart so."""
    labels = labels_of(document)
    doses = document["doses"]
    figure, axis = plt.subplots(
        figsize=(6.4, 0.7 + 0.34 * len(labels)),
        layout="constrained",
    )
    shades = mpl.colormaps["viridis_r"](np.linspace(0.15, 0.95, len(doses)))
    middle = (len(doses) - 1) / 2
    for place, (dose, shade) in enumerate(zip(doses, shades, strict=True)):
        offset = (place - middle) * 0.2
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
    values = []
    below = []
    above = []
    for number, label in enumerate(labels):
        line = line_of(dose, label)
        if line is not None:
            gain = line["over_input"]
            places.append(number + offset)
            values.append(gain["value"])
            below.append(gain["value"] - gain["low"])
            above.append(gain["high"] - gain["value"])
    axis.errorbar(
        np.array(values),
        places,
        xerr=np.maximum([below, above], 0),
        fmt="o",
        color=shade,
        markersize=4,
        linewidth=1.2,
        capsize=2,
        label=f"{dose['dose_px']:g} px",
    )


if __name__ == "__main__":
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("studies", nargs="*", metavar="NAME=STUDY")
    main(*words.parse_args().studies)
