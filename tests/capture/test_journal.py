"""The journal: what was confirmed is never lost, whatever is cut off its end."""

import json
import os
import subprocess
import sys
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from defocus.capture.sessions.journal import Journal, read_journal
from defocus.errors import DatasetError

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A journal of four lines."""
    with Journal(tmp_path / "journal.jsonl") as journal:
        for index in range(4):
            journal.append("file", name=f"blurry-{index}.tif", text="é\n")
    return tmp_path / "journal.jsonl"


@given(value=json_values)
def test_any_value_comes_back(value: object, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("journal") / "journal.jsonl"
    with Journal(path) as journal:
        journal.append("any", value=value)
    (record,) = read_journal(path).records
    assert record["value"] == value
    assert record["n"] == 1


def test_lines_are_json_with_a_crc_of_the_rest(path: Path) -> None:
    for line in path.read_bytes().splitlines():
        body = line[len('{"crc32":"00000000",') :]
        assert json.loads(line)["crc32"] == f"{zlib.crc32(body):08x}"


def test_cut_anywhere_keeps_every_whole_line(path: Path) -> None:
    content = b"".join(path.read_bytes().splitlines(keepends=True)[:2])
    for length in range(len(content) + 1):
        path.write_bytes(content[:length])
        found = read_journal(path)
        assert len(found.records) == content[:length].count(b"\n")
        assert found.valid_bytes + found.torn_bytes == length


@pytest.mark.parametrize("lost_blocks", [False, True])
def test_appending_after_a_torn_line_cuts_it_off_and_says_so(path: Path, lost_blocks: bool) -> None:
    content = path.read_bytes()
    path.write_bytes(content[:-20] + bytes(19) + b"\n" if lost_blocks else content[:-5])
    with Journal(path) as journal:
        assert journal.torn_bytes > 0
        assert journal.append("after")["n"] == 4
    events = [record["event"] for record in read_journal(path).records]
    assert events == ["file", "file", "file", "after"]


@pytest.mark.parametrize("line", [0, 1])
def test_damage_before_the_last_line_is_an_error_that_names_it(path: Path, line: int) -> None:
    """So is a line that was taken out."""
    lines = path.read_bytes().splitlines(keepends=True)
    changed = [*lines]
    changed[line] = lines[line].replace(b"blurry", b"blurrx")
    path.write_bytes(b"".join(changed))
    with pytest.raises(DatasetError, match=f"line {line + 1} is damaged"):
        read_journal(path)
    path.write_bytes(b"".join(lines[:line] + lines[line + 1 :]))
    with pytest.raises(DatasetError, match=f"line {line + 1}"):
        read_journal(path)


@pytest.mark.parametrize("written", [0.5, 1.0])
def test_an_interruption_while_a_line_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written: float
) -> None:
    """A line that got to the disk counts, half a line does not, and neither is overwritten."""
    write = os.write

    def interrupted(descriptor: int, content: bytes) -> int:
        write(descriptor, content[: int(len(content) * written)])
        raise KeyboardInterrupt

    with Journal(tmp_path / "journal.jsonl") as journal:
        journal.append("first")
        with monkeypatch.context() as patch:
            patch.setattr(os, "write", interrupted)
            with pytest.raises(KeyboardInterrupt):
                journal.append("second", text="x" * 500)
        journal.append("third")
    events = [record["event"] for record in read_journal(tmp_path / "journal.jsonl").records]
    assert events == (["first", "second", "third"] if written == 1.0 else ["first", "third"])


FILL = """
import resource, sys
from pathlib import Path
from defocus.capture.sessions.journal import Journal
from defocus.errors import StorageError
with Journal(Path(sys.argv[1])) as journal:
    journal.append("first")
    resource.setrlimit(resource.RLIMIT_FSIZE, (200, 200))
    try:
        for _ in range(10):
            journal.append("more")
    except StorageError as error:
        print(error.exit_code, len(journal.records))
"""


@pytest.mark.full
def test_a_disk_that_fills_up_leaves_whole_lines(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    words = [sys.executable, "-c", FILL, str(path)]
    done = subprocess.run(words, capture_output=True, text=True, check=True, env=environment)
    code, count = map(int, done.stdout.split())
    assert code == 5
    found = read_journal(path)
    assert (len(found.records), found.torn_bytes) == (count, 0)
