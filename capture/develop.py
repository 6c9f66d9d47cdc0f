"""Develop the pairs of a session, both pictures with equal parameters and white balance.

Originals are read, never changed; ``pairs:DIR`` is a dataset of the result."""

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from defocus import __version__
from defocus.capture.develop_settings import DevelopSettings
from defocus.capture.sessions.lines import StoredFile
from defocus.capture.sessions.session import file_problem, read_state
from defocus.capture.sessions.state import CompletePair, file_path
from defocus.cluster.dispatcher import each
from defocus.errors import DatasetError, ImageError
from defocus.pictures import picture_name
from defocus.pictures.carried import (
    LeftBehind,
    dressed,
    left_behind,
    saying_colours,
    true_of_colours,
)
from defocus.pictures.metadata import read_metadata
from defocus.pictures.raw import (
    RAW_SUFFIXES,
    develop_raw,
    has_second_frame,
    shot_white_balance,
)
from defocus.pictures.read import read_image
from defocus.pictures.values import (
    Image,
    as_float,
    as_integer,
    linear_to_srgb,
    srgb_to_linear,
)
from defocus.pictures.write import encoded_lossless
from defocus.processes.isolation import LeftOut
from defocus.processes.machines import Where
from defocus.progress import say, track
from defocus.reading import Json, intact, read_json
from defocus.scene.thin_lens import exposure_difference_ev
from defocus.storage.files import (
    make_folder,
    sha256_file,
    unfinished,
    write_bytes,
    write_json,
)


def encode_developed(picture: Image, source: Path, *, linear: bool) -> bytes:
    """Encode a picture that says its light if linear, else the original's colours, or sRGB."""
    metadata = true_of_colours(read_metadata(source), converted=linear)
    content = dressed(encoded_lossless(picture), metadata)
    return saying_colours(content, linear=linear)


SECOND_VIEW = "second_view"


@dataclass(frozen=True)
class PairTask:
    """One pair to develop: session folder, output folder, pair, settings."""

    root: Path
    out: Path
    pair: CompletePair
    settings: DevelopSettings

    @property
    def record(self) -> Path:
        """The file whose presence marks the pair as finished."""
        return self.out / "records" / f"{self.pair.id}.json"

    def picture(self, kind: str) -> Path:
        """Path of the developed picture of a kind of shot."""
        return self.out / kind / picture_name(self.pair.id)


def is_developed(task: PairTask) -> bool:
    """Whether there is a record of the same originals, with pictures of the right sizes."""
    try:
        record = read_json(task.record)
        hashes = {stored.name: stored.sha256 for stored in task.pair.files}
        for source in record["sources"].values():
            if hashes.get(source["file"]) != source["sha256"]:
                return False
        for kind, picture in record["pictures"].items():
            if task.picture(kind).stat().st_size != picture["bytes"]:
                return False
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return False  # not there, or not whole: it is made again
    return True


def developed_files(task: PairTask) -> Iterator[tuple[Path, Path]]:
    """Each original of a developed pair, with the picture that was made of it."""
    for kind, source in read_json(task.record)["sources"].items():
        yield file_path(task.root, task.pair.id, source["file"]), task.picture(kind)


def develop_pair(task: PairTask) -> None:
    """Develop all shots of a pair, then write the record."""
    sources = _sources(task)
    for kind in sources:
        make_folder(task.out / kind)
    balance = _white_balance(task, sources)
    gains_ev = _gains_ev(task, sources)
    pictures: Json = {}
    for kind, path in sources.items():
        picture = _picture(path, balance, task.settings, gains_ev[kind])
        pictures[kind] = _write(task, kind, path, picture)
        if task.settings.dual_pixel:
            kind_of_view = f"{kind}_{SECOND_VIEW}"
            make_folder(task.out / kind_of_view)
            view = _second_view(path, balance, task.settings, gains_ev[kind])
            pictures[kind_of_view] = _write(task, kind_of_view, path, view)
    make_folder(task.record.parent)
    write_json(
        task.record, {**_record(task, sources, balance, pictures), "gain_ev": gains_ev}
    )


