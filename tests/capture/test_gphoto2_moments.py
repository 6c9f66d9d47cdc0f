"""The body's clock as a witness: late files in memory, old pictures, clocks that are wrong."""

from dataclasses import replace
from pathlib import Path

import pytest

from defocus.capture.camera import ON_CARD
from defocus.capture.links.back_ends import open_camera
from defocus.capture.links.gphoto2 import received
from defocus.capture.links.gphoto2.received import Moments
from defocus.capture.links.retries import ShotFailedError, with_retries
from tests.capture.scripted.pictures import jpeg_of
from tests.capture.scripted.plugging import BODIES, plug
from tests.capture.scripted.scenarios import URI, aim, bracket_for, checked, shoot

EXPOSED = (4.0, 0.01, 100.0)


@pytest.mark.parametrize("name", ["near-far", "signed-steps", "speeds"])
def test_a_late_file_in_memory_is_no_file_of_the_next_shot(
    name, tmp_path, monkeypatch, capsys
):
    """Its name is the next free one, so nothing but its time tells it from a companion."""
    body = plug(monkeypatch, BODIES / f"{name}.txt").body
    assert aim(body, "ram")
    late = body.script.faults["late-companion"]
    body.script.faults["late-companion"] = replace(late, seconds=50.0)
    body.arm("late-companion", 2)  # when nobody waits for the JPEGs any more
    shoot(tmp_path / "s", bracket_for(), "raw+jpeg", pairs=2)
    said = capsys.readouterr().err
    assert "files of two shots came together" in said
    checked(tmp_path / "s", body, 2, spare=3)
    assert not list((tmp_path / "s").rglob("*.part"))
    kept = [
        path for path in (tmp_path / "s").rglob("not-of-this-shot/*") if path.is_file()
    ]
    taken = [content for contents in body.contents.values() for content in contents]
    assert {path.read_bytes() for path in kept} <= set(taken)
    assert len({path.suffix for path in kept}) == 2, "both files of the refused shot"
    for path in kept:
        assert f"{path.name}: no picture of this session; " in said
    assert said.count("is kept in not-of-this-shot beside the shot") == len(kept)


class Clocks:
    """Ours, and that of a body, which runs beside it unless it is told otherwise."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
        self.ours, self.ahead, self.stopped = 0.0, 5000.0, None
        self.folder, self.moments = folder, Moments()
        monkeypatch.setattr(received, "time", self)

    def monotonic(self) -> float:
        return self.ours

    def shot(self, *ages: float) -> None:
        """A shot whose files were taken so long before it was ordered."""
        ordered = self.moments.ordered(self.folder / "sharp")
        parts = []
        for number, age in enumerate(ages):
            seconds = (
                self.ours + self.ahead - age if self.stopped is None else self.stopped
            )
            parts.append(self.folder / f"sharp.{number}.jpg.part")
            parts[-1].write_bytes(jpeg_of(EXPOSED, 0.0, 0, seconds))
        self.ours += 1.5
        try:
            self.moments.check(parts, ordered)
        finally:
            self.ours += 10.0


@pytest.fixture
def clocks(monkeypatch, tmp_path):
    """Clocks that were seen to run beside each other."""
    simulated = Clocks(monkeypatch, tmp_path)
    simulated.shot(-0.7)
    simulated.shot(-0.1)
    return simulated


def test_a_picture_of_before_is_refused_and_those_of_now_are_taken(clocks, refused):
    """A body that takes several at a release and hands them out one by one."""
    for age in (-0.9, 0.0, -0.01, -1.4):
        clocks.shot(age)
        clocks.shot(age, age)
        clocks.ours += 3600.0
    with refused(ShotFailedError):
        clocks.shot(11.0)
    clocks.shot(0.0)
    with refused(ShotFailedError):
        clocks.shot(11.0)


@pytest.mark.parametrize(("seconds", "refused"), [(-3600.0, 2), (3600.0, 0)])
def test_a_clock_that_is_set_back_costs_two_shots_and_one_set_on_none(
    clocks, seconds, refused
):
    clocks.ahead += seconds
    for _ in range(refused):
        with pytest.raises(ShotFailedError):
            clocks.shot(0.0)
    for _ in range(5):
        clocks.shot(0.0)


def test_a_clock_that_stands_still_costs_none(monkeypatch, tmp_path):
    clocks = Clocks(monkeypatch, tmp_path)
    clocks.stopped = 0.0
    for _ in range(5):
        clocks.shot(0.0, 0.0)


def test_pictures_without_a_time_are_no_witnesses(clocks, tmp_path):
    part = tmp_path / "sharp.jpg.part"
    content = jpeg_of(EXPOSED, 0.0, 0)
    assert content.count(b"2015:01:01 00:00:00") == 1
    part.write_bytes(content.replace(b"2015:01:01 00:00:00", b"    :  :     :  :  "))
    clocks.moments.check([part], clocks.ours)


def test_a_shot_that_is_fetched_later_is_of_before(clocks):
    """One whose transfer broke off, and that another process finds on the card."""
    (clocks.folder / f"sharp{ON_CARD}").write_text("[]")
    clocks.shot(300.0)


@pytest.mark.parametrize(("name", "kept"), [("speeds", 2), ("signed-steps", 0)])
def test_a_burst_of_a_body_that_does_not_tell_its_drive_mode(
    name, kept, tmp_path, monkeypatch
):
    """The next release hands out the second and third picture of the one before.

    They are kept where they are in memory only; on a card they stay."""
    body = plug(monkeypatch, BODIES / f"{name}.txt").body
    messages: list[str] = []
    with open_camera(URI) as camera:
        for number in range(2):
            camera.shoot(tmp_path / f"{number}")
            body.now += 10.0
        del body.script.entries["capturemode"]
        body.true["capturemode"] = "Burst"
        body.arm("burst-mode")
        camera.shoot(tmp_path / "2")
        body.now += 10.0
        before = len(body.shots)
        (part,) = with_retries(lambda: camera.shoot(tmp_path / "3"), messages.append)
    assert ["s before the release" in one for one in messages] == [True, True]
    old = [content for number in range(before) for content in body.contents[number]]
    assert part.read_bytes() not in old
    apart = list(tmp_path.glob("not-of-this-shot/*"))
    assert len(apart) == kept
    assert {path.read_bytes() for path in apart} <= set(old)
    assert kept or set(old) <= set(body.files.values())
    assert sorted(path.name[0] for path in tmp_path.glob("*.part")) == [*"0123"]
