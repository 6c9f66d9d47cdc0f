"""Readers of aperture series and focus stacks, on miniature trees of their published shapes."""

import itertools
import json
import os

import numpy as np
import pytest

from defocus.datasets.api import check_dataset, open_dataset
from defocus.datasets.commands.list import description
from defocus.errors import DatasetError, ImageError
from defocus.pictures.write import write_image
from tests.datasets.conftest import tree


def by_id(dataset):
    return {pair.id: pair for pair in dataset.pairs}


def named(pair):
    return (
        pair.split,
        pair.scene,
        pair.blurry.name,
        pair.sharp.name if pair.sharp else None,
    )


STRAY = ["README.md", ".gitattributes", ".cache/huggingface/x.json", "Thumbs.db"]


def realbokeh(root, stops=("2.0", "8.0", "20")):
    """Two splits whose numbers both begin at 1; scene 10 has one stop alone."""
    for split, number, has in (
        ("train", 1, stops),
        ("train", 10, ("2.0",)),
        ("test", 1, stops),
    ):
        folder = root / split
        targets = [f"gt/{number}/{number}_f{stop}.JPG" for stop in has]
        tree(
            folder, [f"in/{number}_f22.JPG", *targets, f"gt/{number}/{number}_f22.JPG"]
        )
        facts = {
            "focal_length": 35.0,
            "ISO": 100,
            "EV": -1.3,
            "focus_plane_distance": 1.25,
        }
        document = facts | {
            "id": number,
            "source_image": f"in/{number}_f22.JPG",
            "target_images": targets,
            "source_av": 22.0,
            "target_avs": [float(stop) for stop in has],
            "focus_plane_uncertainty": 0.1,
        }
        (folder / "metadata").mkdir(exist_ok=True)
        (folder / "metadata" / f"{number}.json").write_text(json.dumps(document))
    return tree(root, STRAY)


@pytest.mark.parametrize("folder", ["", "RealBokeh_3MP"])
def test_realbokeh_pairs_by_its_metadata(tmp_path, folder):
    realbokeh(tmp_path / folder)
    dataset = open_dataset(f"realbokeh:{tmp_path}")
    pairs = by_id(dataset)
    assert len(pairs) == 3 + 1 + 3
    assert named(pairs["train-1_f2.0"]) == (
        "train",
        "train-1",
        "1_f2.0.JPG",
        "1_f22.JPG",
    )
    assert named(pairs["test-1_f20"]) == ("test", "test-1", "1_f20.JPG", "1_f22.JPG")
    assert pairs["train-1_f2.0"].sharp == tmp_path / folder / "train/in/1_f22.JPG"
    assert pairs["train-1_f8.0"].metadata["f_number_blurry"] == 8.0
    assert pairs["train-1_f8.0"].metadata["focus_distance_m"] == 1.25
    assert dataset.source == "realbokeh"


def test_any_two_apertures_make_a_pair(tmp_path, refused):
    realbokeh(tmp_path / "data")
    (tmp_path / "mine.toml").write_text('root = "data"\nsharp = 8.0\n')
    pairs = by_id(open_dataset(f"realbokeh:{tmp_path / 'mine.toml'}"))
    sharp = dict.fromkeys(("train-1_f2.0", "test-1_f2.0"), "1_f8.0.JPG")
    assert {name: named(pair)[3] for name, pair in pairs.items()} == sharp
    (tmp_path / "mine.toml").write_text('root = "data"\nblurry = [20]\n')
    assert set(by_id(open_dataset(f"realbokeh:{tmp_path / 'mine.toml'}"))) == {
        *("train-1_f20", "test-1_f20")
    }
    (tmp_path / "mine.toml").write_text('root = "data"\nsharp = 5.6\n')
    with refused(DatasetError):
        open_dataset(f"realbokeh:{tmp_path / 'mine.toml'}")


def test_realbokeh_says_what_a_copy_lacks(tmp_path, refused):
    realbokeh(tmp_path)
    (tmp_path / "train/gt/1/1_f8.0.JPG").unlink()
    with refused(DatasetError):
        open_dataset(f"realbokeh:{tmp_path}")
    check = check_dataset(f"realbokeh:{tmp_path}")
    assert check.missing[0] == "train/gt/1/1_f8.0.JPG"
    assert "train: 3958 of 3960 metadata files" in check.missing
    assert check.extra == ()  # f/22 in 'gt' is in every real copy
    assert check.counts == {"train": 4, "test": 3}
    assert "train/in/1_f22.JPG: 8x6 instead of 2000x1500" in check.wrong


