"""The response of an edge as text and as JSON values."""

from typing import Any

from defocus.edges.edge import EdgeResponse
from defocus.edges.straightness import Straightness

STEPS = 100


def edge_lines(response: EdgeResponse) -> list[str]:
    """The numbers, a line each."""
    axis = "horizontal" if response.lying else "vertical"
    lines = [
        (
            f"edge         {response.angle_deg:+.2f} degrees to the {axis}, "
            f"at {response.place_px:.2f} px in the middle of the region"
        ),
        f"MTF50        {_frequency(response.mtf50)}{_error(response.mtf50_error)}",
        f"MTF10        {_frequency(response.mtf10)}",
        f"10-90 % rise {response.rise_px:.2f} px",
        f"overshoot    {response.overshoot:.1%}, undershoot {response.undershoot:.1%}",
    ]
    for colour, mtf50 in response.colour_mtf50.items():
        shift = response.colour_shift_px[colour]
        beside = "" if colour == "green" else f", {shift:+.2f} px from green"
        lines.append(f"{colour:<12} MTF50 {_frequency(mtf50)}{beside}")
    return [*lines, *(f"note: {note}" for note in response.notes)]


def _frequency(value: float | None) -> str:
    return "beyond 1 cycle/px" if value is None else f"{value:.4f} cycles/px"


def _error(value: float | None) -> str:
    return "" if value is None else f" ± {value:.4f}"


def edge_json(response: EdgeResponse) -> dict[str, Any]:
    """The numbers and the curve in steps of 0.01 cycles per pixel."""
    curve = []
    for step in range(STEPS + 1):
        frequency = step / STEPS
        curve.append([frequency, round(response.mtf.at(frequency), 5)])
    colours = {}
    for colour, mtf50 in response.colour_mtf50.items():
        shift_px = response.colour_shift_px[colour]
        colours[colour] = {"mtf50": mtf50, "shift_px": shift_px}
    return {
        "mtf50": response.mtf50,
        "mtf50_error": response.mtf50_error,
        "mtf10": response.mtf10,
        "rise_px": response.rise_px,
        "overshoot": response.overshoot,
        "undershoot": response.undershoot,
        "place_px": response.place_px,
        "half_px": response.half_px,
        "angle_deg": response.angle_deg,
        "lying": response.lying,
        "modulation": response.modulation,
        "colours": colours,
        "mtf": curve,
        "notes": list(response.notes),
    }


def straightness_line(line: Straightness | None) -> str:
    """How straight an edge is, in words; None where it is too short."""
    if line is None:
        return "straightness unknown: shorter than 40 rows"
    return (
        f"straightness {line.rms_px:.3f} px RMS from a line, at most {line.largest_px:.3f}, "
        f"bow {line.bow_px:+.3f}"
    )


def straightness_json(line: Straightness | None) -> dict[str, float] | None:
    """The straightness of an edge as numbers, px."""
    if line is None:
        return None
    return {
        "rms_px": line.rms_px,
        "largest_px": line.largest_px,
        "bow_px": line.bow_px,
    }
