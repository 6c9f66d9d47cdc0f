"""What a photographer sees and hears: numbers beside their limits, the bell, what is left."""

import sys
from pathlib import Path

import click
import pytest
from rich.cells import cell_len

from defocus.capture.commands import shoot
from defocus.capture.judging.limits import LIMITS
from defocus.capture.reporting.numbers import measured
from defocus.capture.sessions.state import PlannedPair
from defocus.capture.taking.person import Asker, bell, ring
from defocus.progress import status

QUALITY = {
    "exposure_residual_ev": -0.5,
    "sharpness_ratio": 1.05,
    "misalignment": {"shift_px": [3.0, 4.0], "zoom": 1.001},
    "blurry_clipped_share": None,
    "anchor": {"noise_ceiling_db": 41.0},
}


def rows_with(limits: object) -> set[tuple[str, ...]]:
    return {tuple(row) for row in measured({"quality": QUALITY, "limits": limits})}


def test_numbers_stand_beside_their_limits_and_the_offending_ones_are_marked() -> None:
    """Documents of older versions and strange ones have no limits."""
    exposure = "Exposure, not explained by settings"
    assert rows_with(LIMITS.model_dump()) >= {
        (exposure, "\N{MULTIPLICATION X} -0.50 EV (limit 0.30 EV)", "reject"),
        (
            "Sharpness, sharp over blurry",
            "! 1.05 × (warning below 1.10 ×, at least 1.00 ×)",
            "warn",
        ),
        ("Shift between the two", "! 5.00 px (warning above 2 px, limit 10 px)", "warn"),
        ("Magnification between the two", "+0.10% (limit 5.0%)", ""),
        ("Clipped in the blurry picture", "unknown", ""),
        ("Noise ceiling", "41.0 dB", ""),
    }
    for limits in (None, [], {"shift_reject_px": "far"}):
        assert (exposure, "-0.50 EV", "") in rows_with(limits)


def test_the_bell_rings_on_a_terminal_unless_it_is_off(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ring("reject")
    assert capsys.readouterr().err == "", "no terminal"
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    for what, times in (("done", 1), ("warn", 1), ("action", 2), ("reject", 3)):
        ring(what)  # type: ignore[arg-type]
        assert capsys.readouterr().err == "\a" * times
    monkeypatch.setattr(bell, "on", False)
    ring("reject")
    assert capsys.readouterr().err == ""


def test_a_scene_is_asked_for_by_its_typed_name_and_with_its_note(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(click, "prompt", lambda text, **_how: asked.append(text))
    person = Asker(answered=False, grey_card=True)
    first = PlannedPair("0001_kuche", 1, "kuche", 0, title="Küche")
    person.scene_ready(first, "lamp on")
    person.card_held(first)
    person.scene_ready(PlannedPair("0002_regal-2", 2, "regal-2", 0, title="Regal 2"), "books")
    person.scene_ready(PlannedPair("0003_regal-2", 3, "regal-2", 0, title="Regal 2"), "books")
    person.scene_ready(PlannedPair("0004_desk", 4, "desk", 0), "")
    assert capsys.readouterr().err.splitlines() == ["scene 'Küche': lamp on"]
    assert asked == [
        "hold the grey card into scene 'Küche', so that it fills the centre, then press Enter",
        "set up scene 'Regal 2' (books), then press Enter",
        "set up scene 'desk', then press Enter",
    ]


def test_one_line_says_what_is_being_shot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """On a terminal the line is drawn again and again; messages stand above it, whole."""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "200")
    camera = "sim:?seed=3&width=128&height=96&noise=0.5"
    code = shoot.command.main(
        [str(tmp_path / "s"), "--camera", camera, "--scene", "desk", "--repeat", "2",
         "--blurry", "f/1.4", "--shutter", "1/1600", "--yes", "--no-bell", "--qc", "warn"],
        standalone_mode=False,
    )  # fmt: skip
    assert code == 0
    told = capsys.readouterr().err
    drawn = [line.partition("\r")[0].partition("\n")[0] for line in told.split("\r\x1b[K")]
    assert "1/2 · desk · sharp …" in drawn
    assert "1/2 · desk · sharp \N{CHECK MARK} blurry …" in drawn
    second = "2/2 · desk · sharp \N{CHECK MARK} blurry \N{CHECK MARK} anchor …"
    assert [line for line in drawn if line.startswith(second)]
    assert [line for line in drawn if " · judging" in line]
    assert any(line.endswith("1 min left") for line in drawn)
    assert [line for line in drawn if line.startswith("0002_desk  ")]
    assert drawn[-1].startswith("2 pairs: "), "nothing is left of the line"


@pytest.mark.parametrize("columns", [80, 40])
@pytest.mark.parametrize("scene", ["north window with the vase and the dictionary", "北の窓" * 9])
def test_a_long_name_of_a_scene_hides_nothing_of_the_line(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    scene: str,
    columns: int,
) -> None:
    """As much of the name stands there as there is room for."""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", str(columns))
    rest = " · sharp \N{CHECK MARK} blurry … · judging · 12 min left"
    status(f"7/200 · {scene}{rest}", scene)
    told = capsys.readouterr().err.removeprefix("\r\x1b[K")
    status("")
    assert told.startswith(f"7/200 · {scene[: 9 if columns == 80 else 4]}")
    assert columns - 4 < cell_len(told) < columns
    assert f"…{rest}"[: 10 if columns == 40 else None] in told
