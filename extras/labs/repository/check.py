"""Check a results repository, as its CI does: every bundle by itself, and all of them together."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from defocus.baselines.scales import plain_name
from defocus.errors import InputError
from defocus.extras.labs.opening import (
    BundleRefusedError,
    OpenBundle,
    opened_bundle,
    read_scores,
)
from defocus.extras.labs.repository.settings import (
    SETTINGS,
    Repository,
    bundles_of,
    read_repository,
)
from defocus.extras.labs.rows import different_cell, rows_of_scores
from defocus.extras.labs.statement import RunFacts, Statement, digest
from defocus.extras.labs.verification.record import read_record
from defocus.extras.labs.verification.verifying import left_alone, statement_findings
from defocus.progress import track


@dataclass(frozen=True)
class Problem:
    """Why a repository is not in order."""

    bundle: str
    kind: str  # such as ``key``
    said: str  # what is wrong


def check_repository(folder: Path) -> tuple[int, list[Problem]]:
    """Check every bundle of a repository, without a dataset: their number, and what is wrong."""
    repository = read_repository(folder)
    paths = bundles_of(folder)
    problems: list[Problem] = []
    runs: list[tuple[str, RunFacts]] = []
    for path in track(paths, "checking bundles"):
        name = path.relative_to(folder).as_posix()
        try:
            with opened_bundle(path) as bundle:
                statement = bundle.statement
                faults = _own_faults(bundle)
        except BundleRefusedError as error:
            problems.append(Problem(name, error.kind, str(error)))
            continue
        faults += admission_problems(repository, statement)
        runs += [(name, run) for run in statement.runs]
        faults += _record_problems(repository, path, statement)
        problems += [Problem(name, kind, said) for kind, said in faults]
    return len(paths), [*problems, *_reused(runs)]


def _own_faults(bundle: OpenBundle) -> list[tuple[str, str]]:
    """Faults of a bundle by itself: its statement, and rows that do not follow from scores."""
    statement = bundle.statement
    faults = [(one.kind, one.said) for one in statement_findings(statement)]
    follows = rows_of_scores(statement.runs, read_scores(bundle))
    if said := different_cell(statement.rows, follows):
        faults.append(("rows", said))
    return faults


def admission_problems(
    repository: Repository,
    statement: Statement,
) -> Iterator[tuple[str, str]]:
    """Kind and reason why a repository does not show a bundle."""
    key = repository.labs.get(statement.lab)
    if key is None:
        yield "key", f"the lab {statement.lab!r} is not named in {SETTINGS}"
    elif key != statement.key:
        yield (
            "key",
            f"signed by another key than that of {statement.lab!r} in {SETTINGS}",
        )
    deny = repository.deny
    if statement.key in deny.keys:
        yield "denied", "its key is denied"
    if digest(statement) in deny.bundles:
        yield "denied", "it is denied"
    if {statement.tool, statement.tool.partition("+")[0]} & set(deny.versions):
        yield "denied", f"the version {statement.tool} is denied"


def _reused(runs: Sequence[tuple[str, RunFacts]]) -> Iterator[Problem]:
    """Pictures that are outputs of two systems or weights, with the name of each run's bundle."""
    alone = left_alone(run for _, run in runs)
    outputs: dict[str, tuple[str, str, str]] = {}
    for name, run in runs:
        weights = run.weights.sha256 if run.weights is not None else ""
        mine = (plain_name(run.entry.system), weights, name)
        for pair, sha256 in run.outputs.items():
            system, others, other = outputs.setdefault(sha256, mine)
            if (system, others) != mine[:2] and (pair, sha256) not in alone:
                said = f"the output of {pair} is that of {system} in {other}"
                yield Problem(name, "reused", f"{run.entry.run}: {said}")
                break


def _record_problems(
    repository: Repository,
    path: Path,
    statement: Statement,
) -> Iterator[tuple[str, str]]:
    try:
        record = read_record(path)
    except InputError as error:
        yield "record", str(error)
        return
    if record is None:
        return
    if record.bundle != digest(statement):
        yield "record", "its record is of another bundle"
    if record.key not in repository.verifiers.values():
        yield (
            "record",
            f"its record is signed by nobody whom {SETTINGS} names as a verifier",
        )
    if record.key == statement.key:
        yield "record", "its record is signed with the key of the lab that submitted it"
    if not record.ok:
        yield "record", f"a verifier refused it: {'; '.join(record.findings[:1])}"
