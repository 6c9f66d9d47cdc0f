"""Gains at the size of a camera's pictures: a part of ``weights.md`` and its picture.

``python -m research.pages.native PHOTOGRAPHS …``: those that a stream holds out, of its folder."""

import argparse
import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from defocus.baselines.systems.defocus_own.network import DefocusUNet
from defocus.datasets.stream.native import NativeRenderer, full_size
from defocus.datasets.stream.photographs import find_photographs
from defocus.storage.files import make_folder, write_bytes
from research.light import Pixels
from research.markdown import put_between
from research.native_size.cases import BLURS, MEGAPIXELS, Case, cases_of
from research.native_size.measured import Cells, Kept, crop_of, key_of, measured
from research.native_size.stacks import stack_table
from research.native_size.systems import Row, classical_rows, network_rows
from research.native_size.tables import caption, jpeg, ramp_table, seconds_line, table
from research.pages import DOCS

PAGE = DOCS / "weights.md"
PICTURE = "native.jpg"
FIRST_PICTURE = "deblurred.jpg"
"""The picture at the top of README.md and of the documentation."""
FIRST_BLURS = ("12", "24", "48", "96")
FIRST_HEIGHT = 192
"""Height of each part of it, px: with the commands below it, it fits a screen of 800 px."""
BEGIN = (
    "<!-- made by research.pages.native: "
    "nothing is written by hand up to the next such line -->"
)
END = "<!-- end of what research.pages.native makes -->"
OF_SIZE = "<!-- of {size:g} megapixels -->"
OF_STACKS = "<!-- of stacks -->"
HEAD = re.compile(r"<!-- of (?:([\d.]+) megapixels|stacks) -->")
"""Comment before the tables of each size, and before those of stacks, so that a run replaces its
own tables."""

SHOWN = (("12", 0), ("24", 1), ("48", 2), ("96", 3), ("0-96", 4))
"""Blurs whose crops are shown, each with the number of a photograph of the smallest size."""

MEANING = (
    "Gain in PSNR over the blurry input: the mean of the photographs ± half of its interval of "
    "95 % (Student's, from three photographs on), and in brackets the photograph that gains least. "
    "Each picture is a held-out photograph at 1:1 with two objects in front that are cut from "
    "other photographs; each layer is blurred in linear light by the kernels of a held-out lens "
    "and hides what is behind it; noise of 0.004 of white at mid-grey; 8 bits. A number of px is "
    "the circle of confusion of all three layers. On a ramp the background begins in focus and "
    "ends at the second number; one object has half of that, one is in focus. `plain` is the "
    "network at the whole size alone, with the guard."
)
RAMPS = "The ramps of {size:g} megapixels by the true circle of confusion, all of their pixels:"
STACKS = "Frames of real focus stacks against the merged picture aligned to each:"
CROPS = (
    "![Parts of {size:g} megapixels at 1:1, circles of confusion of {blurs} px: blurry, {rows}, "
    "sharp](native.jpg)"
)


def main() -> None:
    """Measure what is not kept, and put the tables into the page."""
    asked = options()
    require_place(asked.page)
    DefocusUNet.fit_for_bfloat16 = False  # the same numbers on every processor
    kept = Kept(make_folder(asked.kept))
    photographs = find_photographs(asked.folder)
    renderer = NativeRenderer(photographs, full_size(photographs))
    networks = network_rows(asked.systems)
    rows = [*classical_rows(), *networks]
    blurs = [BLURS[name] for name in asked.blurs]
    written = tables_of(asked.page)
    sizes = [*asked.sizes, *map(size_of, written)]
    smallest = min(sizes, default=math.inf)
    made: dict[str, list[str]] = {}
    for size in sorted(asked.sizes):
        cases = cases_of(renderer.files, size, blurs, asked.photographs)
        cells = measured(renderer, cases, rows, kept)
        parts = [
            caption(renderer.files, size, cases),
            table(rows, cases, cells),
            *ramp_parts(rows, cases, cells),
            seconds_line(rows, cells),
        ]
        if size == smallest:
            crops = shown_crops(renderer, cases, cells, networks[:2], kept)
            parts.append(show(crops, size, networks[:2], asked.page.parent))
        made[OF_SIZE.format(size=size)] = parts
    if asked.stacks is not None:
        made[OF_STACKS] = [STACKS, stack_table(asked.stacks, rows, kept)]
    texts = {}
    for head, parts in made.items():
        texts[head] = "\n\n".join(filter(None, parts))
    put_into(asked.page, {**written, **texts})


