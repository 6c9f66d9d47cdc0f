"""Folders for viewers: what they hold, and that the libraries of others read them."""

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from click.testing import CliRunner, Result

import datasets as huggingface
from defocus.command_line.commands import command_group
from defocus.errors import InputError, NotApplicableError
from defocus.extras.viewers.fiftyone_folder import write_fiftyone
from defocus.extras.viewers.table import ShownPair

NAMES = ("test-c", "test-d", "train-a")
"""The pairs that can be read."""


def defocus_data(*words: str | Path) -> Result:
    group = command_group("defocus-data", "defocus.datasets.commands", "")
    arguments = [str(word) for word in words]
    return CliRunner().invoke(
        group, arguments, catch_exceptions=False, standalone_mode=False
    )


@pytest.fixture(scope="module")
def pairs(tmp_path_factory):
    """Two training pairs and two test pairs, one of 16 bits, one with a damaged picture."""
    root = tmp_path_factory.mktemp("pairs") / "mine"
    for number, name in enumerate(("train/a", "train/b", "test/c", "test/d")):
        split, scene = name.split("/")
        random = np.random.default_rng(number)
        coarse = random.integers(40, 215, (12, 12, 3)).astype(np.uint8)
        sharp = cv2.resize(coarse, (96, 96), interpolation=cv2.INTER_NEAREST)
        blurry = cv2.GaussianBlur(sharp, (0, 0), 2.0)
        for role, picture in (("sharp", sharp), ("blurry", blurry)):
            folder = root / split / role
            folder.mkdir(parents=True, exist_ok=True)
            deep = picture.astype(np.uint16) * 257 if scene == "c" else picture
            suffix = "tiff" if scene == "c" else "png"
            cv2.imwrite(str(folder / f"{scene}.{suffix}"), deep)
    damaged = root / "train" / "sharp" / "b.png"
    damaged.write_bytes(damaged.read_bytes()[:300])
    return root


@pytest.fixture(scope="module")
def audited(pairs):
    out = pairs.parent
    words = ["audit", f"pairs:{pairs}", "--out", out / "audit"]
    result = defocus_data(*words, "--fiftyone", out / "fiftyone", "--hub", out / "hub")
    assert result.return_value == 1, "b cannot be read"
    assert "open it in Python: import fiftyone as fo" in result.output
    return out


