"""The board of a results repository: a static site that opens from a folder, without a network."""

import hashlib
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

from defocus.benchmark.leaderboard.columns import column
from defocus.benchmark.statistics.scored_group import INPUT
from defocus.errors import InputError
from defocus.extras.labs.repository.lines import (
    BoardGroup,
    Submission,
    SubmissionLine,
    lines_of,
    submissions_of,
)
from defocus.extras.labs.repository.settings import Repository, read_repository
from defocus.extras.labs.repository.submission_page import submission_page
from defocus.extras.labs.repository.table import (
    LARGE,
    BoardGroups,
    latest_lines,
    lines_table,
    measured,
)
from defocus.progress import counted, track
from defocus.reports.html import write_html
from defocus.reports.model import (
    Cell,
    Column,
    Curve,
    Curves,
    Link,
    Page,
    Part,
    Table,
    Tabs,
)
from defocus.storage.files import make_folder
from defocus.storage.staging import staging_folder

HISTORY_AT_LEAST = 2
"""Number of submissions from which a system has a page of its own."""


def write_board(folder: Path, out: Path) -> int:
    """Write the site of a results repository, also over an old one; return how many submissions."""
    repository = read_repository(folder)
    submissions, unreadable = submissions_of(folder, repository)
    groups = lines_of(submissions)
    histories = _histories(groups)
    if out.is_dir() and any(out.iterdir()) and not (out / "submissions").is_dir():
        raise InputError(f"{out}: has other files; give the board a folder of its own")
    _replace_site(out, repository, groups, histories, submissions, unreadable)
    return sum(not one.problems for one in submissions)


def _replace_site(
    out: Path,
    repository: Repository,
    groups: BoardGroups,
    histories: Mapping[str, BoardGroups],
    submissions: Sequence[Submission],
    unreadable: Mapping[str, str],
) -> None:
    """Write all pages into a new folder, then put it in the place of the earlier one."""
    make_folder(out.absolute().parent)
    with staging_folder(out.absolute().parent, f".{out.name}-", ".part") as staged:
        site = make_folder(staged / "new")
        for place in ("submissions", "systems"):
            make_folder(site / place)
        pages = {
            "index.html": _index(
                repository.title,
                groups,
                histories,
                submissions,
                unreadable,
            )
        }
        for one in submissions:
            pages[one.page] = submission_page(one, groups)
        for name, history in histories.items():
            pages[_system_page(name)] = _history_page(name, history)
        for name, page in track(list(pages.items()), "writing pages"):
            write_html(page, site / name)
        if out.is_dir():
            out.rename(staged / "old")
        site.rename(out)


def _histories(
    groups: BoardGroups,
) -> dict[str, dict[BoardGroup, list[SubmissionLine]]]:
    """Lines of each system with several submissions, grouped by comparability."""
    by_system: dict[str, dict[BoardGroup, list[SubmissionLine]]] = defaultdict(dict)
    for group, lines in groups.items():
        for line in lines:
            by_system[line.run.entry.system].setdefault(group, []).append(line)
    histories = {}
    for system, by_group in sorted(by_system.items()):
        longest = max(map(len, by_group.values()))
        if system != INPUT and longest >= HISTORY_AT_LEAST:
            histories[system] = by_group
    return histories


def _refused(
    submissions: Sequence[Submission],
    unreadable: Mapping[str, str],
) -> list[tuple[str, str]]:
    """Names of submissions that are not on the board, and why."""
    refused = []
    for one in submissions:
        why = "; ".join(one.problems)
        if why:
            refused.append((one.name, why))
    return refused + sorted(unreadable.items())


def _index(
    title: str,
    groups: BoardGroups,
    histories: Mapping[str, object],
    submissions: Sequence[Submission],
    unreadable: Mapping[str, str],
) -> Page:
    admitted = [one for one in submissions if not one.problems]
    labs = {one.statement.lab for one in admitted}
    several = len({group.dataset for group in groups}) < len(groups)
    sections = []
    for group, lines in groups.items():
        tab = _tab(group, latest_lines(lines))
        sections.append((_heading(group, several=several), (tab,)))
    further = _further(histories, admitted, _refused(submissions, unreadable))
    remark = "No submission was scored again by a verifier of this repository."
    summary = f"{counted(len(admitted), 'submission')} of {counted(len(labs), 'lab')}"
    rescored = sum(one.checked == "rescored" for one in admitted)
    if rescored:
        remark = ""
        summary += f"; of {rescored} a verifier has scored every picture again"
    return Page(title, remark, (*sections, *further), f"{summary}.")


