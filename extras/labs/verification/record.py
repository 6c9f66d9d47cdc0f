"""The signed record of a check, kept beside the bundle: ``NAME.verified.json``."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

from pydantic import StringConstraints, ValidationError

from defocus.benchmark.leaderboard.rows import Row
from defocus.benchmark.results.run_folder import package_version
from defocus.errors import InputError
from defocus.extras.labs.signing import is_signed, public_key, signature_of, signing_key
from defocus.extras.labs.statement import Sha256, digest
from defocus.extras.labs.verification.verifying import BundleCheck
from defocus.settings import Settings, document_problem
from defocus.storage.files import write_bytes

MOST_BYTES = 64 * 2**20


class CheckRecord(Settings):
    """What a verifier found."""

    format: Literal["defocus-verification"] = "defocus-verification"
    version: Literal[1] = 1
    bundle: Sha256  # hash of the bundle's statement, which names every file in it
    ok: bool  # whether nothing was wrong
    whole: bool  # whether the pictures of every run were scored again
    findings: tuple[str, ...]  # what was wrong
    notes: tuple[str, ...]  # what could not be checked
    made: str  # time of the check, UTC, ISO 8601
    tool: str  # version of the package that checked
    key: Sha256  # the verifier's public key
    rows: tuple[Row, ...]  # the leaderboard by the verifier's scores


class _Signed(Settings):
    record: CheckRecord
    signature: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{128}$")]


def record_path(bundle: Path) -> Path:
    """Path of the record of a bundle."""
    return bundle.with_name(f"{bundle.stem}.verified.json")


def write_record(
    bundle: Path,
    check: BundleCheck,
    key_file: Path | None = None,
) -> CheckRecord:
    """Sign the outcome of a check, with the user's key by default; write it beside the bundle."""
    if check.statement is None:
        raise InputError(f"{bundle}: cannot be read; there is nothing to record")
    key = signing_key(key_file)
    record = CheckRecord(
        bundle=digest(check.statement),
        ok=check.ok,
        whole=check.whole,
        findings=tuple(f"{one.kind}: {one.said}" for one in check.findings),
        notes=check.notes,
        made=datetime.now(UTC).isoformat(timespec="seconds"),
        tool=package_version(),
        key=public_key(key),
        rows=check.rows,
    )
    signed = _Signed(record=record, signature=signature_of(_text(record), key))
    write_bytes(record_path(bundle), _json(signed) + b"\n")
    return record


def read_record(bundle: Path) -> CheckRecord | None:
    """The record beside a bundle, its signature checked; None if there is none."""
    path = record_path(bundle)
    if not path.is_file():
        return None
    if path.stat().st_size > MOST_BYTES:
        raise InputError(f"{path}: larger than any record")
    try:
        signed = _Signed.model_validate_json(path.read_bytes(), strict=True)
    except ValidationError as error:
        raise InputError(f"{path}: {document_problem(error, 'the record')}") from error
    if not is_signed(_text(signed.record), signed.signature, signed.record.key):
        raise InputError(f"{path}: the signature is not of this record")
    return signed.record


def _text(record: CheckRecord) -> bytes:
    return _json(record)


def _json(document: Settings) -> bytes:
    values = document.model_dump(mode="json")
    return json.dumps(
        values,
        sort_keys=True,
        separators=(",", ":"),
        ensure_ascii=False,
    ).encode()
