"""A stream as a dataset: held-out pairs, identity, training on it, what is told."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from defocus.align.flow.by_name import flow_estimator
from defocus.baselines.registry import baseline
from defocus.benchmark.study.plan import plan_runs
from defocus.benchmark.study.validation import watch_split
from defocus.command_line.commands import command_group
from defocus.datasets.api import open_dataset, reader_card
from defocus.datasets.patching.endless import pages_of
from defocus.datasets.patching.source import PatchForm, training_patches
from defocus.datasets.stream import dataset as streaming
from defocus.datasets.stream.dataset import HELD_OUT, identity, training_identity
from defocus.datasets.stream.patches import Renderer
from defocus.datasets.stream.photographs import (
    Photographs,
    find_photographs,
    is_held_out,
)
from defocus.errors import DatasetError, NotApplicableError, SettingsError
from defocus.pictures.read import read_image
from defocus.pictures.values import as_integer
from tests.datasets.stream.conftest import write_photographs

SETTINGS = "[schedule]\nsteps = 3\ncrop_px = 48\nbatch = 2\n"
SIZES = {"validation": (40, 40), "validation-text": streaming.PAGE_PX, "test": (56, 56)}

LARGER = {"validation": (0, 2, 128), "test": (50, 1, 56)}
"""So large that a pair can be registered."""


@pytest.fixture
def few(monkeypatch, tmp_path):
    """Two small pairs of each split and a page of text, in a cache of their own."""
    monkeypatch.setattr(
        "defocus.datasets.stream.dataset.HELD_OUT",
        {"validation": (0, 2, 40), "test": (50, 2, 56)},
    )
    monkeypatch.setattr("defocus.datasets.stream.dataset.CIRCLES_PX", (4,))
    monkeypatch.setenv("DEFOCUS_CACHE", str(tmp_path / "cache"))


@pytest.mark.full
def test_held_out_pairs_are_rendered_once(few, photographs, capsys):
    folder = photographs.files[0][0].parent
    dataset = open_dataset(f"stream:{folder}")
    assert "from 2 held-out photographs, once" in capsys.readouterr().err
    assert dataset.rendered
    assert dataset.name == "stream:photographs"
    validation = ["validation-00", "validation-01", "validation-text-04"]
    assert [pair.id for pair in dataset.split("validation")] == validation
    assert [pair.id for pair in dataset.split("test")] == ["test-00", "test-01"]
    assert dataset.split("train") == ()
    for pair in dataset.pairs:
        blurry, sharp = read_image(pair.blurry), read_image(pair.sharp or Path())
        assert blurry.dtype == sharp.dtype == np.uint16
        assert blurry.shape == sharp.shape == (*SIZES[pair.id[:-3]], 3)
        assert np.array_equal(sharp, read_image(pair.truth or Path()))
        assert not np.load(pair.flow or "").any()
        assert np.load(pair.defocus_map or "").shape == blurry.shape[:2]
    stamps = {pair.blurry: pair.blurry.stat().st_mtime_ns for pair in dataset.pairs}
    again = open_dataset(f"stream:{folder}")
    assert capsys.readouterr().err == ""
    assert again == dataset
    assert {path: path.stat().st_mtime_ns for path in stamps} == stamps


@pytest.mark.full
def test_pages_of_text_come_beside_the_pairs_of_before(few, photographs):
    stream = open_dataset(f"stream:{photographs.files[0][0].parent}")
    renderer = Renderer(photographs, "held-out")
    for number, pair in enumerate(stream.split("validation")[:2]):
        rendered = renderer.pair(number, 40)
        for path, stored in (
            (pair.blurry, rendered.blurry),
            (pair.sharp, rendered.sharp),
        ):
            assert np.array_equal(read_image(path or Path()), as_integer(stored, 16))
        assert "text" not in pair.metadata
    (page,) = pages_of(stream, "validation")
    assert page.id == "validation-text-04"
    alone = open_dataset("text:").split("test")
    assert (
        len({str(pair.metadata["text"]) for pair in (page, *alone)})
        == 1 + streaming.PAGES
    )
    assert pages_of(open_dataset("text:"), "test") == ()


def test_a_damaged_held_out_pair_is_made_again_to_the_bit(few, photographs, capsys):
    folder = photographs.files[0][0].parent
    first = open_dataset(f"stream:{folder}").pairs[0].blurry
    content = first.read_bytes()
    first.write_bytes(content[:-9])
    assert open_dataset(f"stream:{folder}").pairs[0].blurry == first
    assert "by the manifest; restore it; it is made again" in capsys.readouterr().err
    assert first.read_bytes() == content


def test_identity_is_that_of_the_photographs_wherever_they_lie(
    photographs, tmp_path, monkeypatch
):
    folder = photographs.files[0][0].parent
    shutil.copytree(folder, tmp_path / "elsewhere" / "deeper")
    moved = find_photographs(tmp_path / "elsewhere")
    assert identity(moved) == identity(photographs)
    assert identity(Photographs(photographs.files[1:])) != identity(photographs)
    before = identity(photographs)
    monkeypatch.setattr("defocus.datasets.stream.dataset.HELD_OUT_REVISION", 10_000)
    assert identity(photographs) != before


def test_new_training_patches_leave_the_held_out_pairs_their_identity(
    photographs, monkeypatch
):
    """Else weights from before and after could not be compared on the same pairs."""
    held_out, training = identity(photographs), training_identity(photographs)
    assert held_out != training
    monkeypatch.setattr("defocus.datasets.stream.dataset.STREAM_REVISION", 10_000)
    assert identity(photographs) == held_out
    assert training_identity(photographs) != training


def test_held_out_pairs_have_the_identity_of_before():
    """Hashes of revision 3, from which shipped weights have their scores."""
    one = Photographs(((Path("a.png"), "0" * 64),))
    assert identity(one).startswith("68e306c893218b09d29492e6fa80ffb7")
    assert identity(Photographs()).startswith("026b1dec446e9200021577984183255e")


def test_new_patches_begin_trainings_anew_and_keep_other_rows(few, monkeypatch):
    def ids():
        dataset = open_dataset("stream:")
        systems = [baseline("gkmnet"), baseline("wiener")]
        return {run.system: run.id for run in plan_runs(systems, dataset, "quick")}

    before = ids()
    monkeypatch.setattr("defocus.datasets.stream.dataset.STREAM_REVISION", 10_000)
    after = ids()
    assert after["gkmnet"] != before["gkmnet"]
    assert after["wiener"] == before["wiener"]


def test_training_and_held_out_photographs_are_other_ones(photographs):
    """The patches of a training draw on no file whose hash is held out."""
    training = Renderer(photographs, "train")
    assert len(training.sources.photographs) == len(photographs.of("train"))
    held_out = {hash_ for _, hash_ in photographs.files if is_held_out(hash_)}
    assert {
        hash_ for path, hash_ in photographs.files if path in photographs.of("train")
    }.isdisjoint(held_out)


@pytest.mark.parametrize("target", ["sharp", "prealigned", "truth"])
def test_every_target_is_the_same_picture(few, photographs, target):
    dataset = open_dataset(f"stream:{photographs.files[0][0].parent}")
    patches = training_patches(dataset, "train", target, PatchForm(40))
    expected = training_patches(dataset, "train", "sharp", PatchForm(40)).batch(0, 1, 0)
    assert patches.batch(0, 1, 0).target.equal(expected.target)


def test_dual_pixel_systems_are_told_that_there_are_no_views(few, photographs, refused):
    dataset = open_dataset(f"stream:{photographs.files[0][0].parent}")
    with refused(NotApplicableError):
        training_patches(dataset, "train", "sharp", PatchForm(40, dual=True))
    with refused(NotApplicableError):
        training_patches(
            dataset,
            "train",
            "registered-flow",
            PatchForm(40, supervision=("valid_mask",)),
        )


def test_without_photographs_there_are_textures(few, tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    alone = open_dataset("stream:")
    assert "made of procedural textures alone" in capsys.readouterr().err
    empty = open_dataset(f"stream:{tmp_path / 'empty'}")
    assert "made of procedural textures alone" in capsys.readouterr().err
    assert alone.content_hash == empty.content_hash
    assert (
        training_patches(alone, "train", "sharp", PatchForm(32))
        .batch(0, 1, 0)
        .blurry.std()
        > 0
    )


def test_bad_places_are_told(tmp_path, refused):
    with refused(DatasetError):
        open_dataset(f"stream:{tmp_path / 'absent'}")
    (tmp_path / "map.toml").write_text("light_field = 25")
    with refused(SettingsError):
        open_dataset(f"stream:{tmp_path / 'map.toml'}")


def test_the_card_has_the_counts_of_both_splits():
    card = reader_card("stream")
    assert card.counts == {"validation": 24 + 6, "test": 40}
    assert {split: held[1] for split, held in HELD_OUT.items()} == {
        "validation": 24,
        "test": 40,
    }
    assert len(streaming.CIRCLES_PX) == 6
    assert set(card.sizes) == {(256, 256), (384, 384), streaming.PAGE_PX[::-1]}


@pytest.mark.full
def test_a_system_trains_on_a_stream_and_goes_on(few, tmp_path, monkeypatch):
    """The command, from photographs to a checkpoint; the pairs of both splits are there."""
    monkeypatch.chdir(tmp_path)
    write_photographs(tmp_path / "pictures")
    (tmp_path / "settings.toml").write_text(SETTINGS)
    words = [
        "train",
        "gkmnet",
        "--dataset",
        f"stream:{tmp_path / 'pictures'}",
        "--out",
        "study",
    ]
    words += ["--settings", "settings.toml", "--budget", "quick"]
    bench = command_group("defocus-bench", "defocus.benchmark.commands", "")
    result = CliRunner().invoke(bench, words, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    assert list((tmp_path / "study" / "runs").glob("gkmnet-*/checkpoint.safetensors"))
    assert len(list((tmp_path / "cache" / "stream").glob("*/pairs/*"))) == 5
    assert "photographs, once" in result.stderr
    again = CliRunner().invoke(bench, words, catch_exceptions=False)
    assert again.exit_code == 0, again.output
    assert "once" not in again.stderr


def test_the_psnr_of_a_validation_leaves_the_pages_out(few, monkeypatch):
    monkeypatch.setattr("defocus.datasets.stream.dataset.HELD_OUT", LARGER)
    restored = []
    network = torch.nn.Identity()
    network.register_forward_hook(
        lambda _, given, __: restored.append(tuple(given[0].shape[-2:]))
    )
    card, estimator = baseline("gkmnet").card, flow_estimator("dis")
    watch = watch_split(
        card, open_dataset("stream:"), "validation", estimator, torch.device("cpu")
    )
    watch.of_network(network)
    assert restored == [(128, 128), (128, 128)]
