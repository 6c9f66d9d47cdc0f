"""The bench behind the page: one thread, one camera, and a journal that is always right."""

import contextlib
import json
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from defocus.capture.calibrations import Calibration
from defocus.capture.camera import CameraDescription, CardSpace, HasPreview
from defocus.capture.cameras.sim import SimulatedCamera
from defocus.capture.links.back_ends import open_camera
from defocus.capture.planning.request import BracketRequest
from defocus.capture.planning.scene_list import ListedScene
from defocus.capture.planning.shoot_settings import ShootOptions
from defocus.capture.sessions.damage import check_session
from defocus.capture.sessions.folder import SessionFolder, open_session_folder
from defocus.capture.sessions.journal import read_journal
from defocus.capture.sessions.session import read_session, read_state
from defocus.capture.taking.hooks import parse_hook
from defocus.capture.taking.running import shoot_new
from defocus.capture.taking.shots.rig import RigAddress, SessionCameras
from defocus.errors import DatasetError, InputError, StorageError
from defocus.extras.pages.live import camera_slot as seat
from defocus.extras.pages.live.bench import ShootingThread
from defocus.extras.pages.live.camera_slot import CameraSlot
from defocus.extras.pages.live.scenes import SceneShooter
from defocus.extras.pages.serving.feed import Feed
from defocus.pictures.write import write_image
from tests.capture.raw_sessions import write_session
from tests.extras.pages.benches import SMALL, Faults, FaultyCamera, Work, bench_at_work

BRACKET = BracketRequest(order="sharp-first")


def pairs(work: Work) -> dict[str, tuple[str, str]]:
    complete = work.bench.session.complete.values()
    return {pair.id: (pair.verdict, pair.reason) for pair in complete}


def settings(root: Path, pair: str) -> dict[str, dict[str, str]]:
    entry = json.loads((root / "pairs" / pair / "pair.json").read_text())
    return {role: facts["got"] for role, facts in entry["roles"].items()}


@pytest.mark.full
def test_pairs_of_one_scene_and_then_of_the_next(tmp_path):
    # the last shot leaves the camera at 1/4 s, which must not become the next blurry time
    shooter = SceneShooter(BracketRequest(order="blurry-first"))
    with bench_at_work(tmp_path / "s", SMALL, shooter) as work:
        assert work.told["scene"] == "scene-001"
        assert work.do("shoot")["current"] == "0001_scene-001"
        assert work.do("shoot")["current"] == "0002_scene-001"
        assert work.do("next-scene")["scene"] == "scene-002"
        assert work.do("shoot")["current"] == "0003_scene-002"
        assert (
            work.do("next-scene", scene=" Book shelf, <2nd> ")["scene"]
            == "book-shelf-2nd"
        )
        assert work.do("shoot")["current"] == "0004_book-shelf-2nd"
    shots = [
        settings(tmp_path / "s", pair.id)
        for pair in check_session(tmp_path / "s").pairs
    ]
    assert all(entry == shots[0] for entry in shots), (
        "each pair is shot with the same settings"
    )
    assert shots[0]["blurry"] == {"aperture": "f/4", "shutter": "1/125", "iso": "100"}
    with bench_at_work(tmp_path / "s") as work:
        assert work.told["scene"] == "scene-004"
        assert work.told["current"] == "0004_book-shelf-2nd"


@pytest.mark.full
def test_the_page_moves_the_focus_and_the_live_picture_follows(tmp_path, refused):
    with bench_at_work(tmp_path / "s") as work:
        assert work.told["motor"] is True

        def detail() -> float:
            assert work.bench._rig is not None
            camera = work.bench._rig.blurry
            assert isinstance(camera, HasPreview)
            seen = cv2.imdecode(
                np.frombuffer(camera.preview(), np.uint8), cv2.IMREAD_GRAYSCALE
            )
            return float(
                cv2.Laplacian(cv2.GaussianBlur(seen, (0, 0), 1.0), cv2.CV_64F).var()
            )

        before = detail()
        work.do("focus", steps="-80")
        away = detail()
        work.do("focus", steps="+80")
        assert away < 0.7 * before
        assert detail() == pytest.approx(before, rel=0.1)
        answer = work.do("focus", steps="9999")
        assert str(answer["problem"]).startswith("the lens is at its end: it moved by ")
        for steps in ("", "0", "near", "10000", "1.5"):
            with refused(InputError):
                work.bench.ask("focus", {"steps": steps})
        work.bench._state.busy = "shooting"
        with refused(InputError):
            work.bench.ask("focus", {"steps": "5"})
        work.bench._state.busy = ""
    with bench_at_work(tmp_path / "s", None) as work, refused(InputError):
        work.bench.ask("focus", {"steps": "5"})


