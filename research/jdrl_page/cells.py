"""Cells and heads that several tables have, and the documents that they are made from."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from defocus.baselines.registry import baseline
from defocus.extras.studies.dose.claims import line_of
from defocus.reports.display import number_text
from research.markdown import row, rule

Document = Mapping[str, Any]


def every_line(document: Document) -> Iterator[Document]:
    """The lines of all doses of a study."""
    for dose in document["doses"]:
        yield from dose["lines"]


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


def dose_of(document: Document, dose_px: float) -> Document | None:
    """A study's results at a dose; None if it has not been trained with it."""
    for dose in document["doses"]:
        if dose["dose_px"] == dose_px:
            return dose
    return None


def name_of(document: Document) -> str:
    """Name of a study's network, as people write it."""
    name = baseline(document["network"] or "unet").card.display_name
    return f"{name}, narrow copy" if document["narrow"] else name


def controls(document: Document) -> list[tuple[Document, list[float]]]:
    """Each control on true pairs with its doses: a study trains it once, for all of them."""
    by_gain: dict[float, tuple[Document, list[float]]] = {}
    for one in document["doses"]:
        control = line_of(one, document["truth"])
        if control is not None:
            gain = control["over_input"]["value"]
            _, doses = by_gain.setdefault(gain, (control, []))
            doses.append(one["dose_px"])
    return list(by_gain.values())


def px_text(doses: Sequence[float]) -> str:
    """Doses as people write them: ``2, 4 px``."""
    return ", ".join(f"{px:g}" for px in doses) + " px"


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


def interval_cells(values: Iterable[Document | None]) -> Iterator[str]:
    """A cell for each value with its interval; empty where there is none."""
    for value in values:
        yield "" if value is None else interval(value)


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
