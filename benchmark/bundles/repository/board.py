"""The board of a results repository: a static site that opens from a folder, without a network."""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from defocus.benchmark.bundles.repository.lines import (
    BoardGroup,
    Submission,
    SubmissionLine,
    lines_of,
    submissions_of,
)
from defocus.benchmark.bundles.repository.settings import read_repository
from defocus.benchmark.bundles.statement import digest
from defocus.benchmark.leaderboard.rows import Row
from defocus.benchmark.metric.registry import all_metrics
from defocus.errors import InputError
from defocus.files import make_folder
from defocus.progress import counted, track
from defocus.reports.html import write_html
from defocus.reports.model import (
    Cell,
    Column,
    Curve,
    Curves,
    Facts,
    Folded,
    Link,
    Measured,
    Page,
    Paragraph,
    Part,
    Table,
    Tabs,
)
from defocus.staging import staging_folder

__all__ = ["write_board"]

METRICS = ("psnr", "ssim", "lpips")
HISTORY_AT_LEAST = 2
"""A system has a page of its own if it was submitted so often."""

INPUT = "input"

BoardGroups = Mapping[BoardGroup, Sequence[SubmissionLine]]

LARGE = 300
"""Tables with more rows are sorted by the digits shown and draw no bars: they would take long."""


def write_board(folder: Path, out: Path) -> int:
    """Write the site of a results repository.

    Args:
        folder: The repository.
        out: The folder of the site; an earlier site there is replaced.

    Returns:
        Number of submissions on the board.

    Raises:
        InputError: The folder is no repository, or ``out`` has something else in it.
        StorageError: The disk is full or the folder not writable.
    """
    repository = read_repository(folder)
    submissions, unreadable = submissions_of(folder, repository)
    groups = lines_of(submissions)
    histories = _histories(groups)
    if out.is_dir() and any(out.iterdir()) and not (out / "submissions").is_dir():
        raise InputError(f"{out}: has other files; give the board a folder of its own")
    make_folder(out.absolute().parent)
    with staging_folder(out.absolute().parent, f".{out.name}-", ".part") as staged:
        site = make_folder(staged / "new")
        for place in ("submissions", "systems"):
            make_folder(site / place)
        pages = {"index.html": _index(repository.title, groups, histories, submissions, unreadable)}
        pages |= {one.page: _submission_page(one, groups) for one in submissions}
        pages |= {_system_page(name): _history_page(name, all_) for name, all_ in histories.items()}
        for name, page in track(list(pages.items()), "writing pages"):
            write_html(page, site / name)
        if out.is_dir():
            out.rename(staged / "old")
        site.rename(out)
    return sum(not one.problems for one in submissions)


def _histories(
    groups: BoardGroups,
) -> dict[str, dict[BoardGroup, list[SubmissionLine]]]:
    """Lines of each system that was submitted more than once, by what can be compared."""
    found: dict[str, dict[BoardGroup, list[SubmissionLine]]] = defaultdict(dict)
    for group, lines in groups.items():
        for line in lines:
            found[line.run.entry.system].setdefault(group, []).append(line)
    return {
        system: by_group
        for system, by_group in sorted(found.items())
        if system != INPUT and max(map(len, by_group.values())) >= HISTORY_AT_LEAST
    }


def _index(
    title: str,
    groups: BoardGroups,
    histories: Mapping[str, object],
    submissions: Sequence[Submission],
    unreadable: Mapping[str, str],
) -> Page:
    admitted = [one for one in submissions if not one.problems]
    labs = {one.statement.lab for one in admitted}
    rescored = sum(one.checked == "rescored" for one in admitted)
    several = len({group.dataset for group in groups}) < len(groups)
    sections = [
        (_heading(group, several=several), (_tab(group, _latest(lines)),))
        for group, lines in groups.items()
    ]
    refused = [(one.name, "; ".join(one.problems)) for one in submissions if one.problems]
    refused += sorted(unreadable.items())
    further: list[tuple[str, tuple[Part, ...]]] = []
    if histories:
        further.append(("History", (_history_table(list(histories)),)))
    further.append(("Submissions", (_submission_table(admitted),)))
    if refused:
        columns = (Column("Bundle"), Column("Why it is not shown"))
        table = Table("Not on the board", columns, tuple(refused))
        further.append(("Refused", (table,)))
    return Page(
        title,
        "" if rescored else "No submission was scored again by a verifier of this repository.",
        (*sections, *further),
        f"{counted(len(admitted), 'submission')} of {counted(len(labs), 'lab')}"
        + (f"; of {rescored} a verifier has scored every picture again." if rescored else "."),
    )


def _heading(group: BoardGroup, *, several: bool) -> str:
    more = f", data {group.data_revision}, scored by {group.evaluation}" if several else ""
    return f"{group.dataset}{more}"


def _latest(lines: Sequence[SubmissionLine]) -> list[SubmissionLine]:
    """The last line of each lab and system, best first; the input once."""
    latest = {line.key: line for line in lines}
    inputs = [line for line in latest.values() if line.run.entry.system == INPUT]
    rest = [line for line in latest.values() if line.run.entry.system != INPUT]
    return sorted([*rest, *inputs[-1:]], key=lambda line: -(line.scores["psnr"].value or 0.0))


