"""One study with a row of every kind, as terminal, page and papers show it."""

from collections.abc import Iterator

import pytest

from defocus.benchmark.documents.paper_tables import (
    ABLATION,
    STYLES,
    paper_csv,
    paper_tables,
)
from defocus.benchmark.leaderboard.content import read_content
from defocus.benchmark.leaderboard.rows import leaderboard
from defocus.benchmark.leaderboard.terminal import print_leaderboard
from defocus.benchmark.results.store import Cost, Results, open_results
from defocus.benchmark.statistics.standings import tracks
from defocus.reports.display import cell_text
from defocus.reports.latex import render_latex
from defocus.reports.model import (
    Cell,
    Column,
    Folded,
    Link,
    Measured,
    Paragraph,
    Part,
    Table,
    parts_inside,
)
from tests.benchmark.example_study import page_of
from tests.benchmark.example_study import parts as parts_of
from tests.benchmark.test_tracks import BASE, noise, record

BARE = {"weights": "none", "train_dataset": ""}
KINDS = {
    "paper": {"budget": "paper", "weights": "trained", "dataset": "dpdd:made"},
    "narrow": {"budget": "demo", "weights": "narrow", "dataset": "made"},
    "custom": {"budget": "custom", "weights": "trained", "dataset": "made"},
}


def fill(results: Results, dataset: str, **kind: str) -> None:
    """Rows of all origins: trained, shipped, official, saved, rebuilt, told the blur, partial."""
    trained = {"dataset": dataset, **kind}
    bare = {"dataset": dataset, **BARE}
    for name, values, facts in (
        ("unet", BASE + 2.0 + noise(1), trained),
        ("restormer", BASE + 2.0 + noise(2), trained),
        ("nafnet", BASE + noise(3), trained),
        ("input", BASE - 1.5, bare),
        ("wiener", BASE - 1.0, bare),
        ("older", BASE - 2.0, bare),
        ("rebuilt", BASE + 9.0, {**trained, "reconstruction": 1}),
        ("told", BASE + 7.0, {**trained, "input": "single, defocus_map"}),
        ("told-2", BASE + 7.5, {**trained, "input": "single, defocus_map"}),
        ("views", BASE + 3.0, {**trained, "input": "dual"}),
        ("other-data", BASE + 5.0, {**trained, "data_hash": "e" * 64}),
        ("other-code", BASE + 5.0, {**trained, "evaluation": "f"}),
        ("short", BASE + 5.0, {"dataset": dataset, "budget": "demo"}),
        (
            "nafnet",
            BASE + 2.5,
            {"dataset": dataset, "weights": "official", "train_dataset": "x"},
        ),
        (
            "unet",
            BASE + 2.7,
            {"dataset": dataset, "weights": "own", "train_dataset": "y"},
        ),
        ("part", [*(BASE + 1.0)[:9], *[None] * 5], trained),
        ("seeds", BASE + 1.1, {**trained, "grouping": "seeds", "run": "seeds-0"}),
        (
            "seeds",
            BASE + 1.4,
            {**trained, "grouping": "seeds", "run": "seeds-1", "seed": 1},
        ),
        (
            "saved",
            BASE + 1.0,
            {"dataset": dataset, "weights": "elsewhere", "input": "unknown"},
        ),
    ):
        record(results, name, values, protocol="input-aligned", **facts)
        run = results.entries()[-1]
        costs = [Cost("params_m", 1.0 + len(name)), Cost("seconds", len(name) / 100)]
        results.record(run, results.scores(run.run), costs)
    for name, metric, protocol in (
        ("unet", "ssim", "input-aligned"),
        ("restormer", "ssim", "input-aligned"),
        ("unet", "psnr", "deformed-gt"),
        ("unet", "psnr_independent", "deformed-gt"),
        ("restormer", "psnr", "gt"),
        ("unet", "psnr_indoor", "input-aligned"),
        ("unet", "psnr_outdoor", "input-aligned"),
        ("unet", "psnr_coc_16_up", "input-aligned"),
        ("unet", "psnr_coc_2_4", "input-aligned"),
        ("unet", "psnr_coc_0_2", "input-aligned"),
    ):
        more = (
            0.1 * noise(len(name)) + 0.5
            if metric == "ssim"
            else BASE + noise(len(metric))
        )
        record(results, name, more, metric, protocol, **trained)
    record(results, "restormer", [None] * 14, "lpips", "input-aligned", **trained)
    record(results, "ceiling", BASE + 10.0, protocol="input-aligned", **bare)
    broken = {**trained, "status": "failed: boom"}
    record(results, "broken", [None], protocol="input-aligned", **broken)
    record(results, "validated", BASE, split="val", **trained)
    record(
        results,
        "unet",
        [*BASE[:3], *[None] * 11],
        "psnr_edges",
        "input-aligned",
        **trained,
    )


@pytest.fixture(scope="module", params=KINDS)
def study(request, tmp_path_factory):
    out = tmp_path_factory.mktemp("study")
    with open_results(out / "results.sqlite") as results:
        fill(results, **KINDS[request.param])
    return out


def test_the_terminal(study, snapshot, monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "160")
    with open_results(study / "results.sqlite") as results:
        print_leaderboard(leaderboard(results), ["rebuilt"], tracks(results))
    assert capsys.readouterr().out == snapshot


def test_papers(study, snapshot):
    with open_results(study / "results.sqlite") as results:
        content = read_content(study, results, leaderboard(results))
    tables = {
        style: paper_tables(content, style) for style in STYLES if style != ABLATION
    }
    assert "\n\n".join(map(paper_csv, tables.values())) == snapshot(name="csv")
    assert "\n".join(map(render_latex, tables["methods"])) == snapshot(name="latex")


def words(cell: Cell, column: Column) -> str:
    """A cell with all that is beside it."""
    more: list[object] = []
    if isinstance(cell, Measured):
        ends = [f"{end:.{column.decimals}f}" for end in cell.interval or ()]
        more = [
            *ends,
            cell.beside,
            *cell.notes,
            {1: "best", 2: "second", None: ""}[cell.place],
        ]
    elif isinstance(cell, Link):
        more = list(cell.marks)
    return " ".join([cell_text(cell, column), *map(str, filter(None, more))])


def told(parts: tuple[Part, ...]) -> Iterator[str]:
    """Tables and sentences, those inside other parts too."""
    for part in parts:
        if isinstance(part, Paragraph):
            yield part.text
        elif (
            isinstance(part, Table)
            and "by scene" not in part.caption
            and not part.large
        ):
            yield f"{part.caption} {part.notes} {part.references}"
            yield " | ".join(f"{one.name}, {one.unit}" for one in part.columns)
            for row in part.rows:
                yield " | ".join(map(words, row, part.columns))
            yield part.note
        yield from told(parts_inside(part))


@pytest.mark.parametrize("printed", [False, True])
def test_the_page(study, snapshot, printed):
    page = page_of(study, printed=printed)
    lines = [page.notice, page.summary]
    for heading, parts in page.sections:
        if heading.partition(" of ")[0] in {"Leaderboard", "Without scores", "Summary"}:
            lines += [heading, *told(parts)]
    behind = dict(page.sections).get("Behind the rows", ())
    lines += [
        line for line in told(behind) if line.startswith(("Restormer: all", "PSNR, dB"))
    ]
    assert "\n".join([*lines, *page.notes]) == snapshot
    for places in (
        [name for table in parts_of(page, Table) for name in table.anchors],
        [folded.anchor for folded in parts_of(page, Folded)],
    ):
        assert len(places) == len(set(places))
        assert printed or places
