"""Results of others: a study's folder or store, or a format of an extra, here or at an address."""

import contextlib
import tempfile
import zipfile
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from defocus.benchmark.results.score_matrix import Score
from defocus.benchmark.results.store import (
    STORE,
    Cost,
    Entry,
    MetricVersion,
    read_results,
)
from defocus.datasets.archives import Limits, unpack
from defocus.datasets.fetching import PlaceError, is_address, place_of
from defocus.errors import InputError
from defocus.plugins.discovery import Kind, Shape
from defocus.reading import require_file

MOST_STORE_BYTES = 512 * 2**20
"""Largest store that is read, in bytes. It is read into memory as a whole."""

MOST_ARCHIVE_BYTES = 16 * 2**30
"""Largest archive that is fetched, in bytes. The bundles in it may hold restored pictures."""

LIMITS = Limits(members=200_000, total_bytes=2 * MOST_ARCHIVE_BYTES, ratio=200)
"""Limits of an archive of results, which holds bundles, pictures and stores."""

_NO_ARCHIVE = (OSError, ValueError, NotImplementedError, zipfile.BadZipFile)
"""Errors for a file that is damaged, or no archive at all."""


@dataclass(frozen=True)
class SourceRun:
    """A run of another study."""

    entry: Entry
    scores: Sequence[Score] = ()  # left empty for a run that nobody asked for
    costs: Sequence[Cost] = ()
    versions: Sequence[MetricVersion] = ()
    origin: str = ""  # where it is inside its source, and who says so
    # what else is known of its computation, such as the device
    record: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class ResultFormat:
    """A form of results other than a study's folder.

    Attributes:
        name: Its name.
        marker: Name of the file that marks a folder of this form.
        member: Name of the file that marks an archive of this form.
        read: Gives the runs of such a folder or archive; those whose ids are given have their
            scores. It raises :class:`~defocus.errors.InputError` where the results are damaged.

    Examples:
        >>> from pathlib import Path
        >>> from defocus.benchmark.results.sources import ResultFormat
        >>> def read(place, ids):
        ...     return iter(())
        >>> empty = ResultFormat("empty", "empty.json", "empty.json", read)
        >>> list(empty.read(Path("results"), ids=[]))
        []
    """

    name: str
    marker: str
    member: str
    read: Callable[[Path, Collection[str]], Iterator[SourceRun]]


RESULT_FORMATS: Kind[ResultFormat] = Kind("result_formats", Shape(lambda: ResultFormat))


def runs_of_source(source: str, ids: Collection[str]) -> Iterator[SourceRun]:
    """The runs of a folder, a file or an address of results; ``ids`` get their scores."""
    with _local(source) as path:
        for run in _runs(path, ids):
            origin = source
            if run.origin:
                origin = f"{source} ({run.origin})"
            yield replace(run, origin=origin)


@contextlib.contextmanager
def _local(source: str) -> Iterator[Path]:
    """The folder or file of a source.

    A source at an address is fetched and kept until the block ends."""
    if is_address(source):
        with tempfile.TemporaryDirectory(prefix="defocus-results-") as temporary:
            yield _fetched(source.rstrip("/"), Path(temporary))
        return
    path = Path(source).expanduser()
    if not path.exists():
        raise InputError(
            f"{source}: no such folder or file; give the --out of a 'defocus-bench run', "
            "a bundle or a collection of bundles"
        )
    yield path


def _fetched(address: str, folder: Path) -> Path:
    """The file behind an address: an archive, a store, or the store of the folder there."""
    target, most = folder / STORE, MOST_STORE_BYTES
    if address.endswith(".zip"):
        target, most = folder / "archive.zip", MOST_ARCHIVE_BYTES
    elif not address.endswith(".sqlite"):
        address = f"{address}/{STORE}"
    try:
        place_of(address).bring("", target, most)
    except PlaceError as error:
        raise InputError(
            f"{error}; where the address cannot be reached, get the file on another computer and "
            "give its path"
        ) from error
    return target


def _runs(path: Path, ids: Collection[str]) -> Iterator[SourceRun]:
    if path.is_dir():
        yield from _runs_of_folder(path, ids)
    elif path.suffix == ".zip":
        yield from _runs_of_archive(path, ids)
    else:
        yield from _runs_of_store(path, ids)


def _runs_of_folder(folder: Path, ids: Collection[str]) -> Iterator[SourceRun]:
    """The runs of the studies and collections in a folder, which may be a whole repository."""
    formats = {form.marker: form for form in _formats()}
    for mark in _marks(folder, (STORE, *formats)):
        if mark.name == STORE:
            runs = _runs_of_store(mark, ids)
        else:
            runs = formats[mark.name].read(mark.parent, ids)
        inside = mark.parent.relative_to(folder).as_posix()
        for run in runs:
            words = [one for one in (inside, run.origin) if one not in {"", "."}]
            yield replace(run, origin=", ".join(words))


def _marks(folder: Path, names: Sequence[str]) -> list[Path]:
    """The files of these names in a folder; if it has none, those in all folders inside."""
    marks = [folder / name for name in names if (folder / name).is_file()]
    if not marks:
        for name in names:
            marks += filter(Path.is_file, sorted(folder.rglob(name)))
    if not marks:
        raise InputError(
            f"{folder}: no results there; it holds no {' and no '.join(names)}"
        )
    return marks


def _runs_of_archive(path: Path, ids: Collection[str]) -> Iterator[SourceRun]:
    """The runs of a bundle, or of all that is in a packed repository."""
    require_file(path, MOST_ARCHIVE_BYTES)
    try:
        with zipfile.ZipFile(path) as archive:
            names = frozenset(archive.namelist())
    except _NO_ARCHIVE as error:
        raise InputError(f"{path}: damaged ({error}); get it again") from error
    for form in _formats():
        if form.member in names:
            yield from form.read(path, ids)
            return
    with tempfile.TemporaryDirectory(prefix="defocus-results-") as temporary:
        folder = Path(temporary) / "members"
        unpack(path, folder, LIMITS)
        yield from _runs_of_folder(folder, ids)


def _formats() -> list[ResultFormat]:
    return [form for _, form in RESULT_FORMATS.values()]


def _runs_of_store(path: Path, ids: Collection[str]) -> Iterator[SourceRun]:
    require_file(path, MOST_STORE_BYTES)
    with read_results(path) as results:
        for entry in results.entries():
            if entry.run not in ids:
                yield SourceRun(entry)
                continue
            versions = tuple(results.versions(entry.run).values())
            scores = results.scores(entry.run)
            costs = results.costs(entry.run)
            yield SourceRun(entry, scores, costs, versions)
