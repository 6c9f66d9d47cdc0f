import hashlib
import os
import re
from dataclasses import replace
from typing import Any

import h5py
import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from defocus.datasets.api import open_dataset
from defocus.datasets.deriving.aligned_reference import aligned_reference
from defocus.datasets.patching import many_pairs, packing
from defocus.datasets.patching.loader import PairPatches, PatchMixture
from defocus.datasets.patching.packing import Crop, PatchStore, pack
from defocus.datasets.patching.source import (
    Few,
    PatchForm,
    PatchSource,
    random_crop,
    training_patches,
)
from defocus.errors import DatasetError, NotApplicableError, StorageError
from defocus.pictures.read import read_image, read_pair
from defocus.pictures.values import as_float
from tests.datasets.conftest import picture, write_folder


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("size", [(40, 56), (300, 200), (128, 128), (129, 255)])
def test_crops_are_the_pixels_to_the_bit(tmp_path, bits, size):
    blurry, target = picture(1, *size, bits), picture(2, *size, bits)
    pack(tmp_path / "p.h5", [("a", {"blurry": blurry, "target": target})])
    store = PatchStore(tmp_path / "p.h5")
    assert (store.ids, store.sizes) == (("a",), (size,))
    for top, left in ((0, 0), (size[0] - 33, size[1] - 33), (5, 7)):
        first, second = store.read(Crop(0, top, left), 33)
        assert first.dtype == blurry.dtype
        assert np.array_equal(first, blurry[top : top + 33, left : left + 33])
        assert np.array_equal(second, target[top : top + 33, left : left + 33])
    turned, _ = store.read(Crop(0, 1, 2, upside_down=True, mirrored=True), 30)
    assert np.array_equal(turned, blurry[1:31, 2:32][::-1, ::-1])
    quarter, _ = store.read(Crop(0, 1, 2, quarter_turns=1), 30)
    assert np.array_equal(quarter, np.rot90(blurry[1:31, 2:32]))


@pytest.mark.parametrize("target", ["sharp", "truth", "prealigned"])
def test_every_target_is_the_file_it_says(mild, target, tmp_path):
    # which is measured first
    few = mild.split("train")[: 1 if target == "prealigned" else 2]
    mild = replace(mild, pairs=few, derived=tmp_path / "derived")
    source = training_patches(mild, "train", target, PatchForm(64))
    for index, pair in enumerate(mild.split("train")):
        reference = (
            aligned_reference(mild, pair).sharp if target == "prealigned" else None
        )
        file = reference or getattr(pair, target)
        blurry, target_pixels = source.store.read(Crop(index, 11, 3), 64)
        assert np.array_equal(target_pixels, read_image(file)[11:75, 3:67])
        assert np.array_equal(blurry, read_image(pair.blurry)[11:75, 3:67])


def test_of_several_processes_one_packs_and_the_others_wait(
    mild, tmp_path, monkeypatch
):
    mild = replace(mild, pairs=mild.split("train")[:2], derived=tmp_path / "derived")
    waited, packed, pack_now = [], [], packing.pack

    def wait_for_the_other(handle: int, *, wait: bool) -> bool:
        waited.append(wait)
        if len(waited) == 1:  # the other has begun before, and ends now
            training_patches(mild, "train", "sharp", PatchForm(64))
        return True

    def noted(*asked: Any) -> int:
        packed.append(asked)
        return pack_now(*asked)

    monkeypatch.setattr(packing, "try_lock", wait_for_the_other)
    monkeypatch.setattr(packing, "pack", noted)
    assert len(training_patches(mild, "train", "sharp", PatchForm(64))) == 2
    assert waited == [True, True]
    assert len(packed) == 1


@pytest.mark.full
def test_many_pairs_are_packed_in_processes_to_the_byte(
    mild, tmp_path, monkeypatch, capfd
):
    files = []
    for name in ("here", "processes"):
        few = replace(mild, pairs=mild.split("train")[:5], derived=tmp_path / name)
        files.append(
            training_patches(few, "train", "registered", PatchForm(64)).store.path
        )
        assert ("packing takes" in capfd.readouterr().err) is (name == "processes")
        monkeypatch.setattr(many_pairs, "usable_cores", lambda: 2)
        monkeypatch.setattr(many_pairs, "TOGETHER", 3)
        monkeypatch.setattr(many_pairs, "MANY_BYTES", 10**6)
    one, other = (path.read_bytes() for path in files)
    assert one == other


