"""What is chosen of a study for a paper: rows, columns, order, marks, parts; several studies."""

import csv
import io
import sqlite3
from contextlib import closing
from typing import Any

import pytest

from defocus.benchmark.documents.paper_options import PaperOptions
from defocus.benchmark.documents.paper_tables import paper_tables
from defocus.benchmark.documents.together import studies_together
from defocus.benchmark.documents.write import paper_text, write_report
from defocus.benchmark.leaderboard.content import read_content
from defocus.benchmark.leaderboard.rows import leaderboard
from defocus.benchmark.results.store import read_results
from defocus.benchmark.statistics.standings import tracks
from defocus.errors import InputError
from defocus.reports.display import shown_difference
from tests.benchmark.example_study import make_study

MEASURED = {"psnr": 2, "ssim": 3}


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    protocols = ("gt", "input-aligned")
    return make_study(tmp_path_factory.mktemp("study"), 5, 24, protocols=protocols)


def tables_of(study, style="methods", **options: Any):
    """The tables of a paper."""
    with read_results(study / "results.sqlite") as results:
        content = read_content(study, results, leaderboard(results))
        return paper_tables(content, style, PaperOptions(**options))


def names(table):
    return [name for name, _ in table.rows]


def means(study, metric, protocol="gt"):
    """Means by system."""
    with read_results(study / "results.sqlite") as results:
        rows = leaderboard(results)
    return {
        row.system: row.value
        for row in rows
        if (row.metric, row.protocol) == (metric, protocol)
    }


def test_rows_columns_and_protocol_are_those_that_were_chosen(study):
    (table,) = tables_of(
        study,
        rows=("unet, *-unet", "ifan"),
        metrics=("ssim,params_m", "psnr"),
        protocol="gt",
    )
    assert sorted(names(table)) == ["IFAN", "U-Net", "U-Net + JDRL"]
    assert [one.name for one in table.columns] == ["SSIM", "Parameters (M)", "PSNR"]
    assert "protocol gt" in table.caption
    assert table.images == (24, 24, 24)
    (only_ssim,) = tables_of(study, metrics=("ssim",), protocol="gt")
    assert set(only_ssim.images) == {24}, (
        "lines are counted without the leading metric too"
    )


@pytest.mark.parametrize(
    ("order", "first"),
    [
        ("", "DRBNet"),
        ("lpips", "DRBNet"),
        ("name", "DRBNet"),
        ("rows", "Restormer"),
    ],
)
def test_rows_are_in_the_order_that_was_chosen(study, order, first):
    (table,) = tables_of(study, rows=("restormer", "*"), order=order, protocol="gt")
    assert names(table)[:2] == ["Input", first], "references stay first"
    if order == "name":
        assert names(table)[1:] == sorted(names(table)[1:])
    if order == "lpips":
        lpips = [cells[-1].value for _, cells in table.rows][1:]
        assert lpips == sorted(lpips)


def test_stars_are_the_paired_tests_of_the_study(study):
    (table,) = tables_of(
        study, metrics=("psnr,ssim",), protocol="gt", significance=True
    )
    tested = []
    for column, metric in enumerate(MEASURED):
        with read_results(study / "results.sqlite") as results:
            track = next(
                one
                for one in tracks(results, metric)
                if (one.contest.protocol, one.contest.budget) == ("gt", "paper")
            )
        best = track.standings[0].label
        differ = [
            one.significant
            for one in track.differences
            if best in (one.first, one.second)
        ]
        shown = [cells[column] and cells[column].differs for _, cells in table.rows]
        assert shown.count(None) == 2, "the input, and the best itself"
        assert sorted(one for one in shown if one is not None) == sorted(differ)
        tested += differ
    assert set(tested) == {True, False}
    assert "*: differs significantly from the best" in table.note
    (plain,) = tables_of(study, protocol="gt")
    assert all(
        not cell or cell.differs is None for _, cells in plain.rows for cell in cells
    )
    assert "*" not in plain.note


def test_where_nothing_was_tested_the_caption_says_so(tmp_path):
    few = make_study(tmp_path, 3, 6)
    (table,) = tables_of(few, protocol="gt", significance=True)
    assert "No difference was tested" in table.note


