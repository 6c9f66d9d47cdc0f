"""defocus-data list."""

from collections.abc import Iterator
from dataclasses import asdict, replace
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import click

from defocus.command_line.json_output import documents_of
from defocus.command_line.settings_command import SettingsCommand
from defocus.command_line.verbs import help_heading
from defocus.datasets.commands._derived import print_made
from defocus.errors import DatasetError
from defocus.progress import counted, grouped, tally
from defocus.reading import Json

if TYPE_CHECKING:  # heavy at run time
    from defocus.datasets.commands._settings import DescribeSettings
    from defocus.datasets.layouts.published_set import Completeness
    from defocus.datasets.pair import Pair, ReaderCard


Description = tuple[Json, list[str]]
"""The document that ``--json`` prints, and the lines without it."""


@help_heading("Open")
@click.command(cls=SettingsCommand)
@click.argument("dataset", required=False)
def command(dataset: str | None, settings: "DescribeSettings") -> int:
    """List datasets, or describe one.

    `list` shows the variants of the sample dataset and the readers. `list dpdd` shows source,
    licence, citation, counts and known defects. `list dpdd:PATH` checks that copy, lists missing
    and extra files, and exits with 1 if there are any. For your own datasets, such as `list
    pairs:PATH`, it counts the pairs, names those that are left out, and exits with 1 if there are
    any. It looks at the headers and ends of their files; 'audit' reads every pixel.
    """
    if dataset is None:
        return print_made(_kinds, _kind_lines, as_json=settings.as_json)
    described, lines = description(dataset)
    code = print_made(lambda: described, lambda _: lines, as_json=settings.as_json)
    return int(described.get("complete") is False or bool(code))


def _kinds() -> list[Json]:
    from defocus.datasets.api import dataset_kinds

    return list(map(asdict, dataset_kinds()))


def _kind_lines(kinds: list[Json]) -> Iterator[str]:
    for kind in kinds:
        note = " (layout unverified)" if kind["layout"] == "unverified" else ""
        yield f"{kind['name']:<16} {kind['description'].removesuffix('.')}{note}."


def description(dataset: str) -> Description:
    """A reader's card as document and lines; for ``READER:PATH`` also what the copy lacks."""
    from defocus.datasets.api import check_dataset, is_corrected, reader_card

    # ``complete`` is None if it is unknown; then ``missing``, ``extra`` and ``wrong`` are absent.
    name, place, root = dataset.partition("@" if is_corrected(dataset) else ":")
    card = (
        _release_card(Path(root)) if name == "release" and root else reader_card(name)
    )
    document: Json = {"name": name, **asdict(card)}
    document["counts"] = dict(card.counts)
    lines = _card_lines(name, card)
    if place:
        complete = check_dataset(dataset)
        copy, copy_lines = (
            _own(dataset) if complete is None else _copy(dataset, complete)
        )
        document |= copy
        lines += ["", *copy_lines]
    return document, lines


def _release_card(root: Path) -> "ReaderCard":
    """Facts from a release's own documents, first its licence; or the reader's card."""
    from defocus.datasets.api import reader_card
    from defocus.datasets.release.details import NO_LICENCE
    from defocus.datasets.release.facts import read_facts

    card = reader_card("release")
    try:
        details = read_facts(root).details
    except DatasetError:
        details = None  # what is wrong is said when it is opened
    if details is None:
        return replace(card, licence=NO_LICENCE, redistributable=False)
    return replace(
        card,
        title=details.title,
        licence=details.licence,
        redistributable=details.licence != NO_LICENCE,
        citation=details.citation,
        faces=details.faces,
    )


def _card_lines(name: str, card: "ReaderCard") -> list[str]:

    facts = {
        "source": card.source,
        "licence": card.licence,
        "redistribution": "permitted" if card.redistributable else "not permitted",
        "cite": card.citation,
        "recognisable faces": card.faces,
        "pictures": tally(card.counts),
        "sizes": ", ".join(f"{width}x{height}" for width, height in card.sizes),
        "layout unverified": card.unverified,
    }
    lines = [f"{name}: {card.title}"]
    lines += [f"  {label}: {text}" for label, text in facts.items() if text]
    return lines + [f"  known defect: {text}" for text in card.defects]


OWN_SCENES = (
    "each file is its own scene, so two pictures of one place may come into two splits; "
    "put them into folders: blurry/SCENE/NAME, sharp/SCENE/NAME"
)


def _own(dataset: str) -> Description:
    """Description of a user's own dataset: whether it opens, and the number of pairs."""
    from defocus.datasets.api import open_dataset
    from defocus.datasets.pair import (
        attempt_each,
        remaining,
        split_counts,
        without_empty,
    )

    opened = open_dataset(dataset, damaged=True)
    left_out = opened.without(attempt_each(opened.pairs, _require_whole)[1])
    pairs = remaining(opened.pairs, left_out)
    splits = without_empty(split_counts(pairs))
    scenes = len({pair.scene for pair in pairs})
    many = f"{counted(len(pairs), 'pair')} in {counted(scenes, 'scene')}"
    lines = [f"{dataset}: {many} ({tally(splits)}); there is no list of a complete one"]
    lines += _remarks(opened.name, pairs)
    lines += [f"pair {one.id} is left out: {one.reason}" for one in left_out]
    named = documents_of(left_out)
    return {"complete": None, "found": splits, "left_out": named}, lines


def _remarks(name: str, pairs: "list[Pair]") -> Iterator[str]:
    """Remarks on scenes that are one file each, and on pairs without a truth."""
    scenes = {pair.scene for pair in pairs}
    if name.startswith("pairs:") and len(scenes) == len(pairs) > 1:
        yield OWN_SCENES
    blind = [pair for pair in pairs if pair.sharp is None and pair.truth is None]
    if blind:
        some = "" if len(blind) == len(pairs) else f" of {counted(len(blind), 'pair')}"
        yield f"no ground truth{some}: scored by metrics without reference alone, and shown"


def _require_whole(pair: "Pair") -> None:
    """Refuse a pair whose files are cut short or differ in size, by their headers and ends."""
    from defocus.datasets.opening import require_one_size
    from defocus.datasets.pair_files import pair_files
    from defocus.pictures.headers import refuse_cut_short

    require_one_size([pair])
    for path in pair_files(pair).values():
        refuse_cut_short(path)


def _copy(dataset: str, complete: "Completeness") -> Description:
    """Description of a copy of a published dataset: what it lacks, and what does not fit."""
    state = "complete" if complete.ok else "not the complete dataset"
    lines = [f"{dataset}: {tally(complete.counts)}; {state}"]
    for label, names in (("missing", complete.missing), ("extra", complete.extra)):
        for _, inside in groupby(names, key=lambda name: name.rpartition("/")[0]):
            files = [(name, "") for name in inside]
            lines += [f"{label}: {line}" for line in grouped(files, len(files), "file")]
    wrong = []
    for one in complete.wrong:
        file, _, text = one.partition(": ")
        wrong.append((file, text))
    lines += [f"wrong: {line}" for line in grouped(wrong, complete.pictures, "file")]
    return {
        "complete": complete.ok,
        "found": complete.counts,
        "missing": list(complete.missing),
        "extra": list(complete.extra),
        "wrong": list(complete.wrong),
    }, lines