def test_a_pipe_in_the_place_of_metadata_is_refused_at_once(tmp_path, refused):
    file = realbokeh(tmp_path) / "train/metadata/1.json"
    file.unlink()
    os.mkfifo(file)
    with refused(DatasetError):
        open_dataset(f"realbokeh:{tmp_path}")


def test_realbokeh_refuses_odd_metadata(tmp_path, refused):
    file = realbokeh(tmp_path) / "train/metadata/1.json"
    whole = json.loads(file.read_text())
    sources = ({"source_image": name} for name in ("../1_f22.JPG", "/etc/passwd"))
    for wrong in (*sources, {"target_avs": [2.0]}, {"target_avs": "many"}):
        file.write_text(json.dumps(whole | wrong))
        with refused(DatasetError):
            open_dataset(f"realbokeh:{tmp_path}")


MOTOR = ("6D3E", "4EA8", "3B39", "2D09", "2371", "1DB4", "183F", "1657", "1113")
HEX = dict(enumerate(MOTOR, start=1))
FOCUS = (0.82, 1.0, 1.2, 1.6, 2.1, 2.9, 4.1, 5.9, 8.1)


def zedd(root):
    for split, number in (("val", "0003"), ("test", "0001")):
        scene = f"{split}/{split}_{number}"
        stops = ("1.4", "2.0", "2.8", "4.0", "5.6", "16.0")
        shots = [(run, stop) for run in HEX for stop in stops]
        names = [
            f"img_run_{run}_motor_{HEX[run]}_aperture_F{stop}.jpg"
            for run, stop in shots
        ]
        tree(root, [f"{scene}/focus_stack/{name}" for name in names])
        truths = ["K.txt", "depth.npy", "depth_vis.jpg", "overlay.jpg"]
        tree(
            root,
            [
                f"{scene}/gt/{name}"
                for name in (truths if split == "val" else truths[:1])
            ],
        )
    lines = [f"run_{run}\t{HEX[run]}\t{FOCUS[run - 1]}" for run in HEX]
    (root / "metadata.txt").write_text(
        "\n".join(["# run\tmotor\tfocus distance (m)", *lines])
    )
    return tree(root, STRAY)


@pytest.mark.parametrize("folder", ["", "ZEDD"])
def test_zedd_pairs_within_a_run_and_across_runs(tmp_path, folder):
    zedd(tmp_path / folder)
    same = by_id(open_dataset(f"zedd:{tmp_path}"))
    assert len(same) == 2 * 9 * 5
    pair = same["val_0003-run7-f2.8"]
    assert named(pair) == (
        *("validation", "val_0003"),
        *(
            "img_run_7_motor_183F_aperture_F2.8.jpg",
            "img_run_7_motor_183F_aperture_F16.0.jpg",
        ),
    )
    assert pair.metadata["f_number_blurry"] == 2.8
    assert pair.metadata["focus_distance_sharp_m"] == 4.1
    travel = by_id(open_dataset(f"zedd-stacks:{tmp_path}"))
    assert set(travel) == set(same)
    assert (
        named(travel["test_0001-run7-f2.8"])[3]
        == "img_run_5_motor_2371_aperture_F16.0.jpg"
    )
    assert travel["test_0001-run7-f2.8"].metadata["focus_distance_sharp_m"] == 2.1


@pytest.mark.parametrize("name", ["zedd", "zedd-stacks"])
def test_zedd_counts_what_a_copy_lacks(tmp_path, name):
    check = check_dataset(f"{name}:{zedd(tmp_path)}")
    assert check.counts == {"validation": 45, "test": 45}
    assert check.extra == ()
    assert check.wrong == ()
    lacking = [text.partition(" blurry")[0] for text in check.missing]
    assert lacking == ["validation: 2205 of 2250", "test: 2205 of 2250"]


VABD = [
    f"{split}/{folder}/{number}.{suffix}"
    for split, number in (("train", "0001"), ("test", "0099"))
    for folder, suffix in (
        *(("input", "JPG"), ("1_8", "jpg"), ("2_8", "JPG"), ("8", "JPG")),
        *(("focal", "png"), ("depth", "png")),
    )
]


