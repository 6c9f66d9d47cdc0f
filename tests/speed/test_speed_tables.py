"""The speed modules that print a table of their own: what they compare is the same work."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn

from defocus.baselines.card import Baseline
from defocus.baselines.registry import baseline
from defocus.datasets.api import open_dataset
from defocus.errors import DefocusError
from tests.command_process import StartedCommand, start_command
from tests.speed.programs import (
    curation,
    harness,
    leaderboard,
    rerun,
    selective_scan,
)


def test_a_page_has_all_systems_and_a_long_one_grows_with_its_rows(tmp_path: Path) -> None:
    names = leaderboard.store_of_scores(tmp_path / "results.sqlite", systems=2, pictures=3)
    page = leaderboard.study_page(tmp_path)
    assert all(name in page for name in names)
    assert leaderboard.read_leaderboard(tmp_path / "results.sqlite") == 2 * 4 * 8
    assert len(leaderboard.long_page(200)) > len(leaderboard.long_page(100))


def test_the_recurrence_is_the_scan() -> None:
    assert selective_scan.difference(64) < 1e-5


def test_a_finished_study_has_every_run(tmp_path: Path) -> None:
    rerun.write_pairs(tmp_path / "data", 2)
    runs = rerun.finished_study(tmp_path / "data", tmp_path / "out", seeds=1)
    assert len(list((tmp_path / "out" / "runs").iterdir())) == runs > 40
    assert "| 44 | 228 | 10,032 | 0.90 |" in rerun.table([rerun.Rerun(228, 1, 44, 0.9)])


@pytest.fixture(params=["forks", pytest.param("interpreters", marks=pytest.mark.full)])
def started(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether each command is a fork of a process that has imported it, or a new interpreter."""

    def fork(words: list[str], **how: Any) -> StartedCommand:
        return start_command("defocus-data", *words[3:], **how["env"])

    if request.param == "forks":
        started = SimpleNamespace(Popen=fork, STDOUT=curation.subprocess.STDOUT)
        monkeypatch.setattr(curation, "subprocess", started)


@pytest.mark.full
def test_a_chain_goes_from_the_audit_to_the_report(started: None, tmp_path: Path) -> None:
    curation.write_pairs(tmp_path / "pairs", 2, (192, 256))
    steps = curation.chain(f"pairs:{tmp_path / 'pairs'}", tmp_path / "out", 1, tmp_path / "cache")
    assert len(open_dataset(f"manifest:{tmp_path / 'out/split'}").pairs) == 2
    assert (tmp_path / "out/report/dataset.html").is_file()
    assert all(one.peak_mib > 50 for one in steps)
    assert sum(one.cpu_seconds for one in steps) > 0.5
    assert "| all |" in curation.table(steps, 2)


@pytest.mark.full
def test_a_command_of_the_chain_that_fails_is_told(tmp_path: Path) -> None:
    with pytest.raises(DefocusError, match="no such dataset folder"):
        curation.chain("pairs:none", tmp_path / "again", 1, tmp_path / "cache")


def test_the_harness_and_the_bare_loops_do_the_same_work(tmp_path: Path) -> None:
    rerun.write_pairs(tmp_path / "data", 2)
    dataset, unet = open_dataset(f"pairs:{tmp_path / 'data'}"), baseline("unet")
    tiny = Baseline(unet.card, lambda: nn.Conv2d(3, 3, 3, padding=1), unet.recipe)
    torch.manual_seed(0)
    trained = harness.training(tiny, dataset, tmp_path / "run", steps=(1, 3), crop_px=16, repeats=1)
    scored = harness.evaluating(tiny, dataset, tmp_path / "run", pictures=(1, 2), repeats=1)
    assert (trained.name, scored.name) == ("training, a step", "evaluation, a picture")
    assert harness.Overhead("x", 1.02, 1.0, 3.0).percent == pytest.approx(2.0)
