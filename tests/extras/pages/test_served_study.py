"""The page of a study that is served while it runs, in a real browser."""

from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.support.select import Select
from selenium.webdriver.support.wait import WebDriverWait

from defocus.benchmark.results.score_matrix import Score
from defocus.benchmark.results.store import open_results
from tests.benchmark.example_study import entry, make_study
from tests.browser.conftest import axe
from tests.browser.test_leaderboard import control, filters, study, tab
from tests.command_process import start_command

__all__ = ["study"]

pytestmark = pytest.mark.debian


def test_a_served_study_follows_its_runs_and_is_for_this_person_alone(open_page, study):
    def times() -> dict[Path, int]:
        return {
            path: path.stat().st_mtime_ns for path in study.rglob("*") if path.is_file()
        }

    before = times()
    with start_command("defocus-bench", "status", "--page", "--out", study) as process:
        address = process.stdout.readline().strip()
        assert httpx.get(address.partition("?")[0]).status_code == 403
        browser = open_page(address)
        assert axe(browser) == {}
        browser.find_element(By.CSS_SELECTOR, "tbody th a").click()
        WebDriverWait(browser, 120).until(
            lambda b: "no process works here" in b.page_source
        )
        filters(browser)
        Select(control(browser, "Kind")).select_by_visible_text("network")
        tab(browser, "gt").click()
        assert browser.get_log("browser") == []
        assert before == times()
        with open_results(study / "results.sqlite") as results:
            run_entry = replace(
                entry(3), run="late", grouping="late", system="late-comer"
            )
            score = Score("defocus-v1", "gt", "psnr", "image-000", "scene-000", 20.0)
            results.record(run_entry, [score])
        WebDriverWait(browser, 120).until(lambda b: "late-comer" in b.page_source)
        assert tab(browser, "gt").get_attribute("aria-selected") == "true"
        filters(browser)
        assert Select(control(browser, "Kind")).first_selected_option.text == "network"
        process.terminate()
        assert process.wait() == 0


def test_axe_finds_nothing_on_the_list_of_studies(open_page, tmp_path):
    for name in ("a", "b"):
        make_study(tmp_path / name, 3, 24)
    with start_command(
        "defocus-bench", "status", "--page", "--out", tmp_path
    ) as process:
        browser = open_page(process.stdout.readline().strip())
        assert "Best gain" in browser.find_element(By.TAG_NAME, "table").text
        assert axe(browser) == {}
        process.terminate()
        assert process.wait() == 0
