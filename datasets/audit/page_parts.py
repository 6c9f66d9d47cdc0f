"""Parts of an audit's page: the verdict, what fails, what comes next, sessions, unknown pairs."""

import shlex
from collections.abc import Callable, Mapping, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from defocus.align.compensation.blur_map import (
    at_least,
    blur_map_of,
    blur_picture,
    largest_measured_px,
    scale_words,
)
from defocus.align.flow.by_name import DEFAULT_ESTIMATOR, flow_estimator
from defocus.align.photometry.unexplained import unexplained_picture
from defocus.align.registration.unknown_causes import advice
from defocus.datasets.audit.pair_audit import AuditedPair
from defocus.datasets.audit.run import Audit
from defocus.datasets.audit.table import AuditFailures, failing_pairs
from defocus.datasets.curation_rules import Usable
from defocus.datasets.measuring.kept import kept_blur, pair_keys
from defocus.datasets.measuring.session import PooledSession
from defocus.datasets.pair import Dataset
from defocus.processes.isolation import LeftOut
from defocus.progress import counted
from defocus.reports.model import Cell, Column, Facts, Paragraph, Part, Table

Parts = tuple[Part, ...]

State = tuple[str, NDArray[np.uint8]]
BlurOf = Callable[[str, tuple[int, ...]], list[State]]
"""Pictures of a pair by its id, of some width and height."""

BLUR_SIDE = 1800
UNEXPLAINED = (
    "what the blur does not explain: red lighter, blue darker, by half a stop or more"
)


