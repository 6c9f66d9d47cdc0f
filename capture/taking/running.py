"""Run a shoot for the commands: ask, shoot, report, and always leave a valid session."""

import contextlib
import math
import shlex
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import get_args

import click

from defocus.capture.calibrations import load_calibrations
from defocus.capture.camera import (
    Camera,
    CameraDescription,
    FileKind,
    HasDriveMode,
    HasFileFormats,
    HasMirror,
    HasWhiteBalance,
)
from defocus.capture.planning.plan import Plan, lines_of, space_words, together
from defocus.capture.planning.request import BracketRequest
from defocus.capture.planning.shoot_record import ShootRecord
from defocus.capture.planning.shoot_settings import NumberSettings, ShootOptions
from defocus.capture.sessions.additions import left_to_read
from defocus.capture.sessions.folder import (
    SessionFolder,
    open_session_folder,
    refuse_occupied,
)
from defocus.capture.sessions.journal import Listener, Record
from defocus.capture.sessions.lines import VERDICT_WORDS, Verdict
from defocus.capture.sessions.session import has_begun, read_state
from defocus.capture.sessions.state import CompletePair, PlannedPair, SessionState
from defocus.capture.taking.hooks import after_pair, parse_hook
from defocus.capture.taking.person import Asker, ring
from defocus.capture.taking.shots.rig import (
    DEFAULT_OVERSHOOT,
    RigAddress,
    SessionCameras,
    focus_positions,
    open_rig,
)
from defocus.capture.taking.shots.series import shoot_series
from defocus.capture.taking.shots.shooting import Handling, journalled_series
from defocus.command_line.json_output import json_output
from defocus.errors import DatasetError, InputError, InterruptedWorkError, StorageError
from defocus.processes.interruption import terminated_as_interrupted
from defocus.progress import counted, say, status

LARGE_REST_BYTES = 1_000_000_000
"""Needed space, in bytes, from which it is printed even if the disk has it."""


class PairLines:
    """Follows a journal. On a terminal the last line shows the pair that is being shot."""

    def __init__(self) -> None:
        self.folder: SessionFolder | None = None
        self._began = time.monotonic()
        self._done = 0
        self._pair = ""
        self._taken = 0
        self._roles: Sequence[str] = ()
        self._judging: set[str] = set()

    def tell(self, record: Record) -> None:
        """Print a journal line if it is meant for people."""
        match record["event"]:
            case "recovered":
                torn = record["torn_bytes"]
                say(
                    f"the last journal line was torn ({torn} bytes); it was not yet valid"
                )
            case "pair-set-aside":
                say(
                    f"{record['pair']}  was interrupted; its files are in {record['folder']}"
                )
            case "pair-started":
                self._pair, self._roles = record["pair"], record.get("roles", [])
                self._taken = 0
            case "file":
                self._taken += 1
            case "pair-shot":
                self._judging.add(record["pair"])
            case "retake":
                self._judging.discard(record["pair"])
            case "pair-complete":
                self._complete(record)
        status(*self._status())

    def _complete(self, record: Record) -> None:
        self._judging.discard(record["pair"])
        self._done += 1
        reason = f": {record['reason']}" if record["reason"] else ""
        say(f"{record['pair']}  {VERDICT_WORDS[record['verdict']]}{reason}")
        if record["verdict"] == "warn":
            ring("warn")
        if self._done == 1 and self.folder is not None:
            self._tell_space(
                self.folder, sum(entry["bytes"] for entry in record["files"])
            )

    def _tell_space(self, folder: SessionFolder, pair_bytes: int) -> None:
        """Print the space that the other pairs need, once the first shows how large they are."""
        left = len(folder.state.incomplete)
        needed = left * pair_bytes
        free = shutil.disk_usage(folder.root).free
        if needed > min(free, LARGE_REST_BYTES):
            say(
                f"{counted(left, 'further pair')} like the first need {needed / 1e9:.2f} GB; "
                f"{free / 1e9:.2f} GB are free"
            )

    def _status(self) -> tuple[str, str]:
        """Status line: ``7/200 · desk · sharp ✓ blurry … · judging · 12 min left``, by scene."""
        if self.folder is None or not self._pair:
            return "", ""
        state = self.folder.state
        pair = state.planned.get(self._pair)
        left = len(state.incomplete)
        if pair is None or not left:
            return "", ""
        parts = [f"{pair.number}/{len(state.planned)}", pair.typed_scene]
        parts.append(" ".join(_marked_shots(self._roles, self._taken)))
        if self._judging:
            parts.append(
                "judging" + (f" {len(self._judging)}" if len(self._judging) > 1 else "")
            )
        if self._done:
            seconds = (time.monotonic() - self._began) / self._done * left
            parts.append(f"{math.ceil(seconds / 60)} min left")
        return " · ".join(filter(None, parts)), pair.typed_scene


