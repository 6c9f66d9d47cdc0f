"""Seal a test set: its blurry pictures go out, its truth is encrypted until the key is published.

Each seal has a fresh AES-256-GCM key, whose hash is public: nobody can present another key
later."""

import contextlib
import hashlib
import io
import os
import shutil
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

from pydantic import StringConstraints, ValidationError

from defocus.cache import atomic_folder
from defocus.datasets.archives import unpack
from defocus.datasets.manifest import (
    MANIFEST,
    make_manifest,
    manifest_pairs,
    read_manifest,
    write_manifest,
)
from defocus.datasets.opening import opened
from defocus.datasets.pair import Dataset, Pair
from defocus.datasets.pair_files import pair_files
from defocus.errors import DatasetError
from defocus.extra_packages import require
from defocus.progress import say, track
from defocus.reading import read_bytes, read_text
from defocus.settings import Settings, document_problem
from defocus.storage.files import (
    copy_content,
    make_folder,
    sha256_file,
    sync_folder,
    write_bytes,
    write_json,
    write_new_private,
)
from defocus.storage.staging import staging_folder

SEAL, TRUTH = "seal.json", "truth.sealed"
KEY_BYTES, NONCE_BYTES = 32, 12
MOST_BYTES = 2 * 10**9
"""Largest size of the truth in bytes, because it is encrypted in memory, as a whole."""

GIVEN = ("blurry", "dual_pixel_left", "dual_pixel_right")
"""Files of a pair that are given out."""

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class SealFacts(Settings):
    """Public facts about a sealed test set."""

    format: Literal["defocus-seal"] = "defocus-seal"
    version: Literal[1] = 1
    key_sha256: Sha256
    truth_sha256: Sha256  # hash of the encrypted file
    outside: Sha256  # content hash of the test set without its truth, which participants restore
    inside: Sha256  # content hash with it
    opens: str = (
        ""  # when the key will be published, in words; empty if that is not said
    )


def seal_dataset(
    dataset: Dataset,
    out: Path,
    key_file: Path,
    opens: str = "",
) -> SealFacts:
    """Write the test pairs of a dataset without their truth, which is encrypted next to them."""
    pairs = dataset.split("test")
    _require_truth(dataset, pairs)
    known = _known(out, key_file)
    if known is not None and _holds(known, out, dataset, pairs):
        say(f"{out}: is sealed already; {key_file} opens it")
        return known
    _require_free(out)
    with _unused_key_removed(key_file, out) as made, atomic_folder(out) as folder:
        whole, inside = _whole_set(folder, dataset, pairs)
        key = _key_of(key_file, inside)
        made.append(_lines_of(key, inside))
        content = _sealed(_truth_archive(folder, whole), key)
        write_bytes(folder / TRUTH, content)
        _remove_truth(folder, whole)
        _write_open_manifest(folder, whole, dataset.source)
        facts = SealFacts(
            key_sha256=_sha256(key),
            truth_sha256=_sha256(content),
            outside=_content_hash(folder),
            inside=inside,
            opens=opens,
        )
        write_json(folder / SEAL, facts.model_dump(mode="json"))
        _require_opens(folder, facts, key)
    return facts


def _write_open_manifest(folder: Path, whole: tuple[Pair, ...], source: str) -> None:
    """Write the manifest of the pairs without their truth."""
    open_pairs = tuple(map(_without_truth, whole))
    write_manifest(folder, make_manifest(folder, open_pairs, source))


def _known(out: Path, key_file: Path) -> SealFacts | None:
    """Facts about a set that is sealed there and that the key opens; None for others."""
    facts = read_seal(out)
    if facts is None:
        return None
    try:
        _read_key(key_file, facts)
    except DatasetError:
        return None
    return facts


def _holds(
    facts: SealFacts,
    out: Path,
    dataset: Dataset,
    pairs: tuple[Pair, ...],
) -> bool:
    """Whether a sealed set is of these pairs, with their truth."""
    with staging_folder(out.absolute().parent, f".{out.name}-", ".part") as place:
        return _whole_set(place, dataset, pairs)[1] == facts.inside


def _whole_set(
    folder: Path, dataset: Dataset, pairs: tuple[Pair, ...]
) -> tuple[tuple[Pair, ...], str]:
    """Copies of the pairs with their truth in a folder, and the hash of this content."""
    whole = _copied(folder, pairs)
    write_manifest(folder, make_manifest(folder, whole, dataset.source))
    return whole, _content_hash(folder)


