"""Calibrations as a document: what was measured, with curves."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from defocus.capture.calibrations import Calibration, Kind, read_calibration
from defocus.capture.planning.labels import parse_f_number
from defocus.errors import DatasetError, InputError
from defocus.extras.calibration.kinds.focus_scale import step_words
from defocus.progress import counted
from defocus.reports.html import render_html
from defocus.reports.model import (
    Cell,
    Column,
    Curve,
    Curves,
    Facts,
    Page,
    Paragraph,
    Part,
    Table,
)
from defocus.storage.files import write_bytes, write_text

RADII = np.linspace(0.0, 1.0, 41)
MOST_SPECKS = 40

Result = Mapping[str, Any]


def write_calibration_report(paths: Sequence[Path], out: Path) -> None:
    """Write the report of calibration files to a file, by its suffix ``.pdf`` or ``.html``."""
    suffix = out.suffix.lower()
    if suffix not in (".pdf", ".html"):
        raise InputError(f"{out}: give a name that ends in .pdf or .html")
    page = calibration_page(paths)
    if suffix == ".html":
        write_text(out, render_html(page))
        return
    from defocus.reports.pdf import render_pdf  # slow to import

    write_bytes(out, render_pdf(page))


def calibration_page(paths: Sequence[Path]) -> Page:
    """The page of calibration files; each has a section."""
    return Page(title="Calibrations", notice="", sections=tuple(map(_section, paths)))


def _section(path: Path) -> tuple[str, tuple[Part, ...]]:
    calibration = read_calibration(path)
    try:
        parts = _PARTS[calibration.kind](calibration.result)
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise DatasetError(
            f"{path}: not a whole calibration of {calibration.kind} ({error}); calibrate again"
        ) from error
    return f"{calibration.kind.capitalize()} ({path.name})", (
        _camera(calibration),
        *parts,
    )


def _camera(calibration: Calibration) -> Facts:
    labels = {"Camera": "model", "Lens": "lens", "Serial number": "serial"}
    facts = []
    for label, key in labels.items():
        facts.append((label, str(calibration.camera.get(key) or "unknown")))
    measured = calibration.created[:16].replace("T", " ")
    return Facts("Camera", (*facts, ("Measured", f"{measured} UTC")))


def _exposure(result: Result) -> tuple[Part, ...]:
    rows = []
    for word, facts in result["apertures"].items():
        numbers_ev = (float(facts["error_ev"]), float(facts["flicker_ev"]))
        rows.append((word, str(facts["shutter"]), *numbers_ev))
    table = Table.of(
        "Light of each aperture beyond its label",
        ("Aperture", "Time", Column("Error", "EV"), Column("Flicker", "EV")),
        rows,
    )
    numbers = tuple(parse_f_number(row[0]) or 0.0 for row in rows)
    curve = Curve(
        "measured",
        numbers,
        tuple(round(row[2], 4) for row in rows),
        measured=True,
    )
    return Curves("Error by aperture", "f-number", "error, EV", (curve,)), table


def _focus(result: Result) -> tuple[Part, ...]:
    steps = []
    energies = []
    for one in result["curve"]:
        steps.append(float(one["steps"]))
        energy = one.get("gradient_energy", one.get("sharpness"))  # older
        energies.append(float(energy))
    facts = (
        (
            "Best position",
            f"{_signed(float(result['best_steps']), 1)} steps from where it was",
        ),
        ("Backlash", f"{float(result['backlash_steps']):.1f} steps"),
        ("Sharpest over least sharp", f"{float(result['contrast']):.2f} ×"),
        ("A step", step_words(result)),
    )
    curve = Curve("towards far", tuple(steps), tuple(energies), measured=True)
    parts = [
        Curves("Gradient energy over the travel", "steps", "gradient energy", (curve,))
    ]
    if result.get("scale"):
        parts.append(_blur_curves(result))
    return (*parts, Facts("Focus motor", facts))


def _blur_curves(result: Result) -> Curves:
    """The circle of confusion over the travel."""
    points = result["scale"]["curve"]
    places = tuple(float(point["steps"]) for point in points)
    diameters = tuple(float(point["coc_px"]) for point in points)
    blur = Curve("measured", places, diameters, measured=True)
    return Curves("Blur over the travel", "steps", "circle of confusion, px", (blur,))


def _flat(result: Result) -> tuple[Part, ...]:
    curves = []
    rows = []
    for word, facts in result["apertures"].items():
        c2, c4 = map(float, facts["coefficients_ev"])
        fall = c2 * RADII**2 + c4 * RADII**4
        curves.append(Curve(word, tuple(RADII.tolist()), tuple(fall.tolist())))
        rows.append((word, float(facts["corner_ev"]), float(facts["residual_ev"])))
    return (
        Curves(
            "Light from the centre to the corners",
            "radius, corner at 1",
            "EV",
            tuple(curves),
        ),
        Table.of(
            "Vignetting",
            ("Aperture", Column("Corners", "EV"), Column("Not explained", "EV")),
            tuple(rows),
        ),
    )


def _dust(result: Result) -> tuple[Part, ...]:
    names = ("x_px", "y_px", "diameter_px", "depth")
    specks = result["specks"]
    if not specks:
        return (Paragraph(f"No speck was found at {result['aperture']}."),)
    rows: list[tuple[Cell, ...]] = []
    for number, speck in enumerate(specks[:MOST_SPECKS], start=1):
        rows.append((str(number), *(float(speck[name]) for name in names)))
    columns = (
        Column("Speck", decimals=0),
        Column("x", "px", decimals=0),
        Column("y", "px", decimals=0),
        Column("Diameter", "px", decimals=1),
        Column("Light lost", "share", decimals=3),
    )
    caption = f"{counted(len(specks), 'speck')} at {result['aperture']}"
    if len(specks) > MOST_SPECKS:
        caption += f"; the {MOST_SPECKS} darkest are listed"
    return (Table.of(caption, columns, rows),)


def _breathing(result: Result) -> tuple[Part, ...]:
    steps = []
    zooms = []
    for row in result["table"]:
        if row["zoom"] is not None:
            steps.append(float(row["steps"]))
            zooms.append(100 * (float(row["zoom"]) - 1))
    b1, b2 = map(float, result["coefficients"])
    at = np.linspace(min(steps), max(steps), len(RADII))
    fitted = 100 * (b1 * at + b2 * at**2)
    curves = (
        Curve("measured", tuple(steps), tuple(zooms), measured=True),
        Curve("fitted", tuple(at.tolist()), tuple(fitted.tolist())),
    )
    residual = f"{100 * float(result['residual']):.3f} %"
    return (
        Curves("Magnification over the travel", "steps", "change, %", curves),
        Facts("Fit", (("Largest deviation", residual),)),
    )


def _rig(result: Result) -> tuple[Part, ...]:
    x, y = map(float, result["shift_px"])
    facts = (
        ("Sharp camera is mirrored", "yes" if result["mirrored"] else "no"),
        ("Shift", f"{_signed(x, 1)}, {_signed(y, 1)} px"),
        ("Magnification", f"{float(result['zoom']):.5f}"),
        ("Rotation", f"{_signed(float(result['rotation_deg']), 3)}°"),
        ("Light", f"{_signed(float(result['gain_ev']), 2)} EV"),
        ("Sharp camera later by", _milliseconds(result["skew_seconds"])),
        ("Scatter of that", _milliseconds(result["skew_scatter_seconds"])),
    )
    return (Facts("Two cameras", facts),)


def _signed(value: float, decimals: int) -> str:
    """A number with its sign; one that rounds to nothing has none."""
    said = f"{value:+.{decimals}f}"
    return said if float(said) else said[1:]


def _milliseconds(seconds: float | None) -> str:
    return "unknown" if seconds is None else f"{_signed(1000 * seconds, 1)} ms"


_PARTS: Mapping[Kind, Callable[[Result], tuple[Part, ...]]] = {
    "exposure": _exposure,
    "focus": _focus,
    "flat": _flat,
    "dust": _dust,
    "breathing": _breathing,
    "rig": _rig,
}
