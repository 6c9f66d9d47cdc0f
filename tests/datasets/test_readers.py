import contextlib
import os
import re
import shutil
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from defocus import progress
from defocus.datasets.api import Reader, open_dataset
from defocus.datasets.commands.list import description
from defocus.datasets.deriving.maker import keeping, make_dataset
from defocus.datasets.layouts.skip_missing import VARIABLE
from defocus.datasets.opening import opened
from defocus.datasets.pair import scene_splits, step
from defocus.datasets.pair_files import legal_id
from defocus.errors import DatasetError, ImageError
from defocus.pictures.headers import picture_size
from defocus.pictures.write import write_image
from tests.datasets.conftest import picture, put, write_folder, write_session


@pytest.mark.parametrize("above", [True, False])
def test_folder_keeps_its_own_splits(tmp_path, above):
    long = "a" * 160  # an id that is too long with the name of its split
    for split, name in (
        ("train", f"{long}.png"),
        ("validation", "a.png"),
        ("test", "a.png"),
    ):
        for role in ("blurry", "sharp", "truth"):
            folder = tmp_path / split / role if above else tmp_path / role / split
            put(folder / name, picture(len(split)))
    dataset = open_dataset(f"pairs:{tmp_path}")
    named = ["test-a", legal_id(f"train-{long}"), "validation-a"]
    assert [pair.id for pair in dataset.pairs] == named
    assert [pair.split for pair in dataset.pairs] == ["test", "train", "validation"]
    assert dataset.rendered


def test_names_that_become_one_id_are_refused(tmp_path, refused):
    for role in ("blurry", "sharp"):
        for name in ("a/b-c.png", "a-b/c.png"):
            put(tmp_path / role / name, picture(len(role + name)))
    with refused(DatasetError):
        open_dataset(f"pairs:{tmp_path}")


@pytest.mark.parametrize("roles", [("blurry",), ("sharp",), ("blurry", "sharp")])
def test_a_pair_whose_files_are_links_to_nothing_is_left_out_by_name(tmp_path, roles):
    root = write_folder(tmp_path / "x", ["a.png", "b.png"], bits=8)
    for role in roles:
        (root / role / "a.png").unlink()
        (root / role / "a.png").symlink_to("/nowhere/a.png")
    dataset = open_dataset(f"pairs:{root}")
    assert [pair.id for pair in dataset.pairs] == ["b"]
    (lost,) = dataset.left_out
    assert lost.id == "a"
    assert "a link to a file that is not there" in lost.reason


def test_suffixes_may_differ_and_odd_names_get_legal_ids(tmp_path):
    root = write_folder(tmp_path / "x", ["IMG 1.jpg", "IMG_1.jpg"], bits=8)
    (root / "sharp" / "IMG 1.jpg").unlink()
    write_image(root / "sharp" / "IMG 1.tif", picture(1))
    (root / "blurry" / "notes.txt").write_text("not a picture")
    (root / "blurry" / "._IMG_1.jpg").write_text("litter of another system")
    ids = [pair.id for pair in open_dataset(f"pairs:{root}").pairs]
    assert len(set(ids)) == 2
    assert "IMG_1" in ids


@pytest.mark.parametrize("role", ["blurry", "sharp"])
def test_a_missing_partner_is_named_or_its_pair_is_left_out_on_request(
    tmp_path, role, monkeypatch, capsys, refused
):
    root = write_folder(tmp_path / "x", ["a.png", "b.png"])
    mapping = tmp_path / "x.toml"
    mapping.write_text(
        'root = "x"\n[[parts]]\nblurry = "blurry/{name}.*"\nsharp = "sharp/{name}.*"\n'
    )
    (root / role / "b.png").unlink()
    with refused(DatasetError):
        open_dataset(f"pairs:{root}")
    monkeypatch.setenv(VARIABLE, "1")
    assert [pair.id for pair in open_dataset(f"pairs:{root}").pairs] == ["a"]
    assert f"b.png: left out: no picture 'b' in {role}" in capsys.readouterr().err
    assert [pair.id for pair in open_dataset(f"pairs:{mapping}").pairs] == ["a"]


def test_all_pictures_without_a_partner_are_told_at_once(tmp_path, refused):
    root = write_folder(tmp_path / "x", [f"{name}.png" for name in "abcdefg"])
    for name in "bcdef":
        (root / "sharp" / f"{name}.png").unlink()
    (root / "blurry" / "g.png").unlink()
    with refused(DatasetError):
        open_dataset(f"pairs:{root}")


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_two_sizes_name_both_files_and_every_pair(tmp_path, suffix, refused):
    """A picture on its side is told from one of another size."""
    root = write_folder(tmp_path / "x", [f"{name}.{suffix}" for name in "abcdefg"])
    for name in "bcdfg":
        write_image(root / "sharp" / f"{name}.{suffix}", picture(1, height=41))
    with refused(ImageError):
        open_dataset(f"pairs:{root}")
    write_image(root / "sharp" / f"b.{suffix}", picture(1, height=56, width=40))
    with refused(ImageError):
        open_dataset(f"pairs:{root}")


