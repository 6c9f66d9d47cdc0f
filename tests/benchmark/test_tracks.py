"""Tracks: who is compared with whom, what is significant, what a dataset can show."""

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from defocus.benchmark.documents.figures.picture_scores import read_picture_scores
from defocus.benchmark.documents.paper_tables import paper_csv, paper_tables
from defocus.benchmark.documents.write import paper_text
from defocus.benchmark.leaderboard.content import read_content
from defocus.benchmark.leaderboard.lines import read_boards
from defocus.benchmark.leaderboard.rows import leaderboard
from defocus.benchmark.leaderboard.tables import score_tables
from defocus.benchmark.leaderboard.terminal import show_outcome
from defocus.benchmark.results.score_matrix import Score, score_matrix
from defocus.benchmark.results.store import Results, open_results
from defocus.benchmark.statistics.comparable import may_be_ranked
from defocus.benchmark.statistics.standings import tracks
from defocus.benchmark.study.outcome import outcome_of
from defocus.benchmark.study.plan import Study
from defocus.datasets.pair import Dataset
from defocus.processes.isolation import LeftOut
from defocus.reports.latex import PaperTable
from defocus.reports.model import Table
from tests.benchmark.example_study import ENTRY, page_of, parts

PAPER = replace(ENTRY, budget="paper", data_hash="d" * 64)
SCENES = 14
BASE = np.random.default_rng(0).normal(25.0, 3.0, SCENES)


def record(
    results: Results,
    system: str,
    values: Sequence[float | None],
    metric: str = "psnr",
    protocol: str = "gt",
    **facts: object,
) -> None:
    entry = replace(
        PAPER, run=f"{system}-{facts}", grouping=f"{system}{facts}", system=system
    )
    entry = replace(entry, **facts)  # type: ignore[arg-type]
    # as a study records it
    if entry.weights in {"none", "own", "official", "elsewhere"}:
        entry = replace(entry, budget="not-trained-here")
    places = [(f"p{k:02}", f"s{k:02}") for k in range(len(values))]
    scores = [
        Score(
            "defocus-v1",
            protocol,
            metric,
            *place,
            value,
            reason="not given" * (value is None),
        )
        for place, value in zip(places, values, strict=True)
    ]
    results.record(entry, [*results.scores(entry.run), *scores])


def papers(out: Path) -> list[PaperTable]:
    """Tables of a paper, of the style methods."""
    with open_results(out / "results.sqlite") as results:
        return paper_tables(read_content(out, results, leaderboard(results)), "methods")


def noise(seed: int, scale: float = 0.3) -> np.ndarray:
    return np.random.default_rng(seed).normal(0.0, scale, SCENES)


def test_the_terminal_ranks_narrow_copies_as_the_report_does(tmp_path, capsys):
    demo = {"weights": "narrow", "budget": "demo"}
    with open_results(tmp_path / "results.sqlite") as results:
        record(results, "worst", BASE, **demo)
        record(results, "best", BASE - 9.0, data_hash="older", **demo)
        record(results, "best", BASE + 2.0 + noise(1), **demo)
        record(results, "own", BASE + 3.0, weights="own")
        asked = Study(
            tmp_path, Dataset("made", tmp_path, (), "0", tmp_path / "derived"), []
        )
        show_outcome(outcome_of([asked], results), [asked])
    printed = capsys.readouterr()
    assert (
        "other runs, with other code, settings or data (best: 1); to compare"
        in printed.err
    )
    lines = printed.out.splitlines()
    begin = {line.split()[0]: line.split()[1:] for line in lines if line.strip()}
    assert begin["own"][0] == "n/a", "nobody has a rank alone"
    assert begin["best"][0] == "1"
    assert begin["worst"][0] == "2"
    (narrow,) = [line for line in lines if line.startswith("Narrow copies")]
    assert re.search(r"detectable difference: \d\.\d\d dB(;|\))", narrow)
    assert not any("not a comparison" in line for line in lines)
    assert any("compare them with each other" in line for line in lines)
    table = paper_text(tmp_path, "methods", as_csv=False)
    assert r"\textbf" in table
    assert "compare them with each other" in table, (
        "the caption says what the terminal says"
    )
    assert "not a comparison" not in table


