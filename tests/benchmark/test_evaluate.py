"""Evaluation of one system: what goes in, what must come out, what is kept."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch
from torch import nn

from defocus.align.flow.by_name import flow_estimator
from defocus.align.flow.estimator import FlowEstimator
from defocus.baselines.card import Card
from defocus.baselines.registry import baseline
from defocus.benchmark.evaluation import shown_pictures
from defocus.benchmark.evaluation.columns import PARTS
from defocus.benchmark.evaluation.evaluate import Evaluation, evaluate
from defocus.benchmark.evaluation.restore import check_inputs, restore_picture
from defocus.benchmark.metrics.metric import NO_REFERENCE, metrics_for, profile_metrics
from defocus.benchmark.results.run_folder import UNREAD
from defocus.benchmark.results.score_matrix import Score
from defocus.benchmark.results.store import COSTS, Cost
from defocus.benchmark.scoring.score import PairScorer
from defocus.datasets.pair import Dataset, Pair
from defocus.errors import ImageError, NotApplicableError
from defocus.pictures.read import read_image
from tests.benchmark.test_protocols import KnownFlow
from tests.benchmark.test_size_check import Of

pytestmark = pytest.mark.usefixtures("no_weights")

CPU = torch.device("cpu")
CARD = Card("net", "Net", "network", "single", "paper", "", "", "")
DUAL = replace(CARD, input="dual", needs=("dual_pixel",))


@pytest.fixture
def pair(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (40, 56, 3), dtype=np.uint8)
    sharp = cv2.GaussianBlur(noise, (0, 0), 1.0)
    files = {
        "sharp": sharp,
        "blurry": cv2.GaussianBlur(sharp, (0, 0), 1.5),
        "left": np.full_like(sharp, 51),
        "right": np.full_like(sharp, 102),
    }
    for name, picture in files.items():
        cv2.imwrite(str(tmp_path / f"{name}.png"), picture)
    paths = {name: tmp_path / f"{name}.png" for name in files}
    return Pair(
        "p",
        "s",
        "test",
        paths["blurry"],
        paths["sharp"],
        dual_pixel_left=paths["left"],
        dual_pixel_right=paths["right"],
    )


def dataset_of(*pairs: Pair) -> Dataset:
    folder = pairs[0].blurry.parent
    return Dataset("made", folder, pairs, str(folder), folder / ".derived")


def evaluated(
    dataset: Dataset,
    network: nn.Module | None = None,
    independent: FlowEstimator | None = None,
) -> tuple[list[Score], list[Cost], dict[str, float]]:
    """Of a system that gives its input where none is told; what is kept lies in ``run``."""
    network, out = network or nn.Identity(), dataset.root / "run"
    flow = flow_estimator("dis")
    metrics = metrics_for(dataset.split("test"))
    scorer = PairScorer(dataset, flow, metrics, independent=independent)
    return evaluate(Evaluation(network, CARD, scorer, out, CPU))


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (15, 20)])
def test_a_picture_smaller_than_networks_take_is_restored(tmp_path, size):
    path = tmp_path / "a.png"
    cv2.imwrite(str(path), np.full((*size, 3), 90, np.uint8))
    network = baseline("wiener").build().eval()
    restoration = restore_picture(
        network, CARD, Pair("a", "a", "test", path, path), CPU
    ).picture
    assert restoration.shape == (*size, 3)


def test_a_perfect_system_is_perfect_under_gt(pair):
    sharp = torch.from_numpy(read_image(pair.sharp).astype(np.float32) / 255).permute(
        2, 0, 1
    )  # type: ignore[arg-type]
    scores, costs, _ = evaluated(dataset_of(pair), Of(lambda _: sharp[None]))
    scored = {(s.protocol, s.metric): s for s in scores}
    assert len(scored) == len(scores)
    whole = [metric for _, metric in scored if metric not in PARTS]
    assert len(whole) == 4 * len(profile_metrics("defocus-v1"))
    assert scored["gt", "mae"].value == pytest.approx(0, abs=1e-7)
    assert scored["gt", "psnr"].value > 80
    assert scored["gt", "ssim"].value == pytest.approx(1)
    assert scored["gt", "lpips"].value is None
    assert scored["gt", "lpips"].reason == "no weights in this test"
    assert scored["truth", "psnr"].reason.startswith("no true sharp picture")
    assert scored["deformed-gt", "psnr"].flow == "dis"
    assert tuple(cost.metric for cost in costs) == COSTS
    assert costs[-1].measured_on == "cpu, 56x40 px, 1 picture without a warm-up"
    assert all(s.pair == "p" and s.scene == "s" for s in scores)


@pytest.mark.parametrize("cut", ["sharp", "blurry"])
def test_a_pair_that_cannot_be_read_is_left_out_by_name(pair, tmp_path, cut, refused):
    file = tmp_path / "cut.png"
    file.write_bytes(pair.blurry.read_bytes()[:2000])
    damaged = replace(pair, id="a", **{cut: file})
    scores, costs, _ = evaluated(dataset_of(damaged, pair))
    without = {one.reason.partition(" (")[0] for one in scores if one.pair == "a"}
    assert without == {f"{UNREAD}cut.png: the file is cut short"}
    psnr = {
        one.pair: one.value
        for one in scores
        if (one.protocol, one.metric) == ("gt", "psnr")
    }
    assert psnr["a"] is None
    assert psnr["p"] is not None
    assert [cost.measured_on for cost in costs][1] == "56x40 px"
    with refused(ImageError):
        evaluated(dataset_of(damaged))


def test_parts_of_pictures_and_another_estimator_have_scores_of_their_own(
    pair, tmp_path
):
    circles = np.full((40, 56), 1.0, np.float32)
    circles[:, 28:] = -5.0
    np.save(tmp_path / "map.npy", circles)
    described = replace(
        pair, defocus_map=tmp_path / "map.npy", metadata={"place": "indoor"}
    )
    still = KnownFlow((0, 0))
    still.weights_sha256 = "ab" * 32
    scores, *_ = evaluated(dataset_of(described), independent=still)
    scored = {(s.protocol, s.metric): s for s in scores}
    assert {metric for protocol, metric in scored if protocol == "gt" and metric in PARTS} == {
        "psnr_edges", "psnr_flat", "psnr_in_focus", "psnr_blurred", "psnr_coc_0_2", "psnr_coc_4_8",
        "psnr_indoor", "psnr_gain", "made_worse",
    }  # fmt: skip
    assert (scored["gt", "psnr_gain"].value, scored["gt", "made_worse"].value) == (0, 0)
    assert scored["gt", "psnr_indoor"].value == scored["gt", "psnr"].value
    errors = [
        10 ** -(scored["gt", f"psnr_{part}"].value / 10)
        for part in ("in_focus", "blurred")
    ]
    assert np.mean(errors) == pytest.approx(10 ** -(scored["gt", "psnr"].value / 10))
    other = scored["deformed-gt", "psnr_independent"]
    assert (other.flow, other.flow_weights) == ("known", "ab" * 32)
    assert other.value == pytest.approx(scored["gt", "psnr"].value)
    assert ("gt", "psnr_independent") not in scored
    assert not [
        metric
        for protocol, metric in scored
        if protocol == "deformed-gt" and metric in PARTS
    ]


def test_a_target_that_cannot_be_names_its_estimator(pair):
    scores, *_ = evaluated(dataset_of(replace(pair, id="a", sharp=None), pair))
    alone = [score for score in scores if score.pair == "a"]
    assert all(score.value is None for score in alone)
    flows = {score.protocol: score.flow for score in alone}
    assert flows == {
        "gt": "",
        "input-aligned": "dis",
        "deformed-gt": "dis",
        "truth": "",
    }


def test_without_ground_truth_metrics_without_reference_score_alone(pair):
    scores, *_ = evaluated(dataset_of(replace(pair, sharp=None)))
    assert {(score.protocol, score.metric) for score in scores} == {
        (NO_REFERENCE, "niqe")
    }
    assert "px" in scores[0].reason, "NIQE needs blocks of 96 px"


def test_small_pictures_are_kept_for_the_report(pair, tmp_path, monkeypatch):
    monkeypatch.setattr(shown_pictures, "SHOWN_PX", 28)
    evaluated(dataset_of(pair))
    folder = tmp_path / "run" / "images"
    assert sorted(path.name for path in folder.iterdir()) == [
        "p.blurry.png",
        "p.restored.png",
        "p.sharp.png",
    ]
    restored = read_image(folder / "p.restored.png")
    assert restored.shape == (20, 28, 3)
    assert restored.dtype == np.uint8
    assert np.abs(restored.astype(int) - read_image(folder / "p.blurry.png")).max() <= 1


def test_a_dual_system_gets_left_and_right(pair):
    seen: list[torch.Tensor] = []

    def network(views: torch.Tensor) -> torch.Tensor:
        seen.append(views)
        return views[:, :3]

    restored = restore_picture(Of(network), DUAL, pair, CPU)
    assert seen[0].shape == (1, 6, 40, 56)
    assert torch.allclose(seen[0][:, :3], torch.tensor(0.2))
    assert torch.allclose(seen[0][:, 3:], torch.tensor(0.4))
    assert restored.picture.shape == (40, 56, 3)
    assert restored.picture.dtype == np.float64
    assert restored.seconds > 0
    assert restored.tile_px == 0


def test_the_network_is_in_evaluation_mode_without_gradients(pair):
    modes: list[tuple[bool, bool]] = []
    network = Of(
        lambda blurry: (
            modes.append((network.training, torch.is_grad_enabled())),
            blurry,
        )[1]
    )  # type: ignore[func-returns-value]
    network.train()
    evaluated(dataset_of(pair), network)
    assert set(modes) == {(False, False)}


@pytest.mark.parametrize(
    ("function", "error"),
    [
        (lambda x: x[..., 1:], ValueError),
        (lambda x: x[:, :1], ValueError),
        (lambda x: x / 0, FloatingPointError),
    ],
)
def test_what_no_system_may_give(pair, function, error, refused):
    with refused(error):
        restore_picture(Of(function), CARD, pair, CPU)


def test_inputs_that_the_pairs_lack(pair, refused):
    check_inputs(CARD, [pair])
    check_inputs(DUAL, [pair])
    with refused(NotApplicableError):
        check_inputs(DUAL, [replace(pair, dual_pixel_left=None)])
    with refused(NotApplicableError):
        check_inputs(replace(CARD, needs=("defocus_map",)), [pair])
    # the last two are for objectives alone
    for unknown in ("parser", "flow", "valid_mask"):
        with refused(NotApplicableError):
            check_inputs(replace(CARD, needs=(unknown,)), [pair])
