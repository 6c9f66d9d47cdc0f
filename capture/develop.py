"""Develop the pairs of a session, both pictures with equal parameters and white balance.

``develop.json`` has the session and settings, a folder for each kind of shot (``blurry/`` …) the
PNG files, and ``records/`` a file with the SHA-256 of sources and results; its presence marks a
finished pair. ``pairs:DIR`` is a dataset of it. Originals are read, never changed.
"""

import signal
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from importlib.metadata import version
from itertools import chain
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from defocus import __version__
from defocus.blocks.derived import LeftBehind, left_behind
from defocus.capture.develop_settings import DevelopSettings
from defocus.capture.developed_pair import PairTask, develop_pair, developed_files, is_developed
from defocus.capture.sessions.session import read_state
from defocus.errors import DatasetError, StorageError
from defocus.files import make_folder, write_json
from defocus.isolation import reason_of, stops_everything
from defocus.processes import worker_context
from defocus.progress import MessageSettings, say, telling, track
from defocus.reading import read_json

SCHEMA = 1


@dataclass(frozen=True)
class Developed:
    """Result of developing a session, as ids of pairs, and what the pictures lack."""

    done: tuple[str, ...]
    done_before: tuple[str, ...]
    failed: tuple[str, ...]
    lacking: tuple[LeftBehind, ...] = ()


def develop_session(root: Path, out: Path, settings: DevelopSettings, jobs: int) -> Developed:
    """Develop every complete, accepted pair, ``jobs`` at once in processes; finished ones are kept.

    A pair that cannot be developed is reported in one line on stderr; the others continue."""
    state, _ = read_state(root)
    pairs = [pair for _, pair in sorted(state.complete.items()) if pair.verdict != "reject"]
    if not pairs:
        raise DatasetError(f"{root}: no accepted pair; see 'defocus-capture check {root}'")
    _claim(out, {"schema": SCHEMA, "session": state.id, "settings": settings.model_dump()})
    for left in out.glob("*/.*.part.*"):  # of killed runs; nobody else writes in there
        left.unlink(missing_ok=True)
    tasks = [PairTask(root.absolute(), out.absolute(), pair, settings) for pair in pairs]
    before = {task.pair.id for task in tasks if is_developed(task)}
    failed = set(_develop_all([task for task in tasks if task.pair.id not in before], jobs))
    whole = (task for task in tasks if task.pair.id not in failed)
    pictures = chain.from_iterable(map(developed_files, whole))
    return Developed(
        tuple(pair.id for pair in pairs if pair.id not in before | failed),
        tuple(sorted(before)),
        tuple(sorted(failed)),
        left_behind(pictures),
    )


def _claim(out: Path, document: dict[str, Any]) -> None:
    """Claim ``out`` for this session and these settings, or recognise it."""
    marker = out / "develop.json"
    if marker.is_file():
        try:
            told = read_json(marker)
            same = all(told[key] == value for key, value in document.items())
        except (ValueError, LookupError, TypeError) as error:
            raise DatasetError(f"{marker}: damaged ({error}); choose another --out") from error
        if not same:
            raise DatasetError(
                f"{out}: was developed from another session or with other settings "
                f"({told.get('settings')}); choose another --out"
            )
        return
    if out.is_file() or (out.is_dir() and any(out.iterdir())):
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


def _develop_all(tasks: Sequence[PairTask], jobs: int) -> Iterable[str]:
    """Develop all pairs; return the ids of those that failed."""
    with ThreadPoolExecutor(jobs) as pool:
        futures = {pool.submit(_in_own_process, task): task.pair.id for task in tasks}
        try:
            for future in track(as_completed(futures), "developing", total=len(futures)):
                if problem := future.result():
                    say(f"{futures[future]}: {problem}", error=True)
                    yield futures[future]
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _in_own_process(task: PairTask) -> str:
    """Develop a pair in a separate process; return the error, or nothing."""
    context = worker_context(__name__)
    receiving, sending = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(task, sending, telling))
    process.start()
    sending.close()
    try:
        problem: str | StorageError = receiving.recv()
    except EOFError:
        process.join()
        return f"its development crashed (exit code {process.exitcode}); is the RAW file whole?"
    finally:
        process.join()
        receiving.close()
    if isinstance(problem, StorageError):
        raise problem
    return problem


def _work(
    task: PairTask, sending: "Connection[str | StorageError, str]", parent: MessageSettings
) -> None:
    telling.log_file, telling.verbose = parent.log_file, parent.verbose
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C ends this process without a word
    try:
        develop_pair(task)
    except Exception as error:  # noqa: BLE001 - whatever fails with one pair is its own line
        # what stops everything here is a disk that takes no more
        sending.send(StorageError(str(error)) if stops_everything(error) else reason_of(error))
    else:
        sending.send("")