def test_the_differences_that_a_class_can_show_are_those_between_its_own_systems(
    tmp_path, capsys
):
    """Classical systems that scatter do not blur what is said of weights ranked with them."""
    with open_results(tmp_path / "results.sqlite") as results:
        record(results, "one", BASE + 3.0 + noise(1, 0.05), weights="own")
        record(results, "two", BASE + 2.8, weights="own")
        for number in range(3):
            record(results, f"wild-{number}", BASE + noise(number, 4.0), weights="none")
        asked = Study(
            tmp_path, Dataset("made", tmp_path, (), "0", tmp_path / "derived"), []
        )
        show_outcome(outcome_of([asked], results), [asked])
    lines = capsys.readouterr().out.splitlines()
    (own,) = [line for line in lines if line.startswith("Own weights")]
    (classical,) = [line for line in lines if line.startswith("Classical")]
    of_one_pair = re.search(r"detectable difference: (\d\.\d\d) dB;", own)
    of_three_pairs = re.search(
        r"detectable difference: (\d\.\d\d) dB in half the pairs", classical
    )
    assert of_one_pair
    assert of_three_pairs
    assert float(of_one_pair[1]) < 0.2 < 1 < float(of_three_pairs[1])


def test_a_pair_that_two_studies_are_without_is_named_once(tmp_path):
    gone = LeftOut("p01", "its sharp member is damaged")
    whole = Dataset("made", tmp_path, (), "0", tmp_path / "derived", left_out=(gone,))
    asked = Study(tmp_path, whole, [])
    with open_results(tmp_path / "results.sqlite") as results:
        assert outcome_of([asked, asked], results).left_out == [gone]


def test_a_deformed_reference_ranks_nobody(tmp_path):
    """It follows each system's own picture, so that every system has another reference."""
    with open_results(tmp_path / "results.sqlite") as results:
        for system in ("a", "b"):
            record(results, system, BASE, protocol="deformed-gt")
            record(results, system, BASE)
        assert [track.contest.protocol for track in tracks(results)] == ["gt"]


def test_narrow_copies_are_ranked_among_themselves_where_tests_can_tell(tmp_path):
    demo = {"weights": "narrow", "budget": "demo"}
    with open_results(tmp_path / "results.sqlite") as results:
        record(results, "better", BASE + 1.0 + noise(1), **demo)
        record(results, "worse", BASE + noise(2), **demo)
        record(results, "few-scenes", [20.0, 21.0], dataset="small", **demo)
        record(results, "other-dose", BASE, weights="narrow", budget="custom")
        named = {s.system: s.rank for track in tracks(results) for s in track.standings}
    assert named == {"better": 1, "worse": 2, "few-scenes": None, "other-dose": None}


def test_a_system_that_is_told_the_blur_leads_no_pictures(tmp_path):
    with open_results(tmp_path / "results.sqlite") as results:
        record(results, "good", BASE + 2.0 + noise(1))
        record(results, "bad", BASE + noise(3))
        record(results, "rebuilt", BASE + 9.0, reconstruction=1)
        record(results, "told", BASE + 7.0, input="single, defocus_map")
        content = read_content(tmp_path, results, leaderboard(results))
        board = max(read_boards(content), key=lambda one: len(one.lines))
        scores = read_picture_scores(content, board)
    by_score = [line.first.system for line in board.ordered(scores.convention)]
    leading = [group[0].system for group in scores.groups]
    assert by_score[1] == leading[-1] == "told"
    assert leading[:-1] == [name for name in by_score if name != "told"]