def _tab(group: BoardGroup, lines: Sequence[SubmissionLine]) -> Tabs:
    """The tables in a tab: there a reader can filter their rows. Demos compete with nobody."""
    compared = [line for line in lines if not line.is_demo]
    demos = [line for line in lines if line.is_demo]
    tables = [_table(group, some) for some in (compared, demos) if some]
    return Tabs("Protocol", ((group.protocol, tuple(tables)),))


def _table(group: BoardGroup, lines: Sequence[SubmissionLine], *, linked: bool = True) -> Table:
    columns = (
        Column("System"),
        Column("Gain", "dB", "higher", 2, bar=True),
        Column("Lab", choose="value"),
        Column("Checked", choose="value"),
        *(_metric_column(name) for name in METRICS),
        Column("Parameters", "M", "lower", 2, choose="limit"),
        Column("Time", "s", "lower", 3, choose="limit"),
        Column("Licence", choose="value"),
        Column("Seen", choose="value"),
        Column("Weights", choose="value", extra=True),
        Column("Budget", choose="value", extra=True),
        Column("Made", extra=True),
        Column("Version", extra=True),
    )
    references = tuple(n for n, line in enumerate(lines) if line.run.entry.system == INPUT)
    what = "the latest submission of each lab and system" if linked else "this submission"
    note = (
        "Rows stand in the order of PSNR; systems whose intervals overlap may be alike. "
        "Seen: whether test scenes may have been in the training. "
        "Computers differ: seconds of two labs are not one measurement."
    )
    if linked and all(line.is_demo for line in lines):
        what = "demo, not a comparison"
        note = "Narrow copies and demo trainings take seconds: they show that a system works."
    return Table(
        f"{group.dataset}, protocol {group.protocol}: {what}",
        columns,
        tuple((_system_cell(line, linked=linked), *_cells(line)) for line in lines),
        note=note,
        large=len(lines) > LARGE,
        references=references,
    )


def _metric_column(name: str) -> Column:
    metric = all_metrics()[name]
    return Column(metric.display_name, metric.unit, metric.better, metric.decimals)


def _system_cell(line: SubmissionLine, *, linked: bool) -> Cell:
    """A system's name, marked where its training was only a demo."""
    name = line.run.entry.system
    if linked:
        return Link(name, line.submission.page, line.marks)
    return ", ".join((name, *line.marks))


def _cells(line: SubmissionLine) -> Iterator[Cell]:
    """Everything beside the name."""
    entry, statement = line.run.entry, line.submission.statement
    psnr = line.scores["psnr"]
    yield _measured(psnr.gain, psnr.gain_low, psnr.gain_high)
    yield statement.lab
    yield line.submission.checked
    for name in METRICS:
        row = line.scores.get(name)
        yield row.value if row is not None else None
    yield line.costs.get("params_m")
    yield line.costs.get("seconds")
    yield (line.run.weights.licence if line.run.weights else "") or "none"
    yield line.seen
    yield entry.weights
    yield entry.budget
    yield statement.made[:10]
    yield statement.tool


def _measured(
    value: float | None, low: float | None = None, high: float | None = None
) -> Measured | None:
    if value is None:
        return None
    return Measured(value, (low, high) if low is not None and high is not None else None)


def _history_table(systems: Sequence[str]) -> Table:
    rows = tuple((Link(name, _system_page(name)),) for name in systems)
    return Table("Systems that were submitted more than once", (Column("System"),), rows)


def _submission_table(submissions: Sequence[Submission]) -> Table:
    rows = tuple(
        (
            Link(one.name, one.page),
            one.statement.lab,
            one.statement.made[:10],
            float(len(one.statement.runs)),
            one.statement.dataset.name,
            one.checked,
        )
        for one in reversed(submissions)
    )
    columns = (
        Column("Bundle"),
        Column("Lab", choose="value"),
        Column("Made"),
        Column("Runs", decimals=0),
        Column("Dataset", choose="value"),
        Column("Checked", choose="value"),
    )
    return Table("All submissions, the latest first", columns, rows, large=len(rows) > LARGE)


def _system_page(system: str) -> str:
    return f"systems/{re.sub(r'[^a-z0-9]+', '-', system.lower()).strip('-')}.html"


