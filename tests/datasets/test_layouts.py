"""Readers of published datasets, on miniature trees of the shapes that are known of them."""

import json

import numpy as np
import pytest

from defocus.datasets.api import check_dataset, open_dataset, reader_card, reader_names
from defocus.datasets.layouts.skip_missing import VARIABLE
from defocus.errors import DatasetError
from defocus.pictures.write import write_image
from tests.datasets.conftest import tree
from tests.datasets.test_newer_sets import realbokeh


def shown(dataset):
    """Split, scene and the sharp file's name of each pair."""
    return {
        pair.id: (pair.split, pair.scene, pair.sharp.name if pair.sharp else None)
        for pair in dataset.pairs
    }


DPDD = [
    *("test_c/source/1P0A0917.png", "test_c/target/1P0A0916.png"),
    *("test_c/source/1P0A1983.png", "test_c/target/1P0A1985.png"),
    *("train_c/source/1P0A0890.png", "train_c/target/1P0A0891.png"),
    *("val_c/source/1P0A2027.png", "val_c/target/1P0A2029.png"),
]
NUMBERS = range(1001, 1061, 10)
VIEWS = [
    name.replace("_c/source", f"_{view.lower()}/source").replace(".png", f"_{view}.png")
    for name in DPDD
    for view in "LR"
    if "source" in name
]


@pytest.mark.parametrize(
    "folder",
    ["", "dd_dp_dataset_canon/dd_dp_dataset_png", "dd_dp_dataset_canon", "DPDD"],
)
def test_dpdd_pairs_by_number_wherever_it_was_unpacked(tmp_path, folder):
    tree(tmp_path / folder, DPDD)
    assert shown(open_dataset(f"dpdd:{tmp_path}")) == {
        "1P0A0890": ("train", "1P0A0890", "1P0A0891.png"),
        "1P0A0917": ("test", "1P0A0917", "1P0A0916.png"),
        "1P0A1983": ("test", "1P0A1983", "1P0A1985.png"),
        "1P0A2027": ("validation", "1P0A2027", "1P0A2029.png"),
    }


def lfdof(root):
    inputs = [f"test_data/input/ISO_{n}/ISO_{n}_ap1_1.png" for n in (1, 2)]
    return tree(
        root, [*inputs, *(f"test_data/ground_truth/ISO_{n}.png" for n in (1, 2))]
    )


def realdof(root):
    return tree(
        root, [f"{role}/0{n}.png" for role in ("source", "target") for n in (1, 2)]
    )


@pytest.mark.parametrize(
    ("reader", "make", "gone", "every"),
    [
        (
            "dpdd",
            lambda root: tree(root, DPDD),
            "test_c/target/1P0A1985.png",
            "*/target/*",
        ),
        (
            "lfdof",
            lfdof,
            "test_data/ground_truth/ISO_2.png",
            "test_data/ground_truth/*",
        ),
        ("realdof", realdof, "target/02.png", "target/*"),
        ("realblur", lambda root: realblur(root), "*/scene001/gt/gt_2.png", "*/*/gt/*"),
        ("realbokeh", realbokeh, "train/gt/1/1_f8.0.JPG", "*/in/*"),
    ],
)
def test_pairs_without_a_partner_are_left_out_by_name_if_so_asked(
    tmp_path, monkeypatch, capsys, refused, *, reader, make, gone, every
):
    whole = set(shown(open_dataset(f"{reader}:{make(tmp_path)}")))
    next(tmp_path.glob(gone)).unlink()
    with refused(DatasetError):
        open_dataset(f"{reader}:{tmp_path}")
    monkeypatch.setenv(VARIABLE, "1")
    left = set(shown(open_dataset(f"{reader}:{tmp_path}")))
    (lost,) = whole - left
    assert len(left) == len(whole) - 1
    assert f"the pair {lost} is left out" in capsys.readouterr().err
    for path in tmp_path.glob(every):
        path.unlink()
    with refused(DatasetError):
        open_dataset(f"{reader}:{tmp_path}")


def test_all_missing_partners_are_told_in_groups(tmp_path):
    for part in ("test", "train"):
        tree(tmp_path, [f"{part}_c/source/1P0A{number}.png" for number in NUMBERS])
        tree(tmp_path, [f"{part}_c/target/1P0A1000.png"])
    with pytest.raises(DatasetError) as caught:
        open_dataset(f"dpdd:{tmp_path}")
    words = str(caught.value)
    for part in ("test", "train"):
        sources = ", ".join(f"1P0A{number}.png" for number in NUMBERS[1:4])
        assert f"the sharp picture of {part}_c/source/{sources} and 2 more" in words
    assert words.startswith(f"{tmp_path}: 10 pictures missing: ")
    assert "--skip-missing" in words


