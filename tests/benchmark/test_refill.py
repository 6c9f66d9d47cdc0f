"""A metric whose weights come after the runs: the same command fills its scores in."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from defocus.baselines.card import Baseline, Card
from defocus.baselines.recipe import Recipe
from defocus.benchmark.evaluation import remaining as module
from defocus.benchmark.evaluation.versions import evaluation_version, metric_versions
from defocus.benchmark.metrics.metric import Metric
from defocus.benchmark.results.run_folder import UNREAD
from defocus.benchmark.results.score_matrix import Score
from defocus.benchmark.results.store import open_results
from defocus.benchmark.scoring.profiles import DEFAULT
from defocus.benchmark.study.plan import Run, Study
from defocus.datasets.pair import Dataset, Pair
from defocus.pictures.write import write_image
from tests.benchmark.example_study import ENTRY
from tests.benchmark.test_plan import RECIPE

NEEDED = Metric("needy", "Needy", "lower", "", 3, lambda *_: 0.0, "fetch", lambda: True)
PLAIN = Metric("plain", "Plain", "lower", "", 3, lambda *_: 0.0)


def missing(
    out: Path,
    monkeypatch: pytest.MonkeyPatch,
    *scores: Score,
    metrics: tuple[Metric, ...] = (NEEDED, PLAIN),
    stored: tuple[Metric, ...] = (NEEDED, PLAIN),
    recipe: Recipe | None = None,
    evaluation: str = evaluation_version(),
    pairs: tuple[Pair, ...] = (),
) -> frozenset[str] | None:
    """What is left of a stored run: None for nothing."""
    monkeypatch.setattr(
        module, "metrics_for", lambda _: {one.name: one for one in metrics}
    )
    card = Card("net", "Net", "network", "single", "paper", "", "", "")
    run = Run("net-1", "g", Baseline(card, lambda: None), recipe, "demo", 0)  # type: ignore[arg-type,return-value]
    study = Study(out, Dataset("made", out, pairs, "0", out / "derived"), [run])
    entry = replace(ENTRY, evaluation=evaluation, weights="none", train_dataset="")
    versions = metric_versions(
        [one.name for one in stored], {one.name: one for one in stored}
    )
    with open_results(out / "results.sqlite") as results:
        results.record(entry, scores, versions=versions)
        left = module.left_of(study, results)
    return left[0].metrics if left else None


LACKING = Score("default", "gt", "needy", "a", "a", None, reason="no weights; fetch")


def test_scores_that_lacked_weights_are_filled_in_once_those_are_there(
    tmp_path, monkeypatch
):
    assert missing(tmp_path, monkeypatch, LACKING) == {"needy"}
    unready = replace(NEEDED, ready=lambda: False)
    assert missing(tmp_path, monkeypatch, LACKING, metrics=(unready, PLAIN)) is None


def test_a_pair_that_can_be_read_again_gets_all_its_scores(tmp_path, monkeypatch):
    pair = Pair("a", "a", "test", tmp_path / "blurry.png", tmp_path / "sharp.png")
    unread = Score(
        DEFAULT.name, "gt", "psnr", "a", "a", None, reason=UNREAD + "cut short"
    )
    write_image(pair.blurry, np.zeros((8, 8, 3), np.uint8))
    assert missing(tmp_path, monkeypatch, unread, pairs=(pair,)) is None
    write_image(tmp_path / "sharp.png", np.zeros((8, 8, 3), np.uint8))
    assert missing(tmp_path, monkeypatch, unread, pairs=(pair,)) == {"needy", "plain"}
    other = replace(unread, reason="the mask is empty")
    assert missing(tmp_path, monkeypatch, other, pairs=(pair,)) is None


@pytest.mark.parametrize(
    "score",
    [
        replace(LACKING, value=1.0, reason=""),
        replace(LACKING, reason="the mask is empty"),
        replace(LACKING, metric="plain"),
        replace(LACKING, metric="of another installation"),
    ],
)
def test_what_no_weights_can_fill_in_is_left(tmp_path, monkeypatch, score):
    assert missing(tmp_path, monkeypatch, score) is None


def test_a_run_whose_checkpoint_was_deleted_is_not_trained_again_for_a_metric(
    tmp_path, monkeypatch, capsys
):
    assert missing(tmp_path, monkeypatch, LACKING, recipe=RECIPE) is None
    assert (
        "net-1: needy left out: its checkpoint was deleted" in capsys.readouterr().err
    )


def test_a_new_metric_a_raised_revision_and_another_file_are_missing_alone(
    tmp_path, monkeypatch
):
    assert missing(tmp_path, monkeypatch) is None
    assert missing(tmp_path, monkeypatch, stored=(PLAIN,)) == {"needy"}
    raised = replace(PLAIN, revision=2)
    assert missing(tmp_path, monkeypatch, metrics=(NEEDED, raised)) == {"plain"}
    of_a_file = replace(PLAIN, source_hash="ab" * 32)
    other = replace(PLAIN, source_hash="cd" * 32)
    assert (
        missing(tmp_path, monkeypatch, metrics=(of_a_file,), stored=(of_a_file,))
        is None
    )
    assert missing(tmp_path, monkeypatch, metrics=(other,), stored=(of_a_file,)) == {
        "plain"
    }


def test_another_scoring_revision_leaves_every_metric_to_be_computed(
    tmp_path, monkeypatch
):
    assert missing(tmp_path, monkeypatch, evaluation="0-00000000") == {"needy", "plain"}