def test_an_ablation_compares_each_row_with_the_first(study):
    (table,) = tables_of(
        study,
        "ablation",
        rows=("unet", "jdrl-unet", "restormer", "input"),
        parts=("warp=jdrl-*", "attention=restormer,swin*"),
        protocol="gt",
        significance=True,
    )
    assert names(table) == ["U-Net", "U-Net + JDRL", "Restormer", "Input"]
    assert table.checks == (
        ("warp", (False, True, False, False)),
        ("attention", (False, False, True, False)),
    )
    assert [one.name for one in table.columns][:4] == [
        "PSNR",
        "Δ PSNR",
        "SSIM",
        "Δ SSIM",
    ]
    psnr = means(study, "psnr")
    for (_, cells), system in zip(
        table.rows, ("unet", "jdrl-unet", "restormer", "input"), strict=True
    ):
        assert cells[0].value == psnr[system]
        assert cells[1].value == shown_difference(psnr[system], psnr["unet"], 2)
        assert cells[0].place is None, "nothing is ranked here"
    assert table.rows[3][1][1].differs is None
    assert "Not tested: Input" in table.note
    options = PaperOptions(
        rows=("unet", "jdrl-*"), parts=("warp=jdrl-*",), protocol="gt"
    )
    latex = paper_text(study, "ablation", options)
    assert latex.startswith(r"\providecommand{\checkmark}")
    assert r"U-Net + JDRL & \checkmark{} & " in latex
    printed = list(
        csv.reader(io.StringIO(paper_text(study, "ablation", options, as_csv=True)))
    )
    assert printed[1][:3] == ["System", "Pictures", "warp"]
    assert [row[2] for row in printed[2:]] == ["0", "1"]


def test_over_other_pictures_there_is_no_difference(study, tmp_path):
    part = make_study(tmp_path, 2, 24)
    with closing(sqlite3.connect(part / "results.sqlite")) as store, store:
        store.execute(
            "DELETE FROM scores WHERE run LIKE 'jdrl-unet%' AND pair = 'image-003'"
        )
    (table,) = tables_of(part, "ablation", rows=("unet", "jdrl-*"), protocol="gt")
    (_, first), (_, second) = table.rows
    assert first[1].value == 0.0
    assert second[1] is None


@pytest.mark.parametrize(
    ("style", "options"),
    [
        ("methods", {"rows": ("unte",)}),
        ("methods", {"metrics": ("psnr,sim",)}),
        ("methods", {"order": "pnsr"}),
        ("methods", {"protocol": "gtt"}),
        ("ablation", {}),
        ("ablation", {"rows": ("unet",), "parts": ("warp",)}),
        ("ablation", {"rows": ("unet",), "parts": ("warp=nothing",)}),
    ],
)
def test_unknown_names_are_refused(study, style, options, refused):
    with refused(InputError):
        tables_of(study, style, **options)


@pytest.fixture
def other(tmp_path):
    """A study of the same pictures, named otherwise there, with one system of its own."""
    out = make_study(tmp_path / "other", 2, 24)
    with closing(sqlite3.connect(out / "results.sqlite")) as store, store:
        store.execute("UPDATE runs SET dataset = 'dpdd:elsewhere'")
        store.execute("UPDATE runs SET system = 'kpac' WHERE run = 'unet-paper'")
        store.execute(
            "UPDATE runs SET grouping = 'of other' WHERE run = 'jdrl-unet-paper'"
        )
        for table in ("runs", "scores", "costs", "versions", "matrices"):
            store.execute(
                f"UPDATE {table} SET run = 'other-' || run WHERE run != 'input-paper'"  # noqa: S608 - fixed names
            )
    for run in ("unet-paper", "jdrl-unet-paper"):
        (out / "runs" / run).rename(out / "runs" / f"other-{run}")
    return out


def test_two_studies_make_one_leaderboard(study, other, capsys):
    before = sorted(study.rglob("*"))
    with studies_together(study, [other]) as folder:
        (table,) = tables_of(folder, protocol="gt")
    assert sorted(names(table)) == sorted(
        [*names(tables_of(study, protocol="gt")[0]), "KPAC"]
    )
    assert names(table).count("U-Net + JDRL") == 1
    assert "jdrl-unet: trained otherwise in another study" in capsys.readouterr().err
    values = dict(
        zip(names(table), (cells[0].value for _, cells in table.rows), strict=True)
    )
    assert values["U-Net + JDRL"] == means(study, "psnr")["jdrl-unet"], (
        "that of the first study"
    )
    assert values["KPAC"] == means(other, "psnr")["kpac"]
    assert sorted(study.rglob("*")) == before, "neither study is changed"
    assert not folder.exists()


def test_studies_of_other_pictures_are_no_leaderboard(study, other, refused):
    with closing(sqlite3.connect(other / "results.sqlite")) as store, store:
        store.execute("UPDATE runs SET data_hash = 'f'")
    with refused(InputError), studies_together(study, [other]):
        pass


@pytest.mark.full
def test_the_report_of_both_is_beside_that_of_one(study, other):
    write_report(study, [other])
    assert "KPAC" in (study / "together.html").read_text()
    assert (study / "together.pdf").read_bytes().startswith(b"%PDF")
    assert not (study / "report.html").exists()
