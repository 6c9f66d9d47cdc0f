"""What an earlier version wrote still opens: session, dataset, study, bundle, release."""

import shutil
import tarfile
from pathlib import Path

import pytest

from defocus.benchmark.results.store import open_results
from defocus.capture.sessions.session import read_session
from defocus.datasets.api import open_dataset

MADE = Path(__file__).with_name("made_2026_11.tar.xz")

DERIVED = "1c1db1f5ac0f91cd50cc951386d4a42195a099e037ee0dd5cf09e5212d5f93bd"
"""The content hash that the stored study has recorded of the compensated dataset."""


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    folder = tmp_path_factory.mktemp("stored")
    with tarfile.open(MADE) as archive:
        archive.extractall(folder, filter="data")
    return folder


def test_a_session_opens(stored):
    session = read_session(stored / "session")
    assert [pair.id for pair in session.pairs] == ["0001_scene-001", "0002_scene-002"]


@pytest.mark.parametrize(
    "name", ["session:session", "manifest:dataset", "manifest:derived"]
)
def test_a_dataset_opens(stored, name):
    reader, _, folder = name.partition(":")
    dataset = open_dataset(f"{reader}:{stored / folder}")
    assert [pair.id for pair in dataset.pairs] == ["0001_scene-001", "0002_scene-002"]
    if folder == "derived":
        assert dataset.content_hash == DERIVED


def test_a_release_opens(stored, run):
    assert len(open_dataset(f"release:{stored / 'release'}").pairs) == 2
    result = run("defocus-data", "verify", stored / "release")
    assert result.returncode == 0, result.stderr


def test_a_bundle_opens(stored):
    labs = pytest.importorskip(
        "defocus.extras.labs.opening", reason="the extra labs is taken out"
    )
    with labs.opened_bundle(stored / "study.zip") as bundle:
        scores = labs.read_scores(bundle)
    assert len(scores) == 2


def test_a_study_opens(stored):
    with open_results(stored / "study" / "results.sqlite") as results:
        systems = {entry.system for entry in results.entries()}
    assert {"input", "wiener"} <= systems


def test_an_unfinished_import_goes_on(stored, tmp_path, run):
    out = tmp_path / "dataset"
    shutil.copytree(stored / "dataset", out)
    whole = {path: path.stat().st_mtime_ns for path in out.glob("pairs/0001*/*")}
    (out / "manifest.json").unlink()
    shutil.rmtree(out / "pairs" / "0002_scene-002")
    result = run("defocus-data", "import", stored / "session", "--out", out)
    assert result.returncode == 0, result.stderr
    assert len(open_dataset(f"manifest:{out}").pairs) == 2
    assert {path: path.stat().st_mtime_ns for path in whole} == whole, (
        "it is not made again"
    )
