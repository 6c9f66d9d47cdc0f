"""Plans: exposure, depth of field, size of a release, time; settings files; simulate."""

import json
import math
import re
from dataclasses import replace

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from defocus.capture.camera import Setting
from defocus.capture.commands import plan, shoot
from defocus.capture.links.back_ends import open_camera
from defocus.capture.planning.exposure import nearest_choice, plan_bracket
from defocus.capture.planning.labels import (
    parse_f_number,
    parse_seconds,
    true_f,
    true_seconds,
)
from defocus.capture.planning.request import BracketRequest
from defocus.capture.simulation.options import PROFILES
from defocus.errors import InputError, SettingsError
from defocus.scene.thin_lens import (
    Lens,
    airy_diameter_px,
    circle_of_confusion_px,
    depth_of_field_mm,
    release_scale,
)

PLAN = ("--camera", "sim:", "--shutter", "1/200")


def test_the_size_of_a_release():
    """It is as small as its worst spot needs."""
    lens = Lens(50.0, 22.0, 2000.0, 5.36)
    airy, blur = (
        airy_diameter_px(lens),
        abs(float(circle_of_confusion_px(1200.0, lens))),
    )
    assert release_scale(lens, []) == pytest.approx(1 / airy)
    assert release_scale(lens, [1900.0, 1200.0]) == pytest.approx(1 / blur)
    assert release_scale(lens, [1200.0], 2.0) == pytest.approx(2 / blur)
    assert release_scale(Lens(50.0, 4.0, 2000.0, 50.0), [2000.0]) == 1.0


def test_the_plan_of_the_command(run, tmp_path):
    times = ("--repeat", "10", "--settle", "2s", "--every", "60", "--countdown", "1")
    words = ("--distances", "5,1.2", *times)
    result = run("defocus-capture", "plan", *PLAN, *words, "--json")
    plan = json.loads(result.stdout)
    assert [frame["role"] for frame in plan["frames"]] == ["sharp", "blurry", "anchor"]
    assert plan["residual_ev"] == pytest.approx(0.0, abs=1e-9)
    assert plan["aperture_ev"] == pytest.approx(5.0)
    assert plan["nominal_aperture_ev"] == pytest.approx(4.92, abs=0.01)
    wide, narrow = (Lens(50.0, f_number, 2000.0, 25.0) for f_number in (4.0, 2**4.5))
    near, far = depth_of_field_mm(narrow)
    assert plan["depth_of_field"]["sharp"] == pytest.approx(
        {"near_mm": near, "far_mm": far}
    )
    for row, distance in zip(
        plan["circle_of_confusion"], (5000.0, 1200.0), strict=True
    ):
        for role, lens in (("blurry", wide), ("sharp", narrow)):
            wanted = abs(float(circle_of_confusion_px(distance, lens)))
            assert row[f"{role}_coc_px"] == pytest.approx(wanted)
    assert plan["airy_diameter_px"]["sharp"] == pytest.approx(airy_diameter_px(narrow))
    blur = max(
        abs(float(circle_of_confusion_px(at, narrow))) for at in (5000.0, 1200.0)
    )
    assert plan["release"]["size_px"] == [
        math.floor(640 / blur),
        math.floor(480 / blur),
    ]
    assert plan["release"]["limit"] == "depth of field"
    shutters = 2 * 2 ** (-8 / 3) + 2 ** (-23 / 3)
    assert plan["duration_seconds"] == pytest.approx(
        9 * 60 + 1 + shutters + 3 * (3.0 + 2.0)
    )
    assert plan["disk_bytes"] == 10 * 640 * 480 * (3 * 6 + 18)
    text = run("defocus-capture", "plan", *PLAN, "--repeat", "10").stdout
    for word in ("sharp zone", "sharp size", "Airy disc", "10 pairs"):
        assert word in text
    assert list(tmp_path.iterdir()) == []


def test_a_plan_that_reaches_infinity_says_so_in_words():
    plan = BracketRequest().plan(open_camera("sim:?width=192&height=144"))
    text = "\n".join(plan.lines())
    assert re.search(r"sharp \d\.\d\d m to infinity \(blur up to 1 px\)\n", text)
    assert "\nsharp size  pictures sharp down to the pixel in full size\n" in text


@pytest.mark.parametrize(("mains", "flickers"), [(50, True), (60, True), (None, False)])
def test_short_times_under_flickering_lamps_are_noted(mains, flickers):
    request = BracketRequest(shutter="1/160", mains_hz=mains)
    notes = request.plan(open_camera("sim:")).notes
    assert any("1/160" in note and "flicker" in note for note in notes) == flickers
    whole = BracketRequest(shutter="1/100", mains_hz=50).plan(open_camera("sim:"))
    assert whole.notes == ()