def _key_of(key_file: Path, inside: str) -> bytes:
    """The key of a set with this content: a new one, or that of a process that was killed."""
    # it is on the disk before the set is there: a set without its key is worth nothing
    if not key_file.exists():
        key = os.urandom(KEY_BYTES)
        folder = make_folder(key_file.absolute().parent)
        write_new_private(key_file, _lines_of(key, inside))
        sync_folder(folder)
        return key
    content = read_bytes(key_file)
    with contextlib.suppress(ValueError, IndexError):
        key = bytes.fromhex(content.split()[0].decode())
        if len(key) == KEY_BYTES and content == _lines_of(key, inside):
            return key
    raise DatasetError(f"{key_file}: is there already; choose another file")


def _lines_of(key: bytes, inside: str) -> bytes:
    """The content of the file of a key: the key, and the hash of the content that it seals."""
    return f"{key.hex()}\n{inside}\n".encode()


@contextlib.contextmanager
def _unused_key_removed(key_file: Path, out: Path) -> Iterator[list[bytes]]:
    """Yield a list for a key's lines; its file is removed if its set was not published."""
    made: list[bytes] = []
    try:
        yield made
    except BaseException:
        with contextlib.suppress(OSError):
            if made and not out.exists() and key_file.read_bytes() in made:
                key_file.unlink()
        raise


def _require_free(path: Path) -> None:
    """Refuse to write over what is there."""
    if path.exists():
        raise DatasetError(f"{path}: is there already; choose another folder")


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _remove_truth(folder: Path, pairs: Sequence[Pair]) -> None:
    """Remove the files that are sealed, and the manifest that names them."""
    for pair in pairs:
        for role, path in pair_files(pair).items():
            if role not in GIVEN:
                path.unlink()
    _remove_empty(folder)
    (folder / MANIFEST).unlink()


def open_seal(sealed: Path, key_file: Path, out: Path) -> SealFacts:
    """Write a sealed test set with its truth, as a dataset ``manifest:OUT``."""
    facts = read_seal(sealed)
    if facts is None:
        raise DatasetError(
            f"{sealed}: no {SEAL} there; give a folder of 'defocus-bench labs seal'"
        )
    if out.exists():
        if _is_opened(out, facts):  # by a process that was interrupted at its very end
            return facts
        raise DatasetError(f"{out}: is there already; choose another folder for --out")
    content = _opened(sealed / TRUTH, facts, _read_key(key_file, facts))
    with atomic_folder(out) as folder:
        _restore(sealed, content, folder)
        if _content_hash(folder) != facts.inside:
            raise DatasetError(
                f"{sealed}: the truth is not that of these blurry pictures"
            )
        write_json(folder / SEAL, facts.model_dump(mode="json"))
    return facts


def _is_opened(folder: Path, facts: SealFacts) -> bool:
    """Whether a folder is this sealed set with its truth, unchanged."""
    return read_seal(folder) == facts and _content_hash(folder) == facts.inside


def _restore(sealed: Path, content: bytes, folder: Path) -> None:
    """Write the whole test set: the unsealed archive together with the open pictures."""
    # names that no role can have
    archive, inner = (folder / f".{TRUTH}.zip", folder / f".{TRUTH}")
    write_bytes(archive, content)
    unpack(archive, inner)
    archive.unlink()
    for path in sorted(inner.rglob("*")):
        if path.is_file():
            target = folder / path.relative_to(inner)
            make_folder(target.parent)
            path.replace(target)
    shutil.rmtree(inner)
    for pair in manifest_pairs(sealed, read_manifest(sealed))[0]:
        for path in pair_files(pair).values():
            target = folder / path.relative_to(sealed)
            make_folder(target.parent)
            copy_content(path, target)


def read_seal(folder: Path) -> SealFacts | None:
    """Public facts about a sealed test set, or about one that was opened; None for others."""
    path = folder / SEAL
    if not path.is_file():
        return None
    try:
        return SealFacts.model_validate_json(read_bytes(path))
    except ValidationError as error:
        problem = document_problem(error, "the seal")
        raise DatasetError(f"{path}: {problem}; get it again") from error


