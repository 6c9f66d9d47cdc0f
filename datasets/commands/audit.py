"""defocus-data audit: three tables, and the blur map of each measured pair."""

import hashlib
import math
import shlex
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import click

from defocus.command_line.json_output import json_output
from defocus.command_line.settings_command import SettingsCommand
from defocus.command_line.verbs import help_heading
from defocus.datasets.commands._derived import say_warnings
from defocus.errors import InputError
from defocus.processes.freed_memory import return_freed_memory
from defocus.processes.isolation import say_left_out
from defocus.progress import counted, grouped, say, tally, track
from defocus.reading import intact, read_json, read_text
from defocus.storage.files import (
    make_folder,
    remove_unfinished,
    storing,
    sync_folder,
    write_json,
    write_text,
)
from defocus.storage.staging import staging_folder

if TYPE_CHECKING:  # heavy at run time; see the functions
    from defocus.datasets.audit.run import Audit
    from defocus.datasets.audit.table import AuditFailures
    from defocus.datasets.commands._settings import AuditSettings
    from defocus.datasets.curation_rules import Usable
    from defocus.datasets.pair import Dataset

BLUR = "blur"
LARGEST = 2**30
"""Largest audit that is read, in bytes."""
WRITERS = 2
"""Number of blur maps that are compressed at once."""
DOCUMENT = "audit.json"
PLACE = ".place"
"""File that names the folder of the audited dataset: its content may change, and names may be
equal."""
NAMES = ("audit.csv", DOCUMENT, "audit.html")


@help_heading("Measure")
@click.command(cls=SettingsCommand)
@click.argument("dataset")
def command(dataset: str, settings: "AuditSettings") -> int:
    """Measure the quality of every pair.

    The audit measures misalignment, exposure, blur, sharpness and leaks between splits.

    A pair's misalignment is the mean distance between the same points in its two pictures, by the
    transform of the whole frame, and by the local flow where that explains more. It leaves out the
    noise of the flow. It includes the error of the transform, which is shown beside it and not
    subtracted. The residual flow is what is left of the flow after that transform, with its noise:
    for a perfect pair it is about two of its standard errors, which are shown too.

    Pairs that cannot be measured reliably are listed with the reason. The exit code is 1 if a pair
    cannot be read; with --fail-above also if one is misaligned or unknown, or a picture is in two
    splits. Run the same command again to continue an interrupted audit.
    """
    if not settings.as_json:
        audit, usable = _audit(dataset, settings)
        _say_outcome(audit)
    else:
        with json_output() as output:
            audit, usable = _audit(dataset, settings)
            from defocus.datasets.audit.table import document

            output.write(document(audit, settings.limit_px))
    _say_usable(dataset, audit, usable)
    fails = settings.limit_px is not None and _fails(audit, settings.limit_px)
    return int(fails or bool(audit.left_out))


def _audit(name: str, settings: "AuditSettings") -> "tuple[Audit, Usable]":
    from defocus.cluster.dispatcher import start_early
    from defocus.datasets.api import check_dataset, open_dataset

    dataset = open_dataset(name, damaged=True)
    _claim(settings.out, dataset, f"defocus-data audit {shlex.quote(name)}")
    start_early("defocus.datasets.audit.pair_audit", settings.where)

    from defocus.datasets.audit.run import audit_dataset
    from defocus.datasets.curation_rules import usable_pairs

    complete = check_dataset(name)
    if complete is not None and not complete.ok:
        say(
            f"{name} is not the complete dataset; 'defocus-data list {name}' says what differs"
        )
    audit = audit_dataset(dataset, settings.flow, settings.where, settings.limits)
    usable = usable_pairs(audit, dataset.steps)
    written = write_audit(settings.out, dataset, audit, settings.limit_px, usable)
    say(f"wrote {', '.join(written)} to {settings.out}")
    say_left_out(audit.left_out, audit.total, "pair")
    return audit, usable


def _say_usable(name: str, audit: "Audit", usable: "Usable") -> None:
    """Print how many pairs can be used, after all that is listed, and what comes next."""
    from defocus.datasets.audit.page_parts import compensation

    say(usable.words)
    measured = {pair.id for pair in audit.pairs if pair.status == "ok"}
    unsuitable = [(pair, text) for pair, text in usable.others if pair in measured]
    for line in grouped(unsuitable, audit.total, "pair"):
        say(f"cannot be used: {line}")
    if usable.compensated:
        command = compensation(name, *audit.limits.arguments)
        say(f"compensate first, then curate: {command}")


