"""Weights for one's own lens: a small training from charts to report, stopped and continued."""

import json
import math
import signal
import tomllib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from numpy.typing import NDArray

import defocus
from defocus.baselines.objective import Batch
from defocus.baselines.registry import baseline
from defocus.baselines.weights.store import find_weights
from defocus.datasets.pair import Split
from defocus.datasets.stream.dataset import stream_dataset
from defocus.errors import DefocusError, InputError, InterruptedWorkError
from defocus.extras.charts.accuracy.lenses import chart_through
from defocus.extras.charts.chart_commands.my_lens import command
from defocus.extras.charts.lens.page import lens_parts
from defocus.extras.charts.lens.probes import ChartShot
from defocus.extras.charts.lens.summary import kernel_mtf50
from defocus.extras.charts.own_lens import training
from defocus.extras.charts.own_lens.gains import Gains, measure_gains
from defocus.extras.charts.own_lens.mtf import chart_mtf
from defocus.extras.charts.own_lens.page import mtf_table
from defocus.extras.charts.own_lens.patch_bank import PatchBank
from defocus.extras.charts.own_lens.run import stream_document
from defocus.extras.charts.own_lens.verdict import Verdict, sign_test
from defocus.extras.charts.reading.read import read_chart
from defocus.extras.charts.sheet.layout import HEIGHT, WIDTH, make_sheet
from defocus.extras.charts.sheet.parts import SlantedSquare
from defocus.extras.charts.sheet.raster import photographed
from defocus.pictures.values import as_integer, linear_to_srgb
from defocus.pictures.write import write_image
from defocus.reports.model import Gallery
from defocus.scene.aperture import disc_psf
from defocus.scene.lens_file import MeasuredLens, Recording
from defocus.scene.real_lens import OffAxis, RealLens
from defocus.storage.files import write_json
from defocus.training.loop import Job, Trained

LENS = RealLens(2.8, 2.8, 16.0, spherical=1.5, coma=OffAxis(1.0, 2.5))
MEASURED = MeasuredLens(LENS, (2.8,), recording=Recording(0.0, 1.6e-5))
HELD_OUT: dict[Split, tuple[int, int, int]] = {
    "validation": (0, 1, 64),
    "test": (1000, 3, 96),
}
STEPS = 4


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    monkeypatch.setattr("defocus.datasets.stream.dataset.HELD_OUT", HELD_OUT)
    monkeypatch.setattr("defocus.datasets.stream.dataset.CIRCLES_PX", ())
    monkeypatch.setattr(training, "MOST_PATCHES", 3)
    monkeypatch.setattr(training, "PATCH_PX", 96)


@pytest.fixture(scope="module")
def chart(tmp_path_factory):
    path = tmp_path_factory.mktemp("charts") / "chart.png"
    (light,) = chart_through(LENS, (5.0,))
    write_image(path, as_integer(linear_to_srgb(light), 16))
    return path