def _further(
    histories: Mapping[str, object],
    admitted: Sequence[Submission],
    refused: Sequence[tuple[str, str]],
) -> list[tuple[str, tuple[Part, ...]]]:
    """Sections below the boards: history, submissions, and what was refused."""
    further: list[tuple[str, tuple[Part, ...]]] = []
    if histories:
        further.append(("History", (_history_table(list(histories)),)))
    further.append(("Submissions", (_submission_table(admitted),)))
    if refused:
        columns = ("Bundle", "Why it is not shown")
        table = Table.of("Not on the board", columns, refused)
        further.append(("Refused", (table,)))
    return further


def _heading(group: BoardGroup, *, several: bool) -> str:
    more = (
        f", data {group.data_revision}, scored by {group.evaluation}" if several else ""
    )
    return f"{group.dataset}{more}"


def _tab(group: BoardGroup, lines: Sequence[SubmissionLine]) -> Tabs:
    """The tables in a tab: there a reader can filter their rows. Demos compete with nobody."""
    compared = [line for line in lines if not line.is_demo]
    demos = [line for line in lines if line.is_demo]
    tables = [lines_table(group, some) for some in (compared, demos) if some]
    return Tabs("Protocol", ((group.protocol, tuple(tables)),))


def _history_table(systems: Sequence[str]) -> Table:
    rows = tuple((Link(name, _system_page(name)),) for name in systems)
    return Table.of("Systems that were submitted more than once", ("System",), rows)


def _submission_table(submissions: Sequence[Submission]) -> Table:
    rows = []
    for one in reversed(submissions):
        stated = one.statement
        day, runs = stated.made[:10], float(len(stated.runs))
        link = Link(one.name, one.page)
        rows.append((link, stated.lab, day, runs, stated.dataset.name, one.checked))
    columns = (
        "Bundle",
        Column("Lab", choose="value"),
        "Made",
        Column("Runs", decimals=0),
        Column("Dataset", choose="value"),
        Column("Checked", choose="value"),
    )
    return Table.of(
        "All submissions, the latest first",
        columns,
        rows,
        large=len(rows) > LARGE,
    )


def _system_page(system: str) -> str:
    """A page for each name, also where two differ in case or in signs alone."""
    words = re.sub(r"[^a-z0-9]+", "-", system.lower()).strip("-")
    unlike = (
        "" if words == system else f"-{hashlib.sha256(system.encode()).hexdigest()[:8]}"
    )
    return f"systems/{words or 'system'}{unlike}.html"


def _history_page(system: str, groups: BoardGroups) -> Page:
    """PSNR of a system's submissions in their order, a line per lab."""
    sections: list[tuple[str, tuple[Part, ...]]] = []
    for group, lines in groups.items():
        rows, curves = _history(lines)
        columns = ("Bundle", "Lab", "Made", "Version")
        table = Table.of(
            f"{system} on {group.dataset}, protocol {group.protocol}, oldest first",
            (*columns, column("psnr"), "Checked"),
            tuple(rows),
        )
        figure = Curves("PSNR over submissions", "submission", "PSNR, dB", curves)
        parts: tuple[Part, ...] = (figure, table) if curves else (table,)
        sections.append((_heading(group, several=len(groups) > 1), parts))
    back = Table.of("The board", ("Page",), ((Link("All labs", "../index.html"),),))
    return Page(f"History of {system}", "", (*sections, ("Back", (back,))))


def _history(
    lines: Sequence[SubmissionLine],
) -> tuple[list[tuple[Cell, ...]], tuple[Curve, ...]]:
    """Rows of the submissions, and a curve for each lab with several."""
    by_lab: dict[str, list[tuple[float, float]]] = defaultdict(list)
    rows = []
    for number, line in enumerate(lines, 1):
        if not line.is_demo:
            psnr = line.scores["psnr"].value or 0.0
            by_lab[line.submission.statement.lab].append((float(number), psnr))
        rows.append(_history_row(line))
    curves = []
    for lab, points in by_lab.items():
        if len(points) > 1:
            numbers, values = zip(*points, strict=True)
            curves.append(Curve(lab, numbers, values))
    return rows, tuple(curves)


def _history_row(line: SubmissionLine) -> tuple[Cell, ...]:
    """Name, lab, day, version, score and check of a submission."""
    psnr = line.scores["psnr"]
    submission = line.submission
    statement = submission.statement
    name = Link(submission.name, f"../{submission.page}", line.marks)
    score = measured(psnr.value, psnr.ci_low, psnr.ci_high)
    origin = statement.made[:10], statement.tool
    return name, statement.lab, *origin, score, submission.checked
