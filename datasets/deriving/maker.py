"""The maker of datasets: it claims a folder, writes each part once, and the manifest last.

Each part appears complete or not at all, so the same command continues an interrupted run."""

import contextlib
import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from defocus.datasets.api import reader_card
from defocus.datasets.deriving.parts import copy_file, write_parts
from defocus.datasets.manifest import MANIFEST, make_manifest, write_manifest
from defocus.datasets.opening import with_white
from defocus.datasets.pair import Dataset, MakingStep, Pair, by_id, with_files
from defocus.datasets.pair_files import pair_contents, pair_files
from defocus.errors import DatasetError
from defocus.processes.isolation import LeftOut
from defocus.processes.machines import Where
from defocus.reading import intact, read_json
from defocus.storage.files import (
    make_folder,
    place_folder,
    storing,
    sync_folder,
    temporary_entries,
    write_json,
)
from defocus.storage.staging import (
    owned_folder,
    owner_file,
    remove_abandoned,
    remove_folder,
    staging_folder,
)

Order = dict[str, Any]
"""The order for a dataset, with its sources, as JSON."""

E = TypeVar("E")


@dataclass(frozen=True)
class Derived:
    """A dataset that was made, and what it lacks: the same command tries that again."""

    root: Path
    pairs: tuple[Pair, ...]
    left_out: tuple[LeftOut, ...] = ()


@dataclass(frozen=True)
class Derivation(Generic[E]):
    """Sources and method of a derived dataset; the maker does the rest."""

    command: str  # names the file of the order
    order: Mapping[str, Any]  # dataset, settings and revision
    entries: Mapping[str, E]  # pairs, scenes or stacks, by the name of their folder
    # the files of an entry into an empty folder, in any process
    write: Callable[[E, Path], None]
    pairs: Callable[[E, Path], Iterable[Pair]]  # those of the folder of an entry
    title: str  # of the progress
    origin: str  # is named if nothing can be made
    thing: str = "pair"  # an entry, in words
    parts: str = "pairs"  # the folder of the entries' folders
    dataset: Dataset | None = None  # whose licence and steps the new one has
    step: Callable[[tuple[Pair, ...]], MakingStep] | None = None


def make_dataset(out: Path, how: Derivation[E], where: Where = 1) -> Derived:
    """Make a dataset in a new folder, or in one that was begun with the same order."""
    claim_folder(out, how.command, how.order, (how.parts,))
    folder = out / how.parts
    left_out = write_parts(how.entries, folder, how.write, how.title, where)
    written = dict(how.entries)
    for one in left_out:
        written.pop(one.id, None)
    if not written:
        raise DatasetError(
            f"{how.origin}: no {how.thing} can be read; {left_out[0].reason}"
        )
    made: list[Pair] = []
    for name, entry in written.items():
        made += how.pairs(entry, folder / name)
    pairs = tuple(made)
    step = None if how.step is None else how.step(pairs)
    finish_dataset(out, how.command, pairs, how.dataset, step)
    return Derived(out, pairs, left_out)


def finish_dataset(
    out: Path,
    command: str,
    pairs: tuple[Pair, ...],
    dataset: Dataset | None,
    step: MakingStep | None,
) -> None:
    """Write the manifest of pairs, with the licence and the steps of the dataset behind them."""
    steps = () if dataset is None else dataset.steps
    steps = steps if step is None else (*steps, step)
    source = "" if dataset is None else _origin(dataset)
    manifest = make_manifest(out, with_white(out.name, pairs), source, steps)
    # of a run that was killed while another made it
    for left in out.glob("*/.*-????????.part"):
        remove_abandoned(left.parent, left.name.removesuffix(".part")[:-8], ".part")
    _place(out, command, MANIFEST, lambda folder: write_manifest(folder, manifest))


def _place(out: Path, command: str, name: str, write: Callable[[Path], None]) -> None:
    """Write a file in a staging folder and move it to ``out``; a kill leaves only that folder."""
    with staging_folder(out, f".{command}-", ".part") as staging:
        write(staging)
        with storing(out / name):
            (staging / name).replace(out / name)
            sync_folder(out)


def _origin(dataset: Dataset) -> str:
    """``source`` of a derived dataset's manifest: the origin, also if no reader names it."""
    reader = dataset.name.partition(":")[0]
    return dataset.source or ("" if reader_card(reader).redistributable else reader)


def content_of(dataset: Dataset) -> Order:
    """The part of an order on a dataset: its hash, and that of each pair by id."""
    return {"content_hash": dataset.content_hash, "pairs": pair_contents(dataset)}


OF_PAIRS = ("content_hash", "pairs")
"""The parts of an order that describe its pairs."""


def claim_folder(
    out: Path,
    command: str,
    settings: Mapping[str, Any],
    parts: Sequence[str] = ("pairs",),
    again: Collection[str] = (),
) -> None:
    """Claim an empty folder for an order, or recognise one of the same order."""
    # Pairs that are not in the folders ``parts``, or are in those of ``again``, may have changed.
    order = {"format": f"defocus-{command}", **settings}
    make_folder(out)
    path = out / f"{command}.json"
    if path.is_file():
        with intact(path, "choose another folder for --out", DatasetError):
            before = read_json(path)
        if before == order:
            return
        made = []
        for part in parts:
            made += [one.name for one in (out / part).glob("[!.]*")]
        if not _continues(before, order, set(made).difference(again)):
            raise DatasetError(
                f"{out}: started with {_difference(before, order)}; choose another folder for --out"
            )
    else:
        require_empty(out, temporary_entries(out, f".{command}-", ".part"))
    _place(
        out, command, path.name, lambda folder: write_json(folder / path.name, order)
    )


