"""Shoot pairs into a session, back to back, each judged while the next one is shot.

The end of a scene waits for its verdicts if a rejected pair may be shot again."""

import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Self

from defocus.capture.planning.protocol import ShotProtocol
from defocus.capture.quality.limits import QualityLimits, Strictness
from defocus.capture.quality.pair_quality import Read, first_look, judge_pair
from defocus.capture.quality.quick_look import QuickLook, read_halved
from defocus.capture.quality.shot_findings import PairShots
from defocus.capture.quality.verdict import Quality
from defocus.capture.sessions.folder import SessionFolder
from defocus.capture.sessions.refetching import delete_from_card
from defocus.capture.sessions.state import CompletePair, PlannedPair
from defocus.capture.taking.shots.frames import PairTaking, TakenFrame
from defocus.capture.taking.shots.rig import SessionCameras, focus_positions
from defocus.capture.taking.shots.shooting import (
    HANDLING,
    Handling,
    TakenPair,
    take_pair,
)
from defocus.capture.taking.verdicts import judged_pair, stored_shots
from defocus.errors import DefocusError
from defocus.progress import say


@dataclass(frozen=True)
class SideVerdict:
    """Results to come for a pair: of the first look, and of all measurements."""

    first: "Future[Quality]"
    verdict: "Future[Quality]"


class SideJudge:
    """Reads shots in one thread and judges pairs in another while the camera works.

    NumPy and OpenCV compute without the interpreter's lock, so the camera's thread goes on."""

    def __init__(self) -> None:
        self._eyes = ThreadPoolExecutor(1, "reading")
        self._bench = ThreadPoolExecutor(1, "judging")
        self._seen: dict[Path, Future[QuickLook]] = {}

    def see(self, path: Path) -> None:
        """Begin to read a stored shot."""
        self._seen[path] = self._eyes.submit(read_halved, path)

    def begin(
        self, shots: PairShots, limits: QualityLimits, strictness: Strictness
    ) -> SideVerdict:
        """Begin to judge a pair; its pictures are dropped from memory afterwards."""
        read = self._reader(shots)
        for path in shots.paths.values():
            self._seen.pop(path, None)
        first = self._eyes.submit(first_look, shots, limits, strictness, read)
        return SideVerdict(
            first, self._bench.submit(judge_pair, shots, limits, strictness, read)
        )

    def _reader(self, shots: PairShots) -> Read:
        """Reads the shots of a pair from memory if they are there."""
        seen = {
            path: self._seen[path]
            for path in shots.paths.values()
            if path in self._seen
        }

        def read(path: Path) -> QuickLook:
            if path in seen:
                return seen[path].result()
            return read_halved(path)

        return read

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._eyes.shutdown(cancel_futures=True)
        self._bench.shutdown(cancel_futures=True)


MOST_WAITING = 2
"""Largest number of pairs that wait for their verdict; each keeps its pictures in memory."""


def shoot_pairs(
    folder: SessionFolder,
    rig: SessionCameras,
    pairs: Sequence[PlannedPair],
    protocol: ShotProtocol,
    handling: Handling = HANDLING,
) -> list[CompletePair]:
    """Shoot planned pairs of one protocol; see :func:`shoot_series`."""
    return shoot_series(folder, rig, [(pair, protocol) for pair in pairs], handling)


def shoot_series(
    folder: SessionFolder,
    rig: SessionCameras,
    series: Sequence[tuple[PlannedPair, ShotProtocol]],
    handling: Handling = HANDLING,
) -> list[CompletePair]:
    """Shoot planned pairs one after another; each is completed or not stored at all.

    A pair of another aperture copies the sharp shot before if accepted, so that verdict is awaited.
    """
    with SideJudge() as judge:
        work = _Series(folder, rig, handling, judge, dict(series))
        try:
            for (pair, _), after in zip_longest(series, series[1:]):
                work.shoot(pair, None if after is None else after[0])
            work.end_scene()
            work.settle_rest()
        except (Exception, KeyboardInterrupt):
            work.finish_whole()
            raise
        work.put_focus_back()
    return [work.completed[pair.id] for pair, _ in series]


def _same_series(before: PlannedPair, pair: PlannedPair) -> bool:
    """Whether a pair has the next wide aperture with the same scene and focus."""
    return (before.scene, before.focus_steps, before.shoot + 1) == (
        pair.scene,
        pair.focus_steps,
        pair.shoot,
    )


@dataclass(frozen=True)
class _Waiting:
    """A pair whose verdict is awaited."""

    taken: TakenPair
    side: SideVerdict
    attempt: int