@pytest.mark.parametrize("target", ["compensated", "registered"])
def test_a_compensated_target_has_place_and_light_of_the_blurry_picture(
    mild, tmp_path, target
):
    train = mild.split("train")
    mild = replace(mild, pairs=train[:3], derived=tmp_path / "derived")
    source = training_patches(mild, "train", target, PatchForm(64), few=Few(2))
    assert list(source.store.ids) == [train[0].id, train[1].id]
    (packed,) = (tmp_path / "derived" / "patches").iterdir()
    assert re.fullmatch(rf"train-2-{target}-dis-r[0-9.]+\.h5", packed.name)
    for index, pair in enumerate(train[:2]):
        light = as_float(source.store.read_member("target", Crop(index, 20, 20), 200))
        truth, sharp = (
            as_float(read_image(file))[20:220, 20:220]
            for file in (pair.truth, pair.sharp)
        )
        assert (
            abs(light.mean() / truth.mean() - 1)
            < 0.005
            < abs(sharp.mean() / truth.mean() - 1)
        )
        assert np.abs(light - truth).mean() < 0.4 * np.abs(sharp - truth).mean()


def test_pairs_left_out_of_an_earlier_packing_are_counted(tmp_path, monkeypatch, capfd):
    dataset = open_dataset(
        f"pairs:{write_folder(tmp_path / 'x', [f'{n}.png' for n in range(9)])}"
    )
    left_out = {dataset.split("train")[0].id}

    def registered(_, pair, *__: str):
        return read_pair(pair.blurry, pair.sharp) if pair.id in left_out else None

    monkeypatch.setattr(packing, "_registered", registered)
    for repeated in (False, True):  # the packing itself names each
        capfd.readouterr()
        assert (
            len(training_patches(dataset, "train", "registered", PatchForm(16)).store)
            == 1
        )
        every = len(dataset.split("train"))
        said = f"{every - 1} of {every} training pairs left out, their misalignment is unknown"
        assert (said in capfd.readouterr().err) is repeated
    training_patches(dataset, "train", "sharp", PatchForm(16))
    training_patches(dataset, "train", "sharp", PatchForm(16))
    assert "left out" not in capfd.readouterr().err


def test_pairs_that_cannot_be_compared_are_compensated_by_nothing(
    tmp_path, capfd, refused
):
    (pair,) = open_dataset(f"pairs:{write_folder(tmp_path / 'x', ['a.png'])}").pairs
    only = replace(
        open_dataset(f"pairs:{tmp_path / 'x'}"), derived=tmp_path / "derived"
    )
    blurry, target = training_patches(
        only, "test", "compensated", PatchForm(16)
    ).store.read(Crop(0, 0, 0), 16)
    assert np.array_equal(target, read_image(pair.sharp)[:16, :16])
    assert np.array_equal(blurry, read_image(pair.blurry)[:16, :16])
    for left_out in ("registered", "registered-flow"):
        capfd.readouterr()
        with refused(NotApplicableError):
            training_patches(only, "test", left_out, PatchForm(16))
        said = capfd.readouterr().err
        assert f"pair {pair.id} is left out, its misalignment is unknown" in said


def test_crops_reach_every_pair_every_flip_and_both_borders(mild):
    source = training_patches(mild, "train", "sharp", PatchForm(250))
    random = np.random.default_rng(0)
    crops = [random_crop(source.store, 250, random) for _ in range(600)]
    assert {crop.index for crop in crops} == set(range(7))
    assert {(c.upside_down, c.mirrored) for c in crops} == {
        (a, b) for a in (0, 1) for b in (0, 1)
    }
    tops = {c.top for c in crops if source.store.sizes[c.index][0] == 256}
    assert tops == set(range(7))


UNEQUAL = {"a": (40, 90), "b": (64, 41), "c": (120, 130)}
"""Height and width of pictures."""


def unequal(path, names):
    """A source of pictures whose pixels say where they are: row, column, picture."""
    members = []
    for name in names:
        rows, columns = np.mgrid[: UNEQUAL[name][0], : UNEQUAL[name][1]].astype(
            np.uint8
        )
        place = np.dstack([rows, columns, np.full_like(rows, ord(name))])
        members.append((name, {"blurry": place, "target": place}))
    pack(path, members)
    return PatchSource(PatchStore(path), 40, (), 8)


def test_pictures_of_unequal_size_are_drawn_alike_and_to_their_borders(tmp_path):
    batch = unequal(tmp_path / "p.h5", "abc").batch(0, 6000, seed=1)
    assert torch.equal(batch.blurry, batch.target)
    places = (batch.blurry * 255).round().to(torch.int64)[:, :, 0, 0].tolist()
    for name, (height, width) in UNEQUAL.items():
        rows, columns, _ = zip(
            *(one for one in places if one[2] == ord(name)), strict=True
        )
        assert len(rows) == pytest.approx(2000, abs=150), (
            "a larger picture has no more crops"
        )
        assert {min(rows), max(rows)} == {0, height - 40}
        assert {min(columns), max(columns)} == {0, width - 40}


