"""Sealed test sets: blurry pictures outside, the truth inside, one key."""

import errno
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from defocus.command_line.commands import command_group
from defocus.datasets.api import open_dataset
from defocus.errors import DatasetError, DefocusError, InputError, StorageError
from defocus.extras.labs.sealing import seal
from defocus.extras.labs.sealing.seal import open_seal, read_seal, seal_dataset
from defocus.extras.labs.submitting import SubmissionChoice, submit
from defocus.extras.labs.verification.verifying import verify_bundle


@pytest.fixture
def pairs(tmp_path):
    for split, names in (("test", "ab"), ("train", "c")):
        for number, name in enumerate(names):
            noise = np.random.default_rng(number).integers(
                0, 256, (48, 64, 3), dtype=np.uint8
            )
            for role, sigma in (("sharp", 0.8), ("blurry", 2.5)):
                (tmp_path / "pairs" / split / role).mkdir(parents=True, exist_ok=True)
                path = tmp_path / "pairs" / split / role / f"{name}.png"
                cv2.imwrite(str(path), cv2.GaussianBlur(noise, (0, 0), sigma))
    return f"pairs:{tmp_path / 'pairs'}"


def run(program: str, *words: str | Path) -> None:
    stage = {"data": "datasets", "bench": "benchmark"}[program]
    group = command_group(f"defocus-{program}", f"defocus.{stage}.commands", "")
    result = CliRunner().invoke(
        group,
        [str(word) for word in words],
        catch_exceptions=False,
        standalone_mode=False,
    )
    assert result.exit_code == 0, result.output


def test_what_is_sealed_is_restored_submitted_opened_and_scored(pairs, tmp_path):
    sealed, key, opened = tmp_path / "sealed", tmp_path / "key", tmp_path / "opened"
    run(
        "bench",
        "labs",
        "seal",
        pairs,
        "--out",
        sealed,
        "--key",
        key,
        "--opens",
        "next spring",
    )
    assert key.stat().st_mode & 0o777 == 0o600
    outside = open_dataset(f"manifest:{sealed}")
    assert [pair.id for pair in outside.pairs] == ["test-a", "test-b"]
    assert [pair.sharp for pair in outside.pairs] == [None, None]
    secret = (tmp_path / "pairs/test/sharp/a.png").read_bytes()
    assert all(
        secret[60:120] not in file.read_bytes()
        for file in sealed.rglob("*")
        if file.is_file()
    )
    study, bundle = tmp_path / "study", tmp_path / "ours.zip"
    words = (
        "run",
        "--only",
        "input",
        "--only",
        "defocus-s",
        "--dataset",
        f"manifest:{sealed}",
    )
    run("bench", *words, "--out", study)
    choice = SubmissionChoice("A lab", key=_key(tmp_path))
    with pytest.raises(
        InputError, match="again with --keep-outputs: nothing is trained again"
    ):
        submit(study, bundle, choice)
    run("bench", *words, "--out", study, "--keep-outputs")  # what it advises
    (picture, *_) = study.glob("runs/*/outputs/*.npz")
    whole = picture.read_bytes()
    picture.write_bytes(whole[:-100])
    with pytest.raises(InputError, match="delete it, then give the study"):
        submit(study, bundle, choice)
    assert not bundle.exists()
    picture.write_bytes(whole)
    stated = submit(study, bundle, choice)
    assert {one.entry.system: one.entry.weights for one in stated.runs} == {
        "input": "none", "defocus-s": "own"
    }  # fmt: skip
    run("bench", "labs", "unseal", sealed, "--key", key, "--out", opened)
    inside = open_dataset(f"manifest:{opened}")
    assert inside.pairs[0].sharp is not None
    assert inside.pairs[0].sharp.read_bytes() == secret
    check = verify_bundle(bundle, inside, 1)
    assert check.ok, check.findings
    assert check.whole
    psnr = [
        row.value for row in check.rows if (row.protocol, row.metric) == ("gt", "psnr")
    ]
    assert psnr[0] is not None
    assert psnr[0] > 10
    facts = read_seal(opened)
    assert facts is not None
    assert facts.opens == "next spring"


def test_rendered_pairs_have_a_truth_and_open_again(pairs, tmp_path, monkeypatch):
    """Their truth lies in a folder of that name, beside whatever the opening needs."""
    dataset = open_dataset(pairs)
    whole = replace(
        dataset, pairs=tuple(replace(pair, truth=pair.sharp) for pair in dataset.pairs)
    )
    sealed, key, opened = tmp_path / "sealed", tmp_path / "key", tmp_path / "opened"
    seal_dataset(whole, sealed, key)
    open_seal(sealed, key, opened)
    inside = open_dataset(f"manifest:{opened}").pairs[0]
    assert inside.truth is not None
    assert (
        inside.truth.read_bytes() == (tmp_path / "pairs/test/sharp/a.png").read_bytes()
    )
    (tmp_path / "foreign").mkdir()
    assert open_seal(sealed, key, opened) == read_seal(sealed), "it goes on"
    inside.truth.write_bytes((tmp_path / "pairs/test/blurry/a.png").read_bytes())
    for there in (opened, tmp_path / "foreign"):
        with pytest.raises(DatasetError):
            open_seal(sealed, key, there)
    archive = seal._truth_archive
    monkeypatch.setattr(
        seal, "_truth_archive", lambda root, all_: archive(root, all_[:1])
    )
    with pytest.raises(DefocusError, match="test-b"):
        seal_dataset(whole, tmp_path / "second", tmp_path / "second.key")
    assert not (tmp_path / "second").exists()
    assert not (tmp_path / "second.key").exists()