def test_dpdd_dual_has_the_views_and_names_a_missing_one(tmp_path, refused):
    tree(tmp_path, DPDD + VIEWS)
    dataset = open_dataset(f"dpdd-dual:{tmp_path}")
    for pair in dataset.pairs:
        assert pair.dual_pixel_left.name == f"{pair.id}_L.png"
        assert pair.dual_pixel_right.name == f"{pair.id}_R.png"
    assert dataset.source == "dpdd-dual"
    (tmp_path / "test_r/source/1P0A0917_R.png").unlink()
    with refused(DatasetError):
        open_dataset(f"dpdd-dual:{tmp_path}")
    assert len(open_dataset(f"dpdd:{tmp_path}").pairs) == 4


def test_dpdd_test_pictures_carry_their_place(tmp_path, refused):
    tree(tmp_path, DPDD)
    np.save(tmp_path / "test_c" / "indoor_labels.npy", np.array([2]))
    np.save(tmp_path / "test_c" / "outdoor_labels.npy", np.array([1]))
    places = {
        p.id: p.metadata.get("place") for p in open_dataset(f"dpdd:{tmp_path}").pairs
    }
    assert places["1P0A1983"] == "indoor"
    assert places["1P0A0917"] == "outdoor"
    assert places["1P0A0890"] is None
    np.save(tmp_path / "test_c" / "indoor_labels.npy", np.array([3]))
    with refused(DatasetError):
        open_dataset(f"dpdd:{tmp_path}")
    np.save(tmp_path / "test_c" / "indoor_labels.npy", np.array([{}], dtype=object))
    with pytest.raises(DatasetError, match="not a list of labels"):
        open_dataset(f"dpdd:{tmp_path}")


RESTORMER = [
    *(f"train/DPDD/{role}_crops/1P0A0890-1.png" for role in ("inputC", "target")),
    *(f"train/DPDD/{role}_crops/1P0A0890-2.png" for role in ("inputC", "target")),
    *(f"val/DPDD/{role}_crops/1P0A2027.png" for role in ("inputC", "target")),
    *("test/DPDD/inputC/1P0A0917.png", "test/DPDD/target/1P0A0916.png"),
]


def test_dpdd_in_restormers_repack_keeps_crops_of_a_picture_together(tmp_path):
    tree(tmp_path, RESTORMER)
    assert shown(open_dataset(f"dpdd:{tmp_path}")) == {
        "1P0A0917": ("test", "1P0A0917", "1P0A0916.png"),
        "train-1P0A0890-1": ("train", "train-1P0A0890", "1P0A0890-1.png"),
        "train-1P0A0890-2": ("train", "train-1P0A0890", "1P0A0890-2.png"),
        "validation-1P0A2027": ("validation", "validation-1P0A2027", "1P0A2027.png"),
    }


def test_dpdd_patches_have_one_scene_per_split(tmp_path):
    names = [f"{s}_{v}/{r}/00000.png" for s in ("train", "val") for v, r in
             (("c", "source"), ("c", "target"), ("l", "source"), ("r", "source"))]  # fmt: skip
    tree(tmp_path / "dd_dp_dataset_canon_patch", names)
    rows = shown(open_dataset(f"dpdd-dual:{tmp_path}"))
    assert rows["train-00000"] == ("train", "train-patches", "00000.png")
    assert rows["validation-00000"] == ("validation", "validation-patches", "00000.png")


TREES = {
    "realdof": (
        ["RealDOF/source/01.png", "RealDOF/target/01.png"],
        {"01": ("test", "01", "01.png")},
    ),
    "sdd": (
        [
            *("SDD/train_patches/blur/a_1.png", "SDD/train_patches/gt/a_1.png"),
            *("SDD/test/blur/9.jpg", "SDD/test/gt/9.jpg"),
        ],
        {
            "test-9": ("test", "test-9", "9.jpg"),
            "train-patches-a_1": ("train", "train-patches", "a_1.png"),
        },
    ),
    "lfdof": (
        [
            *(
                f"train_data/input/IMG_1275/IMG_1275_ap{a}_0{f}.png"
                for a in (1, 3)
                for f in (0, 4)
            ),
            *(
                "train_data/ground_truth/IMG_1275.png",
                "test_data/ground_truth/IMG_2000.png",
            ),
            "test_data/input/IMG_2000/IMG_2000_ap2_01.png",
        ],
        {
            f"IMG_1275_ap{a}_0{f}": ("train", "IMG_1275", "IMG_1275.png")
            for a in (1, 3)
            for f in (0, 4)
        }
        | {"IMG_2000_ap2_01": ("test", "IMG_2000", "IMG_2000.png")},
    ),
    "cuhk": (
        [
            "image/out_of_focus0006.jpg",
            "image/out_of_focus0023.JPG",
            "image/motion0001.jpg",
        ],
        {
            f"out_of_focus{n}": ("test", f"out_of_focus{n}", None)
            for n in ("0006", "0023")
        },
    ),
    "pixeldp": (
        [
            f"PixelDP/test_{v}/source/a{end}.png"
            for v, end in (("c", ""), ("l", "_L"), ("r", "_R"))
        ],
        {"a": ("test", "a", None)},
    ),
    "rtf": (
        ["RTFDataset/image/0/image_07.png", "RTFDataset/GT/sharp_07.png"],
        {"image_07": ("test", "image_07", "sharp_07.png")},
    ),
    "ded": (
        [
            *(f"image/{s}/image_0001.jpg" for s in "abcdefgh"),
            *(f"sharp/{s}/{s}_x_0001.jpg" for s in "abcdefgh"),
        ],
        None,
    ),
}


