"""Tables of gains across datasets: beside what papers print, and of everything measured."""

from collections.abc import Mapping, Sequence
from typing import Any

from defocus.benchmark.published.numbers import note_number, profile_reasons
from defocus.benchmark.scoring.profiles import DEFAULT
from defocus.extras.studies.cross import COMPARED, FIELD, PROTOCOLS, CrossGain, in_field
from defocus.extras.studies.published_gains import PublishedGain, published_gains
from defocus.progress import counted
from defocus.reports.model import Table

NOT_MEASURED = "not measured"
NOT_PRINTED = "not printed"

MEANING = (
    "Papers train on a real set, mostly on DPDD; syndof, cldefocus and stream are rendered. 'own "
    "set' marks a test on pictures of a set that was trained on. A printed gain is the printed "
    "PSNR minus the printed PSNR of the input; no paper prints its interval."
)
ELSEWHERE = (
    "None of these gains is comparable with a printed one unless the last column says so: other "
    "scenes, cameras and blurs. Intervals are of 95 %, over scenes, from ten scenes on."
)

Row = tuple[str, ...]
Systems = Mapping[str, tuple[str, ...]]
"""Names of the training sets of each system."""


def cross_tables(
    systems: Systems,
    gains: Sequence[CrossGain],
) -> tuple[list[Table], list[str]]:
    """Gains beside printed ones, then everything measured; and the notes of both."""
    notes: dict[str, int] = {}
    rows = [_own_row(*system, gains, notes) for system in systems.items()]
    rows += [_printed_row(group, notes) for group in _trainings()]
    columns = ("System", "Trained on", *(f"{name}, dB" for name in FIELD), "Notes")
    beside = _table(f"Gain over the input, protocol {COMPARED}", columns, rows, MEANING)
    tables = [beside]
    if gains:
        columns = (
            "Dataset",
            "System",
            *(f"{name}, dB" for name in PROTOCOLS),
            "Of",
            "Beside papers",
        )
        measured = [_measured_row(group, notes) for group in _together(gains)]
        tables.append(
            _table("Everything that was measured", columns, measured, ELSEWHERE)
        )
    return tables, list(notes)


def _table(
    caption: str,
    names: Sequence[str],
    rows: Sequence[Row],
    note: str,
) -> Table:
    return Table.of(caption, names, rows, note)


def _own_row(
    system: str,
    trained_on: tuple[str, ...],
    gains: Sequence[CrossGain],
    notes: dict[str, int],
) -> Row:
    own_sets = {text.partition(":")[0] for text in trained_on}
    cells = []
    numbers = []
    for name in FIELD:
        one = in_field(gains, system, name)
        if isinstance(one, str):
            cells.append(NOT_MEASURED)
            numbers.append(note_number(one, notes))
        else:
            own = ", own set" if name in own_sets else ""
            cells.append(_gain_text(one) + own)
    return system, ", ".join(trained_on) or "not known", *cells, " ".join(numbers)


def _printed_row(group: Sequence[PublishedGain], notes: dict[str, int]) -> Row:
    by_set = {one.cell.dataset: one for one in group}
    cells = []
    for name in FIELD:
        one = by_set.get(name)
        own = ", own set" if one and one.own_set else ""
        cells.append(f"{one.value:+.2f}{own}" if one else NOT_PRINTED)
    texts: dict[str, None] = {}
    for one in group:
        texts |= dict.fromkeys(_sources(one))
    numbers = " ".join(note_number(text, notes) for text in texts)
    return group[0].cell.system, ", then ".join(group[0].trained_on), *cells, numbers


def _sources(one: PublishedGain) -> list[str]:
    """Source, training and protocol of a printed gain, and where ours differs."""
    texts = [f"{one.cell.source}{f': {one.cell.note}' if one.cell.note else ''}"]
    if one.input.source != one.cell.source:
        texts.append(f"minus the input of another source, {one.input.source}")
    if not one.stated:
        texts.append(
            "the source does not name the training set; it is the authors' own, or for LFDOF taken "
            "to be that set's training part"
        )
    texts += [
        f"another PSNR of {other.system} on {other.dataset}, {other.value}: {other.source}"
        for other in one.contradicting
    ]
    if one.cell.protocol != COMPARED:
        texts.append(f"the source names no protocol; {COMPARED} is what its scripts do")
    return [*texts, *profile_reasons(DEFAULT.name, one.cell)]


