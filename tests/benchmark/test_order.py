"""Terminal, page, print and papers begin with one comparison, in one order, with one number."""

import csv
import io
import re

import pytest

from defocus.benchmark.documents.paper_tables import paper_csv, paper_tables
from defocus.benchmark.leaderboard.content import read_content
from defocus.benchmark.leaderboard.groups import rank_words
from defocus.benchmark.leaderboard.rows import leaderboard
from defocus.benchmark.leaderboard.terminal import print_leaderboard
from defocus.benchmark.results.store import open_results
from defocus.benchmark.statistics.comparable import Standing
from defocus.benchmark.statistics.standings import tracks
from defocus.reports.display import cell_text, plain
from defocus.reports.model import Cell, Heading, Paragraph, Table
from tests.benchmark.example_study import entry, make_study, page_of, parts

PROTOCOLS = ("gt", "input-aligned", "truth")


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """Six networks, a classical system and the input, against the truth too."""
    return make_study(tmp_path_factory.mktemp("study"), 8, 24, protocols=PROTOCOLS)


def first_board(study, *, printed: bool) -> Table:
    boards = [
        table
        for table in parts(page_of(study, printed=printed), Table)
        if table.headings
    ]
    return boards[0]


def column(table: Table, name: str) -> list[Cell]:
    """The cells of a column."""
    (at,) = [n for n, head in enumerate(table.columns) if head.name == name]
    return [row[at] for row in table.rows]


def gains(table: Table) -> list[str]:
    """The gains of a table as it shows them."""
    head = next(head for head in table.columns if head.name == "Gain")
    return [cell_text(cell, head) for cell in column(table, "Gain")]


def test_four_places_have_the_same_rows_in_the_same_order_with_the_same_gains(
    study, capsys
):
    page, print_out = (first_board(study, printed=printed) for printed in (False, True))
    names = [plain(cell) for cell in column(page, "System")]
    assert names == [plain(cell) for cell in column(print_out, "System")]
    assert gains(page) == gains(print_out)
    with open_results(study / "results.sqlite") as results:
        rows = leaderboard(results)
        print_leaderboard(rows, (), tracks(results))
        content = read_content(study, results, rows)
        papers = paper_csv(paper_tables(content, "methods"))
    paper = list(
        csv.DictReader(io.StringIO(papers.partition("\n")[2].partition("\n,")[0]))
    )
    paper = [row for row in paper if row["System"]][: len(names)]
    assert [row["System"] for row in paper] == names
    shown = [f"{float(row['Gain']):+.2f}" if row["Gain"] else "+0.00" for row in paper]
    minus = [text.replace("−", "-") for text in gains(page)]
    assert [text.lstrip("+") for text in shown] == [text.lstrip("+") for text in minus]
    printed = capsys.readouterr().out
    assert "protocol truth" in printed.splitlines()[0]
    assert "against the true" in page.caption
    assert "protocol truth" in papers.splitlines()[0]
    systems = [entry(number).system for number in range(9)]
    lines = [line.split() for line in printed.splitlines() if line.strip()]
    terminal = [words[0] for words in lines if words[0] in systems][:9]
    display = {card.display_name: name for name, card in content.cards.items()}
    assert terminal == [display[str(name)] for name in names]


@pytest.mark.parametrize("printed", [False, True])
def test_readers_who_subtract_get_the_differences_that_are_said(study, printed):
    board = first_board(study, printed=printed)
    psnr = [plain(cell) for cell in column(board, "PSNR")]
    rounded = [round(float(value), 2) for value in psnr]
    shown = [float(gain.replace("−", "-")) for gain in gains(board)]
    assert shown == [round(one - rounded[0], 2) for one in rounded]
    exact = [round(float(value) - float(psnr[0]), 2) for value in psnr]
    assert shown != exact, "this study has rows that rounding changes"
    texts = [part.text for part in parts(page_of(study), Paragraph)]
    behind = next(text for text in texts if text.startswith("The next"))
    best, second = sorted(shown, reverse=True)[:2]
    assert f"has {best - second:.2f} dB" in behind


def test_each_class_says_which_differences_it_can_show(study):
    headings = [one for one in first_board(study, printed=False).headings if one.title]
    assert [one.title for one in headings] == ["Trained here", "Classical"]
    assert sum(one.rows for one in headings) == 8
    assert re.search(
        r"detectable difference: \d\.\d\d dB in half the pairs", headings[0].line
    )


def test_a_rank_is_one_phrase():
    sure = Standing("a", "trained", "made", "a", 1.0, 1, 1, 1)
    assert rank_words(sure) == "1"
    assert (
        rank_words(Standing("a", "trained", "made", "a", 1.0, 1, 1, 11))
        == "1, or 1 to 11"
    )
    assert rank_words(Standing("a", "trained", "made", "a", 1.0, 2)) == "2"


def test_headings_have_all_rows_of_a_table(refused):
    from defocus.errors import InputError

    with refused(InputError):
        Table.of(
            "t", ("System",), (("a",), ("b",)), headings=(Heading("Own weights", 1),)
        )