@pytest.mark.parametrize("folder", ["", "VABD", "Data"])
def test_vabd_takes_f16_for_sharp(tmp_path, folder):
    tree(tmp_path / folder, VABD)
    pairs = by_id(open_dataset(f"vabd:{tmp_path}"))
    assert len(pairs) == 6
    assert named(pairs["train-0001-f1.8"]) == (
        "train",
        "train-0001",
        "0001.jpg",
        "0001.JPG",
    )
    assert pairs["test-0099-f8"].metadata == {
        "f_number_blurry": 8.0,
        "f_number_sharp": 16.0,
    }
    assert pairs["test-0099-f8"].sharp == tmp_path / folder / "test/input/0099.JPG"
    complete = check_dataset(f"vabd:{tmp_path}")
    assert complete.ok


def test_a_stack_has_its_frames_in_the_order_of_their_numbers(tmp_path):
    tree(tmp_path / "ring", [f"step{n}.jpg" for n in (0, 2, 10)])
    dataset = open_dataset(f"stack:{tmp_path / 'ring'}")
    pairs = by_id(dataset)
    assert list(pairs) == ["ring-step0", "ring-step10", "ring-step2"]
    assert pairs["ring-step10"].metadata["focus_stack"] == {
        "position": 3,
        "positions": 3,
    }
    assert {named(pair)[1:] for pair in dataset.pairs} == {
        ("ring", f"step{n}.jpg", None) for n in (0, 2, 10)
    }
    assert check_dataset(f"stack:{tmp_path / 'ring'}") is None


def test_the_sharp_member_is_merged_a_position_or_none(tmp_path):
    tree(
        tmp_path / "s/pcb",
        ["pcb_1.jpg", "pcb_2.jpg", "pcb_3.jpg", "expected.jpg", "notes.txt"],
    )
    tree(tmp_path / "s/ring", ["a1.jpg", "a2.jpg"])
    tree(tmp_path / "s/__MACOSX/pcb", ["x_1.jpg", "x_2.jpg"])
    pairs = by_id(open_dataset(f"stack:{tmp_path / 's'}"))
    assert {name: named(pair)[1:] for name, pair in pairs.items()} == {
        **{f"pcb-pcb_{n}": ("pcb", f"pcb_{n}.jpg", "expected.jpg") for n in (1, 2, 3)},
        **{f"ring-a{n}": ("ring", f"a{n}.jpg", None) for n in (1, 2)},
    }
    file = tmp_path / "mine.toml"
    file.write_text('root = "s"\nsharp = 2\n')
    sharp = {"pcb-pcb_1": "pcb_2.jpg", "pcb-pcb_3": "pcb_2.jpg", "ring-a1": "a2.jpg"}
    assert {p.id: named(p)[3] for p in open_dataset(f"stack:{file}").pairs} == sharp
    file.write_text('root = "s"\nsharp = "none"\n')
    assert all(pair.sharp is None for pair in open_dataset(f"stack:{file}").pairs)
    for text, words in (
        ("sharp = 3", "position 3 of 2 frames"),
        ('sharp = "merged"', r"ring: no merged picture.*fuse"),
        ('sharp = "best"', "sharp"),
        ('root = "nowhere"', "no such folder"),
    ):
        file.write_text(text if "root" in text else f'root = "s"\n{text}\n')
        with pytest.raises(DatasetError, match=words):
            open_dataset(f"stack:{file}")


def test_stacks_in_deep_folders_keep_a_scene_and_its_split(tmp_path):
    """A rig of cameras, and a lens with RAW files beside the developed ones."""
    for scene, camera in itertools.product(("s1", "s2"), ("RigCenter", "RigLeft")):
        folder = f"data/{scene}/midsize/undistorted/{camera}"
        tree(tmp_path / "rig", [f"{folder}/{n}.jpg" for n in range(3)])
    dataset = open_dataset(f"stack:{tmp_path / 'rig'}")
    assert {pair.scene for pair in dataset.pairs} == {"s1", "s2"}
    assert len(dataset.pairs) == 12
    for split in ("train", "test"):
        lens = tmp_path / "bursts/dataset" / split / f"lens-{split}" / "photo1"
        merged = ("helicon_focus.jpg", "helicon_focus_aligned_tiff.jpg")
        tree(lens, [*(f"jpg/IMG_{n}.jpg" for n in (1, 2)), *merged])
        for n in (1, 2):
            (lens / "raw").mkdir(exist_ok=True)
            (lens / "raw" / f"IMG_{n}.dng").write_bytes(b"raw")
    opened = open_dataset(f"stack:{tmp_path / 'bursts'}")
    assert {named(pair) for pair in opened.pairs} == {
        (split, f"{split}-lens-{split}", f"IMG_{n}.jpg", "helicon_focus.jpg")
        for split in ("train", "test")
        for n in (1, 2)
    }


