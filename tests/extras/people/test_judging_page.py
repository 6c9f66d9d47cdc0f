"""The page of blind comparisons in a real browser: what is on the screen, what is never lost."""

import json
from pathlib import Path

import numpy as np
import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.wait import WebDriverWait

from defocus.extras import people
from defocus.extras.people.page import judging_page
from defocus.extras.people.trials import plan_trials
from defocus.pictures.write import write_image
from tests.browser.conftest import axe
from tests.css_colours import Element, read_style, with_states

pytestmark = pytest.mark.debian

SAVED = """const link = HTMLAnchorElement.prototype; window.names = [];
link.click = function () { window.names.push(this.download); };"""


@pytest.fixture
def page(tmp_path):
    random = np.random.default_rng(0)
    folders = {name: tmp_path / name for name in ("a", "b")}
    for folder in folders.values():
        folder.mkdir()
        for state in ("restored", "blurry", "sharp"):
            picture = random.integers(0, 256, (40, 40, 3), dtype=np.uint8)
            write_image(folder / f"p.{state}.png", picture)
    path = tmp_path / "judge.html"
    path.write_text(
        judging_page(folders, plan_trials(list(folders), ["p"], 20)), encoding="utf-8"
    )
    return path


@pytest.mark.parametrize("dark", [False, True])
def test_a_button_can_be_read_in_every_state(dark):
    sheet = Path(str(people.__file__)).parent / "static" / "judge.css"
    style = read_style(sheet.read_text(encoding="utf-8"), dark=dark)
    button = Element(frozenset({"body"})).inner("div", ".buttons").inner("button")
    for one in with_states(button, ":hover", ":focus-visible", '[aria-pressed="true"]'):
        assert style.contrast(one) >= 4.5


def test_axe_finds_nothing(open_page, page):
    assert axe(open_page(page)) == {}


def test_answers_survive_a_reload_and_have_a_name(open_page, page):
    browser = open_page(page)
    browser.execute_script(SAVED)

    def count() -> str:
        return browser.find_element(By.ID, "count").text

    def press(key: str) -> None:
        ActionChains(browser).send_keys(key).perform()

    def right_arrow(*, again: bool) -> None:
        event = {"type": "rawKeyDown", "key": "ArrowRight", "autoRepeat": again}
        browser.execute_cdp_cmd("Input.dispatchKeyEvent", event)

    right_arrow(again=False)
    right_arrow(again=True)  # it is held
    press(Keys.ARROW_LEFT)
    assert count() == "3 of 20"
    press("f")
    shown = "return [...document.querySelectorAll('figcaption')].filter((one) => "
    shown += (
        "getComputedStyle(one).visibility === 'visible').map((one) => one.textContent)"
    )
    assert browser.execute_script(shown) == ["Left"]
    WebDriverWait(browser, 20, 0.05).until(
        lambda b: b.execute_script(shown) == ["Right"]
    )
    press("f")
    assert browser.execute_script(shown) == ["Left", "Right"]
    browser.find_element(By.ID, "save-now").click()
    assert "Give your name first" in browser.find_element(By.ID, "saved").text
    assert browser.execute_script("return window.names") == []
    browser.find_element(By.ID, "judge").send_keys("Anna")
    browser.find_element(By.ID, "save-now").click()
    assert browser.execute_script("return window.names") == ["judgements-Anna.json"]

    def reloaded_to(text: str) -> bool:
        browser.refresh()
        return count() == text

    # The browser stores in its own time: on a full machine a first reload may come before that.
    WebDriverWait(browser, 20, 0.5).until(lambda _: reloaded_to("3 of 20"))
    assert browser.find_element(By.ID, "judge").get_property("value") == "Anna"
    kept = json.loads(browser.execute_script("return Object.values(localStorage)[0]"))
    assert [one["better"] for one in kept["answers"]] == ["right", "left"]
    browser.find_element(By.XPATH, "//button[.='Start over']").click()
    assert count() == "1 of 20"
    assert browser.find_element(By.ID, "judge").get_property("value") == ""
    assert browser.get_log("browser") == []