@pytest.mark.full
def test_from_a_chart_to_weights_that_restore(
    chart, tmp_path, capfd, monkeypatch, refused
):
    fit = "defocus.extras.charts.own_lens.run.measure_lens"
    monkeypatch.setattr(fit, lambda *_: (None, MEASURED))  # it takes a minute
    out = tmp_path / "fifty"
    (out / "training").mkdir(parents=True)
    (out / ".lock").touch()
    write_json(out / "training" / "plan.json", {"steps": STEPS})
    asked = [str(chart), "--f-number", "2.8", "--out", str(out), "--json", "--minutes"]
    assert command.main([*asked, "0.1"], standalone_mode=False) is None
    printed = capfd.readouterr()
    document = json.loads(printed.out)
    stages = [line for line in printed.err.splitlines() if " of 5: " in line]
    assert [line[0] for line in stages] == ["1", "2", "3", "4", "5"]
    assert (
        "4 steps are too few to gain anything; give --minutes 13 at least"
        in printed.err
    )
    assert [one["state"] for one in document["charts"]] == [
        "as taken",
        "this lens",
        "general",
    ]
    taken, own, general = document["charts"]
    assert min(own["mtf50"], general["mtf50"]) > 1.1 * taken["mtf50"]
    assert len(document["lens"]["after"]) == HELD_OUT["test"][1]
    assert document["verdict"]["recommended"] is False, "three scenes show nothing"
    assert document["verdict"]["lens"]["scenes"] == HELD_OUT["test"][1]
    assert "Not recommended: " in (out / "report.html").read_text()
    assert "not shown to be better than the general weights; use those" in printed.err
    assert "Weights for the lens fifty" in (out / "report.html").read_text()
    weights = out / "defocus-m-fifty.safetensors"
    trained, start = (
        defocus.load("defocus-m", weights=one).state_dict() for one in (weights, "own")
    )
    assert any(not torch.equal(tensor, start[name]) for name, tensor in trained.items())
    stored = find_weights(baseline("defocus-m"), str(weights))
    assert stored.origin == "trained"
    assert stored.trained_on[0].startswith("stream of the lens fifty")
    with refused(InputError):
        command.main([*asked, "0.2"], standalone_mode=False)


def test_a_refused_request_leaves_the_folder_free(chart, tmp_path, refused):
    asked, out = [str(chart), "--out", str(tmp_path / "fifty")], tmp_path / "fifty"
    with refused(DefocusError):
        command.main(asked, standalone_mode=False)
    with refused(DefocusError):  # not: it holds weights of other pictures
        command.main([str(chart), *asked, "--f-number", "2.8"], standalone_mode=False)
    assert [path.name for path in out.iterdir() if path.name != ".lock"] == []


def test_texture_of_an_over_exposed_chart_has_a_reason():
    corners = np.array([(0, 0), (WIDTH, 0), (WIDTH, HEIGHT), (0, HEIGHT)], np.float32)
    places = np.array([(60, 50), (840, 70), (850, 600), (40, 590)], np.float32)
    place = np.asarray(cv2.getPerspectiveTransform(corners, places), np.float64)
    light = cv2.filter2D(photographed(make_sheet(), place, 900, 640), -1, disc_psf(5.0))
    light = np.clip(1.5 * light, 0.0, 1.0)
    reading = read_chart(light)
    assert reading is not None
    shots = [ChartShot(light, reading, 2.8)]
    darker = {"new weights": lambda one: np.asarray(0.9 * one, np.float32)}
    charts = list(chart_mtf([Path("wall.tif")], shots, darker))
    reason = "the paper is clipped; expose less"
    assert [(one.invented, one.reason) for one in charts] == [(None, reason)] * 2
    assert mtf_table(charts).note == f"Leaves not measured: wall.tif: {reason}."


@pytest.mark.full
def test_a_chart_without_an_edge_in_all_states_is_a_row_with_a_reason():
    scale = 900 / WIDTH
    light = photographed(
        make_sheet(), np.diag([scale, scale, 1.0]), 900, round(HEIGHT * scale)
    )
    reading = read_chart(np.asarray(cv2.filter2D(light, -1, disc_psf(5.0)), np.float64))
    assert reading is not None
    shots = [ChartShot(light, reading, 2.8)]
    flat = {"flat": lambda one: np.full_like(one, 0.5)}
    charts = list(chart_mtf([Path("wall.tif")], shots, flat))
    reason = "no edge of the chart can be measured both before and after"
    assert [(one.mtf50, one.overshoot, one.edges_reason) for one in charts] == [
        (None, None, reason)
    ] * 2
    table = mtf_table(charts)
    assert [row[3:5] for row in table.rows] == [(None, None)] * 2
    assert table.note.endswith(f"Edges not compared: wall.tif: {reason}.")