@pytest.mark.parametrize("name", TREES)
def test_a_miniature_of_each_set(tmp_path, name):
    names, expected = TREES[name]
    dataset = open_dataset(f"{name}:{tree(tmp_path, names)}")
    if expected is not None:
        assert shown(dataset) == expected
    assert dataset.source == name
    assert dataset.name.startswith(f"{name}:")


def test_ded_is_split_by_scene_and_paired_by_the_last_number(tmp_path):
    dataset = open_dataset(f"ded:{tree(tmp_path, TREES['ded'][0])}")
    rows = shown(dataset)
    assert {scene for _, scene, _ in rows.values()} == set("abcdefgh")
    assert rows["c-0001"][2] == "c_x_0001.jpg"
    assert {"train", "test"} <= {split for split, _, _ in rows.values()}
    flat = open_dataset(
        f"ded:{tree(tmp_path / 'flat', ['image/image_7.jpg', 'sharp/z_7.jpg'])}"
    )
    assert shown(flat) == {"image_7": ("test", "image_7", "z_7.jpg")}


REALBLUR = "RealBlur-J_ECC_IMCORR_centroid_itensity_ref"


def realblur(root):
    lines = []
    for scene, number in (("scene001", 1), ("scene001", 2), ("scene050", 1)):
        pair = [
            f"{REALBLUR}/{scene}/{role}/{role}_{number}.png" for role in ("gt", "blur")
        ]
        tree(root, pair)
        lines.append(" ".join(pair))
    (root / "RealBlur_J_train_list.txt").write_text("\n".join(lines[:2]) + "\n")
    (root / "RealBlur_J_test_list.txt").write_text(lines[2] + "\n")
    missing = lines[0].replace("RealBlur-J_ECC", "RealBlur-R_BM3D_ECC")
    (root / "RealBlur_R_train_list.txt").write_text(missing + "\n")
    return root


def test_realblur_follows_its_lists_and_may_lack_a_kind(tmp_path):
    root = realblur(tmp_path)
    assert shown(open_dataset(f"realblur:{root}")) == {
        "J-scene001-blur_1": ("train", "scene001", "gt_1.png"),
        "J-scene001-blur_2": ("train", "scene001", "gt_2.png"),
        "J-scene050-blur_1": ("test", "scene050", "gt_1.png"),
    }
    check = check_dataset(f"realblur:{root}")
    assert any(name.startswith("RealBlur-R_BM3D_ECC") for name in check.missing)


@pytest.mark.parametrize(
    "line",
    [f"../x.png {REALBLUR}/scene001/blur/blur_1.png", "one", "/etc/passwd /etc/passwd"],
)
def test_realblur_refuses_lists_that_lead_elsewhere(tmp_path, line, refused):
    root = realblur(tmp_path)
    (root / "RealBlur_J_test_list.txt").write_text(line + "\n")
    with refused(DatasetError):
        open_dataset(f"realblur:{root}")


def test_pictures_are_all_test_material(tmp_path):
    dataset = open_dataset(
        f"pictures:{tree(tmp_path, ['a.png', 'b b.JPG'.lower(), '.c.png'])}"
    )
    assert [pair.split for pair in dataset.pairs] == ["test", "test"]
    assert all(pair.sharp is None for pair in dataset.pairs)


MAPPING = """
root = "elsewhere"
[[parts]]
split = "test"
blurry = "night/{scene}/in_{name}.*"
sharp = "night/out/{scene}-{name}.*"
id = "{scene}-{name}"
scene = "{scene}"
"""


