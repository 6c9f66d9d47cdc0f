"""Making the sample dataset: deterministic, atomic, safe for several processes, self-mending."""

import shutil

import pytest

from defocus.cache import atomic_folder
from defocus.datasets import sample
from defocus.datasets.api import open_dataset
from tests.command_process import start_code

BUILD_ONE_SCENE = """
import sys
from defocus.datasets import sample
sample.SCENES = [scene for scene in sample.SCENES if scene.name == "tissue"]
print(sample.sample_dataset(sys.argv[1]).content_hash)
"""


@pytest.fixture
def small(monkeypatch, tmp_path):
    """An own cache folder, and a sample dataset of one scene."""
    monkeypatch.setattr(
        sample, "SCENES", [s for s in sample.SCENES if s.name == "photographer"]
    )
    monkeypatch.setenv("DEFOCUS_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.mark.full
def test_two_processes_at_once_make_one_dataset(tmp_path):
    both = [
        start_code(BUILD_ONE_SCENE, "", DEFOCUS_CACHE=str(tmp_path)) for _ in range(2)
    ]
    answers = [process.communicate() for process in both]
    assert [process.returncode for process in both] == [0, 0], answers
    assert answers[0][0] == answers[1][0]
    assert [path.name[:5] for path in (tmp_path / "sample").iterdir()] == ["mild-"]


@pytest.mark.full
def test_pixels_do_not_depend_on_threads_or_place(tmp_path):
    environments = [
        {"DEFOCUS_CACHE": str(tmp_path / n), "OMP_NUM_THREADS": n} for n in "12"
    ]
    both = [start_code(BUILD_ONE_SCENE, "strong", **one) for one in environments]
    answers = [process.communicate() for process in both]
    assert answers[0][0]
    assert answers[0][0] == answers[1][0], answers


def test_damage_is_found_said_and_mended_and_nothing_else_made_again(small, capfd):
    first = open_dataset("sample")
    victim = first.pairs[0].blurry
    good = victim.read_bytes()
    flipped = bytearray(good)
    flipped[len(good) // 2] ^= 1
    victim.write_bytes(bytes(flipped))
    capfd.readouterr()
    again = open_dataset("sample")
    assert "blurry.png is damaged" in capfd.readouterr().err
    assert again == first
    assert victim.read_bytes() == good
    _blurry, moment = victim, victim.stat().st_mtime_ns
    assert open_dataset("sample").pairs[0].blurry.stat().st_mtime_ns == moment


@pytest.mark.parametrize(
    "victim", ["manifest.json", "pairs/photographer/truth.png", "pairs"]
)
def test_what_is_missing_is_made_again(small, victim):
    first = open_dataset("sample")
    lost = first.root / victim
    shutil.rmtree(lost) if lost.is_dir() else lost.unlink()
    assert open_dataset("sample") == first
    assert lost.exists()
    assert len(list((small / "sample").iterdir())) == 1


@pytest.mark.full
def test_a_full_disk_keeps_nothing_and_another_cache_has_the_same(
    small, full_disk, monkeypatch, capfd
):
    usual = open_dataset("sample")
    monkeypatch.setenv("DEFOCUS_CACHE", str(full_disk))
    capfd.readouterr()
    opened = open_dataset("sample")
    assert opened.content_hash == usual.content_hash
    assert not opened.root.is_relative_to(full_disk)
    assert "the disk is full" in capfd.readouterr().err
    assert not list((full_disk / "sample").iterdir())


def test_a_folder_appears_whole_or_not_at_all(tmp_path):
    def fill(folder):
        (folder / "a").write_text("new")
        assert not (tmp_path / "made").exists()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), atomic_folder(tmp_path / "made") as folder:
        fill(folder)
    assert not list(tmp_path.iterdir())


def test_the_first_of_two_folders_stays(tmp_path):
    with atomic_folder(tmp_path / "made") as late:
        (late / "a").write_text("late")
        with atomic_folder(tmp_path / "made") as early:
            (early / "a").write_text("early")
    assert (tmp_path / "made" / "a").read_text() == "early"
    assert [path.name for path in tmp_path.iterdir()] == ["made"]
