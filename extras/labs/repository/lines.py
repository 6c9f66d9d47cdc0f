"""Lines of a board: one per system, lab and submission, with the numbers that may be compared."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from defocus.benchmark.leaderboard.classes import is_trained
from defocus.benchmark.leaderboard.rows import Row
from defocus.benchmark.results.store import NARROW
from defocus.errors import InputError
from defocus.extras.labs.opening import BundleRefusedError, read_signed
from defocus.extras.labs.repository.check import admission_problems
from defocus.extras.labs.repository.settings import Repository, bundles_of
from defocus.extras.labs.statement import RunFacts, Statement, digest
from defocus.extras.labs.verification.record import CheckRecord, read_record
from defocus.extras.labs.verification.verifying import statement_findings

RANKED = ("input-aligned", "truth", "gt")
"""Protocols of a board; the first that has scores is shown."""


@dataclass(frozen=True)
class Submission:
    """One bundle of a repository."""

    name: str  # path inside the repository, without suffix
    statement: Statement
    # the record of a verifier whom the repository names; None without one
    record: CheckRecord | None
    problems: tuple[str, ...] = ()  # why it is not on the board; empty if it is

    @property
    def page(self) -> str:
        """Page of the line, inside the site."""
        words = re.sub(r"[^a-z0-9]+", "-", self.name.lower()).strip("-") or "bundle"
        return f"submissions/{words}-{digest(self.statement)[:8]}.html"

    @property
    def checked(self) -> str:
        """Whether somebody has scored its pictures again."""
        if self.record is None:
            return "not checked"
        if not self.record.ok:
            return "refused"
        if not self.record.rows:
            return "not checked"
        return "rescored" if self.record.whole else "partly rescored"

    @cached_property
    def rows(self) -> tuple[Row, ...]:
        """The leaderboard: the verifier's own, where all was scored again."""
        whole = self.record is not None and self.record.ok and self.record.whole
        return (
            self.record.rows
            if self.record is not None and whole
            else self.statement.rows
        )


@dataclass(frozen=True, order=True)
class BoardGroup:
    """Properties that comparable lines share: dataset, its revision, conventions, protocol."""

    dataset: str
    data_revision: str
    evaluation: str
    protocol: str


@dataclass(frozen=True)
class SubmissionLine:
    """A system of a submission."""

    submission: Submission
    run: RunFacts  # one of its runs, for what all seeds share
    scores: Mapping[str, Row]  # its rows under the group's protocol, by metric
    costs: Mapping[str, float | None]  # its costs, by name

    @property
    def key(self) -> tuple[str, ...]:
        """Lab, system and track: a later submission with the same key takes its place."""
        entry = self.run.entry
        lab = self.submission.statement.lab
        return lab, entry.system, entry.weights, entry.budget

    @property
    def marks(self) -> tuple[str, ...]:
        """Words after the name where the training only shows that the system works."""
        entry = self.run.entry
        if entry.weights == NARROW:
            return ("narrow", "demo") if entry.budget == "demo" else ("narrow",)
        return ("demo",) if is_trained(entry.weights) and entry.budget == "demo" else ()

    @property
    def is_demo(self) -> bool:
        """Whether nobody competes with its numbers."""
        return bool(self.marks)

    @property
    def seen(self) -> str:
        """Whether test scenes may have been in the training."""
        status = self.run.entry.status
        return "perhaps" if status.startswith("seen") else "no"


def submissions_of(
    folder: Path,
    repository: Repository,
) -> tuple[list[Submission], dict[str, str]]:
    """The bundles of a repository, oldest first, and why others cannot be read, by name.

    Only statements and signatures are read; 'labs check' looks at the rest."""
    submissions: list[Submission] = []
    unreadable: dict[str, str] = {}
    for path in bundles_of(folder):
        name = path.relative_to(folder / "bundles").with_suffix("").as_posix()
        try:
            statement = read_signed(path)
            record = read_record(path)
        except InputError as error:
            kind = error.kind if isinstance(error, BundleRefusedError) else "record"
            unreadable[name] = f"{kind}: {error}"
            continue
        if record is not None and (
            record.key not in repository.verifiers.values()
            or record.key == statement.key
            or record.bundle != digest(statement)
        ):
            record = None
        problems = _problems(repository, statement, record)
        submissions.append(Submission(name, statement, record, tuple(problems)))
    return sorted(
        submissions,
        key=lambda one: (one.statement.made, one.name),
    ), unreadable


def _problems(
    repository: Repository,
    statement: Statement,
    record: CheckRecord | None,
) -> list[str]:
    """Why a bundle is not admitted."""
    problems = [said for _, said in admission_problems(repository, statement)]
    problems += [finding.said for finding in statement_findings(statement)]
    if record:
        problems += [f"refused: {said}" for said in record.findings]
    return problems


def lines_of(
    submissions: Iterable[Submission],
) -> dict[BoardGroup, list[SubmissionLine]]:
    """The lines of all admitted submissions, oldest first, by what they may be compared with."""
    by_group: dict[BoardGroup, list[SubmissionLine]] = defaultdict(list)
    for submission in submissions:
        if submission.problems:
            continue
        _add_lines(submission, by_group)
    return dict(sorted(by_group.items()))


def _add_lines(
    submission: Submission,
    by_group: dict[BoardGroup, list[SubmissionLine]],
) -> None:
    """Add the lines of a submission to the groups with which they may be compared."""
    runs = {}
    for run in submission.statement.runs:
        entry = run.entry
        runs[entry.system, entry.weights, entry.budget] = run
    by_system: dict[tuple[str, str, str], list[Row]] = defaultdict(list)
    for row in submission.rows:
        by_system[row.system, row.weights, row.budget].append(row)
    for key, rows in by_system.items():
        group = _group(rows)
        if group is None or key not in runs:
            continue
        scores = {}
        costs = {}
        for row in rows:
            if row.protocol == group.protocol:
                scores[row.metric] = row
            elif not row.protocol:
                costs[row.metric] = row.value
        by_group[group].append(SubmissionLine(submission, runs[key], scores, costs))


def _group(rows: Iterable[Row]) -> BoardGroup | None:
    """The group of some rows: that of the first ranked protocol with a PSNR; None without one."""
    scored = {}
    for row in rows:
        if row.metric == "psnr" and row.value is not None:
            scored[row.protocol] = BoardGroup(
                row.dataset,
                row.data_revision,
                row.evaluation,
                row.protocol,
            )
    for protocol in RANKED:
        if protocol in scored:
            return scored[protocol]
    return None