def _sources(task: PairTask) -> dict[str, Path]:
    """The originals by kind of shot; each is checked to be unchanged and within the pair."""
    stored = {entry.name: entry for entry in task.pair.files}
    path = file_path(task.root, task.pair.id, "pair.json")
    _require_unchanged(task, stored["pair.json"])
    members = {"blurry": task.pair.blurry, "sharp": task.pair.sharp}
    with _readable(path):
        roles = read_json(path)["roles"]
        names = dict(members)
        for role, shot in roles.items():
            if role not in members:
                names[role] = str(shot["file"])
    sources = {}
    for role, name in names.items():
        if name not in stored or not role.replace("-", "").replace("_", "").isalnum():
            raise DatasetError(
                f"{path}: '{role}' is '{name}', which is not one of the pair's files"
            )
        _require_unchanged(task, stored[name])
        sources[role] = file_path(task.root, task.pair.id, name)
    return sources


def _require_unchanged(task: PairTask, stored: StoredFile) -> None:
    if problem := file_problem(task.root, task.pair.id, stored):
        folder = task.root / "pairs" / task.pair.id
        raise DatasetError(f"{folder}: {problem}; restore the file from a copy")


@contextlib.contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise DatasetError(
            f"{path}: cannot be read ({error}); restore it from a copy"
        ) from error


def _gains_ev(task: PairTask, kinds: Iterable[str]) -> dict[str, float]:
    """Exposure correction of each shot to match the sharp one, EV."""
    gains = dict.fromkeys(kinds, 0.0)
    wanted = task.settings.match_exposure
    if wanted == "none":
        return gains
    path = file_path(task.root, task.pair.id, "pair.json")
    with _readable(path):
        entry = read_json(path)
        true = {kind: _true(entry["roles"][kind]) for kind in gains}
        gains = {
            kind: -exposure_difference_ev(true[kind], true["sharp"]) for kind in gains
        }
        measured = entry["quality"].get("measured_ev")
    if wanted == "measured":
        if not isinstance(measured, float):
            raise DatasetError(
                f"{path}: the exposure of this pair was not measured; use --match-exposure nominal"
            )
        gains["blurry"] = -measured
    return gains


def _true(role: Mapping[str, Any]) -> tuple[float, float, float]:
    """True f-number, seconds and ISO of a shot."""
    true = role["true"]
    return float(true["f_number"]), float(true["seconds"]), float(true["iso"])


def _white_balance(task: PairTask, sources: Mapping[str, Path]) -> list[float] | None:
    """The sharp shot's multipliers for all shots; None if no shot is RAW."""
    raw = {role for role, path in sources.items() if path.suffix in RAW_SUFFIXES}
    if raw and raw != sources.keys():
        others = ", ".join(sorted(sources.keys() - raw))
        raise DatasetError(
            f"{task.pair.id}: {others} not RAW but the rest is; the pair cannot be developed alike"
        )
    return shot_white_balance(sources["sharp"]) if raw else None


def _picture(
    path: Path, balance: list[float] | None, settings: DevelopSettings, gain_ev: float
) -> Image:
    if balance is not None:
        return _developed(path, balance, settings, gain_ev)
    picture = read_image(path)
    as_it_is = not settings.linear and picture.dtype.itemsize * 8 == settings.bits
    if as_it_is and gain_ev == 0.0:
        return picture
    values = as_float(picture, np.float64)
    if gain_ev == 0.0 and not settings.linear:
        return as_integer(values, settings.bits)
    return _encoded(srgb_to_linear(values), settings, gain_ev)


def _developed(
    path: Path,
    balance: list[float],
    settings: DevelopSettings,
    gain_ev: float,
    frame: int = 0,
) -> Image:
    if gain_ev == 0.0:
        picture = develop_raw(path, balance, linear=settings.linear, frame=frame)
        return picture if settings.bits == 16 else as_integer(as_float(picture), 8)
    linear = develop_raw(path, balance, linear=True, frame=frame)
    return _encoded(as_float(linear, np.float64), settings, gain_ev)


def _encoded(
    linear: NDArray[np.floating[Any]], settings: DevelopSettings, gain_ev: float
) -> Image:
    """Encode linear light with an exposure correction, clipped at white."""
    light = np.minimum(linear * 2.0**gain_ev, 1.0)
    return as_integer(
        light if settings.linear else linear_to_srgb(light), settings.bits
    )


