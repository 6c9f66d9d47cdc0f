"""A body's text file: configuration, events and faults.

Entries are those of ``gphoto2 --list-all-config``; ``@`` begins other lines, ``~`` inferred ones.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Entry:
    """One entry of the configuration; ``kind`` as gphoto2 names it, such as ``RADIO``."""

    path: str
    kind: str = "TEXT"
    value: str = ""
    choices: tuple[str, ...] = ()
    span: tuple[float, float, float] = (0.0, 0.0, 0.0)
    read_only: bool = False

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path.rpartition("/")[2]


@dataclass(frozen=True)
class Event:
    """What is told ``at`` seconds after a release: a kind, and a path or words."""

    at: float
    kind: str
    text: str = ""


@dataclass(frozen=True)
class Fault:
    """What the file says of a fault; ``per_second``, files that it lists."""

    name: str
    codes: tuple[int, ...] = ()
    names: tuple[str, ...] = ()
    seconds: float = 0.0
    per_second: float = 0.0


@dataclass
class Script:
    """A whole file; nothing plays those of its faults that are of fingers or of the display."""

    model: str = ""
    abilities: tuple[str, ...] = ()
    folder: str = ""
    entries: dict[str, Entry] = field(default_factory=dict)
    events: dict[str, list[Event]] = field(default_factory=dict)
    faults: dict[str, Fault] = field(default_factory=dict)


def read_script(path: Path) -> Script:
    """Read a body's file."""
    script = Script()
    lines = iter(path.read_text(encoding="utf-8").splitlines())
    for line in lines:
        text = line.removeprefix("~")
        if not text.strip() or text.startswith(("#", "END")):
            continue
        if text.startswith("/"):
            entry = _entry(text, lines)
            script.entries[entry.name] = entry
        elif text.startswith("@events"):
            title = text.partition("#")[0].removeprefix("@events").strip()
            script.events[title] = list(_events(lines))
        elif text.startswith("@fault"):
            fault = _fault(text)
            script.faults.setdefault(fault.name, fault)
        elif text.startswith("@"):
            _about(script, text)
        else:
            raise ValueError(f"{path}: '{line}' is no line of a body")
    return script


def _about(script: Script, text: str) -> None:
    key, _, value = text.partition("#")[0].strip().partition(" ")
    if key == "@model":
        script.model = value.strip()
    elif key == "@abilities":
        script.abilities = tuple(value.split())
    elif key == "@names" and (match := re.search(r"folder=(\S+)", value)):
        script.folder = match[1]


def _entry(path: str, lines: Iterator[str]) -> Entry:
    kind, value, read_only = "TEXT", "", False
    choices: list[str] = []
    span = {"Bottom": 0.0, "Top": 0.0, "Step": 0.0}
    for line in lines:
        key, _, said = line.removeprefix("~").partition(": ")
        if key == "END":
            break
        if key == "Type":
            kind = said
        elif key == "Current":
            value = said
        elif key == "Readonly":
            read_only = said.strip() == "1"
        elif key == "Choice":
            choices.append(said.partition(" ")[2])
        elif key == "Choices":
            choices += _regular(said)
        elif key in span:
            span[key] = float(said.replace(",", "."))  # one dump has decimal commas
    limits = (span["Bottom"], span["Top"], span["Step"])
    return Entry(path, kind, value, tuple(choices), limits, read_only)


def _regular(said: str) -> list[str]:
    """``751 from 2500 to 10000 step 10`` written out."""
    count, low, _, step = (int(number) for number in re.findall(r"\d+", said))
    return [str(low + index * step) for index in range(count)]


def _events(lines: Iterator[str]) -> Iterator[Event]:
    for line in lines:
        text = line.removeprefix("~").partition("   #")[0].strip()
        if text == "@end":
            return
        match = re.match(r"(?:\+([\d.]+) )?([A-Z_]+)(?: (.*))?$", text)
        if match:  # what never comes is simply not there
            yield Event(float(match[1] or 0.0), match[2], (match[3] or "").strip())


def _fault(text: str) -> Fault:
    head = text.partition(" : ")[0]
    code = re.search(r"code=([-\d|]+)", head)
    names = re.search(r"names=(\S+)", head)
    seconds = re.search(r"(?:\bseconds|lag|after)=(\d+(?:\.\d+)?)", head)
    rate = re.search(r"files-per-second=(\d+)", head)
    return Fault(
        head.split()[1],
        tuple(int(c) for c in re.findall(r"-\d+", code[1])) if code else (),
        tuple(names[1].split(",")) if names else (),
        float(seconds[1]) if seconds else 0.0,
        float(rate[1]) if rate else 0.0,
    )
