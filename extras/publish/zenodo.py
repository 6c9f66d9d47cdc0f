"""Upload to Zenodo, or a compatible server, as a draft with one archive and a card."""

import hashlib
import html
import tarfile
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx

from defocus.datasets.release.card import methods
from defocus.datasets.release.details import Author, NamedPerson, is_doi, spdx
from defocus.errors import DefocusError, InputError, storage_error
from defocus.extras.publish.draft import Draft, with_doi
from defocus.progress import say

MOST_BYTES = 50 * 10**9
"""Largest size, in bytes, that a record of Zenodo holds without a request for more."""
BESIDE = ("README.md", "croissant.json", "CITATION.cff")
"""Files that people see without unpacking the archive."""
OTHER_TERMS = "other-closed"
"""Zenodo's word for terms that it has no name for: it permits nothing that they may not."""
TRIES = 5
LONGEST_WAIT_SECONDS = 120.0
TIMEOUT_SECONDS = 60.0
BLOCK_BYTES = 1024 * 1024


def draft_on_zenodo(
    draft: Draft,
    endpoint: str,
    token: str,
    *,
    publish: bool,
) -> dict[str, Any]:
    """Upload a release as a draft, published, which cannot be undone, only on request.

    An unfinished draft is removed from the server; if that fails, a message says where it is."""
    require_size(draft)
    headers = {"Authorization": f"Bearer {token}"}
    with httpx.Client(
        base_url=endpoint,
        headers=headers,
        timeout=TIMEOUT_SECONDS,
    ) as client:
        deposit = _new_draft(client)
        try:
            doi = draft.details.doi or _reserved(client, deposit)
            with with_doi(draft, doi) as release:
                _put_metadata(client, deposit["id"], release)
                _send_files(client, deposit["links"]["bucket"], release, endpoint)
        except BaseException:
            _remove(client, deposit)
            raise
        if publish:
            address = f"/api/deposit/depositions/{int(deposit['id'])}/actions/publish"
            deposit = {**deposit, **_asked(client, "POST", address)}
    return {
        "id": deposit["id"],
        "url": deposit["links"].get("html"),
        "published": publish,
        "doi": doi,
    }


def _new_draft(client: httpx.Client) -> dict[str, Any]:
    deposit = _asked(client, "POST", "/api/deposit/depositions", json={})
    links = deposit.get("links")
    if "id" not in deposit or not isinstance(links, dict) or "bucket" not in links:
        raise DefocusError(
            f"{client.base_url}: answers without a draft; check --endpoint"
        )
    return deposit


def _remove(client: httpx.Client, deposit: dict[str, Any]) -> None:
    """Remove an unfinished draft, or say where it is."""
    try:
        removed = client.delete(f"/api/deposit/depositions/{deposit['id']}").is_success
    except httpx.HTTPError:
        removed = False
    where = deposit["links"].get("html") or f"{client.base_url}: draft {deposit['id']}"
    say(
        "the unfinished draft is removed"
        if removed
        else f"{where}: unfinished; remove it there"
    )


def plan(draft: Draft) -> dict[str, Any]:
    """Data that would be sent: ``metadata``, and bytes by name as ``files``; nothing is sent.

    The DOI that the server would reserve is not known yet."""
    sizes = {archive_name(draft): draft.bytes}
    sizes |= {name: (draft.root / name).stat().st_size for name in BESIDE}
    return {"metadata": zenodo_metadata(draft), "files": sizes}


def require_size(draft: Draft) -> None:
    """Refuse a release that is larger than a record."""
    if draft.bytes > MOST_BYTES:
        size = f"{draft.bytes / 1e9:.0f} GB"
        raise InputError(f"{draft.root}: {size}; Zenodo takes 50, release it in parts")


def _reserved(client: httpx.Client, deposit: dict[str, Any]) -> str:
    """The DOI that the server keeps for a new draft."""
    doi = deposit.get("metadata", {}).get("prereserve_doi", {}).get("doi", "")
    if not is_doi(doi):
        raise DefocusError(
            f"{client.base_url}: reserves no DOI; put one into the card as 'doi'"
        )
    return str(doi)


def _send_files(
    client: httpx.Client,
    bucket: str,
    draft: Draft,
    endpoint: str,
) -> None:
    """Upload the archive, and what people see without unpacking it."""
    with tempfile.TemporaryDirectory(prefix="defocus-publish-") as folder:
        archive = Path(folder) / archive_name(draft)
        write_archive(draft, archive)
        for path in (archive, *(draft.root / name for name in BESIDE)):
            _send(client, bucket, path, endpoint)


def archive_name(draft: Draft) -> str:
    """File name of the archive."""
    return f"{draft.root.absolute().name}-{draft.details.version}.tar"


