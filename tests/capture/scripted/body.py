"""A body as its script plays it: settings, releases, events and armed faults, on its own clock."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from types import SimpleNamespace

from defocus.capture.planning.labels import parse_value
from tests.capture.scripted.pictures import jpeg_of, raw_of
from tests.capture.scripted.script import Entry, Event, Script

__all__ = ["BodyError", "ScriptedBody", "Shot"]

RELEASE_FAULTS = (
    "busy-release", "out-of-focus", "nothing-captured", "io-at-second-capture", "capture-refused",
    "every-second-capture", "second-trigger-busy", "capture-timeout", "no-object", "too-early",
    "mirror-lockup", "no-capture", "invalid-status", "first-capture-fails", "capture-dies",
    "bulb-needs-bulb", "store-full", "ram-full",
)  # fmt: skip
"""What a release answers instead of a picture."""

WRITE_FAULTS = ("set-while-busy", "busy-or-read-only-write")
PREVIEW_FAULTS = ("preview-not-ready", "preview-busy", "preview-needs-card")
SLOW_RELEASES = (
    "card-listing", "first-capture-lists-card", "between-shots", "long-after-capture", "slow-end",
    "release-blocks",
)  # fmt: skip

FOR_EVER = 10_000
TRAVEL = 400
"""Steps of a Nikon's focus motor to either end."""

TOO_SMALL = 10
"""Fewer of them are refused by some bodies."""

BURST = 3
"""Pictures of a release in the drive mode of that name."""

Place = tuple[str, str]
TIME_WORDS = ("shutterspeed", "shutterspeed2")
EXPOSURE_WORDS = ("aperture", "f-number", "shutterspeed", "iso")
RAW_SUFFIXES = (".cr2", ".cr3", ".nef", ".arw", ".raf", ".rw2", ".orf")


