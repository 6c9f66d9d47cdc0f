"""A training on a stream reads the stream's pages of text at each validation."""

import csv
from types import SimpleNamespace

import pytest
import torch
from click.testing import CliRunner

import defocus.extras
from defocus.align.flow.by_name import flow_estimator
from defocus.baselines.registry import baseline
from defocus.benchmark.study.validation import added_watches
from defocus.command_line.commands import command_group
from defocus.extras.text.character_readers.tesseract import REMEDY, tesseract_version
from defocus.extras.text.watches.pages import WATCH, words

SETTINGS = "[schedule]\nsteps = 3\ncrop_px = 48\nbatch = 2\n"
HELD_OUT = {"validation": (0, 2, 128), "test": (50, 1, 56)}
"""So large that a pair can be registered."""


@pytest.fixture
def few(monkeypatch, tmp_path):
    """Two pairs and a page of text for validation, in a cache of their own."""
    monkeypatch.setattr("defocus.datasets.stream.dataset.HELD_OUT", HELD_OUT)
    monkeypatch.setattr("defocus.datasets.stream.dataset.CIRCLES_PX", (4,))
    monkeypatch.setenv("DEFOCUS_CACHE", str(tmp_path / "cache"))


@pytest.mark.full
@pytest.mark.debian
@pytest.mark.skipif(not tesseract_version(), reason="needs tesseract-ocr")
def test_a_training_reads_the_pages_at_each_validation(few, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "settings.toml").write_text(f"{SETTINGS}[training]\nvalidations = 1\n")
    words = ["train", "gkmnet", "--dataset", "stream:", "--settings", "settings.toml"]
    words += ["--budget", "quick", "--out"]
    bench = command_group("defocus-bench", "defocus.benchmark.commands", "")

    def validated(out):
        result = CliRunner().invoke(bench, [*words, out], catch_exceptions=False)
        assert result.exit_code == 0, result.output
        files.append(result.stderr)
        (path,) = (tmp_path / out / "runs").glob("gkmnet-*/validation.csv")
        with path.open(newline="") as file:
            return list(csv.DictReader(file))

    files = list[str]()
    (row,) = validated("read")
    seen = float(row["validation_text"]) - float(row["validation_text_gain"])
    assert 80 < seen <= 100  # a blurry page of 4 px
    assert "points" in files[0]
    monkeypatch.setenv("PATH", "")
    unread = validated("unread")
    assert unread == [{k: v for k, v in row.items() if "text" not in k}]
    assert (
        "its validation reads no pages of text: no pair can be scored by text"
        in files[1]
    )
    assert REMEDY in files[1]


def test_a_validation_without_pages_has_no_score_of_text():
    card, estimator = baseline("gkmnet").card, flow_estimator("dis")
    without = SimpleNamespace(endless=None)
    assert WATCH.watch(card, without, estimator, torch.device("cpu")) is None


def test_the_line_of_a_validation_has_what_is_read():
    said = words({"validation_text": 60.4, "validation_text_gain": -14.6})
    assert said == "text 60 %, -15 points"


def test_without_the_extra_nothing_is_added(monkeypatch):
    assert "validation_text" in [added.name for added in added_watches()]
    monkeypatch.setattr(defocus.extras, "__path__", [])
    assert added_watches() == []
