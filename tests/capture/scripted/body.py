"""A body as its script plays it: settings, releases, events and armed faults, on its own clock."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from types import SimpleNamespace

from defocus.capture.planning.labels import parse_value
from tests.capture.scripted.armed import FOR_EVER, Armed
from tests.capture.scripted.pictures import jpeg_of, raw_of
from tests.capture.scripted.script import Entry, Event, Script

RELEASE_FAULTS = (
    "busy-release", "out-of-focus", "nothing-captured", "io-at-second-capture", "capture-refused",
    "every-second-capture", "second-trigger-busy", "capture-timeout", "no-object", "too-early",
    "mirror-lockup", "no-capture", "invalid-status", "first-capture-fails", "capture-dies",
    "store-full", "ram-full", "on-before-computer", "listing-only",
)  # fmt: skip
"""What a release answers instead of a picture."""

WRITE_FAULTS = ("set-while-busy", "busy-or-read-only-write")
PREVIEW_FAULTS = ("preview-not-ready", "preview-busy", "preview-needs-card")
SLOW_RELEASES = (
    "card-listing", "first-capture-lists-card", "between-shots", "long-after-capture", "slow-end",
    "release-blocks",
)  # fmt: skip

TRAVEL = 400  # steps of a Nikon's focus motor to either end
NEAR_END = 100  # the same where a lens was focused near to the end
TOO_SMALL = 10  # fewer of them are refused by some bodies
BURST = 3  # pictures of a release in the drive mode of that name
LONG_SECONDS = 20.0  # exposures that are longer were never told of by some libraries
LENS = (2.0, 11.0)  # apertures of the lens where a body lists more of them
OUT_OF_FOCUS = 60  # steps by which autofocus misses
STANDING = ("card-not-readable",)  # not faults that come and go, but how a body is
Place = tuple[str, str]
TIME_WORDS = ("shutterspeed", "shutterspeed2")
APERTURE_WORDS = ("aperture", "f-number")
EXPOSURE_WORDS = (*APERTURE_WORDS, "shutterspeed", "iso")
RAW_SUFFIXES = (".cr2", ".cr3", ".nef", ".arw", ".raf", ".rw2", ".orf")


class BodyError(Exception):
    """An answer of the library; ``code`` is its number."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class BodyHangsError(Exception):
    """The library never answers."""


@dataclass(frozen=True)
class Shot:
    """A picture that was taken: what it was truly exposed with, who asked for it, its files."""

    exposed: tuple[float, float, float]
    by: str
    files: tuple[Place, ...]


