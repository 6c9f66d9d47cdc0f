"""The leaderboard: a pure function of the store; means, intervals, ranks, CSV."""

import csv
import io
import re
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from defocus.benchmark.evaluation.columns import PROTOCOL_ORDER
from defocus.benchmark.leaderboard.classes import budget_notice
from defocus.benchmark.leaderboard.columns import column, unit_of
from defocus.benchmark.leaderboard.rows import (
    CSV_COLUMNS,
    Row,
    claim_rows,
    leaderboard,
    replaced_entries,
    to_csv,
)
from defocus.benchmark.leaderboard.tables import score_tables
from defocus.benchmark.leaderboard.terminal import print_leaderboard, print_tables
from defocus.benchmark.results.score_matrix import Score
from defocus.benchmark.results.store import NOT_TRAINED, Cost, Entry, open_results
from defocus.benchmark.scoring.protocols import PROTOCOLS
from defocus.reports.display import cell_text
from defocus.reports.model import Column, Table
from tests.benchmark.example_study import ENTRY


def score(pair: str, value: float | None, metric: str = "psnr", **more: str) -> Score:
    return Score(
        "default", more.pop("protocol", "gt"), metric, pair, pair[:1], value, **more
    )


def board(path: Path, *runs: tuple[Entry, list[Score]]) -> list[Row]:
    with open_results(path / "results.sqlite") as results:
        for entry, scores in runs:
            results.record(entry, scores, [Cost("params_m", 2.0)])
        return leaderboard(results)


def find(rows: list[Row], system: str, metric: str = "psnr") -> Row:
    (row,) = (row for row in rows if (row.system, row.metric) == (system, metric))
    return row


def test_columns_are_known_by_name():
    table = Table.of(
        "t", ("System", column("psnr", "PSNR gt"), column("seconds", decimals=4)), []
    )
    assert table.columns == (
        Column("System"), Column("PSNR gt", "dB", "higher", 2), Column("Time", "s", None, 4)
    )  # fmt: skip
    assert column("lpips") == Column("LPIPS", "", "lower", 3)
    assert column("gain", bar=True) == Column("Gain", "dB", "higher", 2, bar=True)
    assert [unit_of(key) for key in ("psnr", "macs_g", "nothing")] == ["dB", "G", ""]


def test_protocols_are_those_of_the_evaluator():
    assert tuple(PROTOCOLS) == PROTOCOL_ORDER
    assert {name for name, p in PROTOCOLS.items() if not p.ranked} == {"deformed-gt"}


def test_the_newest_group_of_a_system_counts(tmp_path):
    newer = replace(ENTRY, run="net-9", grouping="newer")
    quick = replace(ENTRY, run="net-5", grouping="quick", budget="quick")
    rows = board(
        tmp_path,
        (newer, [score("a1", 1.0)]),
        (quick, [score("a1", 2.0)]),
        (ENTRY, [score("a1", 3.0)]),
    )
    values = {row.budget: row.value for row in rows if row.metric == "psnr"}
    assert values == {"demo": 3.0, "quick": 2.0}
    with open_results(tmp_path / "results.sqlite") as results:
        assert replaced_entries(results) == [newer]
        claim_rows(results, [newer.run, ENTRY.run])  # the latest request first
        assert replaced_entries(results) == [ENTRY]
        claim_rows(results, ["absent", quick.run])
        assert [entry.run for entry in results.entries()] == [
            "net-5",
            ENTRY.run,
            "net-9",
        ]


def test_a_failed_seed_does_not_spoil_the_others_and_failure_of_all_is_told(tmp_path):
    failed = replace(ENTRY, run="net-2", seed=1, status="failed: boom")
    row = find(board(tmp_path, (ENTRY, [score("a1", 20.0)]), (failed, [])), "net")
    assert (row.value, row.seeds, row.status) == (20.0, 1, "ok")
    broken = replace(failed, run="other-1", system="other", grouping="o")
    row = find(board(tmp_path, (broken, [score("", None, reason="boom")])), "other")
    assert (row.value, row.status) == (None, "failed: boom")


def paper_row(system: str, psnr: float, **changes: object) -> Row:
    row = Row(
        system, "single", "trained", "made", "made", "test", "paper", "default", "gt", "", "psnr",
        psnr, None, None, 5, 5, 1, "ok",
    )  # fmt: skip
    return replace(row, **changes)  # type: ignore[arg-type]


