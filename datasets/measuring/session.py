"""What pairs of one session share: one zoom of the refocused lens, one asymmetry of its PSF."""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import Any, Literal

from defocus.align.flow.estimator import FlowEstimator
from defocus.align.registration.session import OwnZoom, SessionLens, session_lens
from defocus.datasets.measuring.kept import measured_pair, pair_keys
from defocus.datasets.opening import require_one_size
from defocus.datasets.pair import Dataset, Pair
from defocus.errors import DatasetError, FileError
from defocus.pictures.headers import SUFFIXES
from defocus.pictures.metadata import read_exif
from defocus.processes.isolation import LeftOut, attempt
from defocus.progress import counted, printable, say, track

CAMERA_OPTICS = ("model", "lens", "focal_length_mm")
"""What decides a pair's zoom; the distance in focus does too, unless the camera keeps it."""
CAMERAS = ("camera", "sharp_camera")
ROLES = ("blurry", "sharp")

JPEG_SUFFIXES, TIFF_SUFFIXES = (frozenset(SUFFIXES[kind]) for kind in ("JPEG", "TIFF"))


@dataclass(frozen=True)
class PairSession:
    """The session of a pair; pairs with equal values belong to one session."""

    optics: str  # what decides a pair's zoom, as far as it is known
    # a capture session's journal, or the EXIF of both files
    by: Literal["journal", "EXIF"]
    camera: str  # model, lens and focal length, to be shown
    one_change: bool  # else an unknown pair has nothing to contradict the others' zoom
    same_focus: bool  # only the aperture was changed


# Few cameras write in EXIF where they were focused, and they round it: within a tenth of 1 m a 50
# mm lens zooms by half a per cent. So EXIF never says that the zoom is 1. What distinguishes one
# body from another of its model (serial number, battery) decides nothing: a session goes on after
# a battery was changed, and what names a session may be published.
def sessions_of(pairs: Sequence[Pair]) -> dict[str, PairSession]:
    """The session of each pair with a sharp member and known cameras, by the pair's id."""
    read = cache(_optics_of)
    session_of: dict[str, PairSession] = {}
    for pair in pairs:
        session = None
        if "camera" in pair.metadata:
            session = _by_journal(pair.metadata)
        elif pair.sharp is not None:
            session = _by_exif(read(pair.blurry), read(pair.sharp))
        if session is not None:
            session_of[pair.id] = session
    return session_of


def _by_journal(metadata: Mapping[str, Any]) -> PairSession:
    """The session by what decides a pair's zoom, as far as its metadata state it."""
    # imported pictures do not say whether the focus is known
    one_change = metadata.get("focus_known") is not False
    same_focus = one_change and metadata.get("mode") == "aperture"
    names = CAMERA_OPTICS if same_focus else (*CAMERA_OPTICS, "focus_distance_mm")
    facts: dict[str, object] = {}
    shown = []
    for name in CAMERAS:
        body = metadata.get(name)
        facts[name] = None
        if isinstance(body, Mapping):
            facts[name] = {optic: body.get(optic) for optic in names}
            shown.append(_shown(*(body.get(optic) for optic in CAMERA_OPTICS)))
    facts |= {name: metadata.get(name) for name in ("mode", "focus_steps")}
    roles = metadata.get("roles")
    if isinstance(roles, Mapping):
        for role in ROLES:
            facts |= _role_facts(role, roles.get(role))
    return PairSession(
        json.dumps(facts, sort_keys=True, default=str),
        "journal",
        " and ".join(shown),
        one_change=one_change,
        same_focus=same_focus,
    )


def _role_facts(role: str, shot: object) -> dict[str, object]:
    """Facts in the metadata of one role that decide its zoom."""
    if not isinstance(shot, Mapping):
        return {}
    true = shot.get("true")
    exif = shot.get("exif")
    aperture = true.get("f_number") if isinstance(true, Mapping) else None
    facts: dict[str, object] = {f"{role} aperture": aperture}
    if isinstance(exif, Mapping):
        facts[f"{role} focal length"] = exif.get("focal_length_mm")
    return facts


@dataclass(frozen=True)
class _Optics:
    """What the EXIF of one picture says of its camera."""

    model: str
    lens: str
    focal_length_mm: float
    f_number: float
    distance_m: float | None

    @property
    def same(self) -> tuple[str, str, float]:
        """What both pictures of a pair share."""
        return self.model, self.lens, self.focal_length_mm


