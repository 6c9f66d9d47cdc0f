"""The maker of datasets, by every command that uses it: a run goes on, and no other order does."""

import json
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from defocus.cache import atomic_folder
from defocus.datasets.api import open_dataset
from defocus.datasets.deriving import compensate, parts
from defocus.datasets.deriving.maker import working_folder
from defocus.errors import DatasetError
from tests.datasets.conftest import write_session
from tests.datasets.test_isolation import called
from tests.datasets.test_odd_folder import write_pair
from tests.datasets.test_render import REQUEST, write_request

LAX = "most_gain_ev = 9.0\nsharper = false\n"


@pytest.fixture(scope="module")
def sources(cache_folder, tmp_path_factory):
    """A folder of pairs, a session of them, and another of each; requests and rules."""
    root = tmp_path_factory.mktemp("sources")
    for name in ("one", "three", "two"):
        write_pair(root / "pairs", name)
    pairs = list(open_dataset(f"pairs:{root / 'pairs'}").pairs)
    write_session(root / "session", pairs)
    write_session(root / "other-session", pairs[:1])
    (root / "rules.toml").write_text(LAX)
    (root / "other-rules.toml").write_text(f"{LAX}most_misalignment_px = 3\n")
    request = write_request(root)
    request.write_text(REQUEST)
    request.with_stem("other-request").write_text(REQUEST.replace("2.8", "2.0"))
    return root


COMMANDS = {
    "import": ("session", "other-session"),
    "compensate": ("pairs:pairs", "pairs:pairs --model flow"),
    "patches": ("pairs:pairs --side 32", "pairs:pairs --side 32 --drop 0"),
    "curate": (
        "pairs:pairs --rules rules.toml",
        "pairs:pairs --rules other-rules.toml",
    ),
    "split": ("pairs:pairs", "pairs:pairs --seed 1"),
    "render": ("request.toml", "other-request.toml"),
}
"""What a command is given, and of the same one with another order."""


@dataclass(frozen=True)
class Made:
    """A finished run."""

    command: str
    out: Path

    def again(self, out, other=False):
        """What is wrong when the command, or one of another order, is run into a folder."""
        words = COMMANDS[self.command][other].split()
        result = called([self.command, *words, "--out", str(out), "--on", "1"])
        return str(result.exception or "") or (
            "" if result.return_value == 0 else result.output
        )


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(name, marks=[pytest.mark.full] * (name == "render"))
        for name in COMMANDS
    ],
)
def whole(request, sources, tmp_path_factory):
    outcome = Made(request.param, tmp_path_factory.mktemp("made") / "out")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(sources)
        assert outcome.again(outcome.out) == ""
    return outcome


@pytest.fixture
def out(whole, sources, tmp_path, monkeypatch):
    """A copy of the finished run."""
    monkeypatch.chdir(sources)
    return Path(shutil.copytree(whole.out, tmp_path / "out"))


def contents(root):
    return {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_a_killed_run_goes_on_and_leaves_nothing(whole, out, monkeypatch):
    before = contents(out)
    first, *_, last = sorted((out / "pairs").iterdir())
    written = []

    def seen(folder):
        written.append(folder)
        return atomic_folder(folder)

    for module in (parts, compensate):
        monkeypatch.setattr(module, "atomic_folder", seen)
    (out / "manifest.json").unlink()
    shutil.rmtree(last)
    (out / f".{whole.command}-a1b2c3d4.part").mkdir()
    for part in (first, last):
        (out / "pairs" / f".{part.name}-a1b2c3d4.part").mkdir()
    assert whole.again(out) == ""
    assert contents(out) == before
    assert written == [last], "what is there is not made again"
    assert not list(out.rglob(".*"))


def test_what_fails_with_one_pair_is_named_and_tried_again(
    whole, out, tmp_path, monkeypatch
):
    last = max((out / "pairs").iterdir()).name

    def failing(folder):
        if folder.name == last:
            raise EOFError("odd")
        return atomic_folder(folder)

    new = tmp_path / "new"
    with monkeypatch.context() as patch:
        for module in (parts, compensate):
            patch.setattr(module, "atomic_folder", failing)
        said = whole.again(new)
    assert re.search(
        rf"{last} is left out: unforeseen EOFError: odd; please report it", said
    )
    assert f'"{last}' not in (new / "manifest.json").read_text()
    assert whole.again(new) == ""
    order = ("manifest.json", f"{whole.command}.json")
    assert all((new / name).read_bytes() == (out / name).read_bytes() for name in order)


def test_a_run_that_was_killed_before_its_order_was_written_begins(
    whole, tmp_path, out
):
    (tmp_path / "new").mkdir()
    assert whole.again(tmp_path / "new") == ""
    assert (tmp_path / "new/manifest.json").read_bytes() == (
        out / "manifest.json"
    ).read_bytes()


def test_another_order_is_refused(whole, out):
    before = contents(out)
    assert "started with another dataset, other settings" in whole.again(
        out, other=True
    )
    assert contents(out) == before
    record = out / f"{whole.command}.json"
    order = json.loads(record.read_text())
    if "revision" in order:
        record.write_text(json.dumps({**order, "revision": 0}))
        assert "a version of defocus that made other pictures" in whole.again(out)
    record.write_text('{"form')
    assert re.search(
        r"json: damaged \(no JSON .*\); choose another folder", whole.again(out)
    )
    record.unlink()
    assert "not empty" in whole.again(out)
    assert not record.exists()


def test_a_pair_that_is_made_may_not_change(whole, out):
    record = out / f"{whole.command}.json"
    order = json.loads(record.read_text())
    # its order is of sessions, whose checksums hold their pairs
    if whole.command == "import":
        return
    first = min((out / "pairs").iterdir())
    order["pairs"][first.name] = "changed"
    record.write_text(json.dumps(order))
    assert "started with another dataset" in whole.again(out)
    shutil.rmtree(first)
    assert whole.again(out) == ""


def test_what_is_left_of_a_finished_working_folder_is_swept(tmp_path):
    """As where the disk refused to remove it."""
    out, left = tmp_path / "out", tmp_path / ".out.sidecar"
    for path in (out / "sidecar.json", left / "order.json"):
        path.parent.mkdir()
        path.write_text("{}")
    with (
        pytest.raises(DatasetError, match="not empty"),
        working_folder(out, "sidecar", {}),
    ):
        pass
    assert not left.exists()
