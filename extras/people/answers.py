"""Results of people's answers: strengths, how far they agree with themselves and others."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, TypeAdapter, ValidationError

from defocus.errors import InputError
from defocus.extras.people.strengths import PairedChoice, Strength, strengths
from defocus.extras.people.trials import BLURRY, SHARP, Trial, plan_hash
from defocus.settings import Settings, document_problem
from defocus.storage.files import write_json

JUDGED = "judged.json"
"""File in the study's folder with the results of the last evaluation of answers; the report shows
it."""

LEAST_CAUGHT = 0.8
"""Share of catch trials that a person must answer rightly to count."""

MOST_BYTES = 16 * 2**20


class PairedJudgement(Settings):
    """One answer."""

    trial: Annotated[int, Field(ge=0)]  # index of the trial
    better: Literal["left", "right", "equal"]  # which side was better
    invented: tuple[
        Literal["left", "right"], ...
    ] = ()  # sides whose content looks invented


class Judgements(Settings):
    """The file that the page saves."""

    format: Literal["defocus-judgements"]
    # name that the person gave, not blank
    judge: Annotated[
        str, StringConstraints(strip_whitespace=True, min_length=1, max_length=80)
    ]
    plan: str  # hash of the plan
    # judgements in the order in which they were given
    answers: tuple[PairedJudgement, ...]


@dataclass(frozen=True)
class Judged:
    """Outcome of the judgements."""

    strengths: tuple[Strength, ...]  # systems, the strongest first
    judges: tuple[str, ...]  # names of the people who count
    # names of people who failed catch trials, with the share that they passed
    left_out: Mapping[str, float]
    judgements: int  # number of judgements that count
    # share of repeated trials that were answered alike; None without any
    with_themselves: float | None
    # share of trials that two people answered alike; None without any
    with_others: float | None
    # share of a system's showings in which content was marked as invented
    invented: Mapping[str, float]

    def to_json(self) -> dict[str, Any]:
        """The keys of ``judge --json``."""
        return asdict(self)


def write_judged(out: Path, result: Judged) -> None:
    """Keep an outcome in the study's folder."""
    write_json(out / JUDGED, result.to_json())


def read_judged(out: Path) -> Judged | None:
    """The outcome that a study keeps; None if nobody has judged it."""
    try:
        return TypeAdapter(Judged).validate_json((out / JUDGED).read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValidationError) as error:
        raise InputError(
            f"{out / JUDGED}: damaged; use 'judge ANSWERS…' again"
        ) from error


def read_answers(path: Path, trials: Sequence[Trial]) -> Judgements:
    """Read the file of a person."""
    try:
        if path.stat().st_size > MOST_BYTES:
            raise InputError(f"{path}: larger than any file of answers")
        judgements = Judgements.model_validate_json(path.read_bytes())
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
    except ValidationError as error:
        raise InputError(f"{path}: {document_problem(error, 'the file')}") from error
    if judgements.plan != plan_hash(trials):
        raise InputError(f"{path}: answers of another page than the study's last one")
    if any(one.trial >= len(trials) for one in judgements.answers):
        raise InputError(f"{path}: answers a trial that the page does not have")
    if len({one.trial for one in judgements.answers}) < len(judgements.answers):
        raise InputError(f"{path}: answers a trial twice")
    return judgements


def read_people(paths: Sequence[Path], trials: Sequence[Trial]) -> list[Judgements]:
    """Read the files of several people; equal names are distinguished by their files."""
    by_file: dict[Path, Judgements] = {}
    for path in paths:
        one = read_answers(path, trials)
        for before, other in by_file.items():
            short = min(len(one.answers), len(other.answers))
            if (
                one.judge == other.judge
                and one.answers[:short] == other.answers[:short]
            ):
                raise InputError(
                    f"{path}: the answers of {one.judge} again, as in {before}; drop one"
                )
        by_file[path] = one
    names = Counter(one.judge for one in by_file.values())
    own = []
    for path, one in by_file.items():
        if names[one.judge] > 1:
            judge = f"{one.judge} ({path})"
            own.append(one.model_copy(update={"judge": judge}))
        else:
            own.append(one)
    return own


def judged(trials: Sequence[Trial], people: Sequence[Judgements]) -> Judged:
    """Evaluate the answers of several people, each of another name."""
    left_out = {}
    counting = []
    for one in people:
        share = _caught(trials, one)
        if share < LEAST_CAUGHT:
            left_out[one.judge] = share
        else:
            counting.append(one)
    comparisons = []
    for one in counting:
        for answer in one.answers:
            trial = trials[answer.trial]
            if trial.kind != "catch":
                choice = PairedChoice(trial.left, trial.right, _share(answer))
                comparisons.append(choice)
    if not comparisons:
        raise InputError(
            "no judgement counts: nobody passed the catch trials, or all are empty"
        )
    return Judged(
        tuple(strengths(comparisons)),
        tuple(one.judge for one in counting),
        left_out,
        len(comparisons),
        _with_themselves(trials, counting),
        _with_others(trials, counting),
        _invented(trials, counting),
    )


def _share(answer: PairedJudgement) -> float:
    return {"left": 1.0, "right": 0.0, "equal": 0.5}[answer.better]


def _caught(trials: Sequence[Trial], one: Judgements) -> float:
    """Share of catch trials in which the sharp picture was preferred; 1 without any."""
    right = []
    for answer in one.answers:
        trial = trials[answer.trial]
        if trial.kind == "catch":
            right.append(getattr(trial, answer.better, BLURRY) == SHARP)
    return sum(right) / len(right) if right else 1.0


def _with_themselves(
    trials: Sequence[Trial],
    people: Sequence[Judgements],
) -> float | None:
    alike: list[bool] = []
    for one in people:
        given = {answer.trial: _share(answer) for answer in one.answers}
        for number, trial in enumerate(trials):
            if trial.kind != "repeat":
                continue
            if number in given and trial.of in given:
                alike.append(given[number] == 1 - given[trial.of])
    return sum(alike) / len(alike) if alike else None


def _with_others(trials: Sequence[Trial], people: Sequence[Judgements]) -> float | None:
    """Trials in which systems are compared: in catch trials all who count say the same."""
    given: dict[int, list[float]] = defaultdict(list)
    for one in people:
        for answer in one.answers:
            if trials[answer.trial].kind != "catch":
                given[answer.trial].append(_share(answer))
    alike = []
    for shares in given.values():
        alike += [a == b for a, b in combinations(shares, 2)]
    return sum(alike) / len(alike) if alike else None


def _invented(
    trials: Sequence[Trial],
    people: Sequence[Judgements],
) -> dict[str, float]:
    shown: dict[str, int] = defaultdict(int)
    marked: dict[str, int] = defaultdict(int)
    for one in people:
        for answer in one.answers:
            trial = trials[answer.trial]
            if trial.kind == "catch":
                continue
            for side in ("left", "right"):
                shown[getattr(trial, side)] += 1
                marked[getattr(trial, side)] += side in answer.invented
    return {system: marked[system] / shown[system] for system in sorted(shown)}
