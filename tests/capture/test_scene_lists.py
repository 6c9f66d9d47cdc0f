"""Scenes from a list, notes; what a photographer sees and hears meanwhile."""

import json
import re
import sys

import click
import numpy as np
import pytest

from defocus.capture.commands import shoot
from defocus.capture.planning.scene_list import read_scene_list, scene_slug
from defocus.capture.planning.shoot_settings import ShootOptions
from defocus.capture.quality.limits import LIMITS
from defocus.capture.sessions.contact_sheet import contact_sheet
from defocus.capture.sessions.folder import open_session_folder, repair_session
from defocus.capture.sessions.session import read_session, read_state
from defocus.capture.sessions.state import PlannedPair
from defocus.capture.sessions.view import measured
from defocus.capture.taking.person import Asker, bell, ring
from defocus.capture.taking.shots.shooting import planned_pair
from defocus.errors import DefocusError
from defocus.pictures.write import write_image
from defocus.progress import status
from defocus.reports.model import Table
from defocus.terminal import cell_width
from tests.capture.raw_sessions import write_session
from tests.capture.test_journal import damage

LIST = '\ufeffScene,Note,who\n"Desk, left",lamp 2 is broken,A\nBüro 2,=cmd(),B\n'


def test_the_scenes_of_a_list_are_shot_with_their_names_and_notes(tmp_path, capsys):
    (tmp_path / "day.csv").write_text(LIST, encoding="utf-8")
    session = tmp_path / "s"
    shoot.command.main(
        [str(session), "--camera", "sim:?seed=2&width=64&height=64", "--shutter", "1/400", "--yes",
         "--qc", "warn", "--scene-list", str(tmp_path / "day.csv"), "--order", "sharp-first",
         "--by", "Jane"],
        standalone_mode=False,
    )  # fmt: skip
    said = capsys.readouterr().err.splitlines()
    assert "scene 'Desk, left': lamp 2 is broken" in said
    assert said[-1].startswith("2 pairs: ")
    assert said[-1].endswith(f"; 'defocus-capture check {session}' shows them")
    state, _ = read_state(session)
    assert {pair.scene: pair.title for pair in state.planned.values()} == {
        "desk-left": "Desk, left",
        "buro-2": "Büro 2",
    }
    assert state.notes == {"desk-left": "lamp 2 is broken", "buro-2": "=cmd()"}
    titles = [pair.metadata["scene_title"] for pair in read_session(session).pairs]
    assert titles == ["Desk, left", "Büro 2"]
    overview = contact_sheet(session).sections[0][1][-1]
    assert isinstance(overview, Table)
    noted = [("Desk, left", "lamp 2 is broken"), ("Büro 2", "=cmd()")]
    assert [row[1::3] for row in overview.rows] == noted
    assert damage(session, "note")
    (session / "journal-copies").rename(tmp_path / "copies")
    repair_session(session)
    assert read_state(session)[0].notes == state.notes, "session.json has the notes too"


def test_a_plan_counts_and_names_what_shoot_will_take(run, tmp_path):
    (tmp_path / "day.csv").write_text(LIST, encoding="utf-8")
    (tmp_path / "lab.toml").write_text('[shoot]\nscene_list = "day.csv"\n')
    shots = (
        "--camera",
        "sim:",
        "--mode",
        "both",
        "--focus-steps",
        "-3,4",
        "--blurry",
        "f/4,f/2.8",
    )
    more = (*shots, "--repeat", "5")
    plan = run("defocus-capture", "plan", *more, "--scene-list", "day.csv")
    of_shoot = run(
        "defocus-capture", "shoot", "s", *more, "--settings", "lab.toml", "--dry-run"
    )
    assert plan.stdout.splitlines() == of_shoot.stderr.splitlines()
    *_, together, first, second = plan.stdout.splitlines()
    assert together.startswith("together    40 pairs: ")
    assert first == "scene 1     Desk, left: lamp 2 is broken"
    assert second == "scene 2     Büro 2: =cmd()"
    (tmp_path / "two.toml").write_text("[shoot]\nscenes = 2\nrepeat = 3\nevery = 60\n")
    two_scenes = run("defocus-capture", "plan", *shots, "--settings", "two.toml").stdout
    shot = run(
        "defocus-capture", "shoot", "s", *shots, "--settings", "two.toml", "--dry-run"
    )
    assert two_scenes.splitlines() == shot.stderr.splitlines(), (
        "of each position, here as there"
    )
    assert "\ntogether    24 pairs: about 23.2 minutes " in two_scenes
    result = run("defocus-capture", "plan", *shots, "--settings", "lab.toml", "--json")
    plans = [json.loads(line) for line in result.stdout.splitlines()]
    assert [(one["pairs"], one["scenes"]) for one in plans] == [
        (4, ["Desk, left", "Büro 2"])
    ] * 2


