"""Tables and figures for papers, and two studies beside each other."""

import csv
import io
import json
import re
import shutil
import sqlite3
import subprocess

import click
import pypdf
import pytest

from defocus.benchmark.commands.table import command as table_command
from defocus.benchmark.documents.comparison import compare_studies
from defocus.benchmark.documents.paper_options import PaperOptions
from defocus.benchmark.documents.paper_tables import STYLES
from defocus.benchmark.documents.write import paper_text, write_figures
from defocus.benchmark.leaderboard.terminal import print_tables
from defocus.errors import InputError
from defocus.reports.display import visible
from defocus.reports.latex import ColumnGroup, PaperTable, escape_latex, render_latex
from defocus.reports.model import Column, Measured, Paragraph, Table
from tests.benchmark.example_study import make_study, page_of, parts
from tests.reports.example_pages import HOSTILE


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    protocols = ("gt", "deformed-gt")
    return make_study(tmp_path_factory.mktemp("now"), 5, 24, protocols=protocols)


PARTS = PaperOptions(rows=("unet,input,*",), significance=True, parts=("warp=jdrl-*",))
"""What the style ablation needs, and no other style."""


def body(latex: str) -> dict[str, list[str]]:
    """The cells of a LaTeX table by the first of each line."""
    lines = [
        line.removesuffix(r" \\").split(" & ")
        for line in latex.splitlines()
        if " & " in line
    ]
    return {cells[0]: cells[1:] for cells in lines}


@pytest.mark.parametrize(("parts", "said"), [((1,), False), ((1, 2), True)])
def test_where_ranks_end_at_a_rule_the_caption_says_so(parts, said):
    cells = [
        ("Input", Measured(2)),
        ("trained", Measured(3)),
        ("shipped", Measured(1, place=1)),
    ]
    rows = tuple((name, (cell,)) for name, cell in cells)
    groups = (ColumnGroup("", (Column("PSNR"),)),)
    latex = render_latex(PaperTable("Methods", "tab:methods", groups, rows, parts))
    assert (
        r"\caption{Methods. Bold, underlined: the best two between rules.}" in latex
    ) == said
    assert said or r"\caption{Methods.}" in latex


@pytest.mark.parametrize("style", sorted(set(STYLES) - {"places"}))
def test_every_style_has_as_many_cells_as_columns(study, style):
    latex = paper_text(study, style, PARTS)
    for table in latex.split(r"\end{table}")[:-1]:
        columns = re.search(r"\\begin{tabular}{(lc*r*)}", table)
        assert columns
        counts = {len(row) + 1 for name, row in body(table).items() if name}
        assert counts == {len(columns[1])}
    printed = [
        row
        for row in csv.reader(io.StringIO(paper_text(study, style, PARTS, as_csv=True)))
        if row
    ]
    assert {"System", "Input", "Restormer"} <= {row[0] for row in printed}


def test_the_command_knows_the_styles():
    (argument,) = [p for p in table_command.params if p.name == "style"]
    assert set(argument.type.choices) == {*STYLES, "leaderboard", "pictures"}
    lines = table_command.get_help(click.Context(table_command)).splitlines()
    assert {
        line.split()[0] for line in lines if line.startswith("  ") and line.split()
    } >= set(STYLES)


def test_the_input_alone_is_shown_as_what_there_is(tmp_path, snapshot):
    alone = make_study(tmp_path, 0)
    styles = ("costs", "datasets", "methods")
    tables = "".join(paper_text(alone, style, as_csv=True) for style in styles)
    assert tables.count("\nInput,24,") == 4, (
        "costs, datasets and methods under two protocols"
    )
    assert [
        page_of(alone).summary,
        parts(page_of(alone), Paragraph)[0].text,
    ] == snapshot


def test_a_style_without_numbers_is_said(study, refused):
    with refused(InputError):
        paper_text(study, "places", as_csv=False)
    with refused(InputError):
        paper_text(study / "runs", "methods", as_csv=False)


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_commands_the_terminal(text, capsys):
    print_tables([Table(text, (Column("System"),), ((text,),), text)])
    shown = capsys.readouterr().out
    assert shown.count(visible(text)) >= 2
    assert all(sign == "\n" or sign.isprintable() for sign in shown)


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_is_a_command_of_latex(text):
    shown = escape_latex(text + r"\input{/etc/passwd}%")
    commands = re.findall(r"\\([a-zA-Z]+)", shown)
    assert set(commands) <= {
        "textbackslash", "textless", "textgreater", "textasciicircum", "textasciitilde",
        "langle", "rangle", "char", "textbar", "ldots", "unicodetext",
    }  # fmt: skip
    assert not re.search(r"(?<!\\)[#%&_~]", shown)
    assert r"\input{" not in shown
    assert shown.isprintable()


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ('Net, v2; "q"', r"Net, v2; {\char34}q{\char34}"),
        ("a--b|c", r"a-{}-b\textbar{}c"),
        ("cafe\u0301 Łódź", "café Łódź"),
        ("净化 net", r"\unicodetext{净化}{U+51C0 U+5316} net"),
    ],
)
def test_names_are_of_the_default_encoding(text, escaped):
    assert escape_latex(text) == escaped


def test_code_points_are_defined_only_where_they_are_used():
    groups = (ColumnGroup("", (Column("PSNR"),)),)
    for name, defined in (("net", False), ("净化", True)):
        table = PaperTable(
            "Methods", "tab:methods", groups, ((name, (Measured(1.0),)),)
        )
        assert (r"\providecommand{\unicodetext}" in render_latex(table)) == defined


