"""The disk space that a plan names is what its pairs take."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from defocus.capture.commands import shoot
from defocus.capture.links.back_ends import open_camera
from defocus.capture.planning.disk_space import BODY_SHOT, Space, space_words
from defocus.capture.taking.disk_space import measured_plans
from tests.capture.scripted.plugging import plug
from tests.capture.scripted.scenarios import URI, bracket_for, kinds_of
from tests.capture.scripted.scenarios import shoot as shoot_body

HERE = Path(__file__).parent
CAMERA = ("--camera", "sim:?width=240&height=160", "--shutter", "1/200")


def taken(session: Path) -> int:
    return sum(path.stat().st_size for path in session.rglob("*") if path.is_file())


@pytest.mark.parametrize("apertures", ["f/4", "f/4,f/2.8"])
def test_the_simulated_camera_takes_what_the_plan_says(
    apertures: str, tmp_path: Path, run: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    """Within a tenth, journal and documents included; two apertures are added up."""
    done = run("defocus-capture", "plan", *CAMERA, "--blurry", apertures, "--json")
    plans = [json.loads(line) for line in done.stdout.splitlines()]
    assert all(one["disk_bytes"] == one["disk_bytes_least"] for one in plans)
    session = tmp_path / "s"
    typed = [str(session), *CAMERA, "--blurry", apertures, "--yes", "--retake", "never"]
    shoot.command.main(typed, standalone_mode=False)
    assert sum(one["disk_bytes"] for one in plans) == pytest.approx(taken(session), rel=0.1)


@pytest.mark.parametrize("number", [0, 1, 2])
def test_after_one_pair_a_body_is_known_within_a_tenth(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before the first a range is said; then files are measured."""
    plugged = plug(monkeypatch, HERE / "scripted" / "bodies" / "near-far.txt")
    kind, session = kinds_of(plugged.body)[number], tmp_path / "s"
    request = bracket_for()
    with open_camera(URI) as camera:
        unknown = request.plan(camera)
    assert unknown.space(1) == BODY_SHOT.times(2)
    shoot_body(session, request, kind, judged=False)
    (measured,) = measured_plans([unknown], session, kind)
    other = next(one for one in kinds_of(plugged.body) if one != kind)
    assert measured_plans([unknown], session, other) == [unknown], "of another format"
    shoot_body(session, request, kind, pairs=3)
    space = measured.space(3)
    assert space is not None
    more = taken(session / "pairs") * 3 / 4
    assert space.most == space.least == pytest.approx(more, rel=0.1)


def test_words() -> None:
    assert space_words(None) == "an unknown space"
    assert space_words(Space(830_000_000, 830_000_000)) == "about 0.83 GB"
    assert space_words(Space(18_000_000, 1_020_000_000)) == "0.02 to 1.02 GB"
