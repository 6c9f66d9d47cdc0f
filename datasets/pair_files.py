"""Hashes of a dataset's files, cached by size and modification time."""

import contextlib
import hashlib
import os
import re
import stat
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from defocus.cache import cache_folder, keeping
from defocus.datasets.pair import LEARNT_SPLITS, Dataset, Pair, Split, sorted_by_id
from defocus.errors import DatasetError
from defocus.pictures import picture_name
from defocus.pictures.raw import all_raw
from defocus.pictures.values import FULL, READING_REVISION, is_read_anew
from defocus.progress import track
from defocus.reading import ARRAY_ERRORS, is_utf8, read_json, require_file
from defocus.storage.files import make_folder, sha256_file, sha256_json, write_json

Stamp = list[int | str]
"""Facts about a file that change with it, and for which it need not be read."""

HashOf = dict[Path, str]
"""SHA-256 of each file."""

# Names from outside (ids, paths): each must mean one file on every system, Windows included.
SIGNS = "._-"
"""Characters that an id may have besides letters and digits; it does not begin with a dot."""

LONGEST_ID, LONGEST_KEPT = 160, 100
"""Largest number of bytes of an id, and of the part of a longer name that an id keeps: files are
named by it, with a suffix and while they are written with more."""

LONGEST_PART = 255
LONGEST_PATH = 4096

_RESERVED = re.compile(r"(?i)(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(\..*)?")


def id_problem(text: str) -> str:
    """Why a text cannot be the id of a pair; empty if it can."""
    begins = bool(text) and text[0] != "." and not _is_mark(text[0])
    if not begins or not all(is_id_letter(one) or one in SIGNS for one in text):
        return (
            "an id has letters, digits, '.', '_' and '-' alone, and begins with no '.'"
        )
    if not unicodedata.is_normalized("NFC", text):
        return "an id has each letter with its marks as one sign, as in the Unicode form NFC"
    if len(text.encode()) > LONGEST_ID:
        return f"an id has at most {LONGEST_ID} letters, or as many bytes"
    if _RESERVED.fullmatch(text):
        return "an id cannot be a name that Windows reserves, such as 'con'"
    return ""


def is_id_letter(sign: str) -> bool:
    """Whether one sign is a letter of any script, a mark of one, or a decimal digit."""
    return sign.isalpha() or sign.isdecimal() or _is_mark(sign)


def legal_id(text: str) -> str:
    """The text itself, in the Unicode form NFC, if it is a legal id; else a legal, unique form."""
    composed = unicodedata.normalize("NFC", text)
    if not id_problem(composed):
        return composed
    letters = "".join(
        one if is_id_letter(one) or one in "_-" else "_" for one in composed
    )
    kept = letters.encode()[:LONGEST_KEPT].decode(errors="ignore")
    legal = f"{kept}-{hashlib.sha256(os.fsencode(composed)).hexdigest()[:8]}"
    # it began with a mark of a letter
    return f"_{legal}" if id_problem(legal) else legal


def _is_mark(sign: str) -> bool:
    """Whether a sign is written on the letter before it: vowels in many scripts are."""
    return unicodedata.category(sign) in {"Mn", "Mc"}


def path_problem(path: str) -> str:
    """Why a relative POSIX path must not come from outside; empty if it may."""
    parts = path.split("/")
    if not path.isprintable():
        return "has control characters"
    if "\\" in path or ":" in path:
        return "has a character that is part of a path on other systems"
    if path.startswith("/"):
        return "is absolute"
    if any(part in {"", ".", ".."} for part in parts):
        return "leads out of the folder or is not in its shortest form"
    if len(path.encode()) > LONGEST_PATH or max(
        len(part.encode()) for part in parts
    ) > (LONGEST_PART):
        return f"is too long: a name has at most {LONGEST_PART} bytes, a path {LONGEST_PATH}"
    if any(map(_RESERVED.fullmatch, parts)):
        return "has a name that Windows reserves"
    return ""


