"""What is done with every scripted body, and what must be true of it afterwards."""

import math
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

import pytest

from defocus.capture.camera import FileKind, Setting
from defocus.capture.links.back_ends import open_camera
from defocus.capture.live import preview_pace
from defocus.capture.live.bench import ShootingThread
from defocus.capture.live.camera_slot import CameraSlot
from defocus.capture.live.scenes import SceneShooter
from defocus.capture.planning.labels import values
from defocus.capture.planning.request import BracketRequest
from defocus.capture.sessions.folder import open_session_folder
from defocus.capture.sessions.session import read_session
from defocus.capture.taking.resuming import resume_session
from defocus.capture.taking.running import ShootOptions, shoot_new
from defocus.capture.taking.shots.rig import RigAddress, open_rig
from defocus.errors import CameraError, InputError
from defocus.exif import read_exif
from defocus.reports.serving.feed import Feed
from tests.capture.scripted.armed import FOR_EVER
from tests.capture.scripted.body import ScriptedBody
from tests.capture.scripted.faults import begin, end, spare_of

__all__ = [
    "ALL_TARGETS",
    "URI",
    "Target",
    "aim",
    "bracket_for",
    "bracketed_with",
    "checked",
    "kinds_of",
    "quickest",
    "resumed_with_another_card",
    "shoot",
    "watched",
    "watched_with",
]

Target = Literal["card", "ram", "both"]
ALL_TARGETS: tuple[Target, ...] = ("card", "ram", "both")
URI = "gphoto2:"

WORDS: dict[Target, tuple[str, ...]] = {
    "card": ("Memory card",),
    "ram": ("Internal RAM", "sdram"),
    "both": ("card+sdram",),
}
FORMATS = ("imageformat", "imagequality")

WIDE = {"some-stops-cannot-be-set": 6.3}
SECONDS = {"long-exposure": 4.0}
STEPS = {"focus-drive-limit": 150, "focus-drive-too-small": 53}
"""What is asked for where another value does not meet the fault: f-number, seconds, steps."""


def aim(body: ScriptedBody, target: Target) -> bool:
    """Have a body know one target only; False where it does not have that one."""
    entry = body.script.entries.get("capturetarget")
    if entry is None:
        return target == "card" and bool(body.script.folder)
    word = next((word for word in WORDS[target] if word in entry.choices), None)
    if word is not None:
        body.narrow("capturetarget", word)
    return word is not None


def kinds_of(body: ScriptedBody) -> list[FileKind | None]:
    """The formats that can be set by words; None = as it stands, where words say nothing."""
    from defocus.capture.links.gphoto2.setting_names import format_choice

    entry = next((body.script.entries[n] for n in FORMATS if n in body.script.entries), None)
    kinds: tuple[FileKind, ...] = ("jpeg", "raw", "raw+jpeg")
    found = [kind for kind in kinds if entry and format_choice(entry.choices, kind)]
    return [*found] or [None]


def bracket_for(
    *, mode: Literal["aperture", "focus"] = "aperture", fault: str = ""
) -> BracketRequest:
    """A request that the open body can be asked, three stops apart or as far as its list goes.

    Args:
        mode: What causes the blur.
        fault: One that happens at some values only: they are asked for.
    """
    with open_camera(URI) as camera:
        settings = camera.settings()
    apertures = sorted(values(settings["aperture"]).items(), key=lambda item: item[1])
    wide = min(apertures, key=lambda item: abs(item[1] - WIDE.get(fault, 5.6)))
    narrow = min(apertures, key=lambda item: abs(item[1] - 16.0))
    shutter = _nearest(settings["shutter"], SECONDS.get(fault, 1 / 100))
    iso = _nearest(settings["iso"], 200.0) if "iso" in settings else None
    return BracketRequest(
        wide[0],
        narrow[0],
        shutter=shutter,
        iso=iso,
        order="blurry-first",
        mode=mode,
        focus_steps=(STEPS.get(fault, 40),) if mode == "focus" else (),
    )


