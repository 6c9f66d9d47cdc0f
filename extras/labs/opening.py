"""Open a submission that may come from anybody: archive, statement, signature, hashes."""

import contextlib
import hashlib
import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import starmap
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter, ValidationError

from defocus.benchmark.results.score_matrix import Score
from defocus.datasets.archives import Limits, unpack
from defocus.errors import DefocusError, InputError
from defocus.extras.labs.signing import is_signed
from defocus.extras.labs.statement import (
    SCORES,
    SIGNATURE,
    STATEMENT,
    RunFacts,
    Statement,
    output_name,
    parse_statement,
    weights_name,
)
from defocus.reading import ARRAY_ERRORS, parse_json
from defocus.storage.files import sha256_file

LIMITS = Limits(members=200_000, total_bytes=200 * 10**9, ratio=200)
MOST_JSON_BYTES = 256 * 2**20

ScoreRows = TypeAdapter(
    dict[str, list[tuple[str, str, str, str, str, float | None, str, str, str]]]
)


class BundleRefusedError(InputError):
    """A submission that is not read further; ``kind`` of the finding, such as ``signature``."""

    def __init__(self, kind: str, said: str) -> None:
        super().__init__(said)
        self.kind = kind


@dataclass(frozen=True)
class OpenBundle:
    """An unpacked submission whose signature and hashes are right."""

    folder: Path  # its members
    statement: Statement

    def output(self, run: RunFacts, pair: str) -> Path | None:
        """File of a restored picture; None if only its hash was submitted."""
        path = self.folder / output_name(run.entry.run, pair)
        return path if path.is_file() else None

    def weights(self, run: RunFacts) -> Path | None:
        """File of a run's weights; None if they were not submitted."""
        path = self.folder / weights_name(run.entry.run)
        return path if path.is_file() else None


@contextlib.contextmanager
def opened_bundle(path: Path) -> Iterator[OpenBundle]:
    """Unpack a submission into a temporary folder and check all that needs no dataset.

    Nothing is unpacked before its signature was looked at."""
    statement = read_signed(path)
    with tempfile.TemporaryDirectory(prefix="defocus-bundle-") as temporary:
        folder = Path(temporary) / "members"
        try:
            unpack(path, folder, LIMITS)
        except InputError as error:
            raise BundleRefusedError("archive", str(error)) from error
        _require_members(path, folder, statement)
        yield OpenBundle(folder, statement)


_NO_ARCHIVE = (
    EOFError,
    NotImplementedError,
    OSError,
    RuntimeError,
    ValueError,
    zipfile.BadZipFile,
    zlib.error,
)
"""Errors for a file that is damaged, or no archive at all."""


def read_signed(path: Path) -> Statement:
    """The statement of a submission, its signature checked; nothing is unpacked."""
    statement, signature = _members(path, (STATEMENT, SIGNATURE))
    return _signed(path, statement, signature)


def read_signed_scores(path: Path) -> tuple[Statement, dict[str, list[Score]]]:
    """The statement and the scores of a submission, as they were signed; nothing is unpacked."""
    statement = read_signed(path)
    (content,) = _members(path, (SCORES,))
    if hashlib.sha256(content).hexdigest() != statement.files.get(SCORES):
        raise BundleRefusedError(
            "files",
            f"{path}: {SCORES} is not the file that was signed",
        )
    return statement, _parsed_scores(content, statement)


def _members(path: Path, wanted: Sequence[str]) -> list[bytes]:
    """The content of some documents of a submission, each of which must be there once."""
    _require_file(path)
    contents = []
    try:
        with zipfile.ZipFile(path) as file:
            names = [info.filename for info in file.infolist()]
            for name in wanted:
                if names.count(name) != 1:
                    raise BundleRefusedError("files", f"{path}: no single {name} in it")
            for name in wanted:
                with file.open(name) as member:
                    contents.append(member.read(MOST_JSON_BYTES + 1))
    except _NO_ARCHIVE as error:
        raise BundleRefusedError(
            "archive",
            f"{path}: damaged ({error}); get it again",
        ) from error
    for name, content in zip(wanted, contents, strict=True):
        if len(content) > MOST_JSON_BYTES:
            raise BundleRefusedError(
                "archive",
                f"{path}: {name} is larger than any such document",
            )
    return contents


def read_scores(bundle: OpenBundle) -> dict[str, list[Score]]:
    """The stated scores of every picture, by run."""
    path = bundle.folder / SCORES
    try:
        if path.stat().st_size > MOST_JSON_BYTES:
            raise BundleRefusedError(
                "files",
                f"{SCORES}: larger than any list of scores",
            )
        content = path.read_bytes()
    except OSError as error:
        raise BundleRefusedError(
            "files",
            f"{SCORES}: no list of scores ({error})",
        ) from error
    return _parsed_scores(content, bundle.statement)