def write_archive(draft: Draft, path: Path) -> None:
    """Write a release as a tar file; the same release gives the same bytes."""
    top = path.name.removesuffix(".tar")
    try:
        with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as archive:
            for name in draft.files:
                header = tarfile.TarInfo(f"{top}/{name}")
                header.size = (draft.root / name).stat().st_size
                header.mode = 0o644
                with (draft.root / name).open("rb") as file:
                    archive.addfile(header, file)
    except OSError as error:
        raise storage_error(error, path) from error


def _put_metadata(client: httpx.Client, deposit: Any, draft: Draft) -> None:  # noqa: ANN401 - the server's
    address = f"/api/deposit/depositions/{int(deposit)}"
    _asked(client, "PUT", address, json={"metadata": zenodo_metadata(draft)})


def zenodo_metadata(draft: Draft) -> dict[str, Any]:
    """Zenodo's facts about a release, in the names of its deposit interface."""
    details = draft.details
    relations = {
        "isSupplementTo": details.paper,
        "isNewVersionOf": details.new_version_of,
    }
    fields = {
        "upload_type": "dataset",
        "title": details.title,
        "publication_date": details.date,
        "description": html.escape(details.description or details.title),
        "method": html.escape(methods(draft.facts)),
        "version": details.version,
        "doi": details.doi,
        "creators": list(map(_creator, details.authors)),
        "keywords": [*details.keywords],
        "access_right": "open",
        "license": spdx(details.licence).lower() or OTHER_TERMS,
        "related_identifiers": [
            {"relation": relation, "identifier": doi}
            for relation, doi in relations.items()
            if doi
        ],
    }
    return {key: value for key, value in fields.items() if value}


def _creator(author: Author) -> dict[str, str]:
    if not isinstance(author, NamedPerson):
        return {"name": author}
    name = f"{author.family}, {author.given}" if author.given else author.family
    fields = {
        "name": name,
        "orcid": author.orcid,
        "affiliation": author.affiliation,
    }
    return {key: value for key, value in fields.items() if value}


def _send(
    client: httpx.Client,
    bucket: str,
    path: Path,
    endpoint: str,
) -> None:
    """Upload a file and compare its checksum on the server."""
    if not bucket.startswith(f"{endpoint}/"):
        raise DefocusError(
            f"{endpoint}: sends files elsewhere, to {httpx.URL(bucket).netloc.decode()}; refused"
        )
    say(f"sending {path.name} ({path.stat().st_size / 1e6:.1f} MB)")
    md5 = hashlib.md5(usedforsecurity=False)  # what the server answers with
    answer = _asked(client, "PUT", f"{bucket}/{path.name}", file=path)
    with path.open("rb") as file:
        while block := file.read(BLOCK_BYTES):
            md5.update(block)
    if answer.get("checksum") != f"md5:{md5.hexdigest()}":
        raise DefocusError(
            f"{path.name}: the server has other bytes than were sent; try again"
        )


def _asked(
    client: httpx.Client,
    method: str,
    address: str,
    *,
    json: Any = None,  # noqa: ANN401 - any JSON document
    file: Path | None = None,
) -> dict[str, Any]:
    """Send a request; if the server is busy, repeat it at the time that it asks for."""
    for attempt in range(1, TRIES + 1):
        try:
            content = None if file is None else _blocks(file)
            sized = {} if file is None else {"Content-Length": str(file.stat().st_size)}
            answer = client.request(
                method,
                address,
                json=json,
                content=content,
                headers=sized,
            )
        except httpx.HTTPError as error:
            raise DefocusError(
                f"{client.base_url}: cannot be reached ({error}); try again"
            ) from error
        if answer.status_code != httpx.codes.TOO_MANY_REQUESTS or attempt == TRIES:
            break
        time.sleep(_wait_seconds(answer.headers, attempt))
    if not answer.is_success:
        raise DefocusError(
            f"{client.base_url}: answers {answer.status_code} to {method} "
            f"{httpx.URL(address).path}; {_REASONS.get(answer.status_code, 'try again later')}"
        )
    return _document(client, answer)


def _document(client: httpx.Client, answer: httpx.Response) -> dict[str, Any]:
    """The JSON object of an answer."""
    try:
        document: dict[str, Any] = answer.json()
    except ValueError as error:
        raise DefocusError(
            f"{client.base_url}: answers with no JSON; check --endpoint"
        ) from error
    if not isinstance(document, dict):
        raise DefocusError(
            f"{client.base_url}: answers with no object; check --endpoint"
        )
    return document


_REASONS = {
    401: "the token is not accepted",
    403: "the token does not have the right to do that",
    404: "check --endpoint",
    413: "a file is too large for it",
}


def _blocks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while block := file.read(BLOCK_BYTES):
            yield block


def _wait_seconds(headers: httpx.Headers, attempt: int) -> float:
    """Seconds that a busy server asks to wait, from a number or a date."""
    try:
        if "Retry-After" in headers:
            wait = float(headers["Retry-After"])
        else:
            wait = float(headers["X-RateLimit-Reset"]) - time.time()
    except (KeyError, ValueError):
        wait = 2.0**attempt
    return min(max(wait, 0.0), LONGEST_WAIT_SECONDS)