def _nearest(setting: Setting, number: float) -> str:
    known = values(setting)
    return min(known, key=lambda word: abs(math.log2(known[word] / number)))


def shoot(
    root: Path,
    request: BracketRequest,
    kind: FileKind | None,
    pairs: int = 1,
    *,
    judged: bool = False,
    keep_on_camera: bool = True,
) -> int:
    """Shoot pairs of one scene; the exit code.

    Args:
        root: The session.
        request: The shots.
        kind: Format of the files.
        pairs: How many.
        judged: Whether pictures are compared too; files, EXIF and decoding always are.
        keep_on_camera: Whether its files stay on the card.
    """
    options = ShootOptions(
        repeat=pairs,
        files=kind,
        retake="never",
        strictness="strict" if judged else "off",
        keep_on_camera=keep_on_camera,
    )
    address = RigAddress(URI)
    return shoot_new(root, address, request, options, yes=True, json_lines=False, hook=None)


def resumed_with_another_card(root: Path, body: ScriptedBody) -> None:
    """Shoot two pairs; the card is full in the middle of the second, and ``resume`` goes on."""
    kind = kinds_of(body)[-1]
    body.room = 3
    with pytest.raises(CameraError, match="the card is full; put in another one"):
        shoot(root, bracket_for(), kind, pairs=2)
    body.room = FOR_EVER
    assert resume_session(root, uris=(), yes=True, json_lines=False, hook=None) == 0
    checked(root, body, 2, spare=1)


def watched(root: Path, body: ScriptedBody, monkeypatch: pytest.MonkeyPatch) -> None:
    """Look at the live view as far as there is one, shoot from the page, and look again."""
    shooter = SceneShooter(bracket_for(), ShootOptions(retake="never", strictness="off"))
    monkeypatch.setattr(Feed, "listeners", 1)
    monkeypatch.setattr(preview_pace, "AGAIN_SECONDS", (0.0,))
    with open_session_folder(root, create=True) as folder:
        seat = CameraSlot(lambda: open_rig(RigAddress(URI)))
        bench = ShootingThread(folder, Feed(), seat, shooter)
        bench.take_camera()
        for _ in range(2):
            bench._look()
            bench.ask("shoot", {})
            bench._do(*bench._tasks.get_nowait())
            assert (bench._state.problem, bench._state.camera_problem) == ("", "")
        seat.close()
        has_view = "preview" in body.script.abilities
        assert ("preview" in bench.feed._newest) == has_view
        assert ("no live picture" in bench._state.live_view) != has_view
    checked(root, body, 2)


def bracketed_with(body: ScriptedBody, fault: str, root: Path) -> None:
    """Shoot a focus bracket with a fault: the pair is right and the lens is back where it was.

    Or there is one line that says what to do, and ``resume`` goes on once the fault is over.
    """
    request, spare = bracket_for(mode="focus", fault=fault), spare_of(fault)
    expected = begin(body, fault)
    said = _refusal(lambda: shoot(root, request, quickest(body, fault)))
    if expected == "pairs":
        assert said == "", said
        assert body.focus == 0, "the lens is not where it was"
    else:
        assert re.search(expected, said), said or "nothing was said"
        end(body, fault)
        spare = len(body.shots)
        if not root.exists():
            return
        assert resume_session(root, uris=(), yes=True, json_lines=False, hook=None) == 0
    checked(root, body, 1, spare=spare)


def _refusal(order: Callable[[], int]) -> str:
    """What is said where an order fails; empty where it does not."""
    try:
        assert order() == 0
    except (CameraError, InputError) as error:
        return str(error)
    return ""


def quickest(body: ScriptedBody, fault: str) -> FileKind | None:
    """The format in which pairs are shot with a fault: JPEG, unless RAW is what it is about."""
    if fault in ("words-lie", "duplicate-names"):
        return "raw"
    kinds = kinds_of(body)
    return kinds[-1] if fault in ("late-companion", "untold", "long-exposure") else kinds[0]