def test_two_sizes_are_refused_by_all(tmp_path, bring, refused):
    root = write_folder(tmp_path / "own", ["a.png"])
    dataset = open_dataset(f"pairs:{root}")
    write_image(root / "sharp" / "a.png", picture(1, height=41))
    (tmp_path / "made").mkdir()
    copied = keeping("copied", {}, dataset, dataset.pairs, step("copied"))
    make_dataset(tmp_path / "made", copied)
    write_session(tmp_path / "session", list(dataset.pairs))
    bring(Reader("brought", lambda _: dataset))
    for name in ("manifest:made", "session:session", "brought:own"):
        reader, _, folder = name.partition(":")
        with refused(ImageError):
            open_dataset(f"{reader}:{tmp_path / folder}")


UNSOUND = [{"id": 3}, {"scene": ""}, {"split": "all"}, {"sharp": "a.png"}, None]


@pytest.mark.parametrize("change", UNSOUND)
def test_what_no_command_can_use_of_a_reader_is_refused(
    tmp_path, bring, change, refused
):
    root = write_folder(tmp_path / "own", ["a.png"])
    dataset = open_dataset(f"pairs:{root}")
    pairs = tuple(replace(one, **change) for one in dataset.pairs if change)
    for read in (
        lambda _: opened("brought", root, pairs),
        lambda _: replace(dataset, pairs=pairs),
    ):
        bring(Reader("brought", read))
        with refused(DatasetError):
            open_dataset(f"brought:{root}", damaged=True)


def test_an_id_that_is_no_name_of_a_file_is_written_as_one(tmp_path, bring, capsys):
    dataset = open_dataset(
        f"pairs:{write_folder(tmp_path / 'own', ['a.png', 'b.png'])}"
    )
    pairs = tuple(replace(one, id=f"../{one.id}") for one in dataset.pairs)
    for read in (
        lambda root: opened("own", root, pairs),
        lambda _: replace(dataset, pairs=pairs),
    ):
        bring(Reader("brought", read))
        ids = [pair.id for pair in open_dataset(f"brought:{dataset.root}").pairs]
        assert ids == [legal_id("../a"), legal_id("../b")]
    assert "ids become names of files: '../a' is ___a-" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["Sharp", "train/SHARP", "Test"])
def test_folders_in_capitals_are_refused(tmp_path, name, refused):
    """Else all pairs would be read without a sharp member, without a word."""
    root = write_folder(tmp_path / "own", ["a.png"])
    if name.startswith("train"):
        write_folder(root / "train", ["b.png"])
        (root / "train" / "sharp").rename(root / name)
    elif name == "Test":
        write_folder(root / name, ["b.png"])
    else:
        (root / "sharp").rename(root / name)
    with refused(DatasetError):
        open_dataset(f"pairs:{root}")


def test_sizes_are_read_off_headers_however_damaged(tmp_path):
    """A large camera's picture has a size, a bomb has none, and no library's error gets through."""
    png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"
    for side, fits in ((15_000, True), (30_000, False)):
        header = b"IHDR" + side.to_bytes(4, "big") * 2 + b"\x08\x02\0\0\0"
        content = (
            png[:-4] + header + zlib.crc32(header).to_bytes(4, "big") + b"\0\0\0\0IDAT"
        )
        (tmp_path / "large.png").write_bytes(content)
        if fits:
            assert picture_size(tmp_path / "large.png") == (side, side)
        else:
            with pytest.raises(ImageError):
                picture_size(tmp_path / "large.png")
    write_image(tmp_path / "whole.tif", np.zeros((3, 4, 3), np.uint8))
    whole = (tmp_path / "whole.tif").read_bytes()
    for length in range(0, len(whole), 3):
        (tmp_path / "cut.tif").write_bytes(whole[:length])
        with contextlib.suppress(ImageError):
            assert picture_size(tmp_path / "cut.tif") == (4, 3)


def test_a_size_is_that_of_the_content_whatever_the_suffix_says(tmp_path):
    picture = np.zeros((3, 4, 3), np.uint16)
    for name, kind in (("a.png", ".tif"), ("a.heic", ".png")):
        write_image(tmp_path / f"x{kind}", picture)
        (tmp_path / f"x{kind}").rename(tmp_path / name)
        assert picture_size(tmp_path / name) == (4, 3)
    (tmp_path / "a.jpg").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic")
    assert picture_size(tmp_path / "a.jpg") is None, "known after decoding"