def _say_outcome(audit: "Audit") -> None:

    counts = tally(dict(sorted(Counter(audit.statuses).items())))
    click.echo(f"{audit.dataset}: {counted(audit.total, 'pair')} ({counts})")
    _say_quantities(audit)
    unknown = [
        (pair.id, pair.reason) for pair in audit.pairs if pair.status == "unknown"
    ]
    for line in grouped(unknown, audit.total, "pair"):
        say(f"unknown: {line}")
    if unknown:
        say("audit.html says beside each unknown pair what helps")
    _say_splits(audit)
    say_warnings(audit.warnings, audit.pairs)


def _say_quantities(audit: "Audit") -> None:
    """Median, 95th percentile and maximum of each quantity."""
    import numpy as np

    from defocus.datasets.audit.table import QUANTITIES, summary, values

    numbers = summary(audit.pairs)
    floor = 2 * values(audit.pairs, "residual_sigma_px")
    for quantity in QUANTITIES:
        column = numbers[quantity.name]
        if column["count"]:
            click.echo(
                f"{quantity.title:<36} median {column['median']:z8.3f}   p95 {column['p95']:8.3f}"
                f"   max {column['max']:8.3f} {quantity.unit}".rstrip()
            )
        if quantity.name == "residual_p95_px" and len(floor):
            click.echo(
                f"{'  perfect pair (two standard errors)':<36} median {np.median(floor):8.3f}   "
                f"p95 {np.quantile(floor, 0.95):8.3f}   max {floor.max():8.3f} px"
            )


def _say_splits(audit: "Audit") -> None:
    """Say which pictures or places are in two splits."""
    from defocus.datasets.copies.of_dataset import LOOKED_FOR

    click.echo(f"pictures found in two splits: {len(audit.duplicates)}")
    if not audit.duplicates:
        click.echo(f"  looked for {LOOKED_FOR}")
    if audit.same_places:
        place = audit.same_places[0]
        click.echo(
            f"the same place in two splits: {len(audit.same_places)}, such as {place.first} "
            f"({place.splits[0]}) and {place.second} ({place.splits[1]})"
        )


def _fails(audit: "Audit", limit_px: float) -> bool:
    from defocus.datasets.audit.table import failures

    failing = failures(audit, limit_px)
    if failing.misaligned:
        worst = failing.misaligned[0]
        digits = max(2, 1 - math.floor(math.log10(limit_px))) if limit_px else 4
        say(
            f"{counted(len(failing.misaligned), 'pair')} misaligned by more than {limit_px:g} px, "
            f"the worst is {worst.id} (mean {worst.misalignment_px:.{digits}f} ± "
            f"{worst.misalignment_sigma_px or 0.0:.{digits}f} px)"
        )
    _say_twice(failing)
    if failing.unreadable:
        say(f"{counted(len(failing.unreadable), 'pair')} that cannot be read")
    if failing.unknown:
        say(
            f"{counted(len(failing.unknown), 'pair')} not shown to be aligned, misalignment "
            f"unknown, such as {failing.unknown[0].id}: {failing.unknown[0].reason}"
        )
    if not failing.measured:
        say("no pair could be measured, so none is shown to be aligned")
    return failing.any


def _say_twice(failing: "AuditFailures") -> None:
    """Say which pictures are in two splits, or twice in one pair."""
    if failing.leaks:
        leak = failing.leaks[0]
        say(
            f"{counted(len(failing.leaks), 'picture')} in two splits, such as {leak.first} "
            f"({leak.splits[0]}) and {leak.second} ({leak.splits[1]})"
        )
    if failing.same:
        pairs = counted(len(failing.same), "pair")
        say(f"{pairs} with the same picture twice, such as {failing.same[0].id}")