class BodyError(Exception):
    """An answer of the library; ``code`` is its number."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True)
class Shot:
    """A picture that was taken: what it was truly exposed with, who asked for it, its files."""

    exposed: tuple[float, float, float]
    by: str
    files: tuple[Place, ...]


@dataclass
class ScriptedBody:
    """State of a body.

    Attributes:
        script: Its file.
        now: Its clock, seconds; nothing else lets it pass but being waited for.
        true: What the body is truly set to, by entry.
        shown: What it answers when it is asked.
        shots: Every picture that was taken.
        files: Content of every file that can be fetched.
        contents: Content of the files of each picture, whatever became of them, by its number.
        focus: Where the lens stands, in steps of the motor.
        room: How many pictures its card or its memory has room for.
    """

    script: Script
    now: float = 0.0
    true: dict[str, str] = field(default_factory=dict)
    shown: dict[str, str] = field(default_factory=dict)
    shots: list[Shot] = field(default_factory=list)
    files: dict[Place, bytes] = field(default_factory=dict)
    contents: dict[int, list[bytes]] = field(default_factory=dict)
    focus: int = 0
    room: int = FOR_EVER

    def __post_init__(self) -> None:
        self.true = {name: entry.value for name, entry in self.script.entries.items()}
        self.shown = dict(self.true)
        self._armed: dict[str, int] = {}
        self._queue: list[Event] = []
        self._stale: dict[str, float] = {}
        self._numbers = {"card": 0, "ram": 0}
        self._reads: dict[str, int] = {}
        self._writes: dict[str, int] = {}
        self._drained, self._connections, self._last_drive = True, 0, ""
        self._looked, self._stuck, self._connected_at = 0, False, 0.0
        self._held: list[Place] = []
        self._newest = 0

    # -- faults

    def arm(self, name: str, times: int = FOR_EVER) -> None:
        """Let a fault of the script happen, so many times."""
        self._armed[name] = times

    def left_of(self, name: str) -> int:
        """How often a fault is still to happen."""
        return self._armed.get(name, 0)

    def _happens(self, name: str) -> bool:
        left = self._armed.get(name, 0)
        if left:
            self._armed[name] = left - 1
        return left > 0

    def _code(self, name: str, otherwise: int = -1) -> int:
        fault = self.script.faults.get(name)
        return fault.codes[0] if fault is not None and fault.codes else otherwise

    def _concerns(self, name: str, word: str) -> bool:
        fault = self.script.faults.get(name)
        return fault is None or not fault.names or word in fault.names

    def _seconds(self, name: str, otherwise: float) -> float:
        fault = self.script.faults.get(name)
        return fault.seconds if fault is not None and fault.seconds else otherwise

    # -- connection

    def connect(self) -> None:
        """A process opens the body: what was in its memory is gone, names there start anew."""
        self._connections += 1
        self._connected_at = self.now
        self._numbers["ram"] = self._newest = 0
        self._reads.clear()
        self._looked = 0
        self.files = {place: data for place, data in self.files.items() if place[0] != "/"}
        self._queue = [event for event in self._queue if not event.text.startswith("/capt")]
        self._drained = True
        if self._happens("target-forgotten") and "capturetarget" in self.true:
            self.put("capturetarget", "Internal RAM")

    # -- settings

    def entry(self, name: str) -> Entry:
        """An entry as it is shown now.

        Raises:
            BodyError: There is none.
        """
        known = self.script.entries.get(name)
        cut = self._is_cut() and self._concerns("tree-truncated", name)
        nine = self._armed.get("tree-of-nine-entries", 0) and name in EXPOSURE_WORDS
        gone = known is not None and self._vanishes(name)
        if known is None or gone or nine or (cut and "/capturesettings/" in known.path):
            raise BodyError(-2)
        self._settle(name)
        value, choices, read_only = self.shown[name], known.choices, known.read_only
        reads = self._reads[name] = self._reads.get(name, 0) + 1
        told = known.kind != "RANGE" and name in EXPOSURE_WORDS
        if told and self._armed.get("config-partly-missing"):
            value, choices = "(null)", ()
        elif self._armed.get("read-only-after-connect") and reads == 1:
            if self._concerns("read-only-after-connect", name):
                choices, read_only = (), True
        elif self._armed.get("first-read-wrong") and name == "iso" and reads == 1:
            value = "Auto ISO"
        elif self._armed.get("choices-shrink") and self._concerns("choices-shrink", name):
            choices, value = ("Auto",) if name == "iso" else (value,), value
        return Entry(known.path, known.kind, value, choices, known.span, read_only)

    def _is_cut(self) -> bool:
        """Whether the tree of a later connection is short, for a time or until a replug."""
        lasting = self._seconds("tree-truncated", float("inf"))
        armed = self._connections > 1 and self._armed.get("tree-truncated", 0) > 0
        return armed and self.now < self._connected_at + lasting

    def _vanishes(self, name: str = "") -> bool:
        """Whether an entry, or the whole tree, is gone for a moment."""
        fault = self.script.faults.get("config-vanishes")
        concerned = fault is not None and (name in fault.names or not (name or fault.names))
        return concerned and self._happens("config-vanishes")

    def look_at_tree(self) -> None:
        """Ask for all entries.

        Raises:
            BodyError: There is no tree now.
        """
        if self._vanishes():
            raise BodyError(-2)

    def _settle(self, name: str) -> None:
        if self._stale.get(name, float("inf")) <= self.now:
            self.shown[name] = self.true[name]
            del self._stale[name]

    def write(self, name: str, value: str) -> None:
        """Set an entry.

        Raises:
            BodyError: The body refuses.
            AssertionError: What would have killed a real process.
        """
        known = self.entry(name)
        if known.kind in ("RADIO", "MENU") and known.choices:
            assert value in known.choices, f"{name} has no choice {value!r}"
        for fault in WRITE_FAULTS:
            if name != "viewfinder" and self._happens(fault):
                raise BodyError(self._code(fault))
        if known.read_only:
            raise BodyError(-2)
        if name in ("manualfocusdrive", "manualfocus"):
            self._drive(name, value)
            return
        self._writes[name] = self._writes.get(name, 0) + 1
        if name == "viewfinder" and value == "0":
            self._stuck = self._armed.get("busy-after-preview", 0) > 0
        self._change(name, self._landed(known, name, value))

    def _landed(self, known: Entry, name: str, value: str) -> str:
        """Where a value lands; mostly it is the one that was asked for."""
        if self._armed.get("set-ignored") and self._concerns("set-ignored", name):
            return self.true[name]
        if name in TIME_WORDS and self._armed.get("shutter-steps"):
            self.now += self._seconds("shutter-steps", 40.0)
        if self._armed.get("set-becomes-auto") and "Auto ISO" in known.choices:
            return "Auto ISO"
        for fault in ("lands-on-neighbour", "setting-does-not-stick"):
            if self._armed.get(fault) and self._concerns(fault, name) and self._happens(fault):
                place = known.choices.index(value)
                return known.choices[place - 1 if place else 1]
        if (
            self._armed.get("set-same-toggles")
            and name == "iso"
            and value == self.true[name]
            and "Auto ISO" in known.choices
        ):
            return "Auto ISO"
        return value

    def _change(self, name: str, value: str) -> None:
        never = self._armed.get("readback-never-follows", 0)
        late = self._armed.get("stale-readback", 0)
        self.true[name] = value
        if never and self._concerns("readback-never-follows", name):
            return
        if late and self._concerns("stale-readback", name):
            self._stale[name] = self.now + self._seconds("stale-readback", 2.0)
            return
        self.put(name, value)

    def put(self, name: str, value: str) -> None:
        """Set an entry as a person at the body does."""
        self.true[name] = self.shown[name] = value
        twin = {"shutterspeed": "shutterspeed2", "shutterspeed2": "shutterspeed"}.get(name, "")
        if twin in self.true:
            self.true[twin] = self.shown[twin] = self._same_place(name, twin, value)

    def _same_place(self, name: str, twin: str, value: str) -> str:
        wanted = parse_value("shutter", value)
        choices = {c: parse_value("shutter", c) for c in self.script.entries[twin].choices}
        known = {c: seconds for c, seconds in choices.items() if seconds is not None}
        if wanted is None or not known:
            return self.true[twin]
        return min(known, key=lambda c: abs(known[c] - wanted))

    # -- focus motor

    def _drive(self, name: str, value: str) -> None:
        if name == "manualfocus":
            if self.true.get("focusmode") != "Manual":
                raise BodyError(-2)
            self.focus += round(float(value))
            return
        if self.true.get("viewfinder") != "1" and "viewfinder" in self.true:
            raise BodyError(self._code("focus-drive-needs-live-view"))
        if self.script.entries[name].kind == "RANGE":
            steps = round(float(value)) or 1
            if abs(steps) < TOO_SMALL and self._armed.get("focus-drive-too-small"):
                raise BodyError(self._code("focus-drive-too-small"))
            target = self.focus + steps
            if abs(self.focus) == TRAVEL and abs(target) > TRAVEL:
                raise BodyError(-113)
            self.focus = min(max(target, -TRAVEL), TRAVEL)
            if self.focus != target:
                raise BodyError(-113)
            return
        ignored = self._armed.get("focus-drive-repeat-ignored") and value == self._last_drive
        self._last_drive = value
        if value != "None" and not ignored:
            direction, _, size = value.partition(" ")
            self.focus += (1 if direction == "Far" else -1) * (1, 6, 30)[int(size) - 1]

    # -- releases

    def release(self, by: str = "computer") -> Place:
        """Take a picture; the path that ``capture`` returns.

        Raises:
            BodyError: The release failed, with or without a picture.
        """
        for fault in RELEASE_FAULTS:
            waits_for_second = fault == "io-at-second-capture" and not self.shots
            if not waits_for_second and self._happens(fault):
                self.now += self._seconds(fault, 2.0)
                raise BodyError(self._code(fault))
        if self._armed.get("card-full") or len(self.shots) >= self.room:
            raise BodyError(-115)
        self._refuse_after_preview()
        if self._armed.get("burst-mode") and re.search("Burst|Contin", self.drive):
            return self._burst(by)
        if self._armed.get("queue-not-drained") and not self._drained:
            raise BodyError(self._code("queue-not-drained"))
        for fault in SLOW_RELEASES:
            if self._happens(fault):
                self.now += self._seconds(fault, 10.0)
        if self._armed.get("target-flips") and self._happens("target-flips"):
            self.put("capturetarget", "Internal RAM")
        self._drained = False
        told = self._exposed(by)
        first = next((event for event in told if event.kind == "RETURN"), None)
        assert first is not None, "the script tells of no file"
        place = _place(first.text)
        begun = self.now
        self._queue += [
            Event(begun + event.at, event.kind, event.text)
            for event in told
            if event.kind in ("FILE_ADDED", "CAPTURE_COMPLETE", "UNKNOWN")
        ]
        if self._happens("silent-mode"):
            self._queue.append(Event(begun + first.at + 0.5, "FILE_ADDED", first.text))
            self._queue.sort(key=lambda event: event.at)
            raise BodyError(self._code("silent-mode"))
        if self._happens("untold"):
            self._queue = [event for event in self._queue if event.kind != "FILE_ADDED"]
            raise BodyError(-1)
        self.now += first.at
        return place

    def _refuse_after_preview(self) -> None:
        """What live pictures did to the body, until it is opened anew or loses its power."""
        if self._armed.get("capture-after-preview") and self._looked > 1:
            raise BodyError(self._code("capture-after-preview"))
        if self._armed.get("busy-after-preview") and self._stuck:
            raise BodyError(self._code("busy-after-preview"))

    def _burst(self, by: str) -> Place:
        """Several pictures; the oldest one that was not handed out yet is."""
        for _ in range(BURST):
            told = self._exposed(by)
            self._held += [_place(e.text) for e in told if e.kind in ("RETURN", "FILE_ADDED")]
        self.now += 1.0
        return self._held.pop(0)

    @property
    def drive(self) -> str:
        """How many pictures a release takes, in the body's words; empty where it does not say."""
        words = ("drivemode", "capturemode")
        return next((self.true[word] for word in words if word in self.true), "")

    def press(self, after: float = 0.0) -> None:
        """Somebody presses the body's own button ``after`` seconds from now."""
        told = self._exposed("finger")
        files = [event for event in told if event.kind in ("RETURN", "FILE_ADDED")]
        self._queue += [Event(self.now + after + e.at, "FILE_ADDED", e.text) for e in files]
        self._queue.sort(key=lambda event: event.at)

    def _exposed(self, by: str) -> list[Event]:
        """Expose, keep the files; what will be told of it, times from the release."""
        exposed = (
            parse_value("aperture", self._shown_true(("f-number", "aperture"))) or 5.6,
            parse_value("shutter", self._shown_true(("shutterspeed2", "shutterspeed"))) or 0.01,
            parse_value("iso", self.true.get("iso", "100")) or 100.0,
        )
        told = self._numbered(self._block())
        number = len(self.shots)
        places = []
        for event in told:
            if event.kind in ("RETURN", "FILE_ADDED"):
                place = _place(event.text)
                if place not in places:
                    places.append(place)
                raw = PurePosixPath(place[1]).suffix.lower() in RAW_SUFFIXES
                content = raw_of if raw else jpeg_of
                self.files[place] = content(exposed, self.focus, number, self.now)
                self.contents.setdefault(number, []).append(self.files[place])
        self.shots.append(Shot(exposed, by, tuple(places)))
        if self._happens("late-companion"):
            lag = self._seconds("late-companion", 22.0)
            told = [
                Event(e.at + lag, e.kind, e.text) if e.kind == "FILE_ADDED" else e for e in told
            ]
        if self._armed.get("no-complete"):
            told = [event for event in told if event.kind != "CAPTURE_COMPLETE"]
        return told

    def _shown_true(self, words: tuple[str, ...]) -> str:
        return next((self.true[word] for word in words if word in self.true), "")

    @property
    def target(self) -> str:
        """``card`` or ``ram``."""
        value = self.true.get("capturetarget", "")
        if not self.script.folder:
            return "ram"
        return "ram" if "ram" in value.lower() and "card" not in value.lower() else "card"

    @property
    def kinds(self) -> set[str]:
        """What the body is set to write: ``raw``, ``jpeg`` or both."""
        word = next(
            (self.true[n] for n in ("imageformat", "imagequality") if n in self.true), "JPEG"
        )
        raw = re.search(r"raw|nef", word, re.IGNORECASE) is not None
        lying = self._armed.get("words-lie", 0) and word == "NEF (Raw)"
        if lying:
            return {"jpeg"}
        return {"raw"} | ({"jpeg"} if "+" in word else set()) if raw else {"jpeg"}

    def _block(self) -> list[Event]:
        """What the script tells of a shot to the present target, less the files not written."""
        target, events = self.target, self.script.events
        doubled = self._armed.get("duplicate-names", 0)
        names = [
            title
            for title in events
            if ("duplicate" in title) == bool(doubled)
            and (title.split()[0] in ("raw+jpeg", "jpeg", "raw") or _is_of(title, target))
            and "trigger" not in title
            and "idle" not in title
        ]
        if not names:
            return self._made_up()
        block = events[names[0]]
        if doubled:
            return block
        kept = [event for event in block if _kind(event) in (None, *self.kinds)]
        if {_kind(event) for event in kept} - {None} != self.kinds:
            return self._made_up()
        if not any(event.kind == "RETURN" for event in kept):
            first = next(event for event in kept if event.kind == "FILE_ADDED")
            index = kept.index(first)
            kept[index] = Event(first.at, "RETURN", first.text)
        return kept

    def _made_up(self) -> list[Event]:
        """For scripts without events of that kind: files told at once."""
        suffixes = {"raw": ".ARW" if "Sony" in self.script.model else ".RW2", "jpeg": ".JPG"}
        written = [suffixes[kind] for kind in sorted(self.kinds, reverse=True)]
        if self.target == "ram":
            paths = [f"/capt{n:04d}{suffix.lower()}" for n, suffix in enumerate(written)]
        else:
            paths = [f"{self.script.folder}/P1000001{suffix}" for suffix in written]
        rest = [Event(1.5, "FILE_ADDED", path) for path in paths[1:]]
        return [Event(1.0, "RETURN", paths[0]), *rest, Event(1.6, "CAPTURE_COMPLETE")]

    def _numbered(self, block: list[Event]) -> list[Event]:
        """The block with the numbers that come next."""
        told = {int(_digits(event.text)) for event in block if _kind(event)}
        kind = "ram" if any(event.text.startswith("/capt") for event in block) else "card"
        start = self._numbers[kind] - min(told)
        if kind == "ram":
            self._newest = self._numbers[kind]
        self._numbers[kind] += max(told) - min(told) + 1
        first = 1 if kind == "card" or "_DSC" in "".join(event.text for event in block) else 0
        return [
            event
            if _kind(event) is None
            else Event(event.at, event.kind, _renumbered(event.text, start + first))
            for event in block
        ]

    # -- events, files, pictures

    def wait(self, seconds: float) -> Event:
        """The next event within a time.

        Raises:
            BodyError: It denies access to what the event is about.
        """
        if self._happens("event-access-denied"):
            raise BodyError(-1)
        if self._happens("wait-blocks"):
            self.now += 3.0
        due = min((event.at for event in self._queue), default=float("inf"))
        if self._armed.get("unnamed-events") and due > self.now + 0.1 <= self.now + seconds:
            self.now += 0.1
            return Event(self.now, "UNKNOWN", "PTP Property 0000 changed")
        if due <= self.now + seconds:
            event = next(event for event in self._queue if event.at == due)
            self._queue.remove(event)
            self.now = max(self.now, due)
            return self._counted_anew(event)
        self.now += seconds
        self._drained = True
        return Event(self.now, "TIMEOUT")

    def _counted_anew(self, event: Event) -> Event:
        """A file in memory that is told of after those of a later shot: its number is the next."""
        late = re.match(r"/capt\d{4}\.", event.text)
        if not late or event.kind != "FILE_ADDED" or int(_digits(event.text)) >= self._newest:
            return event
        name = _renumbered(event.text, self._numbers["ram"] - int(_digits(event.text)))
        self._numbers["ram"] += 1
        self.files[_place(name)] = self.files[_place(event.text)]
        return replace(event, text=name)

    def listing(self) -> list[Place]:
        """What can be listed; a Sony body in computer mode shows no card."""
        hidden = "card-not-readable" in self.script.faults
        return [place for place in self.files if not hidden or place[0] == "/"]

    def storage(self) -> list[SimpleNamespace]:
        """The card, as libgphoto2 tells of it."""
        if not self.script.folder or "card-not-readable" in self.script.faults:
            raise BodyError(-6)
        root = "/" + self.script.folder.split("/")[1]
        kilobytes = 60_000_000
        free = 0 if self._armed.get("card-full") else kilobytes // 2
        return [
            SimpleNamespace(
                basedir=root, capacitykbytes=kilobytes, freekbytes=free, fields=0b111111111
            )
        ]

    def narrow(self, name: str, *choices: str) -> None:
        """Leave an entry only some of its choices, the first of them set."""
        self.script.entries[name] = replace(self.script.entries[name], choices=choices)
        self.put(name, choices[0])

    def preview(self) -> bytes:
        """A live picture.

        Raises:
            BodyError: The body has none now.
        """
        if "preview" not in self.script.abilities:
            raise BodyError(-6)
        for fault in PREVIEW_FAULTS:
            if self._happens(fault):
                raise BodyError(self._code(fault))
        if self._armed.get("busy-after-preview") and self._stuck:
            raise BodyError(self._code("busy-after-preview"))
        self._looked += 1
        return jpeg_of((4.0, 0.01, 100.0), self.focus, 0)


def _place(path: str) -> Place:
    folder, _, name = path.rpartition("/")
    return folder or "/", name


def _kind(event: Event) -> str | None:
    if event.kind not in ("RETURN", "FILE_ADDED"):
        return None
    return "raw" if PurePosixPath(event.text).suffix.lower() in RAW_SUFFIXES else "jpeg"


def _is_of(title: str, target: str) -> bool:
    words: Mapping[str, tuple[str, ...]] = {"card": ("card",), "ram": ("ram", "sdram")}
    return title.split()[0] in words[target]


def _digits(path: str) -> str:
    return re.findall(r"\d+", PurePosixPath(path).stem)[-1]


def _renumbered(path: str, start: int) -> str:
    old = _digits(path)
    new = f"{int(old) + start:0{len(old)}d}"
    head, _, tail = path.rpartition(old)
    return f"{head}{new}{tail}"