def test_the_parameters_of_a_small_network_are_shown():
    parameters = {"protocol": "", "metric": "params_m"}
    rows = [
        *(paper_row(name, 0.5) for name in ("small", "unet")),
        paper_row("small", 0.00242, **parameters),
        paper_row("unet", 31.03, **parameters),
        paper_row("input", 0.4, weights="none"),
        paper_row("input", 0.0, weights="none", **parameters),
    ]
    (table,) = score_tables(rows)
    (at,) = (n for n, one in enumerate(table.columns) if one.name == "Parameters")
    shown = {row[0]: cell_text(row[at], table.columns[at]) for row in table.rows}
    assert shown == {"small": "0.0024", "unet": "31.0300", "input": "0.0000"}
    (table,) = score_tables(rows[1:2] + rows[3:])
    assert table.columns[at].decimals == 2


def test_what_needs_no_training_is_not_said_to_lack_it():
    untrained = {"budget": NOT_TRAINED, "weights": "none"}
    rows = [
        paper_row("net", 0.5),
        *(paper_row(n, 0.4, **untrained) for n in ("input", "wiener")),
    ]
    (table,) = score_tables(rows)
    assert "paper budget, protocol gt" in table.caption
    (table,) = score_tables(
        [*rows, paper_row("shipped", 0.6, budget=NOT_TRAINED, weights="own")]
    )
    assert "paper budget, some not trained here, protocol gt" in table.caption


def test_a_narrow_terminal_has_all_names_and_says_what_it_leaves_out(
    monkeypatch, capsys
):
    metrics = ("psnr", "ssim", "mae", "fsim")
    name = "a-network-of-a-rather-long-name"
    rows = [
        *(
            paper_row(name, 0.5, metric=metric, protocol=p)
            for metric in metrics
            for p in ("gt", "truth")
        ),
        *(paper_row("input", 0.4, metric=metric, weights="none") for metric in metrics),
        *(
            paper_row(name, 1.0, protocol="", metric=cost)
            for cost in ("params_m", "seconds")
        ),
        paper_row(
            name,
            0.0,
            metric="lpips",
            protocol="truth",
            value=None,
            status="not-applicable: no weights",
        ),
    ]
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "80")
    print_leaderboard(rows)
    lines = re.sub(r"\x1b\[[\d;]*m", "", capsys.readouterr().out).splitlines()
    assert max(map(len, lines)) <= 80
    assert any(name in line for line in lines)
    assert sum("lpips: no weights" in line for line in lines) == 1
    assert any(
        line.startswith("not shown in this width: ") and "FSIMc" in line
        for line in lines
    )
    assert sum(line.lstrip().startswith(name) for line in lines) == 1


def test_other_tables_keep_their_names_in_a_narrow_terminal(monkeypatch, capsys):
    numbers = [Column(f"metric {n}") for n in range(7)]
    name = "a picture of a rather long name.tif"
    row = (name, "a picture of a rather long name-net.png", *[12.3456] * 7)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "80")
    print_tables([Table("", (Column("Picture"), Column("File"), *numbers), (row,))])
    shown = re.sub(r"\x1b\[[\d;]*m", "", capsys.readouterr().out)
    assert max(map(len, shown.splitlines())) <= 80
    assert name in shown
    assert "…" not in shown
    assert "not shown in this width: metric 0, metric 1" in shown


def test_budgets_that_compare_nothing_say_so():
    assert budget_notice(["demo"]) == "demo budget, not a comparison"
    assert budget_notice(["quick", "demo"]) == "demo and quick budget, not a comparison"
    assert budget_notice(["paper"]) == ""
    assert budget_notice(["custom", "paper"]).startswith(
        "custom schedule: compare rows"
    )
    both = "demo budget and custom schedule, not a comparison"
    assert budget_notice(["custom", "demo"]) == both
    (table,) = score_tables(
        [paper_row("a", 1.0, budget="custom", protocol=p) for p in ("gt", "")]
    )
    assert "made, " in table.caption
    assert "custom schedule" in table.caption


@pytest.mark.full
@given(st.text(max_size=8))
def test_no_text_of_the_csv_is_a_formula_and_all_of_it_comes_back(name):
    text = to_csv([paper_row(name, -1.5)])
    header, row = csv.reader(io.StringIO(text, newline=""))
    assert tuple(header) == CSV_COLUMNS
    assert not row[0].startswith(("=", "+", "-", "@"))
    shown = "".join(c if c.isprintable() else " " for c in name)
    assert row[0] in (shown, "'" + shown)
    assert row[11] == "-1.5"
