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
from defocus.settings import Settings

STATEMENT, SIGNATURE, SCORES = "statement.json", "signature.json", "scores.json"
"""Members of every bundle; beside them are only those that the statement names."""

LARGEST_INTEGER = 2**63 - 1
"""The store of results takes none beyond it."""

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
PairId = Annotated[str, AfterValidator(checked_id)]


def _possible_time(text: str) -> str:
    datetime.fromisoformat(text)
    return text


class WeightsFacts(Settings):
    """Weights behind a run.

    Attributes:
        sha256: SHA-256 hash of their file.
        licence: Their licence, as the system's card says.
        trained_on: Names of training datasets; empty if not known.
    """

    sha256: Sha256
    licence: str
    trained_on: tuple[str, ...]


class RunFacts(Settings):
    """One run of the study.

    Attributes:
        entry: Its entry of the store, without what depends on the computer's files.
        versions: What computed its scores.
        costs: Its costs.
        weights: Its weights; None for a system without.
        outputs: SHA-256 hash of each restored picture, by pair.
        device: Device that restored.
        machine: Operating system, architecture, cores.
        libraries: Versions of Python and the numerical libraries.
    """

    entry: Entry
    versions: tuple[MetricVersion, ...]
    costs: tuple[Cost, ...]
    weights: WeightsFacts | None
    outputs: dict[PairId, Sha256]
    device: str
    machine: dict[str, str | int]
    libraries: dict[str, str]


class DataFacts(Settings):
    """The dataset that was restored.

    Attributes:
        name: Its name.
        source: Name of the reader whose pictures they are; empty for one's own.
        content_hash: Its revision: a hash over ids, splits and every file.
        pairs: Ids of the test pairs, sorted.
        sidecar: Name of the correction behind it; empty without one.
    """

    name: str
    source: str
    content_hash: Sha256
    pairs: tuple[PairId, ...]
    sidecar: str


class TrainedOn(Settings):
    """Pictures that the study's own trainings have seen.

    Attributes:
        dataset: Name of the training dataset.
        pictures: SHA-256 hashes of its training pictures, sorted.
    """

    dataset: str
    pictures: tuple[Sha256, ...]


class Statement(Settings):
    """Everything that a submission says; the signature is over its canonical text.

    Attributes:
        lab: Who submits; a name that can be printed.
        made: Time of making, UTC, ISO 8601.
        key: Public Ed25519 key, hexadecimal.
        tool: Version of this package, with the commit if known.
        dataset: The dataset.
        profile: Conventions of the scores.
        seeds: Number of seeds that the study was asked for: 0 … seeds - 1.
        training: Training pictures of the study's own trainings.
        runs: The runs.
        rows: The leaderboard that follows from the scores.
        files: SHA-256 hash of each further member.
    """

    format: Literal["defocus-submission"]
    version: Literal[1]
    lab: Annotated[str, StringConstraints(min_length=1, max_length=80)]
    made: Annotated[
        str,
        StringConstraints(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00$"),
        AfterValidator(_possible_time),
    ]
    key: Sha256
    tool: str
    dataset: DataFacts
    profile: str
    seeds: Seeds
    training: tuple[TrainedOn, ...]
    runs: Annotated[tuple[RunFacts, ...], Field(min_length=1)]
    rows: tuple[Row, ...]
    files: dict[str, Sha256]


def canonical(statement: Statement) -> bytes:
    """The one text of a statement: JSON with sorted keys, without spaces, UTF-8."""
    document = statement.model_dump(mode="json")
    text = json.dumps(
        document, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )
    return text.encode()


def digest(statement: Statement) -> str:
    """SHA-256 hash of the canonical text; it stands for the whole bundle, whose files it names."""
    return hashlib.sha256(canonical(statement)).hexdigest()


def parse_statement(content: bytes) -> Statement:
    """Read a statement.

    Only the canonical text is read: so no key can be there twice, in another spelling, or unknown
    to this version and told to others.

    Raises:
        InputError: The text is no statement, or not the canonical one.
    """
    try:
        statement = Statement.model_validate_json(content, strict=True)
    except ValidationError as error:
        problem = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in problem["loc"]) or "the text"
        raise InputError(f"{STATEMENT}: '{where}': {problem['msg'].lower()}") from error
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
