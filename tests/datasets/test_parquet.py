"""``parquet:``, on files that pyarrow and the hub's own library wrote."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from defocus.datasets.api import open_dataset
from defocus.datasets.readers import parquet
from defocus.errors import DatasetError
from defocus.pictures.read import read_image
from defocus.pictures.write import write_image
from tests.datasets.conftest import picture

pytestmark = pytest.mark.full  # pyarrow takes seconds for its first files


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("DEFOCUS_CACHE", str(tmp_path / "cache"))


def encoded(folder, seed):
    """The bytes of a picture's file."""
    path = folder / "one.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_image(path, picture(seed))
    return path.read_bytes()


def stored(folder, seed, name):
    """A picture as the hub has it in a column."""
    return {"bytes": encoded(folder / "encoded", seed), "path": name}


def write(path, columns):
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(columns), path)
    return path


def pairs(folder, seeds, names):
    return {
        "blurry": [
            stored(folder, seed, name) for seed, name in zip(seeds, names, strict=True)
        ],
        "sharp": [
            stored(folder, seed + 100, name)
            for seed, name in zip(seeds, names, strict=True)
        ],
    }


def shows(path, expected):
    shown = read_image(path)
    return shown.dtype == expected.dtype and np.array_equal(shown, expected)


def test_pairs_have_their_splits_names_and_very_bytes(tmp_path):
    data = tmp_path / "DPDD" / "data"
    write(
        data / "train-00000-of-00002.parquet",
        pairs(tmp_path, [1, 2], ["a.png", "b.png"]),
    )
    write(data / "train-00001-of-00002.parquet", pairs(tmp_path, [3], ["x/c.png"]))
    write(data / "test-00000-of-00001.parquet", pairs(tmp_path, [4], ["d.png"]))
    dataset = open_dataset(f"parquet:{tmp_path / 'DPDD'}")
    assert dataset.name == "parquet:DPDD"
    splits = {pair.id: pair.split for pair in dataset.pairs}
    assert splits == {
        "train-a": "train",
        "train-b": "train",
        "train-c": "train",
        "test-d": "test",
    }
    (pair,) = dataset.split("test")
    assert pair.blurry.read_bytes() == encoded(tmp_path, 4)
    assert shows(pair.sharp, picture(104))
    again = open_dataset(f"parquet:{tmp_path / 'DPDD'}")
    assert again.content_hash == dataset.content_hash
    assert [one.blurry for one in again.pairs] == [one.blurry for one in dataset.pairs]


@pytest.mark.parametrize(
    ("blurry", "sharp"), [("input", "target"), ("LQ", "GT"), ("image", "ground_truth")]
)
def test_columns_are_known_by_their_names(tmp_path, blurry, sharp):
    members = pairs(tmp_path, [1], ["a.png"])
    columns = {sharp: members["sharp"], "caption": ["none"], blurry: members["blurry"]}
    path = write(tmp_path / "set" / "test.parquet", columns)
    (pair,) = open_dataset(f"parquet:{path}").pairs
    assert shows(pair.blurry, picture(1))
    assert shows(pair.sharp, picture(101))


def test_other_columns_are_named_in_a_file(tmp_path, refused):
    members = pairs(tmp_path, [1], ["a.png"])
    path = write(
        tmp_path / "set" / "a.parquet",
        {"f2": members["blurry"], "f16": members["sharp"]},
    )
    with refused(DatasetError):
        open_dataset(f"parquet:{path}")
    described = path.with_name("columns.toml")
    described.write_text('blurry = "f2"\nsharp = "f16"\n')
    (pair,) = open_dataset(f"parquet:{described}").pairs
    assert shows(pair.blurry, picture(1))
    for text in ('blurry = "f2"\nsharp = "f2"\n', 'blurry = "f1"\nsharp = "f16"\n'):
        described.write_text(text)
        with refused(DatasetError):
            open_dataset(f"parquet:{described}")


def test_plain_bytes_and_equal_names_are_numbered(tmp_path):
    members = pairs(tmp_path, [1, 2], ["image.png", "image.png"])
    path = write(tmp_path / "test.parquet", members)
    assert [pair.id for pair in open_dataset(f"parquet:{path}").pairs] == [
        "test-000000",
        "test-000001",
    ]
    plain = {role: [one["bytes"] for one in rows] for role, rows in members.items()}
    path = write(tmp_path / "plain" / "test.parquet", plain)
    assert len(open_dataset(f"parquet:{path}").pairs) == 2


def test_bytes_of_every_kind_of_column_are_read(tmp_path):
    members = pairs(tmp_path, [1], ["a.png"])
    plain = {role: [one["bytes"] for one in rows] for role, rows in members.items()}
    kinds = {
        "binary": pa.binary(),
        "large": pa.large_binary(),
        "view": pa.binary_view(),
    }
    for name, kind in kinds.items():
        columns = {role: pa.array(rows, kind) for role, rows in plain.items()}
        path = write(tmp_path / name / "test.parquet", columns)
        (pair,) = open_dataset(f"parquet:{path}").pairs
        assert shows(pair.sharp, picture(101))