def test_a_settings_file_gives_defaults_that_the_command_line_wins_over(run, tmp_path):
    (tmp_path / "lab.toml").write_text(
        '[shoot]\nblurry = "f/2.8"\nsharp = "f/16"\nmax_shutter = "2s"\ndistances = [1.5, 3]\n'
        'retake = "never"\n[quality]\nshift_warn = 0.01\n'
    )
    arguments = ("plan", *PLAN, "--settings", "lab.toml")
    plan = json.loads(run("defocus-capture", *arguments, "--json").stdout)
    assert (plan["blurry"]["aperture"], plan["sharp"]["aperture"]) == ("f/2.8", "f/16")
    assert [row["distance_mm"] for row in plan["circle_of_confusion"]] == [
        1500.0,
        3000.0,
    ]
    plan = json.loads(
        run("defocus-capture", *arguments, "--json", "--blurry", "f/2").stdout
    )
    assert plan["blurry"]["aperture"] == "f/2"


@pytest.mark.parametrize("camera", ["'sim:?seed=3'", "['sim:?seed=3']"])
def test_a_settings_file_can_name_the_camera(camera, tmp_path, refused):
    file = tmp_path / "lab.toml"
    file.write_text(f"[shoot]\ncamera = {camera}\n")
    for typed, uri in (([], "sim:?seed=3"), (["--camera", "sim:"], "sim:")):
        result = CliRunner().invoke(plan.command, ["--settings", str(file), *typed])
        assert f"Simulated camera ({uri})" in result.stdout
    file.write_text("[shoot]\ncamera = 'simm:'\n")
    with refused(SettingsError):
        plan.command.main(["--settings", str(file)], standalone_mode=False)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("scenes = 0", "'shoot.scenes': 0 is not in the range 1<=x<=9999"),
        ("scenes = true", "'shoot.scenes': 'True' is not a valid integer"),
        ("scenes = 1.5", "'shoot.scenes': '1.5' is not a valid integer"),
        ("focus = true", "'shoot.focus': 'True' is not a valid number"),
        ("settle = 'x'", "'shoot.settle': 'x' is not a number of seconds"),
        ("mode = 'x'", "'shoot.mode': 'x' is not one of 'aperture'"),
        ("yes = 'maybe'", "'shoot.yes': 'maybe' is not a valid boolean"),
        # noticed later: by the camera, or because two do not fit
        ("blurry = 'f/1.1'", "'shoot.blurry': the camera has no aperture 'f/1.1'"),
        ("sharp = 'f/2'", "'shoot.sharp' f/2 is not narrower than --blurry f/4"),
        ("scene = '?!'", "'shoot.scene': scene name '?!' has no letter"),
        ("qc_set = 'nix=1'", "'shoot.qc_set': unknown key 'nix'"),
    ],
)
def test_a_bad_value_of_a_settings_file_is_blamed_on_the_file(line, said, tmp_path):
    file = tmp_path / "lab.toml"
    file.write_text(f"[shoot]\n{line}\n")
    words = ["s", "--camera", "sim:", "--settings", str(file), "--dry-run"]
    with pytest.raises(SettingsError, match=re.escape(f"{file}: {said}")):
        shoot.command.main(words, standalone_mode=False)


def test_a_bad_value_that_is_typed_is_not_blamed_on_the_file(tmp_path, refused):
    (tmp_path / "lab.toml").write_text("[shoot]\nscenes = 2\n")
    words = [
        "s",
        "--camera",
        "sim:",
        "--settings",
        str(tmp_path / "lab.toml"),
        "--dry-run",
    ]
    with refused(InputError):
        shoot.command.main([*words, "--iso", "7"], standalone_mode=False)


@pytest.mark.parametrize(
    ("typed", "notes"),
    [
        ({"blurry": "f/3.9"}, ("the camera has no aperture f/3.9; f/4 is used",)),
        ({"shutter": "1/130"}, ("the camera has no shutter 1/130; 1/125 is used",)),
        ({"blurry": "F4.0", "sharp": "22", "shutter": "0.0080s"}, ()),
    ],
)
def test_a_camera_that_lacks_a_value_says_which_is_used(typed, notes):
    assert BracketRequest(**typed).plan(open_camera("sim:")).bracket.notes == notes


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (90, "1.5 minutes"), (7100, "118.3 minutes"), (7200, "2 hours"),
        (7260, "2 hours 1 minute"), (12 * 3600 + 1500, "12 hours 25 minutes"),
    ],
)  # fmt: skip
def test_a_long_series_is_told_in_hours(seconds, said):
    request = BracketRequest(shutter="1/200", settle_seconds=0.0)
    plan = request.plan(open_camera("sim:"))
    rest = (seconds - plan.duration_seconds(1)) / len(plan.protocol.frames)
    assert f"about {said} and" in replace(plan, settle_seconds=rest).lines(1)[-1]


