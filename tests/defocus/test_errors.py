import errno
import os
from pathlib import Path

import pytest

from defocus import errors

EXIT_CODES = {
    **dict.fromkeys(
        ("DefocusError", "NotApplicableError", "TrainingError", "KilledError"), 1
    ),
    **dict.fromkeys(
        ("InputError", "FileError", "SettingsError", "ImageError", "OpticsError"), 2
    ),
    **dict.fromkeys(
        ("AlignmentError", "DatasetError", "WeightsError", "RegistryError"), 2
    ),
    "CameraNotFoundError": 3,
    "CameraError": 4,
    "StorageError": 5,
    "InterruptedWorkError": 130,
}


def test_every_exception_has_the_exit_code_of_the_contract():
    codes = {
        name: value.exit_code
        for name, value in vars(errors).items()
        if isinstance(value, type) and issubclass(value, errors.DefocusError)
    }
    assert codes == EXIT_CODES
    assert errors.EXIT_INTERRUPTED == 130


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (errno.ENOSPC, "disk is full"),
        (errno.EROFS, "read-only"),
        (errno.EACCES, "no permission"),
        (errno.EEXIST, "exists; choose another folder"),
        (errno.EIO, "reports a fault; check it, then run the same command again"),
        (errno.ESTALE, "; check the disk, then run the same command again"),
    ],
)
def test_a_storage_error_says_what_and_where(code, words):
    error = errors.storage_error(
        OSError(code, os.strerror(code)), Path("some/file.png")
    )
    assert "some/file.png" in str(error)
    assert words in str(error)
    assert error.exit_code == 5
