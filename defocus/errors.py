"""Exceptions of the package and their exit codes.

::

    DefocusError                 1  ran, but something fell short
    ├── InputError               2  bad input or usage
    │   ├── FileError               no regular file, too large, or not of its format
    │   ├── SettingsError           a settings file: unknown key, wrong type
    │   ├── ImageError              a picture: unreadable, of another size than its partner
    │   ├── OpticsError             impossible lens or depth
    │   ├── AlignmentError          pictures or flows that cannot be compared
    │   ├── DatasetError            a dataset, manifest or session folder
    │   ├── WeightsError            a weights file or checkpoint
    │   └── RegistryError           an unknown or doubly defined name
    ├── NotApplicableError       1  a system that cannot train or run on a dataset
    ├── KilledError              1  processes that did the work were killed
    ├── CameraError              4  the camera was lost or answered with an error
    │   └── CameraNotFoundError  3  no camera at that address
    ├── StorageError             5  disk full, faulty, or not writable
    └── InterruptedWorkError   130  interrupted, with a message on how to continue

130 is the exit code of a command that is interrupted from the keyboard. Each message is one line:
what is wrong, where, and what to do.
"""

import errno
import re
from pathlib import Path

EXIT_INTERRUPTED = 130


class DefocusError(Exception):
    """Base of all exceptions that the package raises on purpose."""

    exit_code = 1


class InputError(DefocusError):
    """The input cannot be used."""

    exit_code = 2


class FileError(InputError, ValueError):
    """A file that is a pipe or a device, too large, or not of its format.

    It is a ``ValueError`` too, as that of a parser: who treats a damaged file as absent, or has
    better advice, needs no other clause for it.
    """


class SettingsError(InputError):
    """A settings file has an unknown key or a value of the wrong type."""


class ImageError(InputError):
    """A picture cannot be read, or does not fit its partner."""


class OpticsError(InputError):
    """A lens or a depth that is physically impossible."""


class AlignmentError(InputError):
    """Pictures or flows that cannot be compared."""


class DatasetError(InputError):
    """A dataset, manifest or session folder is missing, damaged or inconsistent."""


class WeightsError(InputError):
    """A weights file or checkpoint is damaged, unsafe or made for another network."""


class RegistryError(InputError):
    """A name that is not registered, or registered twice."""


class NotApplicableError(DefocusError):
    """A system cannot train or run on this dataset; the message is the reason."""


class TrainingError(DefocusError):
    """A training failed; the message is the reason."""


class KilledError(DefocusError):
    """Processes were killed, perhaps because memory ran out; their work is not to blame."""


class CameraError(DefocusError):
    """The camera was lost, or kept answering with an error after retries."""

    exit_code = 4


class CameraNotFoundError(CameraError):
    """No camera answers at the given address."""

    exit_code = 3


class StorageError(DefocusError):
    """The disk is full, faulty, or the folder cannot be written.

    Attributes:
        everywhere: Whether it ends the work on everything else as well; False where the trouble
            is with one name, such as one that is too long.
    """

    exit_code = 5
    everywhere = True


class InterruptedWorkError(DefocusError):
    """The work was interrupted from the keyboard; the message says how to continue."""

    exit_code = EXIT_INTERRUPTED


TOO_MANY_OPEN = "this program may open no more files; raise 'ulimit -n' and try again"

_STORAGE_REASONS = {
    errno.ENOSPC: "the disk is full; free some space and try again",
    errno.EDQUOT: "the disk quota is used up; free some space and try again",
    errno.EROFS: "the file system is read-only; choose another folder",
    errno.EACCES: "no permission to write there; choose another folder",
    errno.EPERM: "no permission to write there; choose another folder",
    errno.EEXIST: "a file of that name exists; choose another folder",
    errno.ENOENT: "its folder does not exist; make it, or choose another one",
    errno.ENOTDIR: "a part of that path is a file, not a folder; choose another folder",
    errno.ENAMETOOLONG: "the name is too long for this file system; shorten it",
    errno.EIO: "the disk reports a fault; check it, then run the same command again",
    errno.EMFILE: TOO_MANY_OPEN,
    errno.ENFILE: "this computer can open no more files; close programs and try again",
    errno.ENOLCK: "its file system gives no locks; choose another folder",
    errno.ENOTSUP: "its file system cannot do that, such as lock; choose another folder",
}


STORAGE_ERRNOS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS})
"""Errors of the operating system that mean nothing else than a disk that takes no more."""

_OF_ONE_NAME = frozenset(
    {
        errno.ENAMETOOLONG,
        errno.EEXIST,
        errno.EISDIR,
        errno.EINVAL,
        errno.EILSEQ,
    }
)
"""Errors of a write that are a fault of one name: another file can be written there."""


_NO_HANDLES = frozenset({errno.EMFILE, errno.ENFILE})


def storage_error(error: OSError, path: Path) -> StorageError:
    """The :class:`StorageError` that explains an ``OSError`` from a write, to raise from it."""
    said = f"{error.strerror or error}; check the disk, then run the same command again"
    reason = _STORAGE_REASONS.get(error.errno or 0, said)
    explained = StorageError(f"cannot write {path}: {reason}")
    explained.everywhere = error.errno not in _OF_ONE_NAME
    return explained


_NO_MEMORY = re.compile(
    r"can't allocate memory|out of memory|bad_alloc|insufficient memory|^encoding error [12]$",
    re.IGNORECASE,
)
"""Words of PyTorch, OpenCV and WebP for too little memory, in errors of no type of their own."""

NO_MEMORY = (
    "there is too little memory for it; use a computer with more, or a smaller picture"
)


def lacks_memory(error: BaseException | None) -> bool:
    """Whether an error says that there was not enough memory, or comes from one that does."""
    while error is not None and not isinstance(error, DefocusError):
        if isinstance(error, MemoryError):
            return True
        if _is_of_library(error) and _NO_MEMORY.search(str(error)):
            return True
        error = error.__cause__
    return False


def _is_of_library(error: BaseException) -> bool:
    """Whether PyTorch, OpenCV or WebP may have raised an error."""
    return isinstance(error, RuntimeError | ValueError) or _is_of_opencv(error)


def _is_of_opencv(error: BaseException) -> bool:
    return type(error).__module__ == "cv2"


NO_TEMPORARY_FOLDER = (
    "there is no folder for temporary files that can be written; set TMPDIR to one"
)


def what_program_lacks(error: BaseException | None) -> str:
    """What of the whole program an error comes from, with the remedy; empty where of one file."""
    # Too many open files, or no temporary folder, are a fault of no file.
    while error is not None:
        if isinstance(error, OSError) and error.errno in _NO_HANDLES:
            return TOO_MANY_OPEN
        if isinstance(error, FileNotFoundError) and _IS_OF_TEMPFILE in str(error):
            return NO_TEMPORARY_FOLDER
        error = error.__cause__
    return ""


_IS_OF_TEMPFILE = "No usable temporary directory"
"""What Python's :mod:`tempfile` says."""


def is_of_system(error: BaseException | None) -> bool:
    """Whether an error comes from the disk or the system, and not from a file's content."""
    while error is not None:
        if isinstance(error, OSError) and error.errno:  # decoders raise some without
            return True
        error = error.__cause__
    return False


FAULTS = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    DefocusError,
    ImportError,
    LookupError,
    NameError,
    OSError,
    RuntimeError,
    SyntaxError,
    SystemExit,
    TypeError,
    ValueError,
)
"""Errors that a faulty module or function of another person raises."""
