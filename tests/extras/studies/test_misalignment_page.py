"""Scores against injected misalignment in a report."""

import json

from defocus.reports.model import Curves
from tests.benchmark.test_page import fill, page_of, parts


def test_a_study_of_misalignment_is_drawn_over_shift_and_over_zoom(tmp_path):
    fill(tmp_path)
    conditions = [
        {
            "shift_px": shift,
            "zoom": zoom,
            "psnr": {"net": 30 - shift - 100 * zoom, "dual": None},
        }
        for shift, zoom in ((4.0, 0.0), (0.0, 0.0), (0.0, 0.02))
    ]
    document = {"dataset": "made", "conditions": conditions}
    (tmp_path / "misalignment.json").write_text(json.dumps(document))
    shift, zoom, _ = parts(page_of(tmp_path), Curves)
    assert [curve.label for curve in shift.curves] == ["dual", "net"]
    assert (shift.curves[1].x, shift.curves[1].y) == ((0.0, 4.0), (30.0, 26.0))
    assert zoom.curves[1].y == (30.0, 28.0)
    assert shift.curves[0].x == ()
