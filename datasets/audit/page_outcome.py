"""First screen of an audit's page: whether the dataset passes, what fails, and what to do next."""

import shlex
from collections.abc import Callable, Sequence

from defocus.align.flow.by_name import DEFAULT_ESTIMATOR
from defocus.datasets.audit.pair_audit import AuditedPair
from defocus.datasets.audit.run import Audit
from defocus.datasets.audit.table import AuditFailures, failing_pairs
from defocus.datasets.curation_rules import Usable
from defocus.isolation import LeftOut
from defocus.progress import counted
from defocus.reports.model import Cell, Column, Facts, Paragraph, Part, Table

NAMED = 20
"""Failing pairs that are named before the next step; the sections below it list all."""
UNREADABLE_NAMED = 5
PLACELESS = ("sample",)
"""Readers of datasets that are in no folder of the user's."""
COMMON_LIMIT_PX = 1.0
"""Limit that is proposed where none was given; the rules of 'curate' have the same."""

LinkOf = Callable[[str], Cell]
"""The cell that leads from a pair's id to where the page shows it."""


def headline(audit: Audit, found: AuditFailures, limit_px: float | None) -> str:
    """The verdict in a sentence."""
    pairs, failing = counted(audit.found, "pair"), len(failing_pairs(found))
    if limit_px is None:
        verdict = f"Neither passed nor failed: no limit was given for the misalignment of {pairs}"
        return (
            f"{verdict}; {failing} of them would fail under any limit."
            if failing
            else f"{verdict}."
        )
    if not found.any:
        return (
            f"Passed: {pairs}, none misaligned by more than {limit_px:g} px or unknown, none "
            "unreadable, no picture twice."
        )
    if not failing:
        return f"Failed: none of {pairs} could be measured, so none is shown to be aligned."
    return f"Failed: {failing} of {pairs} fail with a limit of {limit_px:g} px."


def checks_table(failing: AuditFailures, limit_px: float | None, link_of: LinkOf) -> Table:
    """Each check with the number of pairs that fail it, and the worst of them."""
    rows: list[tuple[Cell, ...]] = []
    if limit_px is not None:
        rows.append(_check(f"misaligned by more than {limit_px:g} px", failing.misaligned, link_of))
    rows += [
        _check("misalignment unknown, not shown to be aligned", failing.unknown, link_of),
        _check("unreadable files, or members of two sizes", failing.unreadable, link_of),
        _check("blurry and sharp are the same picture", failing.same, link_of),
    ]
    leaks = tuple(one.first for one in failing.leaks)
    shown = link_of(leaks[0]) if leaks else "none"
    rows.append(("picture in two splits", float(len(leaks)), shown))
    columns = ("check", Column("fail", decimals=0), "the worst, or the first")
    note = "" if failing.measured else "No pair could be measured, which fails too."
    return Table.of("What was checked", columns, rows, note)


def _check(name: str, pairs: Sequence[AuditedPair | LeftOut], link_of: LinkOf) -> tuple[Cell, ...]:
    first = link_of(pairs[0].id) if pairs else "none"
    return name, float(len(pairs)), first


def failing_part(audit: Audit, failing: AuditFailures, link_of: LinkOf) -> Part:
    """Part that names the pairs that fail, the most misaligned first, with all their reasons."""
    reasons = failing_pairs(failing)
    if not reasons:
        return Paragraph("No pair fails.")
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
    return Table.of("By name, the most misaligned first", columns, rows, note, stacked=True)


def usable_parts(usable: Usable, link_of: LinkOf) -> tuple[Part, ...]:
    """Parts that say how many pairs can be used, and what is wrong with the others."""
    rows: list[tuple[Cell, ...]] = [("as they are", float(len(usable.now)))]
    if usable.compensated:
        rows.append(("after compensation", float(len(usable.compensated))))
    rows.append(("not", float(len(usable.others))))
    note = "By the default rules of 'defocus-data curate', which can be changed with --rules."
    counts = Table.of(
        "How many pairs can be used", ("can be used", Column("pairs", decimals=0)), rows, note
    )
    if not usable.others:
        return (counts,)
    wrong = tuple((link_of(name), reason) for name, reason in usable.others[:NAMED])
    more = len(usable.others) - len(wrong)
    left = f"{more} more; judgements.csv of 'curate' lists all." if more else ""
    columns = ("pair", "why it cannot be used")
    return counts, Table.of("What is wrong with the others", columns, wrong, left, stacked=True)


def compensation(name: str, *measured: str) -> str:
    """The command that makes an aligned copy of a dataset, beside it."""
    return _command("compensate", name, "--out", f"{_folder(name)}-compensated", *measured)


def _folder(name: str) -> str:
    return name.partition(":")[2] or name


def next_parts(
    audit: Audit, failing: AuditFailures, limit_px: float | None, usable: Usable
) -> tuple[Part, ...]:
    """Parts with the one command that comes next, and with what it does."""
    name = audit.dataset
    flow = () if audit.estimator == DEFAULT_ESTIMATOR else ("--estimator", audit.estimator)
    measured = (*flow, *audit.limits.arguments)
    folder = _folder(name)
    limit = f"{COMMON_LIMIT_PX if limit_px is None else limit_px:g}px"
    if limit_px is None and usable.compensated:
        new = f"{folder}-compensated"
        curated = _command("curate", f"manifest:{new}", "--out", f"{folder}-curated", *flow)
        return _step(
            ("compensate", name, "--out", new, *measured),
            f"Makes a new dataset with {counted(len(usable.compensated), 'pair')} moved into "
            "place, which 'curate' would reject now. Pairs of unknown misalignment are left out. "
            f"Then curate it: {curated}",
            _before_compensation(failing),
        )
    if limit_px is None:
        return _step(
            ("audit", name, "--fail-above", limit, *measured),
            "Gives a verdict, with the limit that you need and the --out of this audit. What was "
            "measured is kept, so nothing is measured again.",
        )
    if failing.misaligned:
        new = f"{folder}-compensated"
        again = _command(
            "audit", f"manifest:{new}", "--out", f"{new}-audit", "--fail-above", limit, *measured
        )
        return _step(
            ("compensate", name, "--out", new, *measured),
            f"Makes a new dataset with {counted(len(failing.misaligned), 'misaligned pair')} moved "
            f"into place. {_what_stays(failing)}Then audit it: {again}",
            _before_compensation(failing),
        )
    if not failing.any:
        return (Paragraph("Nothing has to be repaired."),)
    if not (failing.unknown or failing.unreadable or failing.same or failing.leaks):
        return (Paragraph("No pair has a sharp picture, so there is nothing to align."),)
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


def _step(words: tuple[str, ...], does: str, before: str = "") -> tuple[Part, ...]:
    first = (("first", before),) if before else ()
    reader, _, folder = words[1].partition(":")
    # a page that is mailed names no folders of its author
    where = (("where", f"in the folder that holds {folder}"),) if reader not in PLACELESS else ()
    run = ("run", _command(*words))
    return (Facts("Next step", (*first, *where, run, ("what it does", does))),)


def _command(*words: str) -> str:
    return shlex.join(("defocus-data", *words))