def _by_exif(blurry: _Optics | None, sharp: _Optics | None) -> PairSession | None:
    if blurry is None or sharp is None or blurry.same != sharp.same:
        return None
    facts = [blurry.same, [(one.f_number, one.distance_m) for one in (blurry, sharp)]]
    focused = blurry.distance_m is not None and sharp.distance_m is not None
    camera = _shown(*blurry.same)
    return PairSession(
        json.dumps(facts), "EXIF", camera, one_change=focused, same_focus=False
    )


def _shown(model: object, lens: object, focal_length_mm: object) -> str:
    focal = ""
    if isinstance(focal_length_mm, int | float):
        focal = f"{focal_length_mm:g} mm"
    return ", ".join(str(one) for one in (model, lens, focal) if one)


def _optics_of(file: Path) -> _Optics | None:
    """What a file's EXIF says; None if it lacks camera, focal length or aperture."""
    if file.suffix.lower() not in JPEG_SUFFIXES | TIFF_SUFFIXES:
        return None
    try:
        exif = read_exif(file)
    except (FileError, OSError):
        return None
    if not exif.model or exif.focal_length_mm is None or exif.f_number is None:
        return None
    return _Optics(
        exif.model,
        exif.lens or "",
        exif.focal_length_mm,
        exif.f_number,
        exif.focus_distance_m,
    )


NAMED = "--session"
"""Option that names a session if its pairs do not."""


@dataclass(frozen=True)
class PooledSession:
    """Pairs of one session (ids), what they share, and what became of them."""

    by: str  # ``journal``, ``EXIF`` or ``--session``
    camera: str  # model, lens and focal length; empty if nothing says them
    pairs: tuple[str, ...]
    alone: tuple[str, ...]  # known by themselves
    lens: SessionLens | None
    contradicting: tuple[
        str, ...
    ] = ()  # their own zoom is clearly another one; they keep it
    worth: tuple[str, ...] = ()  # worth measuring again with what all share
    measured: tuple[str, ...] = ()  # measured with it
    answered: tuple[str, ...] = ()  # known only thanks to it

    def to_json(self) -> dict[str, Any]:
        """One of the objects ``sessions`` of an audit."""
        return {
            "by": self.by,
            "camera": self.camera or None,
            "pairs": list(self.pairs),
            "known_alone": len(self.alone),
            "shared": None if self.lens is None else self.lens.to_json(),
            "measured_with_it": list(self.measured),
            "answered_thanks_to_it": list(self.answered),
            "contradicting": list(self.contradicting),
        }

    @property
    def shared(self) -> str:
        """What the pairs share, in words."""
        if self.lens is None:
            return f"nothing shared, {len(self.alone)} known alone"
        zoom = self.lens.zoom
        spread = self.lens.asymmetry
        if zoom is not None and zoom.sigma == 0:
            return "only the aperture changed, so zoom is taken as 1"
        parts = [f"zoom {zoom.value:.5f} ± {zoom.sigma:.5f}"] if zoom else []
        # of a point in the blurry member, which is displaced against the flow
        parts += (
            [f"asymmetry {-spread.value:z.3f} ± {spread.sigma:.3f}"] if spread else []
        )
        return f"{', '.join(parts)}, from {counted(self.lens.pairs, 'pair')}"

    @property
    def title(self) -> str:
        """What makes it a session, and its number of pairs."""
        camera = f" ({printable(self.camera)})" if self.camera else ""
        return f"session of {counted(len(self.pairs), 'pair')} by {self.by}{camera}"

    @property
    def contradictions(self) -> str:
        """How many pairs contradict it, in words."""
        count = len(self.contradicting)
        return f"{count} {'contradicts' if count == 1 else 'contradict'} it"

    @property
    def outcome(self) -> str:
        """What became of the pairs, in words; empty if it is used for all and nothing is odd."""
        said = []
        if len(self.measured) < len(self.pairs):
            said.append(f"used for {len(self.measured)} of them")
        if self.answered:
            said.append(f"{counted(len(self.answered), 'pair')} unknown without it")
        if self.contradicting:
            said.append(self.contradictions)
        return ", ".join(said)