def _measured_row(group: Sequence[CrossGain], notes: dict[str, int]) -> Row:
    by_protocol = {one.protocol: one for one in group}
    first, most = group[0], max(group, key=lambda one: one.images)
    cells = []
    for protocol in PROTOCOLS:
        one = by_protocol.get(protocol)
        if one is None or one.gain is None:
            reason = one.reason if one else "not asked"
            cells.append(f"{NOT_MEASURED} ({note_number(reason, notes)})")
        else:
            fewer = (
                f", {counted(one.images, 'picture')}"
                if one.images < most.images
                else ""
            )
            cells.append(_gain_text(one) + fewer)
    of = f"{counted(most.images, 'picture')}, {counted(most.scenes, 'scene')}"
    compared = by_protocol.get(COMPARED, first)
    beside = compared.differs or ("no" if compared.gain is None else "yes")
    return first.dataset, first.system, *cells, of, beside


def _gain_text(one: CrossGain) -> str:
    assert one.gain is not None  # noqa: S101 - what has none has a reason
    if one.low is None or one.high is None:
        return f"{one.gain:+.2f}, no interval"
    return f"{one.gain:+.2f} ({one.low:+.2f} to {one.high:+.2f})"


def _trainings() -> list[list[PublishedGain]]:
    """Printed gains by system and training, in their order."""
    groups: dict[tuple[str, tuple[str, ...]], list[PublishedGain]] = {}
    for one in published_gains():
        groups.setdefault((one.cell.system, one.trained_on), []).append(one)
    return list(groups.values())


def _together(gains: Sequence[CrossGain]) -> list[list[CrossGain]]:
    """The gains of each system on each dataset, by protocol."""
    groups: dict[tuple[str, str], list[CrossGain]] = {}
    for one in gains:
        groups.setdefault((one.dataset, one.system), []).append(one)
    return list(groups.values())


def cross_document(systems: Systems, gains: Sequence[CrossGain]) -> dict[str, Any]:
    """The document of ``--json`` and ``cross.json``; takes the arguments of the tables."""
    beside = []
    for system in systems:
        for name in FIELD:
            own = in_field(gains, system, name)
            gain, reason = (None, own) if isinstance(own, str) else (own.gain, "")
            facts = {
                "system": system,
                "dataset": name,
                "gain": gain,
                "reason": reason,
            }
            beside.append(facts)
    return {
        "metric": "psnr",
        "beside_published": beside,
        "measured": [one.to_json() for one in gains],
        "published": list(map(_published_json, published_gains())),
    }


def _published_json(one: PublishedGain) -> dict[str, Any]:
    return {
        "system": one.cell.system,
        "trained_on": list(one.trained_on),
        "dataset": one.cell.dataset,
        "protocol": one.cell.protocol,
        "gain": one.value,
        "own_set": one.own_set,
        "psnr": one.cell.value,
        "psnr_input": one.input.value,
        "notes": _sources(one),
    }


def cross_markdown(systems: Systems, gains: Sequence[CrossGain]) -> str:
    """The tables and their notes as Markdown, for a page."""
    tables, notes = cross_tables(systems, gains)
    parts = []
    for table in tables:
        lines = [
            _line([column.name for column in table.columns]),
            "|---" * len(table.columns) + "|",
        ]
        lines += list(map(_line, table.rows))
        parts += [f"{table.caption}:", "\n".join(lines), table.note]
    parts.append(
        "\n".join(f"{number}. {_escaped(text)}" for number, text in enumerate(notes, 1))
    )
    return "\n\n".join(parts) + "\n"


def _line(cells: Sequence[object]) -> str:
    return "| " + " | ".join(_escaped(str(cell)) for cell in cells) + " |"


def _escaped(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")
