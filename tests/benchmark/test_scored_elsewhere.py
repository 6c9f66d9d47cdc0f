"""Pictures that another program restored are scored in processes as in one, to the bit."""

import os
import pickle
import signal
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from defocus import progress
from defocus.align.flow.by_name import flow_estimator
from defocus.benchmark.external_results import scoring
from defocus.benchmark.external_results.matching import folder_subjects, match
from defocus.benchmark.external_results.options import ScoreOptions
from defocus.benchmark.external_results.row import score_request
from defocus.benchmark.external_results.scoring import Scoring
from defocus.benchmark.metrics.metric import (
    Metric,
    MetricUnavailableError,
    all_metrics,
    find_metric,
)
from defocus.benchmark.scoring.profiles import PROFILES
from defocus.benchmark.scoring.score import PairScorer, fetch_weights
from defocus.cluster.dask_cluster import _connected
from defocus.plugins.extensions import load_plugin
from defocus.processes.machines import Machines
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


@pytest.fixture
def newly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Scoring]:
    """Score with a cache in which nothing is kept yet."""

    def score(
        restored: Path,
        sharp: Path,
        profile: str,
        *metrics: str,
        where: int | Machines = 1,
    ) -> Scoring:
        monkeypatch.setenv(
            "DEFOCUS_CACHE",
            str(tmp_path / f"cache-{type(where).__name__}-{where == 1}"),
        )
        return score_request(
            ScoreOptions(
                restored=restored,
                sharp=sharp,
                profile=profile,
                metric=metrics,
                where=where,
            )
        )

    return score


Newly = Callable[..., Scoring]


def compared(
    newly: Newly, folders: tuple[Path, Path], where: int | Machines, profile: str
) -> None:
    """Score here and there; all is the same."""
    here = newly(*folders, profile, "bias")
    there = newly(*folders, profile, "bias", where=where)
    assert there == here
    assert [one.id for one in there.left_out] == ["torn.png"]
    assert [row["name"] for row in there.images] == list(NAMES[:-1])


@pytest.mark.full
@pytest.mark.usefixtures("bias")
@pytest.mark.parametrize("profile", ["defocus-v1", "dpdd8", "jdrl-sdd"])
def test_processes_give_the_scores_of_one(
    newly: Newly, folders: tuple[Path, Path], profile: str
) -> None:
    compared(newly, folders, 2, profile)


def test_what_is_scored_is_kept_by_its_content(
    folders: tuple[Path, Path], newly: Newly, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stopped command goes on; a picture that has changed is scored anew."""
    first = newly(*folders, "dpdd8")
    computed = []
    anew = scoring._newly_scored

    def noted(
        scorer: PairScorer, crop: None, given: scoring._GivenPicture
    ) -> scoring._Scored:
        computed.append(given.path.name)
        return anew(scorer, crop, given)

    monkeypatch.setattr(scoring, "_newly_scored", noted)
    assert newly(*folders, "dpdd8") == first
    assert computed == ["torn.png"]
    stored(folders[0] / "b.png", scene(9, 96, 128), 8)
    assert newly(*folders, "dpdd8").images != first.images
    assert computed == ["torn.png", "b.png", "torn.png"]
    newly(*folders, "defocus-v1")
    assert len(computed) == 3 + len(NAMES), "another profile"


@pytest.mark.full
@pytest.mark.usefixtures("bias")
def test_a_worker_that_is_killed_changes_no_score(
    newly: Newly,
    folders: tuple[Path, Path],
    two_workers: Machines,
    monkeypatch: pytest.MonkeyPatch,
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
    compared(newly, folders, two_workers, "defocus-v1")


@pytest.mark.full
def test_paths_may_be_relative_to_the_folder_of_the_command(
    newly: Newly,
    folders: tuple[Path, Path],
    two_workers: Machines,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(folders[0].parent)
    matched = match(Path("out"), folder_subjects(Path("sharp")))
    assert matched.files[0][1] == Path("out/a.png")
    there = newly(Path("out"), Path("sharp"), "dpdd8", where=two_workers)
    assert there == newly(Path("out"), Path("sharp"), "dpdd8")


def test_what_there_is_to_say_of_a_file_is_said_of_kept_scores_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    twelve_bits = scene(0, 96, 128) * (4095 / 65535)
    sharp = stored(tmp_path / "sharp" / "a.png", twelve_bits, 16)
    restored = stored(tmp_path / "out" / "a.png", 0.98 * twelve_bits, 16)
    monkeypatch.setenv("DEFOCUS_CACHE", str(tmp_path / "cache"))
    told, results = [], []
    for _ in range(2):
        monkeypatch.setattr(progress, "said_once", set())
        results.append(
            score_request(
                ScoreOptions(
                    restored=restored.parent,
                    sharp=sharp.parent,
                    profile="defocus-v1",
                    metric=(),
                )
            )
        )
        told.append(
            [line for line in capsys.readouterr().err.splitlines() if "4095" in line]
        )
    assert results[0] == results[1]
    assert told[0]
    assert told[0] == told[1]
