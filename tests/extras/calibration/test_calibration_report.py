"""What was calibrated, as a document with curves; and the targets to print."""

import json
from pathlib import Path
from typing import Any

import pypdf
import pytest

from defocus.errors import DatasetError, InputError
from defocus.extras.calibration.commands import capture_calibrate
from defocus.extras.calibration.report import calibration_page, write_calibration_report
from defocus.reports.model import Curves, Facts, Paragraph
from tests.reports.test_plot import drawn, lines, marks

CAMERA = "sim:?seed=3&width=96&height=64"
STEPS = [{"steps": 10 * k, "zoom": 1 + 0.001 * k if k else None} for k in range(-2, 3)]
RESULTS: dict[str, dict[str, Any]] = {
    "focus": {
        "best_steps": 3.0, "backlash_steps": 12.0, "contrast": 2.0,
        "curve": [{"steps": step, "sharpness": 1.0 + step} for step in (0, 1, 2)],
    },
    "flat": {
        "apertures": {
            "f/4": {"corner_ev": -1.0, "coefficients_ev": [-0.5, -0.5], "residual_ev": 0.0},
        },
    },
    "dust": {
        "aperture": "f/22",
        "specks": [{"x_px": 3, "y_px": 4, "diameter_px": 5, "depth": 0.1}],
    },
    "breathing": {"table": STEPS, "coefficients": [1e-4, 0.0], "residual": 1e-6},
    "rig": {
        "mirrored": True, "shift_px": [1, -2], "zoom": 1.0, "rotation_deg": 0.0, "gain_ev": 0.5,
        "skew_seconds": 0.01, "skew_scatter_seconds": None,
    },
}  # fmt: skip


def written(folder: Path, kind: str, result: object) -> Path:
    document = {
        "schema": 1,
        "kind": kind,
        "created": "2026-05-04T13:02:00+00:00",
        "camera": {},
    }
    path = folder / f"{kind}.json"
    path.write_text(json.dumps({**document, "result": result}))
    return path


def test_every_kind_has_its_section(tmp_path):
    exposure = tmp_path / "exposure.json"
    capture_calibrate.command.main(
        [
            "exposure",
            "--camera",
            CAMERA,
            "--out",
            str(exposure),
            "--yes",
            "--sharp",
            "f/5.6",
        ],
        standalone_mode=False,
    )
    paths = [
        exposure,
        *(written(tmp_path, kind, result) for kind, result in RESULTS.items()),
    ]
    sections = dict(calibration_page(paths).sections)
    assert list(sections)[:2] == ["Exposure (exposure.json)", "Focus (focus.json)"]
    curves = {
        name: [p for p in parts if isinstance(p, Curves)]
        for name, parts in sections.items()
    }
    (error,) = curves["Exposure (exposure.json)"][0].curves
    assert error.x == (4.0, 4.5, 5.0, 5.6)
    assert max(map(abs, error.y)) < 0.05, "the simulated lens keeps to its labels"
    (fall,) = curves["Flat (flat.json)"][0].curves
    assert (fall.y[0], fall.y[-1]) == (0.0, -1.0)
    measured, fitted = curves["Breathing (breathing.json)"][0].curves
    assert measured.x == (-20.0, -10.0, 10.0, 20.0)
    assert fitted.y[-1] == pytest.approx(measured.y[-1])
    write_calibration_report(paths, tmp_path / "report.pdf")
    text = "".join(
        page.extract_text() for page in pypdf.PdfReader(tmp_path / "report.pdf").pages
    )
    assert "Sharp camera is mirrored" in " ".join(text.split())


def test_every_measured_point_has_a_mark(tmp_path):
    """Of sixteen apertures too; the fitted curve of a section has a few."""
    apertures = {
        f"f/{4 + k / 2:g}": {"shutter": "1/60", "error_ev": 0.01 * k, "flicker_ev": 0.0}
        for k in range(16)
    }
    path = written(tmp_path, "exposure", {"apertures": apertures})
    breathing = written(tmp_path, "breathing", RESULTS["breathing"])
    (_, exposure), (_, other) = calibration_page([path, breathing]).sections
    (figure,) = [part for part in exposure if isinstance(part, Curves)]
    assert len(marks(lines(drawn(figure))[0])) == 16
    (figure,) = [part for part in other if isinstance(part, Curves)]
    measured, fitted = map(marks, lines(drawn(figure)))
    assert (len(measured), len(fitted) < 41) == (4, True)


def test_nothing_is_said_as_nothing(tmp_path):
    """No table without specks, and no minus before a zero."""
    dust = written(tmp_path, "dust", {"aperture": "f/22", "specks": []})
    still = {"shift_px": [-0.02, 0.04], "rotation_deg": -1e-5, "gain_ev": -0.001}
    rig = written(tmp_path, "rig", {**RESULTS["rig"], **still, "skew_seconds": -1e-6})
    (_, (_, *dust_parts)), (_, parts) = calibration_page([dust, rig]).sections
    assert list(map(type, dust_parts)) == [Paragraph]
    facts = dict(parts[-1].facts) if isinstance(parts[-1], Facts) else {}
    assert facts["Shift"] == "0.0, 0.0 px"
    assert (facts["Rotation"], facts["Light"]) == ("0.000°", "0.00 EV")
    assert facts["Sharp camera later by"] == "0.0 ms"


def test_what_is_no_whole_calibration_is_refused(tmp_path, refused):
    for kind, result in RESULTS.items():
        less = dict(list(result.items())[1:])
        with refused(DatasetError):
            calibration_page([written(tmp_path, kind, less)])
    with refused(InputError):
        write_calibration_report([], tmp_path / "report.txt")