ODD = [
    (os.mkfifo, "pair z is left out: "),
    (Path.mkdir, "a folder, not a file"),
    (lambda path: path.symlink_to("/dev/zero"), "a device, not a file"),
    (
        lambda z: shutil.copy(z.with_name("a.png"), z.with_name("x\udcffy.png")),
        "not UTF-8",
    ),
]


@pytest.mark.parametrize(("make", "words"), ODD)
def test_what_is_no_picture_file_is_named_and_the_others_are_read(
    tmp_path, make, words, capsys, monkeypatch
):
    monkeypatch.setattr(progress, "said_once", set())  # else one process says it once
    root = write_folder(tmp_path / "x", ["a.png"])
    for role in ("blurry", "sharp"):
        make(root / role / "z.png")
    assert [pair.id for pair in open_dataset(f"pairs:{root}").pairs] == ["a"]
    assert words in capsys.readouterr().err


def test_one_name_with_two_suffixes_is_ambiguous(tmp_path, refused):
    root = write_folder(tmp_path / "x", ["a.png"])
    write_image(root / "blurry" / "a.tif", picture(1))
    with refused(DatasetError):
        open_dataset(f"pairs:{root}")


def test_content_hash_sees_a_changed_pixel(tmp_path):
    root = write_folder(tmp_path / "x", ["a.png"])
    first = open_dataset(f"pairs:{root}").content_hash
    assert open_dataset(f"pairs:{root}").content_hash == first
    changed = picture(0)
    changed[0, 0, 0] ^= 1
    write_image(root / "blurry" / "a.png", changed)
    assert open_dataset(f"pairs:{root}").content_hash != first


def test_what_cannot_be_opened_says_why(tmp_path, placeless, snapshot):
    here = [f"{reader}:{tmp_path}" for reader in ("manifest", "session", "pairs")]
    for text in ("nonsense", "pairs:", "pars:/tmp", "pairs:/no/such/place", *here):
        with pytest.raises(DatasetError) as caught:
            open_dataset(text)
        # others may be brought
        said = re.split("a reader of |there are ", str(caught.value))[0]
        assert placeless(said) == snapshot


def test_a_folder_that_makes_one_scene_of_many_pictures_is_said(tmp_path, capsys):
    """21 pictures of one lens in a folder of its name would be one scene without a word."""
    root = write_folder(tmp_path / "mine", [f"lf/{n}.png" for n in range(3)])
    assert len({pair.scene for pair in open_dataset(f"pairs:{root}").pairs}) == 1
    said = capsys.readouterr().err
    assert (
        "pairs:mine: 3 pairs in 1 scene (lf): a folder inside blurry/ is one scene"
        in said
    )
    _, lines = description(f"pairs:{root}")
    assert any("3 pairs in 1 scene (" in line for line in lines)
    flat = write_folder(tmp_path / "flat", ["a.png", "b.png"])
    open_dataset(f"pairs:{flat}")
    assert "scene" not in capsys.readouterr().err


def test_session_gives_accepted_and_warned_pairs(tmp_path, mild, refused):
    root = write_session(
        tmp_path / "shoot", list(mild.pairs[:4]), {"cafe": "warn", "cat": "reject"}
    )
    dataset = open_dataset(f"session:{root}")
    assert [pair.scene for pair in dataset.pairs] == ["astronaut", "cafe", "desk"]
    assert [pair.metadata["verdict"] for pair in dataset.pairs] == [
        "accept",
        "warn",
        "accept",
    ]
    assert {"train", "test"} <= {pair.split for pair in dataset.pairs}
    assert dataset.pairs[0].flow.read_bytes() == mild.pairs[0].flow.read_bytes()
    assert not dataset.rendered
    bad = write_session(tmp_path / "bad", [mild.pairs[0]], {"astronaut": "reject"})
    with refused(DatasetError):
        open_dataset(f"session:{bad}")


@given(scenes=st.sets(st.text(min_size=1, max_size=6), min_size=1, max_size=40))
def test_there_is_always_something_to_test_and_to_train_on(scenes):
    splits = scene_splits(scenes)
    assert set(splits) == scenes
    assert "test" in splits.values()
    assert len(scenes) < 2 or "train" in splits.values()


def test_splits_do_not_depend_on_order_or_company():
    many = [f"scene-{n}" for n in range(400)]
    splits = scene_splits(many)
    assert scene_splits(reversed(many)) == splits
    assert scene_splits(many[:200]) == {scene: splits[scene] for scene in many[:200]}
    shares = [
        sum(name == split for name in splits.values()) / 400
        for split in ("test", "train")
    ]
    assert abs(shares[0] - 0.2) < 0.06
    assert abs(shares[1] - 0.7) < 0.06
