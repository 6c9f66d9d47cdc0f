"""Trials of verbs with one fault each: the folder that they begin with, and what is looked at."""

import errno
import hashlib
import math
import os
import re
import shutil
import signal
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tests.failing.warm_process import (
    FAILS,
    IS_SHORT,
    KILLS,
    NO_FAULT,
    Fault,
    Trial,
    WarmProcess,
)
from tests.verbs import SUBVERBS, Verb, present
from tests.verbs import VERBS as VERBS_OF_ALL

ERRORS: Mapping[str, tuple[int, ...]] = {
    "write": (errno.ENOSPC, errno.EIO),
    "fsync": (errno.EIO,),
    "rename": (errno.EIO, errno.EACCES),
    "open": (errno.EMFILE, errno.EACCES),
    "mkdir": (errno.ENOSPC, errno.EACCES),
    "unlink": (errno.EIO,),
    "read": (errno.EIO,),
    "look": (errno.EMFILE, errno.EIO),
    "memory": (errno.ENOMEM,),
}
"""How calls of each kind fail, in turn; ``look`` opens a file to read it."""

STORING = frozenset({"write", "fsync", "rename", "open", "mkdir"})

READING = frozenset({"read", "look"})

SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)

ONLY_ASKS = {"capture doctor", "capture live", "capture config", "data publish"}
"""These store nothing, or what they do does not end by itself."""

SLOW = {
    "restore portrait.png --weights",  # an interpreter is started, which makes weights safe
    "bench weights add",
    "capture develop session",  # a process is started for each picture
}
"""These take seconds a run: they get one of :data:`SLOW_SHARE` trials of others, at least one."""

SLOW_SHARE = 5

LONG_FORM: Mapping[str, str] = {
    "bench chart measure": "a chart is 10 megapixels, and takes ten seconds a run",
}
"""Verbs that are tried where ``DEFOCUS_FAULTS`` is set alone, and why."""

RESUMED = {"capture shoot shot": "resume shot", "capture chart shoot": "resume session"}
"""The same command again would shoot a further pair or chart; another one finishes what is left,
and compares every file with its checksum. A picture that is taken again has other noise."""

ASKED = os.environ.get("DEFOCUS_FAULTS")
"""Number of trials of a verb, or ``all``; none where the full ring runs."""

TRIED = VERBS_OF_ALL if ASKED is None else (*VERBS_OF_ALL, *SUBVERBS)
"""One of each group of verbs, or all that it has."""

VERBS = [
    verb
    for verb in present(TRIED)
    if not any(str(verb).startswith(one) for one in ONLY_ASKS)
]


def verb_called(name: str) -> Verb:
    """The verb of this name among those that are tried."""
    (verb,) = [one for one in VERBS if str(one) == name]
    return verb


GROWING = re.compile(
    r"(^|/)(checksums\.sha256|session\.json|journal\.jsonl|restored\.json|study\.json)$"
)
"""Files that are written whole again with each step of the work."""

TIMED = re.compile(r"(^|/)(mine\.zip|report\.(pdf|html))$")
"""Files that hold a time of day or the seconds that something took."""

IS_RELEASED = "choose another folder"
"""What ``package`` says of a release without the pairs that could not be read when it was made."""

IS_NOT_JUDGED = "not judged: "
"""What is said of a pair whose pictures could not be read or held; ``check`` judges it later."""

_KEPT_ASIDE = re.compile(r"(^|/)interrupted(/|$)|journal-copies|\.damaged$")
"""What a session keeps of an interrupted shot, other originals, which are never deleted, and
spare copies of its journal, which are made by turns."""

Content = Mapping[str, str]
"""SHA-256 of each file by its path; folders have none."""

Row = Mapping[str, tuple[int, int]]
"""Trials of a verb and how many of them went wrong, by the name of the fault."""


@dataclass(frozen=True)
class Bench:
    """The warm process, the prepared folder, and where trials are."""

    warm: WarmProcess
    prepared: Path
    place: Path

    def fresh(self) -> None:
        """Make a new copy of the prepared folder and of the cache, at the same paths each time."""
        shutil.rmtree(self.place, ignore_errors=True)
        for name in ("world", "cache"):
            shutil.copytree(self.prepared / name, self.place / name, symlinks=True)

    def run(self, verb: Verb, fault: Fault = NO_FAULT) -> Trial:
        """The verb in the present copy."""
        words = list(verb.words)
        if "--on" in words and not fault.in_children:  # faults are of one process
            words[words.index("--on") + 1] = "1"
        return self.warm.run(verb.program, words, self.place / "world", fault)

    def content(self) -> dict[str, str]:
        """What is in the folder, and in those that a verb has made beside it."""
        content = {}
        for path in self.place.rglob("*"):
            name = path.relative_to(self.place)
            if name.parts[0] != "cache":
                content[str(name)] = _digest(path)
        return content


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""


@dataclass(frozen=True)
class Undisturbed:
    """What a verb does where nothing fails."""

    trial: Trial
    before: Content
    right: Content
    lasting: frozenset[str]
    """Files that have the same bytes in each run."""


def refuse_long_form(verb: Verb) -> None:
    """Skip a verb that the full ring leaves out."""
    if ASKED is None and str(verb) in LONG_FORM:
        pytest.skip(f"long: set DEFOCUS_FAULTS; {LONG_FORM[str(verb)]}")


def undisturbed(verb: Verb, bench: Bench) -> Undisturbed:
    """Run a verb twice from the beginning."""
    bench.fresh()
    before = bench.content()
    trial = bench.run(verb)
    right = bench.content()
    _wait_for_next_second()
    bench.fresh()
    assert bench.run(verb).code == trial.code
    again = bench.content()
    assert right.keys() == again.keys()
    lasting = {
        name for name in right if right[name] == again[name] and not TIMED.search(name)
    }
    return Undisturbed(trial, before, right, frozenset(lasting))


