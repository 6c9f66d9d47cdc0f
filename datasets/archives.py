"""Unpack a ZIP or tar file into a new folder, completely or not at all."""

import bz2
import gzip
import io
import lzma
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast
from unicodedata import normalize

from defocus.cache import atomic_folder
from defocus.datasets.deriving.maker import require_empty
from defocus.datasets.pair_files import path_problem
from defocus.errors import DatasetError
from defocus.progress import track
from defocus.reading import require_file
from defocus.storage.files import make_folder

FREE_RATIO_BYTES = 1024 * 1024
"""Unpacked size, in bytes, below which ratios say nothing: a short text of one repeated letter is
no bomb."""
TOP = ""
"""Name of the archive's own folder in the list of its members."""


@dataclass(frozen=True)
class Limits:
    """Limits that no archive of pictures exceeds; the ratio is unpacked over packed bytes."""

    members: int = 500_000
    total_bytes: int = 10**12
    ratio: int = 200


LIMITS = Limits()


@dataclass(frozen=True)
class ArchiveMember:
    """One entry of an archive, named as by :func:`plain_name`."""

    name: str
    size: int  # bytes, unpacked
    packed: int  # bytes in the archive; 0 if members are not packed individually
    folder: bool
    problem: str  # why its kind is refused; empty for a plain file or folder


def zip_member(info: zipfile.ZipInfo) -> ArchiveMember:
    """An entry of a ZIP file."""
    kind = stat.S_IFMT(info.external_attr >> 16)
    problem = ""
    if kind not in {0, stat.S_IFREG, stat.S_IFDIR}:
        problem = "is a link or a device"
    elif info.flag_bits & 1:
        problem = "is encrypted"
    elif info.orig_filename.split("\0")[0] != info.orig_filename:
        problem = "has a name that is cut short by a zero byte"
    # as it was written: the other one is made fit for this system
    name = info.orig_filename
    return ArchiveMember(
        plain_name(name),
        info.file_size,
        info.compress_size,
        name.endswith("/"),
        problem,
    )


def tar_member(info: tarfile.TarInfo) -> ArchiveMember:
    """An entry of a tar file."""
    plain = (info.isreg() and not info.issparse()) or info.isdir()
    problem = "" if plain else "is a link, a device or a sparse file"
    return ArchiveMember(plain_name(info.name), info.size, 0, info.isdir(), problem)


def plain_name(name: str) -> str:
    """A name without the leading ``./`` of ``tar .`` and without a folder's trailing slash."""
    return name.removeprefix("./").rstrip("/") if name not in {".", "./"} else TOP


def checked(
    members: Iterable[ArchiveMember], archive: Path, limits: Limits
) -> dict[str, ArchiveMember]:
    """Check members in the archive's order, up to the first refused one; return them by name."""
    packed = archive.stat().st_size
    by_name: dict[str, ArchiveMember] = {}
    spelt: dict[str, str] = {}
    total = 0
    for member in members:
        if member.folder and member.name == TOP:
            continue
        total += member.size
        problem = (
            member.problem
            or path_problem(member.name)
            or _bomb(member, len(by_name) + 1, total, packed, limits)
            or _double(member, by_name, spelt)
        )
        if problem:
            raise DatasetError(
                f"{archive}: {member.name!r} {problem}; nothing was unpacked"
            )
        by_name[member.name] = member
    _refuse_files_as_folders(by_name, archive)
    return by_name


def _double(
    member: ArchiveMember, by_name: Mapping[str, ArchiveMember], spelt: dict[str, str]
) -> str:
    """Why a member cannot be unpacked next to earlier ones on any file system; or nothing."""
    other = spelt.setdefault(normalize("NFC", member.name).casefold(), member.name)
    before = by_name.get(member.name)
    twice = before is not None and not (member.folder and before.folder)
    return f"and {other!r} are one file" if other != member.name or twice else ""


def _bomb(
    member: ArchiveMember, count: int, total: int, packed: int, limits: Limits
) -> str:
    if count > limits.members:
        return f"is one of more than {limits.members} members"
    if total > limits.total_bytes:
        return f"makes more than {limits.total_bytes} bytes"
    if total > FREE_RATIO_BYTES and total > limits.ratio * packed:
        return (
            f"makes more than {limits.ratio} times the archive's size, as a bomb does"
        )
    if member.packed and member.size > max(
        FREE_RATIO_BYTES, limits.ratio * member.packed
    ):
        return f"is packed more than {limits.ratio} times, as a bomb is"
    return ""


