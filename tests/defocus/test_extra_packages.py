"""A package of an extra that is missing or too old is one line with what to install."""

import pytest

from defocus.errors import ImageError, InputError
from defocus.extra_packages import require


def test_what_is_there_is_imported():
    assert require("json", "parquet").__name__ == "json"
    assert require("click", "parquet", "8").__name__ == "click"


def test_what_is_missing_says_which_extra(refused):
    with refused(InputError):
        require("no_such", "parquet")
    with pytest.raises(ImageError):
        require("no_such", "heif", error=ImageError)


def test_what_is_too_old_says_the_least_version():
    with pytest.raises(
        InputError, match=r"^needs click 999 or later, not 8.*'defocus\[hub\]'$"
    ):
        require("click", "hub", "999")
