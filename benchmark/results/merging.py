"""Merge results of several folders, such as shards or jobs."""

import shutil
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from defocus.benchmark.evaluation.columns import column_of
from defocus.benchmark.evaluation.recording import store_columns
from defocus.benchmark.evaluation.remaining import missing_metrics
from defocus.benchmark.leaderboard.publish import publish
from defocus.benchmark.metrics.metric import all_metrics
from defocus.benchmark.results.lock import study_lock
from defocus.benchmark.results.run_folder import run_folder
from defocus.benchmark.results.store import STORE, Entry, Results, open_results
from defocus.benchmark.study.document import REQUEST, Request, read_request, write_request
from defocus.errors import InputError
from defocus.files import make_folder, sync_folder, sync_tree, write_json_if_changed
from defocus.progress import say
from defocus.reading import intact, read_json
from defocus.staging import staging_folder

STUDY = "study.json"


@dataclass(frozen=True)
class Merged:
    """Result of a merge: ids of the copied runs, and of those that the folder already had."""

    taken: tuple[str, ...]
    kept: tuple[str, ...]


def merge_studies(out: Path, sources: Sequence[Path]) -> Merged:
    """Copy the finished runs of other folders, which are not changed."""
    for source in sources:
        if not (source / STORE).is_file():
            raise InputError(f"{source}: no results of a study there; check the path")
        if source.resolve() == out.resolve():
            raise InputError(f"{source} is --out itself; name only the other folders")
    with study_lock(out), open_results(out / STORE) as results:
        merged = _merge(out, results, sources)
        publish(out, results)
    return merged


def take_job(out: Path, results: Results, folder: Path) -> None:
    """Replace the study's state of a run by that of its job, which began with that state."""
    # For a run that lacked only metrics, only these are copied. Reports are not updated.
    mine = {entry.run: entry for entry in results.entries()}
    missing = missing_metrics(results, all_metrics())
    with study_lock(folder), open_results(folder / STORE) as theirs:
        for entry in theirs.entries():
            had = mine.get(entry.run)
            _take_files(entry.run, folder, out)
            if had is not None and _is_same(had, entry):
                _take_columns(had, missing.get(entry.run, frozenset()), theirs, results)
            else:
                _take_results(entry, theirs, results)


def _is_same(had: Entry, entry: Entry) -> bool:
    """Whether both have scores of the same weights that restored in the same way."""
    both = had.scored and entry.scored
    return both and had.checkpoint == entry.checkpoint and had.grouping == entry.grouping


def _merge(out: Path, results: Results, sources: Sequence[Path]) -> Merged:
    taken: list[str] = []
    kept: list[str] = []
    for source in sources:
        with study_lock(source), open_results(source / STORE) as theirs:
            mine = {entry.run: entry for entry in results.entries()}
            for entry in theirs.entries():
                had = mine.get(entry.run)
                better = had is None or (had.failed and not entry.failed)
                if better or (had is not None and entry.scored > had.scored):
                    _take_files(entry.run, source, out)  # first: a killed merge is repeated
                    _take_results(entry, theirs, results)
                    taken.append(entry.run)
                else:
                    kept.append(entry.run)
                    if theirs.scores(entry.run) != results.scores(entry.run):
                        say(
                            f"{entry.run}: {source} has other scores of the same run; the existing "
                            "ones are kept"
                        )
            _join_requests(out, source)
    return Merged(tuple(taken), tuple(kept))


def _take_files(run: str, source: Path, out: Path) -> None:
    files, target = run_folder(source, run), run_folder(out, run)
    if files.is_dir():
        make_folder(target.parent)
        with staging_folder(target.parent, f".{target.name}-", ".part") as staged:
            shutil.copytree(files, staged / "new")
            sync_tree(staged / "new")
            if target.is_dir():
                target.rename(staged / "old")
            (staged / "new").rename(target)
            sync_folder(target.parent)


def _take_columns(had: Entry, names: Collection[str], theirs: Results, results: Results) -> None:
    scored = {column_of(name) for name in theirs.versions(had.run)}
    metrics = {name: one for name, one in all_metrics().items() if name in scored & set(names)}
    scores = [one for one in theirs.scores(had.run) if column_of(one.metric) in metrics]
    if metrics:
        store_columns(results, had, metrics, scores)


def _take_results(entry: Entry, theirs: Results, results: Results) -> None:
    scores, costs = theirs.scores(entry.run), theirs.costs(entry.run)
    results.record(entry, scores, costs, theirs.versions(entry.run).values())


def _join_requests(out: Path, source: Path) -> None:
    """Join the requests: the runs of all folders, with the first request, without its shard."""
    if not (out / REQUEST).exists() and (source / REQUEST).exists():
        whole = read_request(source).model_dump(exclude_unset=True, exclude={"shard"})
        write_request(out, Request.model_validate(whole))
    mine, theirs = _read(out / STUDY), _read(source / STUDY)
    datasets = [*mine.get("datasets", [])]
    datasets += [one for one in theirs.get("datasets", []) if one not in datasets]
    runs = theirs.get("runs", {}) | mine.get("runs", {})
    write_json_if_changed(out / STUDY, {"datasets": datasets, "runs": dict(sorted(runs.items()))})


def _read(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    with intact(path, "run that study again", InputError):
        document: dict[str, Any] = read_json(path)
    return document
