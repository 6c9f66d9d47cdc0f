"""Bundles, and collections of them, as results from which a study takes scores."""

from collections.abc import Collection, Iterator
from pathlib import Path

from defocus.benchmark.results.sources import ResultFormat, SourceRun
from defocus.errors import InputError
from defocus.extras.labs.repository.settings import SETTINGS
from defocus.extras.labs.statement import STATEMENT
from defocus.progress import say


def _read(path: Path, ids: Collection[str]) -> Iterator[SourceRun]:
    """The runs of a bundle, or of those that a collection admits; others are named."""
    if path.is_dir():
        yield from _runs_of_collection(path, ids)
    else:
        yield from _runs_of_bundle(path, ids, "")


def _runs_of_collection(folder: Path, ids: Collection[str]) -> Iterator[SourceRun]:
    from defocus.extras.labs.repository.lines import submissions_of
    from defocus.extras.labs.repository.settings import read_repository

    submissions, unreadable = submissions_of(folder, read_repository(folder))
    for name, reason in unreadable.items():
        say(f"{name}: left out: {reason}")
    for one in submissions:
        if one.problems:
            say(f"{one.name}: left out: {one.problems[0]}")
            continue
        try:
            path = folder / "bundles" / f"{one.name}.zip"
            yield from _runs_of_bundle(path, ids, f"{one.name}, {one.checked}, ")
        except InputError as error:
            say(f"{one.name}: left out: {error}")


def _runs_of_bundle(
    path: Path,
    ids: Collection[str],
    place: str,
) -> Iterator[SourceRun]:
    from defocus.extras.labs.opening import read_signed_scores
    from defocus.extras.labs.verification.verifying import statement_findings

    statement, scores = read_signed_scores(path)
    for finding in statement_findings(statement):
        raise InputError(f"{path}: {finding.said}")
    origin = f"{place}signed by {statement.lab}"
    for run in statement.runs:
        if run.entry.run not in ids:
            yield SourceRun(run.entry, origin=origin)
            continue
        record = {
            "device": run.device,
            "machine": run.machine,
            "libraries": run.libraries,
        }
        stated = scores[run.entry.run]
        yield SourceRun(
            run.entry,
            stated,
            run.costs,
            run.versions,
            origin,
            record,
        )


BUNDLES = ResultFormat("bundles", marker=SETTINGS, member=STATEMENT, read=_read)
