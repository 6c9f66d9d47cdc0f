"""The score within reach: what displacement and noise of a known size leave."""

import shutil
from dataclasses import replace

import cv2
import numpy as np
import pytest

from defocus.align.flow.by_name import flow_estimator
from defocus.baselines.registry import baseline
from defocus.benchmark.metrics.metric import find_metric
from defocus.benchmark.scoring import ceiling as module
from defocus.benchmark.scoring import protocols
from defocus.benchmark.scoring.ceiling import ceiling_scores, displaced, turning_flow
from defocus.benchmark.study.plan import Study, plan_runs
from defocus.benchmark.study.run import run_studies
from defocus.datasets.deriving.aligned_reference import AlignedReference
from defocus.datasets.pair import Dataset, Pair
from defocus.pictures.values import as_integer
from defocus.pictures.write import write_image
from research.pages.metrics import probe_scene

SIZE = (96, 128)
METRICS = {"psnr": find_metric("psnr")}


def test_a_displacement_is_as_long_as_said_in_every_direction():
    flow = turning_flow(0.7, 64, 48)
    assert np.hypot(*flow) == pytest.approx(0.7)
    assert np.abs(flow.mean(axis=(1, 2))) == pytest.approx(0, abs=0.02)


def test_a_whole_pixel_is_read_exactly():
    scene = probe_scene(SIZE)
    flow = np.zeros((2, *SIZE))
    flow[0] = 1.0
    assert displaced(scene, flow)[:, :-4] == pytest.approx(scene[:, 1:-3], abs=1e-6)


@pytest.fixture
def pair(tmp_path):
    scene = cv2.GaussianBlur(probe_scene(SIZE), (0, 0), 1.5)
    write_image(tmp_path / "sharp.png", as_integer(scene, 16))
    write_image(
        tmp_path / "blurry.png", as_integer(cv2.GaussianBlur(scene, (0, 0), 3.0), 16)
    )
    paths = {name: tmp_path / f"{name}.png" for name in ("blurry", "sharp")}
    return Pair("p", "s", "test", paths["blurry"], paths["sharp"], truth=paths["sharp"])


def scored(
    pair: Pair,
    monkeypatch: pytest.MonkeyPatch,
    *,
    shift: float,
    residual: float,
    noise_db: float | None = None,
) -> dict[tuple[str, str], float | None]:
    """Ceilings of a pair of which the aligner says so much."""
    mask = pair.sharp.with_name("mask.png")
    write_image(mask, np.full((*SIZE, 3), 255, np.uint8))
    error = {"misalignment_px": 0.02}
    measured = {
        "shift_px": [shift, 0.0], "zoom": 1.0, "rotation_deg": 0.0,
        "residual_px": {"median": residual, "p95": residual}, "uncertainty": error,
        "weights_sha256": None,
    }  # fmt: skip
    reference = AlignedReference(pair.sharp, mask, "dis", "ok", "", "", measured)
    monkeypatch.setattr(module, "aligned_reference", lambda *_: reference)
    monkeypatch.setattr(protocols, "aligned_reference", lambda *_: reference)
    monkeypatch.setattr(module, "ceiling_db", lambda _: noise_db)
    folder = pair.sharp.parent
    dataset = Dataset("made", folder, (pair,), str(folder), folder / ".derived")
    scores = ceiling_scores(dataset, pair, flow_estimator("dis"), METRICS)
    return {(each.protocol, each.metric): each.value for each in scores}


def test_each_protocol_has_the_misalignment_that_it_leaves(pair, monkeypatch):
    scores = scored(pair, monkeypatch, shift=2.0, residual=0.1)
    assert scores["truth", "psnr"] == 100.0
    whole, left = scores["gt", "psnr"], scores["input-aligned", "psnr"]
    assert left - whole == pytest.approx(20 * np.log10(2.0 / 0.1), abs=2.0)
    assert not [protocol for protocol, _ in scores if protocol == "deformed-gt"]


def test_noise_of_the_reference_counts(pair, monkeypatch):
    none = scored(pair, monkeypatch, shift=0.0, residual=0.0)
    noisy = scored(pair, monkeypatch, shift=0.0, residual=0.0, noise_db=30.0)
    assert none["input-aligned", "psnr"] == 100.0
    assert noisy["input-aligned", "psnr"] == pytest.approx(30.0, abs=0.3)
    assert noisy["truth", "psnr"] == 100.0


def test_an_unknown_misalignment_has_no_ceiling(pair, tmp_path):
    alone = replace(pair, sharp=None, truth=None)
    dataset = Dataset("made", tmp_path, (alone,), str(tmp_path), tmp_path / ".derived")
    scores = ceiling_scores(dataset, alone, flow_estimator("dis"), METRICS)
    assert all(score.value is None and score.reason for score in scores)
    assert {score.protocol for score in scores} == {"gt", "input-aligned", "truth"}


@pytest.mark.full
def test_another_layout_of_the_same_pictures_has_its_own_scenes(pair, tmp_path):
    """The content hash leaves scenes open: neither a cache nor a store may answer with old ones."""

    def scenes(*names: str) -> set[tuple[str, int]]:
        pairs = tuple(
            replace(pair, id=f"p{n}", scene=name) for n, name in enumerate(names)
        )
        dataset = Dataset("made", tmp_path, pairs, "0" * 64, tmp_path / ".derived")
        runs = plan_runs([baseline("input")], dataset, "demo")
        rows = run_studies([Study(tmp_path / "study", dataset, runs)]).rows
        return {
            (r.system, r.scenes)
            for r in rows
            if (r.protocol, r.metric) == ("truth", "psnr")
        }

    assert scenes("a", "b", "c") == {("input", 3), ("ceiling", 3)}
    assert scenes("a", "a", "c") == {("input", 2), ("ceiling", 2)}
    shutil.rmtree(tmp_path / "study")
    assert scenes("a", "a", "a") == {("input", 1), ("ceiling", 1)}
