"""Tables of gains at native size, as Markdown, and the picture of crops beside them."""

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from scipy.stats import t as student

from defocus.datasets.stream.native import FullSize
from defocus.pictures.write import encoded_jpeg
from defocus.progress import counted
from research import markdown
from research.light import Pixels
from research.native_size.cases import Case
from research.native_size.measured import BINS_PX, Cell, Cells, gain_of
from research.native_size.systems import Row

LEAST_INTERVAL = 3
"""Number of photographs from which an interval is given: for two it says nothing."""
CONFIDENCE = 0.95
"""Share of the intervals that hold the true mean."""
NOT_APPLICABLE = "n/a"
FAILED = "failed"
LARGEST_BYTES = 199_000
"""Largest size of the picture of crops, in bytes."""
QUALITIES = range(90, 30, -5)
"""JPEG qualities, the best first."""


def table(
    rows: Sequence[Row],
    cases: Sequence[Case],
    cells: Cells,
) -> str:
    """Mean gain, its interval and the worst picture of each row and blur."""
    blurs = list(dict.fromkeys(case.blur for case in cases))
    heads = [f"{blur.name} px" for blur in blurs]
    lines = head_lines(["gain, dB", *heads])
    for row in rows:
        texts = [row.name]
        for blur in blurs:
            own = [case for case in cases if case.blur == blur]
            texts.append(_cell_text(row, own, cells))
        lines.append(markdown.row(*texts))
    return "\n".join(lines)


def head_lines(names: Sequence[str]) -> list[str]:
    """The first two lines of a table."""
    return [markdown.row(*names), "|---" * len(names) + "|"]


def _cell_text(row: Row, cases: Sequence[Case], cells: Cells) -> str:
    """Mean, interval and worst; and how many pictures, where some failed."""
    if row.needs_kernel and cases[0].blur.diameter_px is None:
        return NOT_APPLICABLE
    gains = [cell.gain_db for cell in cells_of(row, cases, cells)]
    if not gains:
        return FAILED
    mean = signed(np.mean(gains))
    text = f"{mean}{_interval(gains)} ({signed(min(gains))})"
    if len(gains) < len(cases):
        text += f", {len(gains)} of {len(cases)}"
    return text


def signed(gain: float | np.floating) -> str:
    """A gain with its sign."""
    return f"{gain:+.2f}".replace("-", "−")


def _interval(gains: Sequence[float]) -> str:
    """Half the width of Student's interval of the mean."""
    count = len(gains)
    if count < LEAST_INTERVAL:
        return ""
    quantile = float(student.ppf((1 + CONFIDENCE) / 2, count - 1))
    deviation = float(np.std(gains, ddof=1))
    error = deviation / math.sqrt(count)
    return f" ± {quantile * error:.2f}"


def ramp_table(
    rows: Sequence[Row],
    cases: Sequence[Case],
    cells: Cells,
) -> str:
    """Gain of each row by the true circle of confusion, over all ramps together."""
    heads = ["gain, dB"]
    for begin, end in pairwise(BINS_PX):
        part = f"{begin:g} to {end:g} px"
        heads.append(part)
    heads.append(f"from {BINS_PX[-1]:g} px")
    lines = head_lines(heads)
    ramps = [case for case in cases if case.blur.diameter_px is None]
    for row in rows:
        own = cells_of(row, ramps, cells)
        if own:
            texts = [_part_text(own, part) for part in range(len(BINS_PX))]
            lines.append(markdown.row(row.name, *texts))
    return "\n".join(lines)


def cells_of(
    row: Row,
    cases: Sequence[Case],
    cells: Cells,
) -> list[Cell]:
    """The cells of a row on some pictures, without those that failed."""
    own = [cells.get((row.name, case)) for case in cases]
    return [cell for cell in own if cell is not None]


def _part_text(cells: Sequence[Cell], part: int) -> str:
    pixels = 0
    before = 0.0
    after = 0.0
    for cell in cells:
        pixels += cell.pixels[part]
        before += cell.before[part]
        after += cell.after[part]
    if not pixels:
        return NOT_APPLICABLE
    return signed(gain_of(before, after, pixels))


def caption(
    files: Sequence[FullSize],
    megapixels: float,
    cases: Sequence[Case],
) -> str:
    """Caption of a table."""
    numbers = {case.number for case in cases}
    of = counted(len(numbers), "photograph")
    fewest = min(files[number].pixels for number in numbers)
    least = fewest / 1e6
    if least >= megapixels:
        return f"**{megapixels:g} megapixels**, the middle of {of}:"
    return (
        f"**{megapixels:g} megapixels**: no held-out photograph has as many. {of} of {least:.0f} "
        "megapixels and more, mirrored at the edges; objects in front are of others:"
    )


def seconds_line(rows: Sequence[Row], cells: Cells) -> str:
    """Mean processor seconds a megapixel of each row, as measured."""
    texts = []
    for row in rows:
        rates = []
        for (name, case), cell in cells.items():
            if name == row.name:
                rates.append(cell.cpu_seconds / case.megapixels)
        if rates:
            texts.append(f"{row.name} {np.mean(rates):.1f}")
    return f"Processor seconds a megapixel, without rendering: {', '.join(texts)}."


def jpeg(picture: Pixels) -> bytes:
    """A picture as JPEG of the best quality below :data:`LARGEST_BYTES`."""
    for quality in QUALITIES:
        encoded = encoded_jpeg(picture, quality)
        if len(encoded) <= LARGEST_BYTES:
            break
    return encoded
