"""What is cut beside blurry picture and target; raw storage; several datasets at once."""

import pickle
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import torch

from defocus.datasets.pair import Dataset, Pair
from defocus.datasets.patching.loader import PairPatches, PatchMixture
from defocus.datasets.patching.packing import Crop, PatchStore, pack
from defocus.datasets.patching.source import PatchForm, training_patches
from defocus.errors import InputError, NotApplicableError
from defocus.pictures.read import read_image
from defocus.pictures.write import write_image
from tests.datasets.conftest import picture, put

ROLES = ("blurry", "sharp", "dual_pixel_left", "dual_pixel_right")


@pytest.fixture
def dataset(tmp_path):
    """Two training pairs of noise with views and defocus maps, and one without."""
    return made(tmp_path, "full", 2)


def made(root, name, count, roles=ROLES):
    pairs = []
    for number in range(count):
        folder = root / name / str(number)
        for seed, role in enumerate(roles):
            put(folder / f"{role}.png", picture(len(name) * 1000 + 10 * number + seed))
        np.save(
            folder / "map.npy", np.random.default_rng(number).normal(0, 9, (40, 56))
        )
        files = {role: folder / f"{role}.png" for role in roles}
        pairs.append(Pair(f"{name}{number}", f"{name}{number}", "train", **files,
                          defocus_map=folder / "map.npy"))  # fmt: skip
    return Dataset(name, root / name, tuple(pairs), name * 8, root / name / ".derived")


def pixels(tensor):
    return np.rint(tensor.numpy() * 65535).astype(np.uint16).transpose(1, 2, 0)


def source(dataset, storage="packed", **options: object):
    form = PatchForm(24, **options)
    return training_patches(dataset, "train", "sharp", form, storage=storage)


def test_views_and_maps_are_cut_where_the_picture_is(dataset):
    patches = source(dataset, needs=("dual_pixel", "defocus_map"))
    pair = dataset.pairs[1]
    crop = Crop(1, 5, 9)
    views = pixels(patches.patch("dual_pixel", crop, 24))
    assert np.array_equal(views[..., :3], read_image(pair.dual_pixel_left)[5:29, 9:33])
    assert np.array_equal(views[..., 3:], read_image(pair.dual_pixel_right)[5:29, 9:33])
    circles = np.abs(np.load(pair.defocus_map)[5:29, 9:33]).astype(np.float32)
    assert np.array_equal(patches.patch("defocus_map", crop, 24)[0].numpy(), circles)


@pytest.mark.parametrize(
    ("crop", "exchanged"),
    [
        (Crop(0, 1, 2), False),
        (Crop(0, 1, 2, mirrored=True), True),
        (Crop(0, 1, 2, upside_down=True), False),
        (Crop(0, 1, 2, quarter_turns=2), True),
        (Crop(0, 1, 2, mirrored=True, quarter_turns=2), False),
        (Crop(0, 1, 2, quarter_turns=1), False),
    ],
)
def test_mirrored_views_are_exchanged(dataset, crop, exchanged):
    patches = source(dataset, dual=True)
    views = patches.patch("dual_pixel", crop, 24)
    first = "dual_pixel_right" if exchanged else "dual_pixel_left"
    assert np.array_equal(pixels(views[:3]), patches.store.read_member(first, crop, 24))


def test_batches_have_what_was_asked_for_and_nothing_else(dataset):
    plain = source(dataset).batch(3, 4, 7)
    assert not plain.extra
    assert not plain.supervision
    asked = source(dataset, needs=("defocus_map",), supervision=("dual_pixel",)).batch(
        3, 4, 7
    )
    assert torch.equal(asked.blurry, plain.blurry)
    assert torch.equal(asked.target, plain.target)
    assert {name: tuple(one.shape) for name, one in asked.extra.items()} == {
        "defocus_map": (4, 1, 24, 24)
    }
    assert tuple(asked.supervision["dual_pixel"].shape) == (4, 6, 24, 24)
    dual = source(dataset, dual=True).batch(3, 4, 7)
    assert torch.equal(dual.blurry, asked.supervision["dual_pixel"])


