"""Every verb, with the n-th write, fsync, rename, open, mkdir, unlink or read of it failing.

Nothing is half-written under a final name, the exit code is right, one line says what is wrong, no
temporary file stays, and the next run gives the bytes of an undisturbed one. So it is where a
signal comes at the n-th operation. ``DEFOCUS_FAULTS=all`` tries every n, ``some`` a few.
"""

import errno
import hashlib
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tests.command_process import COMMANDS, run_command
from tests.verbs import Verb, prepare, present
from tests.warm_process import FAILS, IS_SHORT, KILLS, KINDS, NO_FAULT, Fault, Trial, WarmProcess

pytestmark = [
    pytest.mark.full,
    pytest.mark.timeout(3600),
    pytest.mark.skipif(
        "DEFOCUS_FAULTS" not in os.environ, reason="long: set DEFOCUS_FAULTS to 'some' or 'all'"
    ),
]

ERRORS: Mapping[str, tuple[int, ...]] = {
    "write": (errno.ENOSPC, errno.EIO),
    "fsync": (errno.EIO,),
    "rename": (errno.EIO, errno.EACCES),
    "open": (errno.EMFILE, errno.EACCES),
    "mkdir": (errno.ENOSPC, errno.EACCES),
    "unlink": (errno.EIO,),
    "read": (errno.EIO,),
}
"""How operations of each kind fail, in turn."""

STORING = frozenset({"write", "fsync", "rename", "open", "mkdir"})

SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)

TRIALS_OF_A_VERB = 2
"""As many, spread over its operations, make two minutes of all verbs on two cores."""

ALL = os.environ.get("DEFOCUS_FAULTS") == "all"

ONLY_ASKS = {"capture doctor", "capture live", "capture config", "data publish"}
"""These store nothing, or what they do does not end by itself."""

RESUMED = {"capture shoot shot": "resume shot"}
"""The same command again would plan a further pair; another one shoots what is left, and compares
every file with its checksum. A picture that is taken again has other noise."""

GROWING = re.compile(
    r"(^|/)(checksums\.sha256|session\.json|journal\.jsonl|restored\.json|study\.json)$"
)
"""Files that are written whole again with each step of the work."""

TIMED = re.compile(r"(^|/)(mine\.zip|report\.(pdf|html))$")
"""Files that hold a time of day or the seconds that something took."""

Content = Mapping[str, str]
"""SHA-256 of each file by its path; folders have none."""


@dataclass(frozen=True)
class Bench:
    """The warm process, the prepared folder, and where trials are."""

    warm: WarmProcess
    prepared: Path
    place: Path
    cache: Path

    def fresh(self) -> Path:
        """A new copy of the prepared folder and of the cache, at the same paths each time."""
        shutil.rmtree(self.place, ignore_errors=True)
        shutil.copytree(self.prepared / "world", self.place / "world", symlinks=True)
        shutil.copytree(self.prepared / "cache", self.place / "cache", symlinks=True)
        return self.place / "world"

    def run(self, verb: Verb, fault: Fault = NO_FAULT) -> Trial:
        """The verb in the present copy."""
        words = [word.replace("../", "") for word in verb.words]
        if "--on" in words:  # faults are of one process
            words[words.index("--on") + 1] = "1"
        return self.warm.run(verb.program, words, self.place / "world", fault)

    def content(self) -> dict[str, str]:
        """What is in the folder."""
        world = self.place / "world"
        return {str(path.relative_to(world)): _digest(path) for path in world.rglob("*")}


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""


@pytest.fixture(scope="module")
def library(tmp_path_factory) -> Path:
    """The library that lets operations fail, built here."""
    compiler = shutil.which("cc")
    if compiler is None or os.uname().sysname != "Linux":
        pytest.skip("a C compiler and Linux are needed to let single operations fail")
    built = tmp_path_factory.mktemp("library") / "failing.so"
    source = Path(__file__).with_name("failing_storage.c")
    command = [compiler, "-shared", "-fPIC", "-O1", "-o", str(built), str(source), "-ldl"]
    subprocess.run(command, check=True)
    return built


@pytest.fixture(scope="module")
def bench(library, tmp_path_factory) -> Iterator[Bench]:
    root = tmp_path_factory.mktemp("faults")
    prepared, place = root / "prepared", root / "trials"
    (prepared / "world").mkdir(parents=True)
    place.mkdir()
    environment = {"DEFOCUS_CACHE": str(prepared / "cache")}

    def run(command: str, *words: str) -> "subprocess.CompletedProcess[str]":
        settings = {**os.environ, **environment}
        done = run_command(COMMANDS[command], words, prepared / "world", settings)
        assert done.returncode == 0, done.stderr
        return done

    prepare(prepared / "world", run)
    trials = {"DEFOCUS_CACHE": str(place / "cache")}
    with WarmProcess(place, library, trials) as warm:
        yield Bench(warm, prepared, place, place / "cache")