@pytest.mark.parametrize(
    ("text", "scenes"),
    [
        (
            "Scene;Note\r\nСтол 1;vase, left lamp\r\n;\r\nДверь 1;\r\n文机;x\r\n",
            [("Стол 1", "vase, left lamp"), ("Дверь 1", ""), ("文机", "x")],
        ),
        ("scene\tnote\nDesk\ta; b, c\n", [("Desk", "a; b, c")]),
        ('scene,note\n"Büro, Süd",\n', [("Büro, Süd", "")]),
        ('\ufeff"scene","note"\n"Büro, Süd",\n', [("Büro, Süd", "")]),
        ('\ufeff Scene ,NOTE\n"Büro, Süd",\n', [("Büro, Süd", "")]),
    ],
)
def test_a_list_of_any_spreadsheet_and_script_is_read(tmp_path, text, scenes):
    """Semicolons, a row of empty cells between groups, and names without a letter a-z."""
    (tmp_path / "day.csv").write_text(text, "utf-8")
    listed_scenes = read_scene_list(tmp_path / "day.csv")
    assert [(scene.title, scene.note) for scene in listed_scenes] == scenes
    if len(listed_scenes) == 3:
        names = {scene_slug(scene.title) for scene in listed_scenes}
        assert len(names) == 3
        assert all(re.fullmatch(r"scene(-1)?-[0-9a-f]{6}", name) for name in names)


@pytest.fixture
def black_pair(tmp_path):
    write_image(tmp_path / "p.png", np.zeros((20, 30, 3), np.uint8))
    return dict.fromkeys(("blurry", "sharp"), tmp_path / "p.png")


def test_the_contact_sheet_says_first_what_can_be_used_and_what_is_missing(
    tmp_path, black_pair
):
    reasons = {1: "it moved", 2: "look at it"}
    write_session(
        tmp_path / "s", [black_pair] * 3, {1: "reject", 2: "warn"}, reasons=reasons
    )
    with open_session_folder(tmp_path / "s", create=False) as folder:
        planned = [planned_pair(number, "Büro", 1) for number in (4, 5)]
        folder.plan([{"camera": {"uri": "sim:"}}], planned)
        folder.begin_pair(planned[0])
    page = contact_sheet(tmp_path / "s")
    assert page.summary.startswith(
        "3 of 5 planned pairs shot; 2 can be used, 1 of them after a look; 1 rejected; begun"
    )
    facts, _, remarks = page.sections[0][1]
    assert facts.facts == (
        ("missing", "Büro"),
        ("rejected: 0002_desk", "it moved"),
        ("warned: 0003_desk", "look at it"),
    )
    assert isinstance(remarks, Table)
    assert [row[3] for row in remarks.rows[2:]] == ["cut short", "not shot yet"]


QUALITY = {
    "exposure_residual_ev": -0.5,
    "gradient_energy_ratio": 1.05,
    "misalignment": {"shift_px": [3.0, 4.0], "zoom": 1.001},
    "limits_px": LIMITS.in_pixels(1500),
    "blurry_clipped_share": None,
    "anchor": {"noise_ceiling_db": 41.0},
}


def rows_with(limits: object) -> set[tuple[str, ...]]:
    return {tuple(row) for row in measured({"quality": QUALITY, "limits": limits})}