def test_a_mixture_draws_by_its_weights_whatever_its_sources_have(tmp_path):
    small = unequal(tmp_path / "small.h5", "a")
    large = unequal(tmp_path / "large.h5", "bc")
    mixture = PatchMixture((small, large), (3.0, 1.0))
    assert mixture.pixels == sum(height * width for height, width in UNEQUAL.values())
    batch = mixture.batch(0, 4000, seed=1)
    names = (batch.blurry[:, 2, 0, 0] * 255).round().to(torch.int64).tolist()
    for name, share in {"a": 0.75, "b": 0.125, "c": 0.125}.items():
        assert names.count(ord(name)) == pytest.approx(share * 4000, abs=120)
    tops = [int(one * 255 + 0.5) for one in batch.blurry[:, 0, 0, 0].tolist()]
    assert max(tops) == UNEQUAL["c"][0] - 40, "the last one's crops reach its border"


@pytest.mark.full
def test_loader_gives_the_same_patches_with_and_without_workers(mild):
    source = training_patches(mild, "train", "sharp", PatchForm(64))
    source.batch(0, 1, 0)  # opens the file in this process, as a careless caller would
    patches = PairPatches(source, length=10, seed=4)
    alone = [patch for batch in DataLoader(patches, batch_size=2) for patch in batch[0]]
    workers = DataLoader(
        patches, batch_size=2, num_workers=2, multiprocessing_context="forkserver"
    )
    together = [patch for batch in workers for patch in batch[0]]
    assert len(alone) == len(together) == 10
    assert all(torch.equal(a, b) for a, b in zip(alone, together, strict=True))
    with pytest.raises(IndexError):
        patches[10]


@pytest.mark.full
@pytest.mark.skipif(
    not hasattr(os, "fork"), reason="this system does not fork processes"
)
def test_a_forked_process_opens_the_file_for_itself(mild):
    source = training_patches(mild, "train", "sharp", PatchForm(64))
    expected = source.store.read(Crop(2, 3, 4), 64)[0].tobytes()
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        content = source.store.read(Crop(2, 3, 4), 64)[0].tobytes()
        os.write(write_end, hashlib.sha256(content).digest())
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(read_end, 32) == hashlib.sha256(expected).digest()
    os.close(read_end)
    os.close(write_end)


def test_what_cannot_be_trained_on_says_why(tmp_path, refused):
    only = open_dataset(f"pairs:{write_folder(tmp_path / 'x', ['a.png'])}")
    (pair,) = only.pairs
    several = replace(only, pairs=(pair, replace(pair, id="b", scene="b")))
    no_train = replace(several, pairs=(pair, replace(pair, id="b", split="validation")))
    for dataset, split, target, side_px in (
        (only, "train", "sharp", 16),
        (only, "test", "truth", 16),
        (only, "test", "prealigned", 16),
        (several, "train", "sharp", 16),
        (no_train, "train", "sharp", 16),
        (only, "test", "sharp", 41),
    ):
        with refused(NotApplicableError):
            training_patches(dataset, split, target, PatchForm(side_px))
    assert [one.name for one in (only.derived / "patches").iterdir()] == [
        "test-sharp.h5"
    ]


def test_a_damaged_store_is_made_again(tmp_path, capfd):
    dataset = open_dataset(f"pairs:{write_folder(tmp_path / 'x', ['a.png'])}")
    path = training_patches(dataset, "test", "sharp", PatchForm(16)).store.path
    good = path.read_bytes()
    path.write_bytes(good[: len(good) // 2])
    assert training_patches(dataset, "test", "sharp", PatchForm(16)).store.read(
        Crop(0, 0, 0), 40
    )
    assert "packed again" in capfd.readouterr().err
    with h5py.File(path) as file:
        chunk = file["target"]["a"].id.get_chunk_info(0)
    flipped = bytearray(path.read_bytes())
    flipped[chunk.byte_offset + chunk.size // 2] ^= 1
    path.write_bytes(bytes(flipped))
    with pytest.raises(DatasetError, match=r"test-sharp\.h5: pair 'a' cannot be read"):
        training_patches(dataset, "test", "sharp", PatchForm(16)).store.read(
            Crop(0, 0, 0), 40
        )


@pytest.mark.full
def test_full_disk_leaves_no_store(full_disk, refused):
    pictures = ((str(n), {"blurry": picture(n, 200, 200)}) for n in range(18))
    with refused(StorageError):
        pack(full_disk / "p.h5", pictures)
    assert [path.name for path in full_disk.iterdir()] == ["ballast"]