def blur_states(dataset: Dataset, audit: Audit) -> BlurOf:
    """A function that gives the pictures of a pair; none if it was not measured here."""
    keys = pair_keys(dataset, flow_estimator(audit.estimator), audit.limits)
    in_session = audit.in_session(dataset)

    def states(name: str, size: tuple[int, ...]) -> list[State]:
        blur = kept_blur(keys[name], in_session.get(name))
        if blur is None:
            return []
        blur_map = blur_map_of(blur, step=max(1, max(blur.shape) // BLUR_SIDE))
        pictures = [
            (f"relative blur, 0 to {scale_words(blur_map)}", blur_picture(blur_map))
        ]
        if blur.unexplained is not None:
            pictures.append((UNEXPLAINED, unexplained_picture(blur.unexplained)))
        return [
            (
                label,
                np.asarray(
                    cv2.resize(one, size, interpolation=cv2.INTER_AREA), np.uint8
                ),
            )
            for label, one in pictures
        ]

    return states


LISTED = 200
"""Largest number of rows of a table; ``audit.csv`` has all."""
IDS_NAMED = 5
"""Largest number of pairs that a cell names; ``audit.json`` has all."""


def with_error(value: float | None, sigma: float | None) -> str:
    """A length with its standard error; without one if it was given and not measured."""
    if value is None:
        return "unknown"
    return f"{value:.2f} px" if sigma is None else f"{value:.2f} ± {sigma:.2f} px"


def blur_cell(row: AuditedPair) -> Cell:
    """The blur that 95 % of the picture have at most, px; in words where the range ends."""
    diameter_px = row.blur_p95_px
    if diameter_px is None or row.height is None or row.width is None:
        return diameter_px
    return (
        at_least(diameter_px, largest_measured_px((row.height, row.width)))
        or diameter_px
    )


def sessions_part(sessions: Sequence[PooledSession]) -> Part:
    """Part that says what each session shares, and which pairs were measured only with its help."""
    if not sessions:
        return Paragraph(
            "No two pairs say that they are of one session, or no zoom is allowed, so each was "
            "measured by itself."
        )
    rows: list[tuple[Cell, ...]] = [
        (
            one.camera or "unknown camera",
            one.by,
            len(one.pairs),
            len(one.alone),
            one.shared,
            len(one.measured),
            _names(one.answered),
            _names(one.contradicting),
        )
        for one in sessions[:LISTED]
    ]
    columns = (
        "session", "known by", Column("pairs", decimals=0), Column("known alone", decimals=0),
        "shared", Column("measured with it", decimals=0), "known only thanks to it",
        "contradicting it",
    )  # fmt: skip
    note = (
        "Pairs of one camera, lens, focal length, aperture and change of focus share one zoom and "
        "one asymmetry of the point spread. A pair takes them where they are surer than its own; "
        "one that contradicts them keeps its own."
    )
    return Table.of(
        "What the pairs of a session share", columns, rows, note, stacked=True
    )


def _names(ids: Sequence[str]) -> str:
    """How many pairs, and which."""
    if not ids:
        return "0"
    more = ", …" if len(ids) > IDS_NAMED else ""
    return f"{len(ids)}: {', '.join(ids[:IDS_NAMED])}{more}"


def not_measured_parts(
    pairs: Sequence[AuditedPair], anchors: Mapping[str, str]
) -> Parts:
    """Parts that list pairs without a misalignment, each with its reason and with what helps."""
    missing = [pair for pair in pairs if pair.reason]
    if not missing:
        return (Paragraph("Every pair was measured."),)
    rows = []
    for pair in missing[:LISTED]:
        helps = advice(pair.reason) if pair.status == "unknown" else ""
        rows.append((pair.id, pair.split, pair.status, pair.reason, helps))
    names = ("pair", "split", "status", "reason", "what helps")
    table = Table.of(
        "Pairs without a misalignment",
        names,
        rows,
        anchors=tuple(anchors[pair.id] for pair in missing[:LISTED]),
        stacked=True,
    )
    if all(pair.status != "unknown" for pair in missing):
        return (table,)
    return (
        table,
        Paragraph(
            "An unknown misalignment is not a large one: the pictures do not give it to the "
            "accuracy that is asked for, so no number is given. Such a pair may be aligned well. "
            'To keep such pairs, write unknown = "accept" into the --rules of \'defocus-data '
            "curate'; the guide docs/how-to/unknown-alignment.md in the source of this program "
            "says more of each reason."
        ),
    )


NAMED = 20
"""Largest number of failing pairs that are named before the next step; the sections below it list
all."""
UNREADABLE_NAMED = 5
PLACELESS = ("sample",)
"""Readers of datasets that are in no folder of the user's."""
COMMON_LIMIT_PX = 1.0
"""Limit that is proposed where no limit was given; the rules of 'curate' have the same."""

LinkOf = Callable[[str], Cell]
"""The cell that leads from a pair's id to where the page shows it."""


def headline(audit: Audit, problems: AuditFailures, limit_px: float | None) -> str:
    """The verdict in a sentence."""
    pairs = counted(audit.total, "pair")
    failing = len(failing_pairs(problems))
    if limit_px is None:
        verdict = f"Neither passed nor failed: no limit was given for the misalignment of {pairs}"
        if failing:
            return f"{verdict}; {failing} of them would fail under any limit."
        return f"{verdict}."
    if not problems.any:
        return (
            f"Passed: {pairs}, none misaligned by more than {limit_px:g} px or unknown, none "
            "unreadable, no picture twice."
        )
    if not failing:
        return f"Failed: none of {pairs} could be measured, so none is shown to be aligned."
    return f"Failed: {failing} of {pairs} fail with a limit of {limit_px:g} px."


def checks_table(
    failing: AuditFailures, limit_px: float | None, link_of: LinkOf
) -> Table:
    """Each check with the number of pairs that fail it, and the worst of them."""
    rows: list[tuple[Cell, ...]] = []
    if limit_px is not None:
        rows.append(
            _check(
                f"misaligned by more than {limit_px:g} px", failing.misaligned, link_of
            )
        )
    rows += [
        _check(
            "misalignment unknown, not shown to be aligned", failing.unknown, link_of
        ),
        _check(
            "unreadable files, or members of two sizes", failing.unreadable, link_of
        ),
        _check("blurry and sharp are the same picture", failing.same, link_of),
    ]
    leaks = tuple(one.first for one in failing.leaks)
    shown = link_of(leaks[0]) if leaks else "none"
    rows.append(("picture in two splits", float(len(leaks)), shown))
    columns = ("check", Column("fail", decimals=0), "the worst, or the first")
    note = "" if failing.measured else "No pair could be measured, which fails too."
    return Table.of("What was checked", columns, rows, note)


def _check(
    name: str, pairs: Sequence[AuditedPair | LeftOut], link_of: LinkOf
) -> tuple[Cell, ...]:
    first = link_of(pairs[0].id) if pairs else "none"
    return name, float(len(pairs)), first


def failing_parts(audit: Audit, failing: AuditFailures, link_of: LinkOf) -> Parts:
    """The pairs that fail, the most misaligned first, with all their reasons; empty if none."""
    reasons = failing_pairs(failing)
    if not reasons:
        return ()
    splits = {pair.id: pair.split for pair in audit.pairs}
    rows = tuple(
        (link_of(name), splits.get(name, "none"), "; ".join(texts))
        for name, texts in list(reasons.items())[:NAMED]
    )
    columns = ("pair", "split", "why it fails")
    note = ""
    if len(rows) < len(reasons):
        note = (
            f"{len(rows)} of {len(reasons)}; the sections 'Not measured', 'Pictures in two splits' "
            "and 'Pairs' list the others, and audit.json has all."
        )
    return (
        Table.of(
            "By name, the most misaligned first", columns, rows, note, stacked=True
        ),
    )


def usable_parts(usable: Usable, link_of: LinkOf) -> Parts:
    """What is wrong with pairs that cannot be used; empty where all can."""
    if not usable.others:
        return ()
    rules = "By the default rules of 'defocus-data curate', which can be changed with --rules."
    wrong = tuple((link_of(name), reason) for name, reason in usable.others[:NAMED])
    more = len(usable.others) - len(wrong)
    left = f" {more} more; judgements.csv of 'curate' lists all." if more else ""
    columns = ("pair", "why it cannot be used")
    return (
        Table.of("What is wrong with them", columns, wrong, rules + left, stacked=True),
    )


def compensation(name: str, *measured: str) -> str:
    """The command that makes an aligned copy of a dataset next to it."""
    return _command(
        "compensate", name, "--out", f"{_folder(name)}-compensated", *measured
    )


def _folder(name: str) -> str:
    return name.partition(":")[2] or name


def next_parts(
    audit: Audit, failing: AuditFailures, limit_px: float | None, usable: Usable
) -> Parts:
    """Parts with the one command that comes next, and with what it does."""
    name = audit.dataset
    folder = _folder(audit.dataset)
    flow: tuple[str, ...] = ()
    if audit.estimator != DEFAULT_ESTIMATOR:
        flow = ("--estimator", audit.estimator)
    measured = (*flow, *audit.limits.arguments)
    new = f"{folder}-compensated"
    compensating = ("compensate", name, "--out", new, *measured)
    if limit_px is None and usable.compensated:
        curated = _command(
            "curate", f"manifest:{new}", "--out", f"{folder}-curated", *flow
        )
        return _step(
            compensating,
            f"Makes a new dataset with {counted(len(usable.compensated), 'pair')} moved into "
            "place, which 'curate' would reject now. Pairs of unknown misalignment are left out. "
            f"Then curate it: {curated}",
            _before_compensation(failing),
        )
    if limit_px is None:
        limit = f"{COMMON_LIMIT_PX:g}px"
        return _step(
            ("audit", name, "--fail-above", limit, *measured),
            "Gives a verdict, with the limit that you need and the --out of this audit. What was "
            "measured is kept, so nothing is measured again.",
        )
    if not failing.misaligned:
        if not failing.any:
            return _with_nothing_to_repair(audit)
        return _after_alignment(failing, limit_px, name, folder, flow)
    verdict = ("--out", f"{new}-audit", "--fail-above", f"{limit_px:g}px")
    again = _command("audit", f"manifest:{new}", *verdict, *measured)
    return _step(
        compensating,
        f"Makes a new dataset with {counted(len(failing.misaligned), 'misaligned pair')} moved "
        f"into place. {_what_stays(failing)}Then audit it: {again}",
        _before_compensation(failing),
    )


def _with_nothing_to_repair(audit: Audit) -> Parts:
    """The next step where no pair fails: a person looks at places that are alike."""
    repaired = "Nothing has to be repaired."
    if not audit.same_places:
        return (Paragraph(repaired),)
    twins = counted(len(audit.same_places), "pair")
    seen = f"Look at {twins} of pictures below: perhaps one place is in two splits."
    return (Paragraph(f"{repaired} {seen}"),)


def _after_alignment(
    failing: AuditFailures,
    limit_px: float | None,
    name: str,
    folder: str,
    flow: tuple[str, ...],
) -> Parts:
    """The next step where pairs fail and none is misaligned."""
    if not (failing.unknown or failing.unreadable or failing.same or failing.leaks):
        return (
            Paragraph("No pair has a sharp picture, so there is nothing to align."),
        )
    unknown = 'Those of unknown misalignment stay with unknown = "accept" in --rules. '
    rules = f"Its rules allow {COMMON_LIMIT_PX:g} px; give a file with another limit with --rules."
    return _step(
        ("curate", name, "--out", f"{folder}-curated", *flow),
        "Makes a new dataset without the pairs that fail. "
        + (unknown if failing.unknown else "")
        + ("" if limit_px == COMMON_LIMIT_PX else rules),
    )


def _before_compensation(failing: AuditFailures) -> str:
    if not failing.unreadable:
        return ""
    names = ", ".join(pair.id for pair in failing.unreadable[:UNREADABLE_NAMED])
    more = ", …" if len(failing.unreadable) > UNREADABLE_NAMED else ""
    return f"replace or remove the files of {names}{more}: compensation leaves such pairs out"


def _what_stays(failing: AuditFailures) -> str:
    unknown = "Pairs of unknown misalignment are left out. " if failing.unknown else ""
    if not (failing.same or failing.leaks):
        return unknown
    return (
        f"{unknown}A picture in two splits, and a pair of one picture, can stay in it; "
        "'defocus-data curate' leaves them out. "
    )


def _step(words: tuple[str, ...], does: str, before: str = "") -> Parts:
    first = (("first", before),) if before else ()
    reader, _, folder = words[1].partition(":")
    # a page that is mailed names no folders of its author
    where = (
        (("where", f"in the folder that holds {folder}"),)
        if reader not in PLACELESS
        else ()
    )
    run = ("run", _command(*words))
    return (Facts("Next step", (*first, *where, run, ("what it does", does))),)


def _command(*words: str) -> str:
    return shlex.join(("defocus-data", *words))