def _claim(out: Path, dataset: "Dataset", command: str) -> None:
    """Refuse a folder of a dataset, or one with another dataset's audit, even of the same name."""
    from defocus.datasets.checksums import CHECKSUMS
    from defocus.datasets.manifest import MANIFEST

    # what the folder of a dataset, a release or a session has
    of_datasets = (MANIFEST, CHECKSUMS, "journal.jsonl", "blurry", "sharp")
    place = out.resolve()
    root = dataset.root.resolve()
    held = next((name for name in of_datasets if (place / name).exists()), None)
    if place.is_relative_to(root):
        outside = shlex.quote(str(root.parent / f"{root.name}-audit"))
        raise InputError(f"{out}: inside the dataset; run '{command} --out {outside}'")
    if held is not None:
        raise InputError(
            f"{out}: the folder of a dataset, with {held}; give another with --out"
        )
    _refuse_other_audit(out, dataset)


def _refuse_other_audit(out: Path, dataset: "Dataset") -> None:
    """Refuse a folder with the audit of another dataset."""
    path = out / DOCUMENT
    if not path.exists():
        return
    with intact(path, "remove it, or give another --out", InputError, OSError):
        other = {
            name: str(read_json(path, LARGEST)[name])
            for name in ("dataset", "content_hash")
        }
        elsewhere = (out / PLACE).is_file() and read_text(out / PLACE) != _place_of(
            dataset
        )
    if dataset.content_hash == other["content_hash"]:
        return
    namesake = dataset.name == other["dataset"]
    if elsewhere or not namesake:
        which = (
            f"another folder called {dataset.name}" if namesake else other["dataset"]
        )
        raise InputError(
            f"{out}: has the audit of {which}; give another folder with --out, or remove it"
        )


def _place_of(dataset: "Dataset") -> str:
    """A mark of a dataset's folder among others of its name, which does not say where it is."""
    return hashlib.sha256(str(dataset.root.resolve()).encode()).hexdigest()


def write_audit(
    out: Path,
    dataset: "Dataset",
    audit: "Audit",
    limit_px: float | None,
    usable: "Usable",
) -> list[str]:
    """Write ``audit.csv``, ``.json``, ``.html`` and the folder ``blur``; return their names."""
    from defocus.datasets.audit.page import build_page
    from defocus.datasets.audit.table import COLUMNS, document, row_of
    from defocus.reports.display import csv_text
    from defocus.reports.html import render_html

    make_folder(out)
    _write_blur_maps(out / BLUR, dataset, audit)
    with staging_folder(
        out, ".audit-"
    ) as staging:  # new tables are never beside an old page
        rows = (row_of(pair).values() for pair in audit.pairs)
        write_text(staging / "audit.csv", csv_text([COLUMNS, *rows]))
        write_json(staging / DOCUMENT, document(audit, limit_px))
        write_text(
            staging / "audit.html",
            render_html(build_page(dataset, audit, limit_px, usable)),
        )
        with storing(out):
            for name in NAMES:
                (staging / name).replace(out / name)
            write_text(out / PLACE, _place_of(dataset))
            sync_folder(out)
    return list(NAMES)


def _write_blur_maps(folder: Path, dataset: "Dataset", audit: "Audit") -> None:
    """Write ``<id>/`` with the maps of each pair that was measured on this computer."""
    from defocus.align.compensation.blur_map import (
        BLUR_NAMES,
        blur_map_of,
        write_blur_map,
    )
    from defocus.align.flow.by_name import flow_estimator
    from defocus.datasets.measuring.kept import kept_blur, pair_keys

    measured = {row.id for row in audit.pairs if row.status == "ok"}
    keys = (
        pair_keys(dataset, flow_estimator(audit.estimator), audit.limits)
        if measured
        else {}
    )

    in_session = audit.in_session(dataset)

    def write(name: str) -> None:
        blur = kept_blur(keys[name], in_session.get(name))
        if blur is not None:
            place = make_folder(folder / name)
            remove_unfinished(place, BLUR_NAMES)
            write_blur_map(place, blur_map_of(blur))

    names = [pair.id for pair in dataset.pairs if pair.id in measured]
    with ThreadPoolExecutor(WRITERS) as pool:
        for _ in track(pool.map(write, names), "writing blur maps", total=len(names)):
            pass
    return_freed_memory(
        max((row.width or 0) * (row.height or 0) for row in audit.pairs)
    )