ARRAYS = ("flow", "defocus_map")
"""The roles of a pair that are arrays; all others are pictures."""


def member_name(role: str) -> str:
    """File name of a role."""
    return f"{role}.npy" if role in ARRAYS else picture_name(role)


def member_names(roles: Iterable[str]) -> dict[str, str]:
    """File name of each role."""
    return {role: member_name(role) for role in roles}


def array_shape(role: str, height: int, width: int) -> tuple[int, ...]:
    """The shape of a role's array for a picture of that size."""
    return (2, height, width) if role == "flow" else (height, width)


def read_array(path: Path, shape: tuple[int, ...] | None = None) -> NDArray[Any]:
    """Read an array of real numbers from a ``.npy`` file, in its own type."""
    try:
        require_file(path)
        # mapped: a header that claims more than the file holds takes no memory
        mapped = np.lib.format.open_memmap(path, mode="r")
    except ARRAY_ERRORS as error:
        reason = str(error).partition("\n")[0]
        raise DatasetError(
            f"{path}: no array can be read ({reason}); restore it"
        ) from error
    if mapped.dtype.kind not in "fiu":
        raise DatasetError(f"{path}: {mapped.dtype} are no real numbers; restore it")
    if shape is not None and mapped.shape != shape:
        raise DatasetError(
            f"{path}: an array of shape {mapped.shape} where its picture needs {shape}; restore it"
        )
    return np.array(mapped)


FILE_ROLES = (
    *("blurry", "sharp", "truth", "flow", "defocus_map"),
    *("dual_pixel_left", "dual_pixel_right", "valid_mask"),
)
"""The fields of a pair that are files, in the order in which they are hashed."""

HASH_SILENTLY_BELOW = 200


def pair_files(pair: Pair) -> dict[str, Path]:
    """The files of a pair by role, without absent ones."""
    files = {}
    for role in FILE_ROLES:
        path = getattr(pair, role)
        if path is not None:
            files[role] = path
    return files


def files_of(pairs: Iterable[Pair]) -> list[Path]:
    """The files of some pairs."""
    files: list[Path] = []
    for pair in pairs:
        files += pair_files(pair).values()
    return files


def picture_hashes(root: Path, pairs: Iterable[Pair]) -> HashOf:
    """SHA-256 hash of every file of some pairs below a folder."""
    return file_hashes(root, files_of(pairs))


def content_hash(pairs: Sequence[Pair], hashes: HashOf) -> str:
    """SHA-256 over ids, splits and the content of every file, in any order, in hexadecimal."""
    rows = []
    for pair in sorted_by_id(pairs):
        of_pair = {role: hashes[path] for role, path in pair_files(pair).items()}
        rows.append([pair.id, pair.split, of_pair])
    content = sha256_json(rows)
    # What was computed of pictures that an earlier version read otherwise is computed anew.
    changed = sorted(
        {pair.white for pair in pairs if pair.white not in {None, FULL}}, key=str
    )
    if not changed and not any(map(_is_read_anew, pairs)):
        return content
    order = f"{content} reading {READING_REVISION} white {changed}"
    return hashlib.sha256(order.encode()).hexdigest()


def _is_read_anew(pair: Pair) -> bool:
    """Whether an earlier version read a member otherwise: two RAW files, or the blurry one."""
    two = pair.sharp not in {None, pair.blurry}
    if two and all_raw(pair.blurry, pair.sharp or pair.blurry):
        return True
    return is_read_anew(pair.blurry)


def learnt_hash(pairs: Iterable[Pair], hashes: HashOf) -> str:
    """SHA-256 over training and validation pairs alone; empty without any."""
    learnt = [pair for pair in pairs if pair.split in LEARNT_SPLITS]
    return content_hash(learnt, hashes) if learnt else ""


def pair_contents(dataset: Dataset, *splits: Split) -> dict[str, str]:
    """SHA-256 over split and files of each pair, of all or some splits, by its id."""
    pairs = [pair for pair in dataset.pairs if not splits or pair.split in splits]
    hashes = picture_hashes(dataset.root, pairs)
    return {pair.id: content_hash([pair], hashes) for pair in pairs}


