"""The HTML report in a real browser."""

import re

import numpy as np
import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.select import Select
from selenium.webdriver.support.wait import WebDriverWait

from defocus.capture.commands import shoot
from defocus.capture.sessions.contact_sheet import write_contact_sheet
from defocus.pictures.write import write_image
from defocus.reports.html import render_html
from defocus.reports.model import Column, Gallery, Page, Table, Tile
from tests.browser.conftest import axe, requested, wait_until_nothing_overflows
from tests.capture.raw_sessions import write_session

pytestmark = pytest.mark.debian

WORDS_ON_TWO_LINES = """
const broken = [];
for (const cell of document.querySelectorAll("tbody th")) {
  const walker = document.createTreeWalker(cell, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    for (const word of walker.currentNode.data.matchAll(/[a-z,]+/gi)) {
      const range = document.createRange();
      range.setStart(walker.currentNode, word.index);
      range.setEnd(walker.currentNode, word.index + word[0].length);
      if (new Set([...range.getClientRects()].map((box) => box.top)).size > 1) broken.push(word[0]);
    }
  }
}
return broken;
"""


def column(table: WebElement, index: int) -> list[str]:
    return [
        row.find_elements(By.XPATH, "*")[index].text
        for row in table.find_elements(By.CSS_SELECTOR, "tbody tr")
    ]


def head(table: WebElement, index: int) -> WebElement:
    return table.find_elements(By.CSS_SELECTOR, "thead th")[index]


def share_of_left(slider: WebElement) -> float:
    """How much of the upper picture can be seen, in percent."""
    clip = slider.find_element(By.CSS_SELECTOR, "img.left").value_of_css_property(
        "clip-path"
    )
    right = re.fullmatch(
        r"inset\(0(?:px)? (?:calc\(100% - )?([\d.]+)%\)? 0(?:px)? 0(?:px)?\)", clip
    )
    assert right, clip
    return float(right[1]) if "calc" in clip else 100 - float(right[1])


def test_clicking_a_head_sorts_best_first_then_worst_then_as_it_was(open_page, report):
    """Missing values come last either way."""
    browser = open_page(report)
    table, _, _, gaps, *_ = browser.find_elements(By.TAG_NAME, "table")
    as_written = column(table, 1)
    mae, psnr = head(table, 3), head(table, 1)
    psnr.find_element(By.TAG_NAME, "button").click()
    assert column(table, 1) == sorted(as_written, key=float, reverse=True) != as_written
    assert psnr.get_attribute("aria-sort") == "descending"
    psnr.find_element(By.TAG_NAME, "button").send_keys(Keys.ENTER)
    assert column(table, 1) == sorted(as_written, key=float)
    mae.find_element(By.TAG_NAME, "button").send_keys(Keys.SPACE)
    assert mae.get_attribute("aria-sort") == "ascending"
    assert psnr.get_attribute("aria-sort") is None
    assert column(table, 3) == sorted(column(table, 3), key=float)
    for _ in range(2):
        mae.find_element(By.TAG_NAME, "button").click()
        head(gaps, 4).find_element(By.TAG_NAME, "button").click()
        values = column(gaps, 4)
        assert values.index("n/a") == len(values) - 1
    assert column(table, 1) == as_written


def test_the_slider_moves_by_keyboard_and_pointer(open_page, report):
    browser = open_page(report)
    slider = browser.find_element(By.CLASS_NAME, "comparison")
    handle = slider.find_element(By.CSS_SELECTOR, "input[type=range]")
    assert share_of_left(slider) == 50
    for keys, share in ((Keys.ARROW_RIGHT * 3, 53), (Keys.HOME, 0), (Keys.END, 100)):
        handle.send_keys(keys)
        assert share_of_left(slider) == share
    assert handle.get_attribute("aria-valuetext") == "100 % Blurry input, 0 % Sharp"
    stage = slider.find_element(By.CLASS_NAME, "stage")
    browser.execute_script(
        "arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", stage
    )
    box = browser.execute_script(
        "return arguments[0].getBoundingClientRect().toJSON()", stage
    )
    place = {"x": box["x"] + box["width"] * 0.2, "y": box["y"] + box["height"] / 3}
    for kind in ("mousePressed", "mouseReleased"):
        pressed = {"type": kind, **place, "button": "left", "clickCount": 1}
        browser.execute_cdp_cmd("Input.dispatchMouseEvent", pressed)
    assert share_of_left(slider) == pytest.approx(20, abs=1)