def compiled(folder, body):
    """The log of pdfTeX for a document with the package booktabs."""
    head = "\\documentclass{article}\n\\usepackage{booktabs}\n\\begin{document}\n"
    (folder / "paper.tex").write_text(
        f"{head}{body}\\end{{document}}\n", encoding="utf-8"
    )
    # no file of pages
    options = ["-draftmode", "-interaction=nonstopmode", "-no-shell-escape"]
    subprocess.run(
        ["pdflatex", *options, "paper.tex"],
        cwd=folder,
        capture_output=True,
        check=False,
    )
    return (folder / "paper.log").read_text(errors="replace")


@pytest.mark.full
def test_every_paper_table_compiles(study, tmp_path):
    if shutil.which("pdflatex") is None:
        pytest.skip("no pdflatex")
    if "booktabs.sty' not found" in compiled(tmp_path, "none\n"):
        pytest.skip("pdflatex without the package booktabs")
    groups = (ColumnGroup("", (Column("PSNR"),)),)
    signs = [chr(code) for code in range(0x20, 0x2600)]
    blocks = ["".join(signs[first : first + 40]) for first in range(0, len(signs), 40)]
    names = [*HOSTILE, 'Net "q"', "净化", "a--b", "[5] net", *blocks]
    rows = tuple((name, (Measured(1.0),)) for name in names)
    tables = [PaperTable("".join(HOSTILE), "tab:hostile", groups, rows[:1])]
    for first in range(0, len(rows), 20):
        caption, part = f"Names {first}", rows[first : first + 20]
        tables.append(PaperTable(caption, f"tab:names-{first}", groups, part))
    papers = [render_latex(table) for table in tables]
    papers += [paper_text(study, style, PARTS) for style in STYLES if style != "places"]
    for _ in range(2):  # the second run reads the captions that the first wrote
        log = compiled(
            tmp_path, "\n\\clearpage\n".join([*papers, r"\listoftables", ""])
        )
        assert [line for line in log.splitlines() if line.startswith("!")] == []
        assert "Missing character" not in log


@pytest.mark.full
@pytest.mark.parametrize("kind", ["pdf", "svg"])
def test_figures_are_vector_files_made_alike_each_time(study, tmp_path, kind):
    first = write_figures(study, tmp_path / "a", kind)  # type: ignore[arg-type]
    assert [path.name for path in first] == [
        f"quality-cost-1.{kind}", f"quality-cost-2.{kind}", f"training-1.{kind}"
    ]  # fmt: skip
    if kind == "svg":
        assert all("<image" not in path.read_text() for path in first)
        return
    again = write_figures(study, tmp_path / "b", kind)  # type: ignore[arg-type]
    assert [path.read_bytes() for path in first] == [
        path.read_bytes() for path in again
    ]
    page = pypdf.PdfReader(first[0]).pages[0]
    words = page.extract_text()
    assert {"Restormer", "MACs, G"} <= set(words.splitlines())
    assert "10 20 50 100" in words
    assert "$" not in words
    fonts = page["/Resources"]["/Font"]
    for font in fonts.values():
        (inner,) = font.get_object()["/DescendantFonts"]
        assert "/FontFile2" in inner.get_object()["/FontDescriptor"]


def test_changes_are_tested_over_the_pictures_of_both(study, tmp_path, run):
    """One system gets 0.5 dB better on every picture, one is gone, one cost doubles."""
    other = make_study(tmp_path / "before", 5, 24, protocols=("gt", "deformed-gt"))
    store = sqlite3.connect(other / "results.sqlite")
    better = "run LIKE 'restormer%' AND metric = 'psnr' AND protocol = 'gt'"
    store.execute(f"UPDATE scores SET value = value - 0.5 WHERE {better}")  # noqa: S608 - above
    store.execute("DELETE FROM runs WHERE system = 'ifan'")
    store.execute(
        "UPDATE costs SET value = value / 2 WHERE run LIKE 'unet%' AND metric = 'seconds'"
    )
    store.commit()
    store.close()
    changes = compare_studies(study, other)
    verdicts = {
        (c.line.system, c.protocol, c.metric): c.verdict for c in changes.changes
    }
    assert {where for where, verdict in verdicts.items() if verdict != "equal"} == {
        ("restormer", "gt", "psnr")
    }
    (change,) = [c for c in changes.changes if c.verdict == "better"]
    assert change.difference == pytest.approx(0.5)
    assert change.interval == pytest.approx((0.5, 0.5))
    assert change.p_value <= 0.05
    assert (change.images, change.scenes) == (24, 12)
    assert [line.system for line in changes.only_now] == ["ifan"]
    assert [c.now / c.before for c in changes.costs if c.before != c.now] == [2.0]
    finished = run(
        "defocus-bench", "report", "--out", study, "--against", other, "--json"
    )
    assert finished.returncode == 0, finished.stderr
    assert len(json.loads(finished.stdout)["changes"]) == len(changes.changes)
    assert (study / "comparison.pdf").read_bytes().startswith(b"%PDF")
    page = (study / "comparison.html").read_text()
    assert "significantly better" in page
    assert "one picture, nothing trained" in page


def test_other_data_are_not_compared_and_few_scenes_not_tested(tmp_path):
    first, second = (make_study(tmp_path / name, 1, 6) for name in ("a", "b"))
    changes = compare_studies(first, second)
    assert {change.verdict for change in changes.changes} == {"equal"}
    store = sqlite3.connect(second / "results.sqlite")
    store.execute("UPDATE scores SET value = value + 1")
    store.execute("UPDATE runs SET data_hash = 'other' WHERE system = 'input'")
    store.commit()
    store.close()
    changes = compare_studies(first, second)
    assert [line.system for line in changes.incomparable] == ["input"]
    assert {change.verdict for change in changes.changes} == {"untested"}
    assert all(change.p_value is None for change in changes.changes)