@pytest.mark.parametrize("name", ["rtf", "pairs"])
def test_a_mapping_file_describes_another_layout(tmp_path, name, refused):
    tree(tmp_path / "elsewhere", ["night/s1/in_a.png", "night/out/s1-a.png"])
    file = tmp_path / "mine.toml"
    file.write_text(MAPPING)
    dataset = open_dataset(f"{name}:{file}")
    assert shown(dataset) == {"s1-a": ("test", "s1", "s1-a.png")}
    (tmp_path / "elsewhere/night/out/s1-a.png").unlink()
    with refused(DatasetError):
        open_dataset(f"{name}:{file}")


WRONG = {
    "elsewhere": "nowhere", "night/out/": "../out/", '"night/out/': '"/night/out/',
    "{scene}-{name}.*": "{other}.*", "sharp =": "shrap =", "in_{name}": "on_{name}",
}  # fmt: skip


def test_a_wrong_mapping_says_what_is_wrong(tmp_path, refused):
    tree(tmp_path / "elsewhere", ["night/s1/in_a.png", "night/out/s1-a.png"])
    mine = tmp_path / "mine.toml"
    for old, new in WRONG.items():
        mine.write_text(MAPPING.replace(old, new))
        with refused(DatasetError):
            open_dataset(f"rtf:{mine}")


def test_every_missing_extra_and_wrong_file_is_named(tmp_path):
    names = [
        f"{role}/{n:02d}.png" for role in ("source", "target") for n in range(1, 51)
    ]
    tree(tmp_path, names)
    complete = check_dataset(f"realdof:{tmp_path}")
    assert complete.ok
    (tmp_path / "source/07.png").unlink()
    (tmp_path / "target/09.png").unlink()
    tree(tmp_path, ["source/notes.png"])
    (tmp_path / "source/03.png").write_bytes(b"no picture")
    check = check_dataset(f"realdof:{tmp_path}")
    assert set(check.missing) == {"source/07.*", "target/09.*", "target/notes.*"}
    assert set(check.extra) == {"target/07.png"}
    assert check.wrong == ("source/03.png: not a picture",)


def test_counts_and_sizes_where_names_are_not_known(tmp_path):
    check = check_dataset(f"dpdd:{tree(tmp_path, DPDD)}")
    assert check.counts == {"train": 1, "validation": 1, "test": 2}
    assert any(
        text.startswith("train: 349 of 350 blurry pictures") for text in check.missing
    )
    assert "test_c/source/1P0A0917.png: 8x6 instead of 1680x1120" in check.wrong[0]
    write_image(
        tmp_path / "val_c/source/1P0A2027.png", np.zeros((1120, 1680, 3), np.uint8)
    )
    (tmp_path / "test_c/target/1P0A1985.png").unlink()
    check = check_dataset(f"dpdd:{tmp_path}")
    assert "the sharp picture of test_c/source/1P0A1983.png" in check.missing
    assert "val_c/source/1P0A2027.png: 8 bits instead of 16" in check.wrong


@pytest.mark.parametrize(("folder", "count"), [("train", 115), ("train_patches", 4830)])
def test_pictures_and_patches_are_counted_apart(tmp_path, folder, count):
    check = check_dataset(
        f"sdd:{tree(tmp_path, [f'{folder}/{r}/1.png' for r in ('blur', 'gt')])}"
    )
    assert f"train: {count - 1} of {count} blurry pictures" in check.missing[0]


def test_pictures_of_the_set_that_are_not_read_are_not_too_many(tmp_path):
    check = check_dataset(
        f"cuhk:{tree(tmp_path, [*TREES['cuhk'][0], 'image/cat.png'])}"
    )
    assert check.extra == ("image/cat.png",)


def test_the_command_shows_a_card_and_fails_for_half_a_copy(tmp_path, data):
    tree(tmp_path / "r", ["source/01.png", "target/01.png"])
    card = data("list", "lfdof")
    assert "11261 train" in card.stdout
    assert "redistribution: not permitted" in card.stdout
    result = data("list", f"realdof:{tmp_path / 'r'}", "--json", code=1)
    document = json.loads(result.stdout)
    assert document["complete"] is False
    assert "source/02.*" in document["missing"]
    assert document["found"] == {"test": 1}


def test_every_fixed_name_is_a_reader_with_a_card():
    others = {*TREES, "dpdd", "dpdd-dual", "vabd"}
    permitted = {"realblur", "realbokeh", "zedd", "zedd-stacks"}
    own = {"pictures", "pairs", "session", "release", "sample", "stack", *permitted}
    assert others | own <= set(reader_names())
    assert {n for n in others | own if not reader_card(n).redistributable} == others
    for name in others | own:
        card = reader_card(name)
        assert card.title
        assert card.licence
        assert not card.counts or card.citation
