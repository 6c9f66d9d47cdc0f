"""The report of README's first command: its size and its words before anything is opened."""

import json
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

from defocus.benchmark.results.store import open_results
from defocus.reports import html
from tests.benchmark.example_study import entry, make_study, page_of, scores

pytestmark = pytest.mark.full  # 61 rows

SYSTEMS, MISALIGNED, PICTURES = 54, 10, 16
PROTOCOLS = ("truth", "input-aligned", "gt", "deformed-gt")

LARGEST_BYTES = 700_000
"""Size of the page without its pictures."""

MOST_WORDS = 12_000
"""Words that are shown before a click."""

CLOSED = {"details", "script", "style", "template", "noscript"}


class Words(HTMLParser):
    """Words of a page outside of what is closed; the summaries of folds are shown."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.count = 0

    def handle_starttag(self, tag: str, _: object) -> None:
        if tag in CLOSED or tag == "summary":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in CLOSED or tag == "summary":
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        closed = self.open[:-2] if self.open[-1:] == ["summary"] else self.open
        self.count += 0 if closed else len(data.split())


@pytest.fixture
def study(tmp_path):
    """As many rows, scores and facts of runs as the first run has, on two datasets."""
    out = make_study(tmp_path, SYSTEMS, PICTURES, protocols=PROTOCOLS, pictures=2)
    recipe = {f"setting_{number}": f"value {number}" for number in range(50)}
    with open_results(out / "results.sqlite") as results:
        draws = np.random.default_rng(1)
        for number in range(MISALIGNED + 1):
            one = entry(number, dataset="dpdd:strong")
            one = replace(one, run=f"{one.run}-strong", grouping=f"{one.grouping}s")
            results.record(one, scores(number, PICTURES, PROTOCOLS, draws), [])
            (out / "runs" / one.run).mkdir()
            (out / "runs" / one.run / "run.json").write_text(
                json.dumps({"recipe": recipe})
            )
    for file in out.glob("runs/*/run.json"):
        document = json.loads(file.read_text())
        different = {"checkpoint": file.parent.name * 3, "recipe": recipe}
        file.write_text(json.dumps(document | different))
    return out


def test_the_first_report_is_small_and_short_before_a_click(study):
    # its pictures are in a folder
    html.write_html(page_of(study), study / "report.html", 0)
    source = (study / "report.html").read_text(encoding="utf-8")
    assert "data:image" not in source
    assert len(source.encode()) <= LARGEST_BYTES
    words = Words()
    words.feed(source)
    assert source.count('<tr id="row-') == SYSTEMS + 1 + MISALIGNED + 1
    assert 2_000 <= words.count <= MOST_WORDS
