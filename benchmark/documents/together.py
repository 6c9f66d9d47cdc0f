"""Several studies of the same dataset as one, for one leaderboard."""

import contextlib
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from defocus.benchmark.documents.section_registry import needed_files
from defocus.benchmark.evaluation.kept_outputs import OUTPUTS
from defocus.benchmark.leaderboard.rows import replaced_entries
from defocus.benchmark.results.merging import take_results
from defocus.benchmark.results.run_folder import RUNS
from defocus.benchmark.results.store import (
    STORE,
    Entry,
    Results,
    open_results,
    read_results,
)
from defocus.benchmark.study.attempt import ASIDE
from defocus.benchmark.study.document import load_trusted
from defocus.errors import InputError
from defocus.progress import say
from defocus.storage.files import copy_content, make_folder


@contextlib.contextmanager
def studies_together(out: Path, others: Sequence[Path]) -> Iterator[Path]:
    """The folder of a study with the runs of others; without others the study's own folder.

    Where two have a training of the same row, that of ``out`` is shown, then that of the first."""
    if not others:
        yield out
        return
    with tempfile.TemporaryDirectory(prefix="defocus-together-") as made:
        folder = Path(made)
        for path in {*out.glob("*.json"), *needed_files(out)}:
            copy_content(
                path, make_folder((folder / path.relative_to(out)).parent) / path.name
            )
        with open_results(folder / STORE) as results, read_results(out / STORE) as mine:
            for other in reversed(others):
                _add(other, out, mine, results)
            for entry in mine.entries():
                take_results(entry, mine, results)
            _tell_replaced(results, mine, out)
        _copy_runs(folder, (out, *others))
        yield folder


def _add(other: Path, out: Path, mine: Results, results: Results) -> None:
    """Add the runs of another study; the same pictures have the name that they have in ``out``."""
    load_trusted(other)
    names = {_pictures(entry): entry.dataset for entry in mine.entries()}
    with read_results(other / STORE) as theirs:
        entries = theirs.entries()
        if not any(_pictures(entry) in names for entry in entries):
            raise InputError(
                f"{other}: none of its test pictures is in {out}; studies of the same dataset, in "
                "the same revision, make one leaderboard"
            )
        for entry in entries:
            dataset = names.get(_pictures(entry), entry.dataset)
            take_results(entry, theirs, results, dataset)


def _pictures(entry: Entry) -> tuple[str, str]:
    return entry.data_hash, entry.split


def _tell_replaced(results: Results, mine: Results, out: Path) -> None:
    """Name the systems of others that are not shown, because ``out`` has a row for them."""
    own = {entry.run for entry in mine.entries()}
    hidden = {one.system for one in replaced_entries(results) if one.run not in own}
    for system in sorted(hidden):
        say(f"{system}: trained otherwise in another study; that of {out} is shown")


def _copy_runs(folder: Path, studies: Sequence[Path]) -> None:
    """Copy what reports show of each run; if several studies have the run, from the first."""
    unshown = shutil.ignore_patterns("*.safetensors", f"{OUTPUTS}*", f"{ASIDE}*")
    for study in studies:
        runs = study / RUNS
        if not runs.is_dir():
            continue
        for run in runs.iterdir():
            copy = folder / RUNS / run.name
            if run.is_dir() and not copy.exists():
                shutil.copytree(run, copy, ignore=unshown)