class _Series:
    """A series that is being shot, with its complete pairs by id."""

    def __init__(
        self,
        folder: SessionFolder,
        rig: SessionCameras,
        handling: Handling,
        judge: SideJudge,
        protocols: dict[PlannedPair, ShotProtocol],
    ) -> None:
        self.completed: dict[str, CompletePair] = {}
        self._folder = folder
        self._rig = rig
        self._handling = handling
        self._judge = judge
        self._protocols = protocols
        self._focus = None
        if any(protocol.moves_focus for protocol in protocols.values()):
            self._focus = focus_positions(
                rig.blurry, handling.calibrations.overshoot_steps
            )
        self._waiting: deque[_Waiting] = deque()
        self._late: list[tuple[_Waiting, str]] = []
        self._before: tuple[PlannedPair, TakenFrame] | None = None
        self._scene: str | None = None
        self._next_start = time.monotonic()

    def shoot(self, pair: PlannedPair, following: PlannedPair | None) -> None:
        """Shoot a pair; its verdict is waited for only where something depends on it."""
        if self._scene not in (None, pair.scene):
            self.end_scene()
        self._scene = pair.scene
        before = self._before
        self._before = None
        lent = (
            before[1] if before is not None and _same_series(before[0], pair) else None
        )
        self._handling.person.scene_ready(
            pair, self._folder.state.notes.get(pair.scene, "")
        )
        time.sleep(max(0.0, self._next_start - time.monotonic()))
        self._next_start = time.monotonic() + self._handling.options.every_seconds
        waiting = self._taken(pair, 1, lent)
        lends = following is not None and _same_series(pair, following)
        if lends or self._alarming(waiting):
            self._settle(waiting)
        while len(self._waiting) > MOST_WAITING or self._first_is_judged():
            self._settle_late(self._waiting[0])

    def end_scene(self) -> None:
        """Wait for the verdicts of a scene, and take again what was rejected late."""
        if not self._handling.person.may_retake:
            return
        self.settle_rest()
        late = self._late
        self._late = []
        for waiting, reason in late:
            pair = waiting.taken.pair
            say(
                f"{pair.id}  is taken again before scene '{pair.typed_scene}' is left: {reason}"
            )
            self._folder.set_rejected_aside(pair, reason)
            self._settle(self._taken(pair, waiting.attempt + 1, None))

    def settle_rest(self) -> None:
        """Wait for all verdicts."""
        while self._waiting:
            self._settle_late(self._waiting[0])

    def put_focus_back(self) -> None:
        """Move the focus motor to where it was."""
        if self._focus is not None:
            self._focus.go(0)

    def finish_whole(self) -> None:
        """After an interruption: complete what lacks only its verdict, if it is not retaken."""
        for waiting in self._waiting:
            try:
                quality = waiting.side.verdict.result()
                if quality.verdict != "reject" or not self._handling.person.may_retake:
                    pair = waiting.taken.pair
                    shot = waiting.taken.shot
                    self._complete(judged_pair(self._folder, pair, shot, quality))
            except (DefocusError, OSError) as error:
                say(f"{waiting.taken.pair.id}  is judged by 'resume': {error}")

    def _taken(
        self, pair: PlannedPair, attempt: int, lent: TakenFrame | None
    ) -> _Waiting:
        """Take the shots of a pair and begin to judge it."""
        handling = self._handling
        folder = self._folder
        try:
            taking = PairTaking(folder, self._rig, pair, handling.settle_seconds)
            taken = take_pair(
                taking, self._protocols[pair], handling,
                focus=self._focus, attempt=attempt, lent=lent, stored=self._judge.see,
            )  # fmt: skip
        except (Exception, KeyboardInterrupt) as error:
            folder.give_up(pair, error)
            raise
        names = {stored.name for stored in taken.shot.files}
        shots = stored_shots(
            folder.root, pair.id, names, taken.shot.entry, handling.calibrations
        )
        side = self._judge.begin(
            shots, handling.options.limits, handling.options.strictness
        )
        waiting = _Waiting(taken, side, attempt)
        self._waiting.append(waiting)
        return waiting

    def _alarming(self, waiting: _Waiting) -> bool:
        """Whether the first look says to wait for the verdict before the next shot."""
        # It stops the photographer where something is clearly wrong; what only the verdict shows
        # is taken again at the end of its scene.
        if not self._handling.person.may_retake:
            return False
        first = waiting.side.first.result()
        if first.verdict != "reject":
            return False
        say(f"{waiting.taken.pair.id}  wait, the verdict is coming: {first.reason}")
        return True

    def _first_is_judged(self) -> bool:
        return bool(self._waiting) and self._waiting[0].side.verdict.done()

    def _settle(self, waiting: _Waiting) -> None:
        """Wait for the verdict on a pair, and shoot it again while that is wanted."""
        while True:
            judged, again = self._judged(waiting)
            if not again:
                break
            pair = waiting.taken.pair
            self._folder.set_rejected_aside(pair, judged.reason)
            waiting = self._taken(pair, waiting.attempt + 1, None)
        self._complete(judged)
        accepted = judged.verdict != "reject"
        self._before = (waiting.taken.pair, waiting.taken.sharp) if accepted else None

    def _settle_late(self, waiting: _Waiting) -> None:
        """Complete a pair, or note that it is to be taken again at the end of its scene."""
        judged, again = self._judged(waiting)
        if again:
            self._late.append((waiting, judged.reason))
        else:
            self._complete(judged)

    def _judged(self, waiting: _Waiting) -> tuple[CompletePair, bool]:
        """A pair with its verdict, and whether it is to be shot again."""
        quality = waiting.side.verdict.result()
        self._waiting.remove(waiting)
        pair = waiting.taken.pair
        judged = judged_pair(self._folder, pair, waiting.taken.shot, quality)
        rejected = quality.verdict == "reject"
        again = rejected and self._handling.person.retake(
            pair, quality, waiting.attempt
        )
        return judged, again

    def _complete(self, pair: CompletePair) -> None:
        self._folder.complete(pair)
        if not self._handling.options.keep_on_camera:
            delete_from_card(self._folder, self._rig, pair)
        self.completed[pair.id] = pair
        self._handling.after(pair)
