"""The review page of a dataset in a real browser: the same page as a session's."""

import signal

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.wait import WebDriverWait

from defocus.datasets.api import open_dataset
from tests.command_process import start_command
from tests.datasets.conftest import write_folder
from tests.extras.pages.test_live_browser import opened, press, text, until

pytestmark = pytest.mark.debian

HOSTILE = "<img src=x onerror=\"document.title='run'\">"


def test_pairs_of_a_dataset_are_judged_by_keyboard(open_page, tmp_path):
    """Noise that no rule accepts is accepted by a person; Ctrl-C ends and writes the dataset."""
    write_folder(tmp_path / "source", ["a.png", "b.png"])
    command = ("curate", "pairs:source", "--out", "out", "--review", "--on", "1")
    with start_command("defocus-data", *command, folder=tmp_path) as process:
        browser = opened(open_page, process.stdout.readline().strip())
        assert text(browser, "counts") == "0 accepted · 2 rejected"
        until(browser, "pair-name", "a")  # the first that nobody has decided on
        until(browser, "reason", "its misalignment is unknown")
        until(browser, "numbers", "Misalignment")
        shown = WebDriverWait(browser, 20, 0.05).until(
            lambda b: b.find_element(By.CSS_SELECTOR, "#viewer .stage img.left")
        )
        WebDriverWait(browser, 20, 0.05).until(
            lambda _b: shown.get_property("naturalWidth") == 56
        )
        tools = browser.find_elements(By.CSS_SELECTOR, "#viewer .tools button")
        names = [tool.text for tool in tools]
        assert names == ["Blink", "1:1", "Difference × 4"]  # nothing was measured
        check_small_pictures_are_not_enlarged(browser, tools[1])
        press(browser, Keys.ARROW_RIGHT)
        until(browser, "pair-name", "b")
        press(browser, Keys.ARROW_LEFT)
        until(browser, "pair-name", "a")
        press(browser, "a")
        press(browser, *HOSTILE, Keys.ENTER)
        until(browser, "counts", "1 accepted · 1 rejected")
        until(browser, "pair-name", "b")  # the next one
        press(browser, Keys.ARROW_LEFT)
        until(browser, "reason", HOSTILE)
        until(browser, "measured", "Measured: rejected, its misalignment is unknown")
        assert browser.find_elements(By.CSS_SELECTOR, "img[src=x]") == []
        press(browser, Keys.ARROW_RIGHT)
        until(browser, "pair-name", "b")
        press(browser, "u")  # goes back to the pair of the last decision
        until(browser, "pair-name", "a")
        until(browser, "counts", "0 accepted · 2 rejected")
        press(browser, "a")
        press(browser, Keys.ENTER)
        until(browser, "counts", "1 accepted · 1 rejected")
        assert browser.get_log("browser") == []
        process.send_signal(signal.SIGINT)
        process.communicate()
        assert process.returncode == 0
    (pair,) = open_dataset(f"manifest:{tmp_path / 'out'}").pairs
    assert pair.id == "a"


def check_small_pictures_are_not_enlarged(
    browser: webdriver.Chrome, same: WebElement
) -> None:
    """At 1:1 a picture smaller than the stage has one of its pixels on one of the screen."""
    sizes = """return [...document.querySelectorAll("#viewer .stage img:not([hidden])")].map(
        image => { const box = image.getBoundingClientRect(); return [box.width, box.height]; })"""
    assert all(width > 100 for width, _ in browser.execute_script(sizes))
    same.click()
    script = "return document.querySelector('#viewer .tag.right').dataset.percent"
    WebDriverWait(browser, 20, 0.05).until(
        lambda b: b.execute_script(script) == " · 100 %"
    )
    assert browser.execute_script("return devicePixelRatio") == 1
    for width, height in browser.execute_script(sizes):
        assert (width, height) == (
            pytest.approx(56, abs=0.01),
            pytest.approx(40, abs=0.01),
        )
    same.click()
    assert all(width > 100 for width, _ in browser.execute_script(sizes))


def test_names_in_the_list_show_where_they_differ(open_page, tmp_path):
    """Long names that begin alike are not cut at their ends; the whole one is the hint."""
    names = [
        f"session-2026-08-11_indoor_scene-0001_f{stop}"
        for stop in ("2.0", "2.8", "4.0")
    ]
    write_folder(tmp_path / "source", [f"{name}.png" for name in names])
    command = ("curate", "pairs:source", "--out", "out", "--review", "--on", "1")
    with start_command("defocus-data", *command, folder=tmp_path) as process:
        browser = opened(open_page, process.stdout.readline().strip())
        shown = browser.find_elements(By.CSS_SELECTOR, ".thumb .name")
        assert [one.text[-4:] for one in shown] == ["f2.0", "f2.8", "f4.0"]
        for one in shown:
            for side in ("Width", "Height"):
                assert one.get_property(f"scroll{side}") <= one.get_property(
                    f"client{side}"
                )
        hints = [
            one.get_property("title")
            for one in browser.find_elements(By.CLASS_NAME, "thumb")
        ]
        assert [hint.partition(":")[0] for hint in hints] == names
        process.send_signal(signal.SIGINT)
        process.communicate()