def test_two_of_several_states_are_chosen(open_page, report):
    slider = open_page(report).find_element(By.CLASS_NAME, "comparison")
    left, right = (Select(each) for each in slider.find_elements(By.TAG_NAME, "select"))
    shown_first = [each.first_selected_option.text for each in (left, right)]
    assert shown_first == ["Blurry input", "Sharp"]

    def shown() -> list[str | None]:
        images = slider.find_elements(By.TAG_NAME, "img")
        return [image.get_attribute("alt") for image in images if image.is_displayed()]

    left.select_by_visible_text("U-Net")
    right.select_by_visible_text("JDRL (U-Net)")
    assert sorted(map(str, shown())) == ["JDRL (U-Net)", "U-Net"]
    tags = [tag.text for tag in slider.find_elements(By.CLASS_NAME, "tag")]
    assert tags == ["U-Net", "JDRL (U-Net)"]
    left.select_by_visible_text("JDRL (U-Net)")
    assert shown() == ["JDRL (U-Net)"]


@pytest.mark.parametrize("name", ["report", "hostile_report"])
def test_the_console_stays_empty_and_nothing_is_requested(open_page, request, name):
    path = request.getfixturevalue(name)
    browser = open_page(path)
    for button in browser.find_elements(By.CSS_SELECTOR, "th button")[:3]:
        button.click()
    assert browser.get_log("browser") == []
    assert requested(browser) == {path.as_uri()}


@pytest.mark.parametrize("width", [320, 390])
def test_tables_can_be_read_on_a_phone(open_page, tmp_path, width):
    """A sentence is no tower of words, and names of rows are not cut within words."""
    shots = ("Pair", "Time", "Scene", "Verdict", "Shots", "Notes")
    reason = "rejected: the sharp shot is not sharper than the blurry one in 31 % of the picture; "
    row = (
        "0001_desk",
        "17:57",
        "desk",
        reason * 2,
        "f/4, 1/125 s; f/22, 1/4 s",
        "lamp 2",
    )
    pairs = Table("Pairs", tuple(map(Column, shots)), (row,))
    rows = (
        ("misalignment, px", "18", "2.608", "16.655"),
        ("sharpness", "18", "0.506", "0.7"),
    )
    names = tuple(map(Column, ("quantity", "pairs", "median", "largest size")))
    page = Page("Log", "", (("Day", (pairs,)), ("Pairs", (Table("All", names, rows),))))
    (tmp_path / "log.html").write_text(render_html(page), encoding="utf-8")
    browser = open_page(tmp_path / "log.html", width, 800)
    cell = browser.find_element(By.CSS_SELECTOR, "td:nth-child(4)")
    assert 150 < cell.size["width"] < 300, (
        "it can be read without scrolling from word to word"
    )
    assert cell.size["height"] < 10 * 24, "ten lines; twenty without room"
    assert browser.execute_script(WORDS_ON_TWO_LINES) == []


def test_the_policy_stops_what_a_hole_would_let_in(open_page, report, tmp_path):
    """Were text ever not escaped, the browser would still refuse to run it."""
    path = tmp_path / "broken.html"
    source = report.read_text(encoding="utf-8")
    attack = "<script>document.title='run'</script><img src=x onerror=\"document.title='run'\">"
    path.write_text(source.replace("<main", attack + "<main", 1), encoding="utf-8")
    browser = open_page(path)
    assert browser.title == "Defocus deblurring on sample"
    assert any(
        "Content Security Policy" in entry["message"]
        for entry in browser.get_log("browser")
    )


@pytest.mark.parametrize("name", ["report", "hostile_report"])
@pytest.mark.parametrize("width", [320, 390, 768, 1280])
@pytest.mark.parametrize("script", [True, False])
def test_no_width_overflows_the_page(open_page, request, name, width, script):
    browser = open_page(request.getfixturevalue(name), width, 800, script=script)
    wait_until_nothing_overflows(browser, width)