APERTURES, SHUTTERS, ISOS = (
    " ".join(PROFILES["plain"].words[name].choices)
    for name in ("aperture", "shutter", "iso")
)

# The virtual Nikon of libgphoto2, whose list of times has gaps of three stops.
COARSE = "1.0000s 0.1000s 0.0500s 0.0200s 0.0100s 0.0050s 0.0025s 0.0012s 0.0001s"


def settings(shutters: str = SHUTTERS, *, iso: bool = False) -> dict:
    times = tuple(shutters.split())
    fields = {
        "aperture": Setting("aperture", "f-number", "f/4", tuple(APERTURES.split())),
        "shutter": Setting("shutter", "shutterspeed", times[-1], times),
    }
    if iso:
        fields["iso"] = Setting("iso", "iso", "100", ("Auto", *ISOS.split()))
    return fields


def test_f_numbers_and_times_as_cameras_write_them():
    f_numbers = {"f/22": 22.0, "22": 22.0, "F5.6": 5.6, "4.0": 4.0}
    times = {"1/125": 0.008, "0.0080s": 0.008, "0.5": 0.5, '30"': 30.0, "10/25": 0.4}
    times |= {"1/2.5": 0.4, "2m": 120.0}
    for parse, good, bad in (
        (parse_f_number, f_numbers, ("f/0", "auto", "f/1000", "", "4/5")),
        (parse_seconds, times, ("bulb", "1/0", "0")),
    ):
        assert {text: parse(text) for text in good} == good
        assert [parse(text) for text in bad] == [None] * len(bad)


def test_coarse_list_says_what_it_leaves():
    bracket = plan_bracket(settings(COARSE), "f/4", "f/22", shutter="0.0025s")
    assert abs(bracket.residual_ev) == pytest.approx(1 / 3, abs=1e-6)
    assert any("EV" in note and "no other --shutter" in note for note in bracket.notes)
    other = plan_bracket(settings(COARSE), "f/5.6", "f/22", shutter="0.0025s")
    assert any("--shutter 0.0012s leaves none" in note for note in other.notes)
    good = plan_bracket(settings(COARSE), "f/5.6", "f/22", shutter="0.0012s")
    assert good.residual_ev == pytest.approx(0.0, abs=1e-9)


@given(
    blurry=st.sampled_from(APERTURES.split()[:12]),
    sharp=st.sampled_from(APERTURES.split()[12:]),
    shutter=st.sampled_from(SHUTTERS.split()),
)
def test_no_other_time_is_nearer(blurry, sharp, shutter):
    bracket = plan_bracket(settings(), blurry, sharp, shutter=shutter)
    wanted = (
        bracket.blurry.seconds * (bracket.sharp.f_number / bracket.blurry.f_number) ** 2
    )
    best = min(
        abs(math.log2(true_seconds(parse_seconds(text) or 0) / wanted))
        for text in SHUTTERS.split()
    )
    assert abs(bracket.residual_ev) == pytest.approx(best, abs=1e-9)


def test_iso_rises_only_where_time_does_not_suffice():
    enough = plan_bracket(settings(iso=True), "f/4", "f/22", shutter="1/125")
    assert enough.sharp.iso == "100"
    short = plan_bracket(
        settings(iso=True), "f/4", "f/22", shutter="1/125", max_seconds=0.07
    )
    assert short.sharp.shutter == "1/15"
    assert short.sharp.iso == "400"
    assert short.residual_ev == pytest.approx(0.0, abs=1e-9)
    assert any("ISO 400" in note for note in short.notes)


def test_automatic_values_must_be_replaced(refused):
    values = settings(iso=True)
    values["iso"] = Setting("iso", "iso", "Auto", values["iso"].choices)
    with refused(InputError):
        plan_bracket(values, "f/4", "f/22", shutter="1/125")
    assert (
        plan_bracket(values, "f/4", "f/22", shutter="1/125", iso="200").blurry.iso
        == "200"
    )


def test_own_word_of_the_camera_for_a_typed_value():
    assert nearest_choice(settings()["aperture"], "22") == "f/22"
    assert nearest_choice(settings(COARSE)["shutter"], "1/50") == "0.0200s"


def test_half_stops_are_no_third_stops():
    assert true_f(5.6) == pytest.approx(5.657, abs=1e-3)
    assert (true_f(6.7), true_seconds(1 / 90)) == (6.7, 1 / 90)
