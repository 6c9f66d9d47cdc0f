"""Exposure: labels against true values, brackets at constant exposure."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from defocus.capture.camera import Setting
from defocus.capture.planning.exposure import nearest_choice, plan_bracket
from defocus.capture.planning.labels import parse_f_number, parse_seconds, true_f, true_seconds
from defocus.capture.simulation.profiles import PROFILES
from defocus.errors import InputError

APERTURES, SHUTTERS, ISOS = (
    " ".join(PROFILES["plain"].words[name].choices) for name in ("aperture", "shutter", "iso")
)

# The virtual Nikon of libgphoto2, whose list of times has gaps of three stops.
COARSE = "1.0000s 0.1000s 0.0500s 0.0200s 0.0100s 0.0050s 0.0025s 0.0012s 0.0001s"


def settings(shutters: str = SHUTTERS, *, iso: bool = False) -> dict:
    times = tuple(shutters.split())
    found = {
        "aperture": Setting("aperture", "f-number", "f/4", tuple(APERTURES.split())),
        "shutter": Setting("shutter", "shutterspeed", times[-1], times),
    }
    if iso:
        found["iso"] = Setting("iso", "iso", "100", ("Auto", *ISOS.split()))
    return found


def test_f_numbers_and_times_as_cameras_write_them() -> None:
    f_numbers = {"f/22": 22.0, "22": 22.0, "F5.6": 5.6, "4.0": 4.0}
    times = {"1/125": 0.008, "0.0080s": 0.008, "0.5": 0.5, '30"': 30.0, "10/25": 0.4}
    times |= {"1/2.5": 0.4, "2m": 120.0}
    for parse, good, bad in (
        (parse_f_number, f_numbers, ("f/0", "auto", "f/1000", "", "4/5")),
        (parse_seconds, times, ("bulb", "1/0", "0")),
    ):
        assert {text: parse(text) for text in good} == good
        assert [parse(text) for text in bad] == [None] * len(bad)


# True third stops: residual 0.000 EV each.
@pytest.mark.parametrize(
    ("blurry", "shutter", "sharp", "expected"),
    [
        ("f/4", "1/125", "f/22", "1/4"),
        ("f/2.8", "1/60", "f/16", "0.5"),
        ("f/1.8", "1/1000", "f/11", "1/25"),
        ("f/3.5", "1/250", "f/22", "1/6"),
    ],
)
def test_constant_exposure_on_the_true_grid(
    blurry: str, shutter: str, sharp: str, expected: str
) -> None:
    bracket = plan_bracket(settings(), blurry, sharp, shutter=shutter)
    assert bracket.sharp.shutter == expected
    assert bracket.residual_ev == pytest.approx(0.0, abs=1e-9)


def test_coarse_list_says_what_it_leaves() -> None:
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
def test_no_other_time_is_nearer(blurry: str, sharp: str, shutter: str) -> None:
    bracket = plan_bracket(settings(), blurry, sharp, shutter=shutter)
    wanted = bracket.blurry.seconds * (bracket.sharp.f_number / bracket.blurry.f_number) ** 2
    best = min(
        abs(math.log2(true_seconds(parse_seconds(text) or 0) / wanted)) for text in SHUTTERS.split()
    )
    assert abs(bracket.residual_ev) == pytest.approx(best, abs=1e-9)


def test_iso_rises_only_where_time_does_not_suffice() -> None:
    enough = plan_bracket(settings(iso=True), "f/4", "f/22", shutter="1/125")
    assert enough.sharp.iso == "100"
    short = plan_bracket(settings(iso=True), "f/4", "f/22", shutter="1/125", max_seconds=0.07)
    assert short.sharp.shutter == "1/15"
    assert short.sharp.iso == "400"
    assert short.residual_ev == pytest.approx(0.0, abs=1e-9)
    assert any("ISO 400" in note for note in short.notes)


def test_automatic_values_must_be_replaced() -> None:
    found = settings(iso=True)
    found["iso"] = Setting("iso", "iso", "Auto", found["iso"].choices)
    with pytest.raises(InputError, match="iso is 'Auto'; give --iso"):
        plan_bracket(found, "f/4", "f/22", shutter="1/125")
    assert plan_bracket(found, "f/4", "f/22", shutter="1/125", iso="200").blurry.iso == "200"


def test_own_word_of_the_camera_for_a_typed_value() -> None:
    assert nearest_choice(settings()["aperture"], "22") == "f/22"
    assert nearest_choice(settings(COARSE)["shutter"], "1/50") == "0.0200s"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"blurry": "f/123", "sharp": "f/22"}, "no aperture 'f/123'"),
        ({"blurry": "wide", "sharp": "f/22"}, "cannot be read"),
        ({"blurry": "f/22", "sharp": "f/4"}, "exchange the two"),
        ({"blurry": "f/4", "sharp": "f/22", "shutter": "1/7777"}, "no shutter"),
    ],
)
def test_what_the_camera_lacks_is_named(arguments: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        plan_bracket(settings(), **arguments)


def test_half_stops_are_no_third_stops() -> None:
    assert true_f(5.6) == pytest.approx(5.657, abs=1e-3)
    assert (true_f(6.7), true_seconds(1 / 90)) == (6.7, 1 / 90)
