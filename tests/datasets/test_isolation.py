"""One pair that cannot be read, or fails in a way that nobody foresaw, stops no other pair."""

import re
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from defocus.command_line.commands import command_group
from defocus.datasets.api import open_dataset
from defocus.datasets.audit import pair_audit
from defocus.datasets.deriving import compensate as compensating
from defocus.errors import storage_error
from defocus.progress import telling

CARD = """
title = "Mine"
licence = "CC-BY-4.0"
faces = "none"
[[authors]]
family = "A"
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Four pairs of two sizes; ``b`` is cut short, the members of ``c`` differ in size."""
    root = tmp_path_factory.mktemp("mine")
    for seed, name in enumerate("abcd"):
        noise = np.random.default_rng(seed).integers(0, 256, (12, 16, 3), np.uint8)
        sharp = cv2.resize(
            noise, (120 + 8 * (name > "a"), 96), interpolation=cv2.INTER_CUBIC
        )
        for role, picture in (
            ("sharp", sharp),
            ("blurry", cv2.GaussianBlur(sharp, (0, 0), 2)),
        ):
            (root / role).mkdir(exist_ok=True)
            cv2.imwrite(str(root / role / f"{name}.png"), picture)
    damaged = root / "sharp/b.png"
    damaged.write_bytes(damaged.read_bytes()[:-900])
    cv2.imwrite(str(root / "sharp/c.png"), np.zeros((96, 120, 3), np.uint8))
    return root


COMMANDS = {
    "audit": [],
    "curate": ["--rules", "rules.toml"],
    "compensate": [],
    "sidecar": [],
    "split": [],
    "patches": ["--side", "32"],
    "report": [],
    "package": ["--to", "folder", "--card", "card.toml"],
    "package hdf5": ["--to", "hdf5", "--card", "card.toml"],
    "package webdataset": ["--to", "webdataset", "--card", "card.toml"],
    "package imagefolder": ["--to", "imagefolder", "--card", "card.toml"],
}
REASONS = {"b": "b.png: the file is cut short", "c": "a pair needs one size"}


def called(words):
    group = command_group("defocus-data", "defocus.datasets.commands", "")
    return CliRunner().invoke(group, words, standalone_mode=False)


@pytest.mark.parametrize("name", [one for one in COMMANDS if " " in one])
def test_pairs_that_cannot_be_read_are_left_out_by_name(
    folder, tmp_path, monkeypatch, name
):
    """Of a release, also by a second run; ``test_odd_folder.py`` asks every command."""
    monkeypatch.chdir(tmp_path)
    Path("card.toml").write_text(CARD)
    words = [
        name.split()[0],
        f"pairs:{folder}",
        "--out",
        "out",
        *COMMANDS[name],
        "--on",
        "1",
    ]
    for _ in range(2):
        result = called(words)
        assert result.return_value == 1, result.output
        assert "2 pairs of 2 sizes" in result.stderr
        for pair, reason in REASONS.items():
            assert re.search(f"pair {pair} is left out: .*{reason}", result.stderr)
    assert {pair.id for pair in open_dataset("release:out").pairs} == {"a", "d"}


class OddError(Exception):
    """Of no family that anybody lists."""


def failing(name, error, work):
    def wrapped(pair, *rest: Any, **more: Any):
        if pair.id == name:
            raise error
        return work(pair, *rest, **more)

    return wrapped


def test_an_error_that_nobody_foresaw_is_the_pairs_own(folder, tmp_path, monkeypatch):
    odd = failing("a", OddError("odd"), compensating.measured_pair)
    monkeypatch.setenv("DEFOCUS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(telling, "log_file", None)
    monkeypatch.setattr(compensating, "measured_pair", odd)
    monkeypatch.setattr(pair_audit, "measured_pair", odd)
    out = tmp_path / "out"
    for verb in ("audit", "compensate"):
        words = [verb, f"pairs:{folder}", "--out", str(out / verb), "--on", "1"]
        result = called([*words, "--log-file", str(tmp_path / "log")])
        assert result.return_value == 1
        assert re.search(
            r"\ba( is left out)?: unforeseen OddError: odd; please", result.stderr
        )
    assert "Traceback" in (tmp_path / "log").read_text()
    assert [
        pair.id for pair in open_dataset(f"manifest:{out / 'compensate'}").pairs
    ] == ["d"]
    monkeypatch.undo()
    assert called(words).return_value == 1
    again = open_dataset(f"manifest:{out / 'compensate'}").pairs
    assert [pair.id for pair in again] == ["a", "d"], "a second run tries it again"


def test_full_disks_stop_all(folder, tmp_path, monkeypatch):
    full = storage_error(OSError(28, "No space left on device"), tmp_path)
    odd = failing("a", full, compensating.measured_pair)
    monkeypatch.setattr(compensating, "measured_pair", odd)
    result = called(
        ["compensate", f"pairs:{folder}", "--out", f"{tmp_path}/out", "--on", "1"]
    )
    assert result.exception is full
    assert not (tmp_path / "out" / "manifest.json").exists()
