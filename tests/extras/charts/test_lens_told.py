"""What is told and shown of a measured lens."""

from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner

from defocus.extras.charts.accuracy.lenses import chart_through
from defocus.extras.charts.chart_commands.lens import command
from defocus.extras.charts.lens.numbers import DIAPHRAGM, NUMBERS
from defocus.extras.charts.lens.page import lens_lines, write_lens_page
from defocus.extras.charts.lens.probes import ChartShot
from defocus.extras.charts.lens.properties import lens_properties
from defocus.extras.charts.lens.summary import (
    FittedLens,
    edges_by_place,
    measured,
    mtf50_by_place,
)
from defocus.extras.charts.reading.read import read_chart
from defocus.scene.real_lens import OffAxis, RealLens

LENS = RealLens(2.4, 2.4, 16.0, coma=OffAxis(1.0, 2.5), lateral_colour_um=(4.0, 7.0))
VALUES = dict.fromkeys(NUMBERS, 0.0) | {
    "coma_07": 1.0, "coma_corner": 2.5, "lateral_red": 4.0, "lateral_blue": 7.0,
}  # fmt: skip
OPEN = tuple(name for name in NUMBERS if name not in DIAPHRAGM)


def fitted(**errors: float) -> FittedLens:
    """A fit of :data:`LENS` with three photographs, errors 0.1 but for those given."""
    sigmas = dict.fromkeys(OPEN, 0.1) | errors
    return FittedLens(LENS, VALUES, sigmas, (0, 2), (9.0, -8.0), (2.4, 2.4), 0.006)


def test_what_the_pictures_do_not_tell_is_no_number():
    properties, untold, blades = lens_properties(
        fitted(front_shift=2374.31, coma_corner=7.0)
    )
    words = {one.words: str(one) for one in properties}
    assert words["coma at 0.7 of the way to the corner"].endswith(
        ": +1.00 ± 0.10 waves"
    )
    assert words["lateral colour of blue in the corner"].endswith(": +7.00 ± 0.10 µm")
    assert {
        "front rim's shift in the corner",
        "coma in the corner",
        "number of blades",
    } <= {*untold}
    assert not words.keys() & {*untold}
    assert len(properties) + len(untold) == len(NUMBERS) + 1
    assert blades is None
    rims = {name: 2374.31 for name in OPEN if name.startswith(("front", "rear"))}
    assert lens_properties(fitted(**rims))[1][0] == "cat's eye"
    errors = {"roundness": 0.1, "turn_deg": 2.0}
    assert lens_properties(fitted(**errors))[2] == LENS.blades
    untold = lens_properties(fitted(**{**errors, "roundness": 0.4}))[1]
    assert {"number of blades", "turn of the blades"} <= {*untold}


@pytest.mark.full
def test_a_lens_is_told_and_shown_as_its_photographs_were_taken(tmp_path):
    lens = fitted()
    (light,) = chart_through(LENS, (1.0,))
    reading = read_chart(light)
    assert reading is not None
    names = [f"wall/{name}.tif" for name in ("near", "focused", "far")]
    shots = [ChartShot(light, reading, 2.4, name) for name in names]
    lines = list(lens_lines(lens, shots))
    assert lines[0] == "f/2.4 lens; it explains all but 0.6% of the contrast"
    near, focused, far = lines[2:5]
    assert "near.tif, f/2.4: blurred by 9.0 px, focused nearer than the chart" in near
    assert near.split()[-3:] == [f"{one:.3f}" for one in mtf50_by_place(lens, 0)]
    assert focused.strip().startswith("focused.tif, f/2.4: in focus ")
    values = [float(one) for one in focused.split()[-3:]]
    assert values == pytest.approx(edges_by_place(shots[1]), abs=5.1e-4)
    assert values == pytest.approx([np.median(reading.mtf50s())] * 3, rel=0.3)
    hidden = [replace(one, response=None, reason="blur") for one in reading.edges]
    without = replace(shots[1], reading=replace(reading, edges=tuple(hidden)))
    assert edges_by_place(without) == [None] * 3
    assert next(
        line for line in lens_lines(lens, [without] * 3) if "in focus" in line
    ).endswith("–")
    assert "blurred by 8.0 px, focused farther" in far
    write_lens_page(tmp_path / "lens.html", lens, measured(lens), shots)
    page = (tmp_path / "lens.html").read_text()
    assert page.count("<img") == 6
    assert "focused farther than the chart" in page
    assert f"{values[0]:.3f}" in page


def test_a_lens_file_is_no_page(tmp_path):
    result = CliRunner().invoke(
        command, ["wall.png", "--out", str(tmp_path / "lens.html")]
    )
    assert result.exit_code == 2
    assert "name it lens.json" in result.output
