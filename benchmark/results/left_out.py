"""Pictures that could not be read: a run's scores, or its training, are without them."""

from collections.abc import Iterable
from pathlib import Path

from defocus.benchmark.results.run_folder import run_folder
from defocus.benchmark.results.scores.score import Score
from defocus.benchmark.results.store import STORE, Results, read_results
from defocus.isolation import LeftOut
from defocus.progress import counted
from defocus.reading import read_json

__all__ = [
    "UNREAD",
    "fewer_words",
    "left_out_of_run",
    "left_out_of_study",
    "trained_datasets",
    "unread_pairs",
]

UNREAD = "not read: "
"""Begins the reason of the scores of a picture that was left out."""

_FEWER = ", without "


def left_out_of_run(results: Results, run: str) -> tuple[LeftOut, ...]:
    """The test pairs that a stored run is without, as a picture could not be read."""
    unread = results.without_value(run, UNREAD)
    return tuple(LeftOut(pair, reason.removeprefix(UNREAD)) for pair, reason in unread)


def unread_pairs(scores: Iterable[Score]) -> set[str]:
    """The pairs all of whose scores say that a picture could not be read."""
    known = list(scores)
    read = {one.pair for one in known if not (one.reason or "").startswith(UNREAD)}
    return {one.pair for one in known} - read


def left_out_of_study(out: Path) -> tuple[LeftOut, ...]:
    """The pairs that stored runs of a study, their datasets or trainings are without."""
    if not (out / STORE).is_file():
        return ()
    found: dict[LeftOut, None] = {}
    with read_results(out / STORE) as results:
        for entry in results.entries():
            record = _record(run_folder(out, entry.run) / "run.json")
            for name in ("left_out", "training_left_out"):
                found |= {LeftOut(str(one["id"]), str(one["reason"])): None for one in record[name]}
            found |= dict.fromkeys(left_out_of_run(results, entry.run))
    return tuple(sorted(found, key=lambda one: one.id))


def _record(path: Path) -> dict[str, list[dict[str, str]]]:
    """What a run's record says of pairs that are left out; nothing if it cannot be read."""
    try:
        record = read_json(path)
        return {name: list(record.get(name, [])) for name in ("left_out", "training_left_out")}
    except (OSError, ValueError, TypeError, AttributeError):
        return {"left_out": [], "training_left_out": []}


def fewer_words(pairs: int) -> str:
    """Ending of a training dataset's name in the rows of a training that is without some pairs."""
    return f"{_FEWER}{counted(pairs, 'pair')}" if pairs else ""


def trained_datasets(train_dataset: str) -> tuple[str, ...]:
    """The names of an entry's training datasets, whole or without some pairs."""
    names = (name.partition(_FEWER)[0] for name in train_dataset.split("+"))
    return tuple(name for name in names if name)