def _difference(before: Any, order: Order) -> str:  # noqa: ANN401 - any JSON document
    """Differences between two orders, in words."""
    if (
        isinstance(before, dict)
        and before | {"revision": order.get("revision")} == order
    ):
        return "a version of defocus that made other pictures"
    return "another dataset, other settings or another version of defocus"


def _continues(before_order: Any, order: Order, parts: Collection[str]) -> bool:  # noqa: ANN401 - any JSON document
    """Whether two orders differ at most by pairs of which nothing is made."""
    if not isinstance(before_order, dict):
        return False
    before = before_order.get("pairs")
    now = order.get("pairs", {})
    if not isinstance(before, dict):
        return False
    described = {name: order.get(name) for name in OF_PAIRS}
    if before_order | described != order | described:
        return False
    return all(name in now and before.get(name) == now[name] for name in parts)


def require_empty(out: Path, besides: Collection[Path] = ()) -> None:
    """Refuse a file, and a folder with anything in it besides some entries."""
    if out.exists() and (not out.is_dir() or set(out.iterdir()) - set(besides)):
        raise DatasetError(f"{out}: not empty; choose another folder for --out")


@contextlib.contextmanager
def working_folder(out: Path, kind: str, order: Order) -> Iterator[Path]:
    """Yield the folder that becomes ``out`` when the block ends; the same order continues in it."""
    # Beside the folder to come is ``.NAME.KIND/``, with ``order.json`` (a folder with another order
    # is refused) and ``made/``, which becomes the folder; temporary files may be beside it.
    place = out.absolute()
    if out.exists() and place.name:  # the root folder has nothing beside it
        remove_emptied(out, kind)
    require_empty(out)
    work = place.with_name(f".{place.name}.{kind}")
    with owned_folder(work) as owned:
        if not owned:
            raise DatasetError(
                f"{out}: another process is making it; wait until it ends{_if_gone(work)}"
            )
        require_empty(out)  # another process may have been first
        _claim_work(work / "order.json", order)
        yield make_folder(work / "made")
        _move(work / "made", place)
        remove_folder(work)


def remove_emptied(out: Path, kind: str) -> None:
    """Remove a working folder whose content is ``out`` already: of a run killed at its very end."""
    place = out.absolute()
    work = place.with_name(f".{place.name}.{kind}")
    if not work.is_dir() or (work / "made").exists():
        return
    with owned_folder(work) as owned:
        if owned:
            remove_folder(work)


def _if_gone(work: Path) -> str:
    """Advice if the owner of a folder is a computer that no longer exists."""
    named = owner_file(work)
    if named.is_file():
        return f", or remove {named} if it has ended on another computer"
    return ""


def _claim_work(record: Path, order: Order) -> None:
    """Record the order, or recognise the same one."""
    if not record.is_file():
        write_json(record, order)
        return
    try:
        before = read_json(record)
    except ValueError:
        before = None
    if before != order:
        raise DatasetError(
            f"{record.parent}: started with another dataset, other settings or a version that made "
            "other files; remove it, or choose another folder for --out"
        )


def _move(folder: Path, out: Path) -> None:
    with storing(out):
        if out.exists():
            out.rmdir()
        place_folder(folder, out)


def kept_record(path: Path) -> Any:  # noqa: ANN401 - any JSON document
    """Read the record of an earlier run in the folder of a pair."""
    try:
        return read_json(path)
    except (OSError, ValueError) as error:
        raise DatasetError(
            f"{path}: missing or damaged; remove {path.parent} and run the same command again"
        ) from error


def place_file(source: Path, target: Path) -> None:
    """Put a file of another dataset into a new one, as a hard link if the disk permits it."""
    # Our writers always replace files and never change them, so the two stay independent. Linux
    # links a symbolic link itself, whatever it is told, and a relative one then leads elsewhere.
    try:
        os.link(source.resolve(), target)
    except OSError:
        copy_file(source, target)


def keeping(
    command: str,
    order: Mapping[str, Any],
    dataset: Dataset,
    pairs: Iterable[Pair],
    step: MakingStep,
) -> Derivation[Pair]:
    """A dataset of pairs of another one, with their files as they are."""
    return Derivation(
        command,
        order,
        by_id(pairs),
        place_pair_files,
        placed,
        title="keeping",
        origin=dataset.name,
        dataset=dataset,
        step=lambda _: step,
    )


def place_pair_files(pair: Pair, folder: Path) -> None:
    """Put the files of a pair into a new folder, unchanged."""
    for role, name in _names(pair).items():
        place_file(getattr(pair, role), folder / name)


def placed(pair: Pair, folder: Path) -> tuple[Pair]:
    """The pair with the files that were put into a folder."""
    return (with_files(pair, folder, _names(pair)),)


def _names(pair: Pair) -> dict[str, str]:
    return {
        role: f"{role}{path.suffix.lower()}" for role, path in pair_files(pair).items()
    }