def test_a_loss_that_rounds_to_nothing_has_no_sign_in_csv_either(tmp_path):
    with open_results(tmp_path / "results.sqlite") as results:
        record(results, "input", BASE, weights="none", train_dataset="")
        record(results, "same", BASE - 0.001, weights="none", train_dataset="")
    written = paper_csv(papers(tmp_path))
    assert ",0.00," in written
    assert "-0.00" not in written


def test_few_scenes_give_no_test(tmp_path):
    with open_results(tmp_path / "results.sqlite") as results:
        for system in ("a", "b"):
            record(results, system, [20.0, 21.0, 22.0])
        (track,) = tracks(results)
        (row, _) = (row for row in leaderboard(results) if row.metric == "psnr")
    assert (track.differences, track.alike, track.minimum_detectable) == ((), (), None)
    assert track.note == row.interval == "n/a: 3 scenes, fewer than 10"


@pytest.mark.parametrize(("metric", "first"), [("psnr", "high"), ("mae", "low")])
def test_the_first_is_the_best_of_the_metric(tmp_path, metric, first):
    with open_results(tmp_path / "results.sqlite") as results:
        for name, more in (("low", 0.0), ("high", 1.0)):
            record(results, name, BASE + more, metric)
        (track,) = tracks(results, metric)
    best = track.standings[0]
    assert (best.system, best.rank, best.first_share) == (first, 1, 1.0)


def test_seeds_count_together_and_a_row_that_lacks_pictures_is_in_no_rank(tmp_path):
    with open_results(tmp_path / "results.sqlite") as results:
        for seed in range(3):
            record(results, "a", BASE + seed, grouping="a", run=f"a{seed}", seed=seed)
        record(results, "b", BASE[:12] + 5.0)
        record(results, "c", BASE - 5.0)
        (track,), rows = tracks(results), leaderboard(results)
    assert (track.images, track.scenes) == (14, 14)
    assert [s.system for s in track.standings] == ["a", "c"]
    assert track.standings[0].value == pytest.approx(float(BASE.mean()) + 1.0)
    by_name = {row.system: row for row in rows if row.metric == "psnr"}
    assert by_name["a"].interval == "scenes, images and seeds"
    assert by_name["a"].spread == pytest.approx(1.0)
    assert "variance of training" in by_name["b"].interval


def test_a_table_counts_the_pictures_of_its_scores_not_of_what_needs_no_reference(
    tmp_path,
):
    lacking = [*BASE[:11].tolist(), None, None, None]  # their misalignment is unknown
    with open_results(tmp_path / "results.sqlite") as results:
        record(results, "theirs", lacking, weights="elsewhere")
        record(results, "theirs", np.zeros(SCENES), "warp_px", weights="elsewhere")
        printed = score_tables(leaderboard(results))
    page = next(one for one in parts(page_of(tmp_path), Table) if one.anchors)
    for table in (page, *printed):
        assert "11 of 14 test pictures of 11 scenes" in table.caption
        assert "Moved, 14 pictures" in [column.name for column in table.columns]


def test_packed_scores_are_those_of_the_rows_whoever_changed_them(tmp_path):
    with open_results(tmp_path / "results.sqlite") as results:
        record(results, "a", [1 / 3, 2 / 3])
        (entry,) = results.entries()
        packed = results.matrix(entry.run)
        built = score_matrix(results.scores(entry.run))
        assert packed.places == built.places
        assert packed.pictures == built.pictures
        assert np.array_equal(packed.values, built.values)
        results._connection.execute("UPDATE scores SET value = 7 WHERE pair = 'p01'")
        assert results.matrix(entry.run).values.tolist() == [[1 / 3, 7.0]]


def test_what_has_seen_the_test_scenes_is_in_no_rank():
    assert may_be_ranked("paper", "gt", "ok")
    assert not may_be_ranked(
        "paper", "gt", "seen: scenes may be among the training set"
    )
    assert not may_be_ranked("quick", "gt", "seen: scenes may be", trained_alike=True)