def watched_with(
    body: ScriptedBody, fault: str, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Look at the live view with a fault and shoot from the page.

    The pair is right, or the page says what to do, and the next try goes on once it is over.
    """
    request = bracket_for(fault=fault)
    options = ShootOptions(retake="never", strictness="off", files=quickest(body, fault))
    monkeypatch.setattr(preview_pace, "AGAIN_SECONDS", (0.0,))
    monkeypatch.setattr(preview_pace, "REST_SECONDS", 0.0)
    expected, spare = begin(body, fault), spare_of(fault)
    with open_session_folder(root, create=True) as folder:
        seat = CameraSlot(lambda: open_rig(RigAddress(URI)))
        bench = ShootingThread(folder, Feed(), seat, SceneShooter(request, options))
        said = _taken_from_page(bench, monkeypatch)
        if expected == "pairs":
            assert said == "", said
        else:
            assert re.search(expected, said), said or "nothing was said"
            end(body, fault)
            spare = len(body.shots)
            assert _taken_from_page(bench, monkeypatch) == ""
        end(body, fault)
        monkeypatch.setattr(Feed, "listeners", 1)
        bench._look()
        has_view = "preview" in body.script.abilities
        assert ("preview" in bench.feed._newest) == has_view
        seat.close()
    checked(root, body, 1, spare=spare)


def _taken_from_page(bench: ShootingThread, monkeypatch: pytest.MonkeyPatch) -> str:
    """Take the camera, look, look away and shoot; what the page then says of a problem."""
    try:
        bench.take_camera()
    except (CameraError, InputError) as error:
        bench._lose_camera(error)
        return str(error)
    for listeners in (1, 1, 1, 0):
        monkeypatch.setattr(Feed, "listeners", listeners)
        bench._look()
        if bench._state.camera_problem:
            return bench._state.camera_problem
    bench.ask("shoot", {})
    bench._do(*bench._tasks.get_nowait())
    return bench._state.camera_problem or bench._state.problem


def checked(root: Path, body: ScriptedBody, pairs: int, *, spare: int = 0) -> None:
    """Every pair is there, exposed as asked, of pictures that were taken for it, each used once.

    Args:
        root: The session.
        body: Who took them.
        pairs: How many must be there.
        spare: Pictures that the computer may have asked for besides.
    """
    found = read_session(root).pairs
    assert [pair.metadata["verdict"] for pair in found] == ["accept"] * pairs
    used: list[int] = []
    planned = 0
    for pair in found:
        roles = pair.metadata["roles"]
        assert {"blurry", "sharp"} <= set(roles)
        planned += len(roles)
        for role in roles:  # a focus bracket has a third
            names = [roles[role]["file"], *roles[role]["other_files"]]
            files = [root / "pairs" / pair.id / name for name in names]
            assert len({_taken(body, path) for path in files}) == 1, "files of two pictures"
            number = _taken(body, files[0])
            shot = body.shots[number]
            assert shot.by == "computer"
            assert len(files) == len(shot.files), "a file of the picture is missing"
            wanted = tuple(roles[role]["true"][name] for name in ("f_number", "seconds", "iso"))
            assert _alike(shot.exposed, wanted), f"{role}: {shot.exposed}, asked was {wanted}"
            assert math.isclose(read_exif(files[0]).f_number or 0, shot.exposed[0], rel_tol=0.01)
            used.append(number)
    assert len(set(used)) == len(used) == planned, "a picture is used twice"
    ours = sum(shot.by == "computer" for shot in body.shots)
    assert ours <= planned + spare, f"{ours} releases for {pairs} pairs"


def _taken(body: ScriptedBody, path: Path) -> int:
    content = path.read_bytes()
    return next(n for n, contents in body.contents.items() if content in contents)


def _alike(taken: Sequence[float], wanted: Sequence[float]) -> bool:
    return all(abs(math.log2(a / b)) < 0.13 for a, b in zip(taken, wanted, strict=True))
