"""Files from anybody: read whole in bounded memory, or refused in one line."""

import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from defocus.errors import FileError
from defocus.reading import (
    parse_json,
    read_bytes,
    read_csv,
    read_json,
    read_text,
    read_toml,
    refuse_zip_bomb,
    require_file,
)
from defocus.storage.files import sha256_file

READERS: list[Callable[[Path], Any]] = [
    *(read_bytes, read_text, read_json, read_toml, read_csv, require_file, sha256_file),
    refuse_zip_bomb,
]


def named(tmp_path: Path, kind: str) -> Path:
    path = tmp_path / "it"
    if kind == "a pipe":
        os.mkfifo(path)
    elif kind == "a folder":
        path.mkdir()
    else:
        path.symlink_to("/dev/zero")
    return path


@pytest.mark.parametrize("kind", ["a pipe", "a folder", "a device"])
def test_no_file_is_refused_at_once(tmp_path, kind, placeless, snapshot):
    path, said = named(tmp_path, kind), set()
    for read in READERS:
        with pytest.raises(FileError) as caught:
            read(path)
        said.add(placeless(str(caught.value)))
    assert said == snapshot


@pytest.mark.parametrize("read", READERS)
def test_an_absent_file_is_the_systems_error(tmp_path, read):
    with pytest.raises(FileNotFoundError):
        read(tmp_path / "none")


def test_a_larger_file_is_refused_before_it_is_read(tmp_path, refused):
    path = tmp_path / "large"
    with path.open("wb") as file:
        file.truncate(2**40)  # takes no space
    with refused(FileError):
        read_bytes(path)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[" * 100_000,
        "NaN",
        "[Infinity]",
        '"\\ud800"',
        "9" * 5000,
        '{"a": 1} x',
        "\xff",
    ],
)
def test_what_is_no_json_is_refused(tmp_path, text):
    path = tmp_path / "a.json"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(
        FileError, match=rf"^{path}: no (JSON|text in UTF-8) \(.+\)$"
    ) as caught:
        read_json(path)
    if text != "\xff":
        with pytest.raises(ValueError, match=r"\w") as bare:
            parse_json(text)
        assert str(caught.value) == f"{path}: no JSON ({bare.value})"


def test_halves_that_belong_together_are_one_character():
    assert parse_json('"\\ud83d\\ude00 \\\\ud800"') == "\U0001f600 \\ud800"


@pytest.mark.parametrize("text", ["a = ", "a = [" * 2000, "\0"])
def test_what_is_no_toml_is_refused(tmp_path, text):
    path = tmp_path / "a.toml"
    path.write_text(text)
    with pytest.raises(FileError, match="not valid TOML"):
        read_toml(path)


def test_a_byte_order_mark_is_no_part_of_toml(tmp_path):
    (tmp_path / "a.toml").write_bytes(b"\xef\xbb\xbfa = 1\n")
    assert read_toml(tmp_path / "a.toml") == {"a": 1}


@pytest.mark.parametrize(
    "text", ["a,b\n1\n", "a,b\n1,2,3\n", 'a,b\n"1,2\n', 'a\n"1"2\n']
)
def test_rows_that_do_not_fit_are_refused(tmp_path, text):
    path = tmp_path / "a.csv"
    path.write_text(text)
    with pytest.raises(
        FileError, match=rf"^{path}: (row 2 has \d cells, 2 expected$|no CSV \()"
    ):
        read_csv(path)
    path.write_text('a,b\n1,"2,\n3"\n\n')
    assert read_csv(path) == [{"a": "1", "b": "2,\n3"}]


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path, refused):
    path = tmp_path / "a.npz"
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("a", "w") as one,
    ):
        for _ in range(100):
            one.write(bytes(2**20))
    with refused(FileError):
        refuse_zip_bomb(path)
