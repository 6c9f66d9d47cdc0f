"""Damaged inputs for readers: a fixed corpus, fresh seeds, and what a reader may do with them.

``DEFOCUS_FUZZ_SECONDS`` is for each reader, from 3600 on for all together; ``…_INPUTS`` and
``…_ONLY`` choose inputs and readers. The seed is new and printed; ``…_SEED`` repeats one.
"""

import contextlib
import hashlib
import json
import lzma
import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

from defocus.errors import DefocusError

INPUTS = int(os.environ.get("DEFOCUS_FUZZ_INPUTS", "25"))
"""For each reader, where no time is asked for."""

KEPT = Path(__file__).with_name("kept")
"""Inputs that ever broke a reader; new ones come here, or into ``DEFOCUS_FUZZ_KEEP``."""

LONGEST_S = 60
"""An input that takes longer hangs; the machine may be busy."""

WORDS = (
    b"\0",
    b"\xff" * 4,
    b"\x7f\xff\xff\xff",
    b"\x80",
    b"-1",
    b"1e999",
    b"NaN",
    b"\n",
    b"../..",
)
VALUES: tuple[Any, ...] = (
    *(
        None,
        True,
        -1,
        0,
        1e308,
        10**30,
        "",
        "x",
        "../x",
        "a\nb\0",
        [],
        {},
        [[]],
        {"a": 1},
    ),
    *("con", "9" * 300, [None], "\u202e", 0.5, "ok", "1" * 64),
)


@dataclass(frozen=True)
class DamagedReader:
    """A reader and the files that it reads, which are damaged one at a time.

    ``kept`` takes the damaged content to what is written, such as a new sum of it; ``drawn`` draws
    a content anew, where that finds more than damage does."""

    name: str
    files: tuple[Path, ...]
    read: Callable[[], object]
    kept: Callable[[bytes], bytes] = bytes
    drawn: Callable[[random.Random], bytes] | None = None


def seed_of_today() -> int:
    """The seed: the given one, or a new one."""
    if "DEFOCUS_FUZZ_SEED" in os.environ:
        return int(os.environ["DEFOCUS_FUZZ_SEED"])
    return random.SystemRandom().randrange(2**32)


def tried(target: DamagedReader, seconds: float | None, seed: int) -> int:
    """Damage a reader's files and read them, for so long or :data:`INPUTS` times; the number."""
    draws = random.Random(f"{seed} {target.name}")
    whole = {file: file.read_bytes() for file in target.files}
    until = time.monotonic() + (seconds or 0)
    number = 0
    while time.monotonic() < until if seconds else number < INPUTS:
        file = draws.choice(target.files)
        if target.drawn is None:
            content = target.kept(damaged(whole[file], file.suffix, draws))
        else:
            content = target.drawn(draws)
        number += 1
        try:
            take(target, file, content)
        except BaseException as error:
            kept = keep(target, file, content)
            raise AssertionError(
                f"{target.name}: seed {seed}, input {number}, kept as {kept}: {error!r}"
            ) from error
        file.write_bytes(whole[file])
    return number


def take(target: DamagedReader, file: Path, content: bytes) -> None:
    """Read with one file damaged; what is raised is a fault of the reader."""
    file.write_bytes(content)
    with limited(LONGEST_S), foreseen():
        target.read()


def keep(target: DamagedReader, file: Path, content: bytes) -> Path:
    """Keep an input that broke a reader, where :func:`kept_inputs` finds it."""
    folder = Path(os.environ.get("DEFOCUS_FUZZ_KEEP", KEPT)) / target.name / file.name
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / hashlib.sha256(content).hexdigest()[:12]
    path.write_bytes(content)
    return path


def kept_inputs() -> list[Path]:
    """Inputs that broke a reader once: files in ``kept``, by reader and by the file it was."""
    return sorted(path for path in KEPT.glob("*/*/*") if path.is_file())


def kept_content(path: Path) -> bytes:
    """An input that broke a reader; large ones are kept packed."""
    content = path.read_bytes()
    return lzma.decompress(content) if path.suffix == ".xz" else content


@contextlib.contextmanager
def foreseen() -> Iterator[None]:
    """Errors of the package's own are no faults, but for those that ask to be reported."""
    try:
        yield
    except DefocusError as error:
        if "please report" in str(error):
            raise AssertionError(str(error)) from error


def damaged(content: bytes, suffix: str, draws: random.Random) -> bytes:
    """The content with one to three damages; JSON documents also get wrong values."""
    if suffix in {".json", ".jsonl"} and draws.random() < 0.7:
        with contextlib.suppress(ValueError):
            document = json.loads(content)
            for _ in range(draws.randint(1, 2)):
                document = wrong_value(document, draws)
            return json.dumps(document, indent=1).encode()
    for _ in range(draws.randint(1, 3)):
        content = damaged_once(content, draws)
    return content


def damaged_once(content: bytes, draws: random.Random) -> bytes:
    at = draws.randrange(len(content) + 1)
    end = min(len(content), at + draws.choice((1, 2, 4, 64, 4096)))
    if draws.random() < 0.5:  # where formats have their headers
        at, end = at % 200, at % 200 + 1
    kind = draws.randrange(6)
    if kind == 0 and content:
        at = min(at, len(content) - 1)
        return (
            content[:at]
            + bytes([content[at] ^ 1 << draws.randrange(8)])
            + content[at + 1 :]
        )
    if kind == 1:
        return content[:at]
    if kind == 2:
        return content[:at] + content[end:]
    if kind == 3:
        return content[:end] + content[at:]
    word = draws.choice(WORDS)
    return content[:at] + word + content[at + (len(word) if kind == 4 else 0) :]


def wrong_value(document: Any, draws: random.Random) -> Any:
    """The document with one value replaced, removed or renamed, at any depth."""
    if isinstance(document, dict) and document and draws.random() < 0.85:
        key = draws.choice(sorted(document))
        if draws.random() < 0.1:
            return {k: v for k, v in document.items() if k != key}
        if draws.random() < 0.05:
            return {**document, "other": document[key]}
        return {**document, key: wrong_value(document[key], draws)}
    if isinstance(document, list) and document and draws.random() < 0.85:
        at = draws.randrange(len(document))
        return [*document[:at], wrong_value(document[at], draws), *document[at + 1 :]]
    return draws.choice(VALUES)


@contextlib.contextmanager
def limited(seconds: int) -> Iterator[None]:
    """An error for what takes longer."""

    def over(_number: int, _frame: FrameType | None) -> None:
        raise TimeoutError(f"longer than {seconds} s")

    before = signal.signal(signal.SIGALRM, over)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