def faults_of(counts: Mapping[str, int]) -> list[Fault]:
    """The faults that are tried of a verb: all, or some, spread over them."""
    every: list[Fault] = []
    for kind in KINDS:
        for at in range(1, counts[kind] + 1):
            errors = ERRORS[kind]
            every.append(Fault(kind, at, FAILS, errors[at % len(errors)]))
            if kind in {"read", "write"}:
                every.append(Fault(kind, at, IS_SHORT))
            if kind in STORING:
                every.append(Fault(kind, at, KILLS, SIGNALS[at % len(SIGNALS)]))
    if ALL or len(every) <= TRIALS_OF_A_VERB:
        return every
    step = len(every) / TRIALS_OF_A_VERB
    return [every[int((number + 0.5) * step)] for number in range(TRIALS_OF_A_VERB)]


VERBS = [verb for verb in present() if not any(str(verb).startswith(one) for one in ONLY_ASKS)]


@pytest.mark.parametrize("verb", VERBS, ids=str)
def test_a_fault_of_the_disk_is_told_and_the_same_command_goes_on(verb, bench):
    bench.fresh()
    before = bench.content()
    undisturbed = bench.run(verb)
    right = bench.content()
    bench.fresh()
    assert bench.run(verb).code == undisturbed.code
    again = bench.content()
    assert right.keys() == again.keys()
    lasting = {name for name in right if right[name] == again[name] and not TIMED.search(name)}
    repeated = bench.run(verb).code
    wrong = []
    for fault in faults_of(undisturbed.counts):
        bench.fresh()
        trial = bench.run(verb, fault)
        problems = list(problems_of(trial, fault, undisturbed))
        if str(verb) in RESUMED:
            problems += unfinished(bench, verb, undisturbed)
        else:
            lacks_an_item = fault.kind == "read" and fault.fate == FAILS and trial.code == 1
            if not lacks_an_item:
                problems += half_written(bench.content(), before, right, lasting)
            after = bench.run(verb)
            # some commands refuse what an earlier one has finished
            ended = trial.code == undisturbed.code
            codes = {undisturbed.code, repeated if ended else undisturbed.code}
            problems += differences(after, codes, bench.content(), right, lasting)
        wrong += [f"{fault}: {one}\n{trial.said}" for one in problems]
    assert not wrong, "\n".join(wrong)


def problems_of(trial: Trial, fault: Fault, undisturbed: Trial) -> Iterator[str]:
    """What is wrong with how a command with a fault ended."""
    if "Traceback" in trial.said:
        yield "a traceback"
    killed = fault.fate == KILLS
    if killed and trial.code not in {-fault.value, 130, undisturbed.code}:
        yield f"exit code {trial.code} after a signal"
    codes = {0, 1, 2, 5, undisturbed.code}
    if fault.fate == IS_SHORT:
        codes = {undisturbed.code}
    if not killed and trial.code not in codes:
        yield f"exit code {trial.code}"
    told = trial.code == 5 or "DEFOCUS_CACHE" in trial.said
    fails_to_store = fault.fate == FAILS and fault.kind in STORING
    if fails_to_store and trial.code != undisturbed.code and not told:
        yield f"exit code {trial.code}, though nothing is wrong with what is read"


def half_written(
    content: Content, before: Content, right: Content, lasting: set[str]
) -> Iterator[str]:
    """The files under final names that are neither what they were nor what they should be."""
    for name in sorted(content.keys() & lasting):
        whole = {right[name], before.get(name)}
        if not (_is_hidden(name) or GROWING.search(name) or content[name] in whole):
            yield f"{name} is half-written"


def unfinished(bench: Bench, verb: Verb, undisturbed: Trial) -> Iterator[str]:
    """What is wrong with a run that resumes the work, or begins it if there is nothing yet."""
    after = bench.run(replace(verb, words=tuple(RESUMED[str(verb)].split())))
    if after.code not in {undisturbed.code, 2}:  # 2 is of a session that has not begun
        yield f"what resumes it ends with {after.code}: {after.said}"
    yield from (f"{name} is left" for name in sorted(bench.content()) if ".part" in name)


def differences(
    after: Trial, codes: set[int], content: Content, right: Content, lasting: set[str]
) -> Iterator[str]:
    """What the next run gives otherwise than an undisturbed one."""
    if after.code not in codes:
        yield f"the next run ends with {after.code}: {after.said}"
    for name in sorted(right.keys() - content.keys()):
        yield f"the next run gives no {name}"
    for name in sorted(content.keys() - right.keys()):
        if not _KEPT_ASIDE.search(name):
            yield f"{name} is left"
    for name in sorted(content.keys() & lasting):
        if content[name] != right[name]:
            yield f"the next run gives another {name}"


_KEPT_ASIDE = re.compile(r"(^|/)interrupted(/|$)|journal-copies|\.damaged$")
"""What a session keeps of a shot that was interrupted, and other originals: never deleted."""


def _is_hidden(name: str) -> bool:
    return any(part.startswith(".") for part in Path(name).parts)


def test_an_operation_that_fails_does_fail(bench):
    """The library lets what it counts fail: a trial with a full disk is no undisturbed one."""
    (verb,) = [one for one in VERBS if str(one) == "data package pairs:pairs"]
    bench.fresh()
    counts = bench.run(verb).counts
    assert min(counts[kind] for kind in STORING) > 0
    bench.fresh()
    trial = bench.run(verb, Fault("fsync", counts["fsync"] // 2, FAILS, errno.EIO))
    assert trial.code == 5
    assert "the disk reports a fault" in trial.said
    assert [path.name for path in (bench.place / "world").glob("package*")] == []