def test_a_stack_of_raw_files_opens_without_developing_them(tmp_path):
    for n in range(3):
        (tmp_path / f"IMG_{n}.DNG").write_bytes(b"raw %d" % n)
    dataset = open_dataset(f"stack:{tmp_path}")
    assert [pair.blurry.name for pair in dataset.pairs] == [
        f"IMG_{n}.DNG" for n in range(3)
    ]


def test_no_stack_and_frames_of_two_sizes_are_refused(tmp_path, refused):
    tree(tmp_path / "one", ["only.jpg"])
    with refused(DatasetError):
        open_dataset(f"stack:{tmp_path / 'one'}")
    tree(tmp_path / "two", ["a1.jpg", "expected.jpg"])
    write_image(tmp_path / "two/a2.jpg", np.zeros((9, 8, 3), np.uint8))
    with refused(ImageError):
        open_dataset(f"stack:{tmp_path / 'two'}")


def test_pairs_takes_folders_for_scenes(tmp_path, refused):
    names = [f"{scene}/{n}" for scene in ("bench", "shelf") for n in (1, 2)]
    tree(
        tmp_path / "a",
        [f"{role}/{name}.png" for role in ("blurry", "sharp") for name in names],
    )
    pairs = by_id(open_dataset(f"pairs:{tmp_path / 'a'}"))
    assert {name: pair.scene for name, pair in pairs.items()} == {
        **{f"bench-{n}": "bench" for n in (1, 2)},
        **{f"shelf-{n}": "shelf" for n in (1, 2)},
    }
    assert {pair.split for pair in pairs.values()} == {"train", "test"}
    assert pairs["bench-1"].split == pairs["bench-2"].split
    assert not any(
        "own scene" in line for line in description(f"pairs:{tmp_path / 'a'}")[1]
    )
    (tmp_path / "a/sharp/shelf/2.png").unlink()
    with refused(DatasetError):
        open_dataset(f"pairs:{tmp_path / 'a'}")
    tree(tmp_path / "b", [f"train/{r}/bench/1.png" for r in ("blurry", "sharp")])
    tree(tmp_path / "b", [f"{r}/test/2.png" for r in ("blurry", "sharp")])
    split = by_id(open_dataset(f"pairs:{tmp_path / 'b'}"))
    scenes = {name: pair.scene for name, pair in split.items()}
    assert scenes == {"train-bench-1": "train-bench", "test-2": "test-2"}
    lines = description(f"pairs:{tmp_path / 'b'}")[1]
    assert any("each file is its own scene" in line for line in lines)


def test_a_set_without_sharp_pictures_says_that_it_has_no_truth(tmp_path):
    tree(tmp_path / "blind", [f"blurry/{n}.png" for n in range(3)])
    tree(
        tmp_path / "pairs",
        [f"{role}/{n}.png" for role in ("blurry", "sharp") for n in range(3)],
    )
    for name, blind in (
        ("pairs:blind", True),
        ("pictures:blind/blurry", True),
        ("pairs:pairs", False),
    ):
        reader, _, place = name.partition(":")
        _, lines = description(f"{reader}:{tmp_path / place}")
        assert any(line.startswith("no ground truth:") for line in lines) == blind
    assert all(
        p.sharp is None for p in open_dataset(f"pairs:{tmp_path / 'blind'}").pairs
    )


def test_repeated_findings_are_one_line_and_whole_in_json(tmp_path):
    numbers = range(1, 7)
    tree(
        tmp_path,
        [f"{role}/{n:02d}.png" for role in ("inputC", "target") for n in numbers],
        8,
    )
    (tmp_path / "test").mkdir()
    for role in ("inputC", "target"):
        (tmp_path / role).rename(tmp_path / "test" / role)
    document, lines = description(f"dpdd:{tmp_path}")
    assert len(document["wrong"]) == 2 * 2 * len(numbers)
    wrong = [line for line in lines if line.startswith("wrong: ")]
    assert wrong == [
        "wrong: all 12: 8x6 instead of 1680x1120 or 512x512 or 256x256",
        "wrong: all 12: 8 bits instead of 16",
    ]
    tree(tmp_path / "test", [f"inputC/more{n}.png" for n in range(5)])
    document, lines = description(f"dpdd:{tmp_path}")
    assert (
        "missing: 5 files, such as the sharp picture of test/inputC/more0.png" in lines
    )
    assert len(document["missing"]) == 5 + 3