def _parsed_scores(content: bytes, statement: Statement) -> dict[str, list[Score]]:
    try:
        rows_by_run = ScoreRows.validate_json(content, strict=True)
    except ValidationError as error:
        reason = str(error).splitlines()[0]
        raise BundleRefusedError(
            "files",
            f"{SCORES}: no list of scores ({reason})",
        ) from error
    stated = {run.entry.run for run in statement.runs}
    if set(rows_by_run) != stated:
        raise BundleRefusedError("files", f"{SCORES}: of other runs than {STATEMENT}")
    by_run = {}
    for run, rows in rows_by_run.items():
        scores = list(starmap(Score, rows))
        keys = {(one.profile, one.protocol, one.metric, one.pair) for one in scores}
        if len(keys) < len(scores):
            raise BundleRefusedError(
                "duplicates",
                f"{SCORES}: a score of {run} is there twice",
            )
        by_run[run] = scores
    return by_run


def read_output(path: Path, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """A restored picture ``(H, W, 3)``.

    Its header is judged before its values are read, which could be more than the memory holds."""
    try:
        with path.open("rb") as file:
            if np.lib.format.read_magic(file) != (1, 0):
                raise ValueError("another format of NumPy's")
            size, _, dtype = np.lib.format.read_array_header_1_0(file)
            start = file.tell()
        if dtype not in (np.dtype("<f4"), np.dtype("<f8")):
            raise ValueError(f"holds {dtype}")
        if size != shape:
            raise ValueError(f"is {size}, its blurry picture {shape}")
        if path.stat().st_size != start + int(np.prod(shape)) * dtype.itemsize:
            raise ValueError("has another size than its header says")
        picture = np.asarray(np.load(path, allow_pickle=False), dtype=np.float64)
    except ARRAY_ERRORS as error:
        raise BundleRefusedError("outputs", f"{path.name}: {error}") from error
    if not np.isfinite(picture).all():
        raise BundleRefusedError(
            "outputs",
            f"{path.name}: has values that are not finite",
        )
    return picture


def _require_file(path: Path) -> None:
    if not path.is_file():
        raise InputError(
            f"{path}: no such file; give a bundle of 'defocus-bench labs submit'"
        )
    if path.suffix != ".zip":
        raise InputError(f"{path}: the name of a bundle ends in .zip")


def _signed(path: Path, content: bytes, signature: bytes) -> Statement:
    try:
        statement = parse_statement(content)
    except DefocusError as error:
        raise BundleRefusedError("format", f"{path}: {error}") from error
    try:
        document: Any = parse_json(signature)
        said = {name: str(document[name]) for name in ("algorithm", "key", "signature")}
    except (ValueError, LookupError, TypeError) as error:
        raise BundleRefusedError(
            "signature",
            f"{path}: {SIGNATURE} is not a signature",
        ) from error
    if set(document) != set(said) or said["algorithm"] != "ed25519":
        raise BundleRefusedError(
            "signature",
            f"{path}: {SIGNATURE} is not a signature of this kind",
        )
    if said["key"] != statement.key:
        raise BundleRefusedError("key", f"{path}: signed by another key than it states")
    if not is_signed(content, said["signature"], statement.key):
        raise BundleRefusedError(
            "signature",
            f"{path}: the signature is not of this statement",
        )
    return statement


def _require_members(path: Path, folder: Path, statement: Statement) -> None:
    """Exactly the stated members, each with its hash, and no name that nothing explains."""
    further = _files_in(folder) - {STATEMENT, SIGNATURE}
    if further != set(statement.files):
        odd = min(further ^ set(statement.files))
        raise BundleRefusedError(
            "files",
            f"{path}: {odd!r} is not both stated and there",
        )
    outputs = _stated_outputs(statement)
    names = {SCORES, *(name for name, _ in outputs)}
    names.update(weights_name(run.entry.run) for run in statement.runs)
    if odd_names := sorted(further - names):
        raise BundleRefusedError("files", f"{path}: {odd_names[0]!r} belongs to no run")
    for name, sha256 in sorted(statement.files.items()):
        if sha256_file(folder / name) != sha256:
            raise BundleRefusedError(
                "files",
                f"{path}: {name} is not the file that was signed",
            )
    for name, sha256 in outputs:
        if statement.files.get(name, sha256) != sha256:
            raise BundleRefusedError("files", f"{path}: {name} has two hashes")


def _files_in(folder: Path) -> set[str]:
    """Paths of the files below a folder, relative to it."""
    files = [file for file in folder.rglob("*") if not file.is_dir()]
    return {file.relative_to(folder).as_posix() for file in files}


def _stated_outputs(statement: Statement) -> list[tuple[str, str]]:
    """Name and hash of every output that the runs state."""
    outputs: list[tuple[str, str]] = []
    for run in statement.runs:
        for pair, sha256 in run.outputs.items():
            outputs += [(output_name(run.entry.run, pair), sha256)]
    return outputs
