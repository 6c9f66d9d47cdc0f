"""What is done with every scripted body, and what must be true of it afterwards."""

import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import pytest

from defocus.capture.camera import FileKind, Setting
from defocus.capture.links.back_ends import open_camera
from defocus.capture.planning.labels import values
from defocus.capture.planning.request import BracketRequest
from defocus.capture.sessions.session import read_session
from defocus.errors import CameraError, InputError
from defocus.pictures.metadata import read_exif
from tests.capture import shooting
from tests.capture.scripted.body import ScriptedBody
from tests.capture.scripted.faults import PAIRS, begin, end, spare_of
from tests.capture.scripted.script import read_script
from tests.capture.shooting import resume

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

    entry = next(
        (body.script.entries[n] for n in FORMATS if n in body.script.entries), None
    )
    kinds: tuple[FileKind, ...] = ("jpeg", "raw", "raw+jpeg")
    formats = [kind for kind in kinds if entry and format_choice(entry.choices, kind)]
    return [*formats] or [None]


def bracket_for(
    *, mode: Literal["aperture", "focus"] = "aperture", fault: str = ""
) -> BracketRequest:
    """A request that the open body can be asked, three stops apart or as far as its list goes.

    With a fault that happens at some values only, they are asked for."""
    with open_camera(URI) as camera:
        settings = camera.settings()
    apertures = sorted(values(settings["aperture"]).items(), key=lambda item: item[1])
    wide, narrow = (
        min(apertures, key=lambda item: abs(item[1] - wanted))[0]
        for wanted in (WIDE.get(fault, 5.6), 16.0)
    )
    shutter = _nearest(settings["shutter"], SECONDS.get(fault, 1 / 100))
    iso = _nearest(settings["iso"], 200.0) if "iso" in settings else None
    steps = (STEPS.get(fault, 40),) if mode == "focus" else ()
    order = "blurry-first"
    return BracketRequest(
        blurry=wide, sharp=narrow, shutter=shutter, iso=iso, order=order, mode=mode,
        focus_steps=steps,
    )  # fmt: skip


def _nearest(setting: Setting, number: float) -> str:
    numbers = values(setting)
    return min(numbers, key=lambda word: abs(math.log2(numbers[word] / number)))


def meetings(
    scripts: Iterable[Path], *kinds: Iterable[str], but: Mapping[str, str] | None = None
) -> list[Any]:
    """Each body with each fault of some kinds that its script names; bodies left out, and why."""
    return [
        pytest.param(path, fault, id=f"{path.stem}-{fault}")
        for path in scripts
        for fault in read_script(path).faults
        if any(fault in kind for kind in kinds) and path.stem not in (but or {})
    ] + [
        pytest.param(None, "", id=name, marks=pytest.mark.skip(reason=f"{name}: {why}"))
        for name, why in (but or {}).items()
    ]


def shoot(
    root: Path,
    request: BracketRequest,
    kind: FileKind | None,
    pairs: int = 1,
    *,
    judged: bool = False,
    keep_on_camera: bool = True,
) -> None:
    """Shoot pairs of one scene; files, EXIF and decoding are always checked, pictures if judged."""
    strictness = "strict" if judged else "off"
    shooting.shoot(
        root, URI, request, repeat=pairs, files=kind, retake="never", strictness=strictness,
        keep_on_camera=keep_on_camera,
    )  # fmt: skip


def shot_with(body: ScriptedBody, fault: str, root: Path, pairs: int = 1) -> bool:
    """Shoot with a fault: the pairs are right, or (False) one line says what to do."""
    request, keep = bracket_for(fault=fault), fault != "hangs-at-delete"
    kind = "raw" if fault in ("words-lie", "duplicate-names") else kinds_of(body)[-1]
    expected = begin(body, fault)
    if expected == PAIRS:
        shoot(root, request, kind, pairs, keep_on_camera=keep)
        checked(root, body, pairs, spare=spare_of(fault))
        return True
    with pytest.raises((CameraError, InputError), match=expected):
        shoot(root, request, kind, pairs)
    return False


def bracketed_with(body: ScriptedBody, fault: str, root: Path) -> None:
    """Shoot a focus bracket with a fault: the pair is right and the lens is back where it was.

    Or there is one line that says what to do, and ``resume`` goes on once the fault is over."""
    request, spare = bracket_for(mode="focus", fault=fault), spare_of(fault)
    expected = begin(body, fault)
    if expected == PAIRS:
        shoot(root, request, quickest(body, fault))
        assert body.focus == 0, "the lens is not where it was"
    else:
        with pytest.raises((CameraError, InputError), match=expected):
            shoot(root, request, quickest(body, fault))
        end(body, fault)
        spare = len(body.shots)
        if not root.exists():
            return
        assert resume(root) == 0
    checked(root, body, 1, spare=spare)


def quickest(body: ScriptedBody, fault: str) -> FileKind | None:
    """The format in which pairs are shot with a fault: JPEG, unless RAW is what it is about."""
    if fault in ("words-lie", "duplicate-names"):
        return "raw"
    kinds = kinds_of(body)
    return (
        kinds[-1]
        if fault in ("late-companion", "untold", "long-exposure")
        else kinds[0]
    )


def checked(root: Path, body: ScriptedBody, pairs: int, *, spare: int = 0) -> None:
    """Every pair is there, exposed as asked, of pictures that were taken for it, each used once.

    The computer may have asked for some spare pictures besides."""
    session_pairs = read_session(root).pairs
    assert [pair.metadata["verdict"] for pair in session_pairs] == ["accept"] * pairs
    used: list[int] = []
    planned = 0
    for pair in session_pairs:
        roles = pair.metadata["roles"]
        assert {"blurry", "sharp"} <= set(roles)
        planned += len(roles)
        for role in roles:  # a focus bracket has a third
            names = [roles[role]["file"], *roles[role]["other_files"]]
            files = [root / "pairs" / pair.id / name for name in names]
            assert len({_taken(body, path) for path in files}) == 1, (
                "files of two pictures"
            )
            number = _taken(body, files[0])
            shot = body.shots[number]
            assert shot.by == "computer"
            assert len(files) == len(shot.files), "a file of the picture is missing"
            wanted = tuple(
                roles[role]["true"][name] for name in ("f_number", "seconds", "iso")
            )
            assert _alike(shot.exposed, wanted), (
                f"{role}: {shot.exposed}, asked was {wanted}"
            )
            assert math.isclose(
                read_exif(files[0]).f_number or 0, shot.exposed[0], rel_tol=0.01
            )
            used.append(number)
    assert len(set(used)) == len(used) == planned, "a picture is used twice"
    released = sum(shot.by == "computer" for shot in body.shots)
    assert released <= planned + spare, f"{released} releases for {pairs} pairs"


def _taken(body: ScriptedBody, path: Path) -> int:
    content = path.read_bytes()
    return next(n for n, contents in body.contents.items() if content in contents)


def _alike(taken: Sequence[float], wanted: Sequence[float]) -> bool:
    return all(abs(math.log2(a / b)) < 0.13 for a, b in zip(taken, wanted, strict=True))
