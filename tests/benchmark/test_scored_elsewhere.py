"""Pictures that another program restored are scored in processes as in one, to the bit."""

import os
import pickle
import signal
from pathlib import Path

import numpy as np
import pytest

from defocus.align.flow.by_name import flow_estimator
from defocus.benchmark.external_results import scoring
from defocus.benchmark.external_results.matching import folder_subjects, match
from defocus.benchmark.external_results.row import score_request
from defocus.benchmark.metrics.metric import (
    Metric,
    MetricUnavailableError,
    all_metrics,
    find_metric,
)
from defocus.benchmark.scoring.profiles import PROFILES
from defocus.benchmark.scoring.score import PairScorer, fetch_weights
from defocus.dask_cluster import _connected
from defocus.extensions import load_plugin
from defocus.machines import Machines
from tests.benchmark.test_score import scene, stored

NAMES = ("a.png", "b.png", "c.png", "d.png", "torn.png")
LAMBDA = """
from defocus import Metric
BIAS = Metric("bias", "Bias", "lower", "", 4, lambda a, b, mask, profile: abs((a - b)[mask].mean()))
"""


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """Four sharp pictures and what is like them; the file of a fifth is torn."""
    for number, name in enumerate(NAMES):
        sharp = scene(number, 96, 128)
        noise = np.random.default_rng(number).normal(0, 0.02, sharp.shape)
        stored(tmp_path / "sharp" / name, sharp, 16)
        restored = stored(tmp_path / "out" / name, sharp + noise, 8)
    restored.write_bytes(restored.read_bytes()[:200])
    return tmp_path / "out", tmp_path / "sharp"


@pytest.fixture
def bias(no_plugins: None, tmp_path: Path) -> Metric:
    """A metric of a plug-in file, which no other process can unpickle by itself."""
    (tmp_path / "bias.py").write_text(LAMBDA, encoding="utf-8")
    load_plugin(tmp_path / "bias.py")
    return find_metric("bias")


def test_a_scorer_goes_to_other_processes(bias: Metric) -> None:
    assert all_metrics()["bias"] is bias
    for profile in PROFILES.values():
        scorer = PairScorer(None, flow_estimator("dis"), all_metrics(), profile)
        there = pickle.loads(pickle.dumps(scorer))  # noqa: S301 - made in the line above
        assert (there.metrics, there.profile) == (scorer.metrics, profile)


def test_a_metric_that_is_not_registered_goes_as_it_is() -> None:
    mine = Metric("psnr", "Mine", "higher", "dB", 1, max)  # type: ignore[arg-type]
    assert pickle.loads(pickle.dumps(mine)) == mine  # noqa: S301 - made in this line


def test_weights_are_fetched_once_before_several_processes_would() -> None:
    asked = []

    def compute(*pictures: object) -> float:
        asked.append(pictures)
        raise MetricUnavailableError("no network")

    needy = Metric("needy", "N", "lower", "", 3, compute, "fetch it", lambda: False)
    plain = Metric("plain", "P", "lower", "", 3, compute)
    fetch_weights({"needy": needy, "plain": plain})
    assert len(asked) == 1


def compared(folders: tuple[Path, Path], where: int | Machines, profile: str) -> None:
    """Score here and there; all is the same."""
    here = score_request(*folders, None, profile, ["bias"])
    there = score_request(*folders, None, profile, ["bias"], where=where)
    assert there == here
    assert [one.id for one in there.left_out] == ["torn.png"]
    assert [row["name"] for row in there.images] == list(NAMES[:-1])


@pytest.mark.full
@pytest.mark.usefixtures("bias")
@pytest.mark.parametrize("profile", ["defocus-v1", "dpdd8", "jdrl-sdd"])
def test_processes_give_the_scores_of_one(folders: tuple[Path, Path], profile: str) -> None:
    compared(folders, 2, profile)


@pytest.mark.full
@pytest.mark.usefixtures("bias")
def test_a_worker_that_is_killed_changes_no_score(
    folders: tuple[Path, Path], two_workers: Machines, monkeypatch: pytest.MonkeyPatch
) -> None:
    pids = list(_connected(two_workers).run(os.getpid).values())
    each = scoring.each

    def disturbed(work, items, where):  # type: ignore[no-untyped-def]
        for result in each(work, items, where):
            if where == two_workers and pids:
                os.kill(pids.pop(), signal.SIGKILL)
                pids.clear()
            yield result

    monkeypatch.setattr(scoring, "each", disturbed)
    compared(folders, two_workers, "defocus-v1")


@pytest.mark.full
def test_paths_may_be_relative_to_the_folder_of_the_command(
    folders: tuple[Path, Path], two_workers: Machines, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folders[0].parent)
    matched = match(Path("out"), folder_subjects(Path("sharp")))
    assert matched.files[0][1] == Path("out/a.png")
    there = score_request(Path("out"), Path("sharp"), None, "dpdd8", where=two_workers)
    assert there == score_request(Path("out"), Path("sharp"), None, "dpdd8")