def _require_opens(sealed: Path, facts: SealFacts, key: bytes) -> None:
    """Check that a new seal opens before it is published: nobody can mend it later."""
    with staging_folder(sealed.parent, ".opening-", ".part") as place:
        _restore(sealed, _opened(sealed / TRUTH, facts, key), place)
        if _content_hash(place) != facts.inside:
            raise DatasetError(f"{sealed}: does not open again; nothing was written")


def _hidden(pairs: tuple[Pair, ...]) -> list[Path]:
    """The files of the truth, which are sealed."""
    hidden = []
    for pair in pairs:
        files = pair_files(pair)
        hidden += [path for role, path in files.items() if role not in GIVEN]
    return hidden


def _require_truth(dataset: Dataset, pairs: tuple[Pair, ...]) -> None:
    if not pairs:
        raise DatasetError(f"{dataset.name}: no test pairs to seal")
    hidden = _hidden(pairs)
    without = [pair.id for pair in pairs if pair.sharp is None and pair.truth is None]
    if without:
        raise DatasetError(f"{dataset.name}: {without[0]} has no truth to seal")
    if sum(path.stat().st_size for path in hidden) > MOST_BYTES:
        raise DatasetError(
            f"{dataset.name}: more than {MOST_BYTES / 1e9:g} GB of truth; split it"
        )


def _copied(folder: Path, pairs: tuple[Pair, ...]) -> tuple[Pair, ...]:
    """The pairs with copies of their files in a folder, named by id and role."""
    copies = []
    for pair in track(pairs, "copying pairs"):
        places = {}
        for role, path in pair_files(pair).items():
            places[role] = make_folder(folder / role) / f"{pair.id}{path.suffix}"
            copy_content(path, places[role])
        copies.append(replace(pair, metadata={}, **places))  # type: ignore[arg-type] # by role
    return tuple(copies)


def _without_truth(pair: Pair) -> Pair:
    roles = [role for role in pair_files(pair) if role not in GIVEN]
    return replace(pair, **dict.fromkeys(roles))  # type: ignore[arg-type] # by role


def _content_hash(folder: Path) -> str:
    pairs, _ = manifest_pairs(folder, read_manifest(folder))
    dataset = opened("manifest", folder, pairs)
    if dataset.left_out:
        raise DatasetError(
            f"{folder}: {dataset.left_out[0].id}: {dataset.left_out[0].reason}"
        )
    return dataset.content_hash


def _truth_archive(folder: Path, pairs: tuple[Pair, ...]) -> bytes:
    """The hidden files and the whole manifest, as a ZIP file that is the same every time."""
    hidden = _hidden(pairs)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path in [folder / MANIFEST, *sorted(hidden)]:
            info = zipfile.ZipInfo(
                path.relative_to(folder).as_posix(),
                (1980, 1, 1, 0, 0, 0),
            )
            info.external_attr = 0o100644 << 16
            archive.writestr(info, path.read_bytes())
    return buffer.getvalue()


def _remove_empty(folder: Path) -> None:
    for place in folder.iterdir():
        if place.is_dir() and not any(place.iterdir()):
            place.rmdir()


def _sealed(content: bytes, key: bytes) -> bytes:
    require("cryptography", "labs")
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    nonce = os.urandom(NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, content, SEAL.encode())


def _opened(path: Path, facts: SealFacts, key: bytes) -> bytes:
    require("cryptography", "labs")
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    if not path.is_file() or sha256_file(path) != facts.truth_sha256:
        raise DatasetError(f"{path}: missing or damaged; get it again")
    content = read_bytes(path, 2 * MOST_BYTES)
    try:
        return AESGCM(key).decrypt(
            content[:NONCE_BYTES],
            content[NONCE_BYTES:],
            SEAL.encode(),
        )
    except InvalidTag as error:
        raise DatasetError(f"{path}: was not sealed with this key") from error


def _read_key(path: Path, facts: SealFacts) -> bytes:
    try:
        key = bytes.fromhex(read_text(path).split()[0])
    except (OSError, ValueError, IndexError) as error:
        raise DatasetError(f"{path}: no key of a sealed test set ({error})") from error
    if hashlib.sha256(key).hexdigest() != facts.key_sha256:
        raise DatasetError(f"{path}: another key than the one that was promised")
    return key