def _marked_shots(roles: Sequence[str], taken: int) -> list[str]:
    """The shots of a pair with a mark at those that are stored, and at the one under way."""
    taken_in = [f"{role} \N{CHECK MARK}" for role in roles[:taken]]
    return taken_in + [f"{role} …" for role in roles[taken : taken + 1]]


@contextlib.contextmanager
def continuation_hint(folder: SessionFolder, path: Path) -> Iterator[None]:
    """At an interruption or on a full disk, print the command that continues the session.

    ``InterruptedWorkError`` replaces ``KeyboardInterrupt``; an import repeats the same command."""
    try:
        yield
    except (KeyboardInterrupt, click.Abort) as stop:
        advice = _advice(folder, path)
        if advice is None:
            raise
        raise InterruptedWorkError(f"interrupted; {advice}") from stop
    except StorageError:
        advice = _advice(folder, path)
        if advice is not None:
            say(advice)
        raise


def _advice(folder: SessionFolder, path: Path) -> str | None:
    """Advice for continuing a session; None if 'resume' does not apply."""
    state = folder.state
    resume = f"'defocus-capture resume {shlex.quote(str(path))}'"
    if unread := left_to_read(state):
        return f"{resume} reads the {unread[0].shot.word} that was shot"
    if not state.shoots or any(
        state.shoots[p.shoot].imported for p in state.incomplete
    ):
        return None
    if not state.incomplete:
        return None if state.shoots[-1].imported else "every planned pair is complete"
    left = len(state.incomplete)
    return f"{resume} shoots the {'pair that is' if left == 1 else f'{left} pairs that are'} left"


def until_pipe_closes(write: Callable[[Record], None]) -> Listener:
    """Write journal lines until the pipe is closed, as by ``| head``; shooting continues."""
    reading = True

    def tell(record: Record) -> None:
        nonlocal reading
        if not reading:
            return
        try:
            write(record)
        except BrokenPipeError:
            reading = False
            say("stdout was closed; the session's journal.jsonl has every line")

    return tell


def measured_plans(
    plans: Sequence[Plan], path: Path, files: FileKind | None
) -> list[Plan]:
    """Plans with the size of the shots that a session has from the same camera and format."""
    if not has_begun(path):
        return list(plans)
    state, _ = read_state(path)
    camera = plans[0].camera
    alike = []
    for pair in state.complete.values():
        shoot = state.shoots[state.planned[pair.id].shoot]
        if shoot.handling.files == files and _is_by_one(shoot, camera):
            alike.append(pair)
    shots = sum(map(_shots, alike))
    if not shots or plans[0].sharp_camera is not None:
        return list(plans)
    total = sum(entry.bytes for pair in alike for entry in pair.files)
    each = round(total / shots)
    sized = replace(camera, shot_bytes=(each, each), truth_bytes=0)
    return [replace(plan, camera=sized) for plan in plans]