@pytest.mark.full
def test_the_chart_is_compared_at_the_edges_that_all_states_show():
    """Strong blur hides edges of low contrast; showing those alone gains nothing."""
    scale = 900 / WIDTH
    sharp = photographed(
        make_sheet(), np.diag([scale, scale, 1.0]), 900, round(HEIGHT * scale)
    )
    light = np.asarray(cv2.filter2D(sharp, -1, disc_psf(24.0)), np.float64)
    reading = read_chart(light)
    assert reading is not None
    hidden = [one for one in reading.edges if one.low_contrast and one.response is None]
    assert len(hidden) > 8

    def sharpened(blurry: NDArray[np.float32]) -> NDArray[np.float32]:
        picture = blurry.copy()
        for part in reading.sheet.parts:
            if isinstance(part, SlantedSquare) and part.bright < 1.0:
                x, y, half = (round(mm * scale) for mm in (part.x, part.y, 25.0))
                square = slice(y - half, y + half), slice(x - half, x + half)
                picture[square] = linear_to_srgb(sharp[square])
        return picture

    shots = [ChartShot(light, reading, 2.8)]
    taken, curves = chart_mtf([Path("wall.tif")], shots, {"sharpened": sharpened})
    assert curves.mtf50 == taken.mtf50
    assert curves.overshoot == taken.overshoot


def test_the_report_shows_the_lens_at_the_f_numbers_that_were_photographed():
    fast = RealLens(1.8, 1.8, 16.0, spherical=9.0)
    *galleries, _ = lens_parts(MeasuredLens(fast, (4.0, 5.6)))
    middle = [next(iter(one.tiles)) for one in galleries if isinstance(one, Gallery)]
    expected = [
        kernel_mtf50(replace(fast, f_number=one), -8.0, (0.0, 0.0))
        for one in (4.0, 5.6)
    ]
    assert [one.line for one in middle] == [f"MTF50 {one:.3f}" for one in expected]
    assert abs(expected[1] - kernel_mtf50(fast, -8.0, (0.0, 0.0))) > 0.005


def test_a_stopped_training_ends_as_one_that_was_not_stopped(tmp_path, monkeypatch):
    system = baseline("defocus-m")
    start = find_weights(system, "own")
    lens, others = stream_dataset(None, MEASURED), stream_dataset(None)
    batch = PatchBank.batch

    def trained(name: str) -> dict[str, torch.Tensor]:
        (tmp_path / name).mkdir(exist_ok=True)
        write_json(tmp_path / name / "plan.json", {"steps": STEPS})
        network = training.train_on(system, start, lens, others, 1.0, tmp_path / name)
        return network.state_dict()

    def stopping(bank: PatchBank, step: int, *given: Any, **further: Any) -> Any:
        if step == STEPS // 2:
            signal.raise_signal(signal.SIGTERM)
        return batch(bank, step, *given, **further)

    with monkeypatch.context() as patched:
        patched.setattr(PatchBank, "batch", stopping)
        with pytest.raises(InterruptedWorkError, match="run the same command again"):
            trained("stopped")
    continued, whole = trained("stopped"), trained("whole")
    assert all(torch.equal(tensor, whole[name]) for name, tensor in continued.items())


def test_networks_that_give_the_input_and_grey_have_known_gains(monkeypatch):
    monkeypatch.setattr(
        "defocus.extras.charts.own_lens.gains.CIRCLES_PX", (0.0, 1.0, math.inf)
    )

    class Grey(torch.nn.Module):
        def forward(self, picture: torch.Tensor) -> torch.Tensor:
            return torch.full_like(picture, 0.5)

    card, device = baseline("defocus-m").card, torch.device("cpu")
    gains = measure_gains(
        stream_dataset(None, MEASURED), card, torch.nn.Identity(), Grey(), device
    )
    assert gains.before == pytest.approx([0.0] * 3, abs=1e-9)
    assert max(gains.after) < -5
    assert [one.high for one in gains.by_blur] == [1.0, None], "JSON knows no infinity"
    assert sum(one.share for one in gains.by_blur) == pytest.approx(1)
    assert all(abs(one.before) < 1e-9 and one.after < 0 for one in gains.by_blur)