def options() -> argparse.Namespace:
    """Options of the command line."""
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("folder", type=Path, metavar="PHOTOGRAPHS")
    words.add_argument(
        "--stacks", type=Path, help="Folder of focus stacks with expected.jpg."
    )
    words.add_argument(
        "--kept",
        type=Path,
        default=Path("native-kept"),
        help="Folder of the measured numbers.",
    )
    words.add_argument(
        "--sizes",
        nargs="*",
        type=float,
        default=MEGAPIXELS,
        help="Sizes in megapixels.",
    )
    words.add_argument(
        "--photographs", type=int, help="Largest number of photographs of each size."
    )
    words.add_argument(
        "--blurs",
        nargs="+",
        choices=BLURS,
        default=BLURS,
        metavar="PX",
    )
    words.add_argument(
        "--systems",
        nargs="+",
        default=(),
        help="Systems; by default all that have weights.",
    )
    words.add_argument(
        "--page",
        type=Path,
        default=PAGE,
        help="Page to write; by default weights.md of the docs.",
    )
    return words.parse_args()


def ramp_parts(
    rows: Sequence[Row],
    cases: Sequence[Case],
    cells: Cells,
) -> list[str]:
    """The gains on ramps by the circle of confusion; nothing without a ramp."""
    if all(case.blur.diameter_px is not None for case in cases):
        return []
    title = RAMPS.format(size=cases[0].megapixels)
    return [title, ramp_table(rows, cases, cells)]


def shown_crops(
    renderer: NativeRenderer,
    cases: Sequence[Case],
    cells: Cells,
    rows: Sequence[Row],
    kept: Kept,
) -> dict[str, Pixels]:
    """By blur: blurry, restored by each of the rows, and sharp, below each other."""
    numbers = list(dict.fromkeys(case.number for case in cases))
    crops = {}
    for blur_name, place in SHOWN:
        number = numbers[place % len(numbers)]
        for case in cases:
            wanted = case.number == number and case.blur.name == blur_name
            complete = all((row.name, case) in cells for row in rows)
            if wanted and rows and complete:
                keys = [key_of(renderer, case, row) for row in rows]
                parts = [crop_of(kept, key) for key in keys]
                blurry, _, sharp = parts[0]
                restored = [part[1] for part in parts]
                crops[blur_name] = np.vstack([blurry, *restored, sharp])
    return crops


def show(
    crops: Mapping[str, Pixels],
    megapixels: float,
    rows: Sequence[Row],
    folder: Path,
) -> str:
    """Write the picture of crops; return the line that shows it."""
    if not crops:
        return ""
    picture = np.hstack(list(crops.values()))
    write_bytes(folder / PICTURE, jpeg(picture))
    columns = [before_and_after(crops[blur]) for blur in FIRST_BLURS if blur in crops]
    if columns:
        write_bytes(folder / FIRST_PICTURE, jpeg(np.hstack(columns)))
    names = ", ".join(f"`{row.name}`" for row in rows)
    return CROPS.format(size=megapixels, blurs=", ".join(crops), rows=names)


def before_and_after(crop: Pixels) -> Pixels:
    """The blurry part above what the last row restored, of parts below each other."""
    side = crop.shape[1]
    top = (side - FIRST_HEIGHT) // 2
    middle = slice(top, top + FIRST_HEIGHT)
    above = crop[:side]
    below = crop[-2 * side : -side]
    return np.vstack([above[middle], below[middle]])


def require_place(page: Path) -> None:
    """Refuse a page without a place for the tables, before an hour is spent on them."""
    text = page.read_text(encoding="utf-8")
    if BEGIN not in text or END not in text:
        raise SystemExit(
            f"{page}: put the lines {BEGIN} and {END} where the tables belong"
        )


def tables_of(page: Path) -> dict[str, str]:
    """Tables of earlier runs, by their heads."""
    _, _, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    made, _, _ = rest.partition(END)
    tables = {}
    head = ""
    for line in made.splitlines():
        if HEAD.fullmatch(line):
            head = line
            tables[head] = ""
        elif head:
            tables[head] += f"{line}\n"
    return {head: table.strip() for head, table in tables.items()}


def size_of(head: str) -> float:
    """Megapixels of the tables below a head; those of stacks come last."""
    found = HEAD.fullmatch(head)
    if found is None or not found[1]:
        return math.inf
    return float(found[1])


def put_into(page: Path, tables: Mapping[str, str]) -> None:
    """Write the tables, the smallest size first, between the lines that bound them."""
    heads = sorted(tables, key=size_of)
    parts = [f"{head}\n\n{tables[head]}" for head in heads]
    made = "\n\n".join([MEANING, *parts])
    text = put_between(page.read_text(encoding="utf-8"), BEGIN, END, f"{made}\n")
    page.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
