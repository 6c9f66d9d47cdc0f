"""What a submission states: rows, outputs, data, weights, machine; in one canonical text."""

import hashlib
import json
from datetime import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StringConstraints, ValidationError

from defocus.benchmark.leaderboard.rows import Row
from defocus.benchmark.results.store import Cost, Entry, MetricVersion
from defocus.benchmark.study.plan import Seeds
from defocus.datasets.manifest import checked_id
from defocus.datasets.pair import Dataset
from defocus.datasets.pair_files import picture_hashes
from defocus.errors import InputError
from defocus.settings import Settings, document_problem

STATEMENT, SIGNATURE, SCORES = "statement.json", "signature.json", "scores.json"
"""Members of every bundle. All others are named in the statement."""

LARGEST_INTEGER = 2**63 - 1
"""Largest integer in a bundle: the store of results takes no larger one."""

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
PairId = Annotated[str, AfterValidator(checked_id)]


def _possible_time(text: str) -> str:
    datetime.fromisoformat(text)
    return text


class WeightsFacts(Settings):
    """Weights behind a run."""

    sha256: Sha256  # SHA-256 hash of their file
    licence: str  # their licence, as the system's card says
    trained_on: tuple[str, ...]  # names of training datasets; empty if not known


class RunFacts(Settings):
    """One run of the study."""

    entry: Entry  # its entry of the store, without what depends on the computer's files
    versions: tuple[MetricVersion, ...]  # what computed its scores
    costs: tuple[Cost, ...]
    weights: WeightsFacts | None
    outputs: dict[PairId, Sha256]  # SHA-256 hash of each restored picture, by pair
    device: str  # device that restored
    machine: dict[str, str | int]  # operating system, architecture, cores
    libraries: dict[str, str]  # versions of Python and the numerical libraries


class DataFacts(Settings):
    """The dataset that was restored."""

    name: str
    source: str  # name of the reader whose pictures they are; empty for one's own
    content_hash: Sha256  # its revision: a hash over ids, splits and every file
    pairs: tuple[PairId, ...]  # ids of the test pairs, sorted
    sidecar: str  # name of the correction behind it; empty without one


class TrainedOn(Settings):
    """Pictures that the study's own trainings have seen."""

    dataset: str  # name of the training dataset
    pictures: tuple[Sha256, ...]  # SHA-256 hashes of its training pictures, sorted


class Statement(Settings):
    """Everything that a submission says; the signature is over its canonical text."""

    format: Literal["defocus-submission"]
    version: Literal[1]
    # who submits; a name that can be printed
    lab: Annotated[str, StringConstraints(min_length=1, max_length=80)]
    # time of making, UTC, ISO 8601
    made: Annotated[
        str,
        StringConstraints(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00$"),
        AfterValidator(_possible_time),
    ]
    key: Sha256  # public Ed25519 key, hexadecimal
    tool: str  # version of this package, with the commit if known
    dataset: DataFacts
    profile: str  # conventions of the scores
    seeds: Seeds  # number of seeds that the study was asked for: 0 … seeds - 1
    training: tuple[TrainedOn, ...]  # training pictures of the study's own trainings
    runs: Annotated[tuple[RunFacts, ...], Field(min_length=1)]
    rows: tuple[Row, ...]  # the leaderboard that follows from the scores
    files: dict[str, Sha256]  # SHA-256 hash of each further member


def canonical(statement: Statement) -> bytes:
    """The one text of a statement: JSON with sorted keys, without spaces, UTF-8."""
    document = statement.model_dump(mode="json")
    text = json.dumps(
        document,
        sort_keys=True,
        separators=(",", ":"),
        ensure_ascii=False,
        allow_nan=False,
    )
    return text.encode()


def digest(statement: Statement) -> str:
    """SHA-256 hash of the canonical text; it stands for the whole bundle, whose files it names."""
    return hashlib.sha256(canonical(statement)).hexdigest()


def parse_statement(content: bytes) -> Statement:
    """Read a statement, in its canonical text alone.

    So no key can be there twice, in another spelling, or unknown to this version."""
    try:
        statement = Statement.model_validate_json(content, strict=True)
    except ValidationError as error:
        raise InputError(
            f"{STATEMENT}: {document_problem(error, 'the text')}"
        ) from error
    if canonical(statement) != content:
        raise InputError(
            f"{STATEMENT}: not the canonical text; fields are unknown, twice there or reordered"
        )
    if not statement.lab.isprintable() or not statement.lab.strip():
        raise InputError(f"{STATEMENT}: 'lab': {statement.lab!r} cannot be printed")
    for entry in (run.entry for run in statement.runs):
        if max(abs(entry.seed), abs(entry.reconstruction)) > LARGEST_INTEGER:
            raise InputError(f"{STATEMENT}: {entry.run}: a number is too large")
    return statement


def output_name(run: str, pair: str) -> str:
    """Member of a restored picture."""
    return f"outputs/{run}/{pair}.npy"


def weights_name(run: str) -> str:
    """Member of a run's weights."""
    return f"weights/{run}.safetensors"


def training_hashes(dataset: Dataset) -> tuple[str, ...]:
    """SHA-256 hashes of the pictures outside a dataset's test split, sorted, each once."""
    outside = (pair for pair in dataset.pairs if pair.split != "test")
    return tuple(sorted(set(picture_hashes(dataset.root, outside).values())))