@pytest.mark.full
def test_a_pair_that_is_taken_again_stays_and_is_rejected(tmp_path):
    with bench_at_work(tmp_path / "s") as work:
        work.do("shoot")
        work.do("next-scene")
        work.do("reject", pair="0001_scene-001", reason="a cat")
        assert work.do("retake", pair="0001_scene-001")["current"] == "0002_scene-001"
        assert work.told["scene"] == "scene-002"
        why = "a cat; taken again as 0002_scene-001"
        assert pairs(work)["0001_scene-001"] == ("reject", why), (
            "a person's reason stays"
        )
        assert pairs(work)["0002_scene-001"][0] != "reject"
    assert [pair.id for pair in read_session(tmp_path / "s").pairs] == [
        "0002_scene-001"
    ]
    assert all(
        file.ok for pair in check_session(tmp_path / "s").pairs for file in pair.files
    )


@pytest.mark.full
def test_verdicts_of_a_person_go_into_the_journal_with_their_reason(tmp_path):
    with bench_at_work(tmp_path / "s") as work:
        work.do("shoot")
        work.do("reject", pair="0001_scene-001", reason="a hand\nin the picture")
        assert pairs(work)["0001_scene-001"] == ("reject", "a hand in the picture")
        files = sorted((tmp_path / "s").rglob("*"))
        work.do("accept", pair="0001_scene-001")
        assert pairs(work)["0001_scene-001"] == ("accept", "accepted by hand")
        assert sorted((tmp_path / "s").rglob("*")) == files
    events = [
        record["event"] for record in read_journal(tmp_path / "s/journal.jsonl").records
    ]
    assert events[-2:] == ["judged", "judged"]
    with bench_at_work(tmp_path / "s", uri=None) as work:
        work.do("reject", pair="0001_scene-001", reason="after all")
    assert check_session(tmp_path / "s").pairs[0].reason == "after all"


def test_verdicts_that_wait_when_it_ends_are_kept_and_pairs_are_not_shot(tmp_path):
    write_image(tmp_path / "p.png", np.zeros((20, 30, 3), np.uint8))
    pair = dict.fromkeys(("blurry", "sharp"), tmp_path / "p.png")
    names = write_session(tmp_path / "s", [pair] * 3)
    with bench_at_work(tmp_path / "s") as work:
        begun, go_on = threading.Event(), threading.Event()

        def slow() -> None:
            begun.set()
            go_on.wait(300)

        work.bench._tasks.put(("note", slow))
        assert begun.wait(300)
        for name in names:
            work.bench.ask("reject", {"pair": name, "reason": "a hand"})
        work.bench.ask("shoot", {})
        work.bench.stop()
        go_on.set()
    state, _ = read_state(tmp_path / "s")
    assert [pair.reason for pair in state.complete.values()] == ["a hand"] * 3
    assert len(state.planned) == 3


@pytest.mark.full
def test_what_cannot_be_done_is_refused(tmp_path, refused):
    with bench_at_work(tmp_path / "s") as work:
        for action in ("retake", "accept", "reject"):
            with refused(InputError):
                work.bench.ask(action, {"pair": "0001_scene-001"})
        with refused(DatasetError):
            work.bench.ask("next-scene", {"scene": "../.."})
        work.bench.ask("shoot", {})
        with refused(InputError):
            work.bench.ask("shoot", {})
        work.until(lambda now: now["current"] == "0001_scene-001" and not now["busy"])
    with bench_at_work(tmp_path / "s", uri=None) as work:
        for action in ("shoot", "retake", "next-scene"):
            with refused(InputError):
                work.bench.ask(action, {"pair": "0001_scene-001"})
    with pytest.raises(DatasetError), bench_at_work(tmp_path / "none", uri=None):
        pass
    assert not (tmp_path / "none").exists()