@dataclass
class ScriptedBody:
    """State of a body; nothing lets its time pass but being waited for."""

    script: Script
    now: float = 0.0  # its clock, seconds
    # what it is truly set to, by entry
    true: dict[str, str] = field(default_factory=dict)
    # what it answers when it is asked
    shown: dict[str, str] = field(default_factory=dict)
    shots: list[Shot] = field(default_factory=list)
    # every one that can be fetched
    files: dict[Place, bytes] = field(default_factory=dict)
    # of each picture, for ever
    contents: dict[int, list[bytes]] = field(default_factory=dict)
    focus: int = 0  # in steps of the motor
    room: int = FOR_EVER  # for so many pictures

    def __post_init__(self) -> None:
        self.true = {name: entry.value for name, entry in self.script.entries.items()}
        self.shown = dict(self.true)
        self.unread: set[Place] = set()
        self.armed = Armed(self.script)
        for name in STANDING:
            self.armed.arm(name, FOR_EVER if name in self.script.faults else 0)
        self._queue: list[Event] = []
        self._stale: dict[str, float] = {}
        self._coming: dict[str, tuple[float, str]] = {}
        self._numbers = {"card": 0, "ram": 0}
        self._reads: dict[str, int] = {}
        self._writes: dict[str, int] = {}
        self._drained, self._connections, self._last_drive = True, 0, ""
        self._looked, self._stuck, self._connected_at = 0, False, 0.0
        self._held: list[Place] = []
        self._newest = 0

    def arm(self, name: str, times: int = FOR_EVER) -> None:
        self.armed.arm(name, times)

    # -- connection

    def connect(self) -> None:
        """A process opens the body: what was in its memory is gone, names there start anew."""
        if self.armed.lasts("wrong-usb-mode"):
            raise BodyError(self.armed.code("wrong-usb-mode"))
        self._connections += 1
        self._connected_at = self.now
        self._numbers["ram"] = self._newest = 0
        self._reads.clear()
        self._looked = 0
        self.files = {
            place: data for place, data in self.files.items() if place[0] != "/"
        }
        self._queue = [
            event for event in self._queue if not event.text.startswith("/capt")
        ]
        self._drained = True
        for fault in ("target-forgotten", "ram-default"):
            if "Internal RAM" in self._choices("capturetarget") and self.armed.happens(
                fault
            ):
                self.put("capturetarget", "Internal RAM")
        if "Camera" in self._choices("prioritymode") and self.armed.left_of(
            "local-control"
        ):
            self.put("prioritymode", "Camera")

    def _choices(self, name: str) -> tuple[str, ...]:
        entry = self.script.entries.get(name)
        return () if entry is None else entry.choices

    # -- settings

    def entry(self, name: str) -> Entry:
        """An entry as it is shown now."""
        choice = self.script.entries.get(name)
        if choice is None or self._vanishes(name) or self._is_cut(choice):
            raise BodyError(-2)
        if name in EXPOSURE_WORDS and self.armed.lasts("tree-of-nine-entries"):
            raise BodyError(-2)
        self._settle(name)
        value, choices, read_only = self.shown[name], choice.choices, choice.read_only
        reads = self._reads[name] = self._reads.get(name, 0) + 1
        lasts = self.armed.lasts
        if (
            choice.kind != "RANGE"
            and name in EXPOSURE_WORDS
            and lasts("config-partly-missing")
        ):
            value, choices = "(null)", ()
        elif (
            reads == 1
            and name in EXPOSURE_WORDS
            and lasts("read-only-after-connect", name)
        ):
            choices, read_only = (), True
        elif name == "iso" and reads == 1 and lasts("first-read-wrong"):
            value = "Auto ISO"
        elif name in EXPOSURE_WORDS and lasts("choices-shrink", name):
            choices = ("Auto",) if name == "iso" else (value,)
        elif name == "iso" and lasts("iso-read-only"):
            read_only = True
        elif name in APERTURE_WORDS and lasts("duplicate-choices", name):
            value, choices = "f/35", ("f/35",) * len(choices)
        elif reads == 1 and name in TIME_WORDS and lasts("bulb-as-number", name):
            value = "429496.7295s"
        return Entry(choice.path, choice.kind, value, choices, choice.span, read_only)

    def _is_cut(self, entry: Entry) -> bool:
        """Whether the tree of a later connection lacks an entry, for a time or until a replug."""
        fault = self.script.faults.get("tree-truncated")
        if fault is None or self._connections < 2:
            return False
        lasting = self.armed.seconds("tree-truncated", float("inf"))
        in_part = (
            entry.name in fault.names
            if fault.names
            else "/capturesettings/" in entry.path
        )
        over = self.now >= self._connected_at + lasting
        return in_part and not over and self.armed.lasts("tree-truncated")

    def _vanishes(self, name: str = "") -> bool:
        """Whether an entry, or the whole tree, is gone for a moment."""
        fault = self.script.faults.get("config-vanishes")
        concerned = fault is not None and (
            name in fault.names or not (name or fault.names)
        )
        return concerned and self.armed.happens("config-vanishes")

    def look_at_tree(self) -> None:
        if self._vanishes():
            raise BodyError(-2)

    def _settle(self, name: str) -> None:
        if self._stale.get(name, float("inf")) <= self.now:
            self.shown[name] = self.true[name]
            del self._stale[name]
        if name in self._coming and self._coming[name][0] <= self.now:
            self.put(name, self._coming.pop(name)[1])

    def write(self, name: str, value: str) -> None:
        entry = self.entry(name)
        if entry.kind in ("RADIO", "MENU") and entry.choices:
            assert value in entry.choices, f"{name} has no choice {value!r}"
        for fault in WRITE_FAULTS:
            if name != "viewfinder" and self.armed.happens(fault):
                raise BodyError(self.armed.code(fault))
        if entry.read_only:
            raise BodyError(-2)
        if name in ("manualfocusdrive", "manualfocus"):
            self._drive(name, value)
            return
        self._writes[name] = self._writes.get(name, 0) + 1
        if name == "viewfinder" and value == "0":
            self._stuck = self.armed.left_of("busy-after-preview") > 0
        self._change(name, self._landed(entry, name, value))

    def _landed(self, entry: Entry, name: str, value: str) -> str:
        """Where a value lands; mostly it is the one that was asked for."""
        lasts = self.armed.lasts
        if lasts("set-ignored", name):
            return self.true[name]
        if name == "capturetarget" and lasts("nothing-on-card"):
            return self.true[name]
        if name == "autofocus" and lasts("autofocus-off-ignored"):
            return self.true[name]
        if name in TIME_WORDS and lasts("shutter-steps"):
            self.now += self.armed.seconds("shutter-steps", 40.0)
        automatic = "Auto ISO" in entry.choices and name == "iso"
        if automatic and lasts("set-becomes-auto"):
            return "Auto ISO"
        if automatic and value == self.true[name] and lasts("set-same-toggles"):
            return "Auto ISO"
        if name in APERTURE_WORDS:
            value = self._stop_of(entry, name, value)
        for fault in ("lands-on-neighbour", "setting-does-not-stick"):
            concerned = name in EXPOSURE_WORDS and self.armed.lasts(fault, name)
            if concerned and self.armed.happens(fault):
                return _neighbour(entry, value)
        return value

    def _stop_of(self, entry: Entry, name: str, value: str) -> str:
        """An aperture, by what the lens has and the body can set."""
        asked = parse_value("aperture", value) or 0.0
        if not LENS[0] <= asked <= LENS[1] and self.armed.lasts(
            "list-is-not-the-lens", name
        ):
            nearest = min(max(asked, LENS[0]), LENS[1])
            return min(
                entry.choices or (f"{nearest:g}",),
                key=lambda c: abs((parse_value("aperture", c) or 0.0) - nearest),
            )
        if not _is_half_stop(asked) and self.armed.lasts(
            "some-stops-cannot-be-set", name
        ):
            return _neighbour(entry, value)
        return value

    def _change(self, name: str, value: str) -> None:
        if name == "focusmode" and self.armed.lasts("focus-mode-settle", name):
            self._coming[name] = (
                self.now + self.armed.seconds("focus-mode-settle", 1.0),
                value,
            )
            return
        self.true[name] = value
        if name in EXPOSURE_WORDS and self.armed.lasts("readback-never-follows", name):
            return
        if name in EXPOSURE_WORDS and self.armed.lasts("stale-readback", name):
            self._stale[name] = self.now + self.armed.seconds("stale-readback", 2.0)
            return
        self.put(name, value)

    def put(self, name: str, value: str) -> None:
        """Set an entry as a person at the body does."""
        self.true[name] = self.shown[name] = value
        twin = {"shutterspeed": "shutterspeed2", "shutterspeed2": "shutterspeed"}.get(
            name, ""
        )
        if twin in self.true:
            self.true[twin] = self.shown[twin] = self._same_place(name, twin, value)

    def _same_place(self, name: str, twin: str, value: str) -> str:
        wanted = parse_value("shutter", value)
        choices = {
            c: parse_value("shutter", c) for c in self.script.entries[twin].choices
        }
        seconds_by_choice = {
            c: seconds for c, seconds in choices.items() if seconds is not None
        }
        if wanted is None or not seconds_by_choice:
            return self.true[twin]
        return min(seconds_by_choice, key=lambda c: abs(seconds_by_choice[c] - wanted))

    # -- focus motor

    def _drive(self, name: str, value: str) -> None:
        if name == "manualfocus":
            self._settle("focusmode")
            if self.armed.lasts("focus-drive-mode", name):
                self.put(
                    "focusmode",
                    next(c for c in self._choices("focusmode") if c != "Manual"),
                )
            if self.true.get("focusmode") != "Manual":
                self.armed.lasts("focus-drive-needs-mf")
                raise BodyError(-2)
            self.focus += round(float(value))
            return
        if self.true.get("viewfinder") != "1" and "viewfinder" in self.true:
            self.armed.lasts("focus-drive-needs-live-view")
            raise BodyError(self.armed.code("focus-drive-needs-live-view"))
        if self.script.entries[name].kind == "RANGE":
            steps = round(float(value)) or 1
            if abs(steps) < TOO_SMALL and self.armed.lasts("focus-drive-too-small"):
                raise BodyError(self.armed.code("focus-drive-too-small"))
            target = self.focus + steps
            self.focus = min(max(target, -self._travel), self._travel)
            if self.focus != target:
                raise BodyError(-113)
            return
        ignored = value == self._last_drive and self.armed.lasts(
            "focus-drive-repeat-ignored"
        )
        self._last_drive = value
        if value != "None" and not ignored:
            direction, _, size = value.partition(" ")
            self.focus += (1 if direction == "Far" else -1) * (1, 6, 30)[int(size) - 1]

    @property
    def _travel(self) -> int:
        """Steps to either end; with its fault armed, the lens stands near to one."""
        return NEAR_END if self.armed.lasts("focus-drive-limit") else TRAVEL

    # -- releases

    def release(self, by: str = "computer") -> Place:
        """Take a picture; the path that ``capture`` returns."""
        for fault in RELEASE_FAULTS:
            waits_for_second = fault == "io-at-second-capture" and not self.shots
            if not waits_for_second and self.armed.happens(fault):
                self.now += self.armed.seconds(fault, 2.0)
                raise BodyError(self.armed.code(fault))
        if self.armed.lasts("card-full") or len(self.shots) >= self.room:
            raise BodyError(-115)
        self._refuse_as_it_is()
        if re.search("Burst|Contin", self.drive) and self.armed.lasts("burst-mode"):
            return self._burst(by)
        for fault in SLOW_RELEASES:
            if self.armed.happens(fault):
                self.now += self.armed.seconds(fault, 10.0)
        if "Internal RAM" in self._choices("capturetarget") and self.armed.happens(
            "target-flips"
        ):
            self.put("capturetarget", "Internal RAM")
        if self.unread:
            self.armed.lasts("lamp-blinks-until-all-fetched")
        self._drained = False
        events = self._exposed(by)
        first = next((event for event in events if event.kind == "RETURN"), None)
        assert first is not None, "the script tells of no file"
        place = _place(first.text)
        begun = self.now
        self._queue += [
            Event(begun + event.at, event.kind, event.text)
            for event in events
            if event.kind in ("FILE_ADDED", "CAPTURE_COMPLETE", "UNKNOWN")
        ]
        if self.armed.happens("silent-mode"):
            self._queue.append(Event(begun + first.at + 0.5, "FILE_ADDED", first.text))
            self._queue.sort(key=lambda event: event.at)
            raise BodyError(self.armed.code("silent-mode"))
        long = self.shots[-1].exposed[1] > LONG_SECONDS
        for fault in ("untold", *(("long-exposure",) if long else ())):
            if self.armed.happens(fault):
                self._queue = [
                    event for event in self._queue if event.kind != "FILE_ADDED"
                ]
                raise BodyError(self.armed.code(fault))
        self.now += first.at
        return place

    def _refuse_as_it_is(self) -> None:
        """What keeps a body from a release as it is set, or after what was done with it before."""
        lasts, code = self.armed.lasts, self.armed.code
        if not self._drained and lasts("queue-not-drained"):
            raise BodyError(code("queue-not-drained"))
        if self._looked > 1 and lasts("capture-after-preview"):
            raise BodyError(code("capture-after-preview"))
        if self._stuck and lasts("busy-after-preview"):
            raise BodyError(code("busy-after-preview"))
        times = {self.true[word].lower() for word in TIME_WORDS if word in self.true}
        if "bulb" in times and lasts("bulb-needs-bulb"):
            raise BodyError(code("bulb-needs-bulb"))
        if self.true.get("prioritymode") == "Camera" and lasts("local-control"):
            raise BodyError(code("local-control"))

    def _burst(self, by: str) -> Place:
        """Several pictures; the oldest one that was not handed out yet is."""
        for _ in range(BURST):
            events = self._exposed(by)
            self._held += [
                _place(e.text) for e in events if e.kind in ("RETURN", "FILE_ADDED")
            ]
        self.now += 1.0
        return self._held.pop(0)

    @property
    def drive(self) -> str:
        """How many pictures a release takes, in the body's words; empty where it does not say."""
        words = ("drivemode", "capturemode")
        return next((self.true[word] for word in words if word in self.true), "")

    def press(self, after: float = 0.0) -> None:
        """Somebody presses the body's own button ``after`` seconds from now."""
        events = self._exposed("finger")
        files = [event for event in events if event.kind in ("RETURN", "FILE_ADDED")]
        self._queue += [
            Event(self.now + after + e.at, "FILE_ADDED", e.text) for e in files
        ]
        self._queue.sort(key=lambda event: event.at)

    def _exposed(self, by: str) -> list[Event]:
        """Expose, keep the files; what will be told of it, times from the release."""
        exposed = (
            parse_value("aperture", self._shown_true(("f-number", "aperture"))) or 5.6,
            parse_value("shutter", self._shown_true(("shutterspeed2", "shutterspeed")))
            or 0.01,
            parse_value("iso", self.true.get("iso", "100")) or 100.0,
        )
        events = self._numbered(self._block())
        number = len(self.shots)
        focus = self.focus
        if self.true.get("autofocus") == "On" and self.armed.lasts(
            "no-autofocus-on-capture"
        ):
            focus += OUT_OF_FOCUS
        places = []
        for event in events:
            if event.kind in ("RETURN", "FILE_ADDED"):
                place = _place(event.text)
                if place not in places:
                    places.append(place)
                raw = PurePosixPath(place[1]).suffix.lower() in RAW_SUFFIXES
                content = raw_of if raw else jpeg_of
                self.files[place] = content(exposed, focus, number, self.now)
                self.contents.setdefault(number, []).append(self.files[place])
        self.shots.append(Shot(exposed, by, tuple(places)))
        self.unread.update(places if by == "computer" else ())
        if self.armed.happens("late-companion"):
            lag = self.armed.seconds("late-companion", 22.0)
            events = [
                Event(e.at + lag, e.kind, e.text) if e.kind == "FILE_ADDED" else e
                for e in events
            ]
        if self.armed.lasts("no-complete"):
            events = [event for event in events if event.kind != "CAPTURE_COMPLETE"]
        return events

    def _shown_true(self, words: tuple[str, ...]) -> str:
        return next((self.true[word] for word in words if word in self.true), "")

    @property
    def target(self) -> str:
        value = self.true.get("capturetarget", "")
        if not self.script.folder or self.armed.lasts("no-card-capture"):
            return "ram"
        return (
            "ram" if "ram" in value.lower() and "card" not in value.lower() else "card"
        )

    @property
    def kinds(self) -> set[str]:
        """What the body is set to write: ``raw``, ``jpeg`` or both."""
        word = next(
            (self.true[n] for n in ("imageformat", "imagequality") if n in self.true),
            "JPEG",
        )
        raw = re.search(r"raw|nef", word, re.IGNORECASE) is not None
        if word == "NEF (Raw)" and self.armed.lasts("words-lie"):
            return {"jpeg"}
        return {"raw"} | ({"jpeg"} if "+" in word else set()) if raw else {"jpeg"}

    def _block(self) -> list[Event]:
        """What the script tells of a shot to the present target, less the files not written."""
        target, events = self.target, self.script.events
        if self.armed.lasts("no-card-capture"):
            return self._made_up()
        doubled = self.armed.left_of("duplicate-names")
        names = [
            title
            for title in events
            if ("duplicate" in title) == bool(doubled)
            and (
                title.split()[0] in ("raw+jpeg", "jpeg", "raw") or _is_of(title, target)
            )
            and "trigger" not in title
            and "idle" not in title
        ]
        if not names:
            return self._made_up()
        block = events[names[0]]
        if doubled and self.armed.lasts("duplicate-names"):
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
        suffixes = {
            "raw": ".ARW" if "Sony" in self.script.model else ".RW2",
            "jpeg": ".JPG",
        }
        written = [suffixes[kind] for kind in sorted(self.kinds, reverse=True)]
        if self.target == "ram":
            paths = [
                f"/capt{n:04d}{suffix.lower()}" for n, suffix in enumerate(written)
            ]
        else:
            paths = [f"{self.script.folder}/P1000001{suffix}" for suffix in written]
        rest = [Event(1.5, "FILE_ADDED", path) for path in paths[1:]]
        return [Event(1.0, "RETURN", paths[0]), *rest, Event(1.6, "CAPTURE_COMPLETE")]

    def _numbered(self, block: list[Event]) -> list[Event]:
        """The block with the numbers that come next."""
        if self.armed.lasts("two-slots"):
            block = [
                replace(event, text=_in_second_slot(event.text)) for event in block
            ]
        numbers = {int(_digits(event.text)) for event in block if _kind(event)}
        kind = (
            "ram" if any(event.text.startswith("/capt") for event in block) else "card"
        )
        start = self._numbers[kind] - min(numbers)
        if kind == "ram":
            self._newest = self._numbers[kind]
        self._numbers[kind] += max(numbers) - min(numbers) + 1
        first = (
            1
            if kind == "card" or "_DSC" in "".join(event.text for event in block)
            else 0
        )
        return [
            event
            if _kind(event) is None
            else Event(event.at, event.kind, _renumbered(event.text, start + first))
            for event in block
        ]

    # -- events, files, pictures

    def wait(self, seconds: float) -> Event:
        """The next event within a time."""
        if self.armed.happens("event-access-denied"):
            raise BodyError(-1)
        if self.armed.happens("wait-blocks"):
            self.now += 3.0
        due = min((event.at for event in self._queue), default=float("inf"))
        endless = ("unnamed-events", "stuck-at-end")
        if due > self.now + 0.1 <= self.now + seconds and any(
            map(self.armed.lasts, endless)
        ):
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
        if (
            not late
            or event.kind != "FILE_ADDED"
            or int(_digits(event.text)) >= self._newest
        ):
            return event
        name = _renumbered(event.text, self._numbers["ram"] - int(_digits(event.text)))
        self._numbers["ram"] += 1
        self.files[_place(name)] = self.files[_place(event.text)]
        return replace(event, text=name)

    def listing(self) -> list[Place]:
        """What can be listed; a Sony body in computer mode shows no card."""
        hidden = self.armed.lasts("card-not-readable")
        places = [place for place in self.files if not hidden or place[0] == "/"]
        if self.armed.lasts("listing-rate"):
            self.now += len(places) / self.script.faults["listing-rate"].per_second
        return places

    def storage(self) -> list[SimpleNamespace]:
        """The card, as libgphoto2 tells of it."""
        if not self.script.folder or self.armed.lasts("card-not-readable"):
            raise BodyError(-6)
        root = "/" + self.script.folder.split("/")[1]
        kilobytes = 60_000_000
        free = 0 if self.armed.lasts("card-full") else kilobytes // 2
        roots = (
            [root, _in_second_slot(root)] if self.armed.lasts("two-slots") else [root]
        )
        return [
            SimpleNamespace(
                basedir=one, capacitykbytes=kilobytes, freekbytes=free, fields=0x1FF
            )
            for one in roots
        ]

    def delete(self, place: Place) -> None:
        if self.armed.lasts("hangs-at-delete"):
            raise BodyHangsError
        del self.files[place]

    def fill_card(self, files: int) -> None:
        """Let the card have old files, of other names than new ones."""
        places = [
            (self.script.folder, f"OLD_{number:04d}.JPG") for number in range(files)
        ]
        self.files.update(dict.fromkeys(places, b"an old picture"))

    def narrow(self, name: str, *choices: str) -> None:
        """Leave an entry only some of its choices, the first of them set."""
        self.script.entries[name] = replace(self.script.entries[name], choices=choices)
        self.put(name, choices[0])

    def preview(self) -> bytes:
        if "preview" not in self.script.abilities:
            raise BodyError(-6)
        for fault in PREVIEW_FAULTS:
            if self.armed.happens(fault):
                raise BodyError(self.armed.code(fault))
        if self._stuck and self.armed.lasts("busy-after-preview"):
            raise BodyError(self.armed.code("busy-after-preview"))
        self._looked += 1
        if "viewfinder" in self.true:
            self.put("viewfinder", "1")  # a body's live view goes on by itself
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


def _neighbour(entry: Entry, value: str) -> str:
    place = entry.choices.index(value)
    return entry.choices[place - 1 if place else 1]


def _is_half_stop(f_number: float) -> bool:
    """Whether an aperture is a full or a half stop, as the rings of lenses have them."""
    halves = 4.0 * math.log2(f_number) if f_number else 0.0
    return abs(halves - round(halves)) < 0.18


def _in_second_slot(path: str) -> str:
    return re.sub(r"^/store_0001", "/store_0002", path)
