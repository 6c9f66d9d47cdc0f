"""Take the results of a job into its study."""

import shutil
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

from defocus.benchmark.evaluation.columns import column_of
from defocus.benchmark.evaluation.recording import store_columns
from defocus.benchmark.evaluation.remaining import missing_metrics
from defocus.benchmark.metrics.metric import all_metrics
from defocus.benchmark.results.lock import study_lock
from defocus.benchmark.results.run_folder import run_folder
from defocus.benchmark.results.store import STORE, Entry, Results, open_results
from defocus.storage.files import make_folder, storing, sync_folder, sync_tree
from defocus.storage.staging import staging_folder


def take_job(out: Path, results: Results, folder: Path) -> None:
    """Replace the study's state of a run by that of its job, which began with that state."""
    # For a run that lacked only metrics, only these are copied. Reports are not updated.
    mine = results.entries_by_run()
    missing = missing_metrics(results, all_metrics())
    with study_lock(folder), open_results(folder / STORE) as theirs:
        for entry in theirs.entries():
            had = mine.get(entry.run)
            _take_files(entry.run, folder, out)
            if had is not None and _is_same(had, entry):
                _take_columns(had, missing.get(entry.run, frozenset()), theirs, results)
            else:
                take_results(entry, theirs, results)


def _is_same(had: Entry, entry: Entry) -> bool:
    """Whether both have scores of the same weights that restored in the same way."""
    both = had.scored and entry.scored
    return (
        both and had.checkpoint == entry.checkpoint and had.grouping == entry.grouping
    )


def _take_files(run: str, source: Path, out: Path) -> None:
    files = run_folder(source, run)
    target = run_folder(out, run)
    if not files.is_dir():
        return
    make_folder(target.parent)
    with staging_folder(target.parent, f".{target.name}-", ".part") as staged:
        new = staged / "new"
        shutil.copytree(files, new)
        with storing(target):
            sync_tree(new)
            if target.is_dir():
                target.rename(staged / "old")
            new.rename(target)
            sync_folder(target.parent)


def _take_columns(
    had: Entry,
    names: Collection[str],
    theirs: Results,
    results: Results,
) -> None:
    scored = {column_of(name) for name in theirs.versions(had.run)}
    taken = scored.intersection(names)
    metrics = {name: one for name, one in all_metrics().items() if name in taken}
    scores = [one for one in theirs.scores(had.run) if column_of(one.metric) in metrics]
    if metrics:
        store_columns(results, had, metrics, scores)


def take_results(
    entry: Entry,
    theirs: Results,
    results: Results,
    dataset: str = "",
) -> None:
    """Store what another store has of a run, under another name of its dataset if there is one."""
    scores, costs = theirs.scores(entry.run), theirs.costs(entry.run)
    named = replace(entry, dataset=dataset or entry.dataset)
    results.record(named, scores, costs, theirs.versions(entry.run).values())
