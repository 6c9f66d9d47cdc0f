"""The review page of a dataset in a real browser: the same page as a session's."""

import signal
from pathlib import Path

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.wait import WebDriverWait

from defocus.datasets.api import open_dataset
from tests.browser.conftest import Open
from tests.browser.test_live import opened, press, text, until
from tests.command_process import start_command
from tests.datasets.conftest import write_folder

pytestmark = pytest.mark.debian

HOSTILE = "<img src=x onerror=\"document.title='run'\">"


def test_pairs_of_a_dataset_are_judged_by_keyboard(open_page: Open, tmp_path: Path) -> None:
    """Noise that no rule accepts is accepted by a person; Ctrl-C ends and writes the dataset."""
    write_folder(tmp_path / "source", ["a.png", "b.png"])
    command = ("curate", "pairs:source", "--out", "out", "--review", "--jobs", "1")
    with start_command("defocus-data", *command, folder=tmp_path) as process:
        browser = opened(open_page, process.stdout.readline().strip())
        assert text(browser, "counts") == "0 accepted · 2 rejected"
        until(browser, "pair-name", "a")  # the first that nobody has decided on
        until(browser, "reason", "its misalignment is unknown")
        until(browser, "numbers", "Misalignment")
        shown = WebDriverWait(browser, 20, 0.05).until(
            lambda b: b.find_element(By.CSS_SELECTOR, "#viewer .stage img.left")
        )
        WebDriverWait(browser, 20, 0.05).until(lambda _b: shown.get_property("naturalWidth") == 56)
        tools = browser.find_elements(By.CSS_SELECTOR, "#viewer .tools button")
        names = [tool.text for tool in tools]
        assert names == ["Blink", "1:1", "Difference × 4"]  # nothing was measured
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
        process.communicate(timeout=60)
        assert process.returncode == 0
    (pair,) = open_dataset(f"manifest:{tmp_path / 'out'}").pairs
    assert pair.id == "a"


def test_names_in_the_list_show_where_they_differ(open_page: Open, tmp_path: Path) -> None:
    """Long names that begin alike are not cut at their ends; the whole one is the hint."""
    names = [f"session-2026-08-11_indoor_scene-0001_f{stop}" for stop in ("2.0", "2.8", "4.0")]
    write_folder(tmp_path / "source", [f"{name}.png" for name in names])
    command = ("curate", "pairs:source", "--out", "out", "--review", "--jobs", "1")
    with start_command("defocus-data", *command, folder=tmp_path) as process:
        browser = opened(open_page, process.stdout.readline().strip())
        shown = browser.find_elements(By.CSS_SELECTOR, ".thumb .name")
        assert [one.text[-4:] for one in shown] == ["f2.0", "f2.8", "f4.0"]
        for one in shown:
            for side in ("Width", "Height"):
                assert one.get_property(f"scroll{side}") <= one.get_property(f"client{side}")
        hints = [one.get_property("title") for one in browser.find_elements(By.CLASS_NAME, "thumb")]
        assert [hint.partition(":")[0] for hint in hints] == names
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
