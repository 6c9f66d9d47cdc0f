"""``research/pages/registration.py`` counts what registration leaves out, and what remains."""

import json

import pytest

from defocus.extras.studies.dose_dataset.run import render_dosed_dataset
from research.pages import registration

REQUEST = """\
size = 160
pairs = {train = 3, test = 1}
doses_px = [0, 4]
kinds = ["shift", "parallax"]
blur_px = [1, 2]
lenses = 1
"""


def test_a_shift_is_registered_and_what_is_left_out_is_counted(tmp_path, monkeypatch):
    """Two shifts and a pair with parallax: displacements are those of the true flow."""
    (tmp_path / "dose.toml").write_text(REQUEST)
    render_dosed_dataset(tmp_path / "dose.toml", tmp_path / "pairs")
    monkeypatch.setattr(registration, "KEPT", tmp_path / "registration.json")
    registration.main(str(tmp_path / "pairs"), 4.0)
    (dose,) = json.loads((tmp_path / "registration.json").read_text(encoding="utf-8"))[
        "doses"
    ]
    assert dose["dose_px"] == 4
    shifts, parallax = dose["kinds"]
    assert (shifts["kind"], shifts["pairs"]) == ("shift", 2)
    assert (parallax["kind"], parallax["pairs"]) == ("parallax", 1)
    assert shifts["left_out"] < 2
    assert shifts["before_px"] == pytest.approx(4, abs=0.01)
    assert shifts["after_px"] < 0.5
    assert shifts["moved_by_flow"] <= 2