def test_a_pair_without_what_is_needed_is_named(dataset, tmp_path, refused):
    poor = made(tmp_path, "poor", 1, ROLES[:2])
    with refused(NotApplicableError):
        source(poor, dual=True)
    mapless = replace(
        poor, pairs=tuple(replace(pair, defocus_map=None) for pair in poor.pairs)
    )
    with refused(NotApplicableError):
        source(mapless, supervision=("defocus_map",))
    write_image(dataset.pairs[0].dual_pixel_left, picture(1, 41))
    (odd,) = source(dataset, dual=True).left_out
    assert "pair full0: its dual_pixel_left is 56x41" in odd.reason


@pytest.mark.parametrize("bits", [8, 16])
def test_raw_and_packed_files_give_the_same_bits(tmp_path, bits):
    rng = np.random.default_rng(0)
    rows = [
        (name, {"blurry": picture(n, 150, 133, bits), "target": picture(n + 9, 150, 133, bits),
                "defocus_map": rng.normal(size=(150, 133)).astype(np.float32)})
        for n, name in enumerate("abc")
    ]  # fmt: skip
    pack(tmp_path / "p.h5", rows)
    pack(tmp_path / "r.h5", rows, "raw")
    packed, raw = PatchStore(tmp_path / "p.h5"), PatchStore(tmp_path / "r.h5")
    for crop in (
        Crop(0, 0, 0),
        Crop(2, 50, 33, mirrored=True),
        Crop(1, 3, 7, True, True, 3),
    ):
        for member in ("blurry", "target", "defocus_map"):
            expected = packed.read_member(member, crop, 100)
            member_pixels = raw.read_member(member, crop, 100)
            assert member_pixels.dtype == expected.dtype
            assert np.array_equal(member_pixels, expected)
    patch = raw.read_member("blurry", Crop(0, 0, 0), 20)
    patch[:] = 0  # a copy: the file stays as it is
    assert np.array_equal(
        raw.read_member("blurry", Crop(0, 0, 0), 150)[:, :133], rows[0][1]["blurry"]
    )


def test_a_mixture_draws_by_weight_and_seed_alone(dataset, tmp_path):
    first, second = source(dataset), source(made(tmp_path, "other", 3))
    mixture = PatchMixture([first, second], [1.0, 3.0])
    random = np.random.default_rng(0)
    drawn = Counter(id(mixture.draw(random, 24)[0]) for _ in range(2000))
    assert drawn[id(second)] / 2000 == pytest.approx(0.75, abs=0.03)
    once, again = mixture.batch(5, 6, 1), mixture.batch(5, 6, 1)
    assert torch.equal(once.blurry, again.blurry)
    assert not torch.equal(once.blurry, mixture.batch(6, 6, 1).blurry)
    assert mixture.pixels == first.pixels + second.pixels
    alone = PatchMixture([first], [0.1]).batch(0, 3, 2)
    assert alone.blurry.shape == (3, 3, 24, 24)


@pytest.mark.parametrize(
    "weights", [[1.0], [1.0, 0.0], [1.0, -1.0], [1.0, float("inf")]]
)
def test_a_senseless_mixture_is_refused(dataset, weights, refused):
    with pytest.raises(InputError):
        PatchMixture([source(dataset), source(dataset)], weights)
    with refused(InputError):
        PatchMixture([source(dataset), source(dataset, dual=True)], [1, 1])


def test_a_worker_that_gets_a_raw_mixture_reads_the_same(dataset, tmp_path):
    """What a worker is given is pickled; files are opened again where it is unpickled."""
    options = {
        "needs": ("dual_pixel",),
        "storage": "raw",
        "augment": ("flip", "rotate"),
    }
    mixture = PatchMixture(
        [source(dataset, **options), source(made(tmp_path, "other", 1), **options)],
        [1, 1],
    )
    here = PairPatches(mixture, length=6, seed=4)
    first = [here[index] for index in range(6)]
    there = pickle.loads(pickle.dumps(here))  # noqa: S301 - our own object, as DataLoader sends it
    assert all(len(patches) == 3 for patches in first)
    for index, patches in enumerate(first):
        assert all(
            torch.equal(a, b) for a, b in zip(there[index], patches, strict=True)
        )
