"""A store with damaged rows or pages: the runs are named, left out, and can be stored again."""

import re
import sqlite3
from contextlib import closing
from dataclasses import replace

import numpy as np
import pytest

from defocus.benchmark.leaderboard.lines import leading_metric
from defocus.benchmark.leaderboard.rows import leaderboard, to_csv
from defocus.benchmark.results.score_matrix import COLUMNS
from defocus.benchmark.results.store import (
    MetricVersion,
    Results,
    open_results,
    read_results,
)
from defocus.errors import InputError
from tests.benchmark.example_study import ENTRY, make_study
from tests.benchmark.test_results import COSTS, SCORES

OTHER = replace(ENTRY, run="net-2", seed=1)
VERSIONS = [MetricVersion("mae", "1", "0.1.0")]
WRONG: tuple[object, ...] = (
    b"\xff\0",
    "x",
    1.5,
    float("inf"),
    None,
    -1,
    "a\nb",
    "../x",
    "",
)


@pytest.fixture
def path(tmp_path):
    place = tmp_path / "results.sqlite"
    with open_results(place) as results:
        for entry in (ENTRY, OTHER):
            results.record(entry, SCORES, COSTS, VERSIONS)
    return place


def everything(results: Results) -> object:
    return [
        (
            entry,
            results.scores(entry.run),
            results.costs(entry.run),
            results.versions(entry.run),
            results.matrix(entry.run).values.tolist(),
            to_csv(leaderboard(results)),
            results.lacking(),
        )
        for entry in results.entries()
    ]


@pytest.mark.parametrize("table", list(COLUMNS))
def test_one_wrong_cell_costs_no_other_run(path, table, capsys):
    whole = path.read_bytes()
    for column in COLUMNS[table]:
        for value in WRONG:
            path.write_bytes(whole)
            change = f"UPDATE {table} SET {column} = ? WHERE run = ?"  # noqa: S608 - our names
            with closing(sqlite3.connect(path)) as store:
                try:
                    with store:
                        store.execute(change, [value, ENTRY.run])
                except sqlite3.IntegrityError:  # a key is never empty or twice there
                    continue
            damaged = path.read_bytes()
            with read_results(path) as results:
                everything(results)
                left = [entry.run for entry in results.entries()]
            stderr = capsys.readouterr().err
            assert path.read_bytes() == damaged, "what is only read stays as it is"
            assert left[-1] == OTHER.run
            assert stderr or len(left) == 2, "what is left out is named"
            assert all(
                re.fullmatch(
                    rf"{path}: {table}\.{column} of the run .* is damaged; the run is left out, "
                    rf"'defocus-bench run --out {path.parent}' computes it again",
                    line,
                )
                for line in stderr.splitlines()
            ), stderr


def test_a_damaged_run_is_stored_again(path, capsys):
    with closing(sqlite3.connect(path)) as store, store:
        store.execute("UPDATE scores SET value = 'x' WHERE run = ?", [ENTRY.run])
    with open_results(path) as results:
        assert results.entries() == [OTHER]
        results.record(ENTRY, SCORES, COSTS)
        assert results.entries() == [OTHER, ENTRY]
    assert f"scores.value of the run {ENTRY.run} is damaged" in capsys.readouterr().err
    with open_results(path) as results:
        assert results.entries() == [OTHER, ENTRY]
    assert capsys.readouterr().err == ""


def test_a_damaged_matrix_is_made_from_its_scores(path):
    with read_results(path) as results:
        good = results.matrix(ENTRY.run)
    for names, values in (
        ("[", b""),
        ("[[],[]]", None),
        ('[[["a"]],[[1]]]', b"1"),
        (b"\xff", 1),
    ):
        with closing(sqlite3.connect(path)) as store, store:
            store.execute(
                "UPDATE matrices SET names = ?, score_values = ?", [names, values]
            )
        with read_results(path) as results:
            matrix = results.matrix(ENTRY.run)
        assert (matrix.places, matrix.pictures) == (good.places, good.pictures)
        np.testing.assert_array_equal(matrix.values, good.values)


def test_damaged_pages_leave_the_sound_runs(tmp_path, capsys):
    path = make_study(tmp_path / "study", systems=6, images=16) / "results.sqlite"
    whole = path.read_bytes()
    with read_results(path) as results:
        all_runs = {entry.run for entry in results.entries()}
    kept = []
    for page in range(4, len(whole) // 4096, 5):
        damaged = bytearray(whole)
        damaged[page * 4096 : page * 4096 + 64] = b"\xff" * 64
        path.write_bytes(damaged)
        try:
            with open_results(path) as results:
                runs = {entry.run for entry in results.entries()}
                everything(results)
        except InputError as error:  # the page of the runs themselves
            assert "results file" in str(error)  # noqa: PT017 - one of two ends
            continue
        assert runs <= all_runs
        kept.append(len(runs))
        stderr = capsys.readouterr().err
        assert len(runs) == len(all_runs) or "damaged" in stderr
    assert max(kept) >= len(all_runs) - 1
    assert path.with_name("results.sqlite.damaged").exists()


def test_scores_under_a_damaged_name_alone_are_one_line():
    assert leading_metric(["mae", "psnr"]).name == "psnr"
    for names in (["psnr_edges"], []):
        with pytest.raises(InputError, match=r"restore results\.sqlite from a copy"):
            leading_metric(names)