def _is_by_one(shoot: ShootRecord, camera: CameraDescription) -> bool:
    """Whether a camera alone took the pairs of a shoot."""
    body = (shoot.camera.model, shoot.camera.serial)
    return body == (camera.model, camera.serial) and shoot.sharp_camera is None


def _shots(pair: CompletePair) -> int:
    names = [Path(entry.name) for entry in pair.files if "/" not in entry.name]
    return len({name.stem for name in names if name.suffix != ".json"})


def tell_space(path: Path, counted_plans: Sequence[tuple[Plan, int]]) -> None:
    """Warn if the disk space may be too small; it is only an estimate."""
    folders = (path, *path.absolute().parents)
    existing = next((one for one in folders if one.is_dir()), None)
    needed = together([plan.space(pairs) for plan, pairs in counted_plans])
    if needed is None or existing is None:
        return
    free = shutil.disk_usage(existing).free
    if free < needed.most:
        say(
            f"{existing}: {free / 1e9:.2f} GB are free, {space_words(needed)} are needed"
        )


def counted_plans(
    options: NumberSettings, plans: Iterable[Plan]
) -> list[tuple[Plan, int]]:
    """The plan of each wide aperture, at its times, with its number of pairs."""
    each = options.pairs_per_position
    return [(plan.paced(options), each * len(plan.focus_steps)) for plan in plans]


@contextlib.contextmanager
def journalled_session(
    path: Path, *, create: bool, json_lines: bool
) -> Iterator[SessionFolder]:
    """Open a session folder and print its journal lines as JSON on stdout, or as text."""
    with contextlib.ExitStack() as stack:
        stack.enter_context(terminated_as_interrupted())
        text = PairLines()
        stack.callback(status, "")
        tell: Callable[[Record], None] = text.tell
        if json_lines:
            out = stack.enter_context(json_output())
            tell = until_pipe_closes(out.write)
        folder = stack.enter_context(
            open_session_folder(path, create=create, listener=tell)
        )
        text.folder = folder
        stack.enter_context(continuation_hint(folder, path))
        yield folder


def _planned(
    path: Path, rig: SessionCameras, request: BracketRequest, options: ShootOptions
) -> list[Plan]:
    """A plan for each wide aperture, with what the session says of the size of files."""
    plans = [plan_on(each, rig) for each in each_aperture(request, rig)]
    return measured_plans(plans, path, options.files)


def tell_plan(
    path: Path, address: RigAddress, request: BracketRequest, options: ShootOptions
) -> None:
    """Print the plan of a shoot; ``shoot --dry-run``."""
    with open_rig(address) as rig:
        plans = counted_plans(options, _planned(path, rig, request, options))
        for line in lines_of(plans, options.scene_list):
            say(line)


def shoot_new(
    path: Path, address: RigAddress, request: BracketRequest, options: ShootOptions
) -> int:
    """Add pairs to a new or existing session; the exit code is 1 if a pair was rejected."""
    asker = Asker(options, answered=options.yes)
    hook = parse_hook(options.hook)
    asker.require_person()
    refuse_occupied(path.absolute())
    with open_rig(address) as rig:
        plans = _planned(path, rig, request, options)
        described = [camera.describe() for camera in rig.cameras]
        calibrations = load_calibrations(options.calibration_files, described)
        numbers = counted_plans(options, plans)
        tell_space(path, numbers)
        asker.confirm(numbers, options.scene_list)
        make_ready(rig, options)  # what a camera refuses must not leave a session
        request = within_travel(request, plans[0], rig, calibrations.overshoot_steps)
        with journalled_session(
            path, create=True, json_lines=options.json_lines
        ) as folder:
            _require_complete(folder.state, path)
            requests = each_aperture(request, rig)
            plans = [plan_on(each, rig) for each in requests]
            series = journalled_series(folder, options, requests, plans, calibrations)
            settle = plans[0].settle_seconds
            after = after_pair(hook, folder)
            handling = Handling(options, settle, asker, after, calibrations)
            shoot_series(folder, rig, series, handling)
            pairs = [pair for pair, _ in series]
            tell_result(folder, pairs)
            ring("done")
            return exit_code(folder, pairs)


