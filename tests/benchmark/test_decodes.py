"""Each picture of a pair is decoded once, however many protocols and metrics look at it."""

from collections import Counter
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import skimage.data
import torch
from numpy.typing import NDArray
from torch import nn

import defocus.pictures.read
from defocus.align.flow.by_name import flow_estimator
from defocus.baselines.registry import baseline
from defocus.benchmark.evaluation.evaluate import Evaluation, evaluate
from defocus.benchmark.external_results.matching import dataset_subjects, match
from defocus.benchmark.external_results.scoring import score_outputs
from defocus.benchmark.metrics.metric import find_metric
from defocus.benchmark.scoring import protocols
from defocus.benchmark.scoring.profiles import PROFILES
from defocus.benchmark.scoring.protocols import make_target
from defocus.benchmark.scoring.score import PairScorer
from defocus.datasets.pair import Dataset, Pair
from defocus.pictures.read import read_image
from defocus.pictures.values import Image, as_float
from defocus.pictures.write import write_image

METRICS = {name: find_metric(name) for name in ("psnr", "ssim", "mae")}
FLOW = flow_estimator("dis")


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    """One test pair, registered already."""
    folder = tmp_path_factory.mktemp("pair")
    sharp = skimage.data.astronaut()[:384, :384]
    write_image(folder / "sharp.png", sharp)
    write_image(folder / "blurry.png", cv2.GaussianBlur(sharp, None, 1.5))
    pair = Pair("a", "a", "test", folder / "blurry.png", folder / "sharp.png")
    opened = Dataset("one pair", folder, (pair,), "1" * 64, folder / "derived")
    make_target("input-aligned", opened, pair, as_picture(pair), FLOW)
    return opened


def as_picture(pair: Pair) -> NDArray[np.float64]:
    return np.asarray(as_float(read_image(pair.blurry), np.float64), np.float64)


@pytest.fixture
def decodes(dataset, monkeypatch):
    """How often each file was decoded from now on, as in a new process."""
    counts: Counter[Path] = Counter()
    decode = defocus.pictures.read._decode

    def counted(path: Path, content: Any) -> Image:
        counts[path] += 1
        return decode(path, content)

    monkeypatch.setattr(defocus.pictures.read, "_decode", counted)
    monkeypatch.setattr(protocols, "_targets", type(protocols._targets)())
    return counts


def test_a_run_decodes_each_file_once(dataset, decodes, tmp_path):
    card, device = baseline("input").card, torch.device("cpu")
    scorer = PairScorer(dataset, FLOW, METRICS)
    scores, *_ = evaluate(Evaluation(nn.Identity(), card, scorer, tmp_path, device))
    assert {score.protocol for score in scores if score.value is not None} >= {
        "gt",
        "input-aligned",
        "deformed-gt",
    }
    (pair,) = dataset.pairs
    assert {pair.blurry, pair.sharp} <= set(decodes)
    assert set(decodes.values()) == {1}


@pytest.mark.parametrize("profile", ["defocus-v1", "jdrl-sdd"])
def test_scores_of_a_folder_decode_each_file_once(dataset, decodes, tmp_path, profile):
    (pair,) = dataset.pairs
    write_image(tmp_path / f"{pair.id}.png", read_image(pair.blurry))
    decodes.clear()
    subjects = dataset_subjects(dataset)
    scorer = PairScorer(dataset, FLOW, METRICS, PROFILES[profile])
    score_outputs(match(tmp_path, subjects), scorer)
    assert len(decodes) >= 3
    assert set(decodes.values()) == {1}