def test_wide_tables_scroll_in_their_own_box(open_page, report):
    browser = open_page(report, 560, 800)
    box = browser.find_elements(By.CLASS_NAME, "scroll")[-1]
    assert int(box.get_property("scrollWidth")) > int(box.get_property("clientWidth"))
    caption = box.find_element(By.CSS_SELECTOR, "caption span")
    browser.execute_script("arguments[0].append(' and many words'.repeat(20))", caption)
    assert caption.size["width"] <= box.size["width"]
    box.send_keys(Keys.END)
    assert box.get_attribute("tabindex") == "0"


def test_the_contact_sheet_shows_whole_rows_on_a_phone(open_page, tmp_path):
    root = tmp_path / "s"
    words = [
        "--camera",
        "sim:?seed=2&width=64&height=64",
        "--shutter",
        "1/400",
        "--qc",
        "warn",
    ]
    shoot.command.main([str(root), *words, "--yes"], standalone_mode=False)
    write_contact_sheet(root, tmp_path / "report.html")
    browser = open_page(tmp_path / "report.html", 390, 800)
    (table,) = browser.find_elements(By.CSS_SELECTOR, ".scroll")
    fits = "return arguments[0].scrollWidth <= arguments[0].clientWidth"
    assert browser.execute_script(fits, table)


def test_a_session_of_five_good_pairs_begins_with_their_thumbnails(open_page, tmp_path):
    """What is behind a thumbnail opens where one clicks it."""
    random = np.random.default_rng(0)
    for number in range(2):
        picture = random.integers(60, 190, (320, 480, 3), dtype=np.uint8)
        write_image(tmp_path / f"{number}.png", picture)
    files = {"blurry": tmp_path / "0.png", "sharp": tmp_path / "1.png"}
    write_session(tmp_path / "s", [files] * 5)
    write_contact_sheet(tmp_path / "s", tmp_path / "report.html")
    browser = open_page(tmp_path / "report.html", 1280, 800)
    assert (
        browser.execute_script("return document.documentElement.scrollHeight") <= 1600
    )
    links = browser.find_elements(By.CSS_SELECTOR, ".tiles a")
    assert len(links) == 5
    pictures = browser.find_elements(By.CSS_SELECTOR, ".tiles img")
    assert all(one.rect["y"] < 800 for one in pictures)
    assert not any(
        one.is_displayed() for one in browser.find_elements(By.CLASS_NAME, "stage")
    )
    links[2].send_keys(Keys.ENTER)
    place = str(links[2].get_attribute("href")).partition("#")[2]
    behind = browser.find_element(By.ID, place)
    WebDriverWait(browser, 120).until(lambda _: behind.get_attribute("open"))
    assert behind.find_element(By.CLASS_NAME, "stage").is_displayed()
    assert axe(browser) == {}


def test_one_upright_thumbnail_leaves_no_hole_in_its_row(open_page, tmp_path):
    shapes = [(320, 480, 3), (480, 320, 3), (360, 480, 3)]
    tiles = [Tile(f"{n}", np.zeros(shape, np.uint8)) for n, shape in enumerate(shapes)]
    page = Page("t", "", (("s", (Gallery("g", tuple(tiles), smooth=True),)),))
    (tmp_path / "report.html").write_text(render_html(page), encoding="utf-8")
    for width in (390, 1280):
        browser = open_page(tmp_path / "report.html", width, 800)
        pictures = browser.find_elements(By.CSS_SELECTOR, ".tiles img")
        heights = [one.rect["height"] for one in pictures]
        assert max(heights) < 1.3 * min(heights)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_has_contrast_in_both_themes(open_page, report, theme):
    """axe measures it where text stands on one colour."""
    browser = open_page(report, theme=theme)
    body = browser.find_element(By.TAG_NAME, "body").value_of_css_property(
        "background-color"
    )
    brightness = sum(map(int, re.findall(r"\d+", body)[:3]))
    assert brightness > 700 if theme == "light" else brightness < 120
    assert axe(browser) == {}