def file_hashes(root: Path, paths: Iterable[Path]) -> HashOf:
    """SHA-256 of files, from the folder's cache if size and modification time are unchanged."""
    hashes, faults = hashes_and_faults(root, paths)
    for fault in faults.values():
        raise fault
    return hashes


def hashes_and_faults(
    root: Path, paths: Iterable[Path]
) -> tuple[HashOf, dict[Path, DatasetError]]:
    """SHA-256 of the files that can be read, as :func:`file_hashes`; why the others cannot."""
    name = hashlib.sha256(os.fsencode(root)).hexdigest()
    memory = cache_folder() / "hashes" / f"{name}.json"
    remembered = _remembered(memory)
    wanted = sorted(set(paths))
    faults: dict[Path, DatasetError] = {}
    stamps = _stamps(wanted, faults)
    missing = []
    for path, stamp in stamps.items():
        if remembered.get(str(path), [])[:2] != stamp:
            missing.append(path)
    noisy = len(missing) >= HASH_SILENTLY_BELOW
    _hash(noisy, missing, remembered, stamps, faults, memory)
    hashes = {}
    for path in stamps:
        if path not in faults:
            hashes[path] = str(remembered[str(path)][2])
    return hashes, faults


def _hash(
    noisy: bool,
    missing: Sequence[Path],
    remembered: dict[str, list[Any]],
    stamps: Mapping[Path, Stamp],
    faults: dict[Path, DatasetError],
    memory: Path,
) -> None:
    """Hash files, and keep their hashes; why a file has none goes to ``faults``."""
    for path in track(missing, "hashing the dataset") if noisy else missing:
        try:
            remembered[str(path)] = [*stamps[path], _sha256(path)]
        except DatasetError as error:
            faults[path] = error
    if len(missing) > sum(path in stamps for path in faults):
        with keeping():
            make_folder(memory.parent)
            write_json(memory, remembered)


def _stamps(wanted: list[Path], faults: dict[Path, DatasetError]) -> dict[Path, Stamp]:
    """Stamp of each file that is there; why others cannot be read goes to ``faults``."""
    stamps: dict[Path, Stamp] = {}
    for path in wanted:
        try:
            stamps[path] = _stamp(path)
        except DatasetError as error:
            faults[path] = error
    return stamps


def _stamp(path: Path) -> Stamp:
    """Size and modification time of a file with a printable name."""
    try:
        status = path.stat()
    except FileNotFoundError as error:
        what = "no such file"
        if path.is_symlink():
            what = "a link to a file that is not there"
        raise DatasetError(f"{path}: {what}; restore the file") from error
    except OSError as error:
        raise DatasetError(
            f"{path}: {error.strerror or error}; restore the file"
        ) from error
    if not is_utf8(str(path)):
        raise DatasetError(f"{path}: its name is not UTF-8; rename it")
    # what is read from a pipe or a device has no end
    if not stat.S_ISREG(status.st_mode):
        what = "a folder" if stat.S_ISDIR(status.st_mode) else "a pipe or a device"
        raise DatasetError(f"{path}: {what}, not a file; remove it from the pictures")
    return [status.st_size, status.st_mtime_ns]


def _sha256(path: Path) -> str:
    try:
        return sha256_file(path)
    except OSError as error:
        raise DatasetError(
            f"{path}: cannot be read ({error.strerror}); restore it"
        ) from error


def _remembered(memory: Path) -> dict[str, Stamp]:
    """Read the cached hashes; a missing or damaged cache counts as empty."""
    with contextlib.suppress(OSError, ValueError):
        document = read_json(memory)
        if isinstance(document, dict):
            return {name: one for name, one in document.items() if _is_stamp(one)}
    return {}


def _is_stamp(entry: object) -> bool:
    return isinstance(entry, list) and len(entry) == 3