def _history_page(system: str, groups: BoardGroups) -> Page:
    """PSNR of a system's submissions in their order, a line per lab."""
    sections: list[tuple[str, tuple[Part, ...]]] = []
    for group, lines in groups.items():
        by_lab: dict[str, list[tuple[float, float]]] = defaultdict(list)
        rows: list[tuple[Cell, ...]] = []
        for number, line in enumerate(lines, 1):
            psnr, statement = line.scores["psnr"], line.submission.statement
            if not line.is_demo:
                by_lab[statement.lab].append((float(number), psnr.value or 0.0))
            name = Link(line.submission.name, f"../{line.submission.page}", line.marks)
            score = _measured(psnr.value, psnr.ci_low, psnr.ci_high)
            made = statement.made[:10], statement.tool
            rows.append((name, statement.lab, *made, score, line.submission.checked))
        curves = tuple(
            Curve(lab, tuple(x for x, _ in points), tuple(y for _, y in points))
            for lab, points in by_lab.items()
            if len(points) > 1
        )
        columns = ("Bundle", "Lab", "Made", "Version")
        table = Table(
            f"{system} on {group.dataset}, protocol {group.protocol}, oldest first",
            (*map(Column, columns), _metric_column("psnr"), Column("Checked")),
            tuple(rows),
        )
        figure = Curves("PSNR over submissions", "submission", "PSNR, dB", curves)
        parts: tuple[Part, ...] = (figure, table) if curves else (table,)
        sections.append((_heading(group, several=len(groups) > 1), parts))
    back = Table("The board", (Column("Page"),), ((Link("All labs", "../index.html"),),))
    return Page(f"History of {system}", "", (*sections, ("Back", (back,))))


def _submission_page(one: Submission, groups: BoardGroups) -> Page:
    """What stands on the board, what one wants to know of it, and the rest folded."""
    statement = one.statement
    rows = tuple(
        _table(group, _latest(mine), linked=False)
        for group, lines in groups.items()
        if (mine := [line for line in lines if line.submission is one])
    )
    facts = Facts(
        "Stated",
        (
            ("Lab", statement.lab),
            ("Made", statement.made),
            ("Checked", one.checked),
            ("Dataset", statement.dataset.name),
            ("Test pictures", str(len(statement.dataset.pairs))),
            ("Seeds", str(statement.seeds)),
            ("Restored pictures", _pictures_words(one)),
        ),
    )
    origin = Facts(
        "Origin",
        (
            ("Key", statement.key),
            ("Hash", digest(statement)),
            ("Version", statement.tool),
            ("Revision of the dataset", statement.dataset.content_hash),
            ("Correction", statement.dataset.sidecar or "none"),
        ),
    )
    details = (
        Folded("Check", "check", tuple(_check_parts(one)), one.checked),
        Folded("Scores", "scores", tuple(_score_parts(one.rows))),
        Folded("Runs", "runs", (_runs_table(one),), counted(len(statement.runs), "run")),
        Folded("Key, hash and versions", "origin", (origin,)),
    )
    back = Table("The board", (Column("Page"),), ((Link("All labs", "../index.html"),),))
    return Page(
        f"{one.name}, {statement.lab}",
        f"Not on the board: {'; '.join(one.problems)}" if one.problems else "",
        (
            *((("On the board", rows),) if rows else ()),
            ("Submission", (facts,)),
            ("Details", details),
            ("Back", (back,)),
        ),
    )


def _pictures_words(one: Submission) -> str:
    inside = any(name.startswith("outputs/") for name in one.statement.files)
    return "in the bundle" if inside else "their hashes alone"


def _check_parts(one: Submission) -> Iterator[Part]:
    record = one.record
    if record is None:
        yield Paragraph("Nobody whom this repository names has scored its pictures again.")
        return
    outcome = "every score again, and nothing was wrong" if record.whole and record.ok else ""
    yield Paragraph(f"Checked on {record.made[:10]} with {record.tool}: {outcome or one.checked}.")
    for text in dict.fromkeys((*record.findings, *record.notes)):
        yield Paragraph(text)


def _score_parts(rows: Sequence[Row]) -> Iterator[Part]:
    """The scores, and why others could not be computed: each reason once."""
    cells: list[tuple[Cell, ...]] = []
    missing: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        if row.protocol and row.value is None:
            missing[row.status].add(row.metric)
        elif row.protocol:
            score = _measured(row.value, row.ci_low, row.ci_high)
            places = row.system, row.budget, row.protocol, row.metric
            cells.append((*places, score, float(row.images)))
    chosen = ("System", "Protocol", "Metric")
    names = ("System", "Budget", "Protocol", "Metric")
    columns = (
        *(Column(name, choose="value" if name in chosen else None) for name in names),
        Column("Value", decimals=4),
        Column("Pictures", decimals=0),
    )
    yield Table("Scores", columns, tuple(cells), large=len(cells) > LARGE)
    for reason, metrics in missing.items():
        yield Paragraph(f"{', '.join(sorted(metrics))}: {reason}")


def _runs_table(one: Submission) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for run in one.statement.runs:
        entry, weights = run.entry, run.weights
        rows.append(
            (
                entry.system,
                float(entry.seed),
                entry.weights,
                weights.sha256[:16] if weights else "none",
                (weights.licence if weights else "") or "none",
                ", ".join(weights.trained_on) if weights else "none",
                entry.status,
                f"{run.device}, {run.machine.get('cores', '?')} cores",
            )
        )
    names = ("System", "Seed", "Weights", "Hash", "Licence", "Trained on", "Status", "Computer")
    columns = tuple(Column(name, decimals=0) for name in names)
    return Table("Runs", columns, tuple(rows))