def test_a_part_that_others_number_is_said_to_be_missing(tmp_path):
    data = tmp_path / "set" / "data"
    for number in (0, 2):
        members = pairs(tmp_path, [number], [f"{number}.png"])
        path = write(data / f"test-0000{number}-of-00004-ab12.parquet", members)
    dataset = open_dataset(f"parquet:{tmp_path / 'set'}", damaged=True)
    missing = ["test-00001-of-00004", "test-00003-of-00004"]
    assert [one.id for one in dataset.left_out] == missing
    assert "download it too" in dataset.left_out[0].reason
    assert not open_dataset(f"parquet:{path}", damaged=True).left_out


def test_files_without_a_row_are_refused(tmp_path):
    empty = {role: pa.array([], pa.binary()) for role in ("blurry", "sharp")}
    path = write(tmp_path / "test.parquet", empty)
    with pytest.raises(DatasetError, match=r"test\.parquet: has no row"):
        open_dataset(f"parquet:{path}")


def test_two_columns_of_one_name_are_refused(tmp_path):
    columns = [
        pa.array([encoded(tmp_path, seed)], pa.binary()) for seed in (1, 101, 102)
    ]
    table = pa.table(columns, names=["blurry", "sharp", "sharp"])
    pq.write_table(table, tmp_path / "test.parquet")
    with pytest.raises(DatasetError, match="2 columns are called 'sharp'"):
        open_dataset(f"parquet:{tmp_path / 'test.parquet'}")


def test_rows_without_a_picture_are_left_out_by_name(tmp_path):
    members = pairs(tmp_path, range(4), ["a.png", "b.png", "c.png", "d.png"])
    members["sharp"][0] = None
    members["sharp"][1] = {"bytes": None, "path": "b.png"}
    members["blurry"][2] = {"bytes": b"<html>not found</html>", "path": "c.png"}
    path = write(tmp_path / "test.parquet", members)
    dataset = open_dataset(f"parquet:{path}", damaged=True)
    assert [pair.id for pair in dataset.pairs] == ["test-d"]
    reasons = {one.id: one.reason.partition(": ")[2] for one in dataset.left_out}
    assert set(reasons) == {"a", "b", "c"}
    assert (
        reasons["a"]
        == "the sharp picture is empty, or only the name of a file is stored"
    )
    assert "web page" in reasons["c"]
    assert [
        one.id for one in open_dataset(f"parquet:{path}", damaged=True).left_out
    ] == [*"abc"]


def test_what_is_no_set_of_pairs_is_said(tmp_path, monkeypatch, refused):
    folder = tmp_path / "set"
    folder.mkdir()
    with refused(DatasetError):
        open_dataset(f"parquet:{folder}")
    pointer = folder / "test.parquet"
    pointer.write_text("version https://git-lfs.github.com/spec/v1\nsize 134\n")
    with refused(DatasetError):
        open_dataset(f"parquet:{folder}")
    write(pointer, pairs(tmp_path, [1], ["a.png"]))
    write(folder / "more.parquet", pairs(tmp_path, [2], ["b.png"]))
    with refused(DatasetError):
        open_dataset(f"parquet:{folder}")
    (folder / "more.parquet").unlink()
    monkeypatch.setattr(parquet, "MOST_GROUP_BYTES", 100)
    with pytest.raises(DatasetError, match="more than is read"):
        open_dataset(f"parquet:{folder}")
    assert not list((tmp_path / "cache" / "parquet").glob("[0-9a-f]*"))


def test_a_name_cannot_leave_the_cache(tmp_path):
    members = pairs(tmp_path, [1], ["../../../evil.png"])
    path = write(tmp_path / "test.parquet", members)
    (pair,) = open_dataset(f"parquet:{path}").pairs
    assert pair.id == "test-evil"
    assert pair.blurry.is_relative_to(tmp_path / "cache" / "parquet")


@pytest.mark.full
def test_files_of_the_hubs_own_library_are_read(tmp_path):
    datasets = pytest.importorskip("datasets")
    files = {}
    for role, seed in (("blurry", 1), ("sharp", 2)):
        path = tmp_path / role / "0001.png"
        path.parent.mkdir()
        write_image(path, picture(seed, bits=8))
        files[role] = [str(path)]
    features = datasets.Features({role: datasets.Image() for role in files})
    made = datasets.Dataset.from_dict(files, features=features)
    # with the bytes instead of names, as 'push_to_hub' does
    made = made.with_format("arrow").map(
        datasets.table.embed_table_storage, batched=True
    )
    made.to_parquet(str(tmp_path / "hub" / "validation-00000-of-00001.parquet"))
    (pair,) = open_dataset(f"parquet:{tmp_path / 'hub'}").pairs
    assert pair.split == "validation"
    assert shows(pair.blurry, picture(1, bits=8))
    assert shows(pair.sharp, picture(2, bits=8))
