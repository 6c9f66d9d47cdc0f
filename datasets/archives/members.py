"""The members of an archive, judged by their headers before anything is written."""

import stat
import tarfile
import unicodedata
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from defocus.datasets.files.names import path_problem
from defocus.errors import DatasetError

__all__ = ["LIMITS", "ArchiveMember", "Limits", "checked", "plain_name", "tar_member", "zip_member"]

FREE_RATIO_BYTES = 1024 * 1024
"""Ratios of less than this say nothing: a short text of one letter is no bomb."""
TOP = ""
"""The name of the archive's own folder, where that is a member."""


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
    name = info.orig_filename  # as it was written: the other one is made fit for this system
    return ArchiveMember(
        plain_name(name), info.file_size, info.compress_size, name.endswith("/"), problem
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
    found: dict[str, ArchiveMember] = {}
    spelt: dict[str, str] = {}
    total = 0
    for member in members:
        if member.folder and member.name == TOP:
            continue
        total += member.size
        problem = (
            member.problem
            or path_problem(member.name)
            or _bomb(member, len(found) + 1, total, packed, limits)
        )
        other = spelt.setdefault(_folded(member.name), member.name)
        twice = member.name in found and not (member.folder and found[member.name].folder)
        if not problem and (other != member.name or twice):
            problem = f"and {other!r} are one file"
        if problem:
            raise DatasetError(f"{archive}: {member.name!r} {problem}; nothing was unpacked")
        found[member.name] = member
    _refuse_files_as_folders(found, archive)
    return found


def _bomb(member: ArchiveMember, count: int, total: int, packed: int, limits: Limits) -> str:
    if count > limits.members:
        return f"is one of more than {limits.members} members"
    if total > limits.total_bytes:
        return f"makes more than {limits.total_bytes} bytes"
    if total > FREE_RATIO_BYTES and total > limits.ratio * packed:
        return f"makes more than {limits.ratio} times the archive's size, as a bomb does"
    if member.packed and member.size > max(FREE_RATIO_BYTES, limits.ratio * member.packed):
        return f"is packed more than {limits.ratio} times, as a bomb is"
    return ""


def _refuse_files_as_folders(found: dict[str, ArchiveMember], archive: Path) -> None:
    for name in found:
        parent = name.rpartition("/")[0]
        while parent:
            if parent in found and not found[parent].folder:
                raise DatasetError(
                    f"{archive}: {parent!r} is both a file and a folder; download it again"
                )
            parent = parent.rpartition("/")[0]


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()
