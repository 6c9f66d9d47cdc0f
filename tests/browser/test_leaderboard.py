"""The leaderboard in a real browser: choosing, links, the viewer, accessibility, serving."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.select import Select
from selenium.webdriver.support.wait import WebDriverWait

from defocus.benchmark.documents.page import build_page
from defocus.benchmark.leaderboard.rows import leaderboard
from defocus.benchmark.results.score_matrix import Score
from defocus.benchmark.results.store import open_results, read_results
from defocus.reports import html, packed
from defocus.reports.model import Page, Paragraph, Slider
from defocus.reports.pictures import displacement_arrows
from tests.benchmark.example_study import entry, make_study
from tests.browser.conftest import axe, requested, wait_until_nothing_overflows
from tests.reports.example_pages import HOSTILE

pytestmark = pytest.mark.debian


def page_of(study: Path) -> Page:
    with read_results(study / "results.sqlite") as results:
        return build_page(study, results, leaderboard(results))


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """Eight systems with cards in two tracks; two pictures with their restorations.

    What is behind its rows is packed, as in the report of the first run.
    """
    out = make_study(tmp_path_factory.mktemp("study"), 8, 24, pictures=2)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(packed, "PACKED_FROM", 0)
        html.write_html(page_of(out), out / "report.html")
    return out


def tables(browser: webdriver.Chrome) -> list[WebElement]:
    elements = browser.find_elements(By.CSS_SELECTOR, ".tab > .table")
    return [table for table in elements if table.is_displayed()]


def rows(table: WebElement) -> list[WebElement]:
    elements = table.find_elements(By.CSS_SELECTOR, "tbody tr:not(.heading)")
    return [row for row in elements if row.is_displayed()]


def names(table: WebElement) -> list[str]:
    elements = table.find_elements(By.CSS_SELECTOR, "tbody th > a:first-child")
    return [link.text for link in elements if link.is_displayed()]


def heads(table: WebElement) -> list[str]:
    elements = table.find_elements(By.CSS_SELECTOR, "thead th .name")
    return [head.text for head in elements if head.is_displayed()]


def tab(browser: webdriver.Chrome, name: str) -> WebElement:
    elements = browser.find_elements(By.CSS_SELECTOR, "[role=tab]")
    return next(each for each in elements if each.text == name)


def filters(browser: webdriver.Chrome) -> None:
    browser.find_element(By.CSS_SELECTOR, ".choose summary").click()


def control(browser: webdriver.Chrome, name: str) -> WebElement:
    labels = browser.find_elements(By.CSS_SELECTOR, ".filters label")
    label = next(each for each in labels if each.text.startswith(name))
    return label.find_element(By.CSS_SELECTOR, "select, input")


def said(browser: webdriver.Chrome) -> str:
    return browser.find_element(By.CSS_SELECTOR, ".choose output").text


def test_the_first_screen_has_the_result_a_slider_and_the_top_of_one_table(
    open_page, study
):
    browser = open_page(study / "report.html", 1280, 800)
    (table,) = tables(browser)
    assert heads(table) == ["System", "Rank", "Gain", "PSNR"]
    summary = browser.find_element(By.CLASS_NAME, "summary")
    stage = browser.find_element(By.CSS_SELECTOR, ".aside .stage")
    for shown in (summary, stage, rows(table)[2]):
        assert shown.rect["y"] + shown.rect["height"] <= 800
    assert table.rect["x"] + table.rect["width"] <= 1280
    check_nothing_scrolls(table.find_element(By.CLASS_NAME, "scroll"))
    height = browser.execute_cdp_cmd("Page.getLayoutMetrics", {})["cssContentSize"][
        "height"
    ]
    assert height <= 12 * 800
    menu = browser.find_element(By.TAG_NAME, "nav")
    first_heading = browser.find_element(By.TAG_NAME, "h2")
    gap = first_heading.rect["y"] - menu.rect["y"] - menu.rect["height"]
    assert gap <= 16, "also below the words for a browser without scripts"
    figures = [
        one.text for one in browser.find_elements(By.CSS_SELECTOR, ".figures dt")
    ]
    assert figures == ["gain over the blurry input", "time for a picture"]
    assert {row.rect["height"] <= 36 for row in rows(table)} == {True}
    bar = table.find_element(By.CLASS_NAME, "bar")
    assert bar.rect["width"] >= 200


def test_the_columns_come_in_sets_and_the_bars_leave_room_for_them(open_page, study):
    browser = open_page(study / "report.html", 1280, 800)
    (table,) = tables(browser)
    costs = ["Parameters", "MACs", "Time", "Time per MP"]
    for name, wanted in (
        ("Scores", ["System", "Rank", "Gain", "PSNR", "SSIM", "MAE", "LPIPS"]),
        ("Cost", ["System", "Rank", "Gain", "PSNR", *costs]),
        ("Gain", ["System", "Rank", "Gain", "PSNR"]),
    ):
        buttons = browser.find_elements(By.CSS_SELECTOR, ".sets button")
        (button,) = [one for one in buttons if one.text == name]
        button.send_keys(Keys.ENTER)
        assert button.get_attribute("aria-pressed") == "true"
        assert heads(table) == wanted
        assert table.find_element(By.CLASS_NAME, "bar").is_displayed() == (
            name == "Gain"
        )
        check_nothing_scrolls(table.find_element(By.CLASS_NAME, "scroll"))


def test_a_leaderboard_of_51_rows_is_two_screens_and_a_half_and_ten_rows_on_a_phone(
    open_page, tmp_path
):
    """Sentence, figures and picture come before the table, whose head stays in sight."""
    out = make_study(tmp_path, 51, 12, pictures=1)
    page = page_of(out)
    said = " ".join([page.summary] * 3)[:170]
    more = tuple((f"Pictures of dataset {n}", (Paragraph("None."),)) for n in range(6))
    html.write_html(
        replace(page, summary=said, sections=page.sections + more), out / "report.html"
    )
    browser = open_page(out / "report.html", 1280, 800)
    (table,) = tables(browser)
    assert len(rows(table)) == 52
    sentence = browser.find_element(By.CLASS_NAME, "summary")
    assert sentence.rect["height"] > 50, "the sentence of a study can have two lines"
    assert browser.find_element(By.TAG_NAME, "nav").rect["height"] > 60, "and its menu"
    assert table.rect["y"] + table.rect["height"] <= 2000
    browser.execute_script("scrollTo(0, 1200)")
    head = table.find_element(By.CSS_SELECTOR, "thead th")
    top = "return arguments[0].getBoundingClientRect().top"
    assert browser.execute_script(top, head) == pytest.approx(0, abs=1)
    browser = open_page(out / "report.html", 390, 844)
    (table,) = tables(browser)
    places = [
        browser.find_element(By.CSS_SELECTOR, name).rect["y"]
        for name in (".summary", ".figures", ".stage", ".tab > .board")
    ]
    assert places == sorted(places)
    words = table.find_element(By.CSS_SELECTOR, ".heading th > span")
    browser.execute_script("arguments[0].append(' at length'.repeat(9))", words)
    wide = table.find_element(By.TAG_NAME, "table")
    browser.execute_script("arguments[0].style.minWidth = '40rem'", wide)
    assert words.rect["x"] + words.rect["width"] <= 390
    assert len(rows(table)) == 10
    table.find_element(By.CLASS_NAME, "all-rows").click()
    assert len(rows(table)) == 52


def test_a_large_study_is_a_small_page_without_scripts_too(open_page, study, tmp_path):
    html.write_html(page_of(make_study(tmp_path, 29, 100)), tmp_path / "report.html")
    assert (tmp_path / "report.html").stat().st_size <= 1_500_000
    browser = open_page(tmp_path / "report.html")
    WebDriverWait(browser, 120).until(lambda b: said(b) == "29 of 29 systems")
    browser = open_page(study / "report.html", script=False)
    (table,) = tables(browser)
    assert len(rows(table)) == 9
    assert {"Gain", "MACs", "Kind"} <= set(heads(table))
    assert browser.find_elements(By.CLASS_NAME, "filters") == []
    shown = browser.find_elements(By.CSS_SELECTOR, ".aside .states img")
    assert len(shown) == 8 + 2
    assert all(image.is_displayed() for image in shown)
    assert "Without JavaScript" in browser.find_element(By.TAG_NAME, "noscript").text
    html.write_html(
        page_of(make_study(tmp_path / "small", 2, 4)), tmp_path / "small.html"
    )
    browser = open_page(tmp_path / "small.html", script=False)
    assert len(tables(browser)) == 2
    tabs = [each.text for each in browser.find_elements(By.CSS_SELECTOR, ".tab-name")]
    assert tabs[:2] == ["input-aligned", "gt"]
    assert browser.find_elements(By.TAG_NAME, "noscript") == []


def test_tabs_rows_and_columns_are_chosen(open_page, study):
    browser = open_page(study / "report.html")
    assert said(browser) == "8 of 8 systems"
    assert "registered once onto the blurry input" in tables(browser)[0].text
    first = tab(browser, "input-aligned")
    assert first.get_attribute("aria-selected") == "true"
    first.send_keys(Keys.ARROW_RIGHT)
    assert browser.switch_to.active_element == tab(browser, "gt")
    (table,) = tables(browser)
    assert "as captured" in table.text
    filters(browser)
    control(browser, "All columns").click()
    assert {"Alike", "Kind", "Given", "Weights", "MAE", "MACs"} <= set(heads(table))
    control(browser, "Parameters at most").send_keys("5")
    assert set(names(table)) == {"Input", "U-Net + JDRL", "U-Net"}
    Select(control(browser, "Kind")).select_by_visible_text("network")
    assert names(table) == ["Input", "U-Net"], "references stay: one compares with them"
    assert said(browser) == "1 of 8 systems"
    browser.find_element(By.CSS_SELECTOR, ".filters button").click()
    WebDriverWait(browser, 120).until(lambda b: said(b) == "8 of 8 systems")
    assert "MACs" not in heads(table)


def test_a_note_opens_at_its_cell(open_page, study):
    browser = open_page(study / "report.html", 1280, 800)
    (table,) = tables(browser)
    for head, said in (
        ("Rank", "Ranks are among"),
        ("Gain", "Gains and differences are those of the rounded numbers"),
    ):
        link = table.find_element(By.CSS_SELECTOR, f"[aria-label$='on {head}']")
        link.send_keys(Keys.ENTER)
        box = browser.find_element(By.CLASS_NAME, "note-box")
        assert said in box.text
        assert abs(box.rect["y"] - link.rect["y"]) < 60
        assert browser.execute_script("return scrollY") == 0, (
            "the page stays where it is"
        )
        link.send_keys(Keys.ESCAPE)


NOTES_OUTSIDE = """
const places = [...arguments[0].querySelectorAll("thead th")].filter((head) => head.offsetParent);
return places.flatMap((head) => {
  const around = head.getBoundingClientRect();
  const numbers = [...head.querySelectorAll("sup")].map((number) => number.getBoundingClientRect());
  return numbers
    .filter((one) => one.bottom < around.top || one.top > around.bottom || one.left < around.left)
    .map(() => head.textContent);
});
"""


@pytest.mark.parametrize("width", [390, 1000, 1280])
@pytest.mark.parametrize("columns", ["Gain", "Scores", "Cost"])
def test_the_number_of_a_note_is_in_the_head_that_it_belongs_to(
    open_page, study, width, columns
):
    browser = open_page(study / "report.html", width, 844)
    (table,) = tables(browser)
    buttons = browser.find_elements(By.CSS_SELECTOR, ".sets button")
    next(one for one in buttons if one.text == columns).send_keys(Keys.ENTER)
    assert table.find_elements(By.CSS_SELECTOR, "thead sup")
    assert browser.execute_script(NOTES_OUTSIDE, table) == []


def test_what_lies_behind_a_row_opens_below_it_and_its_pictures_beside(
    open_page, study
):
    browser = open_page(study / "report.html")
    (table,) = tables(browser)
    links = table.find_elements(By.CSS_SELECTOR, "tbody th > a:first-child")
    link = next(each for each in links if each.text == "Restormer")
    link.send_keys(Keys.ENTER)
    detail = table.find_element(By.CLASS_NAME, "detail")
    assert link.get_attribute("aria-expanded") == "true"
    WebDriverWait(browser, 120).until(lambda _: "schedule.steps" in detail.text)
    assert "all scores" in detail.text
    assert "by scene" in detail.text
    tags = [
        tag.text for tag in browser.find_elements(By.CSS_SELECTOR, ".aside .tag.right")
    ]
    assert "Restormer" in tags
    check_nothing_scrolls(table.find_elements(By.CLASS_NAME, "scroll")[0])
    table.find_elements(By.CSS_SELECTOR, "thead button")[0].click()
    assert table.find_elements(By.CLASS_NAME, "detail") == [], "sorting closes it"
    link.click()
    link.click()
    assert table.find_elements(By.CLASS_NAME, "detail") == []
    assert link.get_attribute("aria-expanded") == "false"


def check_nothing_scrolls(box: WebElement) -> None:
    assert box.get_property("scrollWidth") == box.get_property("clientWidth")


def test_scores_under_four_protocols_fit_below_their_row(open_page, tmp_path):
    protocols = ("gt", "input-aligned", "deformed-gt", "truth")
    out = make_study(tmp_path, 2, 24, protocols=protocols, pictures=1)
    html.write_html(page_of(out), out / "report.html")
    (table,) = tables(open_page(out / "report.html", 1280))
    table.find_elements(By.CSS_SELECTOR, "tbody th > a:first-child")[0].click()
    scrolls = table.find_elements(By.CSS_SELECTOR, ".detail .scroll")
    assert len(scrolls[0].find_elements(By.CSS_SELECTOR, "thead th")) == 5
    for scroll in scrolls:
        check_nothing_scrolls(scroll)


def test_on_a_phone_captions_stay_and_folds_have_a_line_each(open_page, study):
    """Closed folds share a line where there is room."""

    def tops(width: int) -> list[int]:
        browser = open_page(study / "report.html", width)
        folds = browser.find_elements(
            By.CSS_SELECTOR, "section:has(#hardware) > .folded"
        )
        assert folds[-1].text == "Hardware and software"
        return [fold.location["y"] for fold in folds]

    wide, narrow = tops(1280), tops(390)
    assert wide[0] == wide[1]
    assert len(set(narrow)) == len(narrow) == len(wide)
    browser = open_page(study / "report.html", 390)
    captions = browser.find_elements(By.CSS_SELECTOR, ".tab > .table caption span")
    rights = [
        each.rect["x"] + each.rect["width"] for each in captions if each.is_displayed()
    ]
    assert rights
    assert max(rights) <= 390


def test_a_link_finds_its_row_whatever_hides_it(open_page, study):
    browser = open_page(study / "report.html")
    tab(browser, "gt").click()
    elements = browser.find_elements(
        By.CSS_SELECTOR, ".tab tr:not(.reference) .permalink"
    )
    place = str(elements[-1].get_attribute("href")).partition("#")[2]
    browser = open_page(f"{(study / 'report.html').as_uri()}#{place}")
    WebDriverWait(browser, 120).until(lambda b: b.find_elements(By.ID, place))
    row = browser.find_element(By.ID, place)
    WebDriverWait(browser, 120).until(lambda b: b.switch_to.active_element == row)
    assert tab(browser, "gt").get_attribute("aria-selected") == "true"
    assert 0 <= row.location_once_scrolled_into_view["y"] < 900
    filters(browser)
    control(browser, "Parameters at most").send_keys("0.1")
    assert not row.is_displayed()
    browser.execute_script("location.hash = ''; location.hash = arguments[0]", place)
    WebDriverWait(browser, 120).until(lambda _: row.is_displayed())
    behind = str(row.find_element(By.CSS_SELECTOR, "th a").get_attribute("href"))
    browser = open_page(behind)
    target = browser.find_element(By.CSS_SELECTOR, "details:target")
    assert target.get_attribute("open")
    assert target.is_displayed()
    WebDriverWait(browser, 120).until(lambda _: "schedule.steps" in target.text)


def test_the_viewer_blinks_subtracts_and_overlays(open_page, study):
    browser = open_page(study / "report.html")
    page = browser.find_element(By.CSS_SELECTOR, "details[id^=picture]")
    page.find_element(By.TAG_NAME, "summary").send_keys(Keys.ENTER)
    figure = browser.find_element(By.CSS_SELECTOR, ".aside .comparison")
    blink, zoom, difference = figure.find_elements(By.CSS_SELECTOR, ".tools button")
    share = figure.find_element(By.CSS_SELECTOR, "input[type=range]")
    before = share.get_attribute("value")
    # motion is reduced: one turn, and nothing moves by itself
    blink.send_keys(Keys.SPACE)
    assert (before, share.get_attribute("value")) == ("50", "100")
    assert blink.get_attribute("aria-pressed") == "true"
    right = figure.find_element(By.CSS_SELECTOR, "img.right")
    width = "return arguments[0].getBoundingClientRect().width"
    small = browser.execute_script(width, right)
    zoom.click()
    assert browser.execute_script(width, right) == pytest.approx(3 * small, abs=1)
    zoom.click()
    difference.click()
    left = figure.find_element(By.CSS_SELECTOR, "img.left")
    assert left.value_of_css_property("mix-blend-mode") == "difference"
    assert left.value_of_css_property("clip-path") == "none"
    WebDriverWait(browser, 120).until(
        lambda _: page.find_elements(By.CLASS_NAME, "gallery")
    )
    crops, errors = page.find_elements(By.CLASS_NAME, "gallery")
    assert len(crops.find_elements(By.TAG_NAME, "img")) == 8 + 2
    assert len(errors.find_elements(By.TAG_NAME, "img")) == 8


def test_an_overlay_is_laid_over_the_pictures_when_asked_for(open_page, tmp_path):
    picture = np.full((90, 160, 3), 128, np.uint8)
    _, arrows = displacement_arrows(np.full((2, 90, 160), 3.0))
    states = (("blurry", picture), ("sharp", picture))
    slider = Slider("a pair", states, ("Displacement × 2", arrows))
    html.write_html(Page("Pair", "", (("Pairs", (slider,)),)), tmp_path / "pair.html")
    browser = open_page(tmp_path / "pair.html")
    overlay = browser.find_element(By.CSS_SELECTOR, ".stage img.over")
    assert not overlay.is_displayed()
    button = browser.find_elements(By.CSS_SELECTOR, ".tools button")[3]
    assert button.text == "Displacement × 2"
    button.send_keys(Keys.ENTER)
    assert overlay.is_displayed()
    assert (
        overlay.rect == browser.find_element(By.CSS_SELECTOR, ".stage img.right").rect
    )


@pytest.mark.parametrize(("width", "theme"), [(1280, "light"), (390, "dark")])
def test_axe_finds_nothing(open_page, study, width, theme):
    browser = open_page(study / "report.html", width, 900, theme=theme)
    browser.execute_script(
        "document.querySelectorAll('details').forEach((d, n) => d.open = n < 3)"
    )
    for link in browser.find_elements(By.CSS_SELECTOR, ".tab > .table tbody th > a")[
        1:2
    ]:
        link.send_keys(Keys.ENTER)
    assert axe(browser) == {}
    wait_until_nothing_overflows(browser, width)


def test_pictures_beside_the_page_are_shown_and_nothing_else_is_asked_for(
    open_page, study, tmp_path
):
    page = page_of(study)
    html.write_html(page, tmp_path / "large.html", 0)
    files = list((tmp_path / "large-pictures").iterdir())
    assert len(files) >= 2 * (2 + 8)
    browser = open_page(tmp_path / "large.html")
    folded = browser.find_element(By.CSS_SELECTOR, "details[id^=picture]")
    folded.find_element(By.TAG_NAME, "summary").click()
    image = folded.find_element(By.CSS_SELECTOR, ".gallery img")
    WebDriverWait(browser, 120).until(
        lambda _: int(image.get_property("naturalWidth")) > 0
    )
    assert [
        e for e in browser.get_log("browser") if "favicon" not in e["message"]
    ] == []
    assert all(
        url.startswith(f"{tmp_path.as_uri()}/large") for url in requested(browser)
    )
    html.write_html(
        replace(page, sections=page.sections[-1:]), tmp_path / "large.html", 0
    )
    assert list((tmp_path / "large-pictures").iterdir()) == []


def test_hostile_names_are_text(open_page, tmp_path):
    study = make_study(tmp_path / "study", 1, 4)
    with open_results(study / "results.sqlite") as results:
        for number, name in enumerate(HOSTILE[:-2]):
            row = replace(
                entry(2), run=f"run-{number}", grouping=name, system=name, dataset=name
            )
            results.record(row, [Score("defocus-v1", "gt", "psnr", name, name, 20.0)])
    html.write_html(page_of(study), tmp_path / "report.html")
    browser = open_page(tmp_path / "report.html")
    assert browser.get_log("browser") == []
    assert browser.find_elements(By.CSS_SELECTOR, "img[src=x]") == []
    shown = browser.find_element(By.TAG_NAME, "main").text
    assert HOSTILE[0] in shown
    assert "\u202e" not in shown
    assert axe(browser) == {}