def _key(folder: Path) -> Path:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        NoEncryption,
        PrivateFormat,
    )

    key = Ed25519PrivateKey.generate()
    path = folder / "lab-key"
    path.write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
    )
    return path


def test_another_key_and_a_changed_truth_are_refused(pairs, tmp_path, refused):
    sealed, key = tmp_path / "sealed", tmp_path / "key"
    seal_dataset(open_dataset(pairs), sealed, key)
    other = tmp_path / "other"
    other.write_text("00" * 32)
    with refused(DatasetError):
        open_seal(sealed, other, tmp_path / "out")
    other.write_text("no key")
    with pytest.raises(DatasetError, match="no key of a sealed test set"):
        open_seal(sealed, other, tmp_path / "out")
    content = bytearray((sealed / "truth.sealed").read_bytes())
    content[100] ^= 1
    (sealed / "truth.sealed").write_bytes(content)
    with refused(DatasetError):
        open_seal(sealed, key, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_what_cannot_be_sealed_is_said(pairs, tmp_path, refused):
    dataset = open_dataset(pairs)
    (tmp_path / "there").mkdir()
    with refused(DatasetError):
        seal_dataset(dataset, tmp_path / "there", tmp_path / "key")
    sealed = tmp_path / "sealed"
    seal_dataset(dataset, sealed, tmp_path / "key")
    with refused(DatasetError):
        seal_dataset(
            open_dataset(f"manifest:{sealed}"), tmp_path / "again", tmp_path / "key2"
        )
    with refused(DatasetError):
        open_seal(tmp_path / "there", tmp_path / "key", tmp_path / "out")


def test_a_set_that_could_not_be_stored_leaves_no_key_in_the_way(
    pairs, tmp_path, monkeypatch
):
    sealed, key = tmp_path / "sealed", tmp_path / "key"
    dataset = open_dataset(pairs)
    write = seal.write_json

    def key_and_no_more(path: Path, document: object) -> None:
        key.write_text("of somebody else\n")
        raise StorageError(f"cannot write {path}")

    monkeypatch.setattr(seal, "write_json", key_and_no_more)
    with pytest.raises(StorageError):
        seal_dataset(dataset, sealed, key)
    assert key.read_text() == "of somebody else\n", "only its own key is removed"
    key.unlink()
    monkeypatch.setattr(seal, "write_json", write)
    rename = Path.rename

    def full(path: Path, target: Path) -> Path:
        if Path(target) == sealed:
            raise OSError(errno.ENOSPC, "No space left on device")
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", full)
    with pytest.raises((StorageError, OSError)):
        seal_dataset(dataset, sealed, key)
    assert not sealed.exists()
    assert not key.exists()
    monkeypatch.undo()
    seal_dataset(dataset, sealed, key)
    assert read_seal(sealed) is not None


KILLED = """
import os, sys
from pathlib import Path
from defocus.datasets.api import open_dataset
from defocus.extras.labs.sealing import seal

if sys.argv[4] == "before":
    seal._require_opens = lambda *_: os._exit(9)
seal.seal_dataset(open_dataset(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]))
os._exit(9)
"""


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_seal_that_was_killed_is_finished(pairs, tmp_path, moment):
    sealed, key = tmp_path / "sealed", tmp_path / "key[1]"
    words = [sys.executable, "-c", KILLED, pairs, sealed, key, moment]
    assert subprocess.run(words, check=False).returncode == 9
    assert sealed.is_dir() == (moment == "after")
    kept = key.read_bytes()
    facts = seal_dataset(open_dataset(pairs), sealed, key)
    assert facts == read_seal(sealed)
    assert key.read_bytes() == kept
    open_seal(sealed, key, tmp_path / "opened")
    sharp = tmp_path / "pairs/test/sharp"
    (sharp / "a.png").write_bytes((sharp / "b.png").read_bytes())
    for out in (sealed, tmp_path / "other"):
        with pytest.raises(DatasetError, match="is there already"):
            seal_dataset(open_dataset(pairs), out, key)


def test_pairs_that_cannot_be_read_are_not_sealed(pairs, tmp_path):
    damaged = tmp_path / "pairs/test/sharp/b.png"
    damaged.write_bytes(damaged.read_bytes()[:-900])
    (tmp_path / "pairs/train/sharp/c.png").write_text(
        "no picture, and none of the test"
    )
    group = command_group("defocus-bench", "defocus.benchmark.commands", "")
    words = ["labs", "seal", pairs, "--out", str(tmp_path / "sealed")]
    words += ["--key", str(tmp_path / "key")]
    result = CliRunner().invoke(group, words, standalone_mode=False)
    assert result.return_value == 1, result.output
    assert (
        "pair test-b is left out: test/sharp/b.png: the file is cut short"
        in result.stderr
    )
    assert [
        one.id for one in open_dataset(f"manifest:{tmp_path / 'sealed'}").pairs
    ] == ["test-a"]