def _wait_for_next_second() -> None:
    """A file with the time of day in it is another one then."""
    now = time.time()
    time.sleep(math.ceil(now) - now)


def unfinished(bench: Bench, verb: Verb, whole: Trial) -> Iterator[str]:
    """What is wrong with a run that resumes the work, or begins it if there is nothing yet."""
    after = bench.run(replace(verb, words=tuple(RESUMED[str(verb)].split())))
    if after.code not in {0, whole.code, 2}:  # 2 is of a session that has not begun
        yield f"what resumes it ends with {after.code}: {after.said}"
    yield from (
        f"{name} is left" for name in sorted(bench.content()) if ".part" in name
    )


def repeated_code(verb: Verb, bench: Bench) -> int:
    """What a verb ends with where it has been before: some refuse what an earlier one finished."""
    bench.fresh()
    bench.run(verb)
    return bench.run(verb).code


def faults_of(counts: Mapping[str, int], kinds: Sequence[str]) -> list[Fault]:
    """Every fault of these kinds that a verb can have."""
    every: list[Fault] = []
    for kind in kinds:
        for at in range(1, counts[kind] + 1):
            errors = ERRORS[kind]
            every.append(Fault(kind, at, FAILS, errors[at % len(errors)]))
            if kind in {"read", "write"}:
                every.append(Fault(kind, at, IS_SHORT))
            if kind in STORING:
                every.append(Fault(kind, at, KILLS, SIGNALS[at % len(SIGNALS)]))
    return every


def tried(verb: Verb, every: Sequence[Fault], number: int) -> list[Fault]:
    """Those that are tried: every k-th of them, or all where that is asked for."""
    asked = number if ASKED is None else len(every)
    if ASKED not in {None, "all"}:
        asked = int(ASKED)
    if ASKED != "all" and str(verb) in {*SLOW, *LONG_FORM}:
        asked = max(1, asked // SLOW_SHARE)
    if len(every) <= asked:
        return list(every)
    step = len(every) / asked
    # another one for each, so that all kinds are tried
    phase = VERBS.index(verb) * 0.618 % 1
    return [every[int((index + phase) * step)] for index in range(asked)]


def name_of(fault: Fault) -> str:
    """What the table of trials calls a fault."""
    return {FAILS: fault.kind, IS_SHORT: f"short {fault.kind}", KILLS: "signal"}[
        fault.fate
    ]


def row_of(faults: Sequence[Fault], wrong: Counter[str]) -> Row:
    """The row of a verb in the table of trials."""
    trials = Counter(map(name_of, faults))
    return {name: (number, wrong[name]) for name, number in trials.items()}


def table_of(rows: Mapping[str, Row]) -> Iterator[str]:
    """The lines of the table of trials: a verb a line, a fault a column, and sums."""
    names = list(dict.fromkeys(name for row in rows.values() for name in row))
    total: dict[str, tuple[int, int]] = {}
    for name in names:
        cells = [row[name] for row in rows.values() if name in row]
        total[name] = (
            sum(number for number, _ in cells),
            sum(wrong for _, wrong in cells),
        )
    width = max(map(len, rows))
    yield " ".join([" " * width, *(f"{name:>12}" for name in (*names, "all"))])
    for verb, row in (*rows.items(), ("all", total)):
        summed = (
            sum(number for number, _ in row.values()),
            sum(wrong for _, wrong in row.values()),
        )
        cells = [*(row.get(name, (0, 0)) for name in names), summed]
        yield " ".join([f"{verb:{width}}", *(f"{_cell(*cell):>12}" for cell in cells)])
    trials, wrong = summed
    yield f"{trials} trials of {len(rows)} verbs; {wrong} went wrong"


def _cell(number: int, wrong: int) -> str:
    if number == 0:
        return "-"
    return f"{number}/{wrong}" if wrong else str(number)


def told(fault: Fault, trial: Trial, problems: Sequence[str]) -> list[str]:
    """What was wrong with a trial, as a person reads it; nothing where nothing was."""
    if not problems:
        return []
    name = f"{name_of(fault)} {fault.value} at {fault.kind} {fault.at}"
    words = [f"{name}: {one[-400:]}" for one in problems[:4]]
    return [*words, trial.said[-800:]]


def half_written(content: Content, verb: Undisturbed) -> Iterator[str]:
    """The files under final names that are neither what they were nor what they should be."""
    for name in sorted(content.keys() & verb.lasting):
        whole = {verb.right[name], verb.before.get(name)}
        if not (_is_hidden(name) or GROWING.search(name) or content[name] in whole):
            yield f"{name} is half-written"


def differences(
    after: Trial, codes: set[int], content: Content, verb: Undisturbed
) -> Iterator[str]:
    """What a run gives otherwise than an undisturbed one."""
    if after.code not in codes:
        yield f"the next run ends with {after.code}: {after.said}"
    for name in sorted(verb.right.keys() - content.keys()):
        if not _KEPT_ASIDE.search(name):
            yield f"the next run gives no {name}"
    for name in sorted(content.keys() - verb.right.keys()):
        if not _KEPT_ASIDE.search(name):
            yield f"{name} is left"
    for name in sorted(content.keys() & verb.lasting):
        if content[name] != verb.right[name]:
            yield f"the next run gives another {name}"


def _is_hidden(name: str) -> bool:
    return any(part.startswith(".") for part in Path(name).parts)