def _second_view(
    path: Path, balance: list[float] | None, settings: DevelopSettings, gain_ev: float
) -> Image:
    if balance is None or not has_second_frame(path):
        raise ImageError(
            f"{path}: has no second frame, or one identical to the first; "
            "it is not a dual-pixel RAW, so leave out --dual-pixel"
        )
    return _developed(path, balance, settings, gain_ev, frame=1)


def _write(task: PairTask, kind: str, source: Path, picture: Image) -> Json:
    target = task.picture(kind)
    write_bytes(target, encode_developed(picture, source, linear=task.settings.linear))
    return {"sha256": sha256_file(target), "bytes": target.stat().st_size}


def _record(
    task: PairTask,
    sources: Mapping[str, Path],
    balance: list[float] | None,
    pictures: Mapping[str, Any],
) -> Json:
    hashes = {stored.name: stored.sha256 for stored in task.pair.files}
    return {
        "schema": 1,
        "pair": task.pair.id,
        "scene": task.pair.scene,
        "settings": task.settings.model_dump(),
        "white_balance": balance,
        "sources": {
            role: {"file": path.name, "sha256": hashes[path.name]}
            for role, path in sources.items()
        },
        "pictures": dict(pictures),
    }


SCHEMA = 1


@dataclass(frozen=True)
class Developed:
    """Result of developing a session, as ids of pairs, and what the pictures lack."""

    developed: tuple[str, ...]
    kept: tuple[str, ...]
    failed: tuple[str, ...]
    lacking: tuple[LeftBehind, ...] = ()


def develop_session(root: Path, out: Path, settings: DevelopSettings) -> Developed:
    """Develop every complete, accepted pair; finished ones are kept.

    A pair that cannot be developed is reported in one line on stderr; the others continue."""
    state, _ = read_state(root)
    if not state.accepted:
        raise DatasetError(
            f"{root}: no accepted pair; see 'defocus-capture check {root}'"
        )
    order = {"schema": SCHEMA, "session": state.id, "settings": settings.model_dump()}
    _claim(out, order)
    for left in out.glob("*/.*.part.*"):  # of killed runs; nobody else writes there
        left.unlink(missing_ok=True)
    tasks = {}
    new = {}
    for pair in state.accepted:
        task = PairTask(root.absolute(), out.absolute(), pair, settings)
        tasks[pair.id] = task
        if not is_developed(task):
            new[pair.id] = task
    before = sorted(tasks.keys() - new)
    failed = sorted({*_develop_all(new, settings.where)})
    for name in failed:
        del tasks[name], new[name]
    return Developed(
        tuple(new),
        tuple(before),
        tuple(failed),
        left_behind(chain.from_iterable(map(developed_files, tasks.values()))),
    )


def _claim(out: Path, document: Json) -> None:
    """Claim ``out`` for this session and these settings, or recognise it."""
    marker = out / "develop.json"
    if marker.is_file():
        with intact(marker, "choose another --out", DatasetError):
            before = read_json(marker)
            same = all(before[key] == value for key, value in document.items())
        if not same:
            raise DatasetError(
                f"{out}: was developed from another session or with other settings "
                f"({before.get('settings')}); choose another --out"
            )
        return
    begun = unfinished(out, [marker.name])  # by a killed run
    if out.is_file() or (out.is_dir() and set(out.iterdir()) - set(begun)):
        raise DatasetError(f"{out}: holds other files; choose a new folder for --out")
    make_folder(out)
    write_json(marker, {**document, "software": _software()})


def _software() -> dict[str, str]:
    import rawpy

    return {
        "defocus": __version__,
        "rawpy": version("rawpy"),
        "libraw": ".".join(map(str, rawpy.libraw_version)),
    }


def _develop_all(tasks: Mapping[str, PairTask], where: Where) -> Iterator[str]:
    """Develop all pairs; yield the ids of those that failed."""
    results = each(develop_pair, tasks, where, may_crash=True)
    for name, result in track(results, "developing", total=len(tasks)):
        if isinstance(result, LeftOut):
            say(f"{name}: {result.reason}", error=True)
            yield name
