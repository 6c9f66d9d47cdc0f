"""What is done with every scripted body, and what must be true of it afterwards."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import pytest

from defocus.capture.camera import FileKind, Setting
from defocus.capture.exif import read_exif
from defocus.capture.judging.limits import Strictness
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
from defocus.errors import CameraError
from defocus.reports.serving.feed import Feed
from tests.capture.scripted.body import FOR_EVER, ScriptedBody

__all__ = [
    "ALL_TARGETS",
    "URI",
    "Target",
    "aim",
    "bracket_for",
    "checked",
    "kinds_of",
    "resumed_with_another_card",
    "shoot",
    "watched",
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


def bracket_for(*, mode: Literal["aperture", "focus"] = "aperture") -> BracketRequest:
    """A request that the open body can be asked, three stops apart or as far as its list goes."""
    with open_camera(URI) as camera:
        settings = camera.settings()
    apertures = sorted(values(settings["aperture"]).items(), key=lambda item: item[1])
    wide = min(apertures, key=lambda item: abs(item[1] - 5.6))
    narrow = min(apertures, key=lambda item: abs(item[1] - 16.0))
    shutter = _nearest(settings["shutter"], 1 / 100)
    iso = _nearest(settings["iso"], 200.0) if "iso" in settings else None
    return BracketRequest(
        wide[0],
        narrow[0],
        shutter=shutter,
        iso=iso,
        order="blurry-first",
        mode=mode,
        focus_steps=(40,) if mode == "focus" else (),
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
) -> int:
    """Shoot pairs of one scene; the exit code.

    Args:
        root: The session.
        request: The shots.
        kind: Format of the files.
        pairs: How many.
        judged: Whether pictures are compared too; files, EXIF and decoding always are.
    """
    strictness: Strictness = "strict" if judged else "off"
    options = ShootOptions(repeat=pairs, files=kind, retake="never", strictness=strictness)
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
    for pair in found:
        roles = pair.metadata["roles"]
        for role in ("blurry", "sharp"):
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
    assert len(set(used)) == len(used) == 2 * pairs, "a picture is used twice"
    ours = sum(shot.by == "computer" for shot in body.shots)
    assert ours <= 2 * pairs + spare, f"{ours} releases for {pairs} pairs"


def _taken(body: ScriptedBody, path: Path) -> int:
    content = path.read_bytes()
    return next(n for n, contents in body.contents.items() if content in contents)


def _alike(taken: Sequence[float], wanted: Sequence[float]) -> bool:
    return all(abs(math.log2(a / b)) < 0.13 for a, b in zip(taken, wanted, strict=True))