def _refuse_files_as_folders(members: dict[str, ArchiveMember], archive: Path) -> None:
    for name in members:
        parent = name.rpartition("/")[0]
        while parent:
            if parent in members and not members[parent].folder:
                raise DatasetError(
                    f"{archive}: {parent!r} is both a file and a folder; download it again"
                )
            parent = parent.rpartition("/")[0]


SUFFIXES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")
OPENERS: Mapping[str, Callable[..., object]]
OPENERS = {".gz": gzip.open, ".tgz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}
BLOCK_BYTES = 1024 * 1024
DAMAGED = (
    zipfile.BadZipFile,
    tarfile.TarError,
    ValueError,
    EOFError,
    lzma.LZMAError,
    zlib.error,
    struct.error,
    NotImplementedError,
    LookupError,
    OverflowError,
)


def is_archive(path: Path) -> bool:
    """Whether a file has the name of an archive that :func:`unpack` reads."""
    return path.is_file() and path.name.lower().endswith(SUFFIXES)


def unpack(archive: Path, out: Path, limits: Limits = LIMITS) -> int:
    """Unpack an archive into an absent or empty folder, or leave nothing; the number of files."""
    # All headers are checked before the first byte is written, and bytes are counted while they
    # are unpacked, because headers can be wrong. Permissions, owners and times are not restored.
    require_empty(out)
    try:
        require_file(archive)
        if archive.name.lower().endswith(".zip"):
            return _unpack_zip(archive, out, limits)
        return _unpack_tar(archive, out, limits)
    except DAMAGED as error:
        raise DatasetError(
            f"{archive}: damaged ({error}); download it again"
        ) from error
    except OSError as error:
        # the system's; those of the decompressors have no number
        if error.errno is not None:
            raise
        raise DatasetError(
            f"{archive}: damaged ({error}); download it again"
        ) from error


def _unpack_zip(archive: Path, out: Path, limits: Limits) -> int:
    with zipfile.ZipFile(archive) as file:
        infos = file.infolist()
        members = checked(map(zip_member, infos), archive, limits)
        with atomic_folder(out) as temporary:
            for info in track(infos, f"unpacking {archive.name}"):
                member = members.get(plain_name(info.orig_filename))
                if member is not None and not member.folder:
                    with file.open(info) as stream:
                        _write(stream, temporary / member.name, member, archive)
    return sum(not member.folder for member in members.values())


def _unpack_tar(archive: Path, out: Path, limits: Limits) -> int:
    with _tar(archive, limits) as file:
        members = checked(map(tar_member, file), archive, limits)
    with _tar(archive, limits) as file, atomic_folder(out) as temporary:
        for info in track(file, f"unpacking {archive.name}", total=len(members)):
            member = members.get(plain_name(info.name))
            stream = file.extractfile(info)
            if stream is not None and member is not None and not member.folder:
                _write(stream, temporary / member.name, member, archive)
    return sum(not member.folder for member in members.values())


def _write(
    stream: IO[bytes], place: Path, member: ArchiveMember, archive: Path
) -> None:
    """Write one file, at most as long as its header says."""
    make_folder(place.parent)
    written = 0
    with place.open("xb") as file:
        while block := stream.read(BLOCK_BYTES):
            written += len(block)
            if written > member.size:
                break
            file.write(block)
    if written != member.size:
        raise DatasetError(
            f"{archive}: {member.name!r} has another size than stated; download it again"
        )


@contextmanager
def _tar(archive: Path, limits: Limits) -> Iterator[tarfile.TarFile]:
    """Read a tar file from front to back, within the limit."""
    most = max(limits.ratio * archive.stat().st_size, FREE_RATIO_BYTES)
    with _decompressed(archive) as stream:
        bounded = _Bounded(stream, most, archive)
        with tarfile.open(fileobj=bounded, mode="r|") as file:
            yield file
        while bounded.read(BLOCK_BYTES):  # gzip's checksum is behind the last member
            pass


def _decompressed(archive: Path) -> IO[bytes]:
    opener = OPENERS.get(archive.suffix.lower(), Path.open)
    return cast(IO[bytes], opener(archive, "rb"))


class _Bounded(io.RawIOBase):
    """A stream limited to a number of bytes."""

    def __init__(self, stream: IO[bytes], most: int, archive: Path) -> None:
        self._stream = stream
        self._left = most
        self._archive = archive

    def readable(self) -> bool:
        """Return true."""
        return True

    def read(self, size: int = -1) -> bytes:
        """Read up to ``size`` bytes; a stream longer than the limit is a ``DatasetError``."""
        content = self._stream.read(
            min(size, self._left + 1) if size >= 0 else self._left + 1
        )
        self._left -= len(content)
        if self._left < 0:
            raise DatasetError(
                f"{self._archive}: is a decompression bomb; nothing was unpacked"
            )
        return content