@pytest.mark.full
def test_a_lost_camera_comes_back_and_the_pair_is_completed_first(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(seat, "RETRY_SECONDS", 0.05)
    with bench_at_work(tmp_path / "s") as work:
        work.do("shoot")
        work.faults.lost_at_shot, work.faults.absent = 2, True
        now = work.do("shoot")
        assert now["camera_problem"] in ("the cable is out", "no camera on USB")
        assert now["unfinished"] == "0002_scene-001"
        assert "no camera is connected" in str(work.do("shoot")["problem"])
        work.until(lambda now: now["camera_problem"] == "no camera on USB")
        work.faults.absent = False
        work.until(lambda now: not now["camera_problem"])
        assert len(work.faults.opened) == 2
        assert "first shoot 0002" in str(
            work.do("retake", pair="0001_scene-001")["problem"]
        )
        now = work.do("shoot")
        assert (now["current"], now["unfinished"]) == ("0002_scene-001", "")
        work.do("next-scene")
        assert work.do("shoot")["current"] == "0003_scene-002"
    assert work.faults.closed == 2
    assert [pair.id for pair in read_session(tmp_path / "s").pairs] == [
        "0001_scene-001", "0002_scene-001", "0003_scene-002",
    ]  # fmt: skip
    assert (tmp_path / "s/interrupted/0002_scene-001.1/sharp.tif").is_file()


@pytest.mark.full
def test_a_camera_lost_between_shots_is_noticed_by_its_live_picture(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(seat, "RETRY_SECONDS", 0.05)
    with bench_at_work(tmp_path / "s") as work:
        monkeypatch.setattr(type(work.bench.feed), "listeners", 1)
        work.until(lambda _now: "preview" in work.bench.feed._newest)
        work.faults.absent = True
        work.faults.opened[0].lost = True
        work.until(lambda now: now["camera_problem"] == "no camera on USB")
        work.faults.absent = False
        work.until(lambda now: not now["camera_problem"])
        work.faults.blind = True
        now = work.until(lambda now: bool(now["live_view"]))
        assert now["live_view"] == "no live picture; trying again (live view is off)"
        assert now["camera_problem"] == ""


@pytest.mark.full
def test_the_live_picture_is_at_the_blurry_exposure(tmp_path):
    with bench_at_work(tmp_path / "s") as work:
        work.do("shoot")
        (camera,) = work.faults.opened
        assert {name: each.value for name, each in camera.settings().items()} == {
            "aperture": "f/4", "shutter": "1/125", "iso": "100",
        }  # fmt: skip


@pytest.mark.full
def test_each_position_of_the_focus_motor_is_a_pair_and_one_is_taken_again_alone(
    tmp_path,
):
    request = BracketRequest(
        blurry="f/2.8", mode="focus", focus_steps=(-30, 30), order="sharp-first"
    )
    with bench_at_work(tmp_path / "s", shooter=SceneShooter(request)) as work:
        assert work.do("shoot")["current"] == "0002_scene-001"
        assert work.do("retake", pair="0001_scene-001")["current"] == "0003_scene-001"
        planned = work.bench.session.planned
        assert [pair.focus_steps for pair in planned.values()] == [-30, 30, -30]


@pytest.mark.full
def test_a_hook_that_fails_is_said_and_costs_nothing(tmp_path):
    hook = parse_hook(f"'{sys.executable}' -c 'raise SystemExit(7)' {{pair_dir}}")
    with bench_at_work(
        tmp_path / "s", shooter=SceneShooter(BRACKET, hook=hook)
    ) as work:
        now = work.do("shoot")
        assert "hook after 0001_scene-001" in str(now["problem"])
        assert "exit code 7" in str(now["problem"])
        assert "0001_scene-001" in pairs(work)


@pytest.mark.full
def test_a_full_disk_is_said_and_the_pair_is_taken_up_again(tmp_path, monkeypatch):
    with bench_at_work(tmp_path / "s") as work:
        whole = type(work.folder).store_originals

        def full(*_arguments: object) -> None:
            raise StorageError("the disk is full")

        monkeypatch.setattr(type(work.folder), "store_originals", full)
        now = work.do("shoot")
        assert (now["problem"], now["camera_problem"]) == ("the disk is full", "")
        assert now["unfinished"] == "0001_scene-001"
        monkeypatch.setattr(type(work.folder), "store_originals", whole)
        assert work.do("shoot")["unfinished"] == ""
        assert list(pairs(work)) == ["0001_scene-001"]


@pytest.mark.full
def test_an_interrupted_list_goes_on_with_the_scene_that_is_shown(
    tmp_path, monkeypatch
):
    titles = ("Regal", "plant", "toolbox", "Café")
    scenes = tuple(ListedScene(title, f"note on {title}") for title in titles)
    whole, stored = SessionFolder.store_originals, iter(range(4))

    def full(*arguments: object) -> object:
        if next(stored) == 2:
            raise StorageError("the disk is full")
        return whole(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(SessionFolder, "store_originals", full)
    options = ShootOptions(scene_list=scenes, retake="never", yes=True)
    with pytest.raises(StorageError):
        shoot_new(tmp_path / "s", RigAddress(SMALL), BRACKET, options)
    monkeypatch.setattr(SessionFolder, "store_originals", whole)
    with bench_at_work(tmp_path / "s", scene_list=scenes) as work:
        now = work.told
        assert (now["title"], now["note"]) == ("plant", "note on plant")
        assert (now["unfinished"], now["offered"]) == ("0002_plant", "toolbox")
        now = work.do("next-scene")
        assert (now["title"], now["note"]) == ("toolbox", "note on toolbox")
        assert now["unfinished"] == "", "it was never begun"
        now = work.do("shoot")
        assert (now["current"], now["title"], now["offered"]) == (
            "0003_toolbox",
            "toolbox",
            "Café",
        )
        assert work.do("next-scene")["offered"] == "plant", "left out, so it comes last"
        assert work.do("next-scene")["title"] == "plant"
        assert work.do("shoot")["current"] == "0002_plant"
        assert work.do("shoot")["current"] == "0005_plant", "a further pair"
    state = read_state(tmp_path / "s")[0]
    assert [pair.id for pair in state.incomplete] == ["0004_cafe"]
    assert state.notes["toolbox"] == "note on toolbox"


def test_an_aperture_that_is_not_there_is_said_at_the_start(tmp_path, refused):
    shooter = SceneShooter(BracketRequest(blurry="f/1"))
    with refused(InputError), bench_at_work(tmp_path / "s", SMALL, shooter):
        pass


@pytest.mark.full
def test_a_camera_without_a_live_picture_shoots_all_the_same(tmp_path, virtual_folder):
    address = f"gphoto2:virtual={virtual_folder}"
    request = BracketRequest(
        blurry="f/5.6", shutter="0.0100s", settle_seconds=0.0, order="sharp-first"
    )

    @contextlib.contextmanager
    def opener() -> Iterator[SessionCameras]:
        with open_camera(address) as camera:
            yield SessionCameras.single(camera)

    with open_session_folder(tmp_path / "s", create=True) as folder:
        place = CameraSlot(opener)
        bench = ShootingThread(folder, Feed(), place, SceneShooter(request))
        bench.take_camera()
        work = Work(bench, folder, Faults())
        bench._look()
        assert work.told["live_view"] == ""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Feed, "listeners", 1)
            bench._look()
        assert "no live picture" in str(work.told["live_view"])
        assert work.told["camera_problem"] == ""
        bench._shoot("desk")
        assert work.told["busy"]
        place.close()
    assert [pair.id for pair in check_session(tmp_path / "s").pairs] == ["0001_desk"]


@pytest.mark.full
def test_the_page_asks_for_the_grey_card_and_shoot_goes_on(tmp_path):
    options = ShootOptions(retake="ask", grey_card=True, strictness="off")
    with bench_at_work(tmp_path / "s", shooter=SceneShooter(BRACKET, options)) as work:
        work.bench.ask("shoot", {})
        work.until(
            lambda now: (
                "hold the grey card into scene 'scene-001'" in str(now["prompt"])
            )
        )
        work.bench.ask("shoot", {})
        work.until(lambda now: "take the grey card out" in str(now["prompt"]))
        work.bench.ask("shoot", {})
        state = work.until(
            lambda now: not now["busy"] and now["current"] == "0001_scene-001"
        )
        assert state["prompt"] == ""
        assert work.do("shoot")["current"] == "0002_scene-001", (
            "one card for each scene"
        )
    entries = [
        json.loads((tmp_path / "s" / "pairs" / pair / "pair.json").read_text())
        for pair in ("0001_scene-001", "0002_scene-001")
    ]
    assert [entry["grey_card"] is None for entry in entries] == [False, True]


@pytest.mark.full
def test_who_leaves_while_the_card_is_awaited_leaves_the_pair_incomplete(tmp_path):
    options = ShootOptions(retake="ask", grey_card=True, strictness="off")
    with bench_at_work(tmp_path / "s", shooter=SceneShooter(BRACKET, options)) as work:
        work.bench.ask("shoot", {})
        work.until(lambda now: bool(now["prompt"]))
    assert [pair.verdict for pair in check_session(tmp_path / "s").pairs] == [
        "incomplete"
    ]


@pytest.mark.full
@pytest.mark.parametrize(("retake", "verdict"), [("auto", "accept"), ("ask", "reject")])
def test_a_rejected_pair_is_shot_again_or_left_to_the_person(tmp_path, retake, verdict):
    options = ShootOptions(retake=retake)
    small = "sim:?seed=4&width=240&height=180&fault=truncated@2"
    shooter = SceneShooter(BRACKET.model_copy(update={"shutter": "1/200"}), options)
    with bench_at_work(tmp_path / "s", small, shooter) as work:
        work.do("shoot")
        assert pairs(work)["0001_scene-001"][0] == verdict
    assert (tmp_path / "s" / "rejected").exists() == (retake == "auto")


@pytest.mark.full
def test_files_and_calibrations_are_settled_before_the_first_pair(tmp_path, refused):
    wrong = ShootOptions(files="raw")
    with (
        refused(InputError),
        bench_at_work(tmp_path / "s", shooter=SceneShooter(BRACKET, wrong)),
    ):
        pass
    with open_camera(SMALL) as camera:
        described = camera.describe()
    document = Calibration.now("exposure", described, {"apertures": {}}).to_json()
    (tmp_path / "c.json").write_text(json.dumps(document))
    options = ShootOptions(
        retake="ask", strictness="off", calibration_files=(tmp_path / "c.json",)
    )
    with bench_at_work(tmp_path / "t", shooter=SceneShooter(BRACKET, options)) as work:
        work.do("shoot")
    (shoot,) = read_state(tmp_path / "t")[0].shoots
    assert (
        tmp_path / "t" / shoot.to_json()["handling"]["calibrations"]["exposure"]["file"]
    ).is_file()


@pytest.mark.full
def test_the_page_shows_battery_and_card(tmp_path, monkeypatch):
    space = (CardSpace("/store", 64 * 10**9, 12_300_000_000, 0),)

    def told(self: SimulatedCamera) -> CameraDescription:
        return replace(described(self), battery="80%")

    described = SimulatedCamera.describe
    monkeypatch.setattr(SimulatedCamera, "describe", told)
    monkeypatch.setattr(FaultyCamera, "cards", lambda _self, **_: space, raising=False)
    with bench_at_work(tmp_path / "s") as work:
        assert work.told["supply"] == "battery 80% · card 12.3 GB free"


@pytest.mark.full
def test_the_page_offers_the_list_and_keeps_notes(tmp_path, refused):
    scenes = (ListedScene("Desk, left", "lamp 2"), ListedScene("Shelf"))
    with bench_at_work(tmp_path / "s", scene_list=scenes) as work:
        assert (work.told["title"], work.told["scene"]) == ("Desk, left", "desk-left")
        assert (work.told["note"], work.told["offered"]) == ("lamp 2", "Shelf")
        work.do("shoot")
        assert work.told["note"] == "lamp 2"
        assert work.do("next-scene")["title"] == "Shelf"
        assert work.do("next-scene", scene="Hall & stairs")["scene"] == "hall-stairs"
        work.do("note", about="0001_desk-left", text=" a bird\nflew by ")
        assert work.bench.session.notes == {
            "desk-left": "lamp 2",
            "0001_desk-left": "a bird flew by",
        }
        with refused(InputError):
            work.bench.ask("note", {"about": "../x", "text": "?"})
        work.do("note", about="desk-left", text="again tomorrow")
        work.do("next-scene", scene="Desk, left")
        assert work.do("shoot")["note"] == "again tomorrow", (
            "the list does not write over a person"
        )
        assert work.bench.session.planned["0001_desk-left"].title == "Desk, left"


@pytest.mark.full
def test_a_second_shot_is_taken_right_after_the_verdict(tmp_path, monkeypatch):
    """To make the camera ready for the next pair takes a while, in which somebody may press."""
    with bench_at_work(tmp_path / "s") as work:
        asked: list[str] = []
        prepare = SceneShooter.prepare

        def pressed(self: SceneShooter, *words: object) -> list[str]:
            if work.bench.session.complete and not asked:
                asked.append("shoot")
                work.bench.ask("shoot", {})
            return prepare(self, *words)

        monkeypatch.setattr(SceneShooter, "prepare", pressed)
        work.bench.ask("shoot", {})
        work.until(lambda now: now["current"] == "0002_scene-001" and not now["busy"])
        assert asked
    assert len(check_session(tmp_path / "s").pairs) == 2
