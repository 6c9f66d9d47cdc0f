"""Stored runs that lacked pairs which could not be read, once a run has them all."""

import contextlib
import shutil
from collections.abc import Collection, Iterator
from pathlib import Path

from defocus.benchmark.results.run_folder import run_folder, unread_by_run
from defocus.benchmark.results.store import Entry, Results
from defocus.benchmark.statistics.comparable import CEILING
from defocus.progress import say
from defocus.training.record.folder import TRAINING

_SAME = (
    "system",
    "weights",
    "train_dataset",
    "dataset",
    "split",
    "budget",
    "seed",
    "checkpoint",
)
"""Facts that a run must share with an older run in order to replace it."""


def forget_replaced(
    out: Path, entry: Entry, pairs: Collection[str], results: Results
) -> None:
    """Remove the runs whose missing pairs are all among those of a stored run, and tell it."""
    # A run with a training of its own stays: a training is worth more than a clean folder.
    for other in list(_replaced(out, entry, pairs, results)):
        results.forget(other.run)
        _forget_rows_of_dataset(other, results)
        with contextlib.suppress(OSError):  # nothing refers to it any more
            shutil.rmtree(run_folder(out, other.run))
        say(f"{other.run}: replaced by {entry.run}, as all its pairs can be read now")


def _replaced(
    out: Path, entry: Entry, pairs: Collection[str], results: Results
) -> Iterator[Entry]:
    for other in results.entries():
        if other.data_hash == entry.data_hash:
            continue
        if any(getattr(other, name) != getattr(entry, name) for name in _SAME):
            continue
        folder = run_folder(out, other.run)
        unread = {one.id for one in unread_by_run(folder)}
        if unread and unread <= set(pairs) and not (folder / TRAINING).exists():
            yield other


def _forget_rows_of_dataset(gone: Entry, results: Results) -> None:
    """Remove what was computed of a dataset without a run, where no run of it is left."""
    left = [one for one in results.entries() if one.data_hash == gone.data_hash]
    if all(one.system == CEILING for one in left):
        for one in left:
            results.forget(one.run)
