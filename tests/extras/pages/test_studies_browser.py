"""A study that is shown live, in a real browser."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.support.select import Select
from selenium.webdriver.support.wait import WebDriverWait

from defocus.benchmark.results.scores.score_matrix import Score
from defocus.benchmark.results.store import open_results
from tests.benchmark.example_study import entry
from tests.browser.conftest import Open
from tests.browser.test_leaderboard import axe, control, filters, study, tab
from tests.command_process import start_command

__all__ = ["study"]

pytestmark = pytest.mark.debian


@pytest.fixture
def served(study: Path) -> Iterator[str]:
    """The address of a server over the study's folder."""
    with start_command("defocus-bench", "status", "--page", "--out", study) as process:
        yield process.stdout.readline().strip()
        process.terminate()
        assert process.wait(timeout=20) == 0


def test_a_served_study_follows_its_runs_and_is_for_this_person_alone(
    open_page: Open, study: Path, served: str
) -> None:
    before = {path: path.stat().st_mtime_ns for path in study.rglob("*") if path.is_file()}
    base = served.partition("?")[0]
    assert httpx.get(base).status_code == 403
    browser = open_page(served)
    assert axe(browser) == []
    browser.find_element(By.CSS_SELECTOR, "tbody th a").click()
    WebDriverWait(browser, 20).until(lambda b: "no process works here" in b.page_source)
    filters(browser)
    Select(control(browser, "Kind")).select_by_visible_text("network")
    tab(browser, "gt").click()
    assert browser.get_log("browser") == []
    assert before == {path: path.stat().st_mtime_ns for path in study.rglob("*") if path.is_file()}
    with open_results(study / "results.sqlite") as results:
        made = replace(entry(3), run="late", grouping="late", system="late-comer")
        results.record(made, [Score("defocus-v1", "gt", "psnr", "image-000", "scene-000", 20.0)])
    WebDriverWait(browser, 20).until(lambda b: "late-comer" in b.page_source)
    assert tab(browser, "gt").get_attribute("aria-selected") == "true"
    filters(browser)
    assert Select(control(browser, "Kind")).first_selected_option.text == "network"