def changed(changes: Sequence[float]) -> Gains:
    """Scenes that general weights gain 1 dB in, and new ones so much more."""
    scenes = tuple(f"scene-{number:02d}" for number in range(len(changes)))
    return Gains(
        scenes, tuple([1.0] * len(changes)), tuple(1.0 + one for one in changes), ()
    )


def test_what_other_lenses_lose_is_said():
    better, worse = changed([0.5, 0.7] * 10), changed([-0.2, -0.1] * 10)
    words = Verdict.of(better, better).words(better)
    assert "+0.60 dB (95 %: +0.5" in words
    assert "better in 20 of 20 (sign test: p = 9.5e-07)" in words
    assert "other lenses they change +0.60" in words
    words = Verdict.of(better, worse).words(better)
    assert words.endswith("they lose 0.15 dB: use them for this lens alone.")


@pytest.mark.parametrize(
    ("changes", "recommended"),
    [
        ([0.2] * 20 + [0.3] * 20, True),
        ([0.1] * 27 + [-0.05] * 13, True),
        ([0.1] * 26 + [-0.05] * 14, False),
        ([3.0] * 18 + [-0.1] * 22, False),  # the mean and its interval are far above 0
        # most scenes gain, less than the others lose
        ([0.01] * 30 + [-1.0] * 10, False),
        ([-1.1] * 40, False),
        ([0.0] * 40, False),
        ([-0.5, 0.6] * 20, False),
        ([0.3, 0.1], False),  # two of two is a coin thrown twice
        ([0.3] * 6, True),
    ],
)
def test_weights_are_recommended_by_the_scenes_that_gain_and_by_the_mean(
    changes, recommended
):
    outcome = changed(changes)
    verdict = Verdict.of(outcome, outcome)
    document = verdict.to_json()
    assert (verdict.recommended, document["recommended"]) == (recommended, recommended)
    assert (document["doubt"] == "") is recommended
    assert (
        verdict.words(outcome).endswith("Use the general weights.") is not recommended
    )


def test_the_sign_test_is_that_of_thrown_coins():
    assert sign_test([1.0] * 5) == pytest.approx(1 / 32)
    assert sign_test([1.0, 1.0, -1.0]) == pytest.approx(4 / 8)
    assert sign_test([1.0, 1.0, 0.0, -1.0]) == pytest.approx(4 / 8)
    assert sign_test([-1.0] * 9) == pytest.approx(1.0)
    assert sign_test([0.0] * 3) == 1.0


@pytest.mark.parametrize("steps", [10, 100, 4000])
def test_the_rate_rises_for_a_hundred_steps_however_short_the_training(
    tmp_path, monkeypatch, steps
):
    jobs: list[Job[Batch]] = []

    def noted(job: Job[Batch], folder: Path, device: torch.device) -> Trained:
        jobs.append(job)
        return Trained(job.make_network(), 0.0)

    monkeypatch.setattr("defocus.training.loop.train", noted)
    system = baseline("defocus-m")
    write_json(tmp_path / "plan.json", {"steps": steps})
    streams = stream_dataset(None, MEASURED), stream_dataset(None)
    training.train_on(system, find_weights(system, "own"), *streams, 1.0, tmp_path)
    (job,) = jobs
    rates = [job.rate(step / steps * job.method.epochs) for step in range(steps)]
    assert rates[:100] == pytest.approx(
        [3e-6 * step for step in range(min(steps, 100))]
    )
    assert max(rates) <= 3e-4
    assert steps <= 100 or rates[-1] < 2e-6


@pytest.mark.parametrize(
    "name", ["photos", 'it\'s "mine"', "back\\slash", "tab\tand été"]
)
def test_the_stream_finds_a_folder_of_any_name(tmp_path, name):
    written = tomllib.loads(stream_document(tmp_path / name))
    assert written == {
        "lens": "lens.json",
        "photographs": str(tmp_path.resolve() / name),
    }