def measured_lens(
    dataset: Dataset, estimator: FlowEstimator, blurry: Path
) -> tuple[SessionLens, tuple[LeftOut, ...]]:
    """What the pairs of one session share, and those that are unreadable; three must be known."""
    # If the blurry picture is in the dataset, whose pairs are of several sessions, its own counts.
    pairs, session = _of_one_session(dataset, blurry)
    keys = pair_keys(dataset, estimator)
    own: dict[str, OwnZoom] = {}
    left_out = []
    for pair in track(pairs, f"measuring {dataset.name}"):
        zoom = partial(_own_zoom, pair, estimator, keys[pair.id])
        measured = attempt(pair.id, zoom)
        if isinstance(measured, LeftOut):
            left_out.append(measured)
        else:
            own[pair.id] = measured
    pooled = _pooled(session, list(own), own)
    if pooled.lens is None:
        raise DatasetError(
            f"{dataset.name}: the misalignment of {len(pooled.alone)} of {len(pairs)} pairs is "
            "known; a session shares its zoom from three on"
        )
    say(f"{pooled.title}: {pooled.shared}; {pooled.contradictions}")
    return pooled.lens, tuple(left_out)


def _own_zoom(pair: Pair, estimator: FlowEstimator, key: str) -> OwnZoom:
    require_one_size([pair])
    *_, measurement = measured_pair(pair, estimator, key)
    return OwnZoom.of(measurement.registration, measurement.shape)


def _of_one_session(
    dataset: Dataset, blurry: Path
) -> tuple[list[Pair], PairSession | None]:
    """All pairs, or those of the picture's session if there are several; and what all share."""
    pairs = [pair for pair in dataset.pairs if pair.sharp is not None]
    session_of = sessions_of(pairs)
    several = set(session_of.values())
    if len(several) < 2:
        return pairs, next(iter(several)) if len(session_of) == len(pairs) > 0 else None
    for pair in pairs:
        session = session_of.get(pair.id)
        if session is not None and pair.blurry.resolve() == blurry.resolve():
            return [one for one in pairs if session_of.get(one.id) == session], session
    raise DatasetError(
        f"{dataset.name}: its pairs are of {len(several)} sessions by camera, lens, aperture and "
        f"focus, and {blurry.name} is not one of them; give a dataset of one session"
    )


def pooled_sessions(
    session_of: Mapping[str, PairSession], own: Mapping[str, OwnZoom]
) -> tuple[PooledSession, ...]:
    """The sessions, by pair id, with several measured pairs or with something that they share."""
    members: dict[PairSession, list[str]] = {}
    for name, session in session_of.items():
        if name in own:
            members.setdefault(session, []).append(name)
    pooled = (_pooled(session, names, own) for session, names in members.items())
    return tuple(one for one in pooled if one.lens is not None or len(one.pairs) > 1)


def _pooled(
    session: PairSession | None, names: Sequence[str], own: Mapping[str, OwnZoom]
) -> PooledSession:
    still = session is not None and session.same_focus
    by, camera = (NAMED, "") if session is None else (session.by, session.camera)
    lens = session_lens([own[name] for name in names], same_focus=still, by=by)
    alone = tuple(name for name in names if own[name].zoom is not None)
    pooled = PooledSession(by, camera, tuple(names), alone, lens)
    if lens is None:
        return pooled
    one_change = session is None or session.one_change
    candidates = names if one_change else alone
    return replace(
        pooled,
        contradicting=tuple(name for name in alone if own[name].contradicts(lens)),
        worth=tuple(name for name in candidates if own[name].gains(lens)),
    )


def lenses_of(sessions: Iterable[PooledSession]) -> dict[str, SessionLens]:
    """What its session shares, by the id of each pair that is worth measuring with it."""
    return {
        name: session.lens
        for session in sessions
        if session.lens is not None
        for name in session.worth
    }


def say_sessions(
    sessions: Iterable[PooledSession], measured: Collection[str]
) -> tuple[PooledSession, ...]:
    """Print the sessions, and return them with outcomes; ``measured`` are pairs that use them."""
    ended = []
    for session in sessions:
        names = tuple(name for name in session.worth if name in measured)
        by_themselves = frozenset(session.alone)
        answered = tuple(name for name in names if name not in by_themselves)
        ended.append(replace(session, measured=names, answered=answered))
        if session.lens is not None:
            say(
                "; ".join(
                    filter(
                        None, (f"{session.title}: {session.shared}", ended[-1].outcome)
                    )
                )
            )
    alone = [session for session in ended if session.lens is None]
    if alone:
        pairs = counted(sum(len(session.pairs) for session in alone), "pair")
        say(
            f"{counted(len(alone), 'session')} of {pairs} that share nothing: fewer than three "
            "pairs of each are known alone, or they contradict each other"
        )
    return tuple(ended)
