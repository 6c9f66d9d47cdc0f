"""How exactly a difference of two systems is known, as the reference may lie elsewhere."""

import math
from dataclasses import replace

import cv2
import numpy as np
import pytest

from defocus.benchmark.documents.page import build_page
from defocus.benchmark.evaluation.columns import MOVES
from defocus.benchmark.leaderboard.rows import leaderboard
from defocus.benchmark.leaderboard.tables import score_tables
from defocus.benchmark.metrics.psnr import METRIC
from defocus.benchmark.results.score_matrix import Score
from defocus.benchmark.results.store import Entry, open_results
from defocus.benchmark.scoring.profiles import DEFAULT
from defocus.benchmark.scoring.protocols import Target
from defocus.benchmark.scoring.score import psnr_moved
from defocus.benchmark.statistics.scored_group import resolution
from defocus.benchmark.statistics.standings import tracks
from defocus.extras.charts.systems.restorers import SystemRestorer
from defocus.pictures.values import as_integer
from research.alignment_truth.real_like.pair import RealLikePair
from research.pages.metrics import probe_scene
from research.resolution import pair_scores, resolution_table

SIZE = (96, 128)


def test_a_reference_is_moved_by_its_standard_error_each_way():
    scene = cv2.GaussianBlur(probe_scene(SIZE), (0, 0), 2.0)
    mask = np.zeros(SIZE, bool)
    mask[8:-8, 8:-8] = True
    target = Target(scene, mask, sigma_px=1.0)
    scores = dict(psnr_moved(np.roll(scene, 1, axis=1), target, DEFAULT))
    assert scores.keys() == MOVES.keys()
    assert scores["psnr_moved_left"] == pytest.approx(100.0), "that way it fits"
    plain = METRIC.score(np.roll(scene, 1, axis=1), scene, mask, DEFAULT)
    assert plain is not None
    assert scores["psnr_moved_right"] == pytest.approx(plain - 6.0, abs=0.3), (
        "twice as far off"
    )
    assert scores["psnr_moved_up"] == pytest.approx(scores["psnr_moved_down"], abs=1.0)
    assert not dict(psnr_moved(scene, replace(target, sigma_px=None), DEFAULT))


def test_what_turns_with_the_direction_averages_out_and_the_rest_adds_up():
    turning = np.outer([0.1, -0.1, 0.0, 0.0], np.ones(100))
    each = tuple(range(100))
    assert resolution(turning, each) == pytest.approx(0.1 / 10)
    assert resolution(turning, (0,) * 100) == pytest.approx(0.1), "of one scene"
    assert resolution(np.full((4, 100), -0.1), each) == pytest.approx(0.2), (
        "of two axes"
    )
    some = turning.copy()
    some[:, 25:] = math.nan
    assert resolution(some, each) == pytest.approx(0.1 / 5)
    assert resolution(np.full((4, 3), math.nan), each[:3]) is None


@pytest.fixture
def study(tmp_path):
    """Two systems 0.02 dB apart, and the input 1 dB below; a move changes the better one alone."""
    entry = Entry(
        "",
        "",
        "e",
        "",
        "single",
        "none",
        0,
        "",
        "made",
        "d" * 64,
        "test",
        "paper",
        0,
        "ok",
    )
    base = np.random.default_rng(0).normal(25.0, 3.0, 12)
    with open_results(tmp_path / "results.sqlite") as results:
        for system, more, fall in (
            ("input", 0.0, 0.0),
            ("wiener", 1.0, 0.0),
            ("jnb", 1.02, 0.1),
        ):
            values = {"psnr": base + more} | dict.fromkeys(MOVES, base + more - fall)
            results.record(
                replace(entry, run=system, grouping=system, system=system),
                [
                    Score(
                        "defocus-v1",
                        "input-aligned",
                        name,
                        f"p{n}",
                        f"s{n}",
                        float(value),
                    )
                    for name, column in values.items()
                    for n, value in enumerate(column)
                ],
            )
    return tmp_path


def test_every_comparison_says_its_own_resolution(study):
    with open_results(study / "results.sqlite") as results:
        rows, tables = leaderboard(results), tracks(results)
        page = build_page(study, results, rows)
    (track,) = tables
    pairs = {(d.first, d.second): d for d in track.differences}
    assert pairs["jnb", "wiener"].resolution == pytest.approx(0.2)
    assert {pair for pair, one in pairs.items() if one.below_resolution} == {
        ("jnb", "wiener")
    }
    assert pairs["wiener", "input"].resolution == pytest.approx(0.0)
    gains = {row.system: row.gain_resolution for row in rows if row.metric == "psnr"}
    assert gains == {
        "input": None,
        "jnb": pytest.approx(0.2),
        "wiener": pytest.approx(0.0),
    }
    assert not {row.metric for row in rows} & MOVES.keys(), (
        "moves have no rows of their own"
    )
    (table,) = score_tables(rows, (), tables)
    assert "leaves open: jnb and wiener (0.020 of 0.200 dB)" in table.note
    assert any(
        "change by 0.200 dB at most, differences between" in note for note in page.notes
    )
    assert "below its resolution of 0.20 dB" in str(page.sections)


def test_a_known_transform_shows_what_an_error_of_registration_changes():
    whole = cv2.GaussianBlur(probe_scene((208, 272)), (0, 0), 2.0)
    shift = np.float32([[1, 0, 2.25], [0, 1, -1.5]])
    soft, moved = (
        cv2.GaussianBlur(whole, (0, 0), 4.0),
        cv2.warpAffine(whole, shift, (272, 208)),
    )
    scene, blurry, sharp = (
        one[8:-8, 8:-8] for one in (whole, soft, np.clip(moved, 0, 1))
    )
    matrix = np.eye(3)
    matrix[:2] = shift
    pictures = (as_integer(one, 8) for one in (blurry, sharp, scene))
    pair = RealLikePair(*pictures, matrix, np.zeros((192, 256), np.float32), "made")
    scores = pair_scores(
        pair,
        {
            "input": SystemRestorer(lambda picture: picture),
            "sharper": SystemRestorer(lambda _: scene.astype(np.float32)),
        },
    )
    assert scores is not None
    assert scores.error_px < 0.1
    assert scores.true["sharper"] > scores.true["input"] + 5
    table = resolution_table([scores])
    assert table.count("\n") == 2
    assert "| input, sharper | -" in table