def documents(folder: Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    samples = json.loads((folder / "samples.json").read_text())["samples"]
    return json.loads((folder / "metadata.json").read_text()), samples


def test_a_grouped_data_set_has_both_members_and_what_was_measured(audited):
    document, samples = documents(audited / "fiftyone")
    assert document["media_type"] == "group"
    assert document["group_media_types"] == {"blurry": "image", "sharp": "image"}
    assert document["default_group_slice"] == "blurry"
    assert sorted((one["pair"], one["group"]["name"]) for one in samples) == [
        (name, member) for name in NAMES for member in ("blurry", "sharp")
    ]
    groups: dict[str, set[str]] = {}
    for one in samples:
        assert (audited / "fiftyone" / one["filepath"]).is_file()
        assert one["tags"] == [one["split"]]
        groups.setdefault(one["group"]["_id"]["$oid"], set()).add(one["pair"])
    assert sorted(map(sorted, groups.values())) == [[name] for name in NAMES]
    ids = [one["_id"]["$oid"] for one in samples]
    assert len(set(ids)) == 6
    assert all(len(one) == 24 and int(one, 16) >= 0 for one in ids)
    rows = json.loads((audited / "audit" / "audit.json").read_text())["pairs"]
    measured = {row["id"]: row["misalignment_px"] for row in rows}
    assert {one["pair"]: one["misalignment_px"] for one in samples} == {
        name: measured[name] for name in NAMES
    }


def test_every_field_is_declared_with_the_type_of_its_values(audited):
    document, samples = documents(audited / "fiftyone")
    kinds = {
        one["name"]: one["ftype"].rpartition(".")[2]
        for one in document["sample_fields"]
    }
    assert kinds["misalignment_px"] == "FloatField"
    assert kinds["width"] == "IntField"
    assert kinds["same_picture"] == "BooleanField"
    assert kinds["status"] == "StringField"
    types = {
        "FloatField": float,
        "IntField": int,
        "BooleanField": bool,
        "StringField": str,
    }
    for one in samples:
        own = {name: one[name] for name in one if not name.startswith("_")}
        assert set(own) <= set(kinds)
        for name, kind in kinds.items():
            if kind in types and name != "filepath" and own[name] is not None:
                assert type(own[name]) is types[kind], name


def test_whole_numbers_among_others_are_real_ones(tmp_path):
    shown = [
        ShownPair(
            str(number), "test", {"blurry": "x.png"}, {"gain": value, "never": None}
        )
        for number, value in enumerate((1, 0.5, None))
    ]
    write_fiftyone(tmp_path, name="made", pairs=shown, fields=("gain", "never"))
    document, samples = documents(tmp_path)
    kinds = {
        one["name"]: one["ftype"].rpartition(".")[2]
        for one in document["sample_fields"]
    }
    assert kinds["gain"] == kinds["never"] == "FloatField"
    assert [one["gain"] for one in samples] == [1.0, 0.5, None]
    assert isinstance(samples[0]["gain"], float)


def test_pictures_that_browsers_do_not_show_become_8_bit(audited, pairs):
    copied = audited / "fiftyone" / "data" / "blurry" / "train-a.png"
    assert copied.read_bytes() == (pairs / "train" / "blurry" / "a.png").read_bytes()
    shown = cv2.imread(str(audited / "fiftyone" / "data" / "sharp" / "test-c.png"), -1)
    deep = cv2.imread(str(pairs / "test" / "sharp" / "c.tiff"), -1)
    assert shown is not None
    assert deep is not None
    assert shown.dtype == np.uint8
    assert (shown == deep // 257).all()


def test_the_library_of_the_hub_loads_pictures_and_numbers(audited, tmp_path):
    loaded = huggingface.load_dataset(str(audited / "hub"), cache_dir=str(tmp_path))
    assert {split: len(loaded[split]) for split in loaded} == {"train": 1, "test": 2}
    row = loaded["test"][0]
    assert row["pair"] == "test-c"
    assert row["blurry"].size == row["sharp"].size == (96, 96)
    assert isinstance(row["misalignment_px"], float)
    assert loaded["test"].features["sharp"] == huggingface.Image()


def test_what_was_judged_is_a_field_too(pairs, tmp_path):
    rules = tmp_path / "rules.toml"
    rules.write_text('unknown = "accept"\n')
    words = ["curate", f"pairs:{pairs}", "--out", tmp_path / "kept", "--rules", rules]
    result = defocus_data(*words, "--fiftyone", tmp_path / "fiftyone")
    assert result.return_value == 1
    _, samples = documents(tmp_path / "fiftyone")
    assert {
        one["pair"]: (one["verdict"], one["verdict_by"]) for one in samples
    } == dict.fromkeys(NAMES, ("accept", "rule"))


def test_rejected_pairs_are_shown_even_if_none_is_accepted(pairs, tmp_path):
    rules = tmp_path / "rules.toml"
    rules.write_text("least_sharpness = 1e9\n")
    words = ["curate", f"pairs:{pairs}", "--out", tmp_path / "kept", "--rules", rules]
    with pytest.raises(NotApplicableError, match="no pair is accepted"):
        defocus_data(*words, "--fiftyone", tmp_path / "fiftyone")
    _, samples = documents(tmp_path / "fiftyone")
    assert {one["verdict"] for one in samples} == {"reject"}


def test_a_folder_with_anything_in_it_is_refused_first(pairs, tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine")
    words = ["audit", f"pairs:{pairs}", "--out", tmp_path / "audit"]
    with pytest.raises(InputError, match="not empty; give a new folder"):
        defocus_data(*words, "--fiftyone", tmp_path / "full")
    assert not (tmp_path / "audit").exists()