def _require_complete(state: SessionState, path: Path) -> None:
    if state.incomplete:
        raise DatasetError(
            f"{path}: pair {state.incomplete[0].id} is incomplete; "
            f"run 'defocus-capture resume {path}' first"
        )


def make_ready(rig: SessionCameras, options: ShootOptions) -> None:
    """Set file format, white balance and mirror lock of the cameras as requested."""
    for camera in rig.cameras:
        if options.files is not None:
            if not isinstance(camera, HasFileFormats):
                raise _no_choice(camera, "its files", "--format")
            camera.choose_format(options.files)
        if options.white_balance is not None:
            if not isinstance(camera, HasWhiteBalance):
                raise _no_choice(camera, "its white balance", "--wb")
            camera.choose_white_balance(options.white_balance)
        if options.mirror_lock:
            if not isinstance(camera, HasMirror):
                raise _no_choice(camera, "its mirror", "--mirror-lock")
            camera.hold_mirror()


def _no_choice(camera: Camera, what: str, option: str) -> InputError:
    return InputError(
        f"{camera.describe().model} does not allow setting {what}; drop {option}"
    )


def each_aperture(request: BracketRequest, rig: SessionCameras) -> list[BracketRequest]:
    """A request for each wide aperture, with the cameras' present settings."""
    return request.each(rig.blurry, rig.sharp if rig.two else None)


def plan_on(request: BracketRequest, rig: SessionCameras) -> Plan:
    """The plan of a request with the cameras' present settings."""
    refuse_bursts(rig)
    return request.plan(rig.blurry, rig.sharp if rig.two else None)


def refuse_bursts(rig: SessionCameras) -> None:
    """Check that every camera takes one picture at each release, or can be set to do so."""
    for camera in rig.cameras:
        if isinstance(camera, HasDriveMode):
            camera.refuse_burst()


def within_travel(
    request: BracketRequest,
    plan: Plan,
    rig: SessionCameras,
    overshoot_steps: int = DEFAULT_OVERSHOOT,
) -> BracketRequest:
    """Test the range of the focus motor; if it is too short, the sharp shot is stopped down."""
    if not plan.protocol.moves_focus:
        return request
    focus = focus_positions(rig.blurry, overshoot_steps)
    reached = tuple(focus.reach(steps) for steps in request.focus_steps)
    for asked, possible in zip(request.focus_steps, reached, strict=True):
        if asked == possible:
            continue
        if possible * asked <= 0:
            raise DatasetError(
                f"the focus motor is at the end of its travel and cannot move by {asked} steps; "
                "focus by hand nearer to the middle, or reverse the sign"
            )
        say(f"the travel of the focus motor ends after {possible} of {asked} steps")
        if request.mode == "focus":
            say("the sharp shot is stopped down to make up for it")
    changes = {"focus_steps": reached, "stopped_down": reached != request.focus_steps}
    return request.model_copy(update=changes)


def tell_result(folder: SessionFolder, pairs: Sequence[PlannedPair]) -> None:
    """Say how many pairs were accepted, warned of and rejected, and where to look at them."""
    numbers = Counter(folder.state.complete[pair.id].verdict for pair in pairs)
    verdicts = ", ".join(
        f"{numbers[verdict]} {VERDICT_WORDS[verdict]}"
        for verdict in get_args(Verdict)
        if numbers[verdict]
    )
    look = f"defocus-capture check {shlex.quote(str(folder.root))}"
    say(f"{counted(len(pairs), 'pair')}: {verdicts}; '{look}' shows them")


def exit_code(folder: SessionFolder, pairs: list[PlannedPair]) -> int:
    """1 if a pair was rejected, else 0."""
    complete = folder.state.complete
    return int(any(complete[pair.id].verdict == "reject" for pair in pairs))