def test_numbers_stand_beside_their_limits_and_the_offending_ones_are_marked():
    """Documents of older versions and strange ones have no limits."""
    exposure = "Exposure, not explained by settings"
    assert rows_with(LIMITS.model_dump()) >= {
        (exposure, "\N{MULTIPLICATION X} -0.50 EV (limit 0.30 EV)", "reject"),
        (
            "Gradient energy, sharp over blurry",
            "! 1.05 × (warning below 1.10 ×, at least 1.00 ×)",
            "warn",
        ),
        (
            "Shift between the two",
            "! 5.00 px (warning above 4.5 px, limit 30 px)",
            "warn",
        ),
        ("Magnification between the two", "+0.10% (limit 5.0%)", ""),
        ("Clipped in the blurry picture", "unknown", ""),
        ("Noise ceiling", "41.0 dB", ""),
    }
    older = {"quality": {"sharpness_ratio": 1.05}, "limits": {"sharpness_warn": 0.9}}
    assert [row[1] for row in measured(older)] == ["1.05 × (at least 0.90 ×)"]
    earlier = {
        "quality": {"misalignment": {"shift_px": [3.0, 4.0]}},
        "limits": {"shift_warn_px": 2.0, "shift_reject_px": 10.0},
    }
    shift = (
        "Shift between the two",
        "! 5.00 px (warning above 2 px, limit 10 px)",
        "warn",
    )
    assert shift in measured(earlier), "of a session before shares"
    for limits in (None, [], {"shift_reject_px": "far"}):
        assert (exposure, "-0.50 EV", "") in rows_with(limits)


def test_the_bell_rings_on_a_terminal_unless_it_is_off(monkeypatch, capsys):
    ring("reject")
    assert capsys.readouterr().err == "", "no terminal"
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    for what, times in (("done", 1), ("warn", 1), ("action", 2), ("reject", 3)):
        ring(what)  # type: ignore[arg-type]
        assert capsys.readouterr().err == "\a" * times
    monkeypatch.setattr(bell, "on", False)
    ring("reject")
    assert capsys.readouterr().err == ""


def test_a_scene_is_asked_for_by_its_typed_name_and_with_its_note(monkeypatch, capsys):
    asked: list[str] = []
    monkeypatch.setattr(click, "prompt", lambda text, **_how: asked.append(text))
    person = Asker(ShootOptions(grey_card=True), answered=False)
    first = PlannedPair("0001_kuche", 1, "kuche", 0, title="Küche")
    person.scene_ready(first, "lamp on")
    person.card_held(first)
    person.scene_ready(
        PlannedPair("0002_regal-2", 2, "regal-2", 0, title="Regal 2"), "books"
    )
    person.scene_ready(
        PlannedPair("0003_regal-2", 3, "regal-2", 0, title="Regal 2"), "books"
    )
    person.scene_ready(PlannedPair("0004_desk", 4, "desk", 0), "")
    assert capsys.readouterr().err.splitlines() == ["scene 'Küche': lamp on"]
    assert asked == [
        "hold the grey card into scene 'Küche', so that it fills the centre, then press Enter",
        "set up scene 'Regal 2' (books), then press Enter",
        "set up scene 'desk', then press Enter",
    ]


def test_who_says_no_to_the_plan_is_not_told_of_an_interruption(monkeypatch, refused):
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
    monkeypatch.setattr(click, "confirm", lambda *_words, **_how: False)
    with refused(DefocusError) as caught:
        Asker(ShootOptions(), answered=False).confirm([])
    assert caught.value.exit_code == 1


def test_one_line_says_what_is_being_shot(tmp_path, monkeypatch, capsys):
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
    stderr = capsys.readouterr().err
    drawn = [
        line.partition("\r")[0].partition("\n")[0] for line in stderr.split("\r\x1b[K")
    ]
    assert "1/2 · desk · sharp …" in drawn
    assert "1/2 · desk · sharp \N{CHECK MARK} blurry …" in drawn
    second = "2/2 · desk · sharp \N{CHECK MARK} blurry \N{CHECK MARK} anchor …"
    assert [line for line in drawn if line.startswith(second)]
    assert [line for line in drawn if " · judging" in line]
    assert any(line.endswith("1 min left") for line in drawn)
    assert [line for line in drawn if line.startswith("0002_desk  ")]
    assert drawn[-1].startswith("2 pairs: "), "nothing is left of the line"


@pytest.mark.parametrize("columns", [80, 40])
@pytest.mark.parametrize(
    "scene", ["north window with the vase and the dictionary", "北の窓" * 9]
)
def test_a_long_name_of_a_scene_hides_nothing_of_the_line(
    monkeypatch, capsys, scene, columns
):
    """As much of the name stands there as there is room for."""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", str(columns))
    rest = " · sharp \N{CHECK MARK} blurry … · judging · 12 min left"
    status(f"7/200 · {scene}{rest}", scene)
    stderr = capsys.readouterr().err.removeprefix("\r\x1b[K")
    status("")
    assert stderr.startswith(f"7/200 · {scene[: 9 if columns == 80 else 4]}")
    assert columns - 4 < cell_width(stderr) < columns
    assert f"…{rest}"[: 10 if columns == 40 else None] in stderr
