"""The page's opening tables, over several studies: what the paper claims, networks, costs."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain

from defocus.baselines.registry import baseline
from defocus.extras.studies.ablation.lines import ablation_of, paper_psnr
from defocus.extras.studies.dose.claims import (
    FROM_PX,
    claims_of,
    labels_of,
    line_of,
    turned,
    verdict,
    without_number,
)
from defocus.extras.studies.dose_report.words import INPUT
from research.jdrl_page.cells import (
    Document,
    cells_of,
    controls,
    dose_heads,
    dose_of,
    every_line,
    interval,
    name_of,
)
from research.markdown import row, rule

SIDE_BY_SIDE = ("nafnet", "restormer", "unet")
"""Sections of the opening's table of networks."""

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
    for label in labels_of(document):
        if label in document["rivals"]:
            cells = cells_of(doses, label, "whole_over", turned)
            yield row(f"{label}, instead of {whole}", *cells)
    yield row(
        f"{first}, instead of true pairs",
        *cells_of(doses, document["truth"], "rival_over"),
    )
    yield ""


def paper_claims(documents: Mapping[str, Document]) -> Iterator[str]:
    """The paper's claims one by one: its number, ours, the verdict, and why."""
    heads = ("the paper's claim", "paper", *(f"{px:g} px" for px in CLAIM_DOSES_PX))
    yield row(*heads, "verdict", "why")
    yield rule(len(heads) - 1) + " --- | --- |"
    studies = [documents[name] for name in TABLE_4_STUDIES]
    for label, (claim, why) in TABLE_4.items():
        with_it = [study for study in studies if label in labels_of(study)]
        for document in with_it[:1]:
            printed = printed_gain(document, label)
            yield claim_row(claim, printed, document, label, why)
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
    gain = printed[document["whole"]] - printed[label]
    return f"{gain:.2f} dB"


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
    added_px = interval(by_plain[-1])
    largest_px = doses[-1]["dose_px"]
    yield row(
        "straight lines stay straight (bend that it adds)",
        "pictures",
        *cells_of(claim_doses(document), document["whole"], "bent_px", unit=" px"),
        "confirmed" if kept else "not decided",
        f"the plain loss adds {added_px} px at {largest_px:g} px",
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


def cost_table(documents: Mapping[str, Document]) -> Iterator[str]:
    """Minutes of a training with each network, and hours of all trainings of the page."""
    yield row("minutes of a training", "steps", *map(without_number, COSTED))
    yield rule(1 + len(COSTED))
    for name in ("by-dose", *SIDE_BY_SIDE):
        document = documents[name]
        one = document["doses"][-1]
        lines = [line_of(one, label) for label in COSTED]
        steps = next(line["steps"] for line in lines if line is not None)
        cells = []
        for line in lines:
            minutes = "" if line is None else f"{line['seconds'] / 60:.1f}"
            cells.append(minutes)
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
    once = sum(control["seconds"] for control, _ in controls(document))
    others = 0
    for line in every_line(document):
        if line["steps"] and line["label"] != document["truth"]:
            others += line["seconds"]
    return float(document["seeds"] * (once + others) / 3600)


def network_table(documents: Sequence[Document]) -> Iterator[str]:
    """Gain of the first rival over the whole objective with each network, by dose."""
    rival = documents[0]["rivals"][0]
    whole = documents[0]["whole"]
    dose_by_px = {}
    for document in documents:
        for dose in document["doses"]:
            if dose["dose_px"] >= FROM_PX:
                dose_by_px[dose["dose_px"]] = dose
    shown_px = sorted(dose_by_px)
    shown = [dose_by_px[px] for px in shown_px]
    yield from dose_heads(f"gain of {rival} over {whole}, dB", shown)
    for document in documents:
        doses = [dose_of(document, px) for px in shown_px]
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
        at_dose = dose_of(document, dose)
        if at_dose is not None:
            columns.append(_lines_by_label(at_dose))
    yield row(f"gain over the blurry input, {dose:g} px, dB", *networks)
    yield rule(len(documents))
    labels = dict.fromkeys(chain.from_iterable(columns))
    for label in sorted(labels, key=lambda label: least_gain(columns, label)):
        cells = []
        for column in columns:
            line = column.get(label)
            cells.append("" if line is None else interval(line["over_input"]))
        yield row(without_number(label), *cells)
    yield ""


def _lines_by_label(dose: Document) -> dict[str, Document]:
    """The restored lines of a dose."""
    by_label = {}
    for line in dose["lines"]:
        if line["system"] != INPUT:
            by_label[line["label"]] = line
    return by_label


def least_gain(columns: Sequence[Mapping[str, Document]], label: str) -> float:
    """Least gain of a line over the input with any network."""
    gains = []
    for column in columns:
        if label in column:
            gain = column[label]["over_input"]
            gains.append(float(gain["value"]))
    return min(gains)
