"""The pictures of an evaluation are scored in processes as in threads, to the bit."""

import os
import signal
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from torch import nn

from defocus.align.flow.by_name import flow_estimator
from defocus.benchmark.evaluation import picture_scores
from defocus.benchmark.evaluation.evaluate import Evaluation, evaluate
from defocus.benchmark.evaluation.kept_scores import KeptScores
from defocus.benchmark.metrics.metric import metrics_for
from defocus.benchmark.results.run_folder import WAITING, one_line
from defocus.benchmark.results.score_matrix import Score
from defocus.benchmark.results.store import Cost
from defocus.benchmark.scoring.score import PairScorer
from defocus.cluster.dask_cluster import _connected
from defocus.datasets.pair import Dataset, Pair
from defocus.plugins.extensions import load_plugin
from defocus.processes.machines import Machines, Where
from tests.benchmark.test_evaluate import CARD, CPU
from tests.benchmark.test_run import rows_of

pytestmark = pytest.mark.full

NAMES = ("a", "b", "c", "d", "torn")
MEASURED = ("seconds", "seconds_q1", "seconds_q3", "seconds_mp")
FAILING = """
from defocus import Metric

def compute(restored, reference, mask, profile):
    return 1 / (restored.shape[1] - 64)

METRIC = Metric("failing", "F", "lower", "", 3, compute)
"""


class Sharpened(nn.Module):
    """Gives values beyond [0, 1] that no picture holds."""

    def forward(self, blurry: torch.Tensor) -> torch.Tensor:
        return blurry + 0.7 * (blurry - nn.functional.avg_pool2d(blurry, 5, 1, 2))


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    """Five pairs, shifted by one pixel; a file of the last is torn."""
    pairs = []
    for number, name in enumerate(NAMES):
        noise = np.random.default_rng(number).integers(0, 256, (72, 81, 3), np.uint8)
        sharp = cv2.GaussianBlur(noise, (0, 0), 1.0)
        files = {
            "sharp": sharp[:, 1:],
            "blurry": cv2.GaussianBlur(sharp[:, :-1], (0, 0), 1.5),
        }
        paths = {kind: tmp_path / f"{name}.{kind}.png" for kind in files}
        for kind, picture in files.items():
            cv2.imwrite(str(paths[kind]), picture)
        pairs.append(Pair(name, name, "test", paths["blurry"], paths["sharp"]))
    torn = pairs[-1].sharp
    assert torn is not None
    torn.write_bytes(torn.read_bytes()[:2000])
    return Dataset("made", tmp_path, tuple(pairs), "0" * 64, tmp_path / ".derived")


Evaluated = tuple[list[Score], list[Cost], dict[str, float]]


def evaluated(dataset: Dataset, name: str, where: Where) -> Evaluated:
    """The scores, costs and colour casts, and the kept ones in a folder of that name."""
    folder = dataset.root / name
    kept = KeptScores(folder, {pair.id: pair.id for pair in dataset.pairs})
    flow = flow_estimator("dis")
    metrics = metrics_for(dataset.pairs)
    scorer = PairScorer(dataset, flow, metrics, independent=flow_estimator("dis"))
    return evaluate(
        Evaluation(Sharpened(), CARD, scorer, folder, CPU, kept, where=where)
    )


def pictures(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (folder / "images").iterdir()}


def compared(dataset: Dataset, where: Where) -> None:
    """Evaluate here and there: all is the same but for the seconds, which are measured twice."""
    here, there = evaluated(dataset, "here", 1), evaluated(dataset, "there", where)
    assert there[0] == here[0]
    assert {score.pair for score in there[0]} == set(NAMES)
    for one, other in zip(here[1], there[1], strict=True):
        assert one.measured_on == other.measured_on
        assert one.metric in MEASURED or one.value == other.value
    assert there[2] == here[2]
    assert pictures(dataset.root / "there") == pictures(dataset.root / "here")
    assert not (dataset.root / "there" / WAITING).exists()
    again = evaluated(dataset, "there", where)
    assert again[:2] == there[:2], "what is kept is not measured again"


def test_processes_give_the_scores_of_one(dataset: Dataset) -> None:
    compared(dataset, 2)


def test_a_worker_that_is_killed_changes_no_score(
    dataset: Dataset, two_workers: Machines, monkeypatch: pytest.MonkeyPatch
) -> None:
    pids = list(_connected(two_workers).run(os.getpid).values())
    each = picture_scores.each

    def disturbed(work, items, where):  # type: ignore[no-untyped-def]
        for result in each(work, items, where):
            if pids:
                os.kill(pids.pop(), signal.SIGKILL)
                pids.clear()
            yield result

    monkeypatch.setattr(picture_scores, "each", disturbed)
    compared(dataset, two_workers)


def test_all_are_restored_before_the_first_is_scored(
    dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So the seconds of a row are those of a machine without other work."""
    waiting: list[str] = []
    each = picture_scores.each

    def noted(work, items, where):  # type: ignore[no-untyped-def]
        waiting.extend(items)
        return each(work, items, where)

    monkeypatch.setattr(picture_scores, "each", noted)
    evaluated(dataset, "there", 2)
    assert waiting == list(NAMES)


@pytest.mark.usefixtures("no_plugins")
def test_a_metric_that_fails_there_is_said_in_the_same_words(
    dataset: Dataset, tmp_path: Path
) -> None:
    (tmp_path / "failing.py").write_text(FAILING, encoding="utf-8")
    load_plugin(tmp_path / "failing.py")
    narrow = cv2.imread(str(tmp_path / "b.blurry.png"))[:, :64]
    for kind in ("blurry", "sharp"):
        cv2.imwrite(str(tmp_path / f"b.{kind}.png"), narrow)
    said = []
    for where in (1, 2):
        with pytest.raises(Exception, match="division by zero") as caught:
            evaluated(dataset, f"on-{where}", where)
        said.append(one_line(caught.value))
    assert said[0] == said[1]
    assert "failing.py:5" in said[0]


def scored(out: Path) -> list[dict[str, str]]:
    """The rows of a leaderboard but the seconds, which are measured each time."""
    rows = [row for row in rows_of(out) if row["metric"] not in MEASURED]
    assert {row["metric"] for row in rows} > {"psnr", "params_m", "peak_mib"}
    return rows


def test_the_commands_give_the_same_rows(bench, tiny_dataset, tmp_path):  # type: ignore[no-untyped-def]
    asked = [
        "--dataset",
        f"tiny:{tiny_dataset}",
        "--only",
        "tiny-conv",
        "--only",
        "wiener",
    ]
    for out, on in (("here", "1"), ("there", "2")):
        bench("run", *asked, "--out", out, "--on", on, code=0)
    assert scored(tmp_path / "there") == scored(tmp_path / "here")
    evaluate = ("evaluate", "tiny-conv", "wiener", "--out", "there", "--on", "2")
    bench(*evaluate, "--dataset", f"tiny:{tiny_dataset}", code=0)
    assert scored(tmp_path / "there") == scored(tmp_path / "here")
